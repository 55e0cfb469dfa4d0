//! What a command prints. Its failure is the copy's failure, however many bytes have flowed before.

use super::is_ready;
use super::stderr::Tail;
use crate::domain::{Kind, Problem, Result, Timestamp, printable};
use crate::estate::Secret;
use crate::providers::one_file::entry;
use crate::vault::{Item, Source};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
    /// Set once it was collected.
    status: Option<ExitStatus>,
    /// Set once its group was ended: its number may be somebody else's from then on.
    is_over: bool,
    /// When it was seen to have ended.
    ended: Option<Instant>,
    deadline: Instant,
    printed: u64,
    /// When something was last printed.
    heard: Instant,
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
            is_over: false,
            ended: None,
            deadline: Instant::now() + order.longest,
            printed: 0,
            heard: Instant::now(),
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
        let output =
            self.output.take().map(|pipe| Output { pipe, running: self.running.clone(), is_closed: false });
        Ok(output.map(|output| Item::Stream(entry(self.now, 0), Box::new(output))))
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
    /// Looks without collecting the process: until that is done its number, which is its group's too, is not
    /// given to anybody else, who would be ended in its place.
    fn has_ended(&mut self) -> io::Result<bool> {
        if let (None, Some(process)) = (self.ended, self.process()) {
            let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
            self.ended = waitid(WaitId::Pid(process), look)?.map(|_| Instant::now());
        }
        Ok(self.ended.is_some())
    }

    /// The command's process, which leads its group.
    fn process(&self) -> Option<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
    }

    /// How it ended, once its output did.
    fn wait(&mut self) -> Result<ExitStatus> {
        loop {
            let program = self.program.clone();
            let waiting = |error| Problem::io("waiting for the command", error).at(program.clone());
            if self.has_ended().map_err(waiting)? {
                self.end();
                return self.status.ok_or_else(|| self.failed("how the command ended cannot be told"));
            }
            if Instant::now() >= self.deadline {
                self.end();
                return Err(self.failed(TOO_LONG));
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Ends the command and all that it started, once.
    fn end(&mut self) {
        if self.is_over {
            return;
        }
        self.is_over = true;
        if let Some(group) = self.process() {
            // Where the group is empty there is nothing to end.
            let _ = kill_process_group(group, Signal::KILL);
        }
        let last = Instant::now() + LINGER;
        // A process that hangs in the kernel ends when that lets it go: nobody waits for it here.
        while self.status.is_none() && Instant::now() < last {
            match self.child.try_wait() {
                Ok(None) => std::thread::sleep(LOOK),
                Ok(status) => self.status = status,
                Err(_) => return,
            }
        }
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
    /// Set once nobody can print any more.
    is_closed: bool,
}

impl Read for Output {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // What prints without end must not outlast its time either: the clock is looked at first.
        if Instant::now() >= self.running().deadline {
            let mut running = self.running();
            running.end();
            return Err(io::Error::other(running.failed(TOO_LONG)));
        }
        if !self.is_closed && is_ready(&self.pipe)? {
            let read = self.pipe.read(buffer)?;
            self.is_closed = read == 0;
            let mut running = self.running();
            running.printed += read as u64;
            running.heard = Instant::now();
            if read > 0 {
                return Ok(read);
            }
        }
        self.silent()
    }
}

impl Output {
    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing came. The output has ended once the command has too: until then the wish to stop is looked for.
    fn silent(&self) -> io::Result<usize> {
        let mut running = self.running();
        let ended = running.has_ended()?;
        if ended && self.is_closed {
            return Ok(0);
        }
        let quiet = running.ended.map(|ended| ended.max(running.heard).elapsed());
        if quiet.is_some_and(|quiet| quiet >= LINGER) {
            running.end();
            let what = "the command ended, and something that it started holds its output open: whether all of it came cannot be told";
            return Err(io::Error::other(running.failed(what)));
        }
        drop(running);
        if self.is_closed {
            std::thread::sleep(LOOK);
        }
        Err(ErrorKind::WouldBlock.into())
    }
}
