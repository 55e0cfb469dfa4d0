//! The library is silent: it reports counters to a [`Monitor`], and only the command line prints.

/// A stretch of work that a person may wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Reading the source and writing the vault.
    Copy,
    /// Reading stored objects back.
    ReadBack,
    /// Decoding every chunk.
    Verify,
    /// Writing files to the target.
    Restore,
    /// Comparing what was restored.
    Compare,
}

impl Phase {
    /// The phase's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Copy => "copy",
            Self::ReadBack => "read back",
            Self::Verify => "verify",
            Self::Restore => "restore",
            Self::Compare => "compare",
        }
    }
}

/// Receives what long work counts. Called from several threads.
pub trait Monitor: Sync {
    /// A phase begins; `total` bytes are expected where that is known.
    fn begin(&self, phase: Phase, total: Option<u64>);
    /// So many more bytes and files are done.
    fn advance(&self, bytes: u64, files: u64);
    /// The phase is over.
    fn end(&self);
    /// True once the user has asked to stop: the work ends at the next safe place.
    fn cancelled(&self) -> bool {
        false
    }
}

/// A monitor that ignores everything.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Monitor for Silent {
    fn begin(&self, _: Phase, _: Option<u64>) {}
    fn advance(&self, _: u64, _: u64) {}
    fn end(&self) {}
}
