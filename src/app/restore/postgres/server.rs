//! The scratch server: made, started on a socket, and always stopped again.

use super::DATABASE;
use super::account::{Account, kill, last_words, pid, run, spawn, wait, write_new};
use super::patience::Patience;
use super::programs::Programs;
use super::room::Room;
use super::settings::session;
use super::wire::{Complaint, Link, Trouble};
use crate::domain::{Kind, Problem, Result, printable};
use rustix::process::{Signal, kill_process};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// How long a server that is no longer wanted may take to write down what it has.
const FAREWELL: Duration = Duration::from_secs(60);
/// How often it is asked whether it is ready.
const LOOK: Duration = Duration::from_millis(100);
/// What a server answers while it starts, recovers or ends (SQLSTATE `cannot_connect_now`).
const NOT_YET: &str = "57P03";
/// What ends a program with us, however we end; it is a part of every Linux.
const SETPRIV: &str = "/usr/bin/setpriv";
/// What to do about a locale that `initdb` did not take.
const OTHER_LOCALE: &str = "name a new directory, and one of the locales that `locale -a` lists and whose names end in utf8 (on Debian `dpkg-reconfigure locales` \
     makes others); without --postgres-locale it is C.UTF-8, which every system has";

/// Where a server works, with which programs, as whom.
#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    pub room: &'a Room,
    pub programs: &'a Programs,
    pub account: &'a Account,
    pub patience: Patience<'a>,
}

impl Scene<'_> {
    /// One of PostgreSQL's programs, to be run as its user in the new directory.
    pub fn program(&self, name: &str) -> Command {
        self.account.command(&self.programs.path(name), &self.room.root)
    }

    /// As [`Scene::program`], and it gets this signal (such as `INT`) when we end, however that is.
    pub fn ended_with_us(&self, name: &str, signal: &str) -> Command {
        if !Path::new(SETPRIV).exists() {
            return self.program(name);
        }
        let mut command = self.account.command(Path::new(SETPRIV), &self.room.root);
        command.args(["--pdeathsig", signal, "--"]).arg(self.programs.path(name));
        command
    }

    /// Makes a new cluster.
    ///
    /// # Errors
    /// What `initdb` said.
    pub fn make_cluster(&self, superuser: &str, locale: Option<&str>) -> Result<String> {
        self.room.make(&self.room.data(), self.account)?;
        // Either is on every system; the first knows more letters.
        let candidates = locale.map_or_else(|| vec!["C.UTF-8", "C"], |locale| vec![locale]);
        let mut last = None;
        for locale in candidates {
            let mut command = self.program("initdb");
            command.arg("-D").arg(self.room.data()).arg(format!("--username={superuser}"));
            command.args(["--encoding=UTF8", "--auth-local=peer", "--auth-host=scram-sha-256"]);
            command.arg(format!("--locale={locale}"));
            match run(&mut command, self.patience)?.sound("initdb") {
                Ok(_) => return Ok(locale.to_owned()),
                Err(problem) => last = Some(problem),
            }
        }
        let last = last.unwrap_or_else(|| Problem::new(Kind::Internal, "no locale to try"));
        let is_of_locale = locale.is_some() && last.what.contains("locale");
        Err(if is_of_locale { last.remedy(OTHER_LOCALE) } else { last })
    }

    /// What `pg_controldata` prints of the cluster.
    ///
    /// # Errors
    /// What it complained.
    pub fn control(&self) -> Result<String> {
        let mut command = self.program("pg_controldata");
        let said = run(command.arg("-D").arg(self.room.data()), self.patience)?.sound("pg_controldata")?;
        Ok(String::from_utf8_lossy(&said).into_owned())
    }
}

/// A server that runs until this is dropped.
pub(super) struct Server<'a> {
    scene: Scene<'a>,
    child: Child,
    is_over: bool,
}

impl<'a> Server<'a> {
    /// Starts it, and waits until it has recovered and lets `roles` in, one of them: which.
    ///
    /// # Errors
    /// What it said in its log.
    pub fn start(scene: Scene<'a>, words: &[String], roles: &[&str]) -> Result<(Self, String)> {
        let log = File::options().append(true).open(scene.room.log());
        let log = log.and_then(|log| Ok((log.try_clone()?, log)));
        let (out, complaints) = log.map_err(|error| {
            Problem::io("opening the log", error)
                .at(printable(scene.room.log().as_os_str().as_encoded_bytes()))
        })?;
        let mut command = scene.ended_with_us("postgres", "INT");
        let child = spawn(command.args(words).stdout(out).stderr(complaints))?;
        let mut server = Self { scene, child, is_over: false };
        let role = server.ready(roles)?;
        Ok((server, role))
    }

    fn ready(&mut self, roles: &[&str]) -> Result<String> {
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                self.is_over = true;
                return Err(self.failed(&format!("the server ended at once ({status})")));
            }
            let mut round = Vec::new();
            for role in roles {
                match self.link(role, "template1", &self.as_superuser()) {
                    Ok(_) => return Ok((*role).to_owned()),
                    Err(Trouble::Server(complaint)) => round.push(Some(complaint)),
                    Err(Trouble::Lost(problem)) if problem.kind == Kind::Cancelled => return Err(problem),
                    // Nobody answers yet.
                    Err(Trouble::Lost(_)) => round.push(None),
                }
            }
            if let Some(complaint) = refusal(round) {
                let what =
                    format!("the server lets none of the roles {} in as a superuser", roles.join(", "));
                return Err(Trouble::Server(complaint).into_problem(&what));
            }
            self.scene.patience.check()?;
            std::thread::sleep(LOOK);
        }
    }

    fn link(&self, role: &str, database: &str, settings: &str) -> std::result::Result<Link<'a>, Trouble> {
        Link::open(&self.scene.room.socket(), (role, database), settings, self.scene.patience)
    }

    fn as_superuser(&self) -> String {
        session(self.scene.programs.major, true)
    }

    /// Connects as whoever reads a dump, which may set what it likes.
    ///
    /// # Errors
    /// What the server said.
    pub fn connect(&self, role: &str, database: &str) -> Result<Link<'a>> {
        let what = format!("connecting to the database {}", printable(database.as_bytes()));
        self.link(role, database, "").map_err(|trouble| trouble.into_problem(&what))
    }

    /// Connects as a superuser, whom no setting of the role or the database misleads.
    ///
    /// # Errors
    /// What the server said.
    pub fn oversee(&self, superuser: &str, database: &str) -> Result<Link<'a>> {
        let what = format!("connecting to the database {}", printable(database.as_bytes()));
        self.link(superuser, database, &self.as_superuser()).map_err(|trouble| trouble.into_problem(&what))
    }

    /// Connects as the role that read a dump, whom no setting that the dump made misleads.
    ///
    /// # Errors
    /// What the server said.
    pub fn look(&self, role: &str, database: &str) -> Result<Link<'a>> {
        let what = format!("connecting to the database {}", printable(database.as_bytes()));
        let settings = session(self.scene.programs.major, false);
        self.link(role, database, &settings).map_err(|trouble| trouble.into_problem(&what))
    }

    /// Says who may connect to a new cluster once it is started by its own configuration: not the role that read a dump of one database, for
    /// which what the dump brought along may set a password; and as its superuser the user that PostgreSQL runs as. Where the two have not one name, its socket
    /// lies where that user may make one.
    ///
    /// # Errors
    /// What the server or the system said.
    pub fn admit(&self, superuser: &str, is_one: bool) -> Result<()> {
        let Scene { room, account, .. } = self.scene;
        let is_same = account.name == superuser;
        let (access, names) = (room.own_access(), room.own_names());
        let hosts =
            ["127.0.0.1/32", "::1/128"].map(|net| format!("host all all {net} scram-sha-256\n")).concat();
        let mapped =
            if is_same { String::new() } else { format!("local all {superuser} peer map=outlive\n") };
        let refused = if is_one { format!("host all {DATABASE} all reject\n") } else { String::new() };
        let lines = format!("{refused}{mapped}local all all peer\n{hosts}");
        write_new(
            &access,
            &format!("# Written by outlive: who may connect. The first line that fits counts.\n{lines}"),
        )?;
        account.own(&access)?;
        let mut link = self.oversee(superuser, "postgres")?;
        let mut all = vec![("hba_file", access)];
        if !is_same {
            write_new(&names, &format!("# Written by outlive.\noutlive \"{}\" {superuser}\n", account.name))?;
            account.own(&names)?;
            all.extend([("ident_file", names), ("unix_socket_directories", room.sockets())]);
        }
        for (name, path) in all {
            // No path of a room has a quotation mark or a backslash.
            let said = link.ask(&format!("alter system set {name} = '{}'", path.display()));
            said.map_err(|trouble| trouble.into_problem("configuring the new cluster"))?;
        }
        Ok(())
    }

    /// Stops it, so that all is written down.
    ///
    /// # Errors
    /// Where it did not end as a server ends.
    pub fn stop(mut self) -> Result<()> {
        self.signal(Signal::INT);
        let status = wait(&mut self.child, self.scene.patience)?;
        self.is_over = true;
        if status.success() {
            return Ok(());
        }
        Err(self.failed(&format!("the server did not end cleanly ({status})")))
    }

    fn signal(&self, signal: Signal) {
        if let Some(process) = pid(&self.child) {
            // It is not collected yet, so the number is its own.
            let _gone = kill_process(process, signal);
        }
    }

    fn failed(&self, what: &str) -> Problem {
        let log = self.scene.room.log();
        let tail = || -> std::io::Result<Vec<u8>> {
            let mut file = File::open(&log)?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(4096)))?;
            let mut tail = Vec::new();
            file.read_to_end(&mut tail)?;
            Ok(tail)
        };
        let words = last_words(&tail().unwrap_or_default());
        Problem::new(Kind::Io, format!("{what}; it said: {words}"))
            .at(printable(log.as_os_str().as_encoded_bytes()))
    }
}

impl Drop for Server<'_> {
    fn drop(&mut self) {
        for signal in [Signal::INT, Signal::QUIT] {
            if self.is_over {
                return;
            }
            self.signal(signal);
            let last = Instant::now() + FAREWELL;
            while !self.is_over && Instant::now() < last {
                self.is_over = !matches!(self.child.try_wait(), Ok(None));
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        if !self.is_over {
            kill(&mut self.child);
        }
    }
}

/// What the server has against every role, once none may hope any more: whoever is told to wait, or is not answered, may come in later.
fn refusal(round: Vec<Option<Complaint>>) -> Option<Complaint> {
    let all: Vec<Complaint> = round.into_iter().collect::<Option<_>>()?;
    if all.iter().any(|complaint| complaint.code == NOT_YET) {
        return None;
    }
    let code = all.first()?.code.clone();
    let mut messages: Vec<String> = all.into_iter().map(|complaint| complaint.message).collect();
    messages.dedup();
    Some(Complaint { code, message: messages.join("; ") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_given_up_only_when_no_role_may_hope_any_more() {
        let said = |code: &str| Some(Complaint { code: code.into(), message: format!("no {code}") });
        for round in [[said("57P03"), said("28000")], [said("28000"), said("57P03")], [None, said("28000")]] {
            assert_eq!(refusal(round.to_vec()), None, "{round:?}");
        }
        assert_eq!(refusal(vec![]), None);
        let both = refusal(vec![said("28000"), said("42501")]).unwrap();
        assert_eq!((&*both.code, &*both.message), ("28000", "no 28000; no 42501"));
    }
}
