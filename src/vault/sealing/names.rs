//! The keys of names that are here, by their epochs.

use super::ChunkKey;

/// The keys of names that are here.
#[derive(Debug, Clone, Default)]
pub struct Names {
    keys: Vec<(String, ChunkKey)>,
    /// Of how many epochs the key is not here.
    lacking: usize,
}

impl Names {
    /// These, while those of so many other epochs are not here.
    pub fn new(keys: Vec<(String, ChunkKey)>, lacking: usize) -> Self {
        Self { keys, lacking }
    }

    /// That of an epoch.
    pub fn of(&self, epoch: &str) -> Option<&ChunkKey> {
        self.keys.iter().find(|(name, _)| name == epoch).map(|(_, key)| key)
    }

    /// Each, with its epoch.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ChunkKey)> {
        self.keys.iter().map(|(name, key)| (name.as_str(), key))
    }

    /// True where there is none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// True where that of every epoch is here.
    pub fn are_all(&self) -> bool {
        self.lacking == 0 && !self.is_empty()
    }
}
