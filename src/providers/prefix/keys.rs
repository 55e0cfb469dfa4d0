//! Keys as paths of a tree: in the order of a recovery point, with the directories that they imply, and what cannot be
//! a file among them.

use crate::domain::{Kind, Problem, Result};
use crate::store::Object;
use crate::vault::format::Entry;

/// The longest name of a file, in bytes: `NAME_MAX` of Linux.
const LONGEST: usize = 255;
/// The longest path, in bytes: `PATH_MAX` of Linux, without the zero byte at its end.
const LONGEST_PATH: usize = 4095;

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// A directory of this path; the root's is empty.
    Directory(String),
    /// A file: the object of this number.
    File(usize),
    /// An object that is no file, and why.
    Odd(usize, String),
}

/// What a key can be.
enum Path<'a> {
    /// A file of this path.
    File(&'a str),
    /// A directory of this path: an empty object stands for it.
    Directory(&'a str),
    /// Neither.
    Odd(String),
}

fn path(object: &Object) -> Path<'_> {
    let name = &*object.name;
    let (path, is_directory) = name.strip_suffix('/').map_or((name, name.is_empty()), |path| (path, true));
    if is_directory && object.bytes > 0 {
        let bytes = object.bytes;
        return Path::Odd(format!("its key is that of a directory, and it holds {bytes} bytes"));
    }
    // An object that stands for the prefix itself.
    if name.is_empty() {
        return Path::Directory("");
    }
    let too_long = || {
        let bytes = path.len();
        (bytes > LONGEST_PATH).then(|| format!("has {bytes} bytes: a path has at most {LONGEST_PATH}"))
    };
    let wrong = path.split('/').find_map(|part| match part {
        "" => Some("has an empty part: no file can be called so".to_owned()),
        "." | ".." => Some(format!("has the part {part:?}: no file can be called so")),
        part if part.contains('\0') => Some("has a zero byte: no file can be called so".to_owned()),
        part if part.len() > LONGEST => {
            Some(format!("has a part of {} bytes: a file's name has at most {LONGEST}", part.len()))
        }
        _ => None,
    });
    match wrong.or_else(too_long) {
        Some(wrong) => Path::Odd(format!("its key {wrong}")),
        None if is_directory => Path::Directory(path),
        None => Path::File(path),
    }
}

/// False for an empty object that stands for a directory.
pub fn is_more_than_a_directory(object: &Object) -> bool {
    !matches!(path(object), Path::Directory(_))
}

/// Puts objects in the order of a recovery point.
///
/// # Errors
/// Where one key is there twice.
pub fn sort(objects: &mut [Object]) -> Result<()> {
    objects.sort_unstable_by(|a, b| order(&a.name, &b.name));
    match objects.windows(2).find(|pair| pair[0].name == pair[1].name) {
        None => Ok(()),
        Some(_) => Err(Problem::new(Kind::Io, "the store's list names a key twice")
            .remedy("tell whoever runs the store; nothing is concluded from such a list")),
    }
}

/// The order of a recovery point, and among keys that are no paths any that tells them apart.
pub fn order(a: &str, b: &str) -> std::cmp::Ordering {
    Entry::compare(a.as_bytes(), b.as_bytes()).then_with(|| a.cmp(b))
}

/// Goes through sorted objects as a tree.
#[derive(Debug, Default)]
pub struct Walk {
    next: usize,
    /// The directory that was given last, once one was.
    directory: Option<String>,
}

impl Walk {
    /// What comes next of the objects, which must be the same each time.
    pub fn next(&mut self, objects: &[Object]) -> Option<Step> {
        if self.directory.is_none() {
            return Some(self.enter(String::new()));
        }
        loop {
            let number = self.next;
            let object = objects.get(number)?;
            let (wanted, is_file) = match path(object) {
                Path::Odd(because) => {
                    self.next += 1;
                    return Some(Step::Odd(number, because));
                }
                Path::File(path) => (path.rsplit_once('/').map_or("", |(directory, _)| directory), true),
                Path::Directory(path) => (path, false),
            };
            if let Some(directory) = self.to_enter(wanted) {
                return Some(self.enter(directory));
            }
            self.next += 1;
            if !is_file {
                continue;
            }
            if is_directory_too(objects, number) {
                let because = "there are objects below it as in a directory, and nothing can be both".into();
                return Some(Step::Odd(number, because));
            }
            return Some(Step::File(number));
        }
    }

    fn enter(&mut self, directory: String) -> Step {
        self.directory = Some(directory.clone());
        Step::Directory(directory)
    }

    /// The outermost directory on the way to `wanted` that was not given yet.
    fn to_enter(&self, wanted: &str) -> Option<String> {
        let last = self.directory.as_deref().unwrap_or_default();
        let was_given = |path: &str| {
            path.is_empty()
                || last.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let ends = wanted.match_indices('/').map(|(at, _)| at).chain([wanted.len()]);
        ends.map(|end| &wanted[..end]).find(|path| !was_given(path)).map(str::to_owned)
    }
}

/// Whether the objects that follow a file lie below it.
fn is_directory_too(objects: &[Object], number: usize) -> bool {
    let name = &*objects[number].name;
    let below = objects[number + 1..].iter().map_while(|object| {
        let rest = object.name.strip_prefix(name)?;
        rest.starts_with(['/', '\0']).then_some((object, rest))
    });
    below.into_iter().any(|(object, rest)| rest.starts_with('/') && !matches!(path(object), Path::Odd(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(name: &str, bytes: u64) -> Object {
        Object { name: name.into(), bytes, etag: "e".into(), stored_at: None }
    }

    /// The steps as words: `d:` a directory, `f:` a file, `!` what is neither.
    fn walked(names: &[&str]) -> Vec<String> {
        let mut objects: Vec<Object> =
            names.iter().map(|name| object(name, u64::from(!name.ends_with('/')))).collect();
        sort(&mut objects).unwrap();
        let mut walk = Walk::default();
        let steps = std::iter::from_fn(|| walk.next(&objects));
        let word = |step| match step {
            Step::Directory(path) => format!("d:{path}"),
            Step::File(number) => format!("f:{}", objects[number].name),
            Step::Odd(number, _) => format!("!{}", objects[number].name.escape_debug()),
        };
        steps.map(word).collect()
    }

    #[test]
    fn keys_become_a_tree_in_the_order_of_a_recovery_point() {
        let names = ["a-b/x", "a/y", "a/b/c/z", "b", "a.c", "e/", "e/f/", "é"];
        let wanted = [
            "d:",
            "d:a",
            "d:a/b",
            "d:a/b/c",
            "f:a/b/c/z",
            "f:a/y",
            "d:a-b",
            "f:a-b/x",
            "f:a.c",
            "f:b",
            "d:e",
            "d:e/f",
            "f:é",
        ];
        assert_eq!(walked(&names), wanted);
    }

    #[test]
    fn what_cannot_be_a_file_is_told_and_nothing_else_is_lost() {
        let long = "l".repeat(256);
        let names = ["a//b", "/x", "../y", "c/./d", "n\0l", &long, "f", "f/g", "f//h", "f\0i", "z"];
        let steps = walked(&names);
        let odd = ["!a//b", "!/x", "!../y", "!c/./d", "!n\\0l", "!f", "!f//h", "!f\\0i"];
        for name in odd.into_iter().map(str::to_owned).chain([format!("!{long}")]) {
            assert!(steps.contains(&name), "{name} is not in {steps:?}");
        }
        let rest: Vec<&String> = steps.iter().filter(|step| !step.starts_with('!')).collect();
        assert_eq!(rest, ["d:", "d:f", "f:f/g", "f:z"]);
        // What lies below only as an odd key leaves the file a file.
        assert_eq!(walked(&["f", "f//h"]), ["d:", "f:f", "!f//h"]);
        // An empty object stands for its directory, also for the prefix itself; one with bytes does not.
        assert_eq!(walked(&["f", "f/"]), ["d:", "!f", "d:f"]);
        let of = |name| Walk { next: 0, directory: Some(String::new()) }.next(&[object(name, 3)]);
        assert!(matches!(of("d/"), Some(Step::Odd(0, because)) if because.contains("3 bytes")));
        assert!(matches!(of(""), Some(Step::Odd(0, _))));
        assert_eq!(Walk { next: 0, directory: Some(String::new()) }.next(&[object("", 0)]), None);
    }

    #[test]
    fn a_path_that_no_file_can_have_is_told() {
        let deep = "d/".repeat(2047);
        let (fits, over) = (format!("{deep}f"), format!("{deep}ff"));
        assert_eq!((fits.len(), over.len()), (4095, 4096));
        assert!(walked(&[&fits]).contains(&format!("f:{fits}")));
        assert!(walked(&[&over]).contains(&format!("!{over}")));
    }

    #[test]
    fn a_list_that_names_a_key_twice_is_refused() {
        assert!(sort(&mut [object("a", 1), object("b", 1), object("a", 1)]).is_err());
        assert!(sort(&mut [object("a/b", 1), object("a\0b", 1)]).is_ok());
    }
}
