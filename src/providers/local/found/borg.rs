//! Repositories of borg 1.x (<https://borgbackup.readthedocs.io/en/1.2.4/internals/frontends.html>).

use super::repository::{Listing, Of, Saved};
use super::text::lines;
use crate::domain::{GapReason, Timestamp, printable};
use crate::providers::local::run;
use crate::providers::local::unseen::Unseen;
use chrono::NaiveDateTime;
use serde::Deserialize;
use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where borg looks for its passphrase.
const PASSPHRASE: [&str; 3] = ["BORG_PASSCOMMAND", "BORG_PASSPHRASE", "BORG_PASSPHRASE_FD"];

/// True for the text of a repository's configuration.
pub(super) fn is_config(text: &[u8]) -> bool {
    let mut first = lines(text).filter(|line| !line.is_empty());
    let is_id = |line: &[u8]| {
        let id = line.strip_prefix(b"id = ").unwrap_or_default();
        id.len() == 64 && id.iter().all(u8::is_ascii_hexdigit)
    };
    first.next() == Some(b"[repository]") && first.any(is_id)
}

#[derive(Deserialize)]
struct Answer {
    archives: Vec<Archive>,
    encryption: Option<Encryption>,
}

#[derive(Deserialize)]
struct Encryption {
    mode: String,
}

#[derive(Deserialize)]
struct Archive {
    id: String,
    name: String,
    start: String,
    #[serde(default)]
    hostname: String,
    #[serde(default)]
    command_line: Vec<String>,
}

/// The archives in the repository at `path`. No lock is taken, and nothing in it is written; borg keeps
/// its own notes in the user's home, as always.
pub(super) fn list(path: &Path, host: &str, limit: Duration) -> Result<Listing, Unseen> {
    // Times are told in the local zone without naming it.
    let mut variables = vec![("TZ", "UTC"), ("BORG_DISPLAY_PASSPHRASE", "no"), ("BORG_SELFTEST", "disabled")];
    let is_given = PASSPHRASE.iter().any(|name| env::var_os(name).is_some());
    if !is_given {
        // Otherwise it asks at the terminal, and waits.
        variables.push(("BORG_PASSPHRASE", ""));
    }
    let words = ["list", "--json", "--bypass-lock", "--format", "{hostname}{command_line}"];
    let mut arguments: Vec<&OsStr> = words.iter().map(OsStr::new).collect();
    arguments.push(path.as_os_str());
    let said = run::output_with("borg", &arguments, &variables, limit).map_err(|it| advise(it, is_given))?;
    read(&said, host)
        .ok_or_else(|| Unseen::new(GapReason::Failed, "borg's list of archives could not be understood"))
}

fn advise(unseen: Unseen, is_given: bool) -> Unseen {
    let has = |words: &str| unseen.detail.contains(words);
    let advice = if has("passphrase") && is_given {
        "check BORG_PASSCOMMAND or BORG_PASSPHRASE"
    } else if has("passphrase") {
        "it is a borg repository; set BORG_PASSCOMMAND to a command that prints its passphrase"
    } else if has("unknown unencrypted repository") || has("previously located at") {
        "run `borg list` on it once by hand, and answer what it asks"
    } else {
        return unseen;
    };
    Unseen { detail: format!("{}; {advice}", unseen.detail), ..unseen }
}

pub(super) fn read(said: &[u8], host: &str) -> Option<Listing> {
    let answer: Answer = serde_json::from_slice(said).ok()?;
    let saved = |it: Archive| Saved {
        name: printable(it.name.as_bytes()),
        at: moment(&it.start),
        of: of(&it, host),
        id: printable(it.id.as_bytes()),
    };
    let needs_key = answer.encryption.is_none_or(|it| it.mode != "none");
    Some(Listing { saved: answer.archives.into_iter().map(saved).collect(), needs_key })
}

fn moment(text: &str) -> Option<Timestamp> {
    Some(NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").ok()?.and_utc())
}

/// Options that leave something out.
const EXCLUDING: [&str; 5] = ["-e", "--exclude", "--pattern", "--patterns-from", "--keep-exclude-tags"];

/// The absolute paths of the command, where it left nothing out. A word behind an option may be its value.
fn of(archive: &Archive, host: &str) -> Of {
    if archive.command_line.is_empty() {
        return Of::Silent;
    }
    let words = &archive.command_line;
    let excludes = words.iter().any(|word| EXCLUDING.iter().any(|option| word.starts_with(option)));
    if archive.hostname != host || excludes {
        return Of::Else;
    }
    let pairs = words.windows(2).filter(|pair| matches!(pair, [before, _] if !before.starts_with('-')));
    let paths: Vec<PathBuf> = pairs
        .filter_map(|pair| pair.last())
        .filter(|word| word.starts_with('/') && !word.contains("::"))
        .map(PathBuf::from)
        .collect();
    if paths.is_empty() { Of::Else } else { Of::Paths(paths) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(command: &str, hostname: &str) -> Of {
        let words: Vec<_> = command.split_whitespace().collect();
        let line = serde_json::to_string(&words).unwrap();
        let text = format!(
            r#"{{"archives":[{{"id":"1","name":"a","start":"2026-11-28T02:00:00.000000","hostname":"{hostname}",
                "command_line":{line}}}],"encryption":{{"mode":"none"}}}}"#
        );
        let listing = read(text.as_bytes(), "web").unwrap();
        assert_eq!(listing.saved[0].at.unwrap().to_rfc3339(), "2026-11-28T02:00:00+00:00");
        assert!(!listing.needs_key);
        listing.saved[0].of.clone()
    }

    #[test]
    fn the_paths_of_an_archive_are_those_of_its_command_unless_something_was_left_out() {
        let db = Of::Paths(vec!["/srv/db".into()]);
        assert_eq!(paths("/usr/bin/borg create /repo::a /srv/db", "web"), db);
        for (command, host) in [
            ("borg create /repo::a /srv/db", "other"),
            ("borg create /repo::a /srv --exclude /srv/db", "web"),
            ("borg create --exclude=/srv/db /repo::a /srv", "web"),
            ("borg create -e /srv/db /repo::a /srv", "web"),
            ("borg create --comment /srv/db /repo::a data", "web"),
        ] {
            assert_eq!(paths(command, host), Of::Else, "{command}");
        }
        assert_eq!(paths("", "web"), Of::Silent);
    }

    #[test]
    fn an_answer_that_is_none_is_refused_without_panic() {
        for broken in [&b""[..], b"{}", b"{\"archives\":{}}", b"[]", b"\xff", b"{\"archives\":[{}]}"] {
            assert_eq!(read(broken, "web"), None);
        }
    }

    #[test]
    fn a_configuration_of_git_is_none_of_borg() {
        let id = "a".repeat(64);
        assert!(is_config(format!("[repository]\nversion = 1\nid = {id}\n\n").as_bytes()));
        for other in ["[core]\n\tbare = true\n", "[repository]\nid = 12\n", "", "text\n[repository]\n"] {
            assert!(!is_config(other.as_bytes()), "{other}");
        }
    }
}
