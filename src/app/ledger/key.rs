//! A new key to sign with.

use crate::domain::{Problem, Result, printable};
use crate::report::activity::KeyMade;
use crate::signing::Signer;
use crate::store::sync_names;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Makes a key and writes its secret into a new file that only its owner reads.
///
/// # Errors
/// `Io` where the file is there already or cannot be written; a file that was begun stays, and holds no whole key.
pub fn make_key(into: &Path) -> Result<KeyMade> {
    let place = printable(into.as_os_str().as_bytes());
    let failed = |error: std::io::Error| {
        let is_there = error.kind() == std::io::ErrorKind::AlreadyExists;
        let problem = Problem::io("writing the signing key", error).at(&*place);
        if is_there { problem.remedy("name a new file: no key is written over") } else { problem }
    };
    let signer = Signer::generate()?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(into).map_err(failed)?;
    let text = signer.secret_text();
    file.write_all(format!("{}\n", text.reveal()).as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(failed)?;
    let file = std::path::absolute(into).map_err(failed)?;
    // A key that signed and is gone after a power cut would take the trust in all of that along.
    let directory = File::open(file.parent().unwrap_or(Path::new("/"))).map_err(failed)?;
    sync_names(&directory).map_err(|error| failed(error.into()))?;
    Ok(KeyMade { file: printable(file.as_os_str().as_bytes()), public_key: signer.public().to_string() })
}
