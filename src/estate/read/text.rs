//! Reading a file of configuration whole: a regular file, not too large, of UTF-8.

use crate::domain::{Kind, Problem, Result, printable};
use rustix::fs::OFlags;
use std::fs::{Metadata, OpenOptions};
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// No such file is larger, in bytes.
pub(super) const LARGEST: u64 = 16 << 20;

/// The text of the file, which messages call `what`, where `refuse` has nothing against the very file that was opened.
///
/// # Errors
/// `NotFound` or `Io` where it cannot be read; `Usage` where it is no regular file, larger than 16 MiB or no UTF-8; those of `refuse`.
pub(super) fn text_of(
    path: &Path,
    what: &str,
    refuse: impl FnOnce(&Metadata) -> Result<()>,
) -> Result<String> {
    let place = printable(path.as_os_str().as_encoded_bytes());
    let failed = |error| Problem::io(format!("reading {what}"), error).at(&*place);
    let wrong = |how: &str, remedy: &str| {
        Problem::new(Kind::Usage, format!("{what} is {how}")).at(&*place).remedy(remedy)
    };
    // A pipe could keep the run waiting for ever.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
        .open(path)
        .map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(wrong("no regular file", "name a file"));
    }
    refuse(&metadata)?;
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > LARGEST {
        return Err(wrong("larger than 16 MiB", "name the right file"));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
        wrong("no UTF-8", "save it as UTF-8").at(format!("{place}:{line}"))
    })
}
