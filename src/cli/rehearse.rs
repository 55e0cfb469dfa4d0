//! `outlive rehearse`.

use super::Outcome;
use super::args::PolicyOptions;
use super::exit::Exit;
use super::failure::Failure;
use super::terminal::Terminal;
use crate::app::{self, RehearseOrder};
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// What `outlive rehearse` is asked.
#[derive(Debug, clap::Args)]
pub struct Rehearse {
    /// Replay an incident that happened, on its declared estate: pocketos, gitlab, …, or a directory with outlive.toml
    /// and incident.toml. Nothing on disk is touched
    #[arg(long, value_name = "NAME|DIR", conflicts_with_all = ["path", "keep", "scratch", "rpo", "survive"])]
    pub incident: Option<OsString>,
    /// Your own data, which is only read; without it, a made-up volume is really lost
    pub path: Option<PathBuf>,
    /// Leave the vault and what was restored, and say where
    #[arg(long)]
    pub keep: bool,
    /// Where scratch space is made [default: the system's temporary directory]
    #[arg(long, value_name = "DIR")]
    pub scratch: Option<PathBuf>,
    #[command(flatten)]
    pub policy: PolicyOptions,
}

/// Does the whole job once. Success means that the rehearsal succeeded, whatever the audit found.
pub fn run(terminal: &Terminal, options: &Rehearse) -> Result<Outcome, Failure> {
    if let Some(named) = &options.incident {
        return incident(terminal, named);
    }
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

/// Replays an incident. Success means that everything came as it expects, however bad that was.
fn incident(terminal: &Terminal, named: &OsStr) -> Result<Outcome, Failure> {
    let failed = |problem| Failure::new(problem, Exit::DrillFailed);
    let replay = app::load_incident(named).map_err(failed)?;
    let done = app::replay_incident(&replay).map_err(failed)?;
    let exits = if done.as_expected { vec![] } else { vec![Exit::DrillFailed] };
    Ok(Outcome { code: None, text: terminal.tell(&done, &Exit::codes(&exits)), exits })
}
