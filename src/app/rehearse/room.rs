//! Whether scratch space has room for a rehearsal: a vault and what is restored from it.

use crate::domain::{Kind, Monitor, Problem, Result, printable};
use crate::drill::sandbox::Scratch;
use crate::providers::files::TreeSource;
use crate::report::activity::say_bytes;
use crate::vault::{Content, Item, Source};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Beside twice the data: pages, roots, the ledger, a block for every small file.
const SLACK: u64 = 64 * 1024 * 1024;
/// Files from here on are asked for their holes, which take no room.
const LARGE: u64 = 1024 * 1024;

/// Refuses a rehearsal that would fill the disk. Data that cannot be read is for the copy to report.
///
/// # Errors
/// `Refused` with both figures; `Cancelled`.
pub fn refuse_too_little(scratch: &Scratch, path: &Path, monitor: &dyn Monitor) -> Result<()> {
    let Ok(mut source) = TreeSource::open(path, Vec::new()) else { return Ok(()) };
    let bytes = bytes_of(&mut source, monitor)?;
    let needed = bytes.saturating_mul(2).saturating_add(SLACK);
    match scratch.free_bytes() {
        Some(free) if free < needed => Err(Problem::new(
            Kind::Refused,
            format!(
                "too little room: rehearsing with {} needs {} of scratch space (a vault, and what is restored), and {} are free",
                say_bytes(bytes),
                say_bytes(needed),
                say_bytes(free)
            ),
        )
        .at(printable(scratch.path().parent().unwrap_or(scratch.path()).as_os_str().as_bytes()))
        .remedy("name a directory on another filesystem with --scratch DIR, or rehearse with a part of the data")),
        _ => Ok(()),
    }
}

fn bytes_of(source: &mut dyn Source, monitor: &dyn Monitor) -> Result<u64> {
    let mut bytes = 0_u64;
    while let Ok(Some(item)) = source.next() {
        if let Item::File(entry, mut content) = item {
            let size = if entry.size < LARGE { entry.size } else { data_in(&mut *content, entry.size) };
            bytes = bytes.saturating_add(size);
        }
        if monitor.cancelled() {
            return Err(Problem::new(Kind::Cancelled, "stopped as asked"));
        }
    }
    Ok(bytes)
}

/// The size of a file without its holes, where that can be found out.
fn data_in(content: &mut dyn Content, size: u64) -> u64 {
    let (mut bytes, mut at) = (0, 0);
    loop {
        match content.data_after(at) {
            Ok(Some((start, end))) if end > at && start < end => {
                bytes += end - start;
                at = end;
            }
            Ok(None) => return bytes,
            _ => return size,
        }
    }
}
