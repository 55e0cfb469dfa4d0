//! `no-recovery-point`: is there anything to restore from at all?

use super::{Case, Rule};
use crate::domain::{Severity, Usable, Verdict};
use crate::isolation::doubtful;

/// Fails where a volume has no usable recovery point.
pub(super) struct NoRecoveryPoint;

impl Rule for NoRecoveryPoint {
    fn id(&self) -> &'static str {
        "no-recovery-point"
    }

    fn title(&self) -> &'static str {
        "there is a usable recovery point"
    }

    fn page(&self) -> &'static str {
        include_str!("../../docs/rules/no-recovery-point.md")
    }

    fn severity(&self) -> Severity {
        Severity::Critical
    }

    fn remedy(&self) -> &'static str {
        "copy the volume into a vault now: outlive copy"
    }

    fn frameworks(&self) -> &'static [&'static str] {
        &["NIST SP 800-53r5 CP-9(1)", "ISO 27001:2022 A.8.13", "CIS 8.1 11.2"]
    }

    fn judge(&self, case: Case<'_>) -> Verdict {
        let usable = case.points().filter(|point| doubtful(point).is_none()).count();
        if usable > 0 {
            return Verdict::Pass(format!("usable recovery points: {usable}"));
        }
        let doubt = case.points().find_map(|point| {
            doubtful(point).map(|why| format!("{} is unproven: {why}", case.graph.point_label(&point.id)))
        });
        if let Some(why) = doubt.or_else(|| case.hidden()) {
            return Verdict::Undetermined(why);
        }
        let useless: Vec<&str> = case
            .graph
            .points_of(&case.volume.id)
            .filter_map(|point| match &point.usable {
                Usable::No(why) => Some(why.as_str()),
                Usable::Yes | Usable::Unproven(_) => None,
            })
            .collect();
        let because = match useless.as_slice() {
            [] => "no recovery point was found, and everything was seen".to_owned(),
            [why, ..] => format!("none of {} recovery points is usable: {why}", useless.len()),
        };
        Verdict::Fail(self.severity(), because)
    }
}
