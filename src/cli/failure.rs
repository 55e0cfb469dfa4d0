//! What a user sees when something goes wrong: what happened, where, and what to do.

use super::args::Format;
use super::exit::Exit;
use super::terminal::Terminal;
use crate::domain::{Kind, Problem};
use crate::report::activity::{Failed, Told};
use std::process::ExitCode;

/// A problem with the exit code it leads to.
#[derive(Debug)]
pub struct Failure {
    problem: Problem,
    exit: Exit,
}

impl Failure {
    /// A problem of a command whose own failures, as against wrong usage, end with `own`.
    pub fn new(problem: Problem, own: Exit) -> Self {
        let exit = match problem.kind {
            Kind::Usage | Kind::NotFound | Kind::Refused => Exit::Usage,
            Kind::Internal => Exit::Internal,
            Kind::Damaged | Kind::Io | Kind::Cancelled => own,
        };
        Self { problem, exit }
    }

    /// Damage of stored data is always the copy's failure; otherwise as [`Failure::new`].
    pub fn of_vault(problem: Problem, own: Exit) -> Self {
        let own = if problem.kind == Kind::Damaged { Exit::CopyFailed } else { own };
        Self::new(problem, own)
    }

    /// Prints it: for people to standard error; as JSON to standard output too.
    #[allow(clippy::print_stderr)] // this is where errors are printed
    pub fn print(&self, terminal: &Terminal) -> ExitCode {
        let Problem { what, place, remedy, .. } = &self.problem;
        if terminal.format == Format::Json {
            let failed = Failed { what: what.clone(), place: place.clone(), what_to_do: remedy.clone() };
            if terminal.print(&failed.json(&[self.exit.code()])).is_err() {
                return Exit::Internal.into();
            }
        }
        eprintln!("error: {what}");
        if !place.is_empty() {
            eprintln!("where: {place}");
        }
        if !remedy.is_empty() {
            eprintln!("to do: {remedy}");
        }
        self.exit.into()
    }
}

/// The command line itself was wrong, or asked for help.
pub fn parsing(error: &clap::Error) -> ExitCode {
    match (error.print(), error.use_stderr()) {
        (Ok(()), false) => Exit::Sound.into(),
        (Ok(()), true) => Exit::Usage.into(),
        (Err(_), _) => Exit::Internal.into(),
    }
}

/// The result could not be printed.
#[allow(clippy::print_stderr)] // the last thing that can be tried
pub fn unprinted(error: &std::io::Error) -> ExitCode {
    if error.kind() != std::io::ErrorKind::BrokenPipe {
        eprintln!("error: the result could not be written to standard output: {error}");
    }
    Exit::Internal.into()
}
