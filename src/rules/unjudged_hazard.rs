//! `unjudged-hazard`: does the policy ask for something that nothing here can judge?

use super::{Case, Rule};
use crate::domain::{HazardClass, Policy, Severity, Verdict};

/// Keeps a volume from being green while a class of hazard that its policy names is judged by no rule.
pub(super) struct UnjudgedHazard;

impl Rule for UnjudgedHazard {
    fn id(&self) -> &'static str {
        "unjudged-hazard"
    }

    fn title(&self) -> &'static str {
        "every hazard that the policy names is judged"
    }

    fn page(&self) -> &'static str {
        include_str!("../../docs/rules/unjudged-hazard.md")
    }

    fn severity(&self) -> Severity {
        Severity::High
    }

    fn remedy(&self) -> &'static str {
        "find out by hand what this hazard takes, or leave it out of the policy's `survive`"
    }

    fn is_asked(&self, policy: &Policy) -> bool {
        HazardClass::UNJUDGED.iter().any(|class| policy.survive.contains(class))
    }

    fn judge(&self, case: Case<'_>) -> Verdict {
        let asked = HazardClass::UNJUDGED.into_iter().filter(|class| case.policy.survive.contains(class));
        let missing: Vec<String> =
            asked.map(|class| format!("{}: {}", class.word(), what_is_missing(class))).collect();
        if missing.is_empty() {
            return Verdict::NotApplicable("the policy names no hazard that is not judged".into());
        }
        Verdict::Undetermined(missing.join("; "))
    }
}

fn what_is_missing(class: HazardClass) -> &'static str {
    match class {
        HazardClass::Credential => "it is not observed which credential may delete which recovery points",
        HazardClass::Identity => "it is not observed who can obtain which credential",
        HazardClass::Key => "it is not observed where the keys are that recovery points need",
        _ => "it is not observed which catalogue recovery points need",
    }
}
