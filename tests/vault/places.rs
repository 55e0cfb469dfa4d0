//! What is taken as unchanged without being read: how much that is, and what becomes of a source that says so of what has
//! changed.

use super::support::{Place, noise};
use crate::hand::fs;
use outlive::domain::{AssetId, Consistency, Result, Silent, Timestamp, Volume, VolumeId, VolumeKind};
use outlive::providers::files::TreeSource;
use outlive::vault::format::Origin;
use outlive::vault::{Content, CopyReport, CopyRequest, Item, Place as Lying, Places, Source, Vault, copy};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// What a source says of where a file lies: what it really knows, or this.
pub type Says = Arc<dyn Fn() -> Option<Places> + Send + Sync>;

/// A real tree of which it is counted how much is read, and that may lie.
struct Counted {
    tree: TreeSource,
    read: Arc<AtomicU64>,
    says: Option<Says>,
}

struct CountedContent {
    inner: Box<dyn Content>,
    read: Arc<AtomicU64>,
    says: Option<Says>,
}

impl Source for Counted {
    fn next(&mut self) -> Result<Option<Item>> {
        Ok(self.tree.next()?.map(|item| match item {
            Item::File(entry, inner) => {
                let (read, says) = (self.read.clone(), self.says.clone());
                Item::File(entry, Box::new(CountedContent { inner, read, says }))
            }
            other => other,
        }))
    }

    fn expected_bytes(&self) -> Option<u64> {
        self.tree.expected_bytes()
    }
}

impl Content for CountedContent {
    fn data_after(&mut self, offset: u64) -> std::result::Result<Option<(u64, u64)>, String> {
        self.inner.data_after(offset)
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> std::result::Result<usize, String> {
        let read = self.inner.read_at(offset, buffer)?;
        self.read.fetch_add(read as u64, Relaxed);
        Ok(read)
    }

    fn has_changed(&mut self) -> std::result::Result<bool, String> {
        self.inner.has_changed()
    }

    fn places(&mut self) -> Option<Places> {
        self.says.as_ref().map_or_else(|| self.inner.places(), |says| says())
    }
}

/// A vault beside which it is kept where files lay.
pub fn noting(place: &Place) -> Vault {
    place.vault.clone().noting_places(&place.path("state"))
}

/// Copies so many days from now, and counts the bytes that were read of files.
pub fn copy_counted(vault: &Vault, path: &Path, days: u64, says: Option<Says>) -> (CopyReport, u64) {
    let volume = Volume {
        id: VolumeId("test:/volume".into()),
        name: "/volume".into(),
        kind: VolumeKind::Directory,
        asset: AssetId("directory:test".into()),
    };
    let origin = Origin {
        host: "test".into(),
        path: path.as_os_str().as_encoded_bytes().into(),
        snapshot: None,
        consistency: Consistency::Live,
    };
    let clock = &move || -> Timestamp { chrono::Utc::now() + Duration::from_hours(24 * days) };
    let request = CopyRequest { volume: &volume, origin, taken_at: clock(), avoid: BTreeSet::new(), clock };
    let read = Arc::new(AtomicU64::new(0));
    let mut source = Counted { tree: TreeSource::open(path, Vec::new()).unwrap(), read: read.clone(), says };
    let report = copy(vault, &mut source, &request, &Silent).unwrap();
    assert_eq!(report.root.root.totals.missed, 0);
    (report, read.load(Relaxed))
}

const SIZE: usize = 9 << 20;
const BLOCK: u64 = 64 * 1024;

/// Says that all lies in one piece, at this count.
fn unmoved(count: u64) -> Option<Says> {
    let all = vec![Lying { offset: 0, length: SIZE as u64, piece: 1, origin: 0, written: 1 }];
    let places = Places { within: "a disk".into(), count, all };
    Some(Arc::new(move || Some(places.clone())))
}

/// One large file, copied once.
fn copied() -> (Place, Vault, PathBuf) {
    let place = Place::new();
    let original = place.path("original");
    fs::create_dir(&original).unwrap();
    fs::write(original.join("image"), noise(1, SIZE)).unwrap();
    let vault = noting(&place);
    let (first, read) = copy_counted(&vault, &original, 0, unmoved(1));
    assert_eq!((first.unread_bytes, read), (0, SIZE as u64));
    (place, vault, original)
}

/// Changes these blocks, and the file's times.
fn change(original: &Path, blocks: impl Iterator<Item = usize>) {
    let mut bytes = fs::read(original.join("image")).unwrap();
    blocks.for_each(|block| bytes[block * BLOCK as usize + 77] ^= 1);
    fs::write(original.join("image"), bytes).unwrap();
}

fn is_restored(place: &Place, original: &Path, name: &str) -> bool {
    fs::read(place.restore(name).join("image")).unwrap() == fs::read(original.join("image")).unwrap()
}

#[test]
fn what_lies_where_it_lay_is_not_read_but_for_a_sample() {
    let (place, vault, original) = copied();
    change(&original, 0..0);
    let (second, read) = copy_counted(&vault, &original, 1, unmoved(2));
    assert_eq!(read + second.unread_bytes, SIZE as u64);
    assert!((8 * BLOCK..=9 * BLOCK).contains(&read), "{read} bytes were read");
    assert!(second.untrue.is_empty() && second.written_bytes < 20_000, "{} written", second.written_bytes);
    assert!(is_restored(&place, &original, "restored"));
    // Not touched since: it is not read at all, and what is known of it is kept.
    std::thread::sleep(Duration::from_secs(3));
    change(&original, 0..0);
    copy_counted(&vault, &original, 1, unmoved(3));
    let (third, read) = copy_counted(&vault, &original, 2, unmoved(4));
    assert_eq!((third.unread_bytes, read), (0, 0));
    change(&original, 0..0);
    let (fourth, read) = copy_counted(&vault, &original, 3, unmoved(5));
    assert!(fourth.unread_bytes > 0 && read <= 9 * BLOCK, "{read} bytes were read");
}

#[test]
fn a_source_that_lies_of_everything_is_found_out_at_once_and_all_is_read() {
    let (place, vault, original) = copied();
    change(&original, 0..144);
    let (second, read) = copy_counted(&vault, &original, 1, unmoved(2));
    assert_eq!((second.unread_bytes, second.untrue.len()), (0, 1));
    assert_eq!(second.untrue[0].to_string(), "image");
    assert!(read >= SIZE as u64, "{read} bytes were read");
    assert!(is_restored(&place, &original, "second"));
    // Nothing of it is believed in the next copy either: not even that times tell an unchanged file.
    let (third, read) = copy_counted(&vault, &original, 2, unmoved(3));
    assert_eq!((third.unread_bytes, third.untrue.len(), read), (0, 0, SIZE as u64));
    let (fourth, read) = copy_counted(&vault, &original, 3, unmoved(4));
    assert_eq!((fourth.unread_bytes, fourth.untrue.len(), read), (0, 0, 0));
}

#[test]
fn a_source_that_lies_of_one_block_is_found_out_after_seven_days() {
    let (place, vault, original) = copied();
    let (mut hidden, mut days) = (false, 0);
    // The sample takes one in 18 blocks: it may find it at once, and then nothing is believed the next day.
    while !hidden && days < 7 {
        days += 1;
        change(&original, 50..51);
        let (copied, _) = copy_counted(&vault, &original, days, unmoved(1 + days));
        hidden = copied.untrue.is_empty() && copied.unread_bytes > 0;
    }
    assert!(hidden, "the sample has found it each time: nothing is tested");
    assert!(!is_restored(&place, &original, "hidden"), "it was no lie: nothing is tested");
    // Its times say that it did not change since, and it is read all the same.
    let (copied, read) = copy_counted(&vault, &original, 8 + days, unmoved(9 + days));
    assert_eq!((copied.unread_bytes, copied.untrue.len(), read), (0, 1, SIZE as u64));
    assert!(is_restored(&place, &original, "found"));
}

#[test]
fn where_what_was_kept_is_gone_large_files_are_read_once_though_their_times_say_nothing() {
    let (place, vault, original) = copied();
    let mut day = 0;
    // The sample may find it at once, and then nothing is believed the next day.
    let hidden = (0..7).any(|_| {
        day += 1;
        change(&original, 50..51);
        let (copied, _) = copy_counted(&vault, &original, day, unmoved(1 + day));
        copied.untrue.is_empty() && copied.unread_bytes > 0
    });
    assert!(hidden && !is_restored(&place, &original, "hidden"), "nothing is tested");
    fs::remove_dir_all(place.path("state")).unwrap();
    let vault = noting(&place);
    let (_, read) = copy_counted(&vault, &original, day, unmoved(2 + day));
    assert_eq!(read, SIZE as u64);
    assert!(is_restored(&place, &original, "found"));
    // Once it is known, times are believed again.
    let (_, read) = copy_counted(&vault, &original, day, unmoved(3 + day));
    assert_eq!(read, 0);
}

#[test]
fn what_is_said_within_another_place_or_at_an_earlier_count_is_not_believed() {
    let elsewhere = || {
        let places = unmoved(2).unwrap()().unwrap();
        Some(Arc::new(move || Some(Places { within: "another disk".into(), ..places.clone() })) as Says)
    };
    for says in [unmoved(0), elsewhere(), Some(Arc::new(|| None) as Says)] {
        let (place, vault, original) = copied();
        change(&original, 0..144);
        let (second, read) = copy_counted(&vault, &original, 1, says);
        assert_eq!((second.unread_bytes, second.untrue.len(), read), (0, 0, SIZE as u64));
        assert!(is_restored(&place, &original, "second"));
    }
}

#[test]
fn what_is_kept_counts_only_beside_the_point_it_was_kept_of() {
    // Made from another state directory in between, lost, and damaged in every tenth byte.
    let (place, vault, original) = copied();
    change(&original, 0..144);
    copy_counted(&place.vault, &original, 0, None);
    change(&original, 0..144);
    let (third, read) = copy_counted(&vault, &original, 1, unmoved(2));
    assert_eq!((third.unread_bytes, third.untrue.len(), read), (0, 0, SIZE as u64));
    let mut kept: Vec<PathBuf> = vec![place.path("state")];
    while kept[0].is_dir() {
        kept = fs::read_dir(&kept[0]).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(kept.len(), 1, "{kept:?}");
    }
    let bytes = fs::read(&kept[0]).unwrap();
    for (day, at) in (2..).zip((0..bytes.len()).step_by(bytes.len() / 10)) {
        let mut spoilt = bytes.clone();
        spoilt[at] ^= 0x10;
        fs::write(&kept[0], &spoilt[..spoilt.len() - at % 2]).unwrap();
        change(&original, 0..1);
        let (copied, _) = copy_counted(&vault, &original, day, None);
        assert_eq!((copied.unread_bytes, copied.untrue.len()), (0, 0), "byte {at}");
        assert!(is_restored(&place, &original, &format!("spoilt-{at}")));
    }
}
