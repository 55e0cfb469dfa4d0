//! Signing with the private key of an epoch: what it signs can only come from a reader, whoever holds the key of those who
//! copy. An X25519 key is used as an Ed25519 one, as in XEdDSA: the public key that everybody has verifies it.

use super::Recipient;
use crate::domain::{Kind, Problem, Result};
use age::secrecy::ExposeSecret;
use curve25519_dalek::{edwards::EdwardsPoint, montgomery::MontgomeryPoint, scalar::Scalar};
use ed25519_dalek::hazmat::{ExpandedSecretKey, raw_sign};
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest as _, Sha256, Sha512};
use zeroize::Zeroizing;

/// What the nonce of a signature begins with.
const NONCE: &[u8] = b"outlive/epoch nonce\0";

/// The bytes of a key that age writes as text.
fn bytes_of(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    let bytes = Zeroizing::new(bech32::decode(text).ok()?.1);
    bytes.as_slice().try_into().ok().map(Zeroizing::new)
}

/// What is signed: the payload together with what it is.
fn encoded(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    [payload_type.as_bytes(), &[0], payload].concat()
}

/// Signs a payload as what it says it is; 128 hexadecimal digits.
///
/// # Errors
/// None in practice: age writes its keys as text.
pub fn sign(identity: &age::x25519::Identity, payload_type: &str, payload: &[u8]) -> Result<String> {
    let secret = bytes_of(identity.to_string().expose_secret())
        .ok_or_else(|| Problem::new(Kind::Internal, "a private key of age that cannot be read"))?;
    let mut scalar = Scalar::from_bytes_mod_order(curve25519_dalek::scalar::clamp_integer(*secret));
    // Of the two points that the public key may be, the one without the sign is meant.
    if EdwardsPoint::mul_base(&scalar).compress().to_bytes()[31] & 0x80 != 0 {
        scalar = -scalar;
    }
    let hash_prefix = Sha256::new().chain_update(NONCE).chain_update(secret.as_slice()).finalize().into();
    let expanded = ExpandedSecretKey { scalar, hash_prefix };
    let public = VerifyingKey::from(&expanded);
    let signature = raw_sign::<Sha512>(&expanded, &encoded(payload_type, payload), &public);
    Ok(signature.to_bytes().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Whether whoever holds the private key to `recipient` signed this payload as that.
pub fn is_signed(recipient: &Recipient, payload_type: &str, payload: &[u8], signature: &str) -> bool {
    let key = || {
        let point = MontgomeryPoint(*bytes_of(&recipient.to_string())?).to_edwards(0)?;
        let signature = signature_of(signature)?;
        Some((VerifyingKey::from_bytes(&point.compress().to_bytes()).ok()?, signature))
    };
    key().is_some_and(|(key, signature)| {
        key.verify_strict(&encoded(payload_type, payload), &signature).is_ok()
    })
}

fn signature_of(text: &str) -> Option<Signature> {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if text.len() != 128 || !text.bytes().all(is_hex) {
        return None;
    }
    let byte = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..128).step_by(2).map(byte).collect();
    Signature::from_slice(&bytes?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (age::x25519::Identity, Recipient) {
        let identity = age::x25519::Identity::generate();
        let recipient = Recipient::parse(&identity.to_public().to_string()).unwrap();
        (identity, recipient)
    }

    #[test]
    fn what_a_private_key_signs_its_public_key_verifies_and_no_other() {
        // Half of all keys have the sign that is taken away.
        for _ in 0..64 {
            let ((one, to_one), (_, to_other)) = (pair(), pair());
            let signed = sign(&one, "a", b"payload").unwrap();
            assert!(is_signed(&to_one, "a", b"payload", &signed));
            assert!(!is_signed(&to_other, "a", b"payload", &signed));
            assert!(!is_signed(&to_one, "b", b"payload", &signed));
            assert!(!is_signed(&to_one, "a", b"payloae", &signed));
        }
    }

    #[test]
    fn every_changed_digit_of_a_signature_is_noticed_and_junk_is_none() {
        let (one, to_one) = pair();
        let signed = sign(&one, "a", b"payload").unwrap();
        for at in 0..signed.len() {
            let mut other = signed.clone().into_bytes();
            other[at] = if other[at] == b'0' { b'1' } else { b'0' };
            let other = String::from_utf8(other).unwrap();
            assert!(!is_signed(&to_one, "a", b"payload", &other), "digit {at}");
        }
        for junk in ["", "00", &signed[1..], &signed.to_uppercase(), &"é".repeat(64), &"0".repeat(128)] {
            assert!(!is_signed(&to_one, "a", b"payload", junk), "{junk}");
        }
    }

    #[test]
    fn nobody_can_sign_for_a_public_key_that_is_none() {
        // Points of small order, for which one signature would hold for many payloads.
        for low in [[0; 32], {
            let mut one = [0; 32];
            one[0] = 1;
            one
        }] {
            let text = bech32::encode::<bech32::Bech32>(bech32::Hrp::parse("age").unwrap(), &low).unwrap();
            let Some(recipient) = Recipient::parse(&text) else { continue };
            assert!(!is_signed(&recipient, "a", b"payload", &"0".repeat(128)));
        }
    }
}
