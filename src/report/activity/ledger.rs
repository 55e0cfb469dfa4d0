//! The ledger: keys, what it holds, and whether it holds.

use super::Told;
use crate::domain::{Timestamp, printable};
use crate::ledger::{MissedSlots, Sealed};
use crate::report::text::Look;
use crate::report::text::look::{Tone, plain};
use serde::Serialize;

/// A signing key that was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyMade {
    /// The file that holds the secret.
    pub file: String,
    /// The public key.
    pub public_key: String,
}

impl Told for KeyMade {
    fn schema(&self) -> &'static str {
        "outlive/ledger-key/v0"
    }

    fn text(&self, look: Look) -> String {
        let mut out = look.say(&format!("A new signing key is in {}.", self.file), 0, Tone::Good);
        let advice = "Only its owner may read that file; keep a second copy of it where this machine is not. Write this into \
                      outlive.toml, and the line with `trust` alone on machines that only check:";
        out.push_str(&look.say(advice, 0, Tone::Plain));
        // To be copied as it stands: never wrapped.
        let file = self.file.replace('\\', "\\\\").replace('"', "\\\"");
        out.push_str(&format!(
            "\n[signing]\nkey = {{ file = \"{file}\" }}\ntrust = [\"{}\"]\n",
            self.public_key
        ));
        out
    }
}

/// One event of the ledger.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShownRecord {
    /// The number of its line, from 0.
    pub seq: u64,
    /// When it was written.
    pub at: Timestamp,
    /// What sort of event it is.
    pub kind: String,
    /// What it is about, for people.
    pub what: String,
    /// The event as it is recorded.
    pub event: serde_json::Value,
}

/// Events of the ledger, newest last.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LedgerShown {
    /// The state directory.
    pub state: String,
    /// How many events there are.
    pub records: u64,
    /// Those that were asked for.
    pub events: Vec<ShownRecord>,
}

impl Told for LedgerShown {
    fn schema(&self) -> &'static str {
        "outlive/ledger-show/v0"
    }

    fn text(&self, look: Look) -> String {
        if self.records == 0 {
            return look.say(
                &format!("There is no ledger in {}: nothing was done yet.", self.state),
                0,
                Tone::Open,
            );
        }
        let row = |shown: &ShownRecord| {
            vec![
                plain(shown.seq.to_string()),
                plain(shown.at.format("%Y-%m-%d %H:%M:%SZ").to_string()),
                plain(shown.kind.replace('_', " ")),
                plain(&shown.what),
            ]
        };
        let rows: Vec<_> = self.events.iter().map(row).collect();
        let mut out = look.table(&["line", "at", "event", "of"], &rows);
        let shown = self.events.len() as u64;
        if shown < self.records {
            out.push_str(&look.say(
                &format!("The newest {shown} of {} events.", self.records),
                0,
                Tone::Plain,
            ));
        }
        out
    }
}

/// A copy of a ledger in a vault.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CopyOfLedger {
    /// Where the vault is.
    pub place: String,
    /// Its identity.
    pub vault: String,
    /// The ledger.
    pub ledger: String,
    /// Checkpoints with a good signature by a pinned key.
    pub checkpoints: u64,
    /// Lines of the ledger that are there and signed, from the first on.
    pub records: u64,
    /// When the newest of them was signed.
    pub newest_at: Option<Timestamp>,
    /// Checkpoints that are there more than once, bit by bit.
    pub replayed: u64,
    /// Checkpoints of this machine that it does not hold yet.
    pub behind: u64,
    /// Why nobody can say whether it is the newest that was written.
    pub unproven: Option<String>,
    /// What is wrong with it.
    pub wrong: Vec<String>,
    /// The checkpoints themselves.
    #[serde(skip)]
    pub sealed: Vec<Sealed>,
}

/// Whether the ledger is the one that was signed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LedgerVerified {
    /// The state directory.
    pub state: String,
    /// When it was judged.
    pub at: Timestamp,
    /// The ledger: the SHA-256 of its first line; none where there is none.
    pub ledger: Option<String>,
    /// How many lines it has.
    pub records: u64,
    /// How many of them the newest checkpoint speaks of.
    pub signed_records: u64,
    /// Checkpoints with a good signature by a pinned key.
    pub checkpoints: u64,
    /// Who signed them.
    pub signers: Vec<String>,
    /// When the newest was signed.
    pub newest_at: Option<Timestamp>,
    /// The copies in the vault that was named.
    pub copies: Vec<CopyOfLedger>,
    /// Slots of the schedule that no checkpoint speaks of.
    pub missed: Vec<MissedSlots>,
    /// What is wrong: a broken chain, a signature that does not count, an older or another ledger than was signed.
    pub wrong: Vec<String>,
    /// What nobody can say.
    pub open: Vec<String>,
}

impl Told for LedgerVerified {
    fn schema(&self) -> &'static str {
        "outlive/ledger-verify/v0"
    }

    fn text(&self, look: Look) -> String {
        let mut out = look.say(&format!("ledger in {}", self.state), 0, Tone::Strong);
        let chain = if self.wrong.is_empty() { "each follows from the one before" } else { "see below" };
        out.push_str(&look.say(&format!("{} lines: {chain}", self.records), 0, Tone::Plain));
        if let Some(at) = self.newest_at {
            let at = at.format("%Y-%m-%d %H:%M:%SZ");
            let signed = format!(
                "{} checkpoints, the newest of {at}: it signs {} lines; {} were added since",
                self.checkpoints,
                self.signed_records,
                self.records.saturating_sub(self.signed_records)
            );
            out.push_str(&look.say(&signed, 0, Tone::Plain));
        }
        for signer in &self.signers {
            out.push_str(&look.say(&format!("signed with {signer}, which is pinned"), 0, Tone::Plain));
        }
        for copy in &self.copies {
            out.push_str(&copy.say(look));
        }
        for wrong in &self.wrong {
            out.push_str(&look.say(&format!("WRONG  {wrong}"), 0, Tone::Bad));
        }
        for missed in &self.missed {
            out.push_str(&look.say(&say_missed(missed), 0, Tone::Bad));
        }
        for open in &self.open {
            out.push_str(&look.say(&format!("Note: {open}."), 0, Tone::Open));
        }
        if self.wrong.is_empty() && self.missed.is_empty() && self.open.is_empty() {
            out.push_str(&look.say("The ledger is the one that was signed.", 0, Tone::Good));
        }
        out
    }
}

impl CopyOfLedger {
    fn say(&self, look: Look) -> String {
        let at = self.newest_at.map_or("none".into(), |at| at.format("%Y-%m-%d %H:%M:%SZ").to_string());
        let (short, place) = (self.ledger.get(..12).unwrap_or_default(), &self.place);
        let what = format!(
            "copy of ledger {short} in {place}: {} checkpoints, the newest of {at}, {} lines",
            self.checkpoints, self.records
        );
        look.say(&what, 0, Tone::Plain)
    }
}

fn say_missed(missed: &MissedSlots) -> String {
    let MissedSlots { volume, vault, first, last, count } = missed;
    let at = |moment: &Timestamp| moment.format("%Y-%m-%d %H:%M UTC").to_string();
    let when = if *count == 1 { at(first) } else { format!("{} to {} ({count} slots)", at(first), at(last)) };
    format!(
        "MISSED  {} to {}: no signed night speaks of {when}",
        printable(volume.as_bytes()),
        printable(vault.as_bytes())
    )
}
