//! What a command prints. Its failure is the copy's failure, however many bytes have flowed before.

use super::stderr::Tail;
use super::{entry, is_ready};
use crate::domain::{Kind, Problem, Result, Timestamp, printable};
use crate::estate::Secret;
use crate::vault::{Item, Source};
use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A command whose standard output is to be copied.
#[derive(Debug, Clone)]
pub struct CommandOrder {
    /// The program and its arguments; never a shell.
    pub argv: Vec<String>,
    /// Variables that it gets besides its secrets; nothing else of the environment reaches it.
    pub plain: BTreeMap<String, String>,
    /// Variables whose values must not be told.
    pub secret: BTreeMap<String, Secret>,
    /// How long it may take.
    pub longest: Duration,
}

/// A running command as a source.
pub struct CommandSource {
    running: Arc<Mutex<Running>>,
    output: Option<ChildStdout>,
    now: Timestamp,
}

/// The process, shared with whoever reads what it prints.
struct Running {
    program: String,
    child: Child,
    /// Set once it has ended.
    status: Option<ExitStatus>,
    /// When it was seen to have ended.
    ended: Option<Instant>,
    deadline: Instant,
    printed: u64,
    complaints: Tail,
    secrets: Vec<Secret>,
}

/// How long something that a command started may go on printing after the command has ended.
const LINGER: Duration = Duration::from_secs(5);
/// How often an ending is looked for.
const LOOK: Duration = Duration::from_millis(5);

impl CommandSource {
    /// Starts the command.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn start(order: &CommandOrder, now: Timestamp) -> Result<Self> {
        let (program, arguments) = order.argv.split_first().ok_or_else(|| {
            Problem::new(Kind::Usage, "an empty command").remedy("write the program and its arguments")
        })?;
        let secrets = order.secret.iter().map(|(name, secret)| (name.as_str(), secret.reveal()));
        let plain = order.plain.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let mut child = Command::new(program)
            .args(arguments)
            .env_clear()
            .envs(plain.chain(secrets))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Whatever it starts can be ended with it.
            .process_group(0)
            .spawn()
            .map_err(|error| cannot_start(program, error))?;
        let (output, complaints) = (child.stdout.take(), Tail::of(child.stderr.take()));
        let running = Running {
            program: printable(program.as_bytes()),
            child,
            status: None,
            ended: None,
            deadline: Instant::now() + order.longest,
            printed: 0,
            complaints,
            secrets: order.secret.values().cloned().collect(),
        };
        Ok(Self { running: Arc::new(Mutex::new(running)), output, now })
    }
}

fn cannot_start(program: &str, error: io::Error) -> Problem {
    let missing = error.kind() == ErrorKind::NotFound;
    let problem = Problem::io("starting the command", error).at(printable(program.as_bytes()));
    // It is the copy that fails, not the path of something that was named to us.
    let problem = Problem { kind: Kind::Io, ..problem };
    if missing { problem.remedy("install it, or write its whole path") } else { problem }
}

impl Source for CommandSource {
    fn next(&mut self) -> Result<Option<Item>> {
        let output = self.output.take().map(|pipe| Output { pipe, running: self.running.clone() });
        Ok(output.map(|output| Item::Stream(entry(self.now), Box::new(output))))
    }

    fn expected_bytes(&self) -> Option<u64> {
        None
    }

    fn finish(&mut self) -> Result<()> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let status = running.wait()?;
        if !status.success() {
            return Err(running.failed(&format!("the command failed: {}", say(status))));
        }
        if running.printed == 0 {
            return Err(running.failed("the command succeeded and printed nothing: an empty copy is none"));
        }
        Ok(())
    }
}

impl Drop for CommandSource {
    fn drop(&mut self) {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).end();
    }
}

impl Running {
    fn has_ended(&mut self) -> io::Result<bool> {
        if self.status.is_none() {
            self.status = self.child.try_wait()?;
            self.ended = self.status.map(|_| Instant::now());
        }
        Ok(self.status.is_some())
    }

    fn wait(&mut self) -> Result<ExitStatus> {
        loop {
            let program = self.program.clone();
            self.has_ended().map_err(|error| Problem::io("waiting for the command", error).at(program))?;
            if let Some(status) = self.status {
                return Ok(status);
            }
            if Instant::now() >= self.deadline {
                self.end();
                return Err(self.failed(TOO_LONG));
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Ends the command and all that it started.
    fn end(&mut self) {
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            // Where the group is empty there is nothing to end.
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = self.child.wait();
    }

    fn failed(&self, what: &str) -> Problem {
        let words = self.complaints.words(&self.secrets);
        let said = if words.is_empty() { String::new() } else { format!("; it said: {words}") };
        Problem::new(Kind::Io, format!("{what}{said}"))
            .at(self.program.clone())
            .remedy("run the command by hand; the copy is tried again with the next run")
    }
}

const TOO_LONG: &str = "the command took longer than `longest` and was ended";

fn say(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("ended by signal {signal}"),
        (None, None) => status.to_string(),
    }
}

/// What the command prints.
struct Output {
    pipe: ChildStdout,
    running: Arc<Mutex<Running>>,
}

impl Read for Output {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if is_ready(&self.pipe)? {
            let read = self.pipe.read(buffer)?;
            self.running.lock().unwrap_or_else(PoisonError::into_inner).printed += read as u64;
            return Ok(read);
        }
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if Instant::now() >= running.deadline {
            running.end();
            return Err(io::Error::other(running.failed(TOO_LONG).to_string()));
        }
        if running.has_ended()? && running.ended.is_some_and(|ended| ended.elapsed() >= LINGER) {
            running.end();
            let what = "the command ended, and something that it started holds its output open: whether all of it came cannot be told";
            return Err(io::Error::other(running.failed(what).to_string()));
        }
        Err(ErrorKind::WouldBlock.into())
    }
}
