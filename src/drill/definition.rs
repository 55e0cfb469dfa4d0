//! `drills/<name>/drill.toml`: a test restore as data. Strict, as `outlive.toml` is.

use super::selection::Select;
use crate::domain::{Kind, Problem, Result, VolumeId, printable};
use crate::estate::{Estate, File, Table, Value, argv, digest, suggestion, told_at_once};
use chrono::TimeDelta;
use std::io::Read;
use std::path::{Path, PathBuf};
use toml::de::DeTable;

/// The name of the file in a drill's directory.
pub const FILE: &str = "drill.toml";
/// No definition is larger, in bytes.
const LARGEST: u64 = 1 << 20;
/// How long a whole drill may take where its file does not say.
const TIMEOUT: TimeDelta = TimeDelta::hours(6);
/// The same of one command.
const COMMAND_TIMEOUT: TimeDelta = TimeDelta::minutes(10);

/// One drill, as its file says it.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// Its name: that of its directory.
    pub name: String,
    /// The file, for people.
    pub path: PathBuf,
    /// SHA-256 of the file's text, as 64 hexadecimal digits.
    pub digest: String,
    /// The volume whose point is restored.
    pub volume: VolumeId,
    /// The id of the vault; any that the volume is copied to where there is none.
    pub vault: Option<String>,
    /// Which of its points.
    pub select: Select,
    /// The directory in which scratch space is made; the system's temporary directory where there is none.
    pub restore_to: Option<PathBuf>,
    /// The checks that were asked for, in order. Empty: what was restored is compared with the point.
    pub checks: Vec<Asked>,
    /// How long it may take until the data can be used; the policy's where there is none.
    pub rto: Option<TimeDelta>,
    /// How old the newest point may be; the policy's where there is none.
    pub rpo: Option<TimeDelta>,
    /// From one slot to the next; the policy's `drill_every` where there is none.
    pub every: Option<TimeDelta>,
    /// Moves the slots.
    pub offset: TimeDelta,
    /// How long the whole may take before it is ended.
    pub timeout: TimeDelta,
}

/// A check that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// Every file against the point.
    Files,
    /// A whole image against the point.
    Image,
    /// How many and how much, and nothing that was not stored.
    Counts(Bounds),
    /// A program has the last word.
    Command {
        /// The program and its arguments; `{restored}` in them is replaced by the path of what was restored.
        argv: Vec<String>,
        /// How long it may take.
        timeout: TimeDelta,
    },
}

/// What numbers must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bounds {
    /// The fewest files.
    pub min_files: Option<u64>,
    /// The most files.
    pub max_files: Option<u64>,
    /// The fewest bytes.
    pub min_bytes: Option<u64>,
    /// The most bytes.
    pub max_bytes: Option<u64>,
    /// How much fewer files or bytes than at the last drill that passed, in per cent.
    pub shrink_percent: Option<u64>,
}

impl Asked {
    /// The check's name.
    pub fn id(&self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Image => "image",
            Self::Counts(_) => "counts",
            Self::Command { .. } => "command",
        }
    }
}

/// The names of checks, as a file writes them.
const CHECKS: [&str; 4] = ["files", "image", "counts", "command"];

impl Definition {
    /// Reads a definition of at most 1 MiB; what it names has to be in the estate.
    ///
    /// # Errors
    /// `NotFound` or `Io` where it cannot be read; `Usage` with file, line and column where it is wrong.
    pub fn read(directory: &Path, estate: &Estate) -> Result<Self> {
        let path = directory.join(FILE);
        let place = printable(path.as_os_str().as_encoded_bytes());
        let failed = |error| Problem::io("reading a drill", error).at(&*place);
        // A pipe could keep the run waiting for ever.
        if !std::fs::metadata(&path).map_err(failed)?.is_file() {
            return Err(Problem::new(Kind::Usage, "a drill's definition is no regular file").at(place));
        }
        let mut text = String::new();
        std::fs::File::open(&path)
            .and_then(|file| file.take(LARGEST + 1).read_to_string(&mut text))
            .map_err(failed)?;
        if text.len() as u64 > LARGEST {
            let what = "a drill's definition is larger than 1 MiB";
            return Err(Problem::new(Kind::Usage, what).at(place).remedy("name the right file"));
        }
        let name = directory.file_name().map(|name| printable(name.as_encoded_bytes())).unwrap_or_default();
        Self::parse(&name, &path, &text, estate)
    }

    /// What a file of this name with this text says; relative paths begin at the file's directory.
    ///
    /// # Errors
    /// As [`Definition::read`].
    pub fn parse(name: &str, path: &Path, text: &str, estate: &Estate) -> Result<Self> {
        let directory = path.parent().unwrap_or(Path::new(""));
        let file = File::new(path, directory, text);
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
        if name.is_empty() || name.len() > 100 || name.starts_with('.') || !name.bytes().all(fits) {
            let remedy = "name the directory with a to z, 0 to 9, `.`, `_` and `-`";
            file.complain(0, format!("`{name}` is no name of a drill"), remedy);
        }
        let (document, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let at = error.span().map_or(text.len(), |span| span.start);
            let what = format!("no valid TOML: {}", printable(error.message().as_bytes()));
            file.complain(at, what, "correct it there");
        }
        let read = errors.is_empty().then(|| {
            let table = Table::whole_file(&file, document.get_ref(), "drill.toml");
            one(name, path, text, &table, estate)
        });
        file.finish().map_err(told_at_once)?;
        read.flatten().ok_or_else(|| Problem::new(Kind::Internal, "a drill was refused without a reason"))
    }
}

/// All definitions of an estate by name, and what is wrong with others. No directory is no drill.
pub fn read_all(estate: &Estate) -> (Vec<Definition>, Vec<(String, Problem)>) {
    let (mut sound, mut wrong) = (Vec::new(), Vec::new());
    let entries = match std::fs::read_dir(&estate.drills) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return (sound, wrong),
        Err(error) => {
            let place = printable(estate.drills.as_os_str().as_encoded_bytes());
            wrong.push(("drills".into(), Problem::io("listing the drills", error).at(place)));
            return (sound, wrong);
        }
    };
    let mut directories: Vec<PathBuf> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir()).collect();
    directories.sort();
    for directory in directories {
        let name = directory.file_name().map(|name| printable(name.as_encoded_bytes())).unwrap_or_default();
        match Definition::read(&directory, estate) {
            Ok(definition) => sound.push(definition),
            Err(problem) => wrong.push((name, problem)),
        }
    }
    (sound, wrong)
}

fn one(name: &str, path: &Path, text: &str, table: &Table<'_>, estate: &Estate) -> Option<Definition> {
    let volume = table.get("volume");
    if volume.is_none() {
        table.file.complain(0, "a drill has no `volume`", "add `volume = \"…\"`: what is to be restored");
    }
    let volume = volume.and_then(|value| {
        known(&value, estate.volumes.iter().map(|volume| volume.id.0.as_str()), "a volume")
    });
    let vault = table.get("vault");
    let vault = match &vault {
        Some(value) => Some(known(value, estate.vaults.iter().map(|vault| vault.id.as_str()), "a vault")?),
        None => None,
    };
    let checks = table.get("checks").and_then(|value| value.list()).unwrap_or_default();
    let checks: Vec<Option<Asked>> = checks.iter().map(check).collect();
    let budget = table.get("budget").and_then(|value| value.table("budget"));
    let limit = |key| budget.as_ref().and_then(|budget| budget.get(key)?.duration());
    let duration = |key| table.get(key).and_then(|value| value.duration());
    let every = duration("every");
    let offset = table.get("at").and_then(|value| value.time_of_day());
    Some(Definition {
        name: name.to_owned(),
        path: path.to_owned(),
        digest: digest(text),
        volume: VolumeId(volume?),
        vault,
        select: match table.get("select") {
            Some(value) => select(&value)?,
            None => Select::Latest,
        },
        restore_to: table.get("restore_to").and_then(|value| value.path()),
        checks: checks.into_iter().collect::<Option<_>>()?,
        rto: limit("rto"),
        rpo: limit("rpo"),
        every,
        offset: offset.unwrap_or_default(),
        timeout: duration("timeout").unwrap_or(TIMEOUT),
    })
}

/// A name that the estate gives.
fn known<'e>(
    value: &Value<'_>,
    names: impl Iterator<Item = &'e str> + Clone,
    what: &str,
) -> Option<String> {
    let text = value.text()?;
    if names.clone().any(|name| name == text) {
        return Some(text.to_owned());
    }
    let near = suggestion(text, names);
    let said = format!("is `{}`, which is not {what} of the estate file{near}", printable(text.as_bytes()));
    value.complain(said, "name one that is there, or add it there");
    None
}

fn select(value: &Value<'_>) -> Option<Select> {
    if value.is_table() {
        return Some(Select::At(value.table("select")?.required("at")?.moment()?));
    }
    Some(match value.word(&["latest", "oldest", "random"])? {
        "oldest" => Select::Oldest,
        "random" => Select::Random,
        _ => Select::Latest,
    })
}

fn check(value: &Value<'_>) -> Option<Asked> {
    if !value.is_table() {
        return match value.word(&CHECKS)? {
            "files" => Some(Asked::Files),
            "image" => Some(Asked::Image),
            "counts" => Some(Asked::Counts(Bounds::default())),
            _ => {
                let remedy = "write { check = \"command\", argv = [\"…\"] }";
                value.complain("names `command` without saying which", remedy);
                None
            }
        };
    }
    let table = value.table("a check")?;
    let word = table.required("check")?.word(&CHECKS)?;
    let (of_commands, of_counts) = (["argv", "timeout"], &COUNTS[..]);
    let foreign = match word {
        "command" => table.present(of_counts),
        "counts" => table.present(&of_commands),
        _ => [table.present(of_counts), table.present(&of_commands)].concat(),
    };
    if let Some(key) = foreign.first() {
        table.file.complain(table.place_of(key), format!("`{key}` means nothing to `{word}`"), "leave it out");
        return None;
    }
    let number = |key| table.get(key).and_then(|value| value.whole(0..=usize::MAX)).map(|n| n as u64);
    Some(match word {
        "files" => Asked::Files,
        "image" => Asked::Image,
        "counts" => Asked::Counts(Bounds {
            min_files: number("min_files"),
            max_files: number("max_files"),
            min_bytes: number("min_bytes"),
            max_bytes: number("max_bytes"),
            shrink_percent: table
                .get("shrink_percent")
                .and_then(|value| value.whole(0..=100))
                .map(|percent| percent as u64),
        }),
        _ => Asked::Command {
            argv: argv(&table.required("argv")?)?,
            timeout: match table.get("timeout") {
                Some(value) => value.duration()?,
                None => COMMAND_TIMEOUT,
            },
        },
    })
}

/// The keys of `counts`.
const COUNTS: [&str; 5] = ["min_files", "max_files", "min_bytes", "max_bytes", "shrink_percent"];
