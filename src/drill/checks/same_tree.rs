//! Two trees hold the same: every name, every byte, and the metadata that a restore gives back.

use super::original::Original;
use crate::domain::{ByteName, Kind, Monitor, Phase, Problem, Result};
use crate::providers::files::TreeSource;
use crate::vault::format::{Entry, EntryKind, UNIT};
use crate::vault::metadata::{Excuses, Kept};
use crate::vault::{Content, Item, Source};
use std::cmp::Ordering;
use std::path::Path;

/// What comparing found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Entries compared: those that are the same, and those that differ.
    pub entries: u64,
    /// Bytes of files compared.
    pub bytes: u64,
    /// Paths that differ, with how: at most a hundred.
    pub differences: Vec<(ByteName, String)>,
    /// How many differ in all.
    pub differing: u64,
    /// Entries that differ, but whose original changed since it was copied: nothing can be said of them here.
    pub changed_since: u64,
    /// What the restore could not give back, and was therefore not compared.
    pub not_given: Kept,
    /// Device nodes that the restore left out.
    pub devices_left_out: u64,
    /// Directories that are other volumes, and were not entered.
    pub other_volumes: u64,
    /// The first few of them.
    pub other_volumes_named: Vec<ByteName>,
}

/// What a restore said that it left out: so much is excused, and no more.
#[derive(Debug, Clone, Copy, Default)]
pub struct LeftOut {
    /// Owners and attributes.
    pub not_given: Kept,
    /// Device nodes, and their other names.
    pub devices: u64,
}

/// Differences kept by name, and other volumes.
const NAMED: usize = 100;
const VOLUMES_NAMED: usize = 5;

/// Compares a restored tree with the original. What the restore left out is excused as often as it said;
/// entries of the original that changed after it was copied are counted apart. About `expected` bytes are
/// to be compared.
///
/// # Errors
/// When either cannot be read.
pub fn same_tree(
    original: &Original,
    restored: &Path,
    left_out: LeftOut,
    expected: u64,
    monitor: &dyn Monitor,
) -> Result<Comparison> {
    let mut left = TreeSource::open(&original.path, Vec::new())?;
    let mut right = TreeSource::open(restored, Vec::new())?;
    monitor.begin(Phase::Compare, Some(expected));
    let mut walk = Walk {
        original,
        left_out,
        excuses: Excuses::new(left_out.not_given),
        dirs: Vec::new(),
        found: Comparison::default(),
        monitor,
    };
    let compared = walk.all(&mut left, &mut right);
    monitor.end();
    compared?;
    Ok(Comparison { not_given: walk.excuses.used(), ..walk.found })
}

struct Walk<'a> {
    original: &'a Original,
    left_out: LeftOut,
    excuses: Excuses,
    /// The directories of the original that we are in, and whether they changed since they were copied.
    dirs: Vec<(ByteName, bool)>,
    found: Comparison,
    monitor: &'a dyn Monitor,
}

impl Walk<'_> {
    fn all(&mut self, left: &mut TreeSource, right: &mut TreeSource) -> Result<()> {
        let (mut a, mut b) = (left.next()?, right.next()?);
        while a.is_some() || b.is_some() {
            let order = match (&a, &b) {
                (Some(a), Some(b)) => Entry::compare_paths(path_of(a), path_of(b)),
                (Some(_), None) => Ordering::Less,
                _ => Ordering::Greater,
            };
            let original = if order == Ordering::Greater { None } else { a.take() };
            let restored = if order == Ordering::Less { None } else { b.take() };
            self.pair(original, restored);
            if self.monitor.cancelled() {
                return Err(Problem::new(Kind::Cancelled, "stopped as asked"));
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

    fn pair(&mut self, original: Option<Item>, restored: Option<Item>) {
        let Some(path) = original.as_ref().or(restored.as_ref()).map(|item| path_of(item).clone()) else {
            return;
        };
        if let (Some(item), None) = (&original, &restored)
            && self.is_device_left_out(item)
        {
            self.found.devices_left_out += 1;
            return;
        }
        if let Some(Item::Boundary(entry)) = &original {
            self.found.other_volumes += 1;
            if self.found.other_volumes_named.len() < VOLUMES_NAMED {
                self.found.other_volumes_named.push(entry.path.clone());
            }
        }
        let changed = self.changed(&path, original.as_ref());
        let size = original.as_ref().map_or(0, size_of);
        match self.difference(original, restored) {
            Some(_) if changed => {
                self.found.changed_since += 1;
                return;
            }
            Some(how) => {
                self.found.differing += 1;
                if self.found.differences.len() < NAMED {
                    self.found.differences.push((path, how));
                }
            }
            None => self.found.bytes += size,
        }
        self.found.entries += 1;
    }

    /// Whether the original changed since it was copied. What is gone from it changed the directory it was in.
    fn changed(&mut self, path: &ByteName, original: Option<&Item>) -> bool {
        while self.dirs.last().is_some_and(|(dir, _)| !is_below(path, dir)) {
            self.dirs.pop();
        }
        match original.and_then(entry_of) {
            Some(entry) => {
                let changed = self.original.changed(entry);
                if entry.kind == EntryKind::Dir {
                    self.dirs.push((path.clone(), changed));
                }
                changed
            }
            None => original.is_none() && self.dirs.last().is_some_and(|(_, changed)| *changed),
        }
    }

    /// A device node, or another name of one, while the restore left out more than were met.
    fn is_device_left_out(&self, item: &Item) -> bool {
        let kinds = [EntryKind::CharDevice, EntryKind::BlockDevice, EntryKind::Hardlink];
        self.found.devices_left_out < self.left_out.devices
            && entry_of(item).is_some_and(|entry| kinds.contains(&entry.kind))
    }

    /// How two entries differ, if they do.
    fn difference(&self, a: Option<Item>, b: Option<Item>) -> Option<String> {
        let (Some(a), Some(b)) = (a, b) else { return Some("only on one side".into()) };
        let (Some(left), Some(right)) = (entry_of(&a), entry_of(&b)) else {
            return Some("could not be read".into());
        };
        if let Some(what) = self.excuses.difference(left, right) {
            return Some(format!("another {what}"));
        }
        let (Item::File(entry, mut a), Item::File(_, mut b)) = (a, b) else { return None };
        match same_bytes(&mut *a, &mut *b, entry.size, self.monitor) {
            Ok(None) => None,
            Ok(Some(at)) => Some(format!("other bytes from {at} on")),
            Err(because) => Some(because),
        }
    }
}

fn is_below(path: &ByteName, dir: &ByteName) -> bool {
    let (path, dir) = (path.as_bytes(), dir.as_bytes());
    dir.is_empty() || path.strip_prefix(dir).is_some_and(|rest| rest.first() == Some(&b'/'))
}

fn entry_of(item: &Item) -> Option<&Entry> {
    match item {
        Item::Plain(entry) | Item::Boundary(entry) | Item::File(entry, _) | Item::Stream(entry, _) => {
            Some(entry)
        }
        Item::Missed(_) => None,
    }
}

fn size_of(item: &Item) -> u64 {
    if let Item::File(entry, _) = item { entry.size } else { 0 }
}

fn path_of(item: &Item) -> &ByteName {
    match item {
        Item::Plain(entry) | Item::Boundary(entry) | Item::File(entry, _) | Item::Stream(entry, _) => {
            &entry.path
        }
        Item::Missed(missed) => &missed.path,
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
    while at < size && !monitor.cancelled() {
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
    use crate::hand::{TempDir, fs};

    fn compare(a: &Path, b: &Path) -> Comparison {
        same_tree(&Original::still(a), b, LeftOut::default(), 0, &Silent).unwrap()
    }

    #[test]
    fn every_kind_of_difference_is_found() {
        let temp = TempDir::new();
        let (a, b) = (temp.path().join("a"), temp.path().join("b"));
        std::fs::create_dir(&a).unwrap();
        fs::write(a.join("file"), vec![7; 700_000]).unwrap();
        fs::write(a.join("other"), b"x").unwrap();
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
                fs::write(b.join("file"), bytes).unwrap();
                fs::set_modified(b.join("file"), time).unwrap();
            }),
            ("another size", |b| fs::write(b.join("file"), b"short").unwrap()),
            ("only on one side", |b| fs::remove_file(b.join("other")).unwrap()),
            ("only on one side", |b| fs::write(b.join("more"), b"").unwrap()),
            ("another link target", |b| {
                fs::remove_file(b.join("link")).unwrap();
                std::os::unix::fs::symlink("elsewhere", b.join("link")).unwrap();
            }),
        ];
        for (how, damage) in damages {
            fs::remove_dir_all(&b).unwrap();
            archive(&a, &b);
            damage(&b);
            let found = compare(&a, &b);
            assert!(found.differing > 0, "{how} went unnoticed");
            let named: Vec<_> = found.differences.iter().map(|(_, how)| how.as_str()).collect();
            let expected = if how == "another link target" { "another modification time" } else { how };
            assert!(named.contains(&how) || named.contains(&expected), "{how}: {named:?}");
        }
    }

    #[test]
    fn only_what_changed_after_the_copy_began_is_counted_apart_and_never_as_compared() {
        let temp = TempDir::new();
        let (a, b) = (temp.path().join("a"), temp.path().join("b"));
        std::fs::create_dir(&a).unwrap();
        for name in ["early", "late", "gone", "same"] {
            fs::write(a.join(name), name).unwrap();
        }
        // A time of modification in the future excuses nothing.
        let future = std::time::SystemTime::now() + std::time::Duration::from_secs(1 << 30);
        fs::set_modified(a.join("early"), future).unwrap();
        archive(&a, &b);
        fs::write(b.join("early"), "EARLY").unwrap();
        fs::set_modified(b.join("early"), future).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(50));
        let copied = chrono::Utc::now();
        std::thread::sleep(std::time::Duration::from_millis(50));
        fs::write(a.join("late"), "other").unwrap();
        fs::remove_file(a.join("gone")).unwrap();
        let found =
            same_tree(&Original::live(&a, copied, chrono::Utc::now), &b, LeftOut::default(), 0, &Silent)
                .unwrap();
        let named: Vec<_> = found.differences.iter().map(|(path, _)| path.to_string()).collect();
        assert_eq!(named, ["early"], "{found:?}");
        // The root, late and gone changed; only "same" and "early" were compared.
        assert_eq!((found.changed_since, found.entries, found.bytes), (3, 2, 4), "{found:?}");
        // Of a moment that has not come yet nothing can have changed.
        let later = copied + chrono::TimeDelta::seconds(100);
        let found =
            same_tree(&Original::live(&a, later, chrono::Utc::now), &b, LeftOut::default(), 0, &Silent)
                .unwrap();
        assert_eq!((found.changed_since, found.differing), (0, 4), "{found:?}");
    }

    fn archive(a: &Path, b: &Path) {
        let done = crate::hand::output(std::process::Command::new("cp").arg("-aT").args([a, b])).unwrap();
        assert!(done.status.success());
    }
}
