//! What a vault's credentials may do in its store.

use super::Told;
use crate::report::text::Look;
use crate::report::text::look::Tone;
use serde::Serialize;
use serde_json::Value;

/// The documents for the credentials of a vault, in the words of one kind of store.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VaultPolicy {
    /// The vault's name in the estate file.
    pub name: String,
    /// Where it is.
    pub place: String,
    /// The kind of store.
    pub store: &'static str,
    /// Whether a test has applied such documents to a real server of this kind.
    pub tried: bool,
    /// One for each role.
    pub documents: Vec<PolicyDocument>,
    /// What has to be known of them, in sentences.
    pub notes: Vec<String>,
}

/// One document.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PolicyDocument {
    /// Whose: writer, reader, driller, or broken-uploads for the bucket itself.
    pub role: &'static str,
    /// What is given to the store.
    pub content: Value,
    /// The command for that.
    pub applied_by: String,
}

impl PolicyDocument {
    /// The document alone, as a file has it.
    pub fn text(&self) -> String {
        format!("{:#}\n", self.content)
    }
}

impl Told for VaultPolicy {
    fn schema(&self) -> &'static str {
        "outlive/vault-policy/v0"
    }

    fn text(&self, look: Look) -> String {
        let mut out =
            look.say(&format!("{} at {}, for {}", self.name, self.place, self.store), 0, Tone::Strong);
        for document in &self.documents {
            let role = document.role;
            out.push_str(&look.say(&format!("{role}.json:"), 0, Tone::Strong));
            out.push_str(&document.text());
            // A command that is broken over lines is no command.
            out.push_str(&format!("  {}\n\n", document.applied_by));
        }
        self.notes.iter().for_each(|note| out.push_str(&look.say(note, 0, Tone::Plain)));
        out
    }
}
