//! A part of a recovery point: the entries that globs name, and the directories that lead to them.

use super::super::Vault;
use super::super::format::{Entry, EntryKind, PageKind, PageRef};
use super::super::line::is_at_or_above;
use super::super::tree::Entries;
use super::content::cannot_be_had;
use crate::domain::{ByteName, Kind, Monitor, Problem, Result, printable};
use globset::{GlobBuilder, GlobMatcher, GlobSet, GlobSetBuilder};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Entries by globs over their paths below the volume's root. `*` and `?` stay within a name, `**` does not. A glob without a slash
/// is of a name anywhere. A directory stands for all that is in it.
#[derive(Debug, Clone)]
pub struct Only {
    set: GlobSet,
    /// Each of them, as it was given.
    each: Vec<(String, GlobMatcher)>,
}

impl Only {
    /// Of several globs, each of which may name entries.
    ///
    /// # Errors
    /// `Usage` for one that is none.
    pub fn new(globs: &[String]) -> Result<Self> {
        let (mut set, mut each) = (GlobSetBuilder::new(), Vec::new());
        for given in globs {
            let wrong = |why: String| {
                let what = format!("`{}` is no glob: {why}", printable(given.as_bytes()));
                Problem::new(Kind::Usage, what).remedy("write one like 'etc/*.conf', 'etc/**' or '*.conf'")
            };
            let path = given.trim_start_matches("./").trim_end_matches('/');
            let glob = match path.strip_prefix('/') {
                Some(from_root) => from_root.to_owned(),
                None if path.contains('/') => path.to_owned(),
                None => format!("**/{path}"),
            };
            if path.trim_start_matches('/').is_empty() {
                return Err(wrong("it names nothing".into()));
            }
            let glob = GlobBuilder::new(&glob).literal_separator(true).backslash_escape(true).build();
            let glob = glob.map_err(|error| wrong(error.kind().to_string()))?;
            each.push((given.clone(), glob.compile_matcher()));
            set.add(glob);
        }
        let set = set.build().map_err(|error| Problem::new(Kind::Usage, error.to_string()))?;
        Ok(Self { set, each })
    }

    /// As they were given.
    pub fn given(&self) -> impl Iterator<Item = &str> {
        self.each.iter().map(|(given, _)| given.as_str())
    }

    /// Whether this very path is named.
    fn names(&self, path: &[u8]) -> bool {
        !path.is_empty() && self.set.is_match(Path::new(OsStr::from_bytes(path)))
    }

    /// Whether the path, or a directory that leads to it, is named.
    fn covers(&self, path: &[u8]) -> bool {
        let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        slashes.chain([path.len()]).any(|end| self.names(&path[..end]))
    }
}

/// Tells entry by entry, in the order of the tree, whether it is named: without asking for each directory above it anew.
pub struct Picker<'a> {
    only: &'a Only,
    inside: Option<ByteName>,
}

impl<'a> Picker<'a> {
    /// At the beginning of a tree.
    pub fn new(only: &'a Only) -> Self {
        Self { only, inside: None }
    }

    /// Whether it, or a directory that it is in, is named.
    pub fn picks(&mut self, entry: &Entry) -> bool {
        let path = entry.path.as_bytes();
        if self.inside.as_ref().is_some_and(|inside| is_at_or_above(inside.as_bytes(), path)) {
            return true;
        }
        let picked = self.only.names(path);
        if picked && entry.kind == EntryKind::Dir {
            self.inside = Some(entry.path.clone());
        }
        picked
    }
}

/// What is to be restored of a recovery point.
#[derive(Debug, Clone, Default)]
pub struct Part {
    only: Option<Only>,
    /// First names that are not named themselves, of files that are by another name.
    firsts: BTreeSet<ByteName>,
    /// Entries that are named.
    pub named: u64,
    /// Regular files among them.
    pub files: u64,
    /// Their sizes together, in bytes.
    pub bytes: u64,
}

impl Part {
    /// Looks through the whole tree for what is named. Pages of the tree that cannot be had are passed over where the restore goes on
    /// despite damage, which lists them as lost.
    ///
    /// # Errors
    /// `NotFound` where a glob names nothing; `Refused` where the point is of one file; `Damaged`; what the store said.
    pub fn of(
        vault: &Vault,
        tree: &PageRef,
        only: &Only,
        despite_damage: bool,
        monitor: &dyn Monitor,
    ) -> Result<Self> {
        let mut part = Self { only: Some(only.clone()), ..Self::default() };
        let mut picker = Picker::new(only);
        let (mut links, mut unused) = (Vec::new(), only.each.clone());
        let mut lost = None;
        for entry in Entries::new(vault, PageKind::Entries, tree) {
            let entry = match entry {
                Err(problem) if despite_damage && cannot_be_had(&problem) => {
                    lost.get_or_insert(problem);
                    continue;
                }
                entry => entry?,
            };
            if monitor.cancelled() {
                return Err(Problem::new(Kind::Cancelled, "stopped as asked; nothing was written"));
            }
            if entry.path.as_bytes().is_empty() {
                if entry.kind == EntryKind::File {
                    let what = "the recovery point is of one file, and a part of that cannot be named";
                    return Err(Problem::new(Kind::Refused, what).remedy("leave out --only"));
                }
            } else if picker.picks(&entry) {
                unused
                    .retain(|(_, glob)| !glob.is_match(Path::new(OsStr::from_bytes(entry.path.as_bytes()))));
                part.named += 1;
                part.files += u64::from(entry.kind == EntryKind::File);
                part.bytes += entry.size;
                links.extend(entry.target.filter(|_| entry.kind == EntryKind::Hardlink));
            }
        }
        part.firsts = links.into_iter().filter(|first| !only.covers(first.as_bytes())).collect();
        // What a lost page named, nobody knows: what is there is better than nothing.
        if unused.is_empty() || part.named > 0 && lost.is_some() {
            return Ok(part);
        }
        let globs: Vec<String> = unused.iter().map(|(given, _)| printable(given.as_bytes())).collect();
        let what = format!("the recovery point holds nothing like {}", globs.join(", "));
        Err(match lost {
            Some(problem) => {
                Problem { what: format!("{what} in what can be read of it: {}", problem.what), ..problem }
            }
            None => Problem::new(Kind::NotFound, format!("{what}; nothing was written"))
                .remedy("paths begin below the volume's root; `outlive restore --list` shows them"),
        })
    }

    /// True where it is all.
    pub fn is_all(&self) -> bool {
        self.only.is_none()
    }

    /// The globs it was asked for by; none where it is all.
    pub fn given(&self) -> Vec<String> {
        self.only.iter().flat_map(Only::given).map(|glob| printable(glob.as_bytes())).collect()
    }

    /// What it consists of, in the order of the tree.
    pub fn entries<'v>(
        &'v self,
        vault: &Vault,
        tree: &PageRef,
    ) -> Box<dyn Iterator<Item = Result<Entry>> + 'v> {
        let all = Entries::new(vault, PageKind::Entries, tree);
        match &self.only {
            None => Box::new(all),
            Some(only) => Box::new(Parts {
                all,
                picker: Picker::new(only),
                firsts: &self.firsts,
                seen: BTreeMap::new(),
                leading: Vec::new(),
                ready: VecDeque::new(),
            }),
        }
    }
}

/// What is known of a file whose first name is left out.
enum First {
    /// It itself, until the first of its other names comes.
    Seen(Box<Entry>),
    /// The name that stands for the first.
    Now(ByteName),
}

struct Parts<'a> {
    all: Entries,
    picker: Picker<'a>,
    firsts: &'a BTreeSet<ByteName>,
    seen: BTreeMap<ByteName, First>,
    /// Directories that may lead to something: given once there is something.
    leading: Vec<Entry>,
    ready: VecDeque<Entry>,
}

impl Parts<'_> {
    fn take(&mut self, entry: Entry) {
        while self.leading.last().is_some_and(|above| !leads_to(above, &entry)) {
            self.leading.pop();
        }
        if self.picker.picks(&entry) {
            self.ready.extend(self.leading.drain(..));
            let entry = self.renamed(entry);
            self.ready.push_back(entry);
        } else if self.firsts.contains(&entry.path) {
            self.seen.insert(entry.path.clone(), First::Seen(Box::new(entry)));
        } else if entry.kind == EntryKind::Dir {
            self.leading.push(entry);
        }
    }

    /// A hard link to what is left out is the file itself, and the next one a link to that.
    fn renamed(&mut self, entry: Entry) -> Entry {
        let known = entry.target.as_ref().filter(|_| entry.kind == EntryKind::Hardlink);
        let Some(first) = known.and_then(|target| self.seen.get_mut(target)) else { return entry };
        match std::mem::replace(first, First::Now(entry.path.clone())) {
            First::Seen(whole) => Entry { path: entry.path, ..*whole },
            First::Now(path) => {
                *first = First::Now(path.clone());
                Entry { target: Some(path), ..entry }
            }
        }
    }
}

fn leads_to(above: &Entry, entry: &Entry) -> bool {
    is_at_or_above(above.path.as_bytes(), entry.path.as_bytes())
}

impl Iterator for Parts<'_> {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Result<Entry>> {
        loop {
            if let Some(entry) = self.ready.pop_front() {
                return Some(Ok(entry));
            }
            match self.all.next()? {
                Ok(entry) => self.take(entry),
                Err(problem) => return Some(Err(problem)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(glob: &str, path: &str) -> bool {
        Only::new(&[glob.to_owned()]).unwrap().covers(path.as_bytes())
    }

    #[test]
    fn a_glob_names_entries_and_all_that_is_in_a_directory() {
        for (glob, path) in [
            ("etc", "etc/a/b"),
            ("etc/", "etc/a"),
            ("/etc", "etc/a"),
            ("./etc/a", "etc/a"),
            ("*.conf", "etc/deep/a.conf"),
            ("etc/*.conf", "etc/a.conf"),
            ("etc/**/*.conf", "etc/x/y/a.conf"),
            ("**/a.conf", "a.conf"),
            ("a?c", "x/abc"),
            ("a[bc]", "ab"),
            ("{a,b}", "b"),
            ("a\\*", "a*"),
        ] {
            assert!(covers(glob, path), "{glob} {path}");
        }
        for (glob, path) in [
            ("/etc", "var/etc"),
            ("etc/*.conf", "etc/x/a.conf"),
            ("etc/a", "x/etc/a"),
            ("*.conf", "etc/conf"),
            ("a\\*", "ab"),
            ("etc", "etcetera"),
        ] {
            assert!(!covers(glob, path), "{glob} {path}");
        }
        assert!(Only::new(&["*".to_owned()]).unwrap().covers(b"\xff\xfe"));
        for wrong in ["", "/", "./", "a[", "{a"] {
            assert_eq!(Only::new(&[wrong.to_owned()]).unwrap_err().kind, Kind::Usage, "{wrong}");
        }
    }
}
