//! What a store is asked before it is trusted: about objects that were made for that in the same run.

use crate::domain::LockKind;

/// The folder of such objects: nothing relies on what is in it.
pub const CANARIES: &str = "canary";

/// How much is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everything; of locks only where some of a kind are wanted.
    All(Option<LockKind>),
    /// Only of locks of this kind: where there are none, no object is left behind.
    Locks(LockKind),
}

/// One thing that is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asked {
    /// Its clock and this machine's are together.
    Clock,
    /// A key that is taken is refused.
    Creates,
    /// Of many writers of one key at one moment one is taken.
    Races,
    /// Bytes of another `Content-MD5` are refused.
    Md5,
    /// Bytes of another CRC-64/NVME are refused.
    Crc,
    /// A range gives its bytes and no others.
    Ranges,
    /// An object is a version with a name of its own.
    Versions,
    /// What the bucket locks by itself is locked.
    Default,
    /// An object has the lock that it was written with.
    Lock,
    /// So has one that was written in parts.
    LockOfParts,
    /// A lock is made longer.
    Longer,
    /// No lock is made shorter.
    Shorter,
    /// No lock is made softer.
    Softer,
    /// No lock is taken away.
    Lifted,
}

impl Asked {
    /// What a lock is believed by: where one fails, the store keeps none.
    pub const OF_LOCKS: [Self; 5] =
        [Self::Lock, Self::LockOfParts, Self::Shorter, Self::Softer, Self::Lifted];

    /// Its stable name.
    pub fn id(self) -> &'static str {
        match self {
            Self::Clock => "clock",
            Self::Creates => "creates-once",
            Self::Races => "creates-once-raced",
            Self::Md5 => "content-md5",
            Self::Crc => "crc64nvme",
            Self::Ranges => "ranges",
            Self::Versions => "versions",
            Self::Default => "default-retention",
            Self::Lock => "lock",
            Self::LockOfParts => "lock-of-parts",
            Self::Longer => "lock-longer",
            Self::Shorter => "lock-shorter",
            Self::Softer => "lock-softer",
            Self::Lifted => "lock-lifted",
        }
    }

    /// What holds of a store that does it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Clock => "its clock and this machine's agree",
            Self::Creates => "a key that is taken is not written again",
            Self::Races => "of many writers of one key, one is taken",
            Self::Md5 => "bytes of another Content-MD5 are refused",
            Self::Crc => "bytes of another CRC-64/NVME are refused",
            Self::Ranges => "a range gives its bytes",
            Self::Versions => "what is written is a version with a name",
            Self::Default => "what the bucket locks by itself is locked",
            Self::Lock => "an object has the lock it was written with",
            Self::LockOfParts => "so has one written in parts",
            Self::Longer => "a lock can be made longer",
            Self::Shorter => "no lock can be made shorter",
            Self::Softer => "no lock can be made softer",
            Self::Lifted => "no lock can be taken away",
        }
    }
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// The store does it.
    Holds,
    /// It does not.
    Fails,
    /// It was asked, and the answer does not tell.
    Open,
    /// It was not asked.
    NotAsked,
}

impl Found {
    /// Its word in JSON and in the ledger.
    pub fn word(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Fails => "fails",
            Self::Open => "open",
            Self::NotAsked => "not_asked",
        }
    }
}

/// What was asked, what came of it, and how that was seen or why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// What was asked.
    pub asked: Asked,
    /// What came of it.
    pub found: Found,
    /// In a few words, safe to print.
    pub because: String,
}

impl Trial {
    /// In a sentence.
    pub fn say(&self) -> String {
        format!("{}: {}", self.asked.title(), self.because)
    }

    /// Whether the store was seen not to keep locks.
    pub fn denies_locks(&self) -> bool {
        self.found == Found::Fails && Asked::OF_LOCKS.contains(&self.asked)
    }
}
