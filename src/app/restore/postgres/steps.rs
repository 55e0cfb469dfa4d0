//! What a person does with a scratch server: the exact commands.

use super::account::Account;
use super::programs::Programs;
use super::room::Room;
use super::{DATABASE, SUPERUSER};
use crate::report::activity::PostgresStep;
use crate::report::runbook::command;
use std::path::Path;

/// What a server was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MadeOf {
    /// A dump of one database, which is called otherwise now.
    OneDatabase,
    /// A dump of a whole server.
    Databases,
    /// A data directory.
    Directory,
}

/// The database that every cluster has, whoever its superuser is.
const MAINTENANCE: &str = "postgres";

fn said(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// The words that run one of PostgreSQL's programs as its user.
fn as_user(account: &Account, programs: &Programs, name: &str) -> Vec<String> {
    let program = said(&programs.path(name));
    match account.becomes {
        Some(_) => ["runuser", "-u", &account.name, "--", &program].map(str::to_owned).to_vec(),
        None => vec![program],
    }
}

fn control(room: &Room, account: &Account, programs: &Programs, more: &[&str]) -> String {
    let (data, log) = (said(&room.data()), said(&room.log()));
    let mut words = as_user(account, programs, "pg_ctl");
    words.extend(["-D", &data, "-w", "-t", "86400"].map(str::to_owned));
    if more.last() == Some(&"start") {
        words.extend(["-l".to_owned(), log]);
    }
    words.extend(more.iter().map(|word| (*word).to_owned()));
    command(words)
}

/// A script that starts the scratch server as it was started here.
pub(super) fn script(room: &Room, account: &Account, programs: &Programs, words: &[String]) -> String {
    // The data directory is named by pg_ctl itself.
    let options = command(words.iter().skip(2));
    let start = control(room, account, programs, &["-o", &options, "start"]);
    format!(
        "#!/bin/sh\n# Written by outlive. Starts the restored PostgreSQL as a scratch server: on its socket alone, without archiving,\n\
         # following or loading anything that its own configuration may name.\ncd / && exec {start}\n"
    )
}

/// A script that stops the server.
pub(super) fn stop_script(room: &Room, account: &Account, programs: &Programs) -> String {
    let stop = control(room, account, programs, &["-m", "fast", "stop"]);
    format!("#!/bin/sh\n# Written by outlive. Stops the restored PostgreSQL.\ncd / && exec {stop}\n")
}

fn step(what: &str, command: String) -> PostgresStep {
    PostgresStep { what: what.into(), command }
}

/// The steps as a text for whoever promotes it: later, and elsewhere than where the restore printed them.
pub(super) fn written(steps: &[PostgresStep], owners: &[String]) -> String {
    let step = |(place, step): (usize, &PostgresStep)| {
        let command =
            if step.command.is_empty() { String::new() } else { format!("\n   {}\n", step.command) };
        format!("\n{}. {}\n{command}", place + 1, step.what)
    };
    let steps: String = steps.iter().enumerate().map(step).collect();
    // That one is there.
    let owners: Vec<&str> = owners.iter().map(String::as_str).filter(|owner| *owner != SUPERUSER).collect();
    let owners = match owners.as_slice() {
        [] => String::new(),
        some => format!(
            "\nThe dump names these owners, whose roles it does not bring: {}. What belonged to whom: `pg_restore --list dump` says it last in each line \
             of an archive, and of a plain dump `grep -a 'OWNER TO' dump`, in the directory of this file.\n",
            some.join(", ")
        ),
    };
    format!("What is done with the restored PostgreSQL, in order. Written by outlive.\n{steps}{owners}")
}

/// The steps, in order, before a server said who is its superuser.
pub(super) fn steps(
    room: &Room,
    account: &Account,
    programs: &Programs,
    made_of: MadeOf,
) -> Vec<PostgresStep> {
    steps_as(SUPERUSER, room, account, programs, made_of)
}

/// The steps, in order, for this superuser.
pub(super) fn steps_as(
    superuser: &str,
    room: &Room,
    account: &Account,
    programs: &Programs,
    made_of: MadeOf,
) -> Vec<PostgresStep> {
    let socket = said(&room.sockets());
    let database = if made_of == MadeOf::OneDatabase { DATABASE } else { MAINTENANCE };
    let psql = ["-X", "-h", &socket, "-U", superuser, "-d", database].map(str::to_owned);
    let mut look = as_user(account, programs, "psql");
    look.extend(psql);
    let [start, stop] = [room.start(), room.stop()].map(|script| command(["sh".to_owned(), said(&script)]));
    let mut all = vec![
        step("Start it again, as a scratch server: on its socket alone, reaching nothing else.", start),
        step("Look at the data, as somebody who knows it.", command(look)),
        step("Stop it.", stop),
        step(
            "Before it is promoted: see that the lost server is gone for good or cut off, and that nothing writes to it. Two primaries are \
             worse than none.",
            String::new(),
        ),
    ];
    let data = room.data();
    all.push(match made_of == MadeOf::Directory {
        true => {
            let files = ["postgresql.conf", "postgresql.auto.conf"].map(|name| said(&data.join(name)));
            let reaching = "^ *(archive_|restore_|primary_|recovery_|listen_|include|data_directory|hba_file|ident_file|synchronous_standby|shared_preload)";
            let mut grep = ["grep", "-nE", reaching].map(str::to_owned).to_vec();
            grep.extend(files);
            step(
                "Its own configuration counts once it is started by that, below, and still names the old archive and primary: change archive_command to a NEW \
                 place, or it archives over the old one. Where postgresql.conf and pg_hba.conf are not in the data directory (Debian keeps them in \
                 /etc/postgresql), write them first.",
                command(grep),
            )
        }
        false => step(
            "Its configuration is that of a new cluster: it listens on localhost alone. Set what the lost server had where somebody knows it \
             (listen_addresses in postgresql.conf; who may log in from where in pg_hba.conf).",
            String::new(),
        ),
    });
    all.extend(promoted(superuser, room, account, programs, made_of));
    all
}

/// The steps from the moment on at which it becomes the primary.
fn promoted(
    superuser: &str,
    room: &Room,
    account: &Account,
    programs: &Programs,
    made_of: MadeOf,
) -> Vec<PostgresStep> {
    let ask = |name: &str, more: &[&str]| {
        let mut words = as_user(account, programs, name);
        words.extend(more.iter().map(|word| (*word).to_owned()));
        command(words)
    };
    let login = ["-X", "-U", superuser, "-d", MAINTENANCE];
    let first = ask("psql", &[&login[..], &["-Atc", "show data_directory"]].concat());
    let mut all = vec![
        step(
            "See that no other server is where this one will be, on port 5432 unless its configuration says otherwise: \"no response\" must be \
             seen. A package of PostgreSQL may have started an empty one: stop it, or give this one another `port` in postgresql.conf, and the commands below `-p` with it.",
            ask("pg_isready", &[]),
        ),
        step(
            "Start it by its own configuration: from then on it is the primary.",
            format!("(cd / && {})", control(room, account, programs, &["start"])),
        ),
        step(
            &format!(
                "See that it is this one that answers: {} must be seen, and nothing else.",
                said(&room.data())
            ),
            first,
        ),
    ];
    let login = ask("psql", &login);
    if made_of == MadeOf::OneDatabase {
        let what = format!(
            "Give the database that the dump was read into the name that its services know, as its superuser: {login}, then `alter database \
             {DATABASE} rename to NAME;`. From then on NAME stands in the place of {DATABASE} in every command with `-d {DATABASE}`, here and on the runbook's page. Make the roles of the services where the dump brought none, each by `create role NAME login;` and `\\password NAME`. All in it belongs to the role {DATABASE}: `grant {DATABASE} to NAME;` gives a service all of it, also what it had no right to \
             before; `grant select on TABLE to NAME;` and its like give less. To have it just as it was, see what the dump says, and write the same anew, \
             by hand: a row of data may look like a statement. `grep -aE '^(ALTER .* OWNER TO|GRANT|REVOKE) ' {0} | cat -v`, or of an archive \
             `pg_restore --schema-only --file - {0} | grep -aE '^(ALTER .* OWNER TO|GRANT|REVOKE) ' | cat -v`.",
            command([said(&room.root.join("dump"))])
        );
        all.push(step(&what, String::new()));
    }
    all.push(step(
        "Nothing starts it after a restart of the machine: give it a service, with the command that started it by its own configuration. Leave its directory where it is; \
         stop.sh stops it.",
        String::new(),
    ));
    all
}
