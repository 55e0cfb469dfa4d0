//! Sidecars: beside each pack, what its frames hold, so that chunks can be found without the trees.

use super::{Chunk, Digest, MAX_FRAME, MAX_OBJECT, MAX_PAGE, PackKey, PackRole, parse, parse_as, render};
use crate::domain::{Kind, Problem, Result};
use crate::vault::sealing::{ChunkKey, Names};
use serde::{Deserialize, Serialize};

const SCHEMA: &str = "outlive/sidecar/v0";
/// The same in an encrypted vault.
const ENCRYPTED: &str = "outlive/sidecar/v1";
/// What the code at its end is for.
const PURPOSE: &str = "sidecar";

/// The first line of a sidecar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SidecarHeader {
    /// The format.
    pub schema: String,
    /// The pack.
    pub pack: PackKey,
    /// What it holds.
    pub role: PackRole,
    /// Its size, in bytes.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: Digest,
    /// In an encrypted vault: the size of what is inside the pack, in bytes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub inside: Option<u64>,
}

/// The last line in an encrypted vault: what says that it comes from somebody who holds the key of names.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Code {
    code: Digest,
}

/// One frame of the pack: the frames follow each other without gaps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SidecarFrame {
    /// Where it begins, in bytes.
    pub at: u64,
    /// How long it is, in bytes.
    pub length: u32,
    /// The chunks it decodes to, in order.
    pub chunks: Vec<Chunk>,
}

/// A whole sidecar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sidecar {
    /// About the pack.
    pub header: SidecarHeader,
    /// Its frames.
    pub frames: Vec<SidecarFrame>,
    /// In an encrypted vault: the epoch whose key of names it is written with, where that key is here.
    pub epoch: Option<String>,
}

impl Sidecar {
    /// A sidecar for a finished pack.
    pub fn new(pack: PackKey, role: PackRole, bytes: u64, sha256: Digest, frames: Vec<SidecarFrame>) -> Self {
        Self {
            header: SidecarHeader { schema: SCHEMA.into(), pack, role, bytes, sha256, inside: None },
            frames,
            epoch: None,
        }
    }

    /// The same of a pack in an encrypted vault, which is so long inside.
    pub fn encrypted(self, inside: u64) -> Self {
        let header = SidecarHeader { schema: ENCRYPTED.into(), inside: Some(inside), ..self.header };
        Self { header, ..self }
    }

    /// The bytes of the object: JSON lines in one zstd frame.
    ///
    /// # Errors
    /// `Internal` when compression fails.
    pub fn render(&self) -> Result<Vec<u8>> {
        self.render_with(None)
    }

    /// The same, with a code of them at its end in an encrypted vault.
    ///
    /// # Errors
    /// As [`Sidecar::render`].
    pub fn render_with(&self, key: Option<&ChunkKey>) -> Result<Vec<u8>> {
        let mut lines = render(&self.header)?;
        lines.push(b'\n');
        for frame in &self.frames {
            lines.extend(render(frame)?);
            lines.push(b'\n');
        }
        if let Some(key) = key {
            lines.extend(render(&Code { code: key.code(PURPOSE, &lines) })?);
            lines.push(b'\n');
        }
        zstd::bulk::compress(&lines, 3)
            .map_err(|error| Problem::new(Kind::Internal, format!("cannot compress a sidecar: {error}")))
    }

    /// Reads the sidecar of `pack` in a vault that is not encrypted.
    ///
    /// # Errors
    /// As [`Sidecar::open_with`].
    pub fn open(pack: &PackKey, bytes: &[u8]) -> Result<Self> {
        Self::open_with(pack, bytes, &Names::default())
    }

    /// Reads the sidecar of `pack`. Where the keys of names of all epochs are known, one that does not come from somebody who
    /// holds one of them is damage.
    ///
    /// # Errors
    /// `Damaged` for what is not exactly that: another pack's sidecar, frames that do not tile the pack.
    pub fn open_with(pack: &PackKey, bytes: &[u8], names: &Names) -> Result<Self> {
        let of = pack.sidecar()?;
        let object = of.as_str();
        let limit = usize::try_from(MAX_OBJECT).unwrap_or(usize::MAX);
        let lines = zstd::bulk::decompress(bytes, limit.min(bytes.len().saturating_mul(400) + 4096))
            .map_err(|error| Problem::damaged(object, format!("cannot be decoded: {error}")))?;
        let first = lines.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let header = Self::header(object, first)?;
        if !names.is_empty() && header.inside.is_none() {
            return Err(Problem::damaged(object, "has no code of those who hold the vault's key"));
        }
        let (lines, epoch) = match header.inside {
            Some(_) => without_code(object, &lines, names)?,
            None => (lines.as_slice(), None),
        };
        let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).skip(1);
        if &header.pack != pack {
            return Err(Problem::damaged(
                object,
                format!("belongs to packs/{}", super::super::safe(&header.pack.0)),
            ));
        }
        let frames = lines.map(|line| parse::<SidecarFrame>(object, line)).collect::<Result<Vec<_>>>()?;
        let fits = |frame: &SidecarFrame| {
            let decoded: u64 = frame.chunks.iter().map(|chunk| u64::from(chunk.size())).sum();
            frame.length <= MAX_FRAME && decoded <= MAX_PAGE as u64
        };
        if !frames.iter().all(fits) {
            return Err(Problem::damaged(object, "a frame is larger than this format allows"));
        }
        let end = frames.iter().try_fold(0, |end, frame| {
            (frame.at == end).then(|| end.checked_add(u64::from(frame.length))).flatten()
        });
        if end == Some(header.inside.unwrap_or(header.bytes)) {
            Ok(Self { header, frames, epoch })
        } else {
            Err(Problem::damaged(object, "its frames do not add up to the pack"))
        }
    }

    fn header(object: &str, line: &[u8]) -> Result<SidecarHeader> {
        // A version it does not know is told before anything else of the line is looked at.
        let header = parse_as::<SidecarHeader>(SCHEMA, object, line);
        let header = header.or_else(|_| parse_as::<SidecarHeader>(ENCRYPTED, object, line))?;
        if header.inside.is_some() == (header.schema == ENCRYPTED) {
            Ok(header)
        } else {
            Err(Problem::damaged(object, "not written as this format writes it"))
        }
    }
}

/// All lines but the last one, which is the code of those before it; and the epoch whose key it was made with.
fn without_code<'l>(object: &str, lines: &'l [u8], names: &Names) -> Result<(&'l [u8], Option<String>)> {
    let ended = lines.strip_suffix(b"\n").unwrap_or(lines);
    let at = ended.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let Code { code } = parse(object, &ended[at..])?;
    let mut fitting = names.iter().filter(|(_, key)| key.code(PURPOSE, &lines[..at]) == code);
    match fitting.next() {
        None if names.are_all() => {
            Err(Problem::damaged(object, "comes from nobody who holds the vault's key"))
        }
        found => Ok((&lines[..at], found.map(|(epoch, _)| epoch.to_owned()))),
    }
}
