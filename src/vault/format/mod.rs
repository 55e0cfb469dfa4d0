//! The bytes of a vault: what each object looks like. Pure; `docs/vault-format.md` is its page.

mod digest;
mod entry;
mod envelope;
mod marker;
mod outer;
mod page;
mod refs;
mod root;
mod sidecar;
mod statement;

pub use digest::{Digest, Hasher};
pub use entry::{Content, Entry, EntryKind, Meta, Moment};
pub use envelope::{Unwrapped, open_either, open_envelope, open_signed, seal_envelope, seal_signed};
pub use marker::{Encryption, KeyLine, Marker};
pub use page::{Child, Page, PageHeader, PageKind, lines};
pub use refs::{Chunk, Frame, PackKey, PackLine, PackRole, PageRef, Run};
pub use root::{
    Content as RootContent, Inside, Lid, Missed, Origin, Previous, Root, Tool, Totals, Turn, is_of_same_point,
};
pub use sidecar::{Sidecar, SidecarFrame, SidecarHeader};
pub use statement::{AddedReader, BegunEpoch, Points, Statement, read_points, render_points};

use crate::domain::{Kind, Problem, Result};
use serde::de::DeserializeOwned;

/// The folder of recovery point roots.
pub const ROOTS: &str = "roots";
/// The folder of packs.
pub const PACKS: &str = "packs";
/// The folder of sidecars.
pub const SIDECARS: &str = "sidecars";
/// The folder of the epochs' keys, each sealed to one reader.
pub const KEYS: &str = "keys";
/// The folder of what readers say of an encrypted vault: that a reader was added, or that an epoch began.
pub const EPOCHS: &str = "epochs";
/// The folder of the lists of points that there were when an epoch ended.
pub const ENDED: &str = "ended";
/// The folder of pages that say what to do once everything is gone; no restore needs it.
pub const RUNBOOKS: &str = "runbooks";
/// The key of the instructions that every vault carries.
pub const README_KEY: &str = "README.md";
/// Blocks of large files and images, in bytes.
pub const BLOCK: usize = 64 * 1024;
/// Blocks read, hashed and compressed together, in bytes; also the largest chunk.
pub const UNIT: usize = 8 * BLOCK;
/// The largest page, in bytes before compression.
pub const MAX_PAGE: usize = 16 * 1024 * 1024;
/// The largest frame in a pack, in bytes.
pub const MAX_FRAME: u32 = 16 * 1024 * 1024 + 4096;
/// The largest root, marker or compressed sidecar, in bytes.
pub const MAX_OBJECT: u64 = 64 * 1024 * 1024;

/// Reads one JSON value of an object, strictly.
///
/// # Errors
/// `Damaged`, naming `object`, for anything but exactly such a value.
pub fn parse<T: DeserializeOwned>(object: &str, bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|error| {
        Problem::damaged(
            object,
            format!("not what this format holds: {}", crate::domain::printable(error.to_string().as_bytes())),
        )
    })
}

/// Writes one value as JSON.
///
/// # Errors
/// `Internal`: the types of this module can all be written.
pub fn render<T: serde::Serialize>(value: &T) -> Result<Vec<u8>> {
    serde_json::to_vec(value)
        .map_err(|error| Problem::new(Kind::Internal, format!("cannot write JSON: {error}")))
}

/// What everything that says its own schema has.
#[derive(serde::Deserialize)]
pub(super) struct AnyVersion {
    schema: String,
}

/// Reads one JSON value that says its own schema. The schema is looked at first, so that what a newer
/// version added is refused as newer, not called damage.
///
/// # Errors
/// As [`expect_schema`] and [`parse`].
pub fn parse_as<T: DeserializeOwned>(schema: &str, object: &str, bytes: &[u8]) -> Result<T> {
    let any: AnyVersion = parse(object, bytes)?;
    expect_schema(object, &any.schema, schema)?;
    parse(object, bytes)
}

/// Refuses a schema other than the expected one, and says so plainly where it is a newer one.
///
/// # Errors
/// `Refused` for a newer version of the same thing; `Damaged` for anything else.
pub fn expect_schema(object: &str, found: &str, expected: &str) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    let (stem, version) = expected.rsplit_once("/v").unwrap_or((expected, "0"));
    let newer =
        found.strip_prefix(stem).and_then(|rest| rest.strip_prefix("/v")).and_then(|v| v.parse::<u32>().ok());
    match (newer, version.parse::<u32>()) {
        (Some(found_version), Ok(ours)) if found_version > ours => Err(Problem::new(
            Kind::Refused,
            format!("written in format version {found_version}; this outlive reads up to {ours}"),
        )
        .at(object)
        .remedy("use a newer outlive, or follow the README.md in the vault")),
        _ => Err(Problem::damaged(
            object,
            format!("says it is `{}`", crate::domain::printable(found.as_bytes())),
        )),
    }
}
