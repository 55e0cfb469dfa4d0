//! The commands that bring a volume back with outlive, and the checks of what came back.

use super::look::{Counted, Found, Looked};
use super::{Scene, access, by_hand, called, dump, promote};
use crate::domain::VolumeKind;
use crate::drill::{CommandCheck, Drill};
use crate::estate::{CopyFrom, VolumeEntry, secrets_in};
use crate::report::runbook::{ASKS, Acceptance, Measured, Procedure, Step, command, quoted};

/// What a restore gives.
pub(super) enum Thing<'e> {
    /// A directory.
    Tree,
    /// One file with a disk in it.
    Image,
    /// One file that a program printed.
    Dump(&'e [String]),
    /// One file that came from somewhere else.
    Stream,
}

impl<'e> Thing<'e> {
    fn of(scene: &Scene<'e>, entry: &VolumeEntry, found: &Found) -> Self {
        let commands = scene.estate.copies_of(&entry.id).filter_map(|copy| match &copy.from {
            CopyFrom::Command { argv, .. } => Some(argv.as_slice()),
            _ => None,
        });
        let argv = commands.into_iter().next();
        match (found.kind.or_else(|| scene.kind(&entry.id)), argv) {
            (Some(VolumeKind::Stream) | None, Some(argv)) => Self::Dump(argv),
            (Some(VolumeKind::Stream), None) => Self::Stream,
            (Some(VolumeKind::Image | VolumeKind::Device), _) => Self::Image,
            _ => Self::Tree,
        }
    }

    pub(super) fn is_tree(&self) -> bool {
        matches!(self, Self::Tree)
    }

    fn word(&self) -> &'static str {
        match self {
            Self::Tree => "a directory",
            Self::Image => "an image, one file",
            Self::Dump(_) => "a dump, one file",
            Self::Stream => "one file",
        }
    }
}

/// The name of what comes back.
fn target_of(entry: &VolumeEntry) -> String {
    format!("restored-{}", entry.id)
}

/// What is restored, from where, and what it is called.
pub(super) struct Case<'s, 'a> {
    pub looked: &'s Looked<'a>,
    pub found: &'s Found,
    pub is_encrypted: bool,
    pub thing: Thing<'a>,
    pub volume: String,
    /// What a database of it is called, after `restored_`: otherwise in each way, since one that is there is not written to.
    pub database: String,
    /// The name of what comes back.
    pub target: String,
    /// How much of it there is, in words.
    pub room: String,
}

/// Every way back: from the best vault with outlive and by hand, then from the others.
pub(super) fn procedures(
    scene: &Scene<'_>,
    entry: &VolumeEntry,
    candidates: &[(&Looked<'_>, &Found)],
    measured: Option<&Measured>,
) -> Vec<Procedure> {
    let mut all = Vec::new();
    for (looked, found) in candidates {
        let point = scene.audited.graph.point(&found.point);
        let bytes = point.and_then(|point| point.bytes.value().copied());
        let database = |way: usize| match way {
            0 => entry.id.to_string(),
            // As the page calls the way; in front, where the length that a server allows cuts nothing off.
            way => {
                format!("{}_{}", char::from(b'a' + u8::try_from(way.min(25)).unwrap_or_default()), entry.id)
            }
        };
        let mut case = Case {
            looked,
            found,
            is_encrypted: looked.found.as_ref().is_ok_and(|found| found.is_encrypted),
            thing: Thing::of(scene, entry, found),
            volume: entry.id.to_string(),
            database: database(all.len()),
            target: target_of(entry),
            room: bytes
                .map_or_else(|| "its size is not known here".into(), crate::report::activity::say_bytes),
        };
        all.push(with_outlive(scene, &case, measured));
        all.extend(promote::procedure(scene, &case));
        case.database = database(all.len());
        all.push(by_hand::procedure(scene, &case));
    }
    all
}

/// The words that restore the point, up to where to.
pub(super) fn words(case: &Case<'_, '_>) -> Vec<String> {
    let found = case.found;
    let mut words = vec!["outlive".to_owned(), "restore".into()];
    // A name that a vault gave is repeated only where it is what it looks like.
    let recorded = found.volume.as_ref().map(|volume| volume.0.clone());
    words.extend(recorded.filter(|name| !name.starts_with('-')));
    let vault = access::address(case.looked.entry);
    words.extend(["--vault".to_owned(), vault, "--point".into(), found.short.clone()]);
    words
}

/// The steps until the vault answers.
pub(super) fn until_it_answers(scene: &Scene<'_>, case: &Case<'_, '_>, way: &str) -> Vec<Step> {
    let (entry, found) = (case.looked.entry, case.found);
    let taken_at = found.taken_at.format("%Y-%m-%d %H:%M UTC");
    let reach = access::reach_with_outlive(scene.estate, entry, &scene.environment, case.is_encrypted);
    vec![
        begin(way, case),
        Step {
            what: "outlive itself, from the break-glass kit or a release; its SHA-256 is in the kit. Where this is another shell than that of START-HERE.md, first type KIT= and the whole path of the kit.".into(),
            commands: vec!["export PATH=\"${KIT:+$KIT:}$PATH\"".into(), "outlive --version".into()],
            expect: Some(format!("outlive {} or newer", env!("CARGO_PKG_VERSION"))),
            ..Step::default()
        },
        Step {
            what: format!("Reach the vault, with a credential that can only read. {ASKS}"),
            commands: reach,
            expect: Some("no complaint; for a disk, the file vault.json".into()),
            ..Step::default()
        },
        Step {
            what: "See that the vault answers, and what it has.".into(),
            commands: vec![command(["outlive", "vault", "list", &access::address(entry)])],
            expect: Some(format!(
                "the copy {0} of {taken_at}. Where a newer one is listed that was taken before the damage, put its id in the place of {0} below. On a new machine the state is `stored`, and a note says that freshness is unproven: nothing is known there of before",
                found.short
            )),
            ..Step::default()
        },
    ]
}

fn with_outlive(scene: &Scene<'_>, case: &Case<'_, '_>, measured: Option<&Measured>) -> Procedure {
    let (entry, found) = (case.looked.entry, case.found);
    let taken_at = found.taken_at.format("%Y-%m-%d %H:%M UTC");
    let mut restore = words(case);
    restore.extend(["--to".to_owned(), case.target.clone()]);
    let mut steps = until_it_answers(scene, case, "outlive-restore");
    steps.push(Step {
        what: format!(
            "Restore it, as {}. It writes to a new name only, and reads back and compares what it wrote.",
            case.thing.word()
        ),
        commands: vec![command(restore)],
        expect: Some("\"restored and compared\", and no line that names a lost path".into()),
        seconds: measured.map(|measured| measured.seconds),
    });
    if dump::is_of_one_postgres(&case.thing) {
        steps.push(Step {
            what: "For what follows, a PostgreSQL server must be there, at least as new as the lost one. Where there is none, go on with the next way instead: it makes one.".into(),
            ..Step::default()
        });
    }
    steps.extend(dump::steps(&case.thing, &case.database, &case.target));
    steps.push(place(case));
    Procedure {
        title: format!("with outlive, from the vault {} ({taken_at})", entry.id),
        when: match &case.thing {
            Thing::Dump(_) => {
                "a database server is in use there already that may take it, and is not the lost one (an empty one that came with its package does not count)"
            }
            _ => "outlive is at hand, from the kit or a release",
        }
        .into(),
        vault: entry.id.clone(),
        point: found.short.clone(),
        with: "outlive",
        target: case.target.clone(),
        fill_in: access::fill_in(entry, case.is_encrypted),
        steps,
    }
}

/// A directory of its own: nothing else of the machine is touched.
pub(super) fn begin(way: &str, case: &Case<'_, '_>) -> Step {
    // No two ways of a page have one name.
    let directory = format!("{way}-{}@{}", case.volume, case.looked.entry.id);
    Step {
        what: format!(
            "Go where there is room ({}), for example by `cd /srv`, and not into what was restored before; make a new directory there. What is written from here on lies in it.",
            case.room
        ),
        // Where one fails, what follows it would be done elsewhere.
        commands: vec![format!(
            "{} && cd {} && export OUTLIVE_STATE=\"$PWD/state\" && df -h .",
            command(["mkdir", &directory]),
            quoted(&directory)
        )],
        expect: Some(
            "enough room under Avail; where mkdir says that it exists, somebody has begun already: ask"
                .into(),
        ),
        ..Step::default()
    }
}

/// The last step, which a person decides.
pub(super) fn place(case: &Case<'_, '_>) -> Step {
    if let Some((database, is_archive)) = called::restored(&case.thing, &case.database) {
        return called::promote_database(case, &database, is_archive);
    }
    Step {
        what: format!(
            "Check it (part 6) before anybody uses it. Then put {} where it belongs: on a new machine or under a new name, with owners as \
             the service wants them. Leave the old place as it is; confirm the machine first (part 2).",
            case.target,
        ),
        ..Step::default()
    }
}

/// How it is seen that what came back is good: what outlive compares, and what the drills of the volume ask.
pub(super) fn checks(
    scene: &Scene<'_>,
    entry: &VolumeEntry,
    candidates: &[(&Looked<'_>, &Found)],
) -> Vec<Acceptance> {
    let is_tree = candidates.first().is_none_or(|(_, found)| Thing::of(scene, entry, found).is_tree());
    let target = target_of(entry);
    let mut all = vec![Acceptance {
        what:
            "every byte that was written is read again and compared with the digests taken when it was copied"
                .into(),
        from: "outlive restore itself, which says \"restored and compared\"; by hand, \"restored: …\"".into(),
        command: None,
    }];
    let mut secrets = 0;
    for drill in scene.drills.iter().filter(|drill| drill.volume == entry.id) {
        let from = format!("the drill {}", drill.name);
        all.extend(drill.commands.iter().map(|check| {
            let (command, hidden) = as_typed(check, &drill.name, (&target, is_tree), &mut secrets);
            let hidden = match hidden {
                0 => "",
                _ => "; what it is given as a secret is not repeated here: drill.toml of that drill has it",
            };
            Acceptance {
                what: format!("{}: ends with 0{hidden}", check.name),
                from: from.clone(),
                command: Some(command),
            }
        }));
        all.extend(counted(drill).map(|what| Acceptance { what, from: from.clone(), command: None }));
    }
    all
}

/// The same program on what was restored, typed in the directory that holds it; how many secrets it is given, which are left
/// out: `secrets` counts those of a page.
fn as_typed(
    check: &CommandCheck,
    drill: &str,
    (target, is_tree): (&str, bool),
    secrets: &mut usize,
) -> (String, usize) {
    let path = if is_tree { "\"$PWD\"".to_owned() } else { format!("\"$PWD\"/{}", quoted(target)) };
    let (found, before) = (secrets_in(&check.argv), *secrets);
    let asks = format!("the secret that drill.toml of the drill {drill} gives to its command {}", check.name);
    let mut typed = Vec::new();
    for (argument, word) in check.argv.iter().enumerate() {
        let (mut said, mut from) = (String::new(), 0);
        for secret in found.iter().filter(|secret| secret.argument == argument) {
            *secrets += 1;
            said.push_str(&with_path(&word[from..secret.at.start], &path));
            said.push_str(&access::given(&format!("SECRET_{secrets}"), &asks));
            from = secret.at.end;
        }
        said.push_str(&with_path(&word[from..], &path));
        // An argument that is empty is one too.
        typed.push(if said.is_empty() { quoted("") } else { said });
    }
    let typed = typed.join(" ");
    let typed = if is_tree { format!("( cd {} && {typed} )", quoted(target)) } else { typed };
    (typed, *secrets - before)
}

/// A part of an argument, with the path of what was restored.
fn with_path(part: &str, path: &str) -> String {
    let quoted = |part: &str| if part.is_empty() { String::new() } else { quoted(part) };
    part.split("{restored}").map(quoted).collect::<Vec<_>>().join(path)
}

/// How the newest is seen that came back.
pub(super) fn newest(
    scene: &Scene<'_>,
    entry: &VolumeEntry,
    candidates: &[(&Looked<'_>, &Found)],
) -> Option<Acceptance> {
    let (_, found) = candidates.first()?;
    let (thing, target) = (Thing::of(scene, entry, found), target_of(entry));
    Some(Acceptance {
        what: "the newest that came back: does somebody know it, and is it of the time that the copy has?"
            .into(),
        from: "somebody who knows the data".into(),
        command: Some(called::newest_of(&thing, entry, &target)?),
    })
}

/// What the copy counted of what it read, where that is known, and how it is counted again.
pub(super) fn as_copied(
    scene: &Scene<'_>,
    entry: &VolumeEntry,
    candidates: &[(&Looked<'_>, &Found)],
) -> Option<Acceptance> {
    let (_, found) = candidates.first()?;
    let (thing, target) = (Thing::of(scene, entry, found), target_of(entry));
    let from = format!("the copy {}", found.short);
    let acceptance = |what: String, command: Option<String>| Acceptance { what, from: from.clone(), command };
    match (&thing, found.counted) {
        (Thing::Tree, Some(Counted { entries, files, bytes })) => {
            let sum = "awk '{ files++; bytes += $2 } END { printf \"%d %.0f\\n\", files, bytes }'";
            let find = command(["find", &target, "-type", "f", "-printf", "%i %s\\n"]);
            let all = command(["find", &target, "-printf", "x"]);
            let what = format!(
                "it has {files} files with {bytes} bytes, a file with several names counted once, and {entries} entries with directories, links and all names (by hand without pipes, sockets and devices)"
            );
            Some(acceptance(what, Some(format!("{find} | sort -u | {sum}; {all} | wc -c"))))
        }
        (Thing::Image, Some(Counted { bytes, .. })) => {
            Some(acceptance(format!("it has {bytes} bytes"), Some(command(["stat", "-c", "%s", &target]))))
        }
        (Thing::Dump(_), _) => Some(Acceptance {
            what: "rows of the tables that matter, counted one by one: type the line of the way that was taken, while its server runs and before the database is renamed. \
                   Expected (this page does not know it): ............ Found: ............"
                .into(),
            from: "a report or a monitor from before, by somebody who knows it; --to-postgres prints what it counted".into(),
            command: dump::is_of_one_database(&thing).then(|| called::by_way(&thing, entry, called::count)),
        }),
        _ => None,
    }
}

fn counted(drill: &Drill) -> Option<String> {
    let bound = |word: &str, (files, bytes): (Option<u64>, Option<u64>)| {
        let files = files.map(|files| format!("{word} {files} files"));
        let bytes = bytes.map(|bytes| format!("{word} {bytes} bytes"));
        files.into_iter().chain(bytes).collect::<Vec<_>>()
    };
    let all = [bound("at least", drill.counts.least), bound("at most", drill.counts.most)].concat();
    (!all.is_empty()).then(|| format!("count what was restored: {}", all.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hand::by_hand;
    use std::process::Command;

    #[test]
    fn a_check_is_typed_without_its_secrets_and_works_with_what_is_given_for_them() {
        let shell = ["sh", "-c", "PGPASSWORD='hunter2' printenv PGPASSWORD"];
        let printed = ["printf", "%s|", "--password=hunter3", "{restored}/a b", "", "https://u:hunter4@h/"];
        let argv = [&shell[..], &printed]
            .map(|argv| argv.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>());
        let mut secrets = 0;
        let [shell, printed] = argv.map(|argv| {
            let timeout = std::time::Duration::from_secs(1);
            let check = CommandCheck { name: "rows} `id` \"$(id)".into(), argv, timeout };
            as_typed(&check, "weekly", ("it's", true), &mut secrets)
        });
        assert!(!format!("{shell:?}{printed:?}").contains("hunter"), "{shell:?} {printed:?}");
        assert_eq!((shell.1, printed.1), (1, 2));
        assert!(printed.0.contains("drill.toml of the drill weekly"), "{printed:?}");
        let script =
            format!("mkdir \"it's\"; SECRET_1=one; SECRET_2=two; SECRET_3=three\n{}\n{}", shell.0, printed.0);
        let directory = crate::hand::TempDir::new();
        let run = |script: &str| {
            by_hand(|| Command::new("sh").args(["-c", script]).current_dir(directory.path()).output())
                .unwrap()
        };
        let said = String::from_utf8(run(&script).stdout).unwrap();
        let path = directory.path().join("it's/a b");
        assert_eq!(said, format!("one\n--password=two|{}||https://u:three@h/|", path.display()));
        let refused = run(&printed.0);
        assert!(!refused.status.success() && refused.stdout.is_empty(), "{refused:?}");
    }
}
