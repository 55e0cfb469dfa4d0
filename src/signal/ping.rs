//! Pings in the protocol of healthchecks.io: <https://healthchecks.io/docs/http_api/> (read 2026-11).
//!
//! A run says when it begins and how it ends. Whoever hears neither in time raises the alarm: a run that hangs, is
//! killed or never starts sends no success, and silence is what is noticed.

use super::http::{Endpoint, Patience};
use crate::domain::{Kind, Problem, Result, printable};
use crate::estate::Secret;

/// How many characters of a summary are sent.
const LONGEST_SUMMARY: usize = 300;

/// The pings of one run.
pub struct Pings {
    endpoint: Endpoint,
    query: String,
}

impl Pings {
    /// For a run, which is told apart from others by its UUID (`rid`), so that two at once are not mixed.
    ///
    /// # Errors
    /// `Usage` where the address is none, which is not shown; `Internal` where the run is no UUID.
    pub fn new(url: Secret, run: &str) -> Result<Self> {
        Self::with_patience(url, run, Patience::default())
    }

    /// The same with another patience.
    ///
    /// # Errors
    /// As [`Pings::new`].
    pub fn with_patience(url: Secret, run: &str, patience: Patience) -> Result<Self> {
        if !is_uuid(run) {
            return Err(Problem::new(Kind::Internal, "a run's id is no UUID"));
        }
        let endpoint = Endpoint::new(url, "the ping address of [nightly]", patience)?;
        Ok(Self { endpoint, query: format!("rid={run}") })
    }

    /// The run begins: `/start`.
    ///
    /// # Errors
    /// Where nobody took it: a notice of the run, not its failure.
    pub fn start(&self) -> Result<()> {
        self.send("/start", "")
    }

    /// The run ended with this exit code: the address itself for 0, `/<code>` for every other, which the protocol takes
    /// as a failure. `summary` is sent along: its first line, without what is not safe to print, cut after 300
    /// characters. It goes to somebody else's machine, so no log and no name of a volume belongs in it.
    ///
    /// # Errors
    /// As [`Pings::start`].
    pub fn end(&self, exit_code: u8, summary: &str) -> Result<()> {
        match exit_code {
            0 => self.send("", summary),
            code => self.send(&format!("/{code}"), summary),
        }
    }

    /// The run ends without an exit code that says why: `/fail`.
    ///
    /// # Errors
    /// As [`Pings::start`].
    pub fn fail(&self, summary: &str) -> Result<()> {
        self.send("/fail", summary)
    }

    fn send(&self, path: &str, summary: &str) -> Result<()> {
        let line = summary.lines().next().unwrap_or_default();
        let body: String = printable(line.as_bytes()).chars().take(LONGEST_SUMMARY).collect();
        self.endpoint.post(path, &self.query, "text/plain; charset=utf-8", &body)
    }
}

/// 8-4-4-4-12 hexadecimal digits.
fn is_uuid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
        && parts.concat().bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_uuid_is_no_run() {
        let url = || Secret::new("https://a.example/b");
        assert!(Pings::new(url(), "6f1c2b7e-8d3a-4c55-9e0b-0d2f4a6b8c1e").is_ok());
        for wrong in [
            "",
            "6f1c2b7e",
            "6f1c2b7e-8d3a-4c55-9e0b-0d2f4a6b8c1e&a=b",
            "6f1c2b7e-8d3a-4c55-9e0b-0d2f4a6b8cxx",
        ] {
            assert_eq!(Pings::new(url(), wrong).map(drop).unwrap_err().kind, Kind::Internal, "{wrong}");
        }
    }
}
