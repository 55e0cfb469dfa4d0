//! Vaults that were made, and their locks.

use super::Told;
use crate::domain::{Lock, LockMode};
use crate::report::text::Look;
use crate::report::text::look::Tone;
use serde::Serialize;

/// A vault that was made, or was there, and is under the lock that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VaultMade {
    /// Its name in the estate file.
    pub name: String,
    /// Where it is.
    pub place: String,
    /// Its identity.
    pub vault: String,
    /// The lock that the vault itself has; none where none was asked for.
    pub lock: Option<Lock>,
    /// True where it is encrypted.
    pub encrypted: bool,
    /// Where the key was written that copies are encrypted with; none where it was not made now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch_key: Option<String>,
    /// What was asked of the store, and is not known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub open: Vec<String>,
}

impl Told for VaultMade {
    fn schema(&self) -> &'static str {
        "outlive/vault-init/v0"
    }

    fn text(&self, look: Look) -> String {
        let what = format!("vault {} ({}) at {}", self.name, self.vault, self.place);
        let mut out = look.say(&what, 0, Tone::Good);
        let lock = match self.lock {
            Some(lock) => format!("It is {}; so will be what is written into it.", say_lock(lock)),
            None => "It is not locked: whoever holds a credential that may delete can delete what it holds."
                .to_owned(),
        };
        out.push_str(&look.say(&lock, 0, if self.lock.is_some() { Tone::Plain } else { Tone::Open }));
        let encrypted = match (self.encrypted, &self.epoch_key) {
            (false, _) => "It is not encrypted: whoever reads its store reads its contents.".to_owned(),
            (true, None) => "It is encrypted for its readers.".to_owned(),
            (true, Some(path)) => format!(
                "It is encrypted for its readers. Whoever copies into it needs {path}, which opens nothing; keep a copy of it. Try \
                 now that a reader's private key opens the vault: `outlive vault list` with --identity FILE."
            ),
        };
        out.push_str(&look.say(&encrypted, 0, if self.encrypted { Tone::Plain } else { Tone::Open }));
        for open in &self.open {
            out.push_str(&look.say(&format!("Not known of the store: {open}"), 0, Tone::Open));
        }
        out
    }
}

/// A lock in words.
pub fn say_lock(lock: Lock) -> String {
    let until = lock.until.map(|until| format!(" until {}", until.format("%Y-%m-%d %H:%M UTC")));
    match lock.mode {
        LockMode::None => "not locked".into(),
        LockMode::LegalHold => "under a legal hold".into(),
        LockMode::Governance => format!("locked (governance){}", until.unwrap_or_default()),
        LockMode::Compliance => format!("locked (compliance){}", until.unwrap_or_default()),
    }
}
