//! Who may read an encrypted vault, and what for.

use super::{S3Access, VaultEntry, VaultPlace};
use crate::domain::{Owner, Together};

/// What a reader's private key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReaderRole {
    /// Restores and verifications; what a reader is of whom nothing else is said.
    Reader,
    /// Drills, on a machine that does nothing else.
    Drill,
    /// The day on which all others are lost: it lies where no computer is.
    Escrow,
}

impl ReaderRole {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Reader, Self::Drill, Self::Escrow];

    /// Its name in the file.
    pub fn word(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Drill => "drill",
            Self::Escrow => "escrow",
        }
    }
}

/// A reader of a vault, as the file names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReaderEntry {
    /// The public key of age.
    pub key: String,
    /// What its private key is for.
    pub role: ReaderRole,
    /// Who answers for it.
    pub owner: Option<Owner>,
}

impl VaultEntry {
    /// Whether this machine has of the vault what should be apart; `copies` says whether it copies into it. Two sources may hold one key, and
    /// what is named here is here: so two names are no better than one.
    pub fn together(&self, copies: bool) -> Together {
        let (mut both, mut writes) = (Vec::new(), copies);
        if let VaultPlace::S3(place) = &self.place {
            writes |= place.writer != S3Access::Environment;
            for (role, access) in [("reader", &place.reader), ("driller", &place.driller)] {
                match access {
                    Some(access) if *access == place.writer => {
                        both.push(format!("`writer` and `{role}` are one credential"));
                    }
                    Some(_) if writes => both.push(format!("`{role}` is named where what writes is, too")),
                    _ => {}
                }
            }
        }
        if writes && self.identity.is_some() {
            both.push("the private key of a reader (`identity`) is where copies are made".to_owned());
        }
        if both.is_empty() { Together::Apart } else { Together::Both(both) }
    }
}
