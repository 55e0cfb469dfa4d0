//! `outlive restore`.

use super::Outcome;
use super::args::Restore;
use super::exit::Exit;
use super::failure::Failure;
use super::terminal::Terminal;
use crate::app::{self, RestoreOrder};
use crate::vault::RestoreOptions;

/// Restores a recovery point.
pub fn run(terminal: &Terminal, options: &Restore) -> Result<Outcome, Failure> {
    let order = RestoreOrder {
        vault: terminal.place(&options.vault)?,
        volume: options.volume.clone(),
        point: options.point.clone(),
        target: options.to.clone(),
        options: RestoreOptions { devices: options.devices, despite_damage: options.despite_damage },
    };
    let done = app::restore(&terminal.context, &order, &terminal.monitor())
        .map_err(|problem| Failure::of_vault(problem, Exit::Internal))?;
    // A part of the data came back, whether the rest was lost in the vault or never reached it.
    let whole = done.is_sound() && done.missed_when_stored == 0;
    let exits = if whole { vec![] } else { vec![Exit::CopyFailed] };
    Ok(Outcome { code: None, text: terminal.tell(&done, &Exit::codes(&exits)), exits })
}
