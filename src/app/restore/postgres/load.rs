//! Reading a dump into a new cluster.

use super::account::{drain, last_words, pid, spawn};
use super::dump::DumpKind;
use super::left_out::{is_of_database, owner};
use super::lower::lower;
use super::patience::Patience;
use super::policy::roles_of_policy;
use super::rights::right;
use super::script::{Ends, Piece, Script, Statement};
use super::server::{Scene, Server};
use super::wire::{Answer, Link, Trouble};
use super::{DATABASE, Rights, SUPERUSER};
use crate::domain::{Kind, Problem, Result, printable};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, ExitStatus, Stdio};
use std::time::Duration;

/// How often the clock and the wish to stop are looked at while `pg_restore` says nothing.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };
/// Bytes of rows that go to the server at once.
const TOGETHER: usize = 1 << 16;
/// As the server says that somebody may not do this (SQLSTATE `insufficient_privilege`).
pub(super) const NOT_ALLOWED: &str = "42501";
/// What is not there is not there to be dropped: functions, objects, schemas, tables, databases (SQLSTATE).
const NOT_THERE: [&str; 5] = ["42883", "42704", "3F000", "42P01", "3D000"];
/// Something that is named and not there (SQLSTATE `undefined_object`): a role, for one.
const NO_OBJECT: &str = "42704";
/// A role, or a database, of the dump that a new cluster has anyhow (SQLSTATE `duplicate_object`).
const THERE: &str = "42710";
/// So many bytes of statements about owners and rights are kept for a person.
const MOST_RIGHTS: usize = 16 << 20;
/// So many roles, each with a name of so many bytes.
const MOST_ROLES: usize = 1000;
const LONGEST_ROLE: usize = 256;

/// What was left out of a dump, or was not needed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Loaded {
    /// Statements that were done.
    pub statements: u64,
    /// Owners that are roles of the lost server.
    pub owners: BTreeSet<String>,
    /// Statements about privileges and owners.
    pub left_out: u64,
    /// Those of them that say who owns what and who may use it, as far as they are nothing else for certain.
    pub rights: String,
    /// The roles that these name, as they are written in SQL.
    pub roles: BTreeSet<String>,
    /// How many more say that.
    pub more_rights: u64,
    /// Statements about the database itself, and about settings of roles in it.
    pub of_database: u64,
    /// Roles that a policy names, made so that it could be: none can log in.
    pub made: BTreeSet<String>,
}

/// Reads the dump that was restored.
///
/// # Errors
/// What the server said, with the line; `Refused` for a command to `psql`.
pub(super) fn load(scene: Scene<'_>, server: &Server<'_>, kind: DumpKind, rights: Rights) -> Result<Loaded> {
    let path = scene.room.dump();
    let failed =
        |error| Problem::io("opening the dump", error).at(printable(path.as_os_str().as_encoded_bytes()));
    let file = File::open(&path).map_err(failed)?;
    let (role, database) = prepare(scene, server, kind, rights)?;
    let link = server.connect(role, database)?;
    let keeps_owners = kind == DumpKind::Cluster;
    let mut reader =
        Reader { scene, server, link, role, keeps_owners, has_ended: false, loaded: Loaded::default() };
    let ends = if kind.is_archive() {
        of_archive(&mut reader, file)
    } else {
        reader.read(BufReader::with_capacity(1 << 20, file))
    };
    let ends = ends.map_err(|problem| Problem {
        // Where it is in what pg_restore makes of an archive helps nobody.
        place: if kind.is_archive() {
            problem.place
        } else {
            format!("{}, {}", printable(path.as_os_str().as_encoded_bytes()), problem.place)
        },
        ..problem
    })?;
    let is_whole = if kind == DumpKind::Cluster { ends.cluster } else { ends.database };
    if !is_whole {
        return Err(Problem::new(
            Kind::Io,
            "the dump does not end as pg_dump ends one: it was cut short when it was made",
        )
        .remedy("what is in the new cluster may lack tables and rows; choose another recovery point"));
    }
    reader.sees_end()?;
    // Nothing of it may hold up what follows.
    let Reader { link, loaded, .. } = reader;
    drop(link);
    finish(server, kind, rights)?;
    Ok(loaded)
}

/// Makes what a dump of one database is read into; as whom it is read, and where.
fn prepare<'r>(
    scene: Scene<'_>,
    server: &Server<'_>,
    kind: DumpKind,
    rights: Rights,
) -> Result<(&'r str, &'r str)> {
    if kind == DumpKind::Cluster {
        if rights == Rights::Owner {
            return Err(Problem::new(Kind::Refused, "a dump by pg_dumpall makes roles, and only a superuser may")
                .remedy("where you trust whoever wrote it, run it again with --postgres-superuser into another new directory: such a dump can do whatever the user that PostgreSQL runs as may do here"));
        }
        return Ok((SUPERUSER, "postgres"));
    }
    let mut link = server.connect(SUPERUSER, "postgres")?;
    let may = if rights == Rights::Superuser { "superuser" } else { "" };
    let mut ask =
        |sql: &str| link.ask(sql).map_err(|trouble| trouble.into_problem("making the new database"));
    ask(&format!("create role {DATABASE} login {may}"))?;
    ask(&format!("create database {DATABASE} owner {DATABASE} template template0"))?;
    if scene.programs.major < 15 {
        // Of later ones the owner of the database owns it.
        let mut link = server.connect(SUPERUSER, DATABASE)?;
        let owned = link.ask(&format!("alter schema public owner to {DATABASE}"));
        owned.map_err(|trouble| trouble.into_problem("making the new database"))?;
    }
    Ok((DATABASE, DATABASE))
}

/// What was read is counted by the planner, and whoever read it has no more rights than it needs.
fn finish(server: &Server<'_>, kind: DumpKind, rights: Rights) -> Result<()> {
    if kind == DumpKind::Cluster {
        return Ok(());
    }
    lower(server, rights)?;
    let analyzed = server.look(DATABASE, DATABASE)?.ask("analyze");
    analyzed.map(drop).map_err(|trouble| trouble.into_problem("analyze"))
}

/// Through `pg_restore`, which makes SQL of an archive and connects nowhere.
fn of_archive(reader: &mut Reader<'_, '_>, file: File) -> Result<Ends> {
    let patience = reader.scene.patience;
    let mut command = reader.scene.ended_with_us("pg_restore", "KILL");
    // Who owned what is left out here, as of a plain dump, and told.
    command.arg("--file=-").stdin(file);
    let mut group =
        Group { leader: spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped()))?, is_over: false };
    let complaints = drain(group.leader.stderr.take());
    let Some(pipe) = group.leader.stdout.take() else {
        return Err(Problem::new(Kind::Internal, "pg_restore has no output"));
    };
    let read = reader.read(BufReader::with_capacity(1 << 20, Output { pipe, patience }));
    if read.is_err() && !reader.has_ended {
        return read;
    }
    // Where its output ended early, it knows why.
    let status = group.end(patience)?;
    let words = complaints.recv_timeout(Duration::from_secs(5)).unwrap_or_default();
    if !status.success() {
        return Err(Problem::new(Kind::Io, format!("pg_restore failed: {}", last_words(&words)))
            .remedy("an archive of a newer pg_dump needs a newer pg_restore: --postgres-bin DIR"));
    }
    read
}

/// What a program prints, waited for no longer than there is patience: why it is over is in the error.
struct Output<'a> {
    pipe: ChildStdout,
    patience: Patience<'a>,
}

impl Read for Output<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        loop {
            self.patience.check().map_err(std::io::Error::other)?;
            match poll(&mut [PollFd::new(&self.pipe, PollFlags::IN)], Some(&LOOK)) {
                Ok(0) | Err(Errno::INTR) => {}
                // Nobody else reads it, so this does not wait.
                Ok(_) => return self.pipe.read(buffer),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// A program with what it started, which is ended with this.
struct Group {
    leader: Child,
    is_over: bool,
}

impl Group {
    /// How it ended. What it started and left is ended too.
    ///
    /// # Errors
    /// `Cancelled`; `Io` where it takes too long.
    fn end(&mut self, patience: Patience<'_>) -> Result<ExitStatus> {
        let ended = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        while let Some(leader) = pid(&self.leader)
            && matches!(waitid(WaitId::Pid(leader), ended), Ok(None) | Err(Errno::INTR))
        {
            patience.check()?;
            std::thread::sleep(Duration::from_millis(20));
        }
        self.kill().map_err(|error| Problem::io("waiting for a program", error))
    }

    /// Before it is collected, the number of its group is its own.
    fn kill(&mut self) -> std::io::Result<ExitStatus> {
        if let Some(leader) = pid(&self.leader).filter(|_| !self.is_over) {
            let _gone = kill_process_group(leader, Signal::KILL);
        }
        self.is_over = true;
        self.leader.wait()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _collected = self.kill();
    }
}

struct Reader<'r, 'a> {
    scene: Scene<'a>,
    server: &'r Server<'a>,
    link: Link<'a>,
    role: &'r str,
    keeps_owners: bool,
    /// Whether all of the input was read.
    has_ended: bool,
    loaded: Loaded,
}

impl Reader<'_, '_> {
    fn read(&mut self, input: impl BufRead) -> Result<Ends> {
        let mut script = Script::new(input);
        let read = self.pieces(&mut script);
        self.has_ended = script.has_ended();
        read.map(|()| script.ends())
    }

    fn pieces(&mut self, script: &mut Script<impl BufRead>) -> Result<()> {
        while let Some(piece) = script.next()? {
            self.scene.patience.check()?;
            match piece {
                Piece::Connect { database, line } => {
                    self.sees_end()?;
                    // A dump of one database is read into the one that was made for it, whatever it calls its own.
                    let database = if self.keeps_owners { &database } else { DATABASE };
                    let link = self.server.connect(self.role, database);
                    self.link = link.map_err(|problem| problem.at(format!("line {line}")))?;
                }
                Piece::Statement(statement) if !self.keeps_owners && self.leaves_out(&statement) => {
                    self.loaded.left_out += 1;
                }
                Piece::Statement(statement) if !self.keeps_owners && is_of_database(&statement) => {
                    // That there is one needs no word.
                    let is_made = statement.begins(&["CREATE"]) || statement.begins(&["DROP"]);
                    self.loaded.of_database += u64::from(!is_made);
                }
                Piece::Statement(statement) => self.statement(&statement, script)?,
            }
        }
        Ok(())
    }

    fn statement(&mut self, statement: &Statement, script: &mut Script<impl BufRead>) -> Result<()> {
        let mut told = self.link.tell(&statement.sql);
        if let Err(Trouble::Server(complaint)) = &told
            && complaint.code == NO_OBJECT
            && !self.keeps_owners
            && self.makes_roles_for(statement)?
        {
            told = self.link.tell(&statement.sql);
        }
        let done = match told {
            Ok(Answer::Done) => Ok(()),
            Ok(Answer::WantsRows) => self.rows(script)?,
            Err(trouble) => Err(trouble),
        };
        self.loaded.statements += 1;
        match done {
            Ok(()) => Ok(()),
            Err(Trouble::Server(complaint)) if is_harmless(statement, &complaint.code) => Ok(()),
            Err(trouble) => {
                let remedy = match &trouble {
                    Trouble::Server(complaint) if complaint.code == NOT_ALLOWED => {
                        "only a superuser may: where you trust whoever wrote the dump, run it again with --postgres-superuser into another new directory"
                    }
                    _ => {
                        "the dump is where the restore put it, and what was read of it is in the new cluster; see server.log"
                    }
                };
                let what = format!("reading the dump, at `{}`", statement.shown());
                Err(trouble.into_problem(&what).at(format!("line {}", statement.line)).remedy(remedy))
            }
        }
    }

    /// Sees that what was done so far is done for good.
    fn sees_end(&self) -> Result<()> {
        if !self.link.is_open() {
            return Ok(());
        }
        Err(Problem::new(Kind::Io, "the dump leaves a transaction open, and what it did in it is not there")
            .remedy("pg_dump writes no such dump: find out who did, or choose another recovery point"))
    }

    /// Makes the roles that a policy is for, which a dump of one database does not bring along; whether there were any to make.
    fn makes_roles_for(&mut self, statement: &Statement) -> Result<bool> {
        let roles = roles_of_policy(statement);
        let new: Vec<String> = roles.into_iter().filter(|role| !self.loaded.made.contains(role)).collect();
        if new.is_empty() || self.loaded.made.len() + new.len() > MOST_ROLES {
            return Ok(false);
        }
        let mut link = self.server.oversee(SUPERUSER, "postgres")?;
        for role in new {
            match link.ask(&format!("create role {role} nologin")) {
                Ok(_) => drop(self.loaded.made.insert(role)),
                Err(Trouble::Server(complaint)) if complaint.code == THERE => {}
                Err(trouble) => return Err(trouble.into_problem("making the role that a policy is for")),
            }
        }
        Ok(true)
    }

    /// Sends rows until their end.
    fn rows(&mut self, script: &mut Script<impl BufRead>) -> Result<std::result::Result<(), Trouble>> {
        let mut together = Vec::with_capacity(TOGETHER);
        while let Some(row) = script.next_row()? {
            together.extend(row);
            if together.len() >= TOGETHER {
                self.scene.patience.check()?;
                self.link.rows(&together)?;
                together.clear();
            }
        }
        self.link.rows(&together)?;
        Ok(self.link.end_of_rows())
    }

    /// Keeps a statement about owners or rights, as far as there is room.
    fn keep(&mut self, right: Option<(String, Vec<String>)>) {
        let loaded = &mut self.loaded;
        match right {
            Some((text, roles))
                if loaded.rights.len() + text.len() <= MOST_RIGHTS
                    && loaded.roles.len() + roles.len() <= MOST_ROLES =>
            {
                loaded.rights.push_str(&text);
                loaded.rights.push_str(";\n");
                loaded.roles.extend(roles);
            }
            _ => loaded.more_rights += 1,
        }
    }

    /// A dump of one database does not bring the roles along that own things and may use them.
    fn leaves_out(&mut self, statement: &Statement) -> bool {
        let owner = owner(statement);
        let is_of_rights = owner.is_some()
            || ["GRANT", "REVOKE"].iter().any(|word| statement.begins(&[word]))
            || statement.begins(&["ALTER", "DEFAULT", "PRIVILEGES"]);
        let has_room = self.loaded.owners.len() < MOST_ROLES;
        self.loaded.owners.extend(owner.filter(|owner| has_room && owner.len() <= LONGEST_ROLE));
        if is_of_rights {
            self.keep(right(statement));
        }
        is_of_rights
            || statement.begins(&["SET", "SESSION", "AUTHORIZATION"])
            || statement.begins(&["COMMENT", "ON", "EXTENSION"])
            || statement.begins(&["SET", "DEFAULT_TABLESPACE"])
    }
}

fn is_harmless(statement: &Statement, code: &str) -> bool {
    let unlinks = statement.begins(&["SELECT", "PG_CATALOG", "LO_UNLINK"]);
    // Not whatever speaks of a thing that is called so.
    let is_drop = |words: &[String]| words[0] == "DROP" && ["CONSTRAINT", "DEFAULT"].contains(&&*words[1]);
    let drops = statement.begins(&["DROP"])
        || statement.begins(&["ALTER", "TABLE"]) && statement.words.windows(2).any(is_drop);
    let makes_own = statement.begins(&["CREATE", "ROLE", "POSTGRES"]) && statement.words.len() == 3;
    (drops || unlinks) && NOT_THERE.contains(&code) || makes_own && code == THERE
}
