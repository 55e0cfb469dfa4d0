//! `outlive init`.

use super::Outcome;
use super::args::{Format, Global, time_limit};
use super::audit::unless_stopped;
use super::exit::Exit;
use super::failure::Failure;
use super::terminal::Terminal;
use crate::app::{self, InitOrder};
use crate::domain::Problem;
use clap::Args;
use std::io::{BufRead, IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, Args)]
pub struct Init {
    /// What somebody would miss; PostgreSQL's data directories are looked for below it [default: what this machine has mounted, and
    /// where data usually is]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Write the file without asking
    #[arg(long)]
    pub yes: bool,
    /// How long looking at one path may take
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = time_limit)]
    pub time_limit: Duration,
}

/// Proposes an estate file, and writes it where somebody agrees.
pub fn run(terminal: &Terminal, global: &Global, options: &Init) -> Result<Outcome, Failure> {
    let into = global.config.clone().unwrap_or_else(|| "outlive.toml".into());
    let order = InitOrder { into, paths: options.paths.clone(), limit: options.time_limit };
    let failed = |problem: Problem| Failure::new(problem, Exit::Internal);
    let place = crate::domain::printable(order.into.as_os_str().as_encoded_bytes());
    let is_there = order.into.symlink_metadata().is_ok();
    if is_there && options.yes {
        return Err(failed(app::estate_is_there(&place)));
    }
    let looking = order.clone();
    let mut done =
        unless_stopped(terminal, &terminal.context, move |context| app::propose(context, &looking))?;
    let note = |what: &str| drop(writeln!(std::io::stderr(), "{what}"));
    let answer = match (options.yes, is_there) {
        (true, _) => Some(true),
        (false, true) => None,
        (false, false) => agrees(&done.toml, &place).map_err(failed)?,
    };
    if answer == Some(true) {
        done = app::write_proposed(&order, done).map_err(failed)?;
        note(&format!("written to {place}: read it, correct it, and run `outlive audit`"));
    } else if is_there {
        note(&format!("{place} is there already, and stays as it is: this is only shown"));
    } else {
        note(&format!("nothing was written; --yes writes it to {place}"));
    }
    let exits = if done.gaps.is_empty() { vec![] } else { vec![Exit::Undetermined] };
    // Who was asked has seen it.
    let was_shown = !options.yes && answer.is_some() && terminal.format == Format::Text;
    let text = if was_shown { String::new() } else { terminal.tell(&done, &Exit::codes(&exits)) };
    Ok(Outcome { code: None, text, exits })
}

/// Shows the file to somebody at a terminal, and asks; `None` where nobody is there.
fn agrees(toml: &str, place: &str) -> Result<Option<bool>, Problem> {
    let (stdin, mut out) = (std::io::stdin(), std::io::stderr().lock());
    if !stdin.is_terminal() || !std::io::stderr().is_terminal() {
        return Ok(None);
    }
    let failed = |error| Problem::io("asking whether to write the estate file", error);
    write!(out, "{toml}\nWrite this to {place}? Type yes: ").and_then(|()| out.flush()).map_err(failed)?;
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer).map_err(failed)?;
    Ok(Some(answer.trim().eq_ignore_ascii_case("yes")))
}
