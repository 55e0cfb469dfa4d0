//! `outlive copy`.

use super::Outcome;
use super::args::Copy;
use super::exit::Exit;
use super::failure::Failure;
use super::terminal::Terminal;
use crate::app::{self, CopyOrder};
use crate::estate::CopyFrom;

/// Copies a volume and reads it back.
pub fn run(terminal: &Terminal, options: &Copy) -> Result<Outcome, Failure> {
    let order = CopyOrder {
        volume: None,
        from: CopyFrom::Path { path: options.path.clone(), live: options.live },
        vault: terminal.place(&options.vault)?,
        longest: None,
    };
    let done = app::copy(&terminal.context, &order, &terminal.monitor())
        .map_err(|problem| Failure::new(problem, Exit::CopyFailed))?;
    let mut exits = if done.is_sound() { vec![] } else { vec![Exit::CopyFailed] };
    if done.doubted.is_some() {
        exits.push(Exit::Undetermined);
    }
    Ok(Outcome { text: terminal.tell(&done, &Exit::codes(&exits)), exits })
}
