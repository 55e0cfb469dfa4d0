//! `files`: every file's bytes and metadata against the recovery point.

use super::{Check, Checked, Damage, FILES, Outcome, Trial, one};
use crate::domain::Kind;

/// Every entry of a restored tree is what the recovery point says.
pub struct Files;

const METHOD: &str =
    "SHA-256 of every chunk of every file, and metadata, against the recovery point's manifest";

impl Check for Files {
    fn id(&self) -> &'static str {
        FILES
    }

    fn page(&self) -> &'static str {
        include_str!("../../../docs/checks/files.md")
    }

    fn damage(&self, trial: &Trial<'_>) -> Option<Damage> {
        (!trial.is_image() && trial.restored.report.bytes > 0).then_some(Damage::FlippedByte)
    }

    fn look(&self, trial: &Trial<'_>) -> Vec<Checked> {
        if trial.is_image() {
            let because = "this recovery point is one image, not a tree: name the check `image`".into();
            return one(FILES, METHOD, Outcome::NotRun { because }, String::new());
        }
        one(FILES, METHOD, compared(trial), said(trial))
    }
}

/// Compares what lies there now with the recovery point.
pub(super) fn compared(trial: &Trial<'_>) -> Outcome {
    match trial.restored.compare_again(trial.vault, trial.monitor) {
        Ok(()) => Outcome::Passed,
        Err(problem) if problem.kind == Kind::Damaged => Outcome::Failed { because: problem.to_string() },
        Err(problem) => Outcome::NotRun { because: problem.to_string() },
    }
}

/// What was compared, and what could not be.
fn said(trial: &Trial<'_>) -> String {
    let report = &trial.restored.report;
    let mut said = format!("{} entries, {} bytes", report.entries, report.bytes);
    let kept = report.not_given;
    for (count, what) in [
        (report.devices_left_out, "device nodes not made"),
        (kept.ownership, "owners not set"),
        (kept.xattrs, "attributes not set"),
    ] {
        if count > 0 {
            said.push_str(&format!("; {count} {what}, and not compared"));
        }
    }
    said
}
