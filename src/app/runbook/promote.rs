//! The shortest way for a dump of PostgreSQL: outlive makes the new server itself.

use super::restore::{Case, until_it_answers, words};
use super::{Scene, access, called, dump};
use crate::report::runbook::{MASKED, OWN_NAMES, Procedure, Step, command};

/// What comes back is called so: the path of a socket in it may not be long.
const SERVER: &str = "server";

/// The way, where outlive reads such a dump into one new database.
pub(super) fn procedure(scene: &Scene<'_>, case: &Case<'_, '_>) -> Option<Procedure> {
    if !dump::is_of_one_postgres(&case.thing) {
        return None;
    }
    let (entry, found) = (case.looked.entry, case.found);
    let taken_at = found.taken_at.format("%Y-%m-%d %H:%M UTC");
    let mut restore = words(case);
    restore.extend(["--to-postgres".to_owned(), SERVER.to_owned()]);
    let mut steps = until_it_answers(scene, case, "postgres");
    if let Some(first) = steps.first_mut() {
        // The user that PostgreSQL runs as passes through it, whatever the shell's umask.
        first
            .commands
            .iter_mut()
            .for_each(|command| *command = command.replacen("mkdir ", "mkdir -m 755 ", 1));
        first.what = format!(
            "As root: PostgreSQL then runs as the user postgres. The directory must be below one that is root's and that everybody may pass: `cd /srv` first, and not /root. \
             A new cluster needs some 50 MB besides the data. {}",
            first.what
        );
    }
    steps.push(Step {
        what: "Restore the dump and read it into a new PostgreSQL of its own, which nothing else reaches. It needs the programs of a PostgreSQL \
               as new as the lost one, and says where they are older (on Debian the package postgresql-15 brings those of version 15). \
               Sorting and upper case go by C.UTF-8: a dump does not tell the locale of the lost database. Where it is known (`psql -l` showed it under Collate: ............) and \
               `locale -a` lists it here, add `--postgres-locale` and its name. Where nobody knows it, leave it away: nothing is lost by that, names are listed in another order, and only another dump, read into a database of that locale, changes it later."
            .into(),
        commands: vec![command(restore)],
        expect: Some("\"restored and compared\", \"is ready\", and every table that you know with about as many rows as you expect".into()),
        ..Step::default()
    });
    steps.extend(begun(called::was_called(&case.thing)));
    Some(Procedure {
        title: format!("with outlive, into a new PostgreSQL, from the vault {} ({taken_at})", entry.id),
        when: "nothing is there yet, as on a new machine: outlive makes the server itself".into(),
        vault: entry.id.clone(),
        point: found.short.clone(),
        with: "outlive",
        target: SERVER.to_owned(),
        fill_in: access::fill_in(entry, case.is_encrypted),
        steps,
    })
}

/// The steps with the server that was made.
fn begun(name: Option<String>) -> [Step; 3] {
    let called = name.map(|name| format!(" The database was called {name}.")).unwrap_or_default();
    let socket = format!("\"$PWD\"/{}", command([format!("{SERVER}/socket")]));
    let ask = "select n.nspname, c.relname, c.reltuples::bigint from pg_class c join pg_namespace n on n.oid = c.relnamespace \
               where c.relkind = 'r' and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' order by 1, 2";
    [
        Step {
        what: format!(
            "Start it, on its socket alone, and look at the data. To ask it more: `psql -X -h \"$PWD\"/{}/socket -U restored -d restored` (as the role that owns it, which is no superuser: a dump may bring functions and views along). \
             This, and the count of part 6, hold until it is promoted; after that, the count is typed as promote.txt says.",
            command([SERVER.to_owned()])
        ),
        commands: vec![
            command(["sh".to_owned(), format!("{SERVER}/start.sh")]),
            format!("{} psql -X -h {socket} -U restored -d restored -Atc {} 2>&1 | {MASKED}", OWN_NAMES, command([ask])),
        ],
        expect: Some("the tables, with about as many rows as the restore counted".into()),
        ..Step::default()
        },
        Step {
        what: "Check it (part 6) now, while it runs; then stop it, until somebody has decided that it is the new primary.".into(),
        commands: vec![command(["sh".to_owned(), format!("{SERVER}/stop.sh")])],
        expect: Some("server stopped".into()),
        ..Step::default()
        },
        Step {
        what: format!(
            "Once somebody has decided that it serves: the file {SERVER}/promote.txt says with which commands it becomes the new primary, and how it gets the name of its database \
             and the roles of its services back. Read it whole first.{called} Leave {SERVER} where it is: its scripts name that place."
        ),
        commands: vec![command(["cat".to_owned(), format!("{SERVER}/promote.txt")])],
        expect: Some("numbered steps with commands".into()),
        ..Step::default()
        },
    ]
}
