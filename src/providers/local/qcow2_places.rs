//! qcow2: which clusters of an image a bitmap in it calls clean, and where they lie. QEMU marks in a persistent bitmap what
//! the guest writes; nobody but QEMU can clear a mark. Only bitmaps are used whose name says that they were made for this,
//! because whoever else keeps one clears it when they think fit.

use crate::vault::{MOST_PLACES, Place, Places};
use rustix::fs::{AtFlags, StatxFlags};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::time::{SystemTime, UNIX_EPOCH};

/// How an image begins.
const MAGIC: &[u8] = b"QFI\xfb";
/// How the name of a bitmap begins that was made for this.
const NAME: &[u8] = b"outlive";
/// The header as version 3 has it, in bytes.
const HEADER: usize = 104;
/// The extension of the header that tells of bitmaps.
const BITMAPS: u32 = 0x2385_2875;
/// Of the features that a reader must know: that clusters may be compressed otherwise. Any other one keeps us away.
const OTHER_COMPRESSION: u64 = 1 << 3;
/// Of the features that a writer must know, or clear: what the bitmaps say is true.
const BITMAPS_HOLD: u64 = 1;
/// The flags of a bitmap that marks what is written, and that nobody is at work on or left half-way.
const ENABLED: u32 = 1 << 1;
/// Bits 9 to 55 of an entry say where something lies.
const OFFSET: u64 = 0x00ff_ffff_ffff_fe00;
/// Of an entry for a cluster: only the guest's present state refers to it; it is compressed; it reads as zeros.
const COPIED: u64 = 1 << 63;
const COMPRESSED: u64 = 1 << 62;
const ZERO: u64 = 1;
/// One table is read up to so many bytes, a bitmap up to so many, and all tables of clusters together up to so many.
const MOST_TABLE: u64 = 16 << 20;
const MOST_BITS: usize = 64 << 20;
const MOST_TABLES: u64 = 256 << 20;

/// An image, as far as it matters here.
struct Image {
    file: File,
    cluster_bits: u32,
    /// What the guest sees, in bytes.
    size: u64,
    l1: (u64, u64),
    bitmaps: (u64, u64),
}

/// A bitmap of what was written.
struct Bitmap {
    name: Vec<u8>,
    table: (u64, u64),
    granularity: u32,
    bits: Vec<u8>,
}

/// True for a file that begins as an image does.
pub(in crate::providers) fn is_image(file: &OwnedFd) -> bool {
    let mut start = [0; 4];
    rustix::io::pread(file, &mut start, 0).is_ok_and(|read| start[..read] == *MAGIC)
}

/// Where the clusters of the image `file` lie, and which are as they were; `None` where it is no image, has no such bitmap,
/// or anything about it is unusual.
pub(in crate::providers) fn places_in_image(file: &OwnedFd) -> Option<Places> {
    let itself = itself(file)?;
    let image = Image::open(File::from(file.try_clone().ok()?))?;
    let bitmap = image.bitmap()?;
    // Later than any that is known. What is marked gets it, so that it is never taken for what it was.
    let now = u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_nanos()).ok()?;
    let all = image.clusters(&bitmap, now)?;
    let name: String = bitmap.name.iter().map(|byte| format!("{byte:02x}")).collect();
    let (size, clusters, granularity) = (image.size, image.cluster_bits, bitmap.granularity);
    let within = format!("qcow2 in {itself} of {size} in {clusters}, bitmap {name} in {granularity}");
    Some(Places { within, count: now, all })
}

/// What the file that holds the image is told by: its inode, and as inodes are used again, when that was made and on which filesystem.
fn itself(file: &OwnedFd) -> Option<String> {
    let flags = StatxFlags::INO | StatxFlags::BTIME;
    let stat = rustix::fs::statx(file, c"", AtFlags::EMPTY_PATH, flags).ok()?;
    let filesystem = rustix::fs::fstatvfs(file).ok()?.f_fsid;
    let is_known = stat.stx_mask & flags.bits() == flags.bits();
    let (device, made) = ((stat.stx_dev_major, stat.stx_dev_minor), stat.stx_btime);
    is_known.then(|| {
        format!(
            "{}:{}:{filesystem:x} {} {}.{:09}",
            device.0, device.1, stat.stx_ino, made.tv_sec, made.tv_nsec
        )
    })
}

impl Image {
    fn open(file: File) -> Option<Self> {
        let mut header = [0; HEADER];
        file.read_exact_at(&mut header, 0).ok()?;
        let (short, long) = (|at| u32_at(&header, at), |at| u64_at(&header, at));
        let is_usual = header.starts_with(MAGIC)
            && short(4)? == 3
            && long(8)? == 0 // no file below
            && short(32)? == 0 // not encrypted
            && short(60)? == 0 // no snapshots inside
            && long(72)? & !OTHER_COMPRESSION == 0
            && long(88)? & BITMAPS_HOLD != 0;
        let cluster_bits = short(20).filter(|bits| is_usual && (9..=21).contains(bits))?;
        let l1 = (long(40)?, u64::from(short(36)?));
        let length = u64::from(short(100)?);
        let image = Self { file, cluster_bits, size: long(24)?, l1, bitmaps: (0, 0) };
        let bitmaps = image.extension(length)?;
        Some(Self { bitmaps, ..image })
    }

    /// Where the list of bitmaps lies, and how long it is.
    fn extension(&self, from: u64) -> Option<(u64, u64)> {
        // Extensions lie in the first cluster.
        let first = self.read(0, 1 << self.cluster_bits)?;
        let mut at = usize::try_from(from).ok().filter(|at| *at >= HEADER)?;
        loop {
            let (kind, length) = (u32_at(&first, at)?, usize::try_from(u32_at(&first, at + 4)?).ok()?);
            match kind {
                0 => return None,
                BITMAPS => return Some((u64_at(&first, at + 24)?, u64_at(&first, at + 16)?)),
                _ => at = at.checked_add(8)?.checked_add(length.checked_next_multiple_of(8)?)?,
            }
        }
    }

    /// The first by name of those that were made for this, where it holds.
    fn bitmap(&self) -> Option<Bitmap> {
        let list = self.read(self.bitmaps.0, self.bitmaps.1)?;
        let (mut at, mut found) = (0, None::<(Vec<u8>, usize)>);
        while at < list.len() {
            let extra = usize::try_from(u32_at(&list, at + 20)?).ok()?;
            let named = (at + 24).checked_add(extra)?;
            let length = usize::from(u16::from_be_bytes(list.get(at + 18..)?.get(..2)?.try_into().ok()?));
            let name = list.get(named..)?.get(..length)?;
            if name.starts_with(NAME) && found.as_ref().is_none_or(|(other, _)| name < other.as_slice()) {
                found = Some((name.to_vec(), at));
            }
            at = (named + length).checked_next_multiple_of(8)?;
        }
        let (name, at) = found?;
        let flags = u32_at(&list, at + 12)?;
        let (kind, granularity) = (*list.get(at + 16)?, u32::from(*list.get(at + 17)?));
        let is_usual = flags == ENABLED && kind == 1 && u32_at(&list, at + 20)? == 0;
        let table = (u64_at(&list, at)?, u64::from(u32_at(&list, at + 8)?));
        let bitmap = Bitmap { name, table, granularity, bits: Vec::new() };
        let bits = self.bits(&bitmap).filter(|_| is_usual)?;
        Some(Bitmap { bits, ..bitmap })
    }

    /// All bits of a bitmap: one for each so many bytes that the guest sees, from the lowest of the first byte on.
    fn bits(&self, bitmap: &Bitmap) -> Option<Vec<u8>> {
        if !(9..=31).contains(&bitmap.granularity) {
            return None;
        }
        let wanted = self.size.div_ceil(1 << bitmap.granularity).div_ceil(8);
        let wanted = usize::try_from(wanted).ok().filter(|wanted| *wanted <= MOST_BITS)?;
        let cluster = 1_usize << self.cluster_bits;
        if bitmap.table.1 != wanted.div_ceil(cluster) as u64 {
            return None;
        }
        let table = self.read(bitmap.table.0, bitmap.table.1.checked_mul(8)?)?;
        let mut bits = Vec::with_capacity(bitmap.table.1 as usize * cluster);
        for entry in entries(&table) {
            match (entry & OFFSET, entry & !OFFSET) {
                (0, all @ (0 | 1)) => bits.resize(bits.len() + cluster, if all == 1 { 0xff } else { 0 }),
                (offset, 0) => bits.extend(self.read(offset, cluster as u64)?),
                _ => return None,
            }
        }
        Some(bits)
    }

    /// Where the clusters lie that hold what the guest sees, in order of where they lie.
    fn clusters(&self, bitmap: &Bitmap, now: u64) -> Option<Vec<Place>> {
        let (cluster, in_table) = (1_u64 << self.cluster_bits, 1_u64 << (self.cluster_bits - 3));
        let tables = self.size.div_ceil(cluster).div_ceil(in_table);
        if self.l1.1 < tables {
            return None;
        }
        let l1 = self.read(self.l1.0, tables.checked_mul(8)?)?;
        let used = |entry: &u64| entry & OFFSET != 0;
        if (entries(&l1).filter(used).count() as u64).checked_mul(cluster)? > MOST_TABLES {
            return None;
        }
        let mut all: Vec<Place> = Vec::new();
        for (number, entry) in (0_u64..).zip(entries(&l1)).filter(|(_, entry)| used(entry)) {
            let l2 = self.read(entry & OFFSET, cluster)?;
            for (at, entry) in (0_u64..).zip(entries(&l2)) {
                let guest = (number * in_table + at) << self.cluster_bits;
                let is_plain = entry & COPIED != 0 && entry & (COMPRESSED | ZERO) == 0;
                let offset = entry & OFFSET;
                if guest >= self.size || !is_plain || offset == 0 {
                    continue;
                }
                let written = if bitmap.marks(guest, cluster.min(self.size - guest))? { now } else { 0 };
                let place =
                    Place { offset, length: cluster, piece: 0, origin: guest.wrapping_sub(offset), written };
                if let Some(last) =
                    all.last_mut().filter(|last| last.end() == offset && last.lies_like(&place))
                {
                    last.length += cluster;
                } else if all.len() < MOST_PLACES {
                    all.push(place);
                } else {
                    return None;
                }
            }
        }
        all.sort_unstable_by_key(|place| place.offset);
        // Two of the guest's clusters in one place: then it holds what one of them says, and nobody knows which.
        let is_apart = all.windows(2).all(|pair| pair[0].end() <= pair[1].offset);
        is_apart.then_some(all)
    }

    /// Bytes of the file, where it has so many.
    fn read(&self, at: u64, length: u64) -> Option<Vec<u8>> {
        if length > MOST_TABLE {
            return None;
        }
        let mut bytes = vec![0; usize::try_from(length).ok()?];
        at.checked_add(length)?;
        self.file.read_exact_at(&mut bytes, at).ok()?;
        Some(bytes)
    }
}

impl Bitmap {
    /// True where any of these bytes that the guest sees was written.
    fn marks(&self, at: u64, length: u64) -> Option<bool> {
        let (first, last) = (at >> self.granularity, (at + length - 1) >> self.granularity);
        for bit in first..=last {
            let byte = self.bits.get(usize::try_from(bit / 8).ok()?)?;
            if byte & (1 << (bit % 8)) != 0 {
                return Some(true);
            }
        }
        Some(false)
    }
}

fn entries(table: &[u8]) -> impl Iterator<Item = u64> + '_ {
    table.as_chunks::<8>().0.iter().map(|entry| u64::from_be_bytes(*entry))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..)?.get(..4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.get(at..)?.get(..8)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hand::{self, TempDir, fs};
    use std::path::{Path, PathBuf};
    use std::process::Command;

    fn run(program: &str, arguments: &[&str]) {
        let done = hand::output(Command::new(program).args(arguments)).unwrap();
        assert!(done.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    }

    /// An image with 1 MiB of data and a bitmap, of which the third quarter was written since.
    fn image(within: &TempDir) -> PathBuf {
        let path = within.path().join("image");
        let name = path.to_str().unwrap();
        run("qemu-img", &["create", "-q", "-f", "qcow2", name, "64M"]);
        run("qemu-io", &["-f", "qcow2", "-c", "write -q -P 7 0 1M", name]);
        run("qemu-img", &["bitmap", "--add", "-g", "65536", name, "outlive-1"]);
        run("qemu-io", &["-f", "qcow2", "-c", "write -q -P 8 512k 256k", name]);
        path
    }

    fn told(path: &Path) -> Option<Places> {
        places_in_image(&OwnedFd::from(File::open(path).unwrap()))
    }

    fn clean(places: &Places) -> u64 {
        places.all.iter().filter(|place| place.written == 0).map(|place| place.length).sum()
    }

    #[test]
    fn what_was_not_written_since_is_clean_and_lies_where_the_tables_say() {
        let within = TempDir::new();
        let path = image(&within);
        let places = told(&path).unwrap();
        assert_eq!(clean(&places), 3 << 18);
        let bytes = fs::read(&path).unwrap();
        for place in &places.all {
            let guest = place.origin.wrapping_add(place.offset);
            let lies = &bytes[place.offset as usize..place.end() as usize];
            let is_new = (2 << 18..3 << 18).contains(&guest);
            assert!(lies.iter().all(|byte| *byte == if is_new { 8 } else { 7 }), "{place:?}");
            assert_eq!(place.written != 0, is_new);
        }
    }

    #[test]
    fn an_image_with_anything_unusual_tells_nothing() {
        type Unusual = fn(&str);
        let ways: [(&str, Unusual); 7] = [
            ("a snapshot inside", |name| run("qemu-img", &["snapshot", "-c", "inside", name])),
            ("no bitmap", |name| run("qemu-img", &["bitmap", "--remove", name, "outlive-1"])),
            ("not enabled", |name| run("qemu-img", &["bitmap", "--disable", name, "outlive-1"])),
            ("another name", |name| {
                run("qemu-img", &["bitmap", "--remove", name, "outlive-1"]);
                run("qemu-img", &["bitmap", "--add", name, "nightly"]);
            }),
            ("in use", |name| {
                // It dies with the image open.
                let died = hand::output(Command::new("qemu-io").args([
                    "-f",
                    "qcow2",
                    "-c",
                    "write -q 0 64k",
                    "-c",
                    "abort",
                    name,
                ]));
                assert!(!died.unwrap().status.success());
            }),
            ("a file below", |name| {
                let below = format!("{name}-below");
                run("qemu-img", &["create", "-q", "-f", "qcow2", &below, "64M"]);
                run("qemu-img", &["rebase", "-u", "-b", &below, "-F", "qcow2", name]);
            }),
            ("no image", |name| fs::write(name, vec![7; 1 << 20]).unwrap()),
        ];
        for (what, change) in ways {
            let within = TempDir::new();
            let path = image(&within);
            assert!(told(&path).is_some());
            change(path.to_str().unwrap());
            assert!(told(&path).is_none(), "{what}");
        }
    }

    #[test]
    fn whatever_an_image_says_of_itself_asking_it_ends() {
        let within = TempDir::new();
        let path = image(&within);
        let bytes = fs::read(&path).unwrap();
        let first = Image::open(File::open(&path).unwrap()).unwrap();
        let bitmap = first.bitmap().unwrap();
        let cluster = 1 << first.cluster_bits;
        let l2 = u64_at(&bytes, first.l1.0 as usize).unwrap() & OFFSET;
        let tables = [(0, 700), (first.bitmaps.0, 40), (bitmap.table.0, 16), (first.l1.0, 16), (l2, 64)];
        let places = tables.iter().flat_map(|(from, length)| *from..from + length);
        let mut answers = [0; 2];
        for at in places.map(|at| at as usize) {
            for flip in [0x01, 0xff] {
                let mut wrong = bytes.clone();
                wrong[at] ^= flip;
                fs::write(&path, &wrong).unwrap();
                answers[usize::from(told(&path).is_some())] += 1;
            }
        }
        assert!(answers.iter().all(|count| *count > 50), "{answers:?}");
        for end in (0..bytes.len()).step_by(cluster / 2 + 13) {
            fs::write(&path, &bytes[..end]).unwrap();
            told(&path);
        }
        // All of the first level leads to one table of the second, many times what a file of this size can hold.
        let mut many = bytes.clone();
        many[24..32].copy_from_slice(&(1_u64 << 50).to_be_bytes());
        many[36..40].copy_from_slice(&(1_u32 << 21).to_be_bytes());
        let mut l1 = l2.to_be_bytes().repeat(1 << 21);
        many[40..48].copy_from_slice(&(bytes.len() as u64).to_be_bytes());
        many.append(&mut l1);
        fs::write(&path, &many).unwrap();
        assert!(told(&path).is_none());
    }
}
