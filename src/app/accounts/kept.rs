//! Answers of providers, kept for a while: asking costs requests that others need too. They hold no secret, and are believed
//! only for the credential and the address that they were given to.
//!
//! A provider of the file has one file, which the next answer is written over: what is lost is an answer of before, which can
//! be asked for again. It never gets shorter, and begins with how much of it counts, and a digest of that: what was written by
//! half, or by two at once, is none.

use crate::domain::{Answer, Gap, GapReason, Inventory, RecoveryPoint, Timestamp};
use crate::estate::{ProviderEntry, Secret};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{BufReader, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The version of what is written here; anything else is asked anew.
const FORMAT: &str =
    concat!("outlive/survey/v0 of ", env!("CARGO_PKG_VERSION"), ", backups unproven, invitations asked for");
/// What the file begins with: nothing that does not is written over.
const MAGIC: &[u8; 8] = b"outlive\n";
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
    name: String,
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
        Self { folder: state.join("surveys"), name: format!("{}.kept", entry.id), asked_as }
    }

    /// The newest answer, if it is young enough. What cannot be read is none.
    pub fn young(&self, max_age: Duration, now: Timestamp) -> Option<Inventory> {
        if max_age.is_zero() {
            return None;
        }
        let kept = self.read()?;
        let age = (now - kept.at).to_std().ok()?;
        if age > max_age || kept.format != FORMAT || kept.asked_as != self.asked_as {
            return None;
        }
        let mut seen = kept.seen;
        seen.accounts.iter_mut().for_each(|account| account.answer = Answer::Kept);
        share(&mut seen.points);
        Some(seen)
    }

    /// The file, if it is one of ours that nobody else has in hand.
    fn open(&self, options: &OpenOptions, hold: FlockOperation) -> Option<File> {
        let mut options = options.clone();
        let careful = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.custom_flags(careful.bits().cast_signed());
        let mut file = options.open(self.folder.join(&self.name)).ok()?;
        let metadata = file.metadata().ok()?;
        // What somebody else can write to, they can make say anything; and whoever can read it may learn what was seen.
        let is_ours = metadata.uid() == rustix::process::geteuid().as_raw();
        if !metadata.is_file() || !is_ours || metadata.nlink() != 1 || metadata.mode() & 0o077 != 0 {
            return None;
        }
        flock(&file, hold).ok()?;
        let mut magic = [0; MAGIC.len()];
        file.read_exact(&mut magic).ok()?;
        (magic == *MAGIC).then_some(file)
    }

    fn read(&self) -> Option<Kept> {
        let mut file = self.open(OpenOptions::new().read(true), FlockOperation::NonBlockingLockShared)?;
        let (mut size, mut digest) = ([0; 8], [0; 32]);
        file.read_exact(&mut size).ok()?;
        file.read_exact(&mut digest).ok()?;
        let body = Digested { with: file, digest: Sha256::new(), size: 0 }.take(u64::from_le_bytes(size));
        let mut text = BufReader::new(zstd::Decoder::new(body).ok()?.take(LARGEST));
        let kept: Kept = serde_json::from_reader(&mut text).ok()?;
        let mut body = text.into_inner().into_inner().finish();
        std::io::copy(&mut body, &mut std::io::sink()).ok()?;
        (body.into_inner().into_inner().digest.finalize()[..] == digest).then_some(kept)
    }

    /// Keeps an answer, if it is worth keeping: one in which something failed would only hide for a while that it works again.
    /// That nothing could be kept costs requests, and nothing else.
    pub fn keep(&self, seen: &Inventory, now: Timestamp) {
        let failed = |gap: &Gap| gap.reason != GapReason::Unsupported && gap.reason != GapReason::Vanished;
        if seen.accounts.is_empty() || seen.gaps.iter().any(failed) {
            return;
        }
        let _ = self.write(seen, now);
    }

    /// The file to write over; one that holds nothing yet where there is none.
    fn place(&self) -> Option<File> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder).ok()?;
        let path = self.folder.join(&self.name);
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
            Ok(mut file) => file.write_all(MAGIC).ok()?,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(_) => return None,
        }
        let options = OpenOptions::new().read(true).write(true).clone();
        self.open(&options, FlockOperation::NonBlockingLockExclusive)
    }

    fn write(&self, seen: &Inventory, now: Timestamp) -> Option<()> {
        let mut file = self.place()?;
        // How many bytes count, and their digest. Until all of it is there, nothing of it does.
        file.write_all(&[0; 8 + 32]).ok()?;
        let body = Digested { with: BufWriter::new(file), digest: Sha256::new(), size: 0 };
        let mut into = zstd::Encoder::new(body, 3).ok()?;
        let written = Written { format: FORMAT, asked_as: &self.asked_as, at: now, seen };
        serde_json::to_writer(&mut into, &written).ok()?;
        let Digested { with, digest, size } = into.finish().ok()?;
        let mut file = with.into_inner().ok()?;
        file.seek(SeekFrom::Start(MAGIC.len() as u64)).ok()?;
        let head = [&size.to_le_bytes()[..], &digest.finalize()[..]].concat();
        file.write_all(&head).ok()
    }
}

/// Counts and digests what goes through it.
struct Digested<W> {
    with: W,
    digest: Sha256,
    size: u64,
}

impl<W: Write> Write for Digested<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.with.write(bytes)?;
        self.digest.update(&bytes[..count]);
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.with.flush()
    }
}

impl<R: Read> Read for Digested<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = self.with.read(into)?;
        self.digest.update(&into[..count]);
        self.size += count as u64;
        Ok(count)
    }
}

/// Lets neighbours that say the same hold it once, as they did when they were seen.
fn share(points: &mut [RecoveryPoint]) {
    for place in 1..points.len() {
        let (before, after) = points.split_at_mut(place);
        let (Some(before), Some(point)) = (before.last(), after.first_mut()) else { return };
        if before.bonds == point.bonds {
            point.bonds = before.bonds.clone();
        }
        if before.catalogued == point.catalogued {
            point.catalogued.clone_from(&before.catalogued);
        }
    }
}
