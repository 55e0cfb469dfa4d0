//! A connection to the scratch server, in PostgreSQL's own protocol, version 3.
//!
//! Not by `psql`: what reads a dump with it obeys the lines that begin with a backslash, and `\!` runs a program. Here there is nothing that
//! would obey them.

use super::patience::Patience;
use crate::domain::{Kind, Problem, Result, printable};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// 3.0, as the first message says it.
const PROTOCOL: i32 = 196_608;
/// No answer of a server that is asked here is longer.
const LONGEST: usize = 64 << 20;
/// How often the clock and the wish to stop are looked at while nothing comes.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };

/// What the server said against something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Complaint {
    /// Five letters and digits that do not depend on the language (SQLSTATE).
    pub code: String,
    /// In words.
    pub message: String,
}

/// Why something was not done.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The server refused it; the connection goes on.
    Server(Complaint),
    /// There is no connection any more.
    Lost(Problem),
}

impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Self {
        Self::Lost(problem)
    }
}

impl Trouble {
    /// As a problem while doing `what`.
    pub fn into_problem(self, what: &str) -> Problem {
        match self {
            Self::Lost(problem) => problem,
            Self::Server(Complaint { code, message }) => {
                Problem::new(Kind::Io, format!("{what}: the server says: {message} ({code})"))
            }
        }
    }
}

/// How a statement ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is done.
    Done,
    /// It waits for rows.
    WantsRows,
}

/// A connection.
pub(super) struct Link<'a> {
    stream: UnixStream,
    inbox: Vec<u8>,
    patience: Patience<'a>,
    /// Whether what was done so far is not yet done for good.
    is_open: bool,
}

type Rows = Vec<Vec<Option<String>>>;

impl<'a> Link<'a> {
    /// Connects through a socket as a role to a database, with settings as `-c name=value`: they count before those of the role and the
    /// database.
    ///
    /// # Errors
    /// `Server` where it does not let us in, which it does not while it recovers; `Lost` where nobody answers.
    pub fn open(
        socket: &Path,
        (role, database): (&str, &str),
        settings: &str,
        patience: Patience<'a>,
    ) -> std::result::Result<Self, Trouble> {
        // What stands behind one would be read as another parameter: who connects, for one.
        if [role, database, settings].iter().any(|word| word.contains('\0')) {
            return Err(Trouble::Lost(Problem::new(
                Kind::Refused,
                "the name of a database or role holds a zero byte",
            )));
        }
        let stream = UnixStream::connect(socket).map_err(lost)?;
        stream.set_nonblocking(true).map_err(lost)?;
        let mut link = Self { stream, inbox: Vec::new(), patience, is_open: false };
        let mut body = PROTOCOL.to_be_bytes().to_vec();
        for word in
            ["user", role, "database", database, "options", settings, "application_name", "outlive", ""]
        {
            body.extend(word.as_bytes());
            body.push(0);
        }
        let mut message = length(body.len()).to_vec();
        message.extend(body);
        link.send(&message)?;
        loop {
            match link.receive()? {
                (b'R', body) if body.starts_with(&[0; 4]) => {}
                (b'R', _) => {
                    return Err(Problem::new(Kind::Internal, "the scratch server wants a password").into());
                }
                (b'E', body) => return Err(Trouble::Server(complaint(&body))),
                (b'Z', _) => return Ok(link),
                _ => {}
            }
        }
    }

    /// Asks something; what the rows of the answer are.
    ///
    /// # Errors
    /// What the server said.
    pub fn ask(&mut self, sql: &str) -> std::result::Result<Rows, Trouble> {
        self.query(sql.as_bytes())?;
        let (mut rows, mut said) = (Vec::new(), None);
        loop {
            match self.receive()? {
                (b'D', body) => rows.push(fields(&body).ok_or_else(garbled)?),
                (b'E', body) => said = Some(complaint(&body)),
                (b'Z', _) => return said.map_or(Ok(rows), |said| Err(Trouble::Server(said))),
                _ => {}
            }
        }
    }

    /// Has a statement done. Where it wants rows, they come with [`Link::rows`], and [`Link::end_of_rows`] ends them.
    ///
    /// # Errors
    /// What the server said.
    pub fn tell(&mut self, sql: &[u8]) -> std::result::Result<Answer, Trouble> {
        self.query(sql)?;
        self.outcome()
    }

    /// Whether a transaction is open: without its end, what was done in it is not there.
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// Sends rows.
    ///
    /// # Errors
    /// Where the connection is lost.
    pub fn rows(&mut self, bytes: &[u8]) -> Result<()> {
        self.message(b'd', bytes)
    }

    /// Says that no more rows come.
    ///
    /// # Errors
    /// What the server said, of the rows too.
    pub fn end_of_rows(&mut self) -> std::result::Result<(), Trouble> {
        self.message(b'c', b"")?;
        match self.outcome()? {
            Answer::Done => Ok(()),
            Answer::WantsRows => {
                let what = "one statement asks for the rows of two tables, as pg_dump writes none";
                Err(Trouble::Lost(Problem::new(Kind::Refused, what)))
            }
        }
    }

    fn outcome(&mut self) -> std::result::Result<Answer, Trouble> {
        let mut said = None;
        loop {
            match self.receive()? {
                (b'G', _) => return Ok(Answer::WantsRows),
                (b'E', body) => said = Some(complaint(&body)),
                (b'Z', _) => return said.map_or(Ok(Answer::Done), |said| Err(Trouble::Server(said))),
                _ => {}
            }
        }
    }

    fn query(&mut self, sql: &[u8]) -> std::result::Result<(), Trouble> {
        // A zero byte would end the statement early.
        if sql.contains(&0) {
            return Err(Trouble::Server(Complaint {
                code: "22021".into(),
                message: "a statement holds a zero byte".into(),
            }));
        }
        self.message(b'Q', &[sql, &[0]].concat()).map_err(Into::into)
    }

    fn message(&mut self, kind: u8, body: &[u8]) -> Result<()> {
        let mut message = vec![kind];
        message.extend(length(body.len()));
        message.extend(body);
        self.send(&message)
    }

    /// Sends, and takes in meanwhile what comes: a server that cannot be rid of its notices would wait for us, and we for it.
    fn send(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(0) => return Err(lost(ErrorKind::WriteZero.into())),
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.wait(PollFlags::IN | PollFlags::OUT)?;
                    self.take_in()?;
                }
                // Why it hung up it may have said before.
                Err(error) => {
                    drop(self.take_in());
                    return Err(self.last_words().unwrap_or_else(|| lost(error)));
                }
            }
        }
        Ok(())
    }

    /// The next message that is no mere notice: its kind and body.
    fn receive(&mut self) -> Result<(u8, Vec<u8>)> {
        loop {
            if let Some((kind, body)) = self.parsed()? {
                if !matches!(kind, b'N' | b'S' | b'A') {
                    self.is_open = if kind == b'Z' { body != b"I" } else { self.is_open };
                    return Ok((kind, body));
                }
                continue;
            }
            if self.take_in()? {
                // Notices may come for ever.
                self.patience.check()?;
            } else {
                self.wait(PollFlags::IN)?;
            }
        }
    }

    fn parsed(&mut self) -> Result<Option<(u8, Vec<u8>)>> {
        let Some((&[kind, a, b, c, d], _)) = self.inbox.split_first_chunk::<5>() else { return Ok(None) };
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        if !(4..=LONGEST).contains(&length) {
            return Err(garbled());
        }
        if self.inbox.len() < length + 1 {
            return Ok(None);
        }
        let body = self.inbox[5..=length].to_vec();
        self.inbox.drain(..=length);
        Ok(Some((kind, body)))
    }

    /// Takes in what is there; true where something came.
    fn take_in(&mut self) -> Result<bool> {
        let mut buffer = [0; 1 << 16];
        match self.stream.read(&mut buffer) {
            Ok(0) => Err(self.last_words().unwrap_or_else(|| lost(ErrorKind::UnexpectedEof.into()))),
            Ok(read) => {
                self.inbox.extend(&buffer[..read]);
                while let Some((b'N' | b'S' | b'A', _)) = self.peeked() {
                    self.parsed()?;
                }
                if self.inbox.len() > LONGEST { Err(garbled()) } else { Ok(true) }
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => Ok(false),
            Err(error) => Err(self.last_words().unwrap_or_else(|| lost(error))),
        }
    }

    /// The kind of the message that is wholly here.
    fn peeked(&self) -> Option<(u8, usize)> {
        let (&[kind, a, b, c, d], _) = self.inbox.split_first_chunk::<5>()?;
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        (self.inbox.len() > length && (4..=LONGEST).contains(&length)).then_some((kind, length))
    }

    /// The complaint that came before the server hung up.
    fn last_words(&mut self) -> Option<Problem> {
        while let Ok(Some((kind, body))) = self.parsed() {
            if kind == b'E' {
                return Some(Trouble::Server(complaint(&body)).into_problem("the connection ended"));
            }
        }
        None
    }

    fn wait(&self, what: PollFlags) -> Result<()> {
        self.patience.check()?;
        let mut waited = [PollFd::new(&self.stream, what)];
        match poll(&mut waited, Some(&LOOK)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(lost(error.into())),
        }
    }
}

impl Drop for Link<'_> {
    fn drop(&mut self) {
        // The server sees the end of the connection as well.
        drop(self.message(b'X', b""));
    }
}

/// The length of a message counts itself.
fn length(body: usize) -> [u8; 4] {
    u32::try_from(body + 4).unwrap_or(u32::MAX).to_be_bytes()
}

fn lost(error: std::io::Error) -> Problem {
    Problem { kind: Kind::Io, ..Problem::io("talking to the scratch server", error) }
}

fn garbled() -> Problem {
    Problem::new(Kind::Io, "the scratch server answers as no PostgreSQL does")
}

fn complaint(body: &[u8]) -> Complaint {
    let parts = || body.split(|byte| *byte == 0).filter_map(|part| part.split_first());
    let part = |wanted: u8| parts().find(|(kind, _)| **kind == wanted).map(|(_, text)| printable(text));
    let detail = part(b'D').map(|detail| format!("; {detail}")).unwrap_or_default();
    let message = format!("{}{detail}", part(b'M').unwrap_or_else(|| "it gave no reason".into()));
    Complaint { code: part(b'C').unwrap_or_default(), message }
}

fn fields(body: &[u8]) -> Option<Vec<Option<String>>> {
    let (count, mut rest) = body.split_first_chunk::<2>()?;
    let mut all = Vec::new();
    for _ in 0..u16::from_be_bytes(*count) {
        let (length, after) = rest.split_first_chunk::<4>()?;
        // Less than zero is no value at all.
        let text = match usize::try_from(i32::from_be_bytes(*length)) {
            Ok(length) => Some(after.split_at_checked(length)?),
            Err(_) => None,
        };
        all.push(text.map(|(text, _)| String::from_utf8_lossy(text).into_owned()));
        rest = text.map_or(after, |(_, rest)| rest);
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Silent;
    use std::time::Instant;

    #[test]
    fn a_name_with_a_zero_byte_is_refused_before_anybody_is_asked() {
        let patience = Patience { until: Instant::now(), monitor: &Silent };
        for names in [("restored", "a\0user\0postgres"), ("a\0b", "restored")] {
            let problem = Link::open(Path::new("/nowhere"), names, "", patience).err();
            assert!(matches!(problem, Some(Trouble::Lost(problem)) if problem.kind == Kind::Refused));
        }
    }

    #[test]
    fn a_statement_that_wants_rows_twice_is_not_done() {
        let (here, mut there) = UnixStream::pair().unwrap();
        there.write_all(&[b'C', 0, 0, 0, 5, 0, b'G', 0, 0, 0, 7, 0, 0, 0]).unwrap();
        let patience =
            Patience { until: Instant::now() + std::time::Duration::from_secs(60), monitor: &Silent };
        let mut link = Link { stream: here, inbox: Vec::new(), patience, is_open: false };
        assert!(matches!(link.end_of_rows(), Err(Trouble::Lost(problem)) if problem.kind == Kind::Refused));
    }

    #[test]
    fn a_server_that_says_something_for_ever_is_heard_only_as_long_as_there_is_patience() {
        let (here, mut there) = UnixStream::pair().unwrap();
        here.set_nonblocking(true).unwrap();
        // More than is taken in at once, so that the answer behind it is reached only by going on without looking at the clock.
        there.write_all(&[b'N', 0, 0, 0, 5, 0].repeat(15_000)).unwrap();
        there.write_all(&[b'Z', 0, 0, 0, 5, b'I']).unwrap();
        let patience = Patience { until: Instant::now(), monitor: &Silent };
        let mut link = Link { stream: here, inbox: Vec::new(), patience, is_open: false };
        let problem = link.receive().unwrap_err();
        assert!(problem.what.contains("longer than it may"), "{problem}");
    }
}
