//! The folders of pages below a directory, and which of them is the newest: by what its name says, as far as that can be.

use super::keep::SUMS;
use crate::domain::{Kind, Problem, Result, Timestamp, printable};
use chrono::{NaiveDateTime, TimeDelta};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// How a folder's name begins.
const TIME: &str = "%Y%m%dT%H%M%S%.3fZ";
/// By how much two clocks, or one that was set right, may differ.
const SLACK: TimeDelta = TimeDelta::minutes(5);

/// The name of a new folder, or what names of objects begin with.
pub(super) fn name(at: Timestamp, random: &str) -> String {
    format!("{}-{random}", at.format(TIME))
}

/// When a folder was made, as its name says it.
fn made_at(folder: &Path) -> Option<Timestamp> {
    let (time, _) = folder.file_name()?.to_str()?.split_once('-')?;
    Some(NaiveDateTime::parse_from_str(time, TIME).ok()?.and_utc())
}

/// The whole folders of a directory.
pub(super) struct Folders {
    /// The newest.
    pub newest: PathBuf,
    /// Those of which the name says that they will be made: they would be the newest for ever.
    pub ahead: Vec<String>,
}

/// Looks for whole folders of pages.
///
/// # Errors
/// `NotFound` where there is none; `Io`.
pub(super) fn below(parent: &Path, now: Timestamp) -> Result<Folders> {
    let place = printable(parent.as_os_str().as_bytes());
    let none = || {
        Problem::new(Kind::NotFound, "no runbooks were written there yet").at(&*place).remedy(
            "`outlive nightly` writes them every night; `outlive runbook --all --into NEWDIR` does so now",
        )
    };
    let listed = match std::fs::read_dir(parent) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(none()),
        listed => listed.map_err(|error| Problem::io("listing the runbooks", error).at(&*place))?,
    };
    let mut ahead = Vec::new();
    // A name of another form says nothing of its time: what has one goes before it.
    let mut newest: Option<(Option<Timestamp>, PathBuf)> = None;
    let mut latest_ahead = None;
    for entry in listed {
        let entry = entry.map_err(|error| Problem::io("listing the runbooks", error).at(&*place))?;
        let path = entry.path();
        if !path.join(SUMS).is_file() {
            continue;
        }
        let at = made_at(&path);
        let own = (at, path);
        if at.is_some_and(|at| at > now + SLACK) {
            ahead.push(printable(entry.file_name().as_bytes()));
            latest_ahead = latest_ahead.max(Some(own));
        } else {
            newest = newest.max(Some(own));
        }
    }
    ahead.sort();
    let (_, newest) = newest.or(latest_ahead).ok_or_else(none)?;
    Ok(Folders { newest, ahead })
}

/// The newest whole folder of pages below a directory.
///
/// # Errors
/// As [`below`].
pub fn newest(parent: &Path, now: Timestamp) -> Result<PathBuf> {
    below(parent, now).map(|folders| folders.newest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hand::{TempDir, fs};

    #[test]
    fn the_newest_is_the_last_that_was_made_and_not_what_is_named_after_a_time_to_come() {
        let directory = TempDir::new();
        let now: Timestamp = "2026-11-30T02:00:00Z".parse().unwrap();
        let add = |name: &str| {
            std::fs::create_dir(directory.path().join(name)).unwrap();
            fs::write(directory.path().join(name).join(SUMS), "").unwrap();
        };
        assert_eq!(newest(directory.path(), now).unwrap_err().kind, Kind::NotFound);
        add("99991231T235959.000Z-00000000");
        let only = below(directory.path(), now).unwrap();
        assert!(only.newest.ends_with("99991231T235959.000Z-00000000") && only.ahead.len() == 1);
        for name in ["zzz", "20261129T020000.000Z-ffffffff", "20261130T015959.123Z-00000000"] {
            add(name);
        }
        std::fs::create_dir(directory.path().join("20261130T015959.999Z-00000000")).unwrap();
        let folders = below(directory.path(), now).unwrap();
        assert!(folders.newest.ends_with("20261130T015959.123Z-00000000"), "{:?}", folders.newest);
        assert_eq!(folders.ahead, ["99991231T235959.000Z-00000000"]);
        assert_eq!(
            name("2026-11-30T01:59:59.123Z".parse().unwrap(), "00000000"),
            "20261130T015959.123Z-00000000"
        );
    }
}
