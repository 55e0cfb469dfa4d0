//! A note beside the target says which restore was begun into it: so that one that was killed goes on, and no other goes into it.
//!
//! The note is only ever added to. When a restore was compared, it says so, and stays: nothing here removes it.

use super::super::format::Digest;
use super::super::{FoundRoot, Vault};
use super::only::Part;
use crate::domain::{Kind, Problem, Result, printable};
use rustix::fs::{FlockOperation, Mode, OFlags, flock};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

const SCHEMA: &str = "outlive/restore-note/v0";
/// A note has a few lines.
const MOST_BYTES: u64 = 1024 * 1024;

/// What is restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// The vault's identity.
    pub vault: String,
    /// The recovery point's.
    pub point: Digest,
    /// The globs of a part, in their order; none where it is all.
    pub only: Vec<String>,
}

impl Subject {
    /// A part of a recovery point.
    pub fn of(vault: &Vault, found: &FoundRoot, part: &Part) -> Self {
        Self { vault: vault.id().to_owned(), point: found.id, only: part.given() }
    }
}

/// One line of a note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
enum Line {
    /// A restore began.
    Begun { schema: String, subject: Subject },
    /// The target is there: what it is told by, and whether this restore made it.
    Made { told: String, new: bool },
    /// What was restored was compared, and is what the point holds.
    Finished,
}

/// A note that is held: nobody else restores into the target meanwhile.
#[derive(Debug)]
pub struct Note {
    file: File,
    place: String,
}

/// How a restore into a target begins.
#[derive(Debug)]
pub enum Beginning {
    /// As a new one.
    New(Note),
    /// As a new one, of which no note can be kept, and why.
    Unnoted(String),
    /// Where one that was stopped had come to.
    Again {
        note: Note,
        /// What the target is told by where it was made already, and whether that restore made it itself.
        made: Option<(String, bool)>,
    },
}

/// Whether a target may be begun anew, or why not.
pub type Vacant = std::result::Result<(), Problem>;

/// Says how the restore of this begins, and holds the target for it.
///
/// # Errors
/// Why the target is not vacant, unless it is of the same restore; `Refused` where another restore holds it.
pub fn begin(target: &Path, subject: &Subject, vacant: Vacant) -> Result<Beginning> {
    let path = match path_of(target) {
        Ok(path) => path,
        Err(why) => return vacant.map(|()| Beginning::Unnoted(why)),
    };
    let place = printable(path.as_os_str().as_bytes());
    let flags = OFlags::RDWR | OFlags::APPEND | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut note = match rustix::fs::open(&path, flags, Mode::empty()) {
        // Whoever else could write into a note could send this restore anywhere.
        Ok(file) if !is_own(&file) => {
            return vacant.map(|()| {
                Beginning::Unnoted(format!("{place}: of somebody else, or others may write to it"))
            });
        }
        Ok(file) => Note { file: file.into(), place },
        Err(Errno::NOENT) => {
            vacant?;
            return Ok(begin_new(&path, place, subject));
        }
        Err(error) => return vacant.map(|()| Beginning::Unnoted(format!("{place}: {error}"))),
    };
    note.hold()?;
    let lines = match note.lines() {
        Ok(lines) => lines,
        // Somebody's own file that has such a name: nothing is added to it.
        Err(why) => return vacant.map(|()| Beginning::Unnoted(why)),
    };
    let last = lines.iter().rposition(|line| matches!(line, Line::Begun { .. }));
    let since = last.map_or(&lines[..], |last| &lines[last..]);
    let is_finished = since.contains(&Line::Finished);
    let before = since.first().and_then(|line| match line {
        Line::Begun { subject, .. } => Some(subject),
        _ => None,
    });
    if before == Some(subject) && !is_finished {
        // What that restore had made was taken away: this one begins anew.
        if vacant.is_ok() {
            return note.add(&begun(subject)).map(|()| Beginning::New(note));
        }
        let made = since.iter().find_map(|line| match line {
            Line::Made { told, new } => Some((told.clone(), *new)),
            _ => None,
        });
        return Ok(Beginning::Again { note, made });
    }
    if let Err(problem) = vacant {
        return Err(match before {
            Some(other) if !is_finished => Problem {
                what: format!(
                    "an unfinished restore of {} is there, and nothing is overwritten",
                    said(other, subject)
                ),
                ..problem
            },
            _ => problem,
        });
    }
    note.add(&begun(subject)).map(|()| Beginning::New(note))
}

/// Whether a file is of whoever runs this, under this one name, and nobody else may write to it.
fn is_own(file: &std::os::fd::OwnedFd) -> bool {
    let own = rustix::process::geteuid().as_raw();
    rustix::fs::fstat(file)
        .is_ok_and(|stat| stat.st_uid == own && stat.st_nlink == 1 && stat.st_mode & 0o022 == 0)
}

/// What another restore is of.
fn said(other: &Subject, subject: &Subject) -> String {
    match (other.vault == subject.vault, other.point == subject.point) {
        (false, _) => "another vault".into(),
        (true, false) => format!("another recovery point, {},", &other.point.to_string()[..12]),
        (true, true) => "another part of this recovery point".into(),
    }
}

fn begun(subject: &Subject) -> Line {
    Line::Begun { schema: SCHEMA.into(), subject: subject.clone() }
}

/// A restore goes on where no note can be written: it only cannot be gone on with.
fn begin_new(path: &Path, place: String, subject: &Subject) -> Beginning {
    let flags = OFlags::RDWR | OFlags::APPEND | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    let made = rustix::fs::open(path, flags | OFlags::CREATE | OFlags::EXCL, Mode::RUSR | Mode::WUSR);
    let noted = made.map_err(|error| format!("{place}: {error}")).and_then(|file| {
        let mut note = Note { file: file.into(), place };
        let held = note.hold().and_then(|()| note.add(&begun(subject)));
        held.map(|()| note).map_err(|problem| problem.to_string())
    });
    noted.map_or_else(Beginning::Unnoted, Beginning::New)
}

/// Where the note of a target is: beside it, so that the target holds only what the point holds.
fn path_of(target: &Path) -> std::result::Result<PathBuf, String> {
    // A target such as `.` has its name in the directory above only.
    let whole = match target.file_name() {
        Some(_) => target.to_path_buf(),
        None => target.canonicalize().map_err(|error| error.to_string())?,
    };
    let name = whole.file_name().ok_or("the target has no name")?;
    let mut noted = OsString::from(".");
    noted.push(name);
    noted.push(OsStr::new(".outlive-restore"));
    Ok(whole.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new(".")).join(noted))
}

impl Note {
    /// Where it is.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Sees that nobody else restores into the target, now and until the note is dropped.
    fn hold(&self) -> Result<()> {
        match flock(&self.file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(()),
            Err(Errno::WOULDBLOCK) => {
                Err(Problem::new(Kind::Refused, "another restore into this target is at work")
                    .at(self.place.clone())
                    .remedy("wait for its end, or name another target"))
            }
            Err(error) => {
                Err(Problem::io("holding the target for this restore", error).at(self.place.clone()))
            }
        }
    }

    fn lines(&mut self) -> std::result::Result<Vec<Line>, String> {
        let foreign = || format!("{}: there, and no note of a restore", self.place);
        let mut text = Vec::new();
        let is_file = self.file.metadata().is_ok_and(|meta| meta.is_file() && meta.len() < MOST_BYTES);
        if !is_file || (&self.file).take(MOST_BYTES).read_to_end(&mut text).is_err() {
            return Err(foreign());
        }
        // A line that was cut short by a crash says nothing; the next one begins anew.
        let mut lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let first = lines.next().map(serde_json::from_slice::<Line>);
        match first {
            Some(Ok(Line::Begun { schema, subject })) if schema == SCHEMA => {
                let rest = lines.filter_map(|line| serde_json::from_slice(line).ok());
                Ok([Line::Begun { schema, subject }].into_iter().chain(rest).collect())
            }
            None | Some(_) => Err(foreign()),
        }
    }

    fn add(&mut self, line: &Line) -> Result<()> {
        let failed = |error: std::io::Error| {
            Problem::io("noting how far the restore is", error).at(self.place.clone())
        };
        let text = serde_json::to_string(line).map_err(|error| failed(error.into()))?;
        self.file.write_all(format!("\n{text}\n").as_bytes()).map_err(failed)?;
        self.file.sync_data().map_err(failed)
    }

    /// Notes that the target is there.
    ///
    /// # Errors
    /// What the operating system said.
    pub fn made(&mut self, told: &str, new: bool) -> Result<()> {
        self.add(&Line::Made { told: told.to_owned(), new })
    }

    /// Notes that what was restored was compared.
    ///
    /// # Errors
    /// What the operating system said.
    pub fn finished(&mut self) -> Result<()> {
        self.add(&Line::Finished)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hand::{TempDir, fs};

    fn subject(point: &[u8]) -> Subject {
        Subject { vault: "v".into(), point: Digest::of(point), only: Vec::new() }
    }

    fn taken() -> Vacant {
        Err(Problem::new(Kind::Refused, "there is something already"))
    }

    #[test]
    fn one_that_was_stopped_goes_on_and_others_are_refused_until_it_is_finished() {
        let temp = TempDir::new();
        let target = temp.path().join("target");
        let Beginning::New(mut note) = begin(&target, &subject(b"a"), Ok(())).unwrap() else { panic!() };
        assert_eq!(note.place(), temp.path().join(".target.outlive-restore").to_str().unwrap());
        let busy = begin(&target, &subject(b"a"), taken()).unwrap_err();
        assert!(busy.what.contains("another restore"), "{busy}");
        note.made("7", true).unwrap();
        drop(note);
        let other = begin(&target, &subject(b"b"), taken()).unwrap_err();
        assert!(other.what.starts_with("an unfinished restore of another recovery point"), "{other}");
        let again = begin(&target, &subject(b"a"), taken()).unwrap();
        let Beginning::Again { mut note, made: Some((told, true)) } = again else { panic!("{again:?}") };
        assert_eq!(told, "7");
        note.finished().unwrap();
        drop(note);
        assert_eq!(begin(&target, &subject(b"a"), taken()).unwrap_err().what, "there is something already");
        // Once the target was moved away, the place is free for another.
        let begun = begin(&target, &subject(b"b"), Ok(())).unwrap();
        assert!(matches!(begun, Beginning::New(_)), "{begun:?}");
        drop(begun);
        let again = begin(&target, &subject(b"b"), taken()).unwrap();
        assert!(matches!(again, Beginning::Again { made: None, .. }), "{again:?}");
    }

    #[test]
    fn a_target_that_was_taken_away_is_begun_anew() {
        let temp = TempDir::new();
        let target = temp.path().join("target");
        let Beginning::New(mut note) = begin(&target, &subject(b"a"), Ok(())).unwrap() else { panic!() };
        note.made("7", true).unwrap();
        drop(note);
        let anew = begin(&target, &subject(b"a"), Ok(())).unwrap();
        assert!(matches!(anew, Beginning::New(_)), "{anew:?}");
        drop(anew);
        let again = begin(&target, &subject(b"a"), taken()).unwrap();
        assert!(matches!(again, Beginning::Again { made: None, .. }), "{again:?}");
    }

    #[test]
    fn a_note_that_others_may_write_to_or_that_has_another_name_is_none() {
        let temp = TempDir::new();
        let (target, path) = (temp.path().join("a"), temp.path().join(".a.outlive-restore"));
        drop(begin(&target, &subject(b"a"), Ok(())).unwrap());
        let mode =
            |mode| fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        mode(0o620);
        assert!(begin(&target, &subject(b"a"), taken()).is_err());
        mode(0o600);
        assert!(begin(&target, &subject(b"a"), taken()).is_ok());
        fs::hard_link(&path, temp.path().join("other")).unwrap();
        assert!(begin(&target, &subject(b"a"), taken()).is_err());
    }

    #[test]
    fn a_line_cut_short_says_nothing_and_a_file_of_somebody_else_is_not_added_to() {
        let temp = TempDir::new();
        let (target, path) = (temp.path().join("a"), temp.path().join(".a.outlive-restore"));
        drop(begin(&target, &subject(b"a"), Ok(())).unwrap());
        let mut text = fs::read_to_string(&path).unwrap();
        text.push_str("\n{\"state\":\"fin");
        fs::write(&path, &text).unwrap();
        let Beginning::Again { mut note, .. } = begin(&target, &subject(b"a"), taken()).unwrap() else {
            panic!()
        };
        note.finished().unwrap();
        drop(note);
        assert!(begin(&target, &subject(b"a"), taken()).is_err());
        fs::write(&path, "precious").unwrap();
        assert!(matches!(begin(&target, &subject(b"a"), Ok(())).unwrap(), Beginning::Unnoted(_)));
        assert!(begin(&target, &subject(b"a"), taken()).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
        let nowhere = begin(&temp.path().join("no/such/dir"), &subject(b"a"), Ok(())).unwrap();
        assert!(matches!(nowhere, Beginning::Unnoted(_)), "{nowhere:?}");
    }
}
