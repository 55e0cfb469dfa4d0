//! Roots whose object is damaged or gone: their bytes are had from a second vault, or from the object itself where one bit of it is wrong.

use super::super::Vault;
use super::super::format::{Digest, MAX_OBJECT, Root};
use super::super::roots::FoundRoot;
use super::super::sealing::{Names, Seal};
use super::pages::Other;
use crate::store::Key;

/// An object that is longer is not searched for the one bit that is wrong in it.
const MOST_SEARCHED: usize = 16 * 1024;

/// The root that was under a key; none where it is had nowhere. Where nobody says which SHA-256 it has, the one that its envelope names must fit.
pub fn recover(vault: &Vault, key: &Key, id: Option<Digest>, others: &[Other]) -> Option<FoundRoot> {
    let open = |bytes: &[u8]| {
        let found = Digest::of(bytes);
        let root = open(vault, key, bytes).filter(|_| id.is_none_or(|id| id == found))?;
        Some(FoundRoot {
            key: key.clone(),
            id: found,
            signed: vault.signed(&root),
            root,
            stored_at: None,
            bytes: Some(bytes.len() as u64),
        })
    };
    let copies = others.iter().filter_map(|other| other.vault.store().get_bytes(key, MAX_OBJECT).ok());
    // What only another vault says is worth nothing: it may be anybody's.
    let of_others = copies.filter(|_| id.is_some()).find_map(|bytes| open(&bytes));
    of_others.or_else(|| {
        let bytes = vault.store().get_bytes(key, MAX_OBJECT).ok()?;
        let mut searched = bytes.clone();
        let bits = if bytes.len() > MOST_SEARCHED { 0 } else { bytes.len() * 8 };
        (0..bits).find_map(|bit| {
            searched[bit / 8] ^= 1 << (bit % 8);
            let is_worth_opening = id.is_none_or(|id| id == Digest::of(&searched));
            let root = if is_worth_opening { open(&searched) } else { None };
            searched[bit / 8] ^= 1 << (bit % 8);
            root
        })
    })
}

fn open(vault: &Vault, key: &Key, bytes: &[u8]) -> Option<Root> {
    let inside = |epoch: &str, code: &Digest, sealed: &[u8]| match vault.seal() {
        Some(seal) => seal.inside(key.as_str(), epoch, code, sealed),
        None => Ok(None),
    };
    let none = Names::default();
    let mut root = Root::open_with(key, bytes, vault.seal().map_or(&none, Seal::known), &inside).ok()?;
    vault.seal().map_or(Ok(()), |seal| seal.admit(vault.store(), &Digest::of(bytes), &mut root)).ok()?;
    (root.lid.is_some() == vault.is_encrypted() && root.vault == vault.id()).then_some(root)
}
