//! Why something could not be seen, before it is known what that leaves open.

use crate::domain::{Gap, GapReason, GapScope, Kind, Problem};
use std::io;

/// A reason and a sentence; becomes a [`Gap`] where its scope is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unseen {
    pub(super) reason: GapReason,
    pub(super) detail: String,
}

impl Unseen {
    pub(super) fn new(reason: GapReason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }

    /// What an error of the operating system leaves unseen.
    pub(super) fn io(error: &io::Error) -> Self {
        let (reason, advice) = match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => (GapReason::Vanished, "check the path"),
            io::ErrorKind::PermissionDenied => (GapReason::Permission, "run as root to see it"),
            _ => (GapReason::Failed, "see the system's log"),
        };
        Self::new(reason, format!("{error}; {advice}"))
    }

    pub(super) fn gap(self, scope: GapScope, place: impl Into<String>) -> Gap {
        Gap { scope, place: place.into(), reason: self.reason, detail: self.detail }
    }

    /// The same as an error, where one thing was asked for and nothing else can be answered.
    pub(super) fn problem(self, place: impl Into<String>) -> Problem {
        let kind = match self.reason {
            GapReason::Vanished => Kind::NotFound,
            GapReason::Unsupported => Kind::Refused,
            _ => Kind::Io,
        };
        let remedy = match self.reason {
            GapReason::Permission => "run as a user who may read it",
            GapReason::Vanished => "check the path",
            _ => "",
        };
        Problem::new(kind, self.detail).at(place).remedy(remedy)
    }
}

impl From<rustix::io::Errno> for Unseen {
    fn from(errno: rustix::io::Errno) -> Self {
        Self::io(&errno.into())
    }
}
