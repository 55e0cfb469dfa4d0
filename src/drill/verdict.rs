//! What a drill comes to. Pure: everything measured is an argument.

use super::checks::{Checked, Outcome};
use super::definition::Drill;
use crate::domain::say_duration;
use crate::ledger::DrillEnd;
use chrono::TimeDelta;

/// What was measured in a drill.
#[derive(Debug, Clone, Default)]
pub struct Measured<'a> {
    /// The age of the newest point when the drill began, where a point was found.
    pub newest_age: Option<TimeDelta>,
    /// From the beginning until the data was restored and checked, or until the drill was given up.
    pub usable_after: Option<TimeDelta>,
    /// Every check with what it said.
    pub checks: &'a [Checked],
    /// What failed before or beside the checks.
    pub failed: &'a [String],
    /// What could not be tried.
    pub not_run: &'a [String],
}

/// How far a clock may run behind the one that a point was taken by.
const SLACK: TimeDelta = TimeDelta::minutes(5);

/// How it ended, and why. Failing counts before not running, and a pass needs a check that held, both budgets
/// measured and kept, and nothing left open.
pub fn verdict(drill: &Drill, measured: &Measured<'_>) -> (DrillEnd, String) {
    let mut failed: Vec<String> = measured.failed.to_vec();
    let mut open: Vec<String> = measured.not_run.to_vec();
    match measured.newest_age {
        Some(age) if age > drill.rpo => failed.push(format!(
            "the newest recovery point is {} old, the RPO is {}",
            say_duration(age),
            say_duration(drill.rpo)
        )),
        Some(age) if age < -SLACK => {
            open.push("the newest recovery point is of the future: a clock is wrong".into());
        }
        Some(_) => {}
        None => open.push("no recovery point was found to tell the age of".into()),
    }
    match measured.usable_after {
        Some(took) if took > drill.rto => failed.push(format!(
            "it took {} until the data was usable, the RTO is {}",
            say_duration(took),
            say_duration(drill.rto)
        )),
        Some(_) => {}
        None => open.push("the recovery time was not measured".into()),
    }
    if measured.checks.is_empty() {
        open.push("nothing was checked".into());
    }
    for checked in measured.checks {
        match &checked.outcome {
            Outcome::Passed => {}
            Outcome::Failed { because } => failed.push(format!("{}: {because}", checked.check)),
            Outcome::NotRun { because } => open.push(format!("{} did not run: {because}", checked.check)),
        }
    }
    match (failed.is_empty(), open.is_empty()) {
        (false, _) => (DrillEnd::Failed, failed.join("; ")),
        (true, false) => (DrillEnd::NotRun, open.join("; ")),
        (true, true) => (DrillEnd::Passed, format!("{} checks held", measured.checks.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::VolumeId;
    use crate::drill::{Bounds, Selection};
    use std::time::Duration;

    fn drill() -> Drill {
        Drill {
            name: "weekly".into(),
            digest: String::new(),
            volume: VolumeId("db".into()),
            select: Selection::Latest,
            vault: None,
            restore_to: None,
            checks: Vec::new(),
            rto: TimeDelta::minutes(10),
            rpo: TimeDelta::hours(26),
            every: TimeDelta::days(7),
            offset: TimeDelta::zero(),
            timeout: Duration::from_secs(3600),
            counts: Bounds::default(),
            commands: Vec::new(),
        }
    }

    fn checked(outcome: Outcome) -> Checked {
        Checked { check: "files".into(), method: String::new(), outcome, found: String::new(), output: None }
    }

    fn good(checks: &[Checked]) -> Measured<'_> {
        let (newest_age, usable_after) = (Some(TimeDelta::hours(1)), Some(TimeDelta::minutes(1)));
        Measured { newest_age, usable_after, checks, failed: &[], not_run: &[] }
    }

    #[test]
    fn a_pass_needs_everything_and_nothing_open() {
        let passed = [checked(Outcome::Passed)];
        let end = |measured| verdict(&drill(), &measured).0;
        assert_eq!(end(good(&passed)), DrillEnd::Passed);
        assert_eq!(end(good(&[])), DrillEnd::NotRun);
        assert_eq!(end(Measured { newest_age: None, ..good(&passed) }), DrillEnd::NotRun);
        assert_eq!(end(Measured { usable_after: None, ..good(&passed) }), DrillEnd::NotRun);
        let future = Some(TimeDelta::hours(-1));
        assert_eq!(end(Measured { newest_age: future, ..good(&passed) }), DrillEnd::NotRun);
        let stale = Some(TimeDelta::hours(27));
        assert_eq!(end(Measured { newest_age: stale, ..good(&passed) }), DrillEnd::Failed);
        let late = Some(TimeDelta::minutes(11));
        assert_eq!(end(Measured { usable_after: late, ..good(&passed) }), DrillEnd::Failed);
        let words = ["x".to_owned()];
        assert_eq!(end(Measured { not_run: &words, ..good(&passed) }), DrillEnd::NotRun);
        assert_eq!(end(Measured { failed: &words, ..good(&passed) }), DrillEnd::Failed);
    }

    #[test]
    fn what_did_not_run_is_no_pass_and_what_failed_counts_first() {
        let because = || "x".to_owned();
        let (not_run, failed) =
            (Outcome::NotRun { because: because() }, Outcome::Failed { because: because() });
        let some = [checked(Outcome::Passed), checked(not_run.clone())];
        assert_eq!(verdict(&drill(), &good(&some)), (DrillEnd::NotRun, "files did not run: x".into()));
        let all = [checked(not_run), checked(failed), checked(Outcome::Passed)];
        assert_eq!(verdict(&drill(), &good(&all)), (DrillEnd::Failed, "files: x".into()));
    }
}
