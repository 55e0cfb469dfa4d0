//! `outlive nightly`.

use super::Outcome;
use super::args::Nightly;
use super::exit::Exit;
use super::failure::Failure;
use super::terminal::Terminal;
use crate::app::{self, Night, NightlyOrder};
use crate::domain::{Kind, Problem, Timestamp, printable};
use crate::report::activity::{NightVerdict, NightlyDone};
use crate::report::nagios;
use crate::report::schedule::TimeOfDay;
use chrono::{NaiveTime, TimeDelta};

/// How long what was asked to stop is waited for.
const GRACE: std::time::Duration = std::time::Duration::from_secs(30);

/// Does everything that is due.
pub fn run(terminal: &Terminal, options: &Nightly) -> Result<Outcome, Failure> {
    match (night(terminal, options), options.nagios) {
        (Ok(done), false) => {
            let exits: Vec<Exit> = done.verdicts.iter().map(|verdict| exit_of(*verdict)).collect();
            Ok(Outcome { code: None, text: terminal.tell(&*done, &Exit::codes(&exits)), exits })
        }
        (Ok(done), true) => {
            let (line, code) = nagios(done.exit_code(), &done);
            Ok(Outcome { code: Some(code), text: line, exits: Vec::new() })
        }
        (Err(failure), false) => Err(failure),
        // A plugin says everything in its one line.
        (Err(failure), true) => {
            let (word, code) = if failure.is_held() { ("WARNING", 1) } else { ("UNKNOWN", 3) };
            let text = format!("OUTLIVE {word} - {}\n", failure.line());
            Ok(Outcome { code: Some(code), text, exits: Vec::new() })
        }
    }
}

fn night(terminal: &Terminal, options: &Nightly) -> Result<Box<NightlyDone>, Failure> {
    let estate = terminal.estate()?;
    if let Some(moment) = estate.as_of {
        let what =
            format!("the estate is judged as of {}: there is no night to work in", moment.format("%Y-%m-%d"));
        let problem = Problem::new(Kind::Usage, what)
            .at(printable(estate.path.as_os_str().as_encoded_bytes()))
            .remedy("leave `as_of` out; `outlive audit` judges the estate as it stood then");
        return Err(Failure::new(problem, Exit::Usage));
    }
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
        Night::Done(done) => Ok(done),
        Night::Held(holder) => {
            let by = holder.map_or("another run".into(), |holder| holder.say(now));
            let problem = Problem::new(Kind::Refused, format!("another nightly run is at work: {by}"))
                .at(printable(terminal.context.state.as_os_str().as_encoded_bytes()))
                .remedy("wait for it; should it hang, end that process: the lock goes with it");
            Err(Failure::ending(problem, Exit::Held))
        }
    }
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
fn next(until: TimeOfDay, now: Timestamp) -> Timestamp {
    let moment = TimeDelta::hours(until.hour.into()) + TimeDelta::minutes(until.minute.into());
    let today = now.date_naive().and_time(NaiveTime::MIN).and_utc() + moment;
    if today > now { today } else { today + TimeDelta::days(1) }
}
