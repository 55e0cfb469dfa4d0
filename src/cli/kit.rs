//! `outlive vault kit`.

use super::Outcome;
use super::exit::Exit;
use super::failure::Failure;
use super::terminal::Terminal;
use crate::app::{self, KitOrder};
use crate::domain::Problem;
use std::path::Path;
use std::time::Duration;

/// How long looking at one path or vault may take.
const LIMIT: Duration = Duration::from_secs(30);

/// Makes a kit of the running program.
pub fn run(terminal: &Terminal, into: &Path, vault: &str) -> Result<Outcome, Failure> {
    let estate = terminal.estate()?;
    let entry = super::vault::entry(&estate, vault)?;
    let failed = |problem: Problem| Failure::of_vault(problem, Exit::Internal);
    let program = std::env::current_exe()
        .map_err(|error| failed(Problem::io("finding out which program this is", error)))?;
    let order = KitOrder { estate: &estate, entry, into, program: &program, limit: LIMIT };
    let made = app::make_kit(&terminal.context, &order).map_err(failed)?;
    // A kit that lacks something is there, and is not one to rely on.
    let exits =
        if made.missing.is_empty() && made.gaps.is_empty() { vec![] } else { vec![Exit::Undetermined] };
    Ok(Outcome { code: None, text: terminal.tell(&made, &Exit::codes(&exits)), exits })
}
