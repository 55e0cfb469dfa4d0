//! A fact together with how it is known; what is absent is unknown, never "no".

use super::Timestamp;
use serde::{Deserialize, Serialize};

/// Where a documented statement was read, and when.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Source {
    /// An address, or the name of the test that executed the statement for real.
    pub address: String,
    /// The day it was read or executed, as `YYYY-MM-DD`.
    pub read: String,
}

/// Who declared a fact that nobody observed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Owner(pub String);

/// A value with its provenance.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Known<T> {
    /// Seen by this program at a time.
    Observed(T, Timestamp),
    /// Stated by documentation. Few values are, and a million of others are to stay small.
    Documented(T, Box<Source>),
    /// Stated by a person.
    Declared(T, Owner),
    /// Not known. Never counts as a pass.
    #[default]
    Unknown,
}

impl<T> Known<T> {
    /// The value, however it is known.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Observed(value, _) | Self::Documented(value, _) | Self::Declared(value, _) => Some(value),
            Self::Unknown => None,
        }
    }

    /// True where nothing is known.
    pub fn is_unknown(&self) -> bool {
        self.value().is_none()
    }
}
