//! `outlive verify`.

use super::Outcome;
use super::args::Verify;
use super::exit::Exit;
use super::failure::Failure;
use super::terminal::Terminal;
use crate::app;

/// Reads a whole vault.
pub fn run(terminal: &Terminal, options: &Verify) -> Result<Outcome, Failure> {
    let done = app::verify(&terminal.context, &options.vault, &terminal.monitor())
        .map_err(|problem| Failure::of_vault(problem, Exit::Internal))?;
    let mut exits = Vec::new();
    if !done.is_sound() {
        exits.push(Exit::CopyFailed);
    }
    // Nothing that could be verified is no proof of anything.
    if !done.points.iter().any(|point| point.complete) || done.points.iter().any(|point| !point.complete) {
        exits.push(Exit::Undetermined);
    }
    Ok(Outcome { text: terminal.tell(&done, &Exit::codes(&exits)), exits })
}
