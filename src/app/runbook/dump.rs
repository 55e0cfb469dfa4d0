//! What makes a database of a dump again, by the program that made it.

use super::restore::Thing;
use crate::report::runbook::{MASKED, Step, command};

/// The letters of `pg_dump` that take a value.
pub(super) const OF_PG_DUMP: &str = "EFSTUZdefhjlnNtp";

/// The steps after the dump is back. They make new databases only, and stop where one of that name is there.
pub(super) fn steps(thing: &Thing<'_>, volume: &str, dump: &str) -> Vec<Step> {
    let Thing::Dump(argv) = thing else {
        return match thing {
            Thing::Stream => {
                vec![only_said("What reads this file is not known here: it came from standard input.")]
            }
            _ => Vec::new(),
        };
    };
    let database = name_of(volume);
    if let Some(option) = destroys(argv) {
        let what = format!(
            "{dump} was made with `{option}`: it names its databases itself, and DESTROYS what a server has under these names. Read it \
             through first, then into a new server that holds nothing."
        );
        return vec![only_said(&what)];
    }
    match program(argv) {
        Some("pg_dump") => postgres(&database, argv, dump),
        Some("pg_dumpall") => {
            let whole = command(["psql", "-X", "-v", "ON_ERROR_STOP=1", "-d", "postgres", "-f", dump]);
            vec![
                server("PGHOST, PGPORT and PGUSER", POSTGRES),
                Step {
                    what: "Read the dump into a NEW, empty PostgreSQL cluster: it brings roles and all databases along.".into(),
                    commands: vec![whole],
                    expect: Some("no ERROR; a complaint that a role exists already is about the one you work as".into()),
                    ..Step::default()
                },
            ]
        }
        Some("mysqldump" | "mariadb-dump") => mysql(&database, dump),
        Some(other) => {
            let what = format!(
                "{dump} was made by `{other}`; the command that reads it is not known here. Use a new, empty database."
            );
            vec![only_said(&what)]
        }
        None => vec![only_said("Which program reads this dump is not known here.")],
    }
}

/// What a database is called that is made of a volume's dump.
pub(super) fn name_of(volume: &str) -> String {
    let name: String = volume.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    format!("restored_{name}")
}

/// Whether it is a dump of PostgreSQL that is read into one database, of whatever name.
pub(super) fn is_of_one_database(thing: &Thing<'_>) -> bool {
    matches!(thing, Thing::Dump(argv) if program(argv) == Some("pg_dump") && destroys(argv).is_none())
}

/// Whether outlive reads it into one new database of a new PostgreSQL (`--to-postgres`).
pub(super) fn is_of_one_postgres(thing: &Thing<'_>) -> bool {
    is_of_one_database(thing) && matches!(thing, Thing::Dump(argv) if packed_by(argv).is_none())
}

fn only_said(what: &str) -> Step {
    Step { what: what.into(), ..Step::default() }
}

/// The option by which a dump, when it is read, drops or writes over what is there by its own names.
fn destroys(argv: &[String]) -> Option<&str> {
    let is_postgres = match program(argv)? {
        "pg_dump" | "pg_dumpall" => true,
        "mysqldump" | "mariadb-dump" => false,
        _ => return None,
    };
    // An archive says nothing of that: who reads it does.
    if is_postgres && is_archive(argv) {
        return None;
    }
    let (long, short, with_value): (&[&str], &str, &str) = match is_postgres {
        true => (&["--clean", "--create"], "cC", OF_PG_DUMP),
        false => (&["--databases", "--all-databases", "--add-drop-database"], "AB", "PSThpruw#"),
    };
    let is_long = |word: &str| {
        let name = word.split('=').next().unwrap_or(word);
        name.len() > 3 && long.iter().any(|option| option.starts_with(name))
    };
    let is_short = |word: &str| {
        let letters = word.strip_prefix('-').filter(|rest| !rest.starts_with('-')).unwrap_or_default();
        letters.chars().take_while(|c| !with_value.contains(*c)).any(|c| short.contains(c))
    };
    argv.iter().skip(1).map(String::as_str).find(|word| is_long(word) || is_short(word))
}

/// The program's name, without the directory that it is in.
fn program(argv: &[String]) -> Option<&str> {
    argv.first().and_then(|program| program.rsplit('/').next())
}

/// Whether a dump of PostgreSQL is an archive for `pg_restore`, and not text for `psql`.
pub(super) fn is_archive(argv: &[String]) -> bool {
    value(argv, 'F', "--format").is_some_and(|format| ["custom", "c", "tar", "t"].contains(&format))
}

/// What packed a plain dump: `pg_dump` writes text through it where it is told to compress and makes no archive.
fn packed_by(argv: &[String]) -> Option<&'static str> {
    if is_archive(argv) {
        return None;
    }
    let method = value(argv, 'Z', "--compress")?;
    let (name, _) = method.split_once(':').unwrap_or((method, ""));
    match name {
        "lz4" => Some("lz4"),
        "zstd" => Some("zstd"),
        "gzip" => Some("gzip"),
        // A level alone is gzip's, and none is none.
        level => level.parse().is_ok_and(|level: u32| level > 0).then_some("gzip"),
    }
}

/// The last value of an option of `pg_dump`, by its letter or by its name, which may be shortened.
pub(super) fn value<'a>(argv: &'a [String], letter: char, long: &str) -> Option<&'a str> {
    let mut last = None;
    let mut words = argv.iter().skip(1).map(String::as_str);
    while let Some(word) = words.next() {
        if word.starts_with("--") {
            let (name, given) =
                word.split_once('=').map_or((word, None), |(name, given)| (name, Some(given)));
            if name.len() > 3 && long.starts_with(name) {
                last = given.or_else(|| words.next()).or(last);
            }
        } else if let Some(letters) = word.strip_prefix('-')
            && let Some((at, found)) = letters.char_indices().find(|(_, c)| OF_PG_DUMP.contains(*c))
        {
            let rest = &letters[at + found.len_utf8()..];
            let given = if rest.is_empty() { words.next() } else { Some(rest) };
            last = if found == letter { given.or(last) } else { last };
        }
    }
    last
}

fn into_new(argv: &[String], database: &str, dump: &str) -> String {
    if is_archive(argv) {
        return command([
            "pg_restore",
            "--exit-on-error",
            "--no-owner",
            "--no-privileges",
            "--dbname",
            database,
            dump,
        ]);
    }
    let mut psql = ["psql", "-X", "-q", "-o", "/dev/null", "-v", "ON_ERROR_STOP=1", "-d", database]
        .map(str::to_owned)
        .to_vec();
    let Some(tool) = packed_by(argv) else {
        psql.extend(["-f", dump].map(str::to_owned));
        return command(psql);
    };
    // What is damaged or cut short is seen before any of it is read: a pipe would not tell.
    let dump = command([dump]);
    format!("{tool} -t <{dump} && {tool} -dc <{dump} | {}", command(psql))
}

/// Which server answers.
const POSTGRES: &str = "psql -X -d postgres -Atc 'select version(), pg_is_in_recovery()'";

fn server(variables: &str, look: &str) -> Step {
    Step {
        what: format!(
            "A scratch server, never the old one: {variables} say which, exported in this shell (none are needed for one at its usual place). See which one answers. Where none is there, the package of the \
             server brings an empty one that runs (on Debian `apt-get install postgresql` or `mariadb-server`; where the package is there and nothing answers, \
             `pg_lsclusters` shows what there is, and `pg_ctlcluster 15 main start` starts one. Where nobody knows whether that one is empty, make one more: \
             `pg_createcluster 15 tonight --start`, then `export PGPORT=` with the port that it prints). Where root may not log in on a \
             PostgreSQL, its superuser lets it for tonight: `(cd / && runuser -u postgres -- createuser --superuser root)`."
        ),
        commands: vec![look.into()],
        expect: Some(
            "the version of the new server, and that it is not in recovery. Where the server that another way made runs already, it may be that one which answers: stop it first, or leave this way"
                .into(),
        ),
        ..Step::default()
    }
}

/// Who owns things of a plain dump, or may use them: reading it stops where one of them is not there.
fn owners(argv: &[String], dump: &str) -> Option<Step> {
    if is_archive(argv) {
        return None;
    }
    let dump = command([dump]);
    let whole = packed_by(argv).map_or_else(|| format!("cat {dump}"), |tool| format!("{tool} -dc <{dump}"));
    let statements = "^(ALTER .* OWNER TO|GRANT .* TO|REVOKE .* FROM) .*;$";
    Some(Step {
        what: "See which roles own what is in the dump, or may use it, and make each that the server lacks: `createuser --no-login NAME`, without the double quotes that stand around some of them, and between single quotes where a name has spaces or other odd signs. \
               Reading it stops where one is missing. PUBLIC is none, and postgres is there. \
               This is as far as lines tell: a row of data may look like one, and policies and default privileges are not among them."
            .into(),
        commands: vec![format!(
            "{whole} | grep -aoE '{statements}' | sed -E 's/.* (TO|FROM) //; s/( WITH GRANT OPTION)?;$//' | LC_ALL=C sort -u | {MASKED}"
        )],
        expect: Some("names of roles, or nothing".into()),
        ..Step::default()
    })
}

fn postgres(database: &str, argv: &[String], dump: &str) -> Vec<Step> {
    let (packed, read) = (packed_by(argv), into_new(argv, database, dump));
    let packed = packed.map(|tool| {
        format!(" It is packed by {tool}, which --to-postgres does not read: it is unpacked on the way, once it is known to be whole.")
    });
    let tables = "select relname, n_live_tup from pg_stat_user_tables order by 1";
    let mut steps = vec![server("PGHOST, PGPORT and PGUSER", POSTGRES)];
    steps.extend(owners(argv, dump));
    steps.extend([
        Step {
            what: format!(
                "Make a new database, and read the dump into it.{} Where that fails midway, half of it stays: begin again with another name for the database, which then stands in the place of {database} in every later command, in part 6 too; the half one may stay until the data is accepted.",
                packed.unwrap_or_default()
            ),
            commands: vec![command(["createdb", "-E", "UTF8", "-T", "template0", database]), read],
            expect: Some("no error".into()),
            ..Step::default()
        },
        Step {
            what: "See that the tables are there, with rows.".into(),
            commands: vec![
                command(["psql", "-X", "-d", database, "-qc", "analyze"]),
                command(["psql", "-X", "-d", database, "-Atc", tables]),
            ],
            expect: Some("every table that you know, with about as many rows as you expect".into()),
            ..Step::default()
        },
    ]);
    steps
}

fn mysql(database: &str, dump: &str) -> Vec<Step> {
    let quoted_dump = command([dump]);
    let commands = vec![
        command(["mysql", "-e", &format!("create database {database}")]),
        format!("mysql {database} <{quoted_dump}"),
    ];
    let read = Step {
        what: "Make a new database, and read the dump into it.".into(),
        commands,
        expect: Some("no ERROR".into()),
        ..Step::default()
    };
    vec![
        server(
            "the options of mysql, or its file ~/.my.cnf,",
            "mysql -e 'select version(), @@hostname, @@read_only'",
        ),
        read,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hand::{TempDir, by_hand};
    use std::process::Command;

    #[test]
    fn a_dump_that_destroys_what_has_its_names_gets_no_command() {
        let argv = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        for text in [
            "pg_dump --clean --create shop",
            "/usr/bin/pg_dump -C shop",
            "pg_dump -vc shop",
            "pg_dump --cle shop",
            "pg_dumpall -c",
            "mysqldump --databases shop",
            "mysqldump -A",
            "mariadb-dump --all-databases",
            "mysqldump --add-drop-database shop",
        ] {
            let steps = steps(&Thing::Dump(&argv(text)), "shop", "shop.sql");
            assert!(steps.iter().all(|step| step.commands.is_empty()), "{text}");
            assert!(steps[0].what.contains("DESTROYS"), "{text}");
        }
        for text in [
            "pg_dump -Fc --clean shop",
            "pg_dump -fclean shop",
            "pg_dump --compress=9 shop",
            "mysqldump -uABC shop",
        ] {
            assert_eq!(destroys(&argv(text)), None, "{text}");
        }
        assert_eq!(destroys(&argv("pg_dump -wc shop")), Some("-wc"));
    }

    #[test]
    fn who_must_be_there_before_a_plain_dump_is_read_is_listed() {
        let argv = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let directory = TempDir::new();
        let dump = "ALTER TABLE public.orders OWNER TO shop;\nGRANT SELECT ON TABLE public.orders TO \"odd role\" WITH GRANT OPTION;\n\
                    REVOKE ALL ON SCHEMA public FROM PUBLIC;\nCOPY public.notes FROM stdin;\nALTER of mind, to OWNER TO\n\\.\n\
                    ALTER FUNCTION public.f() OWNER TO clerk;\n";
        by_hand(|| std::fs::write(directory.path().join("a b.sql"), dump)).unwrap();
        let all = steps(&Thing::Dump(&argv("pg_dump shop")), "shop", "a b.sql");
        let listed = all.iter().find(|step| step.what.contains("--no-login")).unwrap();
        let done = by_hand(|| {
            Command::new("sh").args(["-c", &listed.commands[0]]).current_dir(directory.path()).output()
        })
        .unwrap();
        assert_eq!(String::from_utf8(done.stdout).unwrap(), "\"odd role\"\nPUBLIC\nclerk\nshop\n");
        let archive = steps(&Thing::Dump(&argv("pg_dump -Fc shop")), "shop", "a b.dump");
        assert!(archive.iter().all(|step| !step.what.contains("--no-login")));
    }

    #[test]
    fn a_plain_dump_that_is_packed_is_unpacked_on_its_way_and_no_way_is_offered_that_cannot_read_it() {
        let argv = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        for (text, tool) in [
            ("pg_dump -Z9 shop", "gzip"),
            ("pg_dump -Z 9 shop", "gzip"),
            ("pg_dump -vOZ9 -Fp shop", "gzip"),
            ("/usr/bin/pg_dump --compress=9 shop", "gzip"),
            ("pg_dump --comp 1 shop", "gzip"),
            ("pg_dump --compress=gzip:5 shop", "gzip"),
            ("pg_dump -Z zstd:long shop", "zstd"),
            ("pg_dump -Z lz4 shop", "lz4"),
        ] {
            let argv = argv(text);
            assert!(!is_of_one_postgres(&Thing::Dump(&argv)), "{text}");
            let steps = steps(&Thing::Dump(&argv), "shop", "a b.sql");
            let read = &steps[2];
            let wanted = format!(
                "{tool} -t <'a b.sql' && {tool} -dc <'a b.sql' | psql -X -q -o /dev/null -v ON_ERROR_STOP=1 -d restored_shop"
            );
            assert_eq!(read.commands[1], wanted, "{text}");
            assert!(read.what.contains("--to-postgres does not read"), "{text}");
        }
        for text in [
            "pg_dump -Z0 shop",
            "pg_dump --compress=none shop",
            "pg_dump -Z9 -Fc shop",
            "pg_dump -OFc -Z zstd shop",
            "pg_dump -Ft shop",
            "pg_dump -d Z9 shop",
            "pg_dump -Z9 -Z0 shop",
            "pg_dump shop",
        ] {
            let argv = argv(text);
            assert!(is_of_one_postgres(&Thing::Dump(&argv)) && packed_by(&argv).is_none(), "{text}");
        }
        assert!(is_archive(&argv("pg_dump -vFc shop")) && !is_archive(&argv("pg_dump -t Fc -Fp shop")));
    }
}
