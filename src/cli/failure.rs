//! What a user sees when something goes wrong: what happened, where, and what to do.

use super::args::Format;
use super::exit::Exit;
use super::terminal::Terminal;
use crate::domain::{Kind, Problem, printable};
use crate::report::activity::{Failed, Told};
use crate::report::text::Look;
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

/// A problem with the exit code it leads to.
#[derive(Debug)]
pub struct Failure {
    problem: Problem,
    exit: Exit,
    /// Standard output is for data.
    beside_data: bool,
    /// Standard output did not take the result.
    unprinted: Option<std::io::Error>,
}

impl Failure {
    /// A problem of a command whose own failures, as against wrong usage, end with `own`.
    pub fn new(problem: Problem, own: Exit) -> Self {
        let exit = match problem.kind {
            Kind::Usage | Kind::NotFound | Kind::Refused => Exit::Usage,
            Kind::Internal => Exit::Internal,
            Kind::Damaged | Kind::Io | Kind::Cancelled => own,
        };
        Self { problem, exit, beside_data: false, unprinted: None }
    }

    /// The result could not be printed.
    pub fn unprinted(error: std::io::Error) -> Self {
        let problem = Problem::new(Kind::Internal, "the result could not be written to standard output");
        Self { unprinted: Some(error), ..Self::new(problem, Exit::Internal) }
    }

    /// The same of a command whose standard output is for data: what is for programs goes to standard error.
    pub fn beside_data(self) -> Self {
        Self { beside_data: true, ..self }
    }

    /// A problem that ends with this exit code, whatever its kind.
    pub fn ending(problem: Problem, exit: Exit) -> Self {
        Self { problem, exit, beside_data: false, unprinted: None }
    }

    /// Damage of stored data is always the copy's failure; otherwise as [`Failure::new`].
    pub fn of_vault(problem: Problem, own: Exit) -> Self {
        let own = if problem.kind == Kind::Damaged { Exit::CopyFailed } else { own };
        Self::new(problem, own)
    }

    /// True where another run holds the lock.
    pub fn is_held(&self) -> bool {
        self.exit == Exit::Held
    }

    /// What happened, in one line.
    pub fn line(&self) -> String {
        self.problem.to_string().replace('\n', "; ").replace('|', "/")
    }

    /// Prints it: for people to standard error; as JSON to standard output too.
    pub fn print(&self, terminal: &Terminal) -> ExitCode {
        if let Some(error) = &self.unprinted {
            return unprinted(error);
        }
        let Problem { what, place, remedy, .. } = &self.problem;
        if terminal.format == Format::Json {
            let failed = Failed { what: what.clone(), place: place.clone(), what_to_do: remedy.clone() };
            let json = failed.json(&[self.exit.code()]);
            if self.beside_data {
                // Who reads JSON there wants nothing else there.
                drop(std::io::stderr().write_all(json.as_bytes()));
                return self.exit.into();
            }
            if terminal.print(&json).is_err() {
                return Exit::Internal.into();
            }
        }
        let look = terminal.look;
        complain(look, "error", what);
        // A path is copied as a whole.
        complain(Look { width: usize::MAX, ..look }, "where", place);
        complain(look, "to do", remedy);
        self.exit.into()
    }
}

/// A label and what belongs to it on standard error, whatever a hostile vault or path put into it. Where that is full or closed, the exit code still says what it says.
fn complain(look: Look, label: &str, text: &str) {
    if !text.is_empty() {
        drop(write!(std::io::stderr(), "{}", look.labelled(label, &safe(text))));
    }
}

/// The command line itself was wrong, or asked for help.
pub fn parsing(error: &clap::Error, arguments: &[OsString]) -> ExitCode {
    if !error.use_stderr() {
        return if error.print().is_ok() { Exit::Sound.into() } else { Exit::Internal.into() };
    }
    let said = safe(&error.render().to_string());
    if asks_for_json(arguments) {
        let what = said.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
        let what_to_do = "`outlive --help` shows how to call it".to_owned();
        let json = Failed { what, place: String::new(), what_to_do }.json(&[Exit::Usage.code()]);
        if std::io::stdout().write_all(json.as_bytes()).is_err() {
            return Exit::Internal.into();
        }
    }
    drop(write!(std::io::stderr(), "{}", Look::default().wrapped(&said)));
    Exit::Usage.into()
}

/// Nothing that came from outside is obeyed by a terminal.
fn safe(text: &str) -> String {
    let mut letter = [0; 4];
    let tame = |c: char| match c {
        '\n' | '\\' => c.to_string(),
        other => printable(other.encode_utf8(&mut letter).as_bytes()),
    };
    text.chars().map(tame).collect()
}

/// Whether JSON was asked for, as far as a command line that cannot be parsed tells.
fn asks_for_json(arguments: &[OsString]) -> bool {
    arguments.iter().any(|argument| argument == "--format=json")
        || arguments.windows(2).any(|pair| pair[0] == "--format" && pair[1] == "json")
}

/// The result could not be printed.
pub fn unprinted(error: &std::io::Error) -> ExitCode {
    if error.kind() != std::io::ErrorKind::BrokenPipe {
        let said = format!("the result could not be written to standard output: {error}");
        complain(Look::default(), "error", &said);
    }
    Exit::Internal.into()
}
