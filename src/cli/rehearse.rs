//! `outlive rehearse`.

use super::Outcome;
use super::args::Rehearse;
use super::exit::Exit;
use super::failure::Failure;
use super::terminal::Terminal;
use crate::app::{self, RehearseOrder};

/// Does the whole job once. Success means that the rehearsal succeeded, whatever the audit found.
pub fn run(terminal: &Terminal, options: &Rehearse) -> Result<Outcome, Failure> {
    let order = RehearseOrder {
        path: options.path.clone(),
        scratch: options.scratch.clone().unwrap_or_else(std::env::temp_dir),
        keep: options.keep,
        policy: options.policy.policy(),
    };
    let done = app::rehearse(&terminal.context, &order, &terminal.monitor())
        .map_err(|problem| Failure::new(problem, Exit::DrillFailed))?;
    let exits = if done.succeeded { vec![] } else { vec![Exit::DrillFailed] };
    Ok(Outcome { code: None, text: terminal.tell(&done, &Exit::codes(&exits)), exits })
}
