//! The folder of evidence of one run: new, and never written twice.

use crate::domain::{Problem, Result, Timestamp, printable};
use crate::report::activity::{DrillRecord, RECORD_SCHEMA};
use crate::vault::format::Digest;
use serde::Serialize;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// A folder `<evidence>/<drill>/<time>-<run>`.
pub struct Evidence {
    path: PathBuf,
    log: File,
    began: Instant,
    /// What could not be logged.
    unlogged: u64,
}

#[derive(Serialize)]
struct Contract<'a> {
    schema: &'static str,
    #[serde(flatten)]
    record: &'a DrillRecord,
}

impl Evidence {
    /// Makes the folder, with an empty log.
    ///
    /// # Errors
    /// Where it cannot be made.
    pub fn create(parent: &Path, drill: &str, run: &str, at: Timestamp) -> Result<Self> {
        let path = parent.join(drill).join(format!("{}-{}", at.format("%Y%m%dT%H%M%SZ"), &run[..12]));
        let failed = |error| failed(&path, error);
        let mut private = DirBuilder::new();
        private.recursive(true).mode(0o700).create(parent.join(drill)).map_err(failed)?;
        DirBuilder::new().mode(0o700).create(&path).map_err(failed)?;
        let log = new_file(&path.join("log.txt")).map_err(failed)?;
        Ok(Self { path, log, began: Instant::now(), unlogged: 0 })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a line to the log, with the seconds since the beginning.
    pub fn log(&mut self, line: &str) {
        let at = self.began.elapsed().as_secs_f64();
        let written = writeln!(self.log, "{at:10.3}  {}", printable(line.as_bytes()));
        self.unlogged += u64::from(written.is_err());
    }

    /// Writes a file of this name.
    ///
    /// # Errors
    /// Where it cannot be written, or is there.
    pub fn keep(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        let path = self.path.join(name);
        let written =
            new_file(&path).and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
        written.map_err(|error| failed(&path, error))
    }

    /// Writes `record.json`; its SHA-256.
    ///
    /// # Errors
    /// As [`Evidence::keep`], and where the log could not be written.
    pub fn record(&mut self, record: &DrillRecord) -> Result<String> {
        let rendered = serde_json::to_vec_pretty(&Contract { schema: RECORD_SCHEMA, record });
        let mut bytes = rendered.map_err(|error| failed(&self.path, error.into()))?;
        bytes.push(b'\n');
        self.log.sync_all().map_err(|error| failed(&self.path, error))?;
        if self.unlogged > 0 {
            return Err(failed(&self.path, std::io::Error::other("its log could not be written")));
        }
        self.keep("record.json", &bytes)?;
        let synced = File::open(&self.path).and_then(|folder| folder.sync_all());
        synced.map_err(|error| failed(&self.path, error))?;
        Ok(Digest::of(&bytes).to_string())
    }
}

fn new_file(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn failed(path: &Path, error: std::io::Error) -> Problem {
    Problem::io("writing evidence", error).at(printable(path.as_os_str().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hand::TempDir;

    #[test]
    fn evidence_is_never_written_twice() {
        let temp = TempDir::new();
        let at = "2026-11-28T03:00:00Z".parse().unwrap();
        let mut evidence = Evidence::create(temp.path(), "weekly", "0123456789abcdef", at).unwrap();
        assert!(evidence.path().ends_with("weekly/20261128T030000Z-0123456789ab"));
        evidence.keep("a", b"first").unwrap();
        assert!(evidence.keep("a", b"second").is_err());
        assert_eq!(std::fs::read(evidence.path().join("a")).unwrap(), b"first");
        assert!(Evidence::create(temp.path(), "weekly", "0123456789abcdef", at).is_err());
    }
}
