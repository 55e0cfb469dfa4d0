//! `outlive rehearse`.

use super::Outcome;
use super::args::PolicyOptions;
use super::exit::Exit;
use super::failure::Failure;
use super::terminal::Terminal;
use crate::app::{self, FollowOrder, RehearseOrder};
use crate::domain::{Kind, Problem};
use crate::report::activity::WayOutcome;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// What `outlive rehearse` is asked.
#[derive(Debug, clap::Args)]
pub struct Rehearse {
    /// Replay an incident that happened, on its declared estate: pocketos, gitlab, …, or a directory with outlive.toml
    /// and incident.toml. Nothing on disk is touched
    #[arg(long, value_name = "NAME|DIR", conflicts_with_all = ["path", "rpo", "survive"])]
    pub incident: Option<OsString>,
    /// Lose a made-up volume as well, then type the commands of its runbook one after the other into a shell in an empty
    /// directory, and compare what comes back
    #[arg(long, requires = "incident")]
    pub follow_runbook: bool,
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
    match &options.incident {
        Some(named) if options.follow_runbook => return follow(terminal, named, options),
        Some(_) if options.keep || options.scratch.is_some() => {
            let what = "a replay touches nothing on disk, so there is nothing to keep and no place for it";
            let problem = Problem::new(Kind::Usage, what)
                .remedy("leave --keep and --scratch out, or add --follow-runbook");
            return Err(Failure::new(problem, Exit::Usage));
        }
        Some(named) => return incident(terminal, named),
        None => {}
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

/// Replays an incident, then loses a volume and brings it back as its page says.
fn follow(terminal: &Terminal, named: &OsStr, options: &Rehearse) -> Result<Outcome, Failure> {
    let failed = |problem| Failure::new(problem, Exit::DrillFailed);
    let program = std::env::current_exe()
        .map_err(|error| failed(Problem::io("finding out which program this is", error)))?;
    let order = FollowOrder {
        replay: app::load_incident(named).map_err(failed)?,
        scratch: options.scratch.clone().unwrap_or_else(std::env::temp_dir),
        keep: options.keep,
        program,
    };
    let done = app::follow_runbook(&terminal.context, &order, &terminal.monitor()).map_err(failed)?;
    let mut exits = Vec::new();
    if !done.incident.as_expected || done.has(WayOutcome::Failed) || done.ways.is_empty() {
        exits.push(Exit::DrillFailed);
    }
    if done.has(WayOutcome::NotRun) {
        exits.push(Exit::DrillNotRun);
    }
    Ok(Outcome { code: None, text: terminal.tell(&done, &Exit::codes(&exits)), exits })
}
