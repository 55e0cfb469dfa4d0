//! The runbooks at the end of a night: from what was judged last, written here and into every vault.

use crate::app::{Audited, Context, keep_runbooks, runbooks_of};
use crate::estate::Estate;
use crate::ledger::Ledger;
use crate::report::activity::{NightVerdict, NightlyDone};
use std::time::Duration;

/// Writes the runbooks. Where that could not be done the night is not sound: whoever needs one finds an old page.
pub(super) fn write(
    context: &Context,
    estate: &Estate,
    audited: Option<&Audited>,
    (ledger, limit): (&mut Ledger, Duration),
    done: &mut NightlyDone,
) {
    if estate.volumes.is_empty() {
        return;
    }
    let Some(audited) = audited else {
        done.notices.push(
            "the runbooks are those of an earlier night: nobody waited until the estate was seen".into(),
        );
        return;
    };
    let kept = match runbooks_of(context, estate, audited, None, limit) {
        Ok(made) => keep_runbooks(context, estate, made, ledger, limit),
        Err(problem) => {
            failed(done, vec![format!("the runbooks are not made: {problem}")]);
            return;
        }
    };
    done.runbooks = kept.written;
    done.notices.extend(kept.notices);
    failed(done, kept.problems);
}

fn failed(done: &mut NightlyDone, problems: Vec<String>) {
    if !problems.is_empty() && !done.verdicts.contains(&NightVerdict::Undetermined) {
        done.verdicts.push(NightVerdict::Undetermined);
        done.verdicts.sort();
    }
    done.notices.extend(problems);
}
