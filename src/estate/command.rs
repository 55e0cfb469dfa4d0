//! Asks a program for a secret: no shell, no input, a deadline, and an end to what it may say.

use crate::domain::{Kind, Problem, Result, printable};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

/// No secret is longer, in bytes.
pub(super) const LARGEST: u64 = 64 << 10;
/// A program that asks somebody for a password would wait for ever.
pub(super) const DEADLINE: Duration = Duration::from_secs(10);

/// What the program printed. Whatever it started is ended with it when it takes too long or says too much.
///
/// # Errors
/// `Usage` or `NotFound`; no message holds an argument, or anything that was printed as the secret.
pub(super) fn printed_by(argv: &[String], limit: Duration) -> Result<Vec<u8>> {
    let (program, arguments) =
        argv.split_first().ok_or_else(|| Problem::new(Kind::Usage, "an empty command gives no secret"))?;
    let place = printable(program.as_bytes());
    let failed = |error: std::io::Error| Problem::io("running the command for a secret", error).at(&*place);
    let deadline = Instant::now() + limit;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(failed)?;
    let (said, complained) = (drain(child.stdout.take()), drain(child.stderr.take()));
    let heard = hear(&child, &said, deadline);
    if heard.is_err() {
        // The child is not waited for yet, so the group is still its own. It may be gone: then nothing is left to end.
        let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
    }
    let status = child.wait().map_err(failed)?;
    let secret = heard.map_err(|what| {
        let what = match what {
            Unheard::Slow => format!("the command for a secret took longer than {} s", limit.as_secs_f32()),
            Unheard::Large => format!("the command for a secret printed more than {LARGEST} bytes"),
        };
        Problem::new(Kind::Usage, what)
            .at(&*place)
            .remedy("use a command that prints the secret alone, at once, and asks nobody")
    })?;
    if status.success() {
        return Ok(secret);
    }
    let words = complained.recv_timeout(Duration::from_secs(1)).unwrap_or_default();
    let what = format!("the command for a secret failed: {status}{}", complaint(&words, &secret));
    Err(Problem::new(Kind::Usage, what).at(place).remedy("run it by hand and see what it says"))
}

/// Why nothing usable was heard.
enum Unheard {
    Slow,
    Large,
}

/// Waits for all of the output and for the end of the program, without taking its process away.
fn hear(child: &Child, said: &Receiver<Vec<u8>>, deadline: Instant) -> std::result::Result<Vec<u8>, Unheard> {
    let left = deadline.saturating_duration_since(Instant::now());
    let secret = said.recv_timeout(left).map_err(|_| Unheard::Slow)?;
    if secret.len() as u64 > LARGEST {
        return Err(Unheard::Large);
    }
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    while let Ok(None) = waitid(WaitId::Pid(Pid::from_child(child)), options) {
        if Instant::now() >= deadline {
            return Err(Unheard::Slow);
        }
        thread::sleep(Duration::from_millis(2));
    }
    Ok(secret)
}

/// Reads in a thread of its own. What is beyond [`LARGEST`] is thrown away, so that a program which complains at
/// length is not stopped by that.
fn drain(pipe: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let Some(mut pipe) = pipe else { return };
        // What came before an error is all there is; the exit code tells whether it is whole.
        let _ = pipe.by_ref().take(LARGEST + 1).read_to_end(&mut bytes);
        let _ = sender.send(bytes);
        let _ = std::io::copy(&mut pipe, &mut std::io::sink());
    });
    receiver
}

/// The last line of what a failing program complained of; nothing where that repeats what it printed as the secret.
fn complaint(words: &[u8], secret: &[u8]) -> String {
    let words = String::from_utf8_lossy(words);
    let secret = String::from_utf8_lossy(secret);
    let Some(last) = words.lines().rev().map(str::trim).find(|line| !line.is_empty()) else {
        return String::new();
    };
    if secret.split_whitespace().any(|part| last.contains(part)) {
        return "; what it complained of is not shown, because it repeats what it printed".to_owned();
    }
    format!("; it said: {}", printable(last.chars().take(200).collect::<String>().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> Result<Vec<u8>> {
        printed_by(&["sh".to_owned(), "-c".to_owned(), script.to_owned()], limit)
    }

    /// Whether a process with this argument runs; one that ended and was not waited for does not count.
    fn runs(argument: &str) -> bool {
        let entries = std::fs::read_dir("/proc").unwrap().flatten();
        entries.map(|entry| entry.path().join("cmdline")).any(|path| {
            let line = std::fs::read(path).unwrap_or_default();
            line.split(|byte| *byte == 0).any(|part| part == argument.as_bytes())
        })
    }

    #[test]
    fn a_program_s_output_is_the_secret_and_it_gets_no_input() {
        assert_eq!(shell("echo a b; echo noise >&2", DEADLINE).unwrap(), b"a b\n");
        assert_eq!(shell("wc -c", DEADLINE).unwrap().trim_ascii(), b"0");
    }

    #[test]
    fn no_shell_reads_the_arguments() {
        let argv = ["echo", "$HOME;", "`id`"].map(str::to_owned);
        assert_eq!(printed_by(&argv, DEADLINE).unwrap(), b"$HOME; `id`\n");
    }

    #[test]
    fn a_missing_program_is_said() {
        let problem = printed_by(&["no-such-program-at-all".to_owned()], DEADLINE).unwrap_err();
        assert_eq!((problem.kind, &*problem.place), (Kind::NotFound, "no-such-program-at-all"));
    }

    #[test]
    fn a_slow_program_is_ended_with_all_that_it_started() {
        // Lengths that nobody else sleeps for tell the processes apart.
        let (one, two) = (format!("3{}.25", std::process::id()), format!("3{}.75", std::process::id()));
        let started = Instant::now();
        let waiting = thread::spawn({
            let script = format!("sleep {one} & sleep {two}");
            move || shell(&script, Duration::from_millis(1500))
        });
        while !(runs(&one) && runs(&two)) {
            assert!(started.elapsed() < Duration::from_secs(60), "they never ran");
            thread::sleep(Duration::from_millis(5));
        }
        let problem = waiting.join().unwrap().unwrap_err();
        assert!(problem.what.contains("longer than 1.5 s"), "{problem}");
        let ended = Instant::now();
        while runs(&one) || runs(&two) {
            assert!(ended.elapsed() < Duration::from_secs(10), "still running");
            thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn a_program_that_leaves_its_output_open_is_slow() {
        let length = format!("4{}.25", std::process::id());
        let problem = shell(&format!("echo s; sleep {length} &"), Duration::from_millis(300)).unwrap_err();
        assert!(problem.what.contains("longer than"), "{problem}");
        let ended = Instant::now();
        while runs(&length) {
            assert!(ended.elapsed() < Duration::from_secs(10), "still running");
            thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn a_program_that_closes_its_output_and_stays_is_slow() {
        let problem = shell("echo s; exec >&-; sleep 300", Duration::from_millis(300)).unwrap_err();
        assert!(problem.what.contains("longer than"), "{problem}");
    }

    #[test]
    fn gigabytes_are_not_taken_in_and_the_largest_secret_is() {
        let started = Instant::now();
        let problem = shell("yes", DEADLINE).unwrap_err();
        assert!(problem.what.contains("more than 65536 bytes"), "{problem}");
        assert!(started.elapsed() < DEADLINE);
        assert_eq!(shell("head -c 9000000 /dev/zero >&2; echo s", DEADLINE).unwrap(), b"s\n");
        assert_eq!(shell("head -c 65536 /dev/zero", DEADLINE).unwrap().len(), 65_536);
    }

    #[test]
    fn a_failing_program_s_complaint_is_shown_without_the_secret() {
        let said = |script| shell(script, DEADLINE).unwrap_err().what;
        let plain = said("echo Canary7; echo first >&2; echo no key found >&2; exit 3");
        assert!(plain.ends_with("exit status: 3; it said: no key found"), "{plain}");
        let repeated = said("echo Canary7; echo bad Canary7! >&2; exit 3");
        assert!(!repeated.contains("Canary7") && repeated.contains("is not shown"), "{repeated}");
        assert!(said("kill -9 $$").contains("signal: 9"));
    }

    #[test]
    fn no_message_holds_an_argument() {
        for script in ["exit 1 # Canary7", "sleep 9 # Canary7", "yes # Canary7"] {
            let problem = shell(script, Duration::from_millis(200)).unwrap_err();
            assert!(!format!("{problem:?}").contains("Canary7"), "{problem:?}");
        }
    }
}
