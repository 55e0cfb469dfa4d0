//! Points that may be of something else than their volume: an unmounted mount point is an empty directory.

use crate::domain::CopyState;
use crate::ledger::History;
use crate::vault::format::{Digest, Root};
use crate::vault::{FoundRoot, Roots};
use std::collections::BTreeMap;

/// Why points are doubted, by their identity. Each is compared with the newest one before it, of the same
/// volume, that is complete and not doubted itself. Whoever restored a point by its name, and had it
/// compared, has seen what is in it: then it is doubted no more.
pub fn doubts(roots: &Roots, history: &History) -> BTreeMap<Digest, String> {
    let mut trusted: BTreeMap<&str, &FoundRoot> = BTreeMap::new();
    let mut doubted = BTreeMap::new();
    for found in roots.sound.iter().filter(|found| found.root.is_complete()) {
        let volume = found.root.volume.0.as_str();
        let why = trusted.get(volume).and_then(|before| differs(&before.root, &found.root));
        match why.filter(|_| history.state(&found.record()) != Some(CopyState::Restored)) {
            Some(why) => drop(doubted.insert(found.id, why)),
            None => drop(trusted.insert(volume, found)),
        }
    }
    doubted
}

fn differs(before: &Root, now: &Root) -> Option<String> {
    let (was, is) = (before.volume_kind, now.volume_kind);
    if was != is {
        return Some(format!("it was a {} before and is a {} now: was it mounted?", was.word(), is.word()));
    }
    let (had, has) = (before.totals.files, now.totals.files);
    (had > 0 && has == 0).then(|| format!("it had {had} files before and has none now: was it mounted?"))
}
