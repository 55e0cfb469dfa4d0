//! `outlive vault`.

use super::Outcome;
use super::args::Vault;
use super::exit::Exit;
use super::failure::Failure;
use super::terminal::Terminal;
use crate::app;

/// Looks into a vault.
pub fn run(terminal: &Terminal, command: &Vault) -> Result<Outcome, Failure> {
    let Vault::List { vault } = command;
    let listed = app::list_vault(&terminal.context, &terminal.place(vault)?)
        .map_err(|problem| Failure::of_vault(problem, Exit::Internal))?;
    let mut exits = Vec::new();
    if !listed.damaged.is_empty() {
        exits.push(Exit::CopyFailed);
    }
    if listed.points.is_empty() {
        exits.push(Exit::Undetermined);
    }
    Ok(Outcome { code: None, text: terminal.tell(&listed, &Exit::codes(&exits)), exits })
}
