//! The break-glass kit: what is in it, how large it is, and what it lacks.

use super::{Told, say_bytes};
use crate::report::text::Look;
use crate::report::text::look::Tone;
use serde::Serialize;

/// A kit that was made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct KitMade {
    /// The new directory.
    pub folder: String,
    /// The vault's name in the estate file.
    pub vault: String,
    /// Its address on the command line.
    pub address: String,
    /// How many files it has.
    pub files: u64,
    /// Their sizes together, in bytes.
    pub bytes: u64,
    /// SHA-256 of the program in it.
    pub program_sha256: String,
    /// Whether the program needs nothing of the system that it is run on; none where that cannot be told.
    pub is_static: Option<bool>,
    /// What somebody would look for in it and not find.
    pub missing: Vec<String>,
    /// What could not be seen when its runbooks were made.
    pub gaps: Vec<String>,
}

impl Told for KitMade {
    fn schema(&self) -> &'static str {
        "outlive/vault-kit/v0"
    }

    fn text(&self, look: Look) -> String {
        let size = format!("{} files, {}", self.files, say_bytes(self.bytes));
        let made =
            format!("The kit for the vault {} ({}) is in {}: {size}.", self.vault, self.address, self.folder);
        let mut out = look.say(&made, 0, Tone::Good);
        let (linked, tone) = match self.is_static {
            Some(true) => ("static: it runs on any Linux of this architecture", Tone::Plain),
            Some(false) => (
                "linked dynamically: it needs a Linux with the same C library or a newer one; docs/runbook.md says how a static one is made",
                Tone::Open,
            ),
            None => ("of a form that is not known here: try it where it is to run", Tone::Open),
        };
        out.push_str(&look.say(
            &format!("The program in it is {linked}. SHA-256 {}", self.program_sha256),
            0,
            tone,
        ));
        for missing in &self.missing {
            out.push_str(&look.say(&format!("MISSING: {missing}"), 0, Tone::Bad));
        }
        for gap in &self.gaps {
            out.push_str(&look.say(&format!("could not be seen: {gap}"), 0, Tone::Open));
        }
        let next = "It holds no secret. Put it on two sticks, in two places that are not this one, with START-HERE.md printed; carry the private key and \
                    the credential that reads apart from it. Make a new one when the runbooks change.";
        out.push_str(&look.say(next, 0, Tone::Plain));
        out
    }
}
