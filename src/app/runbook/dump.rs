//! What makes a database of a dump again, by the program that made it.

use super::restore::Thing;
use crate::report::runbook::{Step, command};

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
    let name: String = volume.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let database = format!("restored_{name}");
    if let Some(option) = destroys(argv) {
        let what = format!(
            "{dump} was made with `{option}`: it names its databases itself, and DESTROYS what a server has under these names. Read it \
             through first, then into a new server that holds nothing."
        );
        return vec![only_said(&what)];
    }
    match program(argv) {
        Some("pg_dump") => postgres(&database, &into_new(argv, &database, dump)),
        Some("pg_dumpall") => {
            let whole = command(["psql", "-X", "-v", "ON_ERROR_STOP=1", "-d", "postgres", "-f", dump]);
            vec![
                server("psql -X -d postgres -Atc 'select version(), pg_is_in_recovery()'"),
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

/// Whether outlive reads it into one new database of a new PostgreSQL (`--to-postgres`).
pub(super) fn is_of_one_postgres(thing: &Thing<'_>) -> bool {
    matches!(thing, Thing::Dump(argv) if program(argv) == Some("pg_dump") && destroys(argv).is_none())
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
        true => (&["--clean", "--create"], "cC", "EFSTUZdefhjlnNtpw"),
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
fn is_archive(argv: &[String]) -> bool {
    let joined = |option: &str| ["custom", "c", "tar", "t"].contains(&option);
    let after = |flag: &str| argv.windows(2).any(|pair| pair[0] == flag && joined(&pair[1]));
    argv.iter().any(|word| word.strip_prefix("--format=").is_some_and(joined))
        || argv.iter().any(|word| word.strip_prefix("-F").is_some_and(joined))
        || after("-F")
        || after("--format")
}

fn into_new(argv: &[String], database: &str, dump: &str) -> String {
    match is_archive(argv) {
        true => command(["pg_restore", "--exit-on-error", "--no-owner", "--dbname", database, dump]),
        false => command(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", database, "-f", dump]),
    }
}

fn server(look: &str) -> Step {
    Step {
        what: "A scratch server, never the old one: PGHOST, PGPORT and PGUSER say which (MYSQL's own variables for MySQL). See which one answers.".into(),
        commands: vec![look.into()],
        expect: Some("the version of the new server, and that it is not in recovery".into()),
        ..Step::default()
    }
}

fn postgres(database: &str, read: &str) -> Vec<Step> {
    let tables = "select relname, n_live_tup from pg_stat_user_tables order by 1";
    vec![
        server("psql -X -d postgres -Atc 'select version(), pg_is_in_recovery()'"),
        Step {
            what: "Make a new database, and read the dump into it.".into(),
            commands: vec![command(["createdb", database]), read.to_owned()],
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
    ]
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
    vec![server("mysql -e 'select version(), @@hostname, @@read_only'"), read]
}

#[cfg(test)]
mod tests {
    use super::*;

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
    }
}
