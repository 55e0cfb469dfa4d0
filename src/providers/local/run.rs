//! Runs a program that only reads, with a time limit and a bound on what it may say.

use super::unseen::Unseen;
use crate::domain::{GapReason, printable};
use std::ffi::OsStr;
use std::io::{self, Read};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// No answer of a program that a survey asks is longer than this.
const LONGEST: u64 = 16 << 20;

/// What the program wrote. It gets no input, is never run by a shell, and is killed when it has not
/// ended within `limit`. Of the environment it gets `PATH` alone: it reads what a stranger may have written, and has no use for secrets.
pub(super) fn output(program: &str, arguments: &[&OsStr], limit: Duration) -> Result<Vec<u8>, Unseen> {
    let mut command = Command::new(program);
    command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    run(program, command.args(arguments), limit)
}

/// The same with all of the environment, for programs that find their own keys there, and with variables besides.
pub(super) fn output_with(
    program: &str,
    arguments: &[&OsStr],
    variables: &[(&str, &str)],
    limit: Duration,
) -> Result<Vec<u8>, Unseen> {
    run(program, Command::new(program).args(arguments).envs(variables.iter().copied()), limit)
}

fn run(program: &str, command: &mut Command, limit: Duration) -> Result<Vec<u8>, Unseen> {
    let deadline = Instant::now() + limit;
    let mut child = command
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| cannot_start(program, &error))?;
    let (said, complained) = (drain(child.stdout.take()), drain(child.stderr.take()));
    let ended = loop {
        match child.try_wait() {
            Ok(Some(status)) => break Ok(status),
            Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(5)),
            Ok(None) => {
                let detail = format!("{program} gave no answer within {} s", limit.as_secs_f32());
                break Err(Unseen::new(GapReason::TimedOut, detail));
            }
            Err(error) => break Err(Unseen::io(&error)),
        }
    };
    let status = ended.inspect_err(|_| {
        // It may have ended by itself in this moment: then there is nothing to kill.
        let _ = child.kill();
        let _ = child.wait();
    })?;
    let patience = deadline.saturating_duration_since(Instant::now()).max(Duration::from_secs(1));
    let said = said.recv_timeout(patience).unwrap_or_default();
    if status.success() {
        return Ok(said);
    }
    let complained = complained.recv_timeout(patience).unwrap_or_default();
    let words = printable(complained.trim_ascii());
    let refused = words.contains("Permission denied");
    let reason = if refused { GapReason::Permission } else { GapReason::Failed };
    Err(Unseen::new(reason, format!("{program} failed: {words}")))
}

fn cannot_start(program: &str, error: &io::Error) -> Unseen {
    match error.kind() {
        io::ErrorKind::NotFound => {
            Unseen::new(GapReason::MissingTool, format!("{program} is not installed; install it to see this"))
        }
        _ => Unseen::new(GapReason::Failed, format!("{program} could not be started: {error}")),
    }
}

/// Reads in a thread of its own, so that a program which says much never waits for us.
fn drain(pipe: Option<impl Read + Send + 'static>) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            // What came before an error is all there is; the exit code tells whether it is whole.
            let _ = pipe.by_ref().take(LONGEST).read_to_end(&mut bytes);
            let _ = io::copy(&mut pipe, &mut io::sink());
        }
        let _ = sender.send(bytes);
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(program: &str, arguments: &[&str], limit: Duration) -> Result<Vec<u8>, Unseen> {
        let arguments: Vec<_> = arguments.iter().map(OsStr::new).collect();
        output(program, &arguments, limit)
    }

    #[test]
    fn a_program_answers_fails_is_missing_or_takes_too_long() {
        let minute = Duration::from_secs(60);
        assert_eq!(run("echo", &["a b"], minute).unwrap(), b"a b\n");
        let told = String::from_utf8(run("env", &[], minute).unwrap()).unwrap();
        let names: Vec<&str> = told.lines().filter_map(|line| line.split('=').next()).collect();
        assert!(
            names.contains(&"LC_ALL") && names.iter().all(|name| ["PATH", "LC_ALL"].contains(name)),
            "{told}"
        );
        assert_eq!(run("false", &[], minute).unwrap_err().reason, GapReason::Failed);
        let missing = run("no-such-program-at-all", &[], minute).unwrap_err();
        assert_eq!(missing.reason, GapReason::MissingTool);
        let started = Instant::now();
        let slow = run("sleep", &["30"], Duration::from_millis(50)).unwrap_err();
        assert_eq!(slow.reason, GapReason::TimedOut);
        assert!(started.elapsed() < Duration::from_secs(10));
    }
}
