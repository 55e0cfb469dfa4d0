//! Repositories of restic (<https://restic.readthedocs.io/en/stable/075_scripting.html>).

use super::repository::{Listing, Of, Saved};
use crate::domain::{GapReason, Timestamp, printable};
use crate::providers::local::run;
use crate::providers::local::unseen::Unseen;
use serde::Deserialize;
use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where restic looks for its password.
const PASSWORD: [&str; 3] = ["RESTIC_PASSWORD_FILE", "RESTIC_PASSWORD_COMMAND", "RESTIC_PASSWORD"];

#[derive(Deserialize)]
struct Key {
    kdf: String,
    #[serde(rename = "data")]
    _data: String,
}

/// True for the text of a key.
pub(super) fn is_key(text: &[u8]) -> bool {
    serde_json::from_slice::<Key>(text).is_ok_and(|key| key.kdf == "scrypt")
}

#[derive(Deserialize)]
struct Snapshot {
    id: String,
    time: String,
    #[serde(default)]
    hostname: String,
    #[serde(default)]
    paths: Vec<String>,
    #[serde(default)]
    excludes: Vec<String>,
}

/// The snapshots in the repository at `path`. Neither a lock nor a cache is written.
pub(super) fn list(path: &Path, host: &str, limit: Duration) -> Result<Listing, Unseen> {
    if !PASSWORD.iter().any(|name| env::var_os(name).is_some_and(|value| !value.is_empty())) {
        let detail = "it is a restic repository; set RESTIC_PASSWORD_FILE to a file with its password to see what it holds";
        return Err(Unseen::new(GapReason::Failed, detail));
    }
    let words = ["snapshots", "--json", "--no-lock", "--no-cache", "--quiet", "--repo"];
    let mut arguments: Vec<&OsStr> = words.iter().map(OsStr::new).collect();
    arguments.push(path.as_os_str());
    let said = run::output("restic", &arguments, limit).map_err(advise)?;
    let saved = read(&said, host).ok_or_else(|| {
        Unseen::new(GapReason::Failed, "restic's list of snapshots could not be understood")
    })?;
    Ok(Listing { saved, needs_key: true })
}

fn advise(unseen: Unseen) -> Unseen {
    let is_password = ["wrong password", "no key found", "empty password"];
    match is_password.iter().any(|words| unseen.detail.contains(words)) {
        true => Unseen { detail: format!("{}; check RESTIC_PASSWORD_FILE", unseen.detail), ..unseen },
        false => unseen,
    }
}

pub(super) fn read(said: &[u8], host: &str) -> Option<Vec<Saved>> {
    // An empty repository is told as `null` by some versions.
    let snapshots: Option<Vec<Snapshot>> = serde_json::from_slice(said).ok()?;
    let saved = |it: Snapshot| Saved {
        name: format!("{} of {}", short(&it.id), names(&it.paths)),
        at: it.time.parse::<Timestamp>().ok(),
        of: of(&it, host),
        id: printable(it.id.as_bytes()),
    };
    Some(snapshots.unwrap_or_default().into_iter().map(saved).collect())
}

fn short(id: &str) -> String {
    printable(id.chars().take(8).collect::<String>().as_bytes())
}

fn names(paths: &[String]) -> String {
    let first = paths.first().map_or("nothing".into(), |path| printable(path.as_bytes()));
    match paths.len() {
        0 | 1 => first,
        count => format!("{first} and {} more", count - 1),
    }
}

/// What was left out by a pattern may be anything, so that such a snapshot is wholly of no path.
fn of(snapshot: &Snapshot, host: &str) -> Of {
    match snapshot.hostname == host && snapshot.excludes.is_empty() && !snapshot.paths.is_empty() {
        true => Of::Paths(snapshot.paths.iter().map(PathBuf::from).collect()),
        false => Of::Else,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_and_what_is_none_is_refused_without_panic() {
        let text = r#"[{"id":"0123456789","time":"2026-11-28T03:00:00.5+01:00","tree":"x","hostname":"web",
            "paths":["/srv/db"],"unknown":{}},{"id":"","time":"soon","hostname":"else","paths":["/srv/db"]}]"#;
        let saved = read(text.as_bytes(), "web").unwrap();
        assert_eq!(saved[0].at.unwrap().to_rfc3339(), "2026-11-28T02:00:00.500+00:00");
        assert_eq!(saved[0].name, "01234567 of /srv/db");
        assert_eq!(saved[0].of, Of::Paths(vec!["/srv/db".into()]));
        assert_eq!((saved[1].at, &saved[1].of), (None, &Of::Else));
        assert_eq!(read(b"null", "web"), Some(Vec::new()));
        for broken in [&b""[..], b"{}", b"[{}]", b"[1]", b"\xff\xfe", b"[[[[[[", &text.as_bytes()[..90]] {
            assert_eq!(read(broken, "web"), None);
        }
    }

    #[test]
    fn a_snapshot_that_left_something_out_is_wholly_of_no_path() {
        let text = r#"[{"id":"1","time":"","hostname":"web","paths":["/srv"],"excludes":["/srv/db"]}]"#;
        assert_eq!(read(text.as_bytes(), "web").unwrap()[0].of, Of::Else);
    }
}
