//! Signatures: Ed25519 keys as text, over a payload together with what kind of payload it is.

use crate::domain::{Kind, Problem, Result};
use crate::estate::Secret;
use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::collections::BTreeSet;
use std::fmt;

const SECRET_BEGINS: &str = "outlive-signing-key-1:";
const PUBLIC_BEGINS: &str = "ed25519:";

/// A secret key that signs. It prints as its public key, however it is printed.
#[derive(Clone)]
pub struct Signer(SigningKey);

impl Signer {
    /// A new key.
    ///
    /// # Errors
    /// `Io` where the operating system has no randomness to give.
    pub fn generate() -> Result<Self> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)
            .map_err(|error| Problem::new(Kind::Io, format!("no random bytes to be had: {error}")))?;
        Ok(Self(SigningKey::from_bytes(&seed)))
    }

    /// Reads what [`Signer::secret_text`] writes; a line break at its end is no matter.
    ///
    /// # Errors
    /// `Usage` for anything else. The text is not repeated.
    pub fn parse(text: &str) -> Result<Self> {
        let seed = text.trim_end_matches(['\r', '\n']).strip_prefix(SECRET_BEGINS).and_then(bytes::<32>);
        let seed = seed.ok_or_else(|| {
            Problem::new(Kind::Usage, "this is no signing key of outlive")
                .remedy("make one with `outlive ledger key --into FILE`, and name that file")
        })?;
        Ok(Self(SigningKey::from_bytes(&seed)))
    }

    /// The key as one line, `outlive-signing-key-1:` with the base64 of its 32 bytes: for a file that only its owner reads.
    pub fn secret_text(&self) -> Secret {
        Secret::new(format!("{SECRET_BEGINS}{}", STANDARD.encode(self.0.as_bytes())))
    }

    /// The key that verifies what this one signs.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs a payload as what it says it is: the signature holds for no other type.
    pub fn sign(&self, payload_type: &str, payload: &[u8]) -> Signature {
        let signature = self.0.sign(&encoded(payload_type, payload));
        Signature { key: self.public(), sig: STANDARD.encode(signature.to_bytes()) }
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.public())
    }
}

/// A public key; as text, and in JSON, `ed25519:` with the base64 of its 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Reads a key's text.
    ///
    /// # Errors
    /// `Usage` where it is none, and for one of the few keys that anybody can sign for.
    pub fn parse(text: &str) -> Result<Self> {
        let key = text.strip_prefix(PUBLIC_BEGINS).and_then(bytes::<32>);
        let sound = |key: &[u8; 32]| VerifyingKey::from_bytes(key).is_ok_and(|key| !key.is_weak());
        key.filter(sound).map(Self).ok_or_else(|| {
            Problem::new(Kind::Usage, "this is no public key of outlive")
                .remedy("write it as `outlive ledger key` prints it: ed25519: and 44 characters")
        })
    }

    /// Sees that this key signed this payload as one of this type. Strict: no second signature of the same payload can be made
    /// from a good one, and no key of small order counts.
    ///
    /// # Errors
    /// `Damaged` where the signature is by another key, is none, or is of something else.
    pub fn verify(&self, payload_type: &str, payload: &[u8], signature: &Signature) -> Result<()> {
        let wrong = |what: &str| Problem::new(Kind::Damaged, what);
        if signature.key != *self {
            return Err(wrong("the signature is by another key"));
        }
        let sig = bytes::<64>(&signature.sig).ok_or_else(|| wrong("the signature is none"))?;
        let key = VerifyingKey::from_bytes(&self.0).map_err(|_| wrong("the key is none"))?;
        key.verify_strict(&encoded(payload_type, payload), &ed25519_dalek::Signature::from_bytes(&sig))
            .map_err(|_| wrong("the signature does not belong to this payload"))
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PUBLIC_BEGINS}{}", STANDARD.encode(self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(|problem| de::Error::custom(problem.what))
    }
}

/// A signature with the key that is said to have made it: that counts for nothing before somebody pinned the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// By whom.
    pub key: PublicKey,
    /// The base64 of its 64 bytes.
    pub sig: String,
}

/// The keys whose signatures count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trust(BTreeSet<PublicKey>);

impl Trust {
    /// Reads the keys that somebody pinned.
    ///
    /// # Errors
    /// `Usage` where one is no key, or one that anybody could sign for.
    pub fn parse(keys: &[String]) -> Result<Self> {
        keys.iter().map(|key| PublicKey::parse(key)).collect::<Result<_>>().map(Self)
    }

    /// True where somebody pinned at least one.
    pub fn asks(&self) -> bool {
        !self.0.is_empty()
    }

    /// Whether a key is among them.
    pub fn pins(&self, key: &PublicKey) -> bool {
        self.0.contains(key)
    }
}

/// DSSE's pre-authentication encoding, version 1: type and payload, each with its length before it.
/// Source: <https://github.com/secure-systems-lab/dsse/blob/v1.0.2/protocol.md>.
fn encoded(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut out = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    out.extend_from_slice(payload);
    out
}

/// The bytes of a base64 text, of which there is exactly one for them.
fn bytes<const COUNT: usize>(text: &str) -> Option<[u8; COUNT]> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer() -> Signer {
        Signer(SigningKey::from_bytes(&[7; 32]))
    }

    /// The first vector of RFC 8032, section 7.1, and the example of DSSE's page.
    #[test]
    fn keys_signatures_and_what_is_signed_are_those_of_the_standards() {
        let seed = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
        let signer = Signer::parse(&format!("{SECRET_BEGINS}{seed}")).unwrap();
        let public = "ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
        assert_eq!(signer.public().to_string(), public);
        let bare = STANDARD.encode(signer.0.sign(b"").to_bytes());
        let known =
            "5VZDAMNgrHKQhuLMgG6CioSHfx645dl02HPgZSJJAVVfuIIVkKM7rMYeOXAc+bRr0lv18FlbviRlUUFDjnoQCw==";
        assert_eq!(bare, known);
        let said = encoded("http://example.com/HelloWorld", b"hello world");
        assert_eq!(said, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }

    #[test]
    fn a_key_goes_through_its_text_and_prints_no_secret() {
        let made = Signer::generate().unwrap();
        assert_ne!(made.public(), Signer::generate().unwrap().public());
        let text = made.secret_text();
        let again = Signer::parse(&format!("{}\n", text.reveal())).unwrap();
        assert_eq!(again.public(), made.public());
        let secret = text.reveal().strip_prefix(SECRET_BEGINS).unwrap();
        assert!(!format!("{made:?} {text:?}").contains(secret));
        let public = made.public();
        assert_eq!(PublicKey::parse(&public.to_string()).unwrap(), public);
        let json = serde_json::to_string(&public).unwrap();
        assert_eq!(json, format!("\"{public}\""));
        assert_eq!(serde_json::from_str::<PublicKey>(&json).unwrap(), public);
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_repeated() {
        for secret in ["", "Canary7", "outlive-signing-key-1:Canary7", "outlive-signing-key-2:AAAA"] {
            let problem = Signer::parse(secret).unwrap_err();
            assert!(
                problem.kind == Kind::Usage && !format!("{problem:?}").contains("Canary7"),
                "{problem:?}"
            );
        }
        // The point of order 1, which every signature of a certain form fits.
        let weak = format!("ed25519:{}", STANDARD.encode([&[1][..], &[0; 31]].concat()));
        let public = signer().public().to_string();
        let loose = public.replace('=', "");
        for text in ["", "ed25519:", &public[8..], &loose, &weak] {
            assert!(PublicKey::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_signature_holds_for_one_key_one_type_and_one_payload() {
        let (payload_type, payload) = ("outlive/x/v0", b"payload".as_slice());
        let signature = signer().sign(payload_type, payload);
        let public = signer().public();
        public.verify(payload_type, payload, &signature).unwrap();
        assert!(public.verify("outlive/y/v0", payload, &signature).is_err());
        // What moves from the type to the payload is something else.
        assert!(public.verify("outlive/x", b"/v0payload", &signature).is_err());
        let other = Signer::generate().unwrap().public();
        assert!(other.verify(payload_type, payload, &signature).is_err());
        assert!(other.verify(payload_type, payload, &Signature { key: other, ..signature.clone() }).is_err());
        for bit in 0..payload.len() * 8 {
            let mut bad = payload.to_vec();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(public.verify(payload_type, &bad, &signature).is_err(), "bit {bit}");
        }
        let sig = bytes::<64>(&signature.sig).unwrap();
        for bit in 0..512 {
            let mut bad = sig;
            bad[bit / 8] ^= 1 << (bit % 8);
            let bad = Signature { sig: STANDARD.encode(bad), ..signature.clone() };
            assert!(public.verify(payload_type, payload, &bad).is_err(), "bit {bit} of the signature");
        }
        let json = serde_json::to_string(&signature).unwrap();
        assert_eq!(serde_json::from_str::<Signature>(&json).unwrap(), signature);
        assert!(serde_json::from_str::<Signature>(&json.replace('}', ",\"x\":1}")).is_err());
    }
}
