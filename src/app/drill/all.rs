//! Several drills: those that are named, those that are due, or all.

use super::{Afterwards, DrillOrder, Proving, drill, drill_standings};
use crate::app::Context;
use crate::domain::{Kind, Monitor, Problem, Result, Timestamp, printable};
use crate::drill::{Drill, DrillFile, read_drills};
use crate::estate::Estate;
use crate::ledger::{DrillEnd, Ledger, PATIENCE, Record, drills};
use crate::plan::{DrillSlot, Due, Schedule, drills_due};
use crate::report::activity::{DrillNotBegun, DrillsDone, VolumeDrills};

/// Which drills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// These.
    Named(Vec<String>),
    /// Those that are due.
    Due,
    /// All.
    All,
}

/// A run of drills.
#[derive(Debug, Clone)]
pub struct DrillsOrder {
    /// The estate.
    pub estate: Estate,
    /// Which drills.
    pub which: Which,
    /// What becomes of what was restored.
    pub afterwards: Afterwards,
    /// Whether the checks are proved.
    pub proving: Proving,
}

/// The drills that are due, with since when. A volume whose drill is waived has none that is due.
pub fn due_drills<'f>(
    estate: &Estate,
    files: &'f [DrillFile],
    records: &[Record],
    now: Timestamp,
) -> Vec<(&'f Drill, Due)> {
    let history = drills(records);
    let waived = |drill: &Drill| {
        let waiver = estate.volume(&drill.volume).and_then(|volume| volume.waive_drill.as_ref());
        waiver.is_some_and(|waiver| waiver.until > now)
    };
    let sound = files.iter().filter_map(|file| file.drill.as_ref().ok());
    let all: Vec<&Drill> = sound.filter(|drill| !waived(drill)).collect();
    let slot = |drill: &&Drill| {
        let history = history.get(&(drill.name.clone(), drill.volume.clone()));
        let not_run = history.map(|history| &history.last).filter(|last| last.outcome == DrillEnd::NotRun);
        DrillSlot {
            name: drill.name.clone(),
            schedule: Schedule { every: drill.every, offset: drill.offset },
            last_tried_at: history.and_then(|history| history.last_tried_at),
            not_run_at: not_run.map(|last| last.started_at),
        }
    };
    let slots: Vec<DrillSlot> = all.iter().map(slot).collect();
    drills_due(&slots, now).into_iter().map(|(place, due)| (all[place], due)).collect()
}

/// Runs drills one after the other.
///
/// # Errors
/// `Usage` where a definition is wrong or a named drill is not there; where the directory of drills or the ledger
/// cannot be read. What a drill itself comes to is in the result.
pub fn run_drills(context: &Context, order: &DrillsOrder, monitor: &dyn Monitor) -> Result<DrillsDone> {
    let files = read_drills(&order.estate)?;
    let now = (context.clock)();
    let chosen: Vec<&Drill> = match &order.which {
        Which::Named(names) => {
            names.iter().map(|name| named(&order.estate, &files, name)).collect::<Result<_>>()?
        }
        which => {
            if let Some(wrong) = files.iter().find_map(|file| file.drill.as_ref().err()) {
                return Err(wrong.clone());
            }
            let all: Vec<&Drill> = files.iter().filter_map(|file| file.drill.as_ref().ok()).collect();
            if *which == Which::All {
                all
            } else {
                let records = Ledger::look(&context.state, PATIENCE)?;
                due_drills(&order.estate, &files, &records, now).into_iter().map(|(drill, _)| drill).collect()
            }
        }
    };
    let (mut done, mut not_begun, mut notices) = (Vec::new(), Vec::new(), Vec::new());
    if files.is_empty() {
        notices.push(format!(
            "there are no drills in {}",
            printable(order.estate.drills.as_os_str().as_encoded_bytes())
        ));
    }
    for chosen in chosen {
        let one = DrillOrder {
            afterwards: order.afterwards,
            proving: order.proving,
            ..DrillOrder::of(context, &order.estate, chosen, "command")
        };
        let stopped = || Problem::new(Kind::Cancelled, "it was asked to stop before it began");
        let ran = if monitor.cancelled() { Err(stopped()) } else { drill(context, &one, monitor) };
        match ran {
            Ok(ran) => done.push(ran),
            Err(problem) => {
                not_begun.push(DrillNotBegun { drill: chosen.name.clone(), because: problem.to_string() });
            }
        }
    }
    let records = Ledger::look(&context.state, PATIENCE)?;
    let standings = drill_standings(&order.estate, &files, &records, (context.clock)());
    let volumes =
        standings.into_iter().map(|(volume, standing)| VolumeDrills { volume: volume.0, standing }).collect();
    Ok(DrillsDone { drills: done, not_begun, volumes, notices })
}

fn named<'f>(estate: &Estate, files: &'f [DrillFile], name: &str) -> Result<&'f Drill> {
    let Some(file) = files.iter().find(|file| file.name == name) else {
        let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
        let what = format!("there is no drill `{}`", printable(name.as_bytes()));
        let there = if names.is_empty() {
            "there are none".into()
        } else {
            format!("there are: {}", names.join(", "))
        };
        return Err(Problem::new(Kind::Usage, what)
            .at(printable(estate.drills.as_os_str().as_encoded_bytes()))
            .remedy(format!("{there}; a drill is a folder with a drill.toml")));
    };
    file.drill.as_ref().map_err(Clone::clone)
}
