//! Answers of providers, kept for a while: asking costs requests that others need too. They hold no secret, and are believed
//! only for the credential and the address that they were given to.

use crate::domain::{Answer, Gap, GapReason, Inventory, Timestamp};
use crate::estate::{ProviderEntry, Secret};
use crate::store::random_hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{BufReader, BufWriter, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The version of what is written here; anything else is asked anew.
const FORMAT: &str = "outlive/survey/v0";
/// How large a kept answer may be, in bytes of text.
const LARGEST: u64 = 512 << 20;

#[derive(Serialize)]
struct Written<'w> {
    format: &'static str,
    asked_as: &'w str,
    at: Timestamp,
    seen: &'w Inventory,
}

#[derive(Deserialize)]
struct Kept {
    format: String,
    asked_as: String,
    at: Timestamp,
    seen: Inventory,
}

/// Where the answers to one credential are.
pub(super) struct Keeper {
    folder: PathBuf,
    asked_as: String,
}

impl Keeper {
    /// For what a provider of the file answers at an address to a credential.
    pub fn new(state: &Path, entry: &ProviderEntry, endpoint: &str, token: &Secret) -> Self {
        // Who rotates a token sees what the new one sees. Nobody gets from half of a digest to a token.
        let mut digest = Sha256::new();
        for part in ["outlive survey", &entry.kind, endpoint, token.reveal()] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part.as_bytes());
        }
        let asked_as = digest.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Self { folder: state.join("surveys").join(&entry.id), asked_as }
    }

    /// The newest answer, if it is young enough. What cannot be read is none.
    pub fn young(&self, max_age: Duration, now: Timestamp) -> Option<Inventory> {
        if max_age.is_zero() {
            return None;
        }
        let mut names: Vec<String> = std::fs::read_dir(&self.folder)
            .ok()?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name.ends_with(".json.zst"))
            .collect();
        names.sort_unstable();
        // Of several credentials in turn, each has its own answers.
        let newest = names.iter().rev().take(20).find_map(|name| self.read(name))?;
        let age = (now - newest.at).to_std().ok()?;
        if age > max_age {
            return None;
        }
        let mut seen = newest.seen;
        seen.accounts.iter_mut().for_each(|account| account.answer = Answer::Kept);
        Some(seen)
    }

    fn read(&self, name: &str) -> Option<Kept> {
        let file = File::open(self.folder.join(name)).ok()?;
        if !file.metadata().ok()?.is_file() {
            return None;
        }
        let text = zstd::Decoder::new(file).ok()?.take(LARGEST);
        let kept: Kept = serde_json::from_reader(BufReader::new(text)).ok()?;
        (kept.format == FORMAT && kept.asked_as == self.asked_as).then_some(kept)
    }

    /// Keeps an answer as a new file, if it is worth keeping: one in which something failed would only hide for a while that
    /// it works again. That nothing could be kept costs requests, and nothing else.
    pub fn keep(&self, seen: &Inventory, now: Timestamp) {
        let failed = |gap: &Gap| gap.reason != GapReason::Unsupported && gap.reason != GapReason::Vanished;
        if seen.accounts.is_empty() || seen.gaps.iter().any(failed) {
            return;
        }
        let _ = self.write(seen, now);
    }

    fn write(&self, seen: &Inventory, now: Timestamp) -> Option<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder).ok()?;
        let name = format!("{}-{}.json.zst", now.format("%Y%m%dT%H%M%S%.3fZ"), &random_hex().ok()?[..8]);
        let path = self.folder.join(name);
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).ok()?;
        let mut into = zstd::Encoder::new(BufWriter::new(file), 3).ok()?;
        let written = Written { format: FORMAT, asked_as: &self.asked_as, at: now, seen };
        serde_json::to_writer(&mut into, &written).ok()?;
        into.finish().ok()?.flush().ok()
    }
}
