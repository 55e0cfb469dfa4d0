//! What a store was found to do.

use super::{Told, say_notices};
use crate::report::text::Look;
use crate::report::text::look::{Tone, plain};
use crate::store::Found;
use serde::{Serialize, Serializer};

/// What the store of a vault was asked, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VaultChecked {
    /// The vault's name in the estate file.
    pub name: String,
    /// Where it is.
    pub place: String,
    /// The vault's identity; none where it is not made yet, and nothing was recorded.
    pub vault: Option<String>,
    /// The kind of lock that was tried; none where the estate file asks for none.
    pub lock: Option<&'static str>,
    /// Each thing that was asked.
    pub trials: Vec<CheckedOf>,
    /// What else should be known.
    pub notices: Vec<String>,
}

/// One thing that was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckedOf {
    /// Its stable name.
    pub asked: &'static str,
    /// What holds of a store that does it.
    pub title: &'static str,
    /// What came of it.
    #[serde(serialize_with = "word")]
    pub found: Found,
    /// How that was seen, or why not.
    pub because: String,
}

fn word<S: Serializer>(found: &Found, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(found.word())
}

impl VaultChecked {
    /// How many of the trials came to this.
    pub fn count(&self, found: Found) -> usize {
        self.trials.iter().filter(|trial| trial.found == found).count()
    }
}

impl Told for VaultChecked {
    fn schema(&self) -> &'static str {
        "outlive/vault-check/v0"
    }

    fn text(&self, look: Look) -> String {
        let mut out = look.say(&format!("{} at {}", self.name, self.place), 0, Tone::Strong);
        let row = |trial: &CheckedOf| {
            let (found, tone) = match trial.found {
                Found::Holds => ("yes", Tone::Good),
                Found::Fails => ("NO", Tone::Bad),
                Found::Open => ("unknown", Tone::Open),
                Found::NotAsked => ("not asked", Tone::Plain),
            };
            vec![plain(trial.title), (found.to_owned(), tone), plain(&*trial.because)]
        };
        let rows: Vec<Vec<_>> = self.trials.iter().map(row).collect();
        out.push_str(&look.table(&["What is asked of it", "Found", "What it said or did"], &rows));
        let (fails, open) = (self.count(Found::Fails), self.count(Found::Open));
        let (said, tone) = match (fails, open) {
            (0, 0) => ("It does everything that was asked.".to_owned(), Tone::Good),
            (0, open) => (format!("{open} of what was asked is not known."), Tone::Open),
            (fails, _) => {
                (format!("It does not do {fails} of what was asked: see docs/stores.md."), Tone::Bad)
            }
        };
        out.push_str(&look.say(&said, 0, tone));
        let rights =
            "What this credential may delete was not asked: outlive sends no deletion, not even to try.";
        out.push_str(&look.say(rights, 0, Tone::Plain));
        out.push_str(&say_notices(look, &self.notices));
        if self.vault.is_none() {
            let what = "Nothing was recorded: the vault is not made yet.";
            out.push_str(&look.say(what, 0, Tone::Plain));
        }
        out
    }
}
