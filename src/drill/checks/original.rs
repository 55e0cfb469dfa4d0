//! What a restored tree is compared with, and what may have changed in it since it was copied.

use crate::domain::Timestamp;
use crate::vault::format::{Entry, Moment};
use std::path::{Path, PathBuf};

/// Data that was copied.
#[derive(Debug, Clone)]
pub struct Original {
    /// Where it can be read.
    pub path: PathBuf,
    /// `None` where the data holds still.
    live: Option<Live>,
}

/// Data that may have changed since it was copied.
#[derive(Debug, Clone, Copy)]
struct Live {
    copied: Timestamp,
    clock: fn() -> Timestamp,
}

impl Original {
    /// Data that holds still: a snapshot, or what nobody writes to.
    pub fn still(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), live: None }
    }

    /// Live data, as it was copied at that moment.
    pub fn live(path: &Path, copied: Timestamp, clock: fn() -> Timestamp) -> Self {
        Self { path: path.into(), live: Some(Live { copied, clock }) }
    }

    /// True where an entry changed after it was copied. Only the kernel's own time of change counts: everyone
    /// may set the time of modification. A change that is still to come is none.
    pub fn changed(&self, entry: &Entry) -> bool {
        let moment =
            |at: Timestamp| Moment { seconds: at.timestamp(), nanoseconds: at.timestamp_subsec_nanos() };
        self.live
            .is_some_and(|live| entry.ctime > moment(live.copied) && entry.ctime <= moment((live.clock)()))
    }
}
