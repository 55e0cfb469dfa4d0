//! What counts as unchanged since the point before, on a filesystem whose clock ticks slowly: a change within
//! one tick leaves size, times and inode as they were.

use super::source::copy_from;
use super::support::{Place, noise};
use crate::hand::fs;
use outlive::domain::{Result, Timestamp};
use outlive::providers::files::TreeSource;
use outlive::vault::format::Moment;
use outlive::vault::{CopyReport, Item, Source};
use std::path::Path;
use std::time::Duration;

/// When the first copy begins, in Unix seconds.
const STARTED: i64 = 1_900_000_000;

/// A real tree whose every time is the one tick in which everything happened.
struct OneTick {
    tree: TreeSource,
    tick: Moment,
}

impl Source for OneTick {
    fn next(&mut self) -> Result<Option<Item>> {
        let mut item = self.tree.next()?;
        if let Some(Item::Plain(entry) | Item::Boundary(entry) | Item::File(entry, _)) = &mut item {
            (entry.ctime, entry.meta.mtime) = (self.tick, self.tick);
        }
        Ok(item)
    }

    fn expected_bytes(&self) -> Option<u64> {
        self.tree.expected_bytes()
    }
}

/// Copies at this moment what last changed in that tick.
pub fn copy_at(place: &Place, path: &Path, now: Timestamp, tick: i64) -> CopyReport {
    let tick = Moment { seconds: tick, nanoseconds: 0 };
    let mut source = OneTick { tree: TreeSource::open(path, Vec::new()).unwrap(), tick };
    let report = copy_from(place, &mut source, now);
    let totals = &report.root.root.totals;
    assert_eq!((totals.files, totals.missed, totals.unsettled), (2, 0, 0));
    report
}

/// Changes a small and a large file without any trace in size, times and inode, the tick lying this many
/// seconds after the start of the copy before; true where the next point holds what is there now.
fn notices_a_change(tick_after_start: i64) -> bool {
    let place = Place::new();
    let original = place.path("original");
    fs::create_dir(&original).unwrap();
    // Within one chunk, and of several units.
    let sizes = [("small", 900), ("large", 2_000_000)];
    let write = |seed| sizes.map(|(name, size)| fs::write(original.join(name), noise(seed, size)).unwrap());
    // Half a second past the full one, as a start mostly is.
    let started = chrono::DateTime::from_timestamp(STARTED, 500_000_000).unwrap();
    let tick = STARTED + tick_after_start;
    write(1);
    copy_at(&place, &original, started, tick);
    write(2);
    copy_at(&place, &original, started + Duration::from_hours(24), tick);
    let restored = place.restore("restored");
    let seeds = sizes.map(|(name, size)| {
        let bytes = fs::read(restored.join(name)).unwrap();
        (1..=2).find(|seed| bytes == noise(*seed, size)).expect("neither what was there nor what is there")
    });
    assert_eq!(seeds[0], seeds[1], "a small and a large file fare differently");
    seeds[0] == 2
}

#[test]
fn a_file_that_changed_around_the_start_of_the_copy_before_is_read_again() {
    for tick_after_start in [-2, -1, 0, 1, 3600] {
        assert!(notices_a_change(tick_after_start), "{tick_after_start} s after the start: the old content");
    }
    // What had settled is not read: the change made here leaves no trace, and none is claimed to be seen.
    assert!(!notices_a_change(-3), "the files could be told apart: nothing was tested");
}
