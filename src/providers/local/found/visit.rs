//! What a walk notes of the files and directories that it meets.

use super::kind::{Content, Whole};
use super::repository;
use super::shared::Index;
use super::walk::{Enter, Left, Visit};
use super::{Around, Asked, Job, Thing, postgres, sample};
use crate::domain::{GapReason, PointKind, VolumeId};
use crate::providers::local::place::Place;
use crate::providers::local::unseen::Unseen;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// More things of one directory are not listed.
const MOST: usize = 5_000;

/// The marker of a vault of ours.
const VAULT: &str = "vault.json";

/// Files that are no copies of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tied {
    /// The file, or the directory that holds them.
    pub(super) path: PathBuf,
    /// The volume whose bytes they are.
    pub(super) volume: VolumeId,
    /// Hard links, or reflinks.
    pub(super) kind: PointKind,
    /// How many of its files, and of how many.
    pub(super) count: usize,
    pub(super) of: usize,
    /// The bytes that the volume's files have too.
    pub(super) bytes: u64,
}

/// What one walk found.
pub(super) struct Found {
    pub(super) things: Vec<Thing>,
    pub(super) left: Left,
    pub(super) index: Option<Index>,
}

pub(super) struct Visitor<'a> {
    job: &'a Job,
    around: &'a Around,
    root: &'a Place,
    index: Option<Index>,
    things: Vec<Thing>,
    left: Left,
    /// By the thing directly below the root, or the file itself: its files, and those that are tied to a volume.
    groups: BTreeMap<PathBuf, usize>,
    tied: BTreeMap<(PathBuf, usize, PointKind), (usize, u64)>,
}

impl<'a> Visitor<'a> {
    pub(super) fn new(job: &'a Job, around: &'a Around, root: &'a Place, index: Option<Index>) -> Self {
        Self {
            job,
            around,
            root,
            index,
            things: Vec::new(),
            left: Left::default(),
            groups: BTreeMap::new(),
            tied: BTreeMap::new(),
        }
    }

    /// A volume that is one file: nothing lies in it, but others may share its bytes.
    pub(super) fn only_the_file(&mut self, place: &Place) -> Left {
        let mut left = Left::default();
        match (fs::symlink_metadata(&place.path), &mut self.index) {
            (Ok(seen), Some(index)) => index.add(&place.path, &seen),
            (Err(error), _) => left.unread(&place.path, Unseen::io(&error)),
            _ => {}
        }
        left
    }

    pub(super) fn end(mut self) -> Found {
        for ((path, volume, kind), (count, bytes)) in std::mem::take(&mut self.tied) {
            let of = self.groups.get(&path).copied().unwrap_or(count);
            if let Some(index) = self.around.shared.get(volume) {
                let volume = index.volume.clone();
                self.add(Thing::Tied(Tied { path, volume, kind, count, of, bytes }));
            }
        }
        if let Some(index) = &mut self.index {
            index.settle();
        }
        Found { things: self.things, left: self.left, index: self.index }
    }

    fn add(&mut self, thing: Thing) {
        if self.things.len() < MOST {
            self.things.push(thing);
            return;
        }
        let detail = format!("more than {MOST} recovery points were found; those after these are not listed");
        self.left.bound = Some(Unseen::new(GapReason::Unsupported, detail));
    }

    /// A dump or archive lies anywhere; a database or an image inside of a volume is what the volume is for.
    fn is_wanted(&self, content: &Content) -> bool {
        match self.job.asked {
            Asked::Inside(_) => matches!(content.kind, PointKind::Dump | PointKind::Archive),
            Asked::LookIn(_) => true,
        }
    }

    fn look(&mut self, path: &Path) {
        match sample::open(path).and_then(|file| sample::look(&file)) {
            Ok(Some(content)) if self.is_wanted(&content) => {
                let content = beside(path, content);
                self.add(Thing::Content(path.to_owned(), content));
            }
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => self.left.unread(path, Unseen::io(&error)),
        }
    }

    /// Notes what the file shares with volumes elsewhere.
    fn tie(&mut self, path: &Path, seen: &Metadata) {
        let around = self.around;
        let top = self.top(path);
        let device = self.root.mount.device;
        for (number, index) in around.shared.iter().enumerate() {
            let group = if index.is_file { path.to_owned() } else { top.clone() };
            // A file is a group of one: a million of them are not remembered.
            if number == 0 && top != path {
                *self.groups.entry(top.clone()).or_default() += 1;
            }
            let (kind, bytes) = match index.is_link(seen) {
                true => (PointKind::HardLink, seen.len()),
                false => (PointKind::Reflink, index.shared_bytes(device, path, seen)),
            };
            if kind == PointKind::HardLink || bytes > 0 {
                let (count, sum) = self.tied.entry((group, number, kind)).or_default();
                *count += 1;
                *sum += bytes;
            }
        }
    }

    /// What directly below the root the path lies in.
    fn top(&self, path: &Path) -> PathBuf {
        let below = path.strip_prefix(&self.root.path).ok().and_then(|below| below.components().next());
        below.map_or_else(|| path.to_owned(), |first| self.root.path.join(first))
    }
}

impl Visit for Visitor<'_> {
    fn directory(&mut self, _path: &Path, seen: &Metadata) -> Enter {
        match self.around.known.contains(&(seen.dev(), seen.ino())) {
            true => Enter::No,
            false => Enter::Yes,
        }
    }

    fn names(&mut self, path: &Path, names: &[OsString]) -> Enter {
        let has = |name: &str| names.iter().any(|have| have == name);
        if let Some(tool) = repository::recognise(path, names) {
            self.add(Thing::Repository(path.to_owned(), tool));
            return Enter::No;
        }
        if has(VAULT) && has("packs") {
            self.add(Thing::Vault(path.to_owned()));
            return Enter::No;
        }
        if has("toc.dat")
            && let Ok(toc) = sample::open(&path.join("toc.dat")).and_then(|file| sample::take(&file))
            && let Some(content) = postgres::directory(&toc)
        {
            self.add(Thing::Content(path.to_owned(), content));
            return Enter::No;
        }
        Enter::Yes
    }

    fn file(&mut self, path: &Path, seen: &Metadata) {
        if let Some(index) = &mut self.index {
            index.add(path, seen);
        }
        if self.around.shared.iter().any(|index| index.path == path) {
            return;
        }
        if matches!(self.job.asked, Asked::LookIn(_)) {
            self.tie(path, seen);
        }
        if seen.len() > 0 {
            self.look(path);
        }
    }
}

/// A database with a log beside it is not of one moment by itself.
fn beside(path: &Path, content: Content) -> Content {
    if content.kind != PointKind::DatabaseFile {
        return content;
    }
    let has = |end: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        fs::symlink_metadata(name).is_ok_and(|seen| seen.is_file() && seen.len() > 0)
    };
    let log = match () {
        () if has("-wal") => "-wal",
        () if has("-journal") => "-journal",
        () => return content,
    };
    let open = format!(
        "a log ({log}) lies beside it: without that it may be of no one moment, and it may be in use"
    );
    let whole = match content.whole {
        Whole::Cut(why) => Whole::Cut(why),
        _ => Whole::Open(open),
    };
    Content { whole, needs_more: true, ..content }
}
