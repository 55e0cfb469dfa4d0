//! Running the binary, always recorded and always judged.

use super::judge::{RECORDED, complaints};
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A run to come.
pub struct Run {
    program: Vec<OsString>,
    injections: Vec<String>,
    environment: Vec<(OsString, OsString)>,
    log: PathBuf,
}

/// A run on its way.
pub struct Running {
    child: Child,
    log: PathBuf,
}

/// A run that ended, with everything it said.
pub struct Ended {
    /// The exit code; none where a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
    /// What strace wrote.
    pub log: String,
}

impl Run {
    /// `program` with its arguments; what strace writes goes to `log`.
    pub fn new(program: Vec<OsString>, log: PathBuf) -> Self {
        Self { program, injections: Vec::new(), environment: Vec::new(), log }
    }

    /// Lets system calls fail, in strace's own words: `openat:error=ENOENT:when=3`.
    pub fn inject(mut self, what: &str) -> Self {
        self.injections.push(what.to_owned());
        self
    }

    pub fn environment(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.into(), value.as_ref().into()));
        self
    }

    pub fn start(self) -> Running {
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-y", "-s", "4096"]);
        let mut traced = RECORDED.to_owned();
        for injection in &self.injections {
            // What is tampered with must be traced, too.
            traced.push_str(&format!(",{}", injection.split(':').next().unwrap()));
            strace.arg("-e").arg(format!("inject={injection}"));
        }
        // What cargo sets for its own purposes, and what would redirect the state of the run.
        strace.args(["-E", "LD_LIBRARY_PATH", "-E", "OUTLIVE_STATE"]);
        for (name, value) in &self.environment {
            // For the program, not for strace, which may need another PATH.
            strace.arg("-E").arg([name.as_os_str(), value.as_os_str()].join(OsStr::new("=")));
        }
        strace.arg("--seccomp-bpf").arg("-o").arg(&self.log).arg("-e").arg(traced).arg("--");
        strace.args(&self.program).stdin(Stdio::null());
        let child = strace.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap_or_else(|error| {
            panic!("strace could not be started ({error}): scripts/test installs what the suite needs")
        });
        Running { child, log: self.log }
    }

    pub fn end(self) -> Ended {
        self.start().end()
    }
}

impl Running {
    /// The process that is recorded: strace names it first, once it has started.
    pub fn process(&self) -> Pid {
        let patience = Instant::now() + Duration::from_secs(20);
        loop {
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            let first =
                log.lines().find(|line| line.contains("execve(")).and_then(|line| line.split(' ').next());
            if let Some(pid) = first.and_then(|pid| pid.parse().ok()).and_then(Pid::from_raw) {
                return pid;
            }
            assert!(Instant::now() < patience, "nothing was started");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Sends a signal; false where the process has ended already.
    pub fn signal(&mut self, signal: Signal) -> bool {
        let process = self.process();
        self.is_running() && kill_process(process, signal).is_ok()
    }

    /// What strace writes to.
    pub fn log(&self) -> &Path {
        &self.log
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits until what strace wrote shows that the run has come so far.
    pub fn wait_for(&mut self, words: &str) {
        let patience = Instant::now() + Duration::from_secs(60);
        while !std::fs::read_to_string(&self.log).unwrap_or_default().contains(words) {
            assert!(self.is_running(), "it ended before {words:?}");
            assert!(Instant::now() < patience, "it never came to {words:?}");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits for the end, and judges the recording.
    #[track_caller]
    pub fn end(self) -> Ended {
        let ended = self.end_unjudged();
        let complaints = complaints(&ended.log);
        assert!(complaints.is_empty(), "the recording shows:\n  {}", complaints.join("\n  "));
        ended
    }

    /// Waits for the end; for testing the judge.
    #[track_caller]
    pub fn end_unjudged(self) -> Ended {
        let output = self.child.wait_with_output().unwrap();
        let log = String::from_utf8_lossy(&std::fs::read(&self.log).unwrap()).into_owned();
        let said = |bytes| String::from_utf8(bytes).expect("what it said is no UTF-8");
        let (stdout, stderr) = (said(output.stdout), said(output.stderr));
        assert!(log.contains("execve("), "nothing was recorded: {stderr}");
        Ended { code: output.status.code(), stdout, stderr, log }
    }
}

impl Ended {
    /// Fails unless the run ended with this code.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "\n{}{}", self.stdout, self.stderr);
        self
    }

    /// Fails unless standard output says this, wherever its lines are broken.
    #[track_caller]
    pub fn says(self, words: &str) -> Self {
        let unbroken = self.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(unbroken.contains(words), "not said: {words}\n{}{}", self.stdout, self.stderr);
        self
    }

    /// Fails unless standard error says this.
    #[track_caller]
    pub fn complains(self, words: &str) -> Self {
        let unfolded = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let said = self.stderr.contains(words) || unfolded(&self.stderr).contains(&unfolded(words));
        assert!(said, "not said: {words}\n{}{}", self.stdout, self.stderr);
        self
    }

    /// The lines on standard error, with what was folded below each joined to it again.
    pub fn complaints(&self) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        for line in self.stderr.lines() {
            match (line.strip_prefix("       "), all.last_mut()) {
                (Some(more), Some(begun)) => begun.push_str(&format!(" {more}")),
                _ => all.push(line.to_owned()),
            }
        }
        all
    }

    /// The word on standard error after these words.
    #[track_caller]
    pub fn text_after(&self, words: &str) -> String {
        let (_, rest) = self.stderr.split_once(words).unwrap_or_else(|| panic!("not said: {words}"));
        rest.split_whitespace().next().unwrap().to_owned()
    }

    /// How often the first thread had made this call when `words` came up, from 1: for injecting at just
    /// that call in a run like this one.
    #[track_caller]
    pub fn count_until(&self, call: &str, words: &str) -> usize {
        let first = format!("{} ", self.log.split(' ').next().unwrap());
        let name = format!(" {call}(");
        let mut calls = self.log.lines().filter(|line| line.starts_with(&first) && line.contains(&name));
        let found = calls.position(|line| line.contains(words));
        1 + found.unwrap_or_else(|| panic!("the first thread never came to {call} {words}"))
    }

    /// Standard output as JSON: the contract, whose exit codes are those of the process.
    #[track_caller]
    pub fn json(&self, schema: &str) -> serde_json::Value {
        let json: serde_json::Value = serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {}{}", self.stdout, self.stderr));
        assert_eq!(json["schema"], format!("outlive/{schema}/v0"), "{}", self.stdout);
        let order = [2, 1, 14, 12, 10, 13, 11, 0];
        let codes: Vec<i64> =
            json["exit_codes"].as_array().unwrap().iter().map(|code| code.as_i64().unwrap()).collect();
        let worst = order.into_iter().find(|code| codes.contains(code));
        assert_eq!(worst, self.code.map(i64::from), "{codes:?}");
        json
    }
}

/// Where the suite's binary is.
pub fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_outlive"))
}
