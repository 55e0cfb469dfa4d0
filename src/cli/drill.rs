//! `outlive drill`.

use super::Outcome;
use super::args::Drill;
use super::exit::Exit;
use super::failure::Failure;
use super::terminal::Terminal;
use crate::app::{self, Afterwards, DrillsOrder, Proving, Which};
use crate::domain::Kind;
use crate::report::activity::{DrillOutcome, DrillsDone};

/// Runs drills.
pub fn run(terminal: &Terminal, options: &Drill) -> Result<Outcome, Failure> {
    if options.escrow {
        return escrow(terminal, &options.names);
    }
    let which = match (options.due, options.all) {
        (true, _) => Which::Due,
        (_, true) => Which::All,
        _ => Which::Named(options.names.clone()),
    };
    let order = DrillsOrder {
        estate: terminal.estate()?,
        which,
        afterwards: if options.keep { Afterwards::Keep } else { Afterwards::Remove },
        proving: if options.prove { Proving::EachCheck } else { Proving::Skip },
    };
    let ran = app::run_drills(&terminal.context, &order, &terminal.monitor());
    let unsigned = terminal.sign_ledger();
    let mut done = ran.map_err(|problem| {
        let exit = if problem.kind == Kind::Usage { Exit::Usage } else { Exit::Internal };
        Failure::new(problem, exit)
    })?;
    done.notices.extend(unsigned);
    let exits = exits(&done);
    Ok(Outcome { code: None, text: terminal.tell(&done, &Exit::codes(&exits)), exits })
}

/// Proves the key in the safe.
fn escrow(terminal: &Terminal, vaults: &[String]) -> Result<Outcome, Failure> {
    let estate = terminal.estate()?;
    let proved = app::prove_escrow(&terminal.context, &estate, vaults, &terminal.monitor());
    let unsigned = terminal.sign_ledger();
    let mut done = proved.map_err(|problem| {
        let exit = if problem.kind == Kind::Usage { Exit::Usage } else { Exit::Internal };
        Failure::new(problem, exit)
    })?;
    done.notices.extend(unsigned);
    let exits = done.proofs.iter().filter_map(|proof| match proof.outcome {
        "passed" => None,
        "failed" => Some(Exit::DrillFailed),
        _ => Some(Exit::DrillNotRun),
    });
    let mut exits: Vec<Exit> = exits.collect();
    exits.sort_by_key(|exit| exit.code());
    exits.dedup();
    Ok(Outcome { code: None, text: terminal.tell(&done, &Exit::codes(&exits)), exits })
}

/// What ran counts as it ended; a volume counts where its policy asks for drills and none says that it passed.
fn exits(done: &DrillsDone) -> Vec<Exit> {
    let ran = done.drills.iter().filter_map(|done| match done.record.outcome {
        "passed" => None,
        "failed" => Some(Exit::DrillFailed),
        _ => Some(Exit::DrillNotRun),
    });
    let begun = done.not_begun.iter().map(|_| Exit::DrillNotRun);
    let stand = done.volumes.iter().filter_map(|volume| match volume.standing.outcome {
        DrillOutcome::Passed | DrillOutcome::Waived => None,
        DrillOutcome::Failed => Some(Exit::DrillFailed),
        DrillOutcome::NotRun => Some(Exit::DrillNotRun),
        DrillOutcome::NeverDrilled => volume.standing.asked.then_some(Exit::DrillNotRun),
    });
    let mut all: Vec<Exit> = ran.chain(begun).chain(stand).collect();
    all.sort_by_key(|exit| exit.code());
    all.dedup();
    all
}
