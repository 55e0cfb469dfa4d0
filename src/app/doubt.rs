//! Points that may be of something else than their volume: an unmounted mount point is an empty directory, what nobody signed
//! whose key is pinned may be anything, and what says that it is of a time to come is of another.

use crate::domain::{CopyState, Timestamp, VolumeKind};
use crate::ledger::History;
use crate::store::MOST_SKEW;
use crate::vault::format::{Digest, Root};
use crate::vault::{FoundRoot, Roots};
use std::collections::{BTreeMap, BTreeSet};

/// Why points are doubted, by their identity, at the moment `now`. Each is compared with the newest one before it, of the same
/// volume, that is complete and not doubted itself. A doubt ends where a person restored the point by its name,
/// and had it compared, so has seen what is in it; or where a later point shows that the volume was converted.
pub fn doubts(roots: &Roots, history: &History, now: Timestamp) -> BTreeMap<Digest, String> {
    let mut volumes: BTreeMap<&str, Line<'_>> = BTreeMap::new();
    let unsigned = roots.sound.iter().filter_map(|found| Some((found.id, found.signed.doubt()?)));
    // What is closed shows nothing of what it holds; what is not ours, nothing of what ours should be like.
    let shown = roots.sound.iter().filter(|found| found.root.is_complete() && !found.root.is_closed());
    let shown = shown.filter(|found| found.signed.is_trusted());
    let seen = |found: &FoundRoot| history.state(&found.record()) == Some(CopyState::Restored);
    // What somebody saw in a point says nothing of its time: that doubt stays until the time has come.
    let early = still_to_come(roots, now);
    for found in shown.filter(|found| !early.contains_key(&found.id)) {
        let seen = seen(found);
        volumes.entry(found.root.volume.0.as_str()).or_default().add(found, seen);
    }
    let doubted = volumes.into_values().flat_map(|line| line.doubted).map(|(found, why)| (found.id, why));
    doubted.chain(early).chain(unsigned).collect()
}

/// Points whose time is still to come, and would be taken for the newest for years. Where all of a volume are, it is the clock here that is
/// wrong, and nothing can be said.
pub fn still_to_come(roots: &Roots, now: Timestamp) -> BTreeMap<Digest, String> {
    let is_early = move |found: &FoundRoot| found.root.taken_at.signed_duration_since(now) > MOST_SKEW;
    let here: BTreeSet<&str> = roots
        .sound
        .iter()
        .filter(|found| !is_early(found) && found.root.is_complete() && found.signed.is_trusted())
        .map(|found| found.root.volume.0.as_str())
        .collect();
    let early = roots.sound.iter().filter(move |found| is_early(found));
    let early = early.filter(move |found| here.contains(found.root.volume.0.as_str())).map(|found| {
        let at = found.root.taken_at.format("%Y-%m-%d %H:%M:%SZ");
        let why = "a clock was wrong, or somebody made it who wants it to be taken for the newest";
        (found.id, format!("its time, {at}, is still to come: {why}"))
    });
    early.collect()
}

/// The complete points of one volume, oldest first, so far.
#[derive(Default)]
struct Line<'a> {
    trusted: Option<&'a Root>,
    doubted: Vec<(&'a FoundRoot, String)>,
}

impl<'a> Line<'a> {
    fn add(&mut self, found: &'a FoundRoot, seen: bool) {
        let why = self.trusted.and_then(|before| sign(before, &found.root));
        if let (Some(why), false) = (why, seen) {
            let trusted = self.trusted;
            let shown =
                |one: &FoundRoot| trusted.is_some_and(|before| was_converted(before, &one.root, &found.root));
            if !self.doubted.iter().any(|(one, _)| shown(one)) {
                self.doubted.push((found, why));
                return;
            }
            self.doubted.retain(|(one, _)| !shown(one));
        }
        self.trusted = Some(&found.root);
    }
}

/// What an unmounted mount point shows, and nothing else does: the directory below the filesystem, or no files.
fn sign(before: &Root, now: &Root) -> Option<String> {
    let (was, is) = (before.volume_kind, now.volume_kind);
    let (had, has) = (before.totals.files, now.totals.files);
    if unmounted(was, is) {
        return Some(format!("it was a {} before and is a {} now: was it mounted?", was.word(), is.word()));
    }
    (had > 0 && has == 0).then(|| format!("it had {had} files before and has none now: was it mounted?"))
}

/// True where what is there now may be what the one before was mounted on.
fn unmounted(was: VolumeKind, is: VolumeKind) -> bool {
    match was {
        VolumeKind::Filesystem => matches!(is, VolumeKind::Subvolume | VolumeKind::Directory),
        VolumeKind::Subvolume => is == VolumeKind::Directory,
        VolumeKind::Directory
        | VolumeKind::Image
        | VolumeKind::Device
        | VolumeKind::Stream
        | VolumeKind::Declared
        | VolumeKind::Provided => false,
    }
}

/// True where two points in a row, of the same new kind, each hold what was there before, or at least half as many
/// files. Less may be what came to lie below the mount point while nothing was mounted there.
fn was_converted(before: &Root, doubted: &Root, now: &Root) -> bool {
    let holds = |root: &Root| {
        let files = root.totals.files;
        files > 0 && files >= before.totals.files.div_ceil(2)
    };
    doubted.volume_kind == now.volume_kind && holds(doubted) && holds(now)
}
