//! Two trees hold the same: every name, every byte, and the metadata that a restore gives back.

use crate::domain::{ByteName, Kind, Monitor, Phase, Problem, Result};
use crate::providers::files::TreeSource;
use crate::vault::format::{Entry, EntryKind, UNIT};
use crate::vault::{Content, Item, Source};
use std::cmp::Ordering;
use std::path::Path;

/// What comparing found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Entries compared.
    pub entries: u64,
    /// Bytes of files compared.
    pub bytes: u64,
    /// Paths that differ, with how: at most a hundred.
    pub differences: Vec<(ByteName, String)>,
    /// How many differ in all.
    pub differing: u64,
    /// Paths that differ, but whose original changed since it was copied: nothing can be said of them here.
    pub changed_since: u64,
}

/// Differences kept by name.
const NAMED: usize = 100;

/// Compares a restored tree with the original. Entries of the original that changed after `copied_at`
/// (Unix seconds) are counted apart; about `expected` bytes are to be compared.
///
/// # Errors
/// When either cannot be read.
pub fn same_tree(
    original: &Path,
    restored: &Path,
    copied_at: Option<i64>,
    expected: u64,
    monitor: &dyn Monitor,
) -> Result<Comparison> {
    let mut left = TreeSource::open(original, Vec::new())?;
    let mut right = TreeSource::open(restored, Vec::new())?;
    monitor.begin(Phase::Compare, Some(expected));
    let mut comparison = Comparison::default();
    let compared = walk(&mut left, &mut right, copied_at, &mut comparison, monitor);
    monitor.end();
    compared.map(|()| comparison)
}

fn walk(
    left: &mut TreeSource,
    right: &mut TreeSource,
    copied_at: Option<i64>,
    found: &mut Comparison,
    monitor: &dyn Monitor,
) -> Result<()> {
    let (mut a, mut b) = (left.next()?, right.next()?);
    while a.is_some() || b.is_some() {
        if monitor.cancelled() {
            return Err(Problem::new(Kind::Cancelled, "stopped as asked"));
        }
        found.entries += 1;
        let order = match (&a, &b) {
            (Some(a), Some(b)) => Entry::compare_paths(path_of(a), path_of(b)),
            (Some(_), None) => Ordering::Less,
            _ => Ordering::Greater,
        };
        let original = if order == Ordering::Greater { None } else { a.take() };
        let restored = if order == Ordering::Less { None } else { b.take() };
        let changed = original.as_ref().and_then(entry_of).is_some_and(|entry| {
            copied_at.is_some_and(|at| entry.ctime.seconds >= at || entry.meta.mtime.seconds >= at)
        });
        let path =
            original.as_ref().or(restored.as_ref()).map(|item| path_of(item).clone()).unwrap_or_default();
        if let Some(how) = difference(original, restored, found, monitor) {
            if changed {
                found.changed_since += 1;
            } else {
                found.differing += 1;
                if found.differences.len() < NAMED {
                    found.differences.push((path, how));
                }
            }
        }
        if order != Ordering::Greater {
            a = left.next()?;
        }
        if order != Ordering::Less {
            b = right.next()?;
        }
    }
    Ok(())
}

fn entry_of(item: &Item) -> Option<&Entry> {
    match item {
        Item::Plain(entry) | Item::Boundary(entry) | Item::File(entry, _) => Some(entry),
        Item::Missed(_) => None,
    }
}

fn path_of(item: &Item) -> &ByteName {
    match item {
        Item::Plain(entry) | Item::Boundary(entry) | Item::File(entry, _) => &entry.path,
        Item::Missed(missed) => &missed.path,
    }
}

/// How two entries differ, if they do.
fn difference(
    a: Option<Item>,
    b: Option<Item>,
    found: &mut Comparison,
    monitor: &dyn Monitor,
) -> Option<String> {
    let (Some(a), Some(b)) = (a, b) else { return Some("only on one side".into()) };
    let (Some(left), Some(right)) = (entry_of(&a).cloned(), entry_of(&b).cloned()) else {
        return Some("could not be read".into());
    };
    let facts = [
        ("kind", left.kind != right.kind),
        ("size", left.size != right.size),
        ("mode", left.kind != EntryKind::Symlink && left.meta.mode != right.meta.mode),
        ("owner", (left.meta.uid, left.meta.gid) != (right.meta.uid, right.meta.gid)),
        ("modification time", left.meta.mtime != right.meta.mtime),
        ("extended attributes", left.meta.xattrs != right.meta.xattrs),
        ("link target", left.target != right.target),
        ("device number", left.device != right.device),
    ];
    if let Some((what, _)) = facts.iter().find(|(_, differs)| *differs) {
        return Some(format!("another {what}"));
    }
    match (a, b) {
        (Item::File(entry, mut a), Item::File(_, mut b)) => {
            let same = same_bytes(&mut *a, &mut *b, entry.size, monitor);
            found.bytes += entry.size;
            match same {
                Ok(None) => None,
                Ok(Some(at)) => Some(format!("other bytes from {at} on")),
                Err(because) => Some(because),
            }
        }
        _ => None,
    }
}

/// The first offset at which two files differ. Stretches that are holes in both are not read.
fn same_bytes(
    a: &mut dyn Content,
    b: &mut dyn Content,
    size: u64,
    monitor: &dyn Monitor,
) -> std::result::Result<Option<u64>, String> {
    let (mut one, mut other) = (vec![0; UNIT], vec![0; UNIT]);
    let mut at = 0;
    while at < size {
        let next = |content: &mut dyn Content| {
            content.data_after(at).map(|data| data.map_or(size, |(from, _)| from))
        };
        let data = next(a)?.min(next(b)?);
        if data > at {
            monitor.advance(data.min(size) - at, 0);
            at = data.min(size);
            continue;
        }
        let length = usize::try_from(size - at).map_or(UNIT, |left| left.min(UNIT));
        let (read, wrote) = (a.read_at(at, &mut one[..length])?, b.read_at(at, &mut other[..length])?);
        if one[..read] != other[..wrote] {
            let same = one[..read].iter().zip(&other[..wrote]).take_while(|(a, b)| a == b).count();
            return Ok(Some(at + same as u64));
        }
        if read == 0 {
            return Ok(None);
        }
        monitor.advance(read as u64, 0);
        at += read as u64;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Silent;

    fn compare(a: &Path, b: &Path) -> Comparison {
        let mut found = Comparison::default();
        let (mut a, mut b) =
            (TreeSource::open(a, Vec::new()).unwrap(), TreeSource::open(b, Vec::new()).unwrap());
        walk(&mut a, &mut b, None, &mut found, &Silent).unwrap();
        found
    }

    #[test]
    fn every_kind_of_difference_is_found() {
        let temp = tempfile::tempdir().unwrap();
        let (a, b) = (temp.path().join("a"), temp.path().join("b"));
        std::fs::create_dir(&a).unwrap();
        std::fs::write(a.join("file"), vec![7; 700_000]).unwrap();
        std::fs::write(a.join("other"), b"x").unwrap();
        std::os::unix::fs::symlink("file", a.join("link")).unwrap();
        archive(&a, &b);
        assert_eq!(compare(&a, &b).differing, 0);
        assert_eq!(compare(&a, &b).bytes, 700_001);
        type Damage = (&'static str, fn(&Path));
        let damages: [Damage; 5] = [
            ("other bytes from 699999 on", |b| {
                let mut bytes = vec![7; 700_000];
                bytes[699_999] = 8;
                let time = std::fs::metadata(b.join("file")).unwrap().modified().unwrap();
                std::fs::write(b.join("file"), bytes).unwrap();
                std::fs::File::options()
                    .write(true)
                    .open(b.join("file"))
                    .unwrap()
                    .set_modified(time)
                    .unwrap();
            }),
            ("another size", |b| std::fs::write(b.join("file"), b"short").unwrap()),
            ("only on one side", |b| std::fs::remove_file(b.join("other")).unwrap()),
            ("only on one side", |b| std::fs::write(b.join("more"), b"").unwrap()),
            ("another link target", |b| {
                std::fs::remove_file(b.join("link")).unwrap();
                std::os::unix::fs::symlink("elsewhere", b.join("link")).unwrap();
            }),
        ];
        for (how, damage) in damages {
            std::fs::remove_dir_all(&b).unwrap();
            archive(&a, &b);
            damage(&b);
            let found = compare(&a, &b);
            assert!(found.differing > 0, "{how} went unnoticed");
            let named: Vec<_> = found.differences.iter().map(|(_, how)| how.as_str()).collect();
            let expected = if how == "another link target" { "another modification time" } else { how };
            assert!(named.contains(&how) || named.contains(&expected), "{how}: {named:?}");
        }
    }

    fn archive(a: &Path, b: &Path) {
        let done = std::process::Command::new("cp").arg("-aT").args([a, b]).status().unwrap();
        assert!(done.success());
    }
}
