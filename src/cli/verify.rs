//! `outlive verify`.

use super::Outcome;
use super::args::Verify;
use super::exit::Exit;
use super::failure::Failure;
use super::terminal::Terminal;
use crate::app;

/// Reads a whole vault.
pub fn run(terminal: &Terminal, options: &Verify) -> Result<Outcome, Failure> {
    let place = terminal.place(&options.vault)?;
    let verified = app::verify(&terminal.context, &place, &terminal.monitor());
    let unsigned = terminal.sign_ledger();
    let mut done = verified.map_err(|problem| Failure::of_vault(problem, Exit::Internal))?;
    done.notices.extend(unsigned);
    let mut exits = Vec::new();
    // Damage that was found counts, whatever else could not be read.
    match (done.damage.is_empty(), done.was_read_whole()) {
        (false, _) => exits.push(Exit::CopyFailed),
        (true, false) => exits.push(Exit::Internal),
        (true, true) => {}
    }
    // Nothing that could be verified is no proof of anything.
    let all_complete = !done.points.is_empty()
        && done.closed.is_empty()
        && done.unsigned.is_empty()
        && done.points.iter().all(|point| point.complete);
    if !all_complete || !done.was_read_whole() {
        exits.push(Exit::Undetermined);
    }
    Ok(Outcome { code: None, text: terminal.tell(&done, &Exit::codes(&exits)), exits })
}
