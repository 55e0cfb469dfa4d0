//! Arguments, one file a command, terminal output and exit codes.

mod args;
mod audit;
mod copy;
mod credentials;
mod drill;
mod exit;
mod explain;
mod failure;
mod init;
mod kit;
mod ledger;
mod nightly;
mod points;
mod progress;
mod readers;
mod rehearse;
mod restore;
mod runbook;
mod schedule;
mod terminal;
mod vault;
mod verify;

use args::{Arguments, Command};
use clap::Parser;
use exit::Exit;
use std::ffi::OsString;
use std::process::ExitCode;
use terminal::Terminal;

/// What a command comes to: what is printed, and every exit code that applies.
struct Outcome {
    text: String,
    exits: Vec<Exit>,
    /// Set where somebody else's protocol wants another exit code.
    code: Option<u8>,
}

/// A tree is walked and restored with one open directory a level: the usual limit would end a deep one half-way.
fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Where it may not be raised, a tree that is too deep says so itself.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

/// Parses, runs, prints; the process's exit code.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let given: Vec<OsString> = arguments.into_iter().collect();
    let arguments = match Arguments::try_parse_from(&given) {
        Ok(arguments) => arguments,
        Err(error) => return failure::parsing(&error, &given),
    };
    raise_open_files();
    let terminal = Terminal::new(&arguments.global);
    let outcome = match &arguments.command {
        Command::Audit(options) => audit::audit(&terminal, options),
        Command::Inventory(options) => audit::inventory(&terminal, options),
        Command::Explain(options) => explain::run(&terminal, options),
        Command::Credentials(options) => credentials::run(&terminal, options),
        Command::Init(options) => init::run(&terminal, &arguments.global, options),
        Command::Copy(options) => copy::run(&terminal, options),
        Command::Verify(options) => verify::run(&terminal, options),
        Command::Restore(options) => restore::run(&terminal, &arguments.global, options),
        Command::Points(options) => points::run(&terminal, options),
        Command::Rehearse(options) => rehearse::run(&terminal, options),
        Command::Nightly(options) => nightly::run(&terminal, options),
        Command::Drill(options) => drill::run(&terminal, options),
        Command::Vault(options) => vault::run(&terminal, options),
        Command::Ledger(options) => ledger::run(&terminal, options),
        Command::Runbook(options) => runbook::run(&terminal, options),
        Command::Schedule(options) => schedule::run(&terminal, &arguments.global, options),
    };
    match outcome {
        Ok(outcome) => match terminal.print(&outcome.text) {
            Ok(()) => outcome.code.map_or_else(|| Exit::worst(&outcome.exits).into(), ExitCode::from),
            // What nobody could read was not reported: silence is never success.
            Err(error) => failure::unprinted(&error),
        },
        Err(failure) => failure.print(&terminal),
    }
}
