//! What a person does with a scratch server: the exact commands.

use super::account::Account;
use super::programs::Programs;
use super::promotion::promoted;
pub(super) use super::promotion::{Left, rights, unit};
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
pub(super) const MAINTENANCE: &str = "postgres";

pub(super) fn said(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// The words that run one of PostgreSQL's programs as its user.
pub(super) fn as_user(account: &Account, programs: &Programs, name: &str) -> Vec<String> {
    let program = said(&programs.path(name));
    match account.becomes {
        Some(_) => ["runuser", "-u", &account.name, "--", &program].map(str::to_owned).to_vec(),
        None => vec![program],
    }
}

pub(super) fn control(room: &Room, account: &Account, programs: &Programs, more: &[&str]) -> String {
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

pub(super) fn step(what: &str, command: String) -> PostgresStep {
    PostgresStep { what: what.into(), command }
}

/// The steps as a text for whoever promotes it: later, and elsewhere than where the restore printed them.
pub(super) fn written(steps: &[PostgresStep]) -> String {
    let step = |(place, step): (usize, &PostgresStep)| {
        let command =
            if step.command.is_empty() { String::new() } else { format!("\n   {}\n", step.command) };
        format!("\n{}. {}\n{command}", place + 1, step.what)
    };
    let steps: String = steps.iter().enumerate().map(step).collect();
    format!("What is done with the restored PostgreSQL, in order. Written by outlive.\n{steps}")
}

/// What is told of a server: whose superuser this is, where it lies, and of what it was made.
pub(super) struct Made<'m> {
    pub superuser: &'m str,
    pub room: &'m Room,
    pub account: &'m Account,
    pub programs: &'m Programs,
    pub made_of: MadeOf,
    pub left: &'m Left,
}

impl Made<'_> {
    /// Whether a new cluster has its socket where the scratch server had it: its user may make none where PostgreSQL looks for one.
    pub fn is_own_socket(&self) -> bool {
        self.made_of != MadeOf::Directory && self.account.name != SUPERUSER
    }
}

/// The steps, in order.
pub(super) fn steps(made: &Made<'_>) -> Vec<PostgresStep> {
    let Made { superuser, room, account, programs, made_of, .. } = *made;
    let socket = said(&room.sockets());
    let database = if made_of == MadeOf::OneDatabase { DATABASE } else { MAINTENANCE };
    // Who is no superuser gives what a dump brought along nothing that it had not when it was read.
    let looks = if made_of == MadeOf::OneDatabase { DATABASE } else { superuser };
    let psql = ["-X", "-h", &socket, "-U", looks, "-d", database].map(str::to_owned);
    let mut look = as_user(account, programs, "psql");
    look.extend(psql);
    let [start, stop] = [room.start(), room.stop()].map(|script| command(["sh".to_owned(), said(&script)]));
    let mut all = vec![
        step(
            "Start it again, as a scratch server: on its socket alone, reaching nothing else. Were the steps of the runbook's page done that start it, check it and stop it? Then go on with the fourth.",
            start,
        ),
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
        false => {
            let [config, access] =
                [data.join("postgresql.conf"), room.own_access()].map(|file| command([said(&file)]));
            step(
                &format!(
                    "Its configuration is that of a new cluster: it listens on localhost alone, where a password is asked for, and at its socket for users of this machine by their own names. For services on \
                     other machines, write `listen_addresses = 'localhost, ADDRESS'`, with an address of this machine, at the end of {config}, and for each network of theirs one line \
                     `host NAME ROLE 192.0.2.0/24 scram-sha-256`, with the name of the database, their role and their network, at the end of {access}. What the lost server had besides, \
                     only somebody knows who knew it."
                ),
                String::new(),
            )
        }
    });
    all.extend(promoted(made));
    all
}
