//! Readers and epochs of encrypted vaults.

use super::{Told, say_notices};
use crate::domain::Timestamp;
use crate::report::text::Look;
use crate::report::text::look::Tone;
use serde::Serialize;

/// A reader that was added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReaderMade {
    /// The vault's name in the estate file.
    pub name: String,
    /// Where it is.
    pub place: String,
    /// The reader's public key.
    pub reader: String,
    /// The epochs to which it was added now.
    pub added: Vec<String>,
    /// Those whose reader it was.
    pub already: Vec<String>,
    /// Those that the identity does not open, so that the reader does not either.
    pub closed: Vec<String>,
    /// What its private key is for: `reader`, `drill` or `escrow`.
    pub role: &'static str,
    /// Whether the estate file names it, with this role.
    pub in_estate: bool,
    /// What else should be known.
    pub notices: Vec<String>,
}

impl Told for ReaderMade {
    fn schema(&self) -> &'static str {
        "outlive/vault-reader-add/v0"
    }

    fn text(&self, look: Look) -> String {
        let what = match self.added.is_empty() {
            true => format!("{} is a reader of {} already; nothing was written.", self.reader, self.name),
            false => format!("{} is a reader of {} now.", self.reader, self.name),
        };
        let mut out = look.say(&what, 0, Tone::Good);
        if !self.added.is_empty() {
            let check = "Try it: `outlive vault list` with the new reader's --identity FILE.";
            out.push_str(&look.say(check, 0, Tone::Plain));
        }
        if !self.closed.is_empty() {
            let what = format!(
                "What was copied in {} former epochs stays closed to it: the identity that was given does not open them.",
                self.closed.len()
            );
            out.push_str(&look.say(&what, 0, Tone::Open));
        }
        if !self.in_estate {
            let entry = match self.role {
                "reader" => format!("{:?}", self.reader),
                role => format!("{{ key = {:?}, role = {role:?} }}", self.reader),
            };
            let what = format!(
                "The estate file does not name it so: write {entry} into `readers`, so that audits count it and new epochs are for it."
            );
            out.push_str(&look.say(&what, 0, Tone::Open));
        }
        out.push_str(&say_notices(look, &self.notices));
        out
    }
}

/// An epoch that began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EpochMade {
    /// The vault's name in the estate file.
    pub name: String,
    /// Where it is.
    pub place: String,
    /// The epoch.
    pub epoch: String,
    /// Those that ended.
    pub ended: Vec<String>,
    /// Those beside them that this identity does not read, and that go on.
    pub left: Vec<String>,
    /// How many recovery points there were.
    pub points: usize,
    /// Roots that were damaged: none of these points.
    pub damaged: Vec<String>,
    /// The public keys of its readers.
    pub readers: Vec<String>,
    /// Where its key was written.
    pub epoch_key: String,
    /// Whether a copy on this machine finds it there.
    pub found_unasked: bool,
    /// What else should be known.
    pub notices: Vec<String>,
}

/// What to do with an epoch key.
fn say_where(look: Look, name: &str, file: &str, found_unasked: bool) -> String {
    let what = match found_unasked {
        true => format!(
            "Whoever copies needs {file}, which opens nothing. On the machine that copies it is looked for under that name in its own state \
             directory. Keep a copy of it."
        ),
        false => format!(
            "Whoever copies needs {file}, which opens nothing: write epoch_key = {{ file = \"…\" }} into the table of `{name}` there. Keep \
             a copy of it."
        ),
    };
    look.say(&what, 0, Tone::Plain)
}

impl Told for EpochMade {
    fn schema(&self) -> &'static str {
        "outlive/vault-epoch-new/v0"
    }

    fn text(&self, look: Look) -> String {
        let what = format!(
            "A new epoch of {} began, for {} readers. The one before ended with {} recovery points.",
            self.name,
            self.readers.len(),
            self.points
        );
        let mut out = look.say(&what, 0, Tone::Good);
        out.push_str(&say_where(look, &self.name, &self.epoch_key, self.found_unasked));
        let change = "Where a key was stolen, change the store's credential too: whoever has both can still fill the store.";
        out.push_str(&look.say(change, 0, Tone::Plain));
        for left in &self.left {
            let what = format!(
                "The epoch {left} goes on: the identity that was given does not read it. Whoever began it is to be asked."
            );
            out.push_str(&look.say(&what, 0, Tone::Open));
        }
        for damaged in &self.damaged {
            out.push_str(&look.say(&format!("Damaged, and none of these points: {damaged}"), 0, Tone::Bad));
        }
        out.push_str(&say_notices(look, &self.notices));
        out
    }
}

/// The key of the present epoch, written to a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EpochKept {
    /// The vault's name in the estate file.
    pub name: String,
    /// The epoch.
    pub epoch: String,
    /// Where its key was written.
    pub epoch_key: String,
    /// Whether a copy on this machine finds it there.
    pub found_unasked: bool,
}

impl Told for EpochKept {
    fn schema(&self) -> &'static str {
        "outlive/vault-epoch-key/v0"
    }

    fn text(&self, look: Look) -> String {
        say_where(look, &self.name, &self.epoch_key, self.found_unasked)
    }
}

/// A reader of an epoch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListedReader {
    /// The public key, where the estate file names it.
    pub reader: Option<String>,
    /// What its private key is for, as the estate file says: `reader`, `drill` or `escrow`; none where that does not name it.
    pub role: Option<&'static str>,
    /// Who answers for it, where the estate file says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The first 16 digits of its SHA-256, by which the vault knows it.
    pub digits: String,
    /// Since when.
    pub since: Timestamp,
    /// Whether it was added after the epoch began.
    pub added: bool,
    /// Whether it reads what is copied now, and the estate file does not name it.
    pub unlisted: bool,
}

/// An epoch with its readers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListedEpoch {
    /// Its name.
    pub epoch: String,
    /// When it began.
    pub began: Timestamp,
    /// When it ended; none for the present one.
    pub ended: Option<Timestamp>,
    /// Its readers.
    pub readers: Vec<ListedReader>,
}

/// Who can read what is in a vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReadersListed {
    /// Where the vault is.
    pub place: String,
    /// Its identity.
    pub vault: String,
    /// Its epochs, the first one first.
    pub epochs: Vec<ListedEpoch>,
    /// Readers of the estate file that do not read what is copied now.
    pub missing: Vec<String>,
    /// Objects among the keys of which nothing signed tells.
    pub unsigned: Vec<String>,
    /// What could not be read and may tell of readers and epochs; none where all was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unread: Option<String>,
    /// What is damaged, or pretends to be what it is not.
    pub wrong: Vec<String>,
}

impl Told for ReadersListed {
    fn schema(&self) -> &'static str {
        "outlive/vault-readers/v0"
    }

    fn text(&self, look: Look) -> String {
        let mut out = look.say(&format!("vault {} at {}", self.vault, self.place), 0, Tone::Plain);
        let day = |at: &Timestamp| at.format("%Y-%m-%d %H:%M UTC").to_string();
        for epoch in &self.epochs {
            let ended = epoch
                .ended
                .as_ref()
                .map_or_else(|| "the present one".to_owned(), |at| format!("ended {}", day(at)));
            let what = format!("Epoch {}, since {}, {ended}. Its readers:", epoch.epoch, day(&epoch.began));
            out.push_str(&look.say(&what, 0, Tone::Plain));
            for reader in &epoch.readers {
                let name = reader.reader.clone().unwrap_or_else(|| format!("SHA-256 {}…", reader.digits));
                let added =
                    if reader.added { format!(", added {}", day(&reader.since)) } else { String::new() };
                let role = match reader.role {
                    Some(role) if role != "reader" => format!(", {role}"),
                    _ => String::new(),
                };
                let owner = reader.owner.as_ref().map(|owner| format!(", of {owner}")).unwrap_or_default();
                let unlisted = if reader.unlisted { ", not in the estate file" } else { "" };
                let tone = if reader.unlisted { Tone::Open } else { Tone::Plain };
                out.push_str(&look.say(&format!("{name}{role}{owner}{added}{unlisted}"), 2, tone));
            }
        }
        for missing in &self.missing {
            let what = format!("{missing} is in the estate file, and does not read what is copied now.");
            out.push_str(&look.say(&what, 0, Tone::Open));
        }
        for unsigned in &self.unsigned {
            let what = format!(
                "{unsigned}: nothing signed tells of it. A run that was stopped left it, or somebody else put it there."
            );
            out.push_str(&look.say(&what, 0, Tone::Open));
        }
        if let Some(unread) = &self.unread {
            out.push_str(&look.say(&format!("UNREAD  {unread}"), 0, Tone::Open));
        }
        for wrong in &self.wrong {
            out.push_str(&look.say(&format!("WRONG  {wrong}"), 0, Tone::Bad));
        }
        out
    }
}
