//! Repositories of restic and borg: recognised by what lies in them, listed by their own programs.

use super::{borg, restic, sample};
use crate::domain::{GapReason, PointKind, Timestamp};
use crate::providers::local::unseen::Unseen;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// No more points of one repository are listed: the newest.
const MOST: usize = 2_000;

/// Which program's repository it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tool {
    Restic,
    Borg,
}

/// One state that a repository holds, as its program tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Saved {
    /// Its identity, whole.
    pub(super) id: String,
    /// What a person calls it, safe to print.
    pub(super) name: String,
    /// When it was begun.
    pub(super) at: Option<Timestamp>,
    /// Which volumes it is of.
    pub(super) of: Of,
}

/// What a saved state says of where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Of {
    /// These paths of this machine, wholly.
    Paths(Vec<PathBuf>),
    /// Something else, or something that cannot be told.
    Else,
    /// Nothing.
    Silent,
}

/// What a repository holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listing {
    /// Its states.
    pub(super) saved: Vec<Saved>,
    /// True where they need a key or passphrase that nobody has seen.
    pub(super) needs_key: bool,
}

impl Tool {
    pub(super) fn kind(self) -> PointKind {
        match self {
            Self::Restic => PointKind::ResticSnapshot,
            Self::Borg => PointKind::BorgArchive,
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Restic => "restic",
            Self::Borg => "borg",
        }
    }

    /// What the repository holds, with what of it was left out.
    pub(super) fn list(
        self,
        path: &Path,
        host: &str,
        limit: Duration,
    ) -> Result<(Listing, Option<Unseen>), Unseen> {
        let mut listing = match self {
            Self::Restic => restic::list(path, host, limit)?,
            Self::Borg => borg::list(path, host, limit)?,
        };
        let count = listing.saved.len();
        if count <= MOST {
            return Ok((listing, None));
        }
        listing.saved.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| a.id.cmp(&b.id)));
        listing.saved.truncate(MOST);
        let detail = format!("it holds {count} states; the newest {MOST} are listed");
        Ok((listing, Some(Unseen::new(GapReason::Unsupported, detail))))
    }
}

/// Whose repository a directory is, by its names and then by what the files say.
pub(super) fn recognise(path: &Path, names: &[OsString]) -> Option<Tool> {
    let has = |name: &str| names.iter().any(|have| have == name);
    if ["config", "data", "index", "keys", "snapshots"].into_iter().all(has) && has_restic_key(path) {
        return Some(Tool::Restic);
    }
    (has("config") && has("data") && has_borg_config(path)).then_some(Tool::Borg)
}

/// restic's configuration is encrypted; its keys are JSON that names how the key is derived.
fn has_restic_key(path: &Path) -> bool {
    let Ok(keys) = std::fs::read_dir(path.join("keys")) else { return false };
    let mut keys: Vec<_> = keys.take(16).filter_map(|key| Some(key.ok()?.path())).collect();
    keys.sort();
    keys.iter().any(|key| start(key).is_some_and(|text| restic::is_key(&text)))
}

fn has_borg_config(path: &Path) -> bool {
    start(&path.join("config")).is_some_and(|text| borg::is_config(&text))
}

/// The first bytes of a small file.
fn start(path: &Path) -> Option<Vec<u8>> {
    Some(sample::take(&sample::open(path).ok()?).ok()?.head)
}
