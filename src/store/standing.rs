//! What tells the place of a directory from that of a clone of its filesystem.

use super::dir::random_hex;
use crate::domain::{Result, printable};
use rustix::fs::{AtFlags, StatxFlags};
use rustix::io::Errno;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// What tells a place from every other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// The same whenever this place is looked at.
    Lasting(String),
    /// Another one in each run: what is under the place could not be told.
    OfThisRun {
        /// The identity.
        text: String,
        /// Why nothing lasting could be told.
        because: String,
    },
}

impl Identity {
    /// That of a place elsewhere, which is told by how it is addressed.
    pub fn remote(address: String) -> Self {
        Self::Lasting(address)
    }

    /// One that is another in each run, and why.
    pub fn of_this_run(text: &str, because: String) -> Self {
        Self::OfThisRun { text: format!("{UNKNOWN}, {text}"), because }
    }

    /// The identity itself, whichever it is.
    pub fn text(&self) -> &str {
        match self {
            Self::Lasting(text) | Self::OfThisRun { text, .. } => text,
        }
    }

    /// True of the text of an identity that was that of one run: it may have been any place.
    pub fn may_be_any(text: &str) -> bool {
        text.starts_with(UNKNOWN)
    }
}

/// What the identities of one run begin with. A lasting one begins otherwise.
const UNKNOWN: &str = "device unknown";

/// The identity of a directory. A rescue system may have no /proc or /sys, and a table of mounts leaves out what
/// the root of a chroot does not reach: that must keep nobody from the data.
///
/// # Errors
/// When the operating system has no randomness to give.
pub fn identity(directory: impl AsFd) -> Result<Identity> {
    let error = match lasting(&directory) {
        Ok(text) => return Ok(Identity::Lasting(text)),
        Err(error) => error,
    };
    // Two directories are told apart within a run too.
    let seen = rustix::fs::fstat(&directory).map(|stat| (stat.st_dev, stat.st_ino)).unwrap_or_default();
    let text = format!("{UNKNOWN}, directory {} on {} in run {}", seen.1, seen.0, run()?);
    Ok(Identity::OfThisRun { text, because: error.to_string() })
}

/// Something no other run has.
fn run() -> Result<&'static str> {
    static RUN: OnceLock<String> = OnceLock::new();
    let fresh = random_hex()?;
    Ok(RUN.get_or_init(|| fresh))
}

/// The directory, the filesystem it is on, and the device under that, as far as each has something that
/// stays over a reboot.
fn lasting(directory: impl AsFd) -> io::Result<String> {
    let wanted = StatxFlags::INO | StatxFlags::BTIME | StatxFlags::MNT_ID;
    let seen = rustix::fs::statx(&directory, "", AtFlags::EMPTY_PATH, wanted)?;
    let born = match seen.stx_mask & StatxFlags::BTIME.bits() {
        0 => "unknown".into(),
        _ => format!("{}.{:09}", seen.stx_btime.tv_sec, seen.stx_btime.tv_nsec),
    };
    let number = (seen.stx_dev_major, seen.stx_dev_minor);
    let filesystem = match rustix::fs::fstatvfs(&directory)?.f_fsid {
        // Some filesystems know no more of themselves than the device's number, which a reboot may change.
        id if id == 0 || id == rustix::fs::makedev(number.0, number.1) => "unknown".into(),
        id => format!("{id:016x}"),
    };
    let has_mount = seen.stx_mask & StatxFlags::MNT_ID.bits() != 0;
    let mount = Mount::find(has_mount.then_some(seen.stx_mnt_id), number)?;
    let (kind, medium) = (&mount.kind, mount.medium()?);
    Ok(format!("directory {} born {born} on {kind} {filesystem} of {medium}", seen.stx_ino))
}

/// What is mounted.
struct Mount {
    kind: String,
    /// A device, `server:/export` or any word; escaped as the kernel does it.
    source: String,
    device: (u32, u32),
}

impl Mount {
    /// The mount of this number; where the kernel gives none, the first of this device.
    fn find(id: Option<u64>, device: (u32, u32)) -> io::Result<Self> {
        let unread = |error| io::Error::other(format!("the table of mounts cannot be read: {error}"));
        let table = std::fs::read("/proc/self/mountinfo").map_err(unread)?;
        let table = String::from_utf8_lossy(&table);
        let found = table.lines().find_map(|line| {
            let (mount, about) = line.split_once(" - ")?;
            let (mut mount, mut about) = (mount.split(' '), about.split(' '));
            let number: u64 = mount.next()?.parse().ok()?;
            let (major, minor) = mount.nth(1)?.split_once(':')?;
            let seen = (major.parse().ok()?, minor.parse().ok()?);
            let wanted = id.map_or(seen == device, |id| number == id);
            let (kind, source) = (about.next()?.to_owned(), about.next()?.to_owned());
            wanted.then_some(Self { kind, source, device: seen })
        });
        let missing =
            || io::Error::new(io::ErrorKind::NotFound, "the table of mounts does not name its mount");
        found.ok_or_else(missing)
    }

    /// What lasts of the device that is mounted, or of what stands in its place.
    fn medium(&self) -> io::Result<String> {
        let numbers = Path::new("/sys/dev/block");
        if (self.device.0 != 0 || self.source.starts_with("/dev/")) && !numbers.exists() {
            // Its name alone may be that of a clone.
            return Err(io::Error::new(io::ErrorKind::NotFound, "/sys does not say which device it is on"));
        }
        let numbered = numbers.join(format!("{}:{}", self.device.0, self.device.1));
        // A btrfs has a number of no device; its source is one of its devices.
        let named = Path::new(&self.source).canonicalize().ok().filter(|path| path.starts_with("/dev"));
        let named = named.and_then(|path| Some(Path::new("/sys/class/block").join(path.file_name()?)));
        let found = [Some(numbered), named].into_iter().flatten().find_map(|path| path.canonicalize().ok());
        Ok(found.map_or_else(|| printable(self.source.as_bytes()), |device| facts(&device, STACKED)))
    }
}

/// How many devices may stand on one another.
const STACKED: usize = 8;

/// What is written on a device or was given to it, and outlasts its number: for a part of a disk, that of the
/// disk; for an array or logical volume, whose own UUID a clone of its disks shares, that of the devices below too.
/// Where there is nothing that no other device has, its name must do.
fn facts(device: &Path, stacked: usize) -> String {
    let read = |name: &str| {
        let text = std::fs::read(device.join(name)).ok()?;
        let text = String::from_utf8_lossy(&text).trim().to_owned();
        (!text.is_empty()).then(|| format!("{name} {text}"))
    };
    if let (Some(part), Some(disk)) = (read("partition"), device.parent()) {
        return format!("{part} of {}", facts(disk, stacked));
    }
    let lasting = ["dm/uuid", "md/uuid", "wwid", "device/wwid", "loop/backing_file"];
    let mut found: Vec<String> = lasting.into_iter().filter_map(read).collect();
    found.extend(backing(device));
    if found.is_empty() {
        // A virtual disk often has the serial number of all its kind.
        found.extend(["serial", "device/serial"].into_iter().filter_map(read));
        found.extend(device.file_name().map(|name| format!("name {}", name.to_string_lossy())));
    }
    let below = std::fs::read_dir(device.join("slaves")).into_iter().flatten().flatten();
    let below = below.filter_map(|entry| entry.path().canonicalize().ok()).filter(|_| stacked > 0);
    let mut below: Vec<String> = below.map(|device| format!("on {}", facts(&device, stacked - 1))).collect();
    below.sort();
    found.extend(below);
    printable(found.join(", ").as_bytes())
}

/// The file under a loop device: another file may take its path.
fn backing(device: &Path) -> Option<String> {
    let path = std::fs::read(device.join("loop/backing_file")).ok()?;
    let path = PathBuf::from(std::ffi::OsStr::from_bytes(path.strip_suffix(b"\n").unwrap_or(&path)));
    let seen = |path: &Path| -> std::result::Result<_, Errno> {
        rustix::fs::statx(rustix::fs::CWD, path, AtFlags::empty(), StatxFlags::INO | StatxFlags::BTIME)
    };
    let seen = seen(&path).ok()?;
    let born = (seen.stx_btime.tv_sec, seen.stx_btime.tv_nsec);
    Some(format!("file {} born {}.{:09}", seen.stx_ino, born.0, born.1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hand::{TempDir, fs};

    /// As the kernel lays it out in /sys; there is no device-mapper where this was written.
    #[test]
    fn a_logical_volume_on_a_cloned_disk_is_another_though_it_carries_the_same_uuid() {
        let sys = TempDir::new();
        let device = |name: &str, facts: &[(&str, &str)]| {
            let path = sys.path().join(name);
            for (fact, value) in facts {
                fs::create_dir_all(path.join(fact).parent().unwrap()).unwrap();
                fs::write(path.join(fact), format!("{value}\n")).unwrap();
            }
            path
        };
        let disks = ["wwid-of-one", "wwid-of-its-clone"].map(|wwid| device(wwid, &[("wwid", wwid)]));
        let seen = disks.each_ref().map(|disk| {
            let volume =
                device(&format!("dm-on-{}", disk.display()).replace('/', "-"), &[("dm/uuid", "LVM-same")]);
            fs::create_dir(volume.join("slaves")).unwrap();
            std::os::unix::fs::symlink(disk, volume.join("slaves/sda")).unwrap();
            facts(&volume, STACKED)
        });
        assert_eq!(seen[0], "dm/uuid LVM-same, on wwid wwid-of-one");
        assert_ne!(seen[0], seen[1]);
        // Devices that stand on each other in a circle are no endless way.
        std::os::unix::fs::symlink(&disks[0], disks[0].join("slaves")).unwrap();
        assert!(facts(&disks[0], STACKED).len() < 10_000);
    }
}
