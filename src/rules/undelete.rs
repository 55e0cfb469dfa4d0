//! `undelete-window-only`: once the volume is deleted, is the provider's undelete window all there is?

use super::{Case, Rule};
use crate::domain::{Grace, RecoveryPoint, Severity, Verdict, say_duration};
use crate::isolation::{Fate, fate};
use chrono::TimeDelta;

/// Fails where no recent point survives the volume's deletion, and some can be had back for a while.
pub(super) struct UndeleteWindowOnly;

impl Rule for UndeleteWindowOnly {
    fn id(&self) -> &'static str {
        "undelete-window-only"
    }

    fn title(&self) -> &'static str {
        "more than an undelete window is left of a deleted volume"
    }

    fn page(&self) -> &'static str {
        include_str!("../../docs/rules/undelete-window-only.md")
    }

    fn severity(&self) -> Severity {
        Severity::High
    }

    fn remedy(&self) -> &'static str {
        "keep a recent recovery point that needs no undelete: outlive copy, into a vault elsewhere"
    }

    fn frameworks(&self) -> &'static [&'static str] {
        &["UK NCSC P1", "NIST SP 800-53r5 CP-9(3)"]
    }

    fn judge(&self, case: Case<'_>) -> Verdict {
        if let Some(verdict) = case.no_points() {
            return verdict;
        }
        let Some(row) = case.deletion() else {
            return Verdict::Undetermined("what the volume stands on was not seen".into());
        };
        let left = case.left(row);
        if let Some(point) = left.kept {
            return Verdict::Pass(format!("{} survives {}", case.label(point), row.title));
        }
        if let Some(why) = left.open {
            return Verdict::Undetermined(why);
        }
        let windows = left
            .dead
            .iter()
            .filter_map(|point| Some((span(case.graph.undelete_window(&point.id)?)?, case.label(point))));
        // What goes along in several steps has the window of one of them.
        let hazards = || [row.hazard.clone()].into();
        let stepwise = |point: &&RecoveryPoint| match fate(
            case.graph,
            &point.id,
            &hazards(),
            case.policy.detect_within,
            case.now,
        ) {
            Fate::Dies { grace: Some(grace), .. } => Some((span(grace)?, case.label(point))),
            _ => None,
        };
        let through = || row.grace.and_then(|_| left.dead.iter().filter_map(stepwise).max());
        match windows.max().or_else(through) {
            None => match left.dead.iter().find_map(|point| case.graph.open_windows(&point.id)) {
                Some(why) => Verdict::Undetermined(why),
                None => Verdict::NotApplicable(
                    "nothing recent that is deleted along with the volume has an undelete window".into(),
                ),
            },
            Some((window, label)) => {
                let (title, window) = (&row.title, say_duration(window));
                let because = format!(
                    "after {title}, {label} can be had back for {window}, and then nothing recent is left"
                );
                Verdict::Fail(self.severity(), because)
            }
        }
    }
}

fn span(grace: Grace) -> Option<TimeDelta> {
    TimeDelta::try_seconds(i64::try_from(grace.seconds).ok()?)
}
