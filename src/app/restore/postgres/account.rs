//! As whom PostgreSQL's programs run, and running them: argv, never a shell, with a time limit and nothing of our environment.

use super::patience::Patience;
use crate::domain::{Kind, Problem, Result, printable};
use rustix::process::{Pid, Signal, kill_process_group};
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// More than this of what a program prints is not kept.
const KEPT: u64 = 1 << 20;
/// How often an ending is looked for.
const LOOK: Duration = Duration::from_millis(20);

/// A user of this system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    /// Its name.
    pub name: String,
    /// Its number and its group's, where we are root and become it.
    pub becomes: Option<(u32, u32)>,
}

impl Account {
    /// Oneself; for root, which PostgreSQL refuses, the user that is named.
    ///
    /// # Errors
    /// `NotFound` where there is no such user; `Refused` where it is root, or somebody else than we are.
    pub fn of(named: Option<&str>, patience: Patience<'_>) -> Result<Self> {
        let is_root = rustix::process::geteuid().is_root();
        if !is_root && named.is_none() {
            let name = number("-un", None, patience)?;
            return Ok(Self { name, becomes: None });
        }
        let name = named.unwrap_or("postgres").to_owned();
        let (user, group) = (number("-u", Some(&name), patience)?, number("-g", Some(&name), patience)?);
        let numbers = user.parse::<u32>().ok().zip(group.parse::<u32>().ok());
        let (user, group) = numbers.ok_or_else(|| no_user(&name))?;
        if user == 0 {
            return Err(Problem::new(Kind::Refused, "PostgreSQL does not run as root")
                .remedy("name another user with --postgres-user"));
        }
        if !is_root && user != rustix::process::geteuid().as_raw() {
            return Err(Problem::new(Kind::Refused, format!("only root can run PostgreSQL as {name}"))
                .remedy("run this as root, or without --postgres-user"));
        }
        Ok(Self { name, becomes: is_root.then_some((user, group)) })
    }

    /// A program to be run as this user, in a directory, with nothing of our environment.
    pub fn command(&self, program: &Path, directory: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("LC_ALL", "C").env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin");
        command.current_dir(directory).stdin(Stdio::null()).process_group(0);
        if let Some((user, group)) = self.becomes {
            // Its other groups are given up with that.
            command.gid(group).uid(user);
        }
        command
    }

    /// Gives a file or directory, which this restore just made, to this user. A link itself, never what it leads to.
    ///
    /// # Errors
    /// What the system said.
    pub fn own(&self, path: &Path) -> Result<()> {
        let Some((user, group)) = self.becomes else { return Ok(()) };
        std::os::unix::fs::lchown(path, Some(user), Some(group)).map_err(|error| {
            let what = format!("giving what was restored to the user {}", self.name);
            Problem::io(what, error).at(printable(path.as_os_str().as_encoded_bytes()))
        })
    }

    /// Sees that this user can come to a directory.
    ///
    /// # Errors
    /// `Refused` where it cannot.
    pub fn comes_to(&self, directory: &Path, patience: Patience<'_>) -> Result<()> {
        let mut command = self.command(Path::new("/bin/true"), directory);
        let done = command.status();
        patience.check()?;
        if done.is_ok_and(|done| done.success()) {
            return Ok(());
        }
        let what = format!("the user {} cannot come to this directory, and PostgreSQL runs as it", self.name);
        Err(Problem::new(Kind::Refused, what)
            .at(printable(directory.as_os_str().as_encoded_bytes()))
            .remedy("name a new directory where everybody may pass, such as one below /srv"))
    }
}

fn no_user(name: &str) -> Problem {
    Problem::new(Kind::NotFound, format!("there is no user {}", printable(name.as_bytes()))).remedy(
        "PostgreSQL refuses to run as root: install it, which makes the user postgres, or name one with --postgres-user",
    )
}

fn number(what: &str, name: Option<&str>, patience: Patience<'_>) -> Result<String> {
    let mut command = Command::new("id");
    command.arg(what).stdin(Stdio::null());
    if let Some(name) = name {
        // A name that looks like an option is none.
        command.arg("--").arg(name);
    }
    let Said { status, out, .. } = run(&mut command, patience)?;
    let said = String::from_utf8_lossy(&out).trim().to_owned();
    if status.success() && !said.is_empty() {
        Ok(said)
    } else {
        Err(no_user(name.unwrap_or("of this process")))
    }
}

/// What a program said until it ended.
pub(super) struct Said {
    pub status: ExitStatus,
    pub out: Vec<u8>,
    pub complaints: Vec<u8>,
}

impl Said {
    /// # Errors
    /// Its last words, where it failed.
    pub fn sound(self, program: &str) -> Result<Vec<u8>> {
        if self.status.success() {
            return Ok(self.out);
        }
        Err(Problem::new(Kind::Io, format!("{program} failed: {}", last_words(&self.complaints))))
    }
}

/// The last lines of what a program complained.
pub(super) fn last_words(complaints: &[u8]) -> String {
    let text = String::from_utf8_lossy(complaints);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last = lines[lines.len().saturating_sub(4)..].join("; ");
    if last.is_empty() { "it gave no reason".into() } else { printable(last.as_bytes()) }
}

/// Runs a program to its end; it is ended where it takes too long.
///
/// # Errors
/// `NotFound` where it is not there; `Cancelled`; `Io` where it took too long.
pub(super) fn run(command: &mut Command, patience: Patience<'_>) -> Result<Said> {
    let mut child = spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped()))?;
    let (out, complaints) = (drain(child.stdout.take()), drain(child.stderr.take()));
    let status = wait(&mut child, patience).inspect_err(|_| kill(&mut child))?;
    let kept = |said: mpsc::Receiver<Vec<u8>>| said.recv_timeout(Duration::from_secs(5)).unwrap_or_default();
    Ok(Said { status, out: kept(out), complaints: kept(complaints) })
}

/// Starts a program.
///
/// # Errors
/// What the system said.
pub(super) fn spawn(command: &mut Command) -> Result<Child> {
    let name = printable(command.get_program().as_encoded_bytes());
    command.spawn().map_err(|error| Problem::io(format!("running {name}"), error))
}

/// How a program ended.
///
/// # Errors
/// `Cancelled`; `Io` where it took too long: it is at work then.
pub(super) fn wait(child: &mut Child, patience: Patience<'_>) -> Result<ExitStatus> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) => patience.check()?,
            Err(error) => return Err(Problem::io("waiting for a program", error)),
        }
        std::thread::sleep(LOOK);
    }
}

/// Ends a program that is not collected yet, with what it started.
pub(super) fn kill(child: &mut Child) {
    if let (Ok(None), Some(group)) = (child.try_wait(), pid(child)) {
        let _gone = kill_process_group(group, Signal::KILL);
    }
    let _collected = child.wait();
}

pub(super) fn pid(child: &Child) -> Option<Pid> {
    i32::try_from(child.id()).ok().and_then(Pid::from_raw)
}

/// Reads to the end in a thread of its own, and keeps the last of it.
pub(super) fn drain(pipe: Option<impl Read + Send + 'static>) -> mpsc::Receiver<Vec<u8>> {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let (mut kept, mut buffer) = (Vec::new(), [0; 1 << 14]);
        let Some(mut pipe) = pipe else { return };
        while let Ok(read) = pipe.read(&mut buffer) {
            if read == 0 {
                break;
            }
            kept.extend(&buffer[..read]);
            if kept.len() as u64 > 2 * KEPT {
                let old = kept.len() - KEPT as usize;
                kept.drain(..old);
            }
        }
        let _nobody_waits = tell.send(kept);
    });
    told
}

/// Writes a new file.
///
/// # Errors
/// What the system said.
pub(super) fn write_new(path: &Path, text: &str) -> Result<()> {
    let failed =
        |error| Problem::io("writing a new file", error).at(printable(path.as_os_str().as_encoded_bytes()));
    let mut file = std::fs::File::create_new(path).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
}
