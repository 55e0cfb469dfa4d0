//! Signing keys: where one's own is found, and which ones are trusted.

use super::super::SigningEntry;
use super::secrets::source;
use super::value::Value;
use base64::{Engine, engine::general_purpose::STANDARD};

/// What `[signing]` says; nothing is signed where there is no such table.
pub(super) fn signing(value: Option<&Value<'_>>) -> Option<SigningEntry> {
    let table = value?.table("[signing]")?;
    let key = table.get("key").and_then(|value| source(&value));
    let list = table.required("trust")?;
    let items = list.list()?;
    if items.is_empty() {
        list.complain(
            "is empty, so no signature would count",
            "name the public key that `outlive ledger key` printed",
        );
    }
    let mut trust: Vec<String> = Vec::new();
    for item in &items {
        let Some(text) = public_key(item) else { continue };
        if trust.contains(&text) {
            item.complain("names a key twice", "leave one of the two out");
        } else {
            trust.push(text);
        }
    }
    Some(SigningEntry { key, trust, line: table.file.line(table.at) })
}

/// A public key. What is none may be the secret one, and is not repeated.
fn public_key(value: &Value<'_>) -> Option<String> {
    let text = value.text()?;
    let bytes = text.strip_prefix("ed25519:").and_then(|base64| STANDARD.decode(base64).ok());
    if bytes.is_some_and(|bytes| bytes.len() == 32) {
        return Some(text.to_owned());
    }
    if text.starts_with("outlive-signing-key-") {
        value.complain(
            "holds a secret key, and this file holds no secrets",
            "take it out and make another key with `outlive ledger key`; here stands the public one, which begins with ed25519:",
        );
    } else {
        value.complain(
            "is no public key",
            "write it as `outlive ledger key` printed it: ed25519: and 44 characters",
        );
    }
    None
}
