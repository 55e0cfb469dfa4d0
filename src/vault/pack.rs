//! Writing packs and their sidecars.

use super::Vault;
use super::format::{Chunk, Digest, Frame, Hasher, PackKey, PackLine, PackRole, Sidecar, SidecarFrame};
use super::sealing::Ids;
use crate::domain::{Kind, Problem, Result};
use crate::store::{Upload, random_hex};
use crossbeam_channel::Sender;
use std::collections::BTreeMap;
use std::io::Write;
use std::thread::JoinHandle;

/// A pack is finished once it has so many bytes, or so many chunks.
const PACK_BYTES: u64 = 64 * 1024 * 1024;
const PACK_CHUNKS: usize = 65_536;
/// Finished packs that may still be on their way to the disk while the next is being written.
const FINISHING: usize = 2;

struct Open {
    key: PackKey,
    body: Body,
    /// The bytes of its frames, before they are encrypted.
    inside: u64,
    chunks: usize,
    frames: Vec<SidecarFrame>,
}

/// Where frames go: as they are, or encrypted.
enum Body {
    Plain(Stored),
    Sealed(Box<age::stream::StreamWriter<Stored>>),
}

/// An object on its way, with what is known of it.
struct Stored {
    upload: Box<dyn Upload>,
    hasher: Hasher,
    bytes: u64,
}

impl Write for Stored {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.upload.write_all(bytes)?;
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.upload.flush()
    }
}

impl Body {
    fn write_all(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match self {
            Self::Plain(stored) => stored.write_all(bytes),
            Self::Sealed(sealed) => sealed.write_all(bytes),
        }
    }

    fn finish(self) -> std::io::Result<Stored> {
        match self {
            Self::Plain(stored) => Ok(stored),
            Self::Sealed(sealed) => sealed.finish(),
        }
    }
}

/// Writes the packs of one role, one after the other; making them durable overlaps with writing the next.
pub struct PackWriter {
    vault: Vault,
    run: String,
    role: PackRole,
    ids: Ids,
    open: Option<Open>,
    finishing: Vec<JoinHandle<Result<PackLine>>>,
    /// To be told of each pack that is durable.
    told: Option<Sender<PackLine>>,
    done: Vec<PackLine>,
}

impl PackWriter {
    /// A writer whose packs carry the name of `run`.
    pub fn new(vault: &Vault, run: &str, role: PackRole) -> Self {
        Self {
            vault: vault.clone(),
            run: run.into(),
            role,
            ids: vault.ids(),
            open: None,
            finishing: Vec::new(),
            told: None,
            done: Vec::new(),
        }
    }

    /// The same, which tells of each pack once that is durable.
    pub fn telling(self, told: Option<Sender<PackLine>>) -> Self {
        Self { told, ..self }
    }

    /// Appends one zstd frame that decodes to `chunks`, and says where it is.
    ///
    /// # Errors
    /// What the store said, now or about a pack before.
    pub fn append(&mut self, frame: &[u8], chunks: Vec<Chunk>) -> Result<Frame> {
        if self.open.as_ref().is_some_and(|open| open.inside >= PACK_BYTES || open.chunks >= PACK_CHUNKS) {
            self.end_pack()?;
        }
        let open = match &mut self.open {
            Some(open) => open,
            none => none.insert(begin(&self.vault, &self.run, self.role)?),
        };
        let length =
            u32::try_from(frame.len()).map_err(|_| Problem::new(Kind::Internal, "a frame is too long"))?;
        open.body.write_all(frame).map_err(|error| write_failed(&self.vault, error))?;
        let at = open.inside;
        open.inside += u64::from(length);
        open.chunks += chunks.len();
        let chunks = chunks.iter().map(|chunk| self.ids.chunk(chunk)).collect();
        open.frames.push(SidecarFrame { at, length, chunks });
        Ok(Frame { pack: open.key.clone(), at, length })
    }

    /// Finishes the pack being written, if there is one, in the background.
    fn end_pack(&mut self) -> Result<()> {
        let Some(open) = self.open.take() else { return Ok(()) };
        if self.finishing.len() >= FINISHING {
            self.done.push(join(self.finishing.remove(0))?);
        }
        let (vault, role, told) = (self.vault.clone(), self.role, self.told.clone());
        self.finishing.push(std::thread::spawn(move || {
            let line = finish(&vault, role, open)?;
            // Who is told may have ended.
            told.iter().for_each(|told| drop(told.send(line.clone())));
            Ok(line)
        }));
        Ok(())
    }

    /// Makes every pack durable; the packs written, by name.
    ///
    /// # Errors
    /// What the store said about any of them.
    pub fn finish(mut self) -> Result<BTreeMap<PackKey, PackLine>> {
        self.end_pack()?;
        for handle in self.finishing {
            self.done.push(join(handle)?);
        }
        Ok(self.done.into_iter().map(|line| (line.pack.clone(), line)).collect())
    }
}

fn begin(vault: &Vault, run: &str, role: PackRole) -> Result<Open> {
    let random = random_hex()?;
    let key = PackKey(format!("{run}-{}", &random[..16]).into());
    let upload = vault.store().put_new(&key.pack()?, vault.retention())?;
    let stored = Stored { upload, hasher: Hasher::default(), bytes: 0 };
    // What keeps locks must be able to read which packs there are.
    let body = match vault.epoch()?.filter(|_| role != PackRole::List) {
        None => Body::Plain(stored),
        Some(epoch) => {
            let sealed = epoch.recipient.encryptor()?.wrap_output(stored);
            Body::Sealed(Box::new(sealed.map_err(|error| write_failed(vault, error))?))
        }
    };
    Ok(Open { key, body, inside: 0, chunks: 0, frames: Vec::new() })
}

fn write_failed(vault: &Vault, error: std::io::Error) -> Problem {
    Problem::io("writing a pack", error).at(vault.place())
}

fn finish(vault: &Vault, role: PackRole, open: Open) -> Result<PackLine> {
    let Stored { upload, hasher, bytes } = open.body.finish().map_err(|error| write_failed(vault, error))?;
    let lock = upload.finish()?;
    let sha256 = hasher.finish();
    let sidecar = Sidecar::new(open.key.clone(), role, bytes, sha256, open.frames);
    let sidecar = match vault.is_encrypted() {
        true => sidecar.encrypted(open.inside),
        false => sidecar,
    };
    let sidecar = sidecar.render_with(vault.own_key())?;
    let own = vault.store().put_locked(&open.key.sidecar()?, &sidecar, vault.retention())?;
    vault.note_lock(lock);
    vault.note_lock(own);
    Ok(PackLine {
        pack: open.key,
        role,
        bytes,
        sha256,
        sidecar_bytes: sidecar.len() as u64,
        sidecar_sha256: Digest::of(&sidecar),
    })
}

fn join(handle: JoinHandle<Result<PackLine>>) -> Result<PackLine> {
    handle.join().unwrap_or_else(|_| Err(Problem::new(Kind::Internal, "writing a pack failed unexpectedly")))
}
