//! Who may read an encrypted vault, and what for.

use crate::domain::Owner;

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
