//! The envelope around a root: the payload in base64 with its digest, and room for signatures.

use super::{Digest, expect_schema, parse_as, render};
use crate::domain::{Problem, Result};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

const SCHEMA: &str = "outlive/envelope/v0";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    schema: String,
    payload_type: String,
    payload_sha256: Digest,
    payload: String,
    /// Empty in v0.
    signatures: Vec<String>,
}

/// Wraps a payload.
///
/// # Errors
/// None in practice.
pub fn seal_envelope(payload_type: &str, payload: &[u8]) -> Result<Vec<u8>> {
    let envelope = Envelope {
        schema: SCHEMA.into(),
        payload_type: payload_type.into(),
        payload_sha256: Digest::of(payload),
        payload: STANDARD.encode(payload),
        signatures: Vec::new(),
    };
    let mut bytes = render(&envelope)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Unwraps a payload. Every bit of the envelope counts: bytes that are not exactly what [`seal_envelope`]
/// writes for the payload are damage.
///
/// # Errors
/// `Refused` for a newer format, `Damaged` for anything else that is wrong.
pub fn open_envelope(object: &str, payload_type: &str, bytes: &[u8]) -> Result<Vec<u8>> {
    let envelope: Envelope = parse_as(SCHEMA, object, bytes)?;
    expect_schema(object, &envelope.payload_type, payload_type)?;
    unwrap(object, envelope, payload_type, bytes)
}

/// The same for a payload of one of several versions, the newest last; also says which one it is.
///
/// # Errors
/// As [`open_envelope`].
pub fn open_either<'t>(object: &str, types: &[&'t str], bytes: &[u8]) -> Result<(&'t str, Vec<u8>)> {
    let envelope: Envelope = parse_as(SCHEMA, object, bytes)?;
    let newest = types.last().copied().unwrap_or_default();
    let found = types.iter().find(|known| **known == envelope.payload_type).copied();
    expect_schema(object, &envelope.payload_type, found.unwrap_or(newest))?;
    let payload_type = found.unwrap_or(newest);
    Ok((payload_type, unwrap(object, envelope, payload_type, bytes)?))
}

fn unwrap(object: &str, envelope: Envelope, payload_type: &str, bytes: &[u8]) -> Result<Vec<u8>> {
    let payload = STANDARD
        .decode(&envelope.payload)
        .map_err(|_| Problem::damaged(object, "the payload is not valid base64"))?;
    if Digest::of(&payload) != envelope.payload_sha256 {
        return Err(Problem::damaged(object, "the payload does not match its SHA-256"));
    }
    if seal_envelope(payload_type, &payload)? != bytes {
        return Err(Problem::damaged(object, "not written as this format writes it"));
    }
    Ok(payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_of_an_envelope_is_noticed() {
        let sealed = seal_envelope("outlive/root/v0", b"{\"a\":1}").unwrap();
        assert_eq!(open_envelope("x", "outlive/root/v0", &sealed).unwrap(), b"{\"a\":1}");
        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(open_envelope("x", "outlive/root/v0", &flipped).is_err(), "bit {bit} went unnoticed");
        }
    }

    #[test]
    fn a_newer_envelope_is_refused_as_newer() {
        let newer = br#"{"schema":"outlive/envelope/v7","whatever":[]}"#;
        let problem = open_envelope("roots/x", "outlive/root/v0", newer).unwrap_err();
        assert_eq!(problem.kind, crate::domain::Kind::Refused);
    }
}
