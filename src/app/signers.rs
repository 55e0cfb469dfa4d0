//! Who signs recovery points on this machine, and whose signatures count.

use super::Context;
use super::stores::Purpose;
use crate::domain::{Kind, Problem, Result};
use crate::estate::{Estate, SigningEntry};
use crate::signing::{Signer, Trust};
use crate::vault::{Signing, Vault};
use std::sync::{Arc, Mutex, PoisonError};

/// What this run knows of signing keys.
#[derive(Clone, Default)]
pub struct Signers(Arc<Mutex<Known>>);

#[derive(Default, Clone)]
struct Known {
    entry: Option<SigningEntry>,
    trust: Vec<String>,
}

impl Signers {
    /// Learns what an estate says of them.
    pub fn learn(&self, estate: &Estate) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry = estate.signing.clone();
    }

    /// Also trusts these public keys.
    pub fn trust(&self, keys: &[String]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).trust.extend_from_slice(keys);
    }

    fn known(&self) -> Known {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The key of an estate file with which this machine signs.
///
/// # Errors
/// Where it cannot be had, is none, or is not among those that are trusted.
pub(super) fn signer_of(context: &Context, entry: &SigningEntry, trust: &Trust) -> Result<Option<Signer>> {
    let Some(source) = &entry.key else { return Ok(None) };
    let signer = Signer::parse(source.resolve(&context.environment)?.reveal())?;
    let public = signer.public();
    if !trust.pins(&public) {
        let what = format!("the key of [signing] is {public}, and `trust` does not list it");
        return Err(Problem::new(Kind::Usage, what).remedy("add it to `trust`, or correct `key`"));
    }
    Ok(Some(signer))
}

/// The same vault, that asks for the signatures which count here. What only reads needs no secret key.
///
/// # Errors
/// `Usage` where a key to be trusted is none.
pub fn signed(context: &Context, purpose: Purpose, vault: Vault) -> Result<Vault> {
    let Known { entry, trust } = context.signers.known();
    let keys: Vec<String> = entry.iter().flat_map(|entry| entry.trust.iter().cloned()).chain(trust).collect();
    let trust = Trust::parse(&keys)?;
    let signer = match (entry, purpose) {
        (Some(entry), Purpose::Write) => signer_of(context, &entry, &trust).transpose(),
        _ => None,
    };
    // Who keeps locks needs no signature: that there is none to be had is said where one is to be made.
    Ok(vault.signing(Signing { trust, signer: signer.map(|signer| signer.map(Arc::new)) }))
}
