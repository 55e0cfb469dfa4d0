//! What a recovery point holds, before it is restored: a dump, or a data directory.

use super::dump::{DumpKind, HEAD};
use super::room::Shape;
use crate::domain::{Consistency, Kind, Monitor, Problem, Result};
use crate::vault::format::{EntryKind, PageKind};
use crate::vault::{Entries, FoundRoot, Part, Vault, stream};
use std::io::{Error, Write};

/// What is in a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    /// A dump.
    Dump(DumpKind),
    /// A data directory, and how it was read.
    Cluster(Consistency),
}

impl Held {
    /// A data directory, in words.
    pub const CLUSTER: &'static str = "a data directory";

    pub fn shape(self) -> Shape {
        match self {
            Self::Dump(_) => Shape::Dump,
            Self::Cluster(_) => Shape::Cluster,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            Self::Dump(kind) => kind.word(),
            Self::Cluster(_) => Self::CLUSTER,
        }
    }

    /// What should be known of it.
    pub fn notices(self) -> Vec<String> {
        match self {
            Self::Cluster(Consistency::Live) => vec![
                "the data directory was not copied from a snapshot: unless its server was stopped, its files are of different moments, and \
                 what is damaged by that need not show when it is started. A dump is safer"
                    .into(),
            ],
            _ => Vec::new(),
        }
    }
}

/// Looks into a point.
///
/// # Errors
/// `Refused` where it is neither; what the store said.
pub(super) fn held(vault: &Vault, found: &FoundRoot, monitor: &dyn Monitor) -> Result<Held> {
    let consistency = found.root.origin.consistency;
    for (number, entry) in Entries::new(vault, PageKind::Entries, found.root.tree()?).enumerate() {
        let entry = entry?;
        if number == 0 && entry.kind == EntryKind::File {
            let head = head(vault, found, monitor)?;
            return DumpKind::of(&head).map(Held::Dump);
        }
        if entry.kind == EntryKind::File && entry.path.as_bytes() == b"PG_VERSION" {
            return Ok(Held::Cluster(consistency));
        }
    }
    Err(Problem::new(Kind::Refused, "the point is a directory, and no data directory of PostgreSQL: there is no PG_VERSION at its root")
        .remedy("restore it with --to; where a data directory or a dump lies deeper in it, --list shows where and --only restores it"))
}

/// The first bytes of the one file.
fn head(vault: &Vault, found: &FoundRoot, monitor: &dyn Monitor) -> Result<Vec<u8>> {
    let mut head = Head(Vec::new());
    match stream(vault, found, &Part::default(), &mut head, &Quiet(monitor)) {
        // What it had enough of it refused.
        Err(_) if head.0.len() >= HEAD => Ok(head.0),
        other => other.map(|_| head.0),
    }
}

/// Takes the beginning of a file, and no more.
struct Head(Vec<u8>);

impl Write for Head {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() >= HEAD {
            return Err(Error::other("enough was seen"));
        }
        let taken = bytes.len().min(HEAD - self.0.len());
        self.0.extend(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Looking is no progress.
struct Quiet<'m>(&'m dyn Monitor);

impl Monitor for Quiet<'_> {
    fn begin(&self, _: crate::domain::Phase, _: Option<u64>) {}
    fn advance(&self, _: u64, _: u64) {}
    fn end(&self) {}
    fn cancelled(&self) -> bool {
        self.0.cancelled()
    }
}
