//! `outlive nightly`.

use super::Outcome;
use super::args::Nightly;
use super::exit::Exit;
use super::failure::Failure;
use super::terminal::Terminal;
use crate::app::{self, Night, NightlyOrder};
use crate::domain::{Kind, Problem, Timestamp};
use crate::report::activity::{NightVerdict, NightlyDone};
use chrono::{NaiveTime, TimeDelta};

/// How long what was asked to stop is waited for.
const GRACE: std::time::Duration = std::time::Duration::from_secs(30);

/// Does everything that is due.
pub fn run(terminal: &Terminal, options: &Nightly) -> Result<Outcome, Failure> {
    let estate = terminal.estate()?;
    let now = (terminal.context.clock)();
    let order = NightlyOrder {
        estate,
        dry_run: options.dry_run,
        until: options.until.map(|until| next(until, now)),
        limit: options.time_limit,
        grace: GRACE,
    };
    let night = app::nightly(&terminal.context, &order, &terminal.monitor())
        .map_err(|problem| Failure::new(problem, Exit::Internal))?;
    match night {
        Night::Done(done) => Ok(told(terminal, &done)),
        Night::Held(holder) => {
            let by = holder.map_or("another run".into(), |holder| holder.say(now));
            let problem = Problem::new(Kind::Refused, format!("another nightly run is at work: {by}"))
                .at(crate::domain::printable(terminal.context.state.as_os_str().as_encoded_bytes()))
                .remedy("wait for it; should it hang, end that process: the lock goes with it");
            Err(Failure::ending(problem, Exit::Held))
        }
    }
}

fn told(terminal: &Terminal, done: &NightlyDone) -> Outcome {
    let exits: Vec<Exit> = done.verdicts.iter().map(|verdict| exit_of(*verdict)).collect();
    Outcome { text: terminal.tell(done, &Exit::codes(&exits)), exits }
}

fn exit_of(verdict: NightVerdict) -> Exit {
    match verdict {
        NightVerdict::CopyFailed => Exit::CopyFailed,
        NightVerdict::DrillFailed => Exit::DrillFailed,
        NightVerdict::RuleFailed => Exit::RuleFailed,
        NightVerdict::DrillNotRun => Exit::DrillNotRun,
        NightVerdict::Undetermined => Exit::Undetermined,
        NightVerdict::Unrecorded => Exit::Internal,
    }
}

/// The next time that the clock (UTC) shows this.
fn next(until: NaiveTime, now: Timestamp) -> Timestamp {
    let today = now.date_naive().and_time(until).and_utc();
    if today > now { today } else { today + TimeDelta::days(1) }
}
