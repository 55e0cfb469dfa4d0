//! What the ledger says of drills, folded by name.

use super::{DrillEnd, Event, Record};
use crate::domain::{Timestamp, VolumeId};
use std::collections::BTreeMap;

/// The last of a drill's runs that count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrillHistory {
    /// The volume of the last run.
    pub volume: VolumeId,
    /// The last run, however it ended.
    pub last: DrillRun,
    /// When the last run began that came to a verdict: its slot is served.
    pub last_tried_at: Option<Timestamp>,
    /// The last run that passed.
    pub last_passed: Option<DrillPass>,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrillRun {
    /// When it began.
    pub started_at: Timestamp,
    /// How it ended.
    pub outcome: DrillEnd,
    /// Why.
    pub because: String,
}

/// A run that passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrillPass {
    /// When it began.
    pub started_at: Timestamp,
    /// Milliseconds until the data was restored and checked.
    pub usable_after_milliseconds: Option<u64>,
    /// The recovery point's moment.
    pub taken_at: Option<Timestamp>,
}

/// Every drill that was ever recorded, by name and volume: a drill that was pointed at another volume proves nothing
/// of it.
pub fn drills(records: &[Record]) -> BTreeMap<(String, VolumeId), DrillHistory> {
    let mut all: BTreeMap<(String, VolumeId), DrillHistory> = BTreeMap::new();
    for record in records {
        let Event::Drilled {
            drill,
            volume,
            point,
            outcome,
            because,
            started_at,
            usable_after_milliseconds,
            ..
        } = &record.event
        else {
            continue;
        };
        let last = DrillRun { started_at: *started_at, outcome: *outcome, because: because.clone() };
        let history = all.entry((drill.clone(), volume.clone())).or_insert_with(|| DrillHistory {
            volume: volume.clone(),
            last: last.clone(),
            last_tried_at: None,
            last_passed: None,
        });
        history.last = last;
        if *outcome != DrillEnd::NotRun {
            history.last_tried_at = Some(*started_at);
        }
        if *outcome == DrillEnd::Passed {
            history.last_passed = Some(DrillPass {
                started_at: *started_at,
                usable_after_milliseconds: *usable_after_milliseconds,
                taken_at: point.as_ref().map(|point| point.taken_at),
            });
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::format::Digest;

    fn drilled(hour: i64, outcome: DrillEnd) -> Record {
        let at = Timestamp::UNIX_EPOCH + chrono::TimeDelta::hours(hour);
        let event = Event::Drilled {
            drill: "weekly".into(),
            run: "r".into(),
            volume: VolumeId("db".into()),
            vault: None,
            point: None,
            outcome,
            because: format!("hour {hour}"),
            started_at: at,
            usable_after_milliseconds: Some(7),
            record_sha256: None,
        };
        Record { schema: String::new(), seq: 0, at, prev: Digest([0; 32]), after_torn: false, event }
    }

    #[test]
    fn a_run_that_did_not_run_serves_no_slot_and_takes_no_pass_away() {
        let hour = |hour| Timestamp::UNIX_EPOCH + chrono::TimeDelta::hours(hour);
        let key = ("weekly".to_owned(), VolumeId("db".into()));
        let records =
            [drilled(1, DrillEnd::Passed), drilled(2, DrillEnd::Failed), drilled(3, DrillEnd::NotRun)];
        let history = drills(&records).remove(&key).unwrap();
        assert_eq!((history.last.outcome, history.last.started_at), (DrillEnd::NotRun, hour(3)));
        assert_eq!(history.last_tried_at, Some(hour(2)));
        assert_eq!(history.last_passed.unwrap().started_at, hour(1));
        let never = drills(&records[2..]).remove(&key).unwrap();
        assert_eq!((never.last_tried_at, never.last_passed), (None, None));
    }
}
