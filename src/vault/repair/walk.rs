//! A point's entries in order, and what of them cannot be had.

use super::super::format::{Content, Entry, EntryKind, PageKind};
use super::super::line::{is_at_or_above, split};
use super::super::roots::FoundRoot;
use super::super::tree::runs;
use super::super::{Entries, Vault};
use crate::domain::{ByteName, Kind, Problem, Result};
use std::collections::HashSet;

/// One thing that is met on the way.
pub enum Seen {
    /// An entry.
    Entry(Box<Entry>),
    /// An entry that has lost what it lies in, or is another name of.
    Orphan(ByteName, &'static str),
    /// Entries that nobody can name any more: they follow this one.
    Gap { after: ByteName, because: String },
}

/// True where a problem says that something is lost, and not only that it could not be asked for.
pub fn is_lost(problem: &Problem) -> bool {
    matches!(problem.kind, Kind::Damaged | Kind::NotFound)
}

/// Hands over all entries of a point, and says where some are lost. Whoever takes one says whether it is kept.
///
/// # Errors
/// What `take` says; what keeps the tree from being read, other than damage.
pub fn walk(vault: &Vault, found: &FoundRoot, take: &mut dyn FnMut(Seen) -> Result<bool>) -> Result<()> {
    let mut entries = Entries::new(vault, PageKind::Entries, found.root.tree()?);
    let mut way = Way::default();
    loop {
        match entries.next_line() {
            Ok(Some(entry)) => {
                way.end_gap(Some(&entry.path), take)?;
                way.entry(entry, take)?;
            }
            Ok(None) => return way.end_gap(None, take),
            Err(problem) if is_lost(&problem) => drop(way.gap.get_or_insert(problem)),
            Err(problem) => return Err(problem),
        }
    }
}

#[derive(Default)]
struct Way {
    /// The directory where we are: those above it are its beginnings.
    dir: Option<Vec<u8>>,
    last: ByteName,
    gap: Option<Problem>,
    lost: HashSet<ByteName>,
}

impl Way {
    fn end_gap(&mut self, next: Option<&ByteName>, take: &mut dyn FnMut(Seen) -> Result<bool>) -> Result<()> {
        let Some(problem) = self.gap.take() else { return Ok(()) };
        let until = next.map_or("the end".to_owned(), |path| format!("`{path}`"));
        let because =
            format!("all entries after it and before {until}: the list that names them is lost: {problem}");
        take(Seen::Gap { after: self.last.clone(), because }).map(drop)
    }

    fn entry(&mut self, entry: Entry, take: &mut dyn FnMut(Seen) -> Result<bool>) -> Result<()> {
        let path = entry.path.clone();
        self.last = path.clone();
        let in_lost = split(path.as_bytes()).is_some_and(|(parent, _)| {
            let above = self.dir.as_mut().filter(|dir| is_at_or_above(parent, dir));
            above.map(|dir| dir.truncate(parent.len())).is_none()
        });
        let of_lost = entry.kind == EntryKind::Hardlink
            && (entry.target.as_ref()).is_some_and(|first| self.lost.contains(first));
        let because = match (in_lost, of_lost) {
            (true, _) => "the directory that it lies in is lost",
            (false, true) => "the file of which it is another name is lost",
            (false, false) => "",
        };
        let is_dir = entry.kind == EntryKind::Dir;
        let kept = match because.is_empty() {
            true => take(Seen::Entry(Box::new(entry)))?,
            false => take(Seen::Orphan(path.clone(), because)).map(|_| false)?,
        };
        if !kept {
            self.lost.insert(path);
        } else if is_dir {
            self.dir = Some(path.as_bytes().to_vec());
        }
        Ok(())
    }
}

/// True where some page of a point's tree, or of the runs of its files, is lost.
///
/// # Errors
/// As [`walk`].
pub fn has_gap(vault: &Vault, found: &FoundRoot) -> Result<bool> {
    let mut gap = false;
    walk(vault, found, &mut |seen| {
        let Seen::Entry(entry) = seen else {
            gap = true;
            return Ok(false);
        };
        if let Some(content @ Content::Pages(_)) = &entry.content {
            for run in runs(vault, Some(content)) {
                match run {
                    Ok(_) => {}
                    Err(problem) if is_lost(&problem) => gap = true,
                    Err(problem) => return Err(problem),
                }
            }
        }
        Ok(true)
    })?;
    Ok(gap)
}
