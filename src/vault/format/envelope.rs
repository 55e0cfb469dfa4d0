//! The envelope around a root: the payload in base64 with its digest, and signatures over it and its type.

use super::{AnyVersion, Digest, expect_schema, parse, render};
use crate::domain::{Problem, Result};
use crate::signing::{PublicKey, Signature, Signer};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

/// Of a payload that nobody signed.
const SCHEMA: &str = "outlive/envelope/v0";
/// Of one with signatures: who does not know of them is not to pass over them.
const SIGNED: &str = "outlive/envelope/v1";
/// The most signatures that are looked at.
const MOST_SIGNATURES: usize = 8;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Envelope {
    schema: String,
    payload_type: String,
    payload_sha256: Digest,
    payload: String,
    /// None in v0, at least one in v1.
    signatures: Vec<Signature>,
}

/// What was in an envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unwrapped<'t> {
    /// Which of the types that were asked for it is.
    pub payload_type: &'t str,
    /// The payload.
    pub payload: Vec<u8>,
    /// Whose signatures over it hold. What they count for is another question.
    pub signed_by: Vec<PublicKey>,
}

/// Wraps a payload that nobody signs.
///
/// # Errors
/// None in practice.
pub fn seal_envelope(payload_type: &str, payload: &[u8]) -> Result<Vec<u8>> {
    wrap(payload_type, payload, Vec::new())
}

/// Wraps a payload, signed where there is somebody who signs.
///
/// # Errors
/// None in practice.
pub fn seal_signed(payload_type: &str, payload: &[u8], signer: Option<&Signer>) -> Result<Vec<u8>> {
    wrap(payload_type, payload, signer.map(|signer| signer.sign(payload_type, payload)).into_iter().collect())
}

fn wrap(payload_type: &str, payload: &[u8], signatures: Vec<Signature>) -> Result<Vec<u8>> {
    let envelope = Envelope {
        schema: if signatures.is_empty() { SCHEMA } else { SIGNED }.into(),
        payload_type: payload_type.into(),
        payload_sha256: Digest::of(payload),
        payload: STANDARD.encode(payload),
        signatures,
    };
    let mut bytes = render(&envelope)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Unwraps a payload that nobody signed. Every bit of the envelope counts: bytes that are not exactly what [`seal_envelope`]
/// writes for the payload are damage.
///
/// # Errors
/// `Refused` for a newer format, `Damaged` for anything else that is wrong.
pub fn open_envelope(object: &str, payload_type: &str, bytes: &[u8]) -> Result<Vec<u8>> {
    open_either(object, &[payload_type], bytes).map(|(_, payload)| payload)
}

/// The same for a payload of one of several versions, the newest last; also says which one it is.
///
/// # Errors
/// As [`open_envelope`].
pub fn open_either<'t>(object: &str, types: &[&'t str], bytes: &[u8]) -> Result<(&'t str, Vec<u8>)> {
    let Unwrapped { payload_type, payload, signed_by } = open_signed(object, types, bytes)?;
    match signed_by.is_empty() {
        true => Ok((payload_type, payload)),
        false => Err(Problem::damaged(object, "signed, and nothing of this kind is")),
    }
}

/// The same for what may be signed. A signature that does not hold is damage, whoever is said to have made it.
///
/// # Errors
/// As [`open_envelope`].
pub fn open_signed<'t>(object: &str, types: &[&'t str], bytes: &[u8]) -> Result<Unwrapped<'t>> {
    let AnyVersion { schema } = parse(object, bytes)?;
    if schema != SCHEMA {
        expect_schema(object, &schema, SIGNED)?;
    }
    let envelope: Envelope = parse(object, bytes)?;
    let newest = types.last().copied().unwrap_or_default();
    let found = types.iter().find(|known| **known == envelope.payload_type).copied();
    expect_schema(object, &envelope.payload_type, found.unwrap_or(newest))?;
    let payload_type = found.unwrap_or(newest);
    unwrap(object, envelope, payload_type, bytes)
}

fn unwrap<'t>(
    object: &str,
    envelope: Envelope,
    payload_type: &'t str,
    bytes: &[u8],
) -> Result<Unwrapped<'t>> {
    let payload = STANDARD
        .decode(&envelope.payload)
        .map_err(|_| Problem::damaged(object, "the payload is not valid base64"))?;
    if Digest::of(&payload) != envelope.payload_sha256 {
        return Err(Problem::damaged(object, "the payload does not match its SHA-256"));
    }
    if envelope.signatures.len() > MOST_SIGNATURES {
        return Err(Problem::damaged(object, format!("has more than {MOST_SIGNATURES} signatures")));
    }
    for signature in &envelope.signatures {
        (signature.key.verify(payload_type, &payload, signature))
            .map_err(|problem| Problem::damaged(object, problem.what))?;
    }
    let signed_by = envelope.signatures.iter().map(|signature| signature.key).collect();
    if wrap(payload_type, &payload, envelope.signatures)? != bytes {
        return Err(Problem::damaged(object, "not written as this format writes it"));
    }
    Ok(Unwrapped { payload_type, payload, signed_by })
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
    fn every_flipped_bit_of_a_signed_envelope_is_noticed() {
        let signer = Signer::generate().unwrap();
        let sealed = seal_signed("outlive/root/v0", b"{\"a\":1}", Some(&signer)).unwrap();
        let types = ["outlive/root/v0"];
        assert_eq!(open_signed("x", &types, &sealed).unwrap().signed_by, [signer.public()]);
        assert!(open_envelope("x", types[0], &sealed).is_err(), "nothing else may be signed");
        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(open_signed("x", &types, &flipped).is_err(), "bit {bit} went unnoticed");
        }
    }

    #[test]
    fn a_signature_belongs_to_its_payload_and_its_type_and_cannot_be_taken_off_unseen() {
        let signer = Signer::generate().unwrap();
        let types = ["outlive/root/v0", "outlive/root/v1"];
        let open = |bytes: &[u8]| open_signed("x", &types, bytes);
        let of_another_type = wrap(types[1], b"{}", vec![signer.sign(types[0], b"{}")]).unwrap();
        assert!(open(&of_another_type).is_err());
        let of_another_payload = wrap(types[0], b"{}", vec![signer.sign(types[0], b"[]")]).unwrap();
        assert!(open(&of_another_payload).is_err());
        let sealed = String::from_utf8(seal_signed(types[0], b"{}", Some(&signer)).unwrap()).unwrap();
        // An envelope with signatures does not pass for one without, nor the other way around.
        assert!(open(sealed.replace("envelope/v1", "envelope/v0").as_bytes()).is_err());
        let bare = String::from_utf8(seal_envelope(types[0], b"{}").unwrap()).unwrap();
        assert!(open(bare.replace("envelope/v0", "envelope/v1").as_bytes()).is_err());
        assert_eq!(open(bare.as_bytes()).unwrap().signed_by, []);
        let many = wrap(types[0], b"{}", vec![signer.sign(types[0], b"{}"); MOST_SIGNATURES + 1]).unwrap();
        assert!(open(&many).unwrap_err().what.contains("more than 8"));
    }

    #[test]
    fn a_newer_envelope_is_refused_as_newer() {
        let newer = br#"{"schema":"outlive/envelope/v7","whatever":[]}"#;
        let problem = open_envelope("roots/x", "outlive/root/v0", newer).unwrap_err();
        assert_eq!(problem.kind, crate::domain::Kind::Refused);
    }
}
