//! What is asked of a schedule, and what it gives.

use crate::domain::{Kind, Problem, Result, printable};
use crate::estate::{CopyFrom, Estate, S3Access, SecretSource, VaultPlace};
use crate::report::activity::Told;
use crate::report::text::Look;
use chrono::TimeDelta;
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// How long a run may take where no estate says it.
const DEADLINE: TimeDelta = TimeDelta::hours(12);
/// What a scheduler allows beyond that: a run first ends by itself, and says so.
const SPARE: TimeDelta = TimeDelta::minutes(10);

/// The state directory where none was named: which one is the usual depends on the user, and a scheduled run must find what
/// the one before it left.
pub const STATE: &str = "/var/lib/outlive";

/// A minute of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeOfDay {
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
}

impl TimeOfDay {
    /// Reads `HH:MM`.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse(text: &str) -> Result<Self> {
        let number = |part: &str, limit: u8| {
            let is_two_digits = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
            is_two_digits.then(|| part.parse().ok()).flatten().filter(|value| *value < limit)
        };
        let parts = text.split_once(':');
        let read = parts.and_then(|(hour, minute)| Some((number(hour, 24)?, number(minute, 60)?)));
        let Some((hour, minute)) = read else {
            let what = format!("`{}` is no time of day", printable(text.as_bytes()));
            return Err(Problem::new(Kind::Usage, what).remedy("write it as 02:00 or 23:30"));
        };
        Ok(Self { hour, minute })
    }
}

/// A nightly run to be scheduled.
#[derive(Debug, Clone)]
pub struct Night<'a> {
    /// When it begins.
    pub at: TimeOfDay,
    /// The program.
    pub binary: PathBuf,
    /// The configuration file, absolute.
    pub config: PathBuf,
    /// The state directory, where it is not [`STATE`], absolute.
    pub state: Option<PathBuf>,
    /// The user that it runs as; root where there is none.
    pub user: Option<String>,
    /// What the configuration says, where it was read.
    pub estate: Option<&'a Estate>,
}

impl Night<'_> {
    /// The program's arguments, without the program.
    pub(super) fn arguments(&self) -> Vec<PathBuf> {
        let state = self.state.clone().unwrap_or_else(|| STATE.into());
        vec!["nightly".into(), "--config".into(), self.config.clone(), "--state".into(), state]
    }

    /// After how many seconds a scheduler ends a run that did not end by itself.
    pub(super) fn limit_seconds(&self) -> i64 {
        let deadline = self.estate.map_or(DEADLINE, |estate| estate.nightly.deadline);
        (deadline + SPARE).num_seconds()
    }

    /// The names of systemd credentials that the configuration takes secrets from, sorted.
    ///
    /// # Errors
    /// `Usage` where one cannot be the name of a credential.
    pub(super) fn credentials(&self) -> Result<BTreeSet<&str>> {
        let sources = self.estate.map(sources).unwrap_or_default();
        let names: BTreeSet<&str> = sources
            .into_iter()
            .filter_map(|source| match source {
                SecretSource::Credential(name) => Some(&**name),
                _ => None,
            })
            .collect();
        let is_fine = |name: &&str| {
            !name.is_empty()
                && name.len() < 256
                && !name.starts_with('.')
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        if let Some(wrong) = names.iter().find(|name| !is_fine(name)) {
            let what = format!("`{}` cannot be the name of a credential", printable(wrong.as_bytes()));
            return Err(Problem::new(Kind::Usage, what).remedy("use letters, digits, `-`, `_` and `.`"));
        }
        Ok(names)
    }

    /// The user, if it can be one.
    ///
    /// # Errors
    /// `Usage` where it cannot.
    pub(super) fn checked_user(&self) -> Result<Option<&str>> {
        let Some(user) = self.user.as_deref() else { return Ok(None) };
        let starts = user.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let rest = user.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        if starts && rest && user.len() < 32 {
            return Ok(Some(user));
        }
        let what = format!("`{}` cannot be the name of a user", printable(user.as_bytes()));
        Err(Problem::new(Kind::Usage, what).remedy("write the name of a user of that machine"))
    }
}

/// Every place that the estate takes a secret from.
fn sources(estate: &Estate) -> Vec<&SecretSource> {
    let mut all: Vec<&SecretSource> = estate.providers.iter().filter_map(|one| one.token.as_ref()).collect();
    for vault in &estate.vaults {
        if let VaultPlace::S3(place) = &vault.place {
            let own = [Some(&place.writer), place.reader.as_ref(), place.driller.as_ref()];
            own.into_iter().flatten().for_each(|access| all.extend(sources_of(access)));
        }
    }
    for copy in &estate.copies {
        match &copy.from {
            CopyFrom::Command { env, .. } => all.extend(env.values()),
            CopyFrom::Prefix(place) => {
                place.reader.iter().for_each(|access| all.extend(sources_of(access)));
            }
            CopyFrom::Path { .. } | CopyFrom::StandardInput { .. } => {}
        }
    }
    all.extend([&estate.nightly.ping, &estate.nightly.webhook].into_iter().flatten());
    all
}

fn sources_of(access: &S3Access) -> Vec<&SecretSource> {
    match access {
        S3Access::Keys { id, secret, session } => {
            [Some(id), Some(secret), session.as_ref()].into_iter().flatten().collect()
        }
        S3Access::Joined(source) => vec![source],
        S3Access::Environment | S3Access::Profile(_) | S3Access::Role { .. } => Vec::new(),
    }
}

/// Refuses a path that a file of this sort cannot hold.
///
/// # Errors
/// `Usage` where `is_fine` says no.
pub(super) fn text_of(path: &std::path::Path, is_fine: impl Fn(char) -> bool) -> Result<&str> {
    let text = path.to_str().filter(|text| text.chars().all(is_fine));
    text.ok_or_else(|| {
        Problem::new(Kind::Usage, "a path that this sort of schedule cannot hold")
            .at(printable(path.as_os_str().as_encoded_bytes()))
            .remedy("give it a name of letters, digits, spaces and simple signs, or link to it under one")
    })
}

/// One file of a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScheduledFile {
    /// What it is called.
    pub name: String,
    /// Its whole text.
    pub content: String,
}

/// A schedule as files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Scheduled {
    /// The files.
    pub files: Vec<ScheduledFile>,
    /// How a person installs them: a sentence each.
    pub to_install: Vec<String>,
    /// The directory that they were written to; none where they are only shown.
    pub written_to: Option<String>,
}

impl Told for Scheduled {
    fn schema(&self) -> &'static str {
        "outlive/schedule/v0"
    }

    /// Each file under a comment with its name, so that one file alone can be piped to where it belongs.
    fn text(&self, _: Look) -> String {
        let mut out = String::new();
        match &self.written_to {
            Some(place) => {
                for file in &self.files {
                    out.push_str(&format!("written: {place}/{}\n", file.name));
                }
            }
            None => {
                for file in &self.files {
                    out.push_str(&format!("# {}\n{}\n", file.name, file.content));
                }
            }
        }
        for step in &self.to_install {
            out.push_str(&format!("# {step}\n"));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_is_two_digits_twice() {
        assert_eq!(TimeOfDay::parse("02:05").unwrap(), TimeOfDay { hour: 2, minute: 5 });
        for wrong in ["", "2:00", "24:00", "23:60", "02:00:00", "aa:bb", "+2:00", "02.00", "é2:00"] {
            assert_eq!(TimeOfDay::parse(wrong).unwrap_err().kind, Kind::Usage, "{wrong}");
        }
    }
}
