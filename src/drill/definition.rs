//! `drills/<name>/drill.toml`, read as strictly as the estate file: what is not understood is a mistake.

use super::checks;
use super::selection::Selection;
use crate::domain::{Kind, Problem, Result, Timestamp, VolumeId, parse_duration, printable};
use crate::estate::{Estate, NamedBy};
use chrono::{NaiveTime, TimeDelta};
use file::{Place, RawDrill, RawSelect};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::Spanned;

mod file;

/// A drill: what is restored, where to, and what must hold then.
#[derive(Debug, Clone, PartialEq)]
pub struct Drill {
    /// The name of its folder.
    pub name: String,
    /// SHA-256 of its file.
    pub digest: String,
    /// The volume.
    pub volume: VolumeId,
    /// Which of its recovery points.
    pub select: Selection,
    /// Which vault; without it, the first of the estate that can be opened and holds the volume.
    pub vault: Option<String>,
    /// Where scratch space is made; the system's temporary directory otherwise.
    pub restore_to: Option<PathBuf>,
    /// The checks, each by its id. Empty: those that fit what was restored.
    pub checks: Vec<&'static str>,
    /// How long it may take until the data is usable and checked.
    pub rto: TimeDelta,
    /// How old the newest point may be when the drill begins.
    pub rpo: TimeDelta,
    /// From one drill to the next.
    pub every: TimeDelta,
    /// Moves the slots: the time of day, in UTC, for whole days.
    pub offset: TimeDelta,
    /// After this it is ended, and has not run.
    pub timeout: Duration,
    /// What the numbers may be.
    pub counts: Bounds,
    /// The programs that look at what was restored.
    pub commands: Vec<CommandCheck>,
}

/// Limits on what is counted; `None` is no limit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bounds {
    /// The least number of files, and of bytes in them.
    pub least: (Option<u64>, Option<u64>),
    /// The same for the most.
    pub most: (Option<u64>, Option<u64>),
}

/// A program that looks at what was restored: exit code 0 says that it is good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandCheck {
    /// What a person calls it.
    pub name: String,
    /// The program and its arguments; `{restored}` stands for the path.
    pub argv: Vec<String>,
    /// After this it is ended, and has failed.
    pub timeout: Duration,
}

/// One folder with a definition, sound or not.
#[derive(Debug, Clone)]
pub struct DrillFile {
    /// The folder's name.
    pub name: String,
    /// What it says, or what is wrong.
    pub drill: Result<Drill>,
}

/// No definition is larger, in bytes.
const LARGEST: u64 = 1 << 18;
const PAGE: &str = "docs/drills.md describes every key";

/// All definitions below the estate's directory of drills, by name. No directory at the usual place: no drills.
///
/// # Errors
/// When that directory cannot be listed, or the estate names one that is not there. What is wrong with one definition is said of it.
pub fn read_drills(estate: &Estate) -> Result<Vec<DrillFile>> {
    let failed = |error| {
        Problem::io("listing the drills", error).at(printable(estate.drills.as_os_str().as_encoded_bytes()))
    };
    let listed = match std::fs::read_dir(&estate.drills) {
        Ok(listed) => listed,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && is_absent(estate) => {
            return Ok(Vec::new());
        }
        Err(error) => return Err(failed(error)),
    };
    let mut found = Vec::new();
    for entry in listed {
        let folder = entry.map_err(failed)?;
        let path = folder.path().join("drill.toml");
        // A definition that is there and cannot be read is a mistake to be told, not a folder of something else.
        let absent = [std::io::ErrorKind::NotFound, std::io::ErrorKind::NotADirectory];
        if std::fs::symlink_metadata(&path).is_err_and(|error| absent.contains(&error.kind())) {
            continue;
        }
        let name = printable(folder.file_name().as_encoded_bytes());
        let drill = read_file(&path).and_then(|text| parse(&name, &path, &text, estate));
        found.push(DrillFile { name, drill });
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}

/// True where nobody named a directory of drills, and there is not even a link where it would be.
fn is_absent(estate: &Estate) -> bool {
    let there = std::fs::symlink_metadata(&estate.drills);
    estate.drills_by == NamedBy::Custom
        && there.is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

fn read_file(path: &Path) -> Result<String> {
    let place = printable(path.as_os_str().as_encoded_bytes());
    let failed = |error| Problem::io("reading a drill", error).at(&*place);
    let wrong = |what: &str| Problem::new(Kind::Usage, what).at(&*place).remedy(PAGE);
    // A pipe could keep the run waiting for ever.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(wrong("the definition is no regular file"));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path).map_err(failed)?.take(LARGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > LARGEST {
        return Err(wrong("the definition is larger than 256 KiB"));
    }
    String::from_utf8(bytes).map_err(|_| wrong("the definition is no UTF-8"))
}

/// What a definition says; relative paths begin at its folder.
///
/// # Errors
/// `Usage` with file, line and column.
pub fn parse(name: &str, path: &Path, text: &str, estate: &Estate) -> Result<Drill> {
    let place = Place { path, text };
    let raw: RawDrill = toml::from_str(text).map_err(|error| place.of_error(&error))?;
    let volume = VolumeId(raw.volume.get_ref().clone());
    if estate.volume(&volume).is_none() {
        let names = estate.volumes.iter().map(|volume| volume.id.0.as_str());
        return Err(place.unknown("volume", &raw.volume, names));
    }
    if let Some(vault) = raw.vault.as_ref().filter(|vault| estate.vault(vault.get_ref()).is_none()) {
        let names = estate.vaults.iter().map(|vault| vault.id.as_str());
        return Err(place.unknown("vault", vault, names));
    }
    let policy = estate.policy_of(&volume);
    let budget = raw.budget.as_ref();
    let rto = span(&place, budget.and_then(|budget| budget.rto.as_ref()))?.unwrap_or(policy.rto);
    let rpo = span(&place, budget.and_then(|budget| budget.rpo.as_ref()))?.unwrap_or(policy.judged.rpo);
    let every = span(&place, raw.every.as_ref())?.or(policy.judged.drill_every).unwrap_or(TimeDelta::days(7));
    let timeout = span(&place, raw.timeout.as_ref())?.unwrap_or_else(|| rto * 4);
    let commands = raw.command.iter().map(|raw| command(&place, raw)).collect::<Result<Vec<_>>>()?;
    Ok(Drill {
        name: name.to_owned(),
        digest: crate::vault::format::Digest::of(text.as_bytes()).to_string(),
        select: select(&place, raw.select.as_ref())?,
        vault: raw.vault.as_ref().map(|vault| vault.get_ref().clone()),
        restore_to: raw.restore_to.as_ref().map(|to| path.parent().unwrap_or(Path::new("")).join(to)),
        checks: named_checks(&place, &raw)?,
        offset: raw.at.as_ref().map(|at| time_of_day(&place, at)).transpose()?.unwrap_or_default(),
        timeout: timeout.to_std().unwrap_or_default(),
        counts: raw.counts().map(file::RawCounts::bounds).unwrap_or_default(),
        volume,
        rto,
        rpo,
        every,
        commands,
    })
}

fn select(place: &Place<'_>, raw: Option<&Spanned<RawSelect>>) -> Result<Selection> {
    let Some(raw) = raw else { return Ok(Selection::Latest) };
    let words = ["latest", "oldest", "random"];
    match raw.get_ref() {
        RawSelect::Word(word) => match word.as_str() {
            "latest" => Ok(Selection::Latest),
            "oldest" => Ok(Selection::Oldest),
            "random" => Ok(Selection::Random),
            _ => {
                let word = Spanned::new(raw.span(), word.clone());
                Err(place.unknown("selection", &word, words.into_iter()))
            }
        },
        RawSelect::At(moment) => {
            let read = moment.parse::<Timestamp>();
            read.map(Selection::At).map_err(|_| {
                let what = format!("`{}` is no moment", printable(moment.as_bytes()));
                place.wrong(raw.span().start, what, "write it with its zone: 2026-11-01T00:00:00Z")
            })
        }
    }
}

/// The checks that are asked for. A check that is configured and not asked for would never run.
fn named_checks(place: &Place<'_>, raw: &RawDrill) -> Result<Vec<&'static str>> {
    let mut named = Vec::new();
    for word in &raw.checks {
        let known = checks::ALL.iter().map(|check| check.id());
        let Some(id) = known.clone().find(|id| id == word.get_ref()) else {
            return Err(place.unknown("check", word, known));
        };
        if named.contains(&id) {
            let what = format!("the check `{id}` is named twice");
            return Err(place.wrong(word.span().start, what, "name it once"));
        }
        if id == checks::COMMAND && raw.command.is_empty() {
            let remedy = "add [[command]] with `argv`, or leave the check out";
            return Err(place.wrong(
                word.span().start,
                "no command is given for the check `command`",
                remedy,
            ));
        }
        named.push(id);
    }
    let settings =
        [(checks::COMMAND, raw.command.first().map(|c| c.argv.span())), (checks::COUNTS, raw.counts_span())];
    for (id, span) in settings {
        if let Some(span) = span.filter(|_| !named.contains(&id)) {
            let what = format!("there are settings for the check `{id}`, which `checks` does not name");
            return Err(place.wrong(span.start, what, format!("add \"{id}\" to `checks`")));
        }
    }
    Ok(named)
}

fn command(place: &Place<'_>, raw: &file::RawCommand) -> Result<CommandCheck> {
    let argv = raw.argv.get_ref();
    if argv.first().is_none_or(String::is_empty) || argv.iter().any(|word| word.contains('\0')) {
        let remedy =
            "write the program and its arguments as a list: [\"pg_restore\", \"--list\", \"{restored}/db\"]";
        return Err(place.wrong(raw.argv.span().start, "`argv` names no program", remedy));
    }
    Ok(CommandCheck {
        name: printable(raw.name.as_deref().unwrap_or(&argv[0]).as_bytes()),
        argv: argv.clone(),
        timeout: span(place, raw.timeout.as_ref())?
            .unwrap_or(TimeDelta::minutes(10))
            .to_std()
            .unwrap_or_default(),
    })
}

fn span(place: &Place<'_>, raw: Option<&Spanned<String>>) -> Result<Option<TimeDelta>> {
    let Some(raw) = raw else { return Ok(None) };
    let wrong = |problem: Problem| place.wrong(raw.span().start, problem.what, problem.remedy);
    let span = parse_duration(raw.get_ref()).map_err(wrong)?;
    if span <= TimeDelta::zero() {
        return Err(place.wrong(
            raw.span().start,
            "a duration of nothing",
            "write one of at least a second: 1s",
        ));
    }
    Ok(Some(span))
}

fn time_of_day(place: &Place<'_>, raw: &Spanned<String>) -> Result<TimeDelta> {
    let time = NaiveTime::parse_from_str(raw.get_ref(), "%H:%M").map_err(|_| {
        let what = format!("`{}` is no time of day", printable(raw.get_ref().as_bytes()));
        place.wrong(raw.span().start, what, "write hours and minutes in UTC: \"03:00\"")
    })?;
    Ok(time.signed_duration_since(NaiveTime::MIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ESTATE: &str = r#"
    [policy.default]
    rto = "2h"
    rpo = "30h"
    drill_every = "3d"
    [[volume]]
    id = "orders-db"
    path = "/srv/orders"
    [[vault]]
    id = "offsite"
    kind = "dir"
    path = "/mnt/vault"
    "#;

    fn estate() -> Estate {
        Estate::parse(Path::new("/etc/outlive.toml"), ESTATE).unwrap()
    }

    fn read(text: &str) -> Result<Drill> {
        parse("weekly", Path::new("/etc/drills/weekly/drill.toml"), text, &estate())
    }

    #[test]
    fn a_definition_is_read_whole() {
        let drill = read(
            r#"
            volume = "orders-db"
            vault = "offsite"
            select = { at = "2026-11-01T00:00:00Z" }
            restore_to = "scratch"
            checks = ["files", "counts", "command"]
            budget = { rto = "10m", rpo = "26h" }
            every = "7d"
            at = "03:30"
            timeout = "1h"
            [counts]
            least_files = 2
            most_bytes = 9
            [[command]]
            name = "opens"
            argv = ["pg_restore", "--list", "{restored}/orders.dump"]
            timeout = "5m"
            "#,
        )
        .unwrap();
        assert_eq!(drill.select, Selection::At("2026-11-01T00:00:00Z".parse().unwrap()));
        assert_eq!(drill.checks, ["files", "counts", "command"]);
        assert_eq!(drill.restore_to, Some("/etc/drills/weekly/scratch".into()));
        let spans = (drill.rto, drill.rpo, drill.every, drill.offset);
        let (rto, rpo) = (TimeDelta::minutes(10), TimeDelta::hours(26));
        assert_eq!(spans, (rto, rpo, TimeDelta::days(7), TimeDelta::minutes(210)));
        assert_eq!(drill.timeout, Duration::from_secs(3600));
        assert_eq!(drill.counts, Bounds { least: (Some(2), None), most: (None, Some(9)) });
        assert_eq!(drill.commands[0].argv[2], "{restored}/orders.dump");
        assert_eq!(drill.commands[0].timeout, Duration::from_secs(300));
    }

    #[test]
    fn what_is_not_said_comes_from_the_volume_s_policy() {
        let drill = read("volume = \"orders-db\"").unwrap();
        assert_eq!((drill.rto, drill.rpo), (TimeDelta::hours(2), TimeDelta::hours(30)));
        assert_eq!(drill.every, TimeDelta::days(3));
        assert_eq!((drill.select, drill.checks.len()), (Selection::Latest, 0));
    }

    #[test]
    fn each_mistake_is_told_with_its_place_and_what_was_probably_meant() {
        let volume = "volume = \"orders-db\"\n";
        let cases = [
            ("", "drill.toml:1:1", "missing field `volume`", ""),
            ("volume = \"order-db\"", ":1:10", "no volume `order-db`", "`orders-db`?"),
            ("volumes = \"orders-db\"", ":1:1", "unknown key `volumes`", "`volume`?"),
            ("vault = \"off-site\"", ":2:9", "no vault `off-site`", "`offsite`?"),
            ("select = \"lates\"", ":2:10", "no selection `lates`", "`latest`?"),
            ("select = { on = \"x\" }", ":2:12", "unknown key `on`", "at"),
            ("select = { at = \"yesterday\" }", ":2:10", "`yesterday` is no moment", "zone"),
            ("checks = [\"file\"]", ":2:11", "no check `file`", "`files`?"),
            ("checks = [\"files\", \"files\"]", ":2:20", "named twice", "once"),
            ("checks = [\"command\"]", ":2:11", "no command is given", "[[command]]"),
            ("[[command]]\nargv = [\"true\"]", ":3:8", "`checks` does not name", "\"command\""),
            ("checks = [\"command\"]\n[[command]]\nargv = []", ":4:8", "names no program", "list"),
            ("[counts]\nleast_files = 1", ":2:1", "`checks` does not name", "\"counts\""),
            ("budget = { rto = \"1 hour\" }", ":2:18", "no duration", "26h"),
            ("budget = { rtt = \"1h\" }", ":2:12", "unknown key `rtt`", "`rto`?"),
            ("every = \"0s\"", ":2:9", "", ""),
            ("at = \"3am\"", ":2:6", "no time of day", "03:00"),
            ("timeout = 5", ":2:11", "invalid type", ""),
            ("checks = [", ":", "", ""),
        ];
        for (text, place, what, remedy) in cases {
            let text = if text.is_empty() || text.starts_with("volume") {
                text.into()
            } else {
                format!("{volume}{text}")
            };
            let problem = read(&text).expect_err(&text);
            assert_eq!(problem.kind, Kind::Usage, "{text}");
            assert!(problem.place.contains(place), "{text}: {problem:?}");
            assert!(problem.what.contains(what), "{text}: {problem:?}");
            assert!(problem.remedy.contains(remedy), "{text}: {problem:?}");
        }
    }
}
