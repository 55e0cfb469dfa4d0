//! Sidecars: beside each pack, what its frames hold, so that chunks can be found without the trees.

use super::{Chunk, Digest, MAX_FRAME, MAX_OBJECT, MAX_PAGE, PackKey, PackRole, parse, parse_as, render};
use crate::domain::{Kind, Problem, Result};
use serde::{Deserialize, Serialize};

const SCHEMA: &str = "outlive/sidecar/v0";

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
}

impl Sidecar {
    /// A sidecar for a finished pack.
    pub fn new(pack: PackKey, role: PackRole, bytes: u64, sha256: Digest, frames: Vec<SidecarFrame>) -> Self {
        Self { header: SidecarHeader { schema: SCHEMA.into(), pack, role, bytes, sha256 }, frames }
    }

    /// The bytes of the object: JSON lines in one zstd frame.
    ///
    /// # Errors
    /// `Internal` when compression fails.
    pub fn render(&self) -> Result<Vec<u8>> {
        let mut lines = render(&self.header)?;
        lines.push(b'\n');
        for frame in &self.frames {
            lines.extend(render(frame)?);
            lines.push(b'\n');
        }
        zstd::bulk::compress(&lines, 3)
            .map_err(|error| Problem::new(Kind::Internal, format!("cannot compress a sidecar: {error}")))
    }

    /// Reads the sidecar of `pack`.
    ///
    /// # Errors
    /// `Damaged` for what is not exactly that: another pack's sidecar, frames that do not tile the pack.
    pub fn open(pack: &PackKey, bytes: &[u8]) -> Result<Self> {
        let key = pack.sidecar()?;
        let object = key.as_str();
        let limit = usize::try_from(MAX_OBJECT).unwrap_or(usize::MAX);
        let lines = zstd::bulk::decompress(bytes, limit.min(bytes.len().saturating_mul(400) + 4096))
            .map_err(|error| Problem::damaged(object, format!("cannot be decoded: {error}")))?;
        let mut lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let header: SidecarHeader = parse_as(SCHEMA, object, lines.next().unwrap_or_default())?;
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
        if end == Some(header.bytes) {
            Ok(Self { header, frames })
        } else {
            Err(Problem::damaged(object, "its frames do not add up to the pack"))
        }
    }
}
