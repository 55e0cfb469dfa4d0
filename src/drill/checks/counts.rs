//! `counts`: how much there is, against the recovery point and against what the drill expects.

use super::{COUNTS, Check, Checked, Damage, Outcome, Trial, one};
use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// As many entries, files and bytes as the recovery point says, no more and no fewer, and within the drill's bounds.
pub struct Counts;

const METHOD: &str =
    "entries, files and bytes counted in what was restored, against the root's totals and the bounds";

/// What is counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Counted {
    /// All entries, the top one included.
    entries: u64,
    /// Regular files, other names of one not counted.
    files: u64,
    /// Their sizes.
    bytes: u64,
}

impl Check for Counts {
    fn id(&self) -> &'static str {
        COUNTS
    }

    fn page(&self) -> &'static str {
        include_str!("../../../docs/checks/counts.md")
    }

    fn damage(&self, trial: &Trial<'_>) -> Option<Damage> {
        Some(if trial.is_image() { Damage::ExtraByte } else { Damage::ExtraFile })
    }

    fn look(&self, trial: &Trial<'_>) -> Vec<Checked> {
        let mut counted = Counted::default();
        let mut names = BTreeSet::new();
        if let Err(error) = count(&trial.restored.target, &mut names, &mut counted, trial) {
            let because = format!("what was restored could not be counted: {error}");
            return one(COUNTS, METHOD, Outcome::NotRun { because }, String::new());
        }
        let wrong = differences(&counted, trial);
        let found = format!("{} entries, {} files, {} bytes", counted.entries, counted.files, counted.bytes);
        let outcome =
            if wrong.is_empty() { Outcome::Passed } else { Outcome::Failed { because: wrong.join("; ") } };
        one(COUNTS, METHOD, outcome, found)
    }
}

fn differences(counted: &Counted, trial: &Trial<'_>) -> Vec<String> {
    let totals = &trial.restored.point.root.totals;
    let entries = totals.entries.saturating_sub(trial.restored.report.devices_left_out);
    let pairs = [
        ("entries", counted.entries, entries),
        ("files", counted.files, totals.files),
        ("bytes", counted.bytes, totals.bytes),
    ];
    let unlike = pairs.into_iter().filter(|(_, found, stored)| found != stored);
    let mut wrong: Vec<String> = unlike
        .map(|(what, found, stored)| format!("{found} {what}, the recovery point has {stored}"))
        .collect();
    let bounds = &trial.drill.counts;
    let limits = [
        ("files", counted.files, bounds.least.0, bounds.most.0),
        ("bytes", counted.bytes, bounds.least.1, bounds.most.1),
    ];
    for (what, found, least, most) in limits {
        if let Some(least) = least.filter(|least| found < *least) {
            wrong.push(format!("{found} {what}, at least {least} are expected"));
        }
        if let Some(most) = most.filter(|most| found > *most) {
            wrong.push(format!("{found} {what}, at most {most} are expected"));
        }
    }
    wrong
}

fn count(
    path: &Path,
    names: &mut BTreeSet<(u64, u64)>,
    counted: &mut Counted,
    trial: &Trial<'_>,
) -> std::io::Result<()> {
    let mut waiting = vec![path.to_path_buf()];
    while let Some(path) = waiting.pop() {
        if trial.monitor.cancelled() {
            return Err(std::io::Error::other("stopped as asked"));
        }
        let seen = std::fs::symlink_metadata(&path)?;
        counted.entries += 1;
        if seen.is_dir() {
            for entry in std::fs::read_dir(&path)? {
                waiting.push(entry?.path());
            }
        } else if seen.is_file() && (seen.nlink() == 1 || names.insert((seen.dev(), seen.ino()))) {
            counted.files += 1;
            counted.bytes += seen.len();
        }
    }
    Ok(())
}
