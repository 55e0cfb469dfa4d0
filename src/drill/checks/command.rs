//! `command`: a program looks at what was restored, for whether the bytes mean something.

use super::{COMMAND, Check, Checked, Damage, Outcome, Trial};
use crate::domain::{printable, say_duration};
use crate::drill::definition::CommandCheck;
use chrono::TimeDelta;
use crossbeam_channel::Receiver;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Programs that exit with 0 where what was restored is good.
pub struct Commands;

/// What is kept of each of a program's two outputs, in bytes; the rest is read and dropped.
const KEPT: usize = 64 * 1024;
/// How often the clock is looked at.
const LOOK: Duration = Duration::from_millis(10);
/// How long output is waited for once the program and its group have ended.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// Where programs are looked for: the drill gives them no environment of ours.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

impl Check for Commands {
    fn id(&self) -> &'static str {
        COMMAND
    }

    fn page(&self) -> &'static str {
        include_str!("../../../docs/checks/command.md")
    }

    fn damage(&self, _: &Trial<'_>) -> Option<Damage> {
        Some(Damage::Emptiness)
    }

    fn look(&self, trial: &Trial<'_>) -> Vec<Checked> {
        trial.drill.commands.iter().map(|command| run(command, trial)).collect()
    }
}

fn run(check: &CommandCheck, trial: &Trial<'_>) -> Checked {
    let name = format!("{COMMAND}:{}", check.name);
    let method = format!("the program `{}`, exit code 0", printable(check.argv[0].as_bytes()));
    let mut child = match start(check, trial) {
        Ok(child) => child,
        Err(error) => {
            let because = format!("{} could not be started: {error}", printable(check.argv[0].as_bytes()));
            let outcome = Outcome::NotRun { because };
            return Checked { check: name, method, outcome, found: String::new(), output: None };
        }
    };
    let out = child.stdout.take().map(drain);
    let err = child.stderr.take().map(drain);
    let began = Instant::now();
    let outcome = wait(&mut child, check.timeout, trial, began);
    let words = |from: Option<Receiver<Vec<u8>>>| gathered(from.as_ref());
    let output = Some((words(out), words(err)));
    let found = format!("ended after {:.1} s", began.elapsed().as_secs_f64());
    Checked { check: name, method, outcome, found, output }
}

fn start(check: &CommandCheck, trial: &Trial<'_>) -> std::io::Result<Child> {
    let within = if trial.path.is_dir() { trial.path } else { trial.path.parent().unwrap_or(trial.path) };
    let argument = |word: &String| with_path(word, trial.path);
    Command::new(argument(&check.argv[0]))
        .args(check.argv[1..].iter().map(argument))
        .current_dir(within)
        .env_clear()
        .env("PATH", PATH)
        .env("LANG", "C.UTF-8")
        .env("HOME", trial.home)
        .env("TMPDIR", trial.home)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
}

/// A word with the path in place of `{restored}`, whatever bytes the path has.
fn with_path(word: &str, path: &Path) -> std::ffi::OsString {
    let parts: Vec<&[u8]> = word.split("{restored}").map(str::as_bytes).collect();
    std::os::unix::ffi::OsStringExt::from_vec(parts.join(path.as_os_str().as_bytes()))
}

/// Waits for the end, or brings it about. Either way whatever else the program started in its group ends too.
fn wait(child: &mut Child, timeout: Duration, trial: &Trial<'_>, began: Instant) -> Outcome {
    let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else {
        return Outcome::NotRun { because: "the program has no process id".into() };
    };
    // Not reaped before the group is killed, so that the group's number cannot be another's by then.
    let peek = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    let cut_off = loop {
        match waitid(WaitId::Pid(pid), peek) {
            Ok(None) => {}
            _ => break None,
        }
        if began.elapsed() >= timeout {
            let span = TimeDelta::from_std(timeout).map(say_duration).unwrap_or_default();
            let because = format!("it took longer than its timeout, {span}, and was ended");
            break Some(Outcome::Failed { because });
        }
        if trial.monitor.cancelled() {
            break Some(Outcome::NotRun { because: "stopped before it ended".into() });
        }
        std::thread::sleep(LOOK);
    };
    let _gone = kill_process_group(pid, Signal::KILL);
    let status = child.wait();
    if let Some(outcome) = cut_off {
        return outcome;
    }
    match status {
        Ok(status) if status.success() => Outcome::Passed,
        Ok(status) => {
            let because = match (status.code(), status.signal()) {
                (Some(code), _) => format!("it ended with exit code {code}"),
                (None, Some(signal)) => format!("signal {signal} ended it"),
                (None, None) => "nothing says how it ended".into(),
            };
            Outcome::Failed { because }
        }
        Err(error) => Outcome::NotRun { because: format!("its end could not be learnt: {error}") },
    }
}

/// Reads to the end, so that a talkative program is never held up, and keeps the beginning.
fn drain(mut from: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (to, kept) = crossbeam_channel::unbounded();
    let read = move || {
        let (mut buffer, mut room) = (vec![0; 16 * 1024], KEPT);
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            let keep = read.min(room);
            room -= keep;
            if keep > 0 && to.send(buffer[..keep].to_vec()).is_err() {
                room = 0;
            }
        }
    };
    // Without a thread nothing is kept, and the program ends when the pipe is closed.
    drop(std::thread::Builder::new().name("drill-output".into()).spawn(read));
    kept
}

/// What was kept. A process that left the group may hold the pipe open: it is not waited for long.
fn gathered(from: Option<&Receiver<Vec<u8>>>) -> Vec<u8> {
    let ends = Instant::now() + LAST_WORDS;
    let mut all = Vec::new();
    while let Some(Ok(part)) = from.map(|from| from.recv_deadline(ends)) {
        all.extend(part);
    }
    all
}
