//! `cut-order`: do fewer acts than the policy allows lose everything within the RPO?

use super::{Case, Rule};
use crate::domain::{Policy, Severity, Verdict};
use crate::isolation::{CutSet, Sets};

/// Compares the smallest minimal cut set with what the policy asks for.
pub(super) struct CutOrder;

impl Rule for CutOrder {
    fn id(&self) -> &'static str {
        "cut-order"
    }

    fn title(&self) -> &'static str {
        "it takes several independent acts to lose everything within the RPO"
    }

    fn page(&self) -> &'static str {
        include_str!("../../docs/rules/cut-order.md")
    }

    fn severity(&self) -> Severity {
        Severity::Critical
    }

    fn remedy(&self) -> &'static str {
        "keep a recovery point that none of these acts reaches: another account, another credential, under lock"
    }

    fn frameworks(&self) -> &'static [&'static str] {
        &["NIST SP 800-53r5 CP-9(3)", "NIST SP 800-53r5 CP-6(1)", "CIS 8.1 11.4"]
    }

    fn is_asked(&self, policy: &Policy) -> bool {
        policy.min_cut_order > 1
    }

    fn judge(&self, case: Case<'_>) -> Verdict {
        let asked = case.policy.min_cut_order;
        if asked <= 1 {
            return Verdict::NotApplicable("the policy asks for no number of acts".into());
        }
        let smaller = |sets: &Sets| sets.sets.iter().copied().find(|set| set.order() < asked);
        if let Some(set) = smaller(&case.cuts.certain) {
            return Verdict::Fail(
                self.severity(),
                format!("{} (the policy asks for {asked})", say(case, set)),
            );
        }
        if let Some(set) = smaller(&case.cuts.possible) {
            return Verdict::Undetermined(format!("perhaps {}", say(case, set)));
        }
        if case.survival.rows.is_empty() {
            return Verdict::Undetermined("what the volume stands on was not seen".into());
        }
        // What is not computed is not known to be enough.
        let reached = case.cuts.possible.complete_to;
        if asked > reached + 1 {
            return Verdict::Undetermined(format!("sets of more than {reached} acts are not computed"));
        }
        Verdict::Pass(format!(
            "no {} acts of the classes asked for lose everything within the RPO",
            asked - 1
        ))
    }
}

fn say(case: Case<'_>, set: CutSet) -> String {
    let titles: Vec<&str> = set
        .events()
        .filter_map(|event| case.cuts.events.get(event))
        .map(|event| event.title.as_str())
        .collect();
    let acts = if titles.len() == 1 { "act loses" } else { "acts lose" };
    format!("{} {acts} everything within the RPO: {}", titles.len(), titles.join(" + "))
}
