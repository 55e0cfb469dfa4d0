//! Which files are no copies of their own: hard links of a volume's files, and reflinks, which share bytes with them.

use super::sample;
use crate::domain::VolumeId;
use crate::providers::local::ioctl::extents_from;
use crate::providers::local::place::Place;
use std::collections::BTreeSet;
use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// `FIEMAP_EXTENT_LAST`, and `FIEMAP_EXTENT_SHARED`: other files or snapshots use these bytes too.
const LAST: u32 = 1;
const SHARED: u32 = 0x2000;
/// Extents whose place on the filesystem means nothing: unknown, not written yet, or among metadata.
const NOWHERE: u32 = 0x2 | 0x4 | 0x200;

/// Filesystems that can share bytes between files and tell so.
const SHARING: &[&str] = &["btrfs", "xfs", "bcachefs", "ocfs2"];

/// How many parts of a file, and of all files of a volume, are compared.
const MOST_OF_FILE: usize = 1 << 14;
const MOST_OF_VOLUME: usize = 1 << 18;

/// What of a volume's files can be shared with files elsewhere.
#[derive(Debug, Clone)]
pub(in crate::providers::local) struct Index {
    /// The volume.
    pub(super) volume: VolumeId,
    /// Its path, every link followed.
    pub(super) path: PathBuf,
    /// True where it is one file, in contrast to a tree.
    pub(super) is_file: bool,
    /// The filesystem, as the table of mounts numbers it.
    device: (u32, u32),
    can_share: bool,
    linked: BTreeSet<(u64, u64)>,
    /// Where shared bytes begin and end; disjoint and in order once settled.
    spans: Vec<(u64, u64)>,
    /// True where there was more than is kept.
    pub(super) is_cut: bool,
}

impl Index {
    pub(super) fn new(volume: VolumeId, place: &Place, is_file: bool) -> Self {
        Self {
            volume,
            path: place.path.clone(),
            is_file,
            device: place.mount.device,
            can_share: can_share(place),
            linked: BTreeSet::new(),
            spans: Vec::new(),
            is_cut: false,
        }
    }

    /// Adds a file of the volume.
    pub(super) fn add(&mut self, path: &Path, seen: &Metadata) {
        if seen.nlink() > 1 {
            self.linked.insert((seen.dev(), seen.ino()));
        }
        if !self.can_share || seen.len() == 0 || self.spans.len() >= MOST_OF_VOLUME {
            self.is_cut |= self.spans.len() >= MOST_OF_VOLUME;
            return;
        }
        // What cannot be opened is counted where it is looked at for its content.
        if let Ok(file) = sample::open(path) {
            let (spans, is_cut) = spans(&file);
            self.is_cut |= is_cut;
            self.spans.extend(spans);
        }
    }

    /// To be called once all files are in.
    pub(super) fn settle(&mut self) {
        self.spans.sort_unstable();
        let mut merged: Vec<(u64, u64)> = Vec::new();
        for &(start, end) in &self.spans {
            match merged.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ => merged.push((start, end)),
            }
        }
        self.spans = merged;
    }

    /// True for one of the volume's own files under another name.
    pub(super) fn is_link(&self, seen: &Metadata) -> bool {
        seen.nlink() > 1 && self.linked.contains(&(seen.dev(), seen.ino()))
    }

    /// How many bytes of a file elsewhere, on the filesystem of `place`, are the volume's.
    pub(super) fn shared_bytes(&self, device: (u32, u32), path: &Path, seen: &Metadata) -> u64 {
        if !self.can_share || self.device != device || self.spans.is_empty() || seen.len() == 0 {
            return 0;
        }
        let Ok(file) = sample::open(path) else { return 0 };
        spans(&file).0.into_iter().map(|span| self.overlap(span)).sum()
    }

    fn overlap(&self, (start, end): (u64, u64)) -> u64 {
        let first = self.spans.partition_point(|span| span.1 <= start);
        let within = self.spans.iter().skip(first).take_while(|span| span.0 < end);
        within.map(|span| span.1.min(end).saturating_sub(span.0.max(start))).sum()
    }
}

fn can_share(place: &Place) -> bool {
    SHARING.contains(&place.mount.kind.as_str())
}

/// The shared spans of a file, and whether it has more than were read. A file that cannot be asked shares nothing
/// that could be told.
fn spans(file: &File) -> (Vec<(u64, u64)>, bool) {
    let (mut found, mut start, mut read) = (Vec::new(), 0, 0);
    while let Ok(extents) = extents_from(file, start) {
        let Some(last) = extents.last() else { return (found, false) };
        read += extents.len();
        let shared = extents.iter().filter(|it| it.flags & SHARED != 0 && it.flags & NOWHERE == 0);
        found.extend(shared.map(|it| (it.physical, it.physical.saturating_add(it.length))));
        let next = last.logical.saturating_add(last.length);
        if last.flags & LAST != 0 || next <= start {
            return (found, false);
        }
        if read >= MOST_OF_FILE {
            return (found, true);
        }
        start = next;
    }
    (found, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_spans_are_counted_once() {
        let mut index = Index {
            volume: VolumeId("v".into()),
            path: "/v".into(),
            is_file: true,
            device: (0, 1),
            can_share: true,
            linked: BTreeSet::new(),
            spans: vec![(30, 40), (0, 10), (5, 20)],
            is_cut: false,
        };
        index.settle();
        assert_eq!(index.spans, [(0, 20), (30, 40)]);
        for (span, bytes) in [((0, 40), 30), ((19, 31), 2), ((20, 30), 0), ((35, 90), 5), ((40, 50), 0)] {
            assert_eq!(index.overlap(span), bytes, "{span:?}");
        }
    }
}
