//! The end of a night under signature: for which slots it answers, and what it did of each.

use crate::app::{Context, sign_ledger};
use crate::estate::{CopyEntry, Estate};
use crate::ledger::{Night, SpokenCopy};
use crate::report::activity::{NightVerdict, NightlyDone, TaskDone, TaskKind};
use std::time::Duration;

/// Signs the ledger with what the night speaks of, and copies it into the vaults. What could not be done is told, and the night is not
/// sound without it: somebody asked for evidence.
pub(super) fn sign(context: &Context, estate: &Estate, limit: Duration, done: &mut NightlyDone) {
    let outcome = |copy: &CopyEntry| {
        let is_this = |task: &&TaskDone| {
            task.task == TaskKind::Copy
                && task.volume.as_deref() == Some(copy.volume.0.as_str())
                && task.vault.as_deref() == Some(copy.to.as_str())
        };
        let task = done.tasks.iter().find(is_this);
        task.map_or_else(|| "nothing due".to_owned(), |task| task.outcome.word().to_lowercase())
    };
    let spoken = |copy: &CopyEntry| SpokenCopy {
        volume: copy.volume.0.clone(),
        vault: copy.to.clone(),
        every_seconds: copy.every.num_seconds(),
        offset_seconds: copy.offset.num_seconds(),
        outcome: outcome(copy),
    };
    let night = Night {
        began: done.started_at,
        deadline_seconds: estate.nightly.deadline.num_seconds(),
        copies: estate.copies.iter().map(spoken).collect(),
    };
    let wrong = sign_ledger(context, estate, Some(night), limit);
    if !wrong.is_empty() && !done.verdicts.contains(&NightVerdict::Undetermined) {
        done.verdicts.push(NightVerdict::Undetermined);
        done.verdicts.sort();
    }
    done.notices.extend(wrong);
}
