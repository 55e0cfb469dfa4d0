//! `outlive ledger`.

use super::Outcome;
use super::args::Ledger;
use super::exit::Exit;
use super::failure::Failure;
use super::terminal::Terminal;
use crate::app;
use crate::domain::Kind;
use std::ffi::OsStr;
use std::path::Path;

/// Looks into the ledger, or makes a key to sign it with.
pub fn run(terminal: &Terminal, command: &Ledger) -> Result<Outcome, Failure> {
    match command {
        Ledger::Key { into } => key(terminal, into),
        Ledger::Show { last } => show(terminal, *last),
        Ledger::Verify { vault } => verify(terminal, vault.as_deref()),
    }
}

fn key(terminal: &Terminal, into: &Path) -> Result<Outcome, Failure> {
    let made = app::make_key(into).map_err(|problem| Failure::new(problem, Exit::Internal))?;
    Ok(Outcome { code: None, text: terminal.tell(&made, &Exit::codes(&[])), exits: Vec::new() })
}

fn show(terminal: &Terminal, last: Option<usize>) -> Result<Outcome, Failure> {
    let shown = app::show_ledger(&terminal.context, last).map_err(|problem| {
        let exit = if problem.kind == Kind::Damaged { Exit::RuleFailed } else { Exit::Internal };
        Failure::new(problem, exit)
    })?;
    Ok(Outcome { code: None, text: terminal.tell(&shown, &Exit::codes(&[])), exits: Vec::new() })
}

fn verify(terminal: &Terminal, vault: Option<&OsStr>) -> Result<Outcome, Failure> {
    let estate = terminal.estate_if_any()?;
    let place = vault.map(|vault| terminal.place(vault)).transpose()?;
    let done = app::verify_ledger(&terminal.context, estate.as_ref(), place.as_ref())
        .map_err(|problem| Failure::of_vault(problem, Exit::Internal))?;
    let mut exits = Vec::new();
    if !done.wrong.is_empty() {
        exits.push(Exit::RuleFailed);
    }
    if !done.open.is_empty() || !done.missed.is_empty() {
        exits.push(Exit::Undetermined);
    }
    Ok(Outcome { code: None, text: terminal.tell(&done, &Exit::codes(&exits)), exits })
}
