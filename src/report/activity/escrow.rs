//! Proofs of the keys in the safe.

use super::{Told, say_bytes, say_notices, say_seconds};
use crate::domain::Timestamp;
use crate::report::text::Look;
use crate::report::text::look::Tone;
use serde::Serialize;

/// One key, tried on one vault.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EscrowDone {
    /// The vault's name in the estate file.
    pub vault: String,
    /// Where it is; empty where it could not be opened.
    pub place: String,
    /// The reader's public key.
    pub reader: String,
    /// When it began.
    pub at: Timestamp,
    /// `passed`, `failed` or `not_run`.
    pub outcome: &'static str,
    /// Why, in a sentence.
    pub because: String,
    /// The epochs that it opened.
    pub epochs: Vec<String>,
    /// The newest recovery point.
    pub point: Option<String>,
    /// The moment whose state that holds.
    pub taken_at: Option<Timestamp>,
    /// Entries of its tree that were read.
    pub entries: u64,
    /// Packs of it that were decoded.
    pub packs: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Seconds it took.
    pub seconds: f64,
}

/// All that were tried.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EscrowsDone {
    /// In the order of the vaults.
    pub proofs: Vec<EscrowDone>,
    /// What else should be known.
    pub notices: Vec<String>,
}

impl Told for EscrowsDone {
    fn schema(&self) -> &'static str {
        "outlive/drill-escrow/v0"
    }

    fn text(&self, look: Look) -> String {
        let mut out = String::new();
        for proof in &self.proofs {
            let (word, tone) = match proof.outcome {
                "passed" => ("passed", Tone::Good),
                "failed" => ("FAILED", Tone::Bad),
                _ => ("NOT RUN", Tone::Open),
            };
            let what = format!("{word}: the escrow key of {}: {}", proof.vault, proof.because);
            out.push_str(&look.say(&what, 0, tone));
            let took = format!("{} decoded in {}", say_bytes(proof.bytes), say_seconds(proof.seconds));
            out.push_str(&look.say(&format!("{}; {took}", proof.reader), 2, Tone::Plain));
        }
        out.push_str(&say_notices(look, &self.notices));
        out
    }
}
