//! A made-up volume for a rehearsal: a database-like thing with its snapshots beside it on one filesystem.

use super::mounts::{mounts_in, shell_word};
use super::tool::run;
use crate::domain::{Problem, Result};
use std::ffi::OsStr;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::thread::JoinHandle;

/// The size of the image that stands for the provider's volume, in bytes. It is sparse.
const IMAGE_BYTES: u64 = 512 * 1024 * 1024;
/// The made-up database: its pages are overwritten in place while snapshots are taken.
const PAGE: usize = 8192;
const PAGES: u64 = 3072;

/// How the volume was made.
#[derive(Debug)]
enum Made {
    /// btrfs on a loop device: snapshots are real.
    Btrfs { image: PathBuf, mount: PathBuf },
    /// Plain directories: snapshots are copies, and the volume is a directory.
    Plain { because: String },
}

/// A volume that may be destroyed, because it was made for that.
#[derive(Debug)]
pub struct MadeVolume {
    directory: PathBuf,
    made: Made,
}

impl MadeVolume {
    /// Makes the volume in a new place below `scratch`: btrfs on a loop device where that may be done here,
    /// otherwise plain directories.
    ///
    /// # Errors
    /// When not even directories can be made.
    pub fn create(scratch: &Path) -> Result<Self> {
        let directory = scratch.join("provider");
        make_dir(&directory)?;
        let made = match btrfs(&directory) {
            Ok(made) => made,
            Err(problem) => {
                make_dir(&directory.join("volume"))?;
                make_dir(&directory.join("volume/data"))?;
                make_dir(&directory.join("volume/snapshots"))?;
                Made::Plain { because: problem.what }
            }
        };
        Ok(Self { directory, made })
    }

    /// What it is, in a sentence.
    pub fn description(&self) -> String {
        match &self.made {
            Made::Btrfs { .. } => "btrfs on a loop device; its snapshots lie in the same volume".into(),
            Made::Plain { because } => format!(
                "plain directories ({because}); its snapshots are copies in the same volume, and the copy is read live"
            ),
        }
    }

    /// What a provider would call the volume: deleting this deletes all.
    pub fn whole(&self) -> PathBuf {
        match &self.made {
            Made::Btrfs { image, .. } => image.clone(),
            Made::Plain { .. } => self.directory.join("volume"),
        }
    }

    fn root(&self) -> PathBuf {
        match &self.made {
            Made::Btrfs { mount, .. } => mount.clone(),
            Made::Plain { .. } => self.directory.join("volume"),
        }
    }

    /// The path to audit and to copy.
    pub fn primary(&self) -> PathBuf {
        match &self.made {
            Made::Btrfs { mount, .. } => mount.join("data"),
            Made::Plain { .. } => self.directory.join("volume"),
        }
    }

    /// Directories that hold copies, where snapshots are not real ones.
    pub fn copies(&self) -> Vec<PathBuf> {
        match &self.made {
            Made::Btrfs { .. } => Vec::new(),
            Made::Plain { .. } => vec![self.directory.join("volume/snapshots")],
        }
    }

    /// True where the data can be read from a snapshot while it is being written to.
    pub fn has_snapshots(&self) -> bool {
        matches!(self.made, Made::Btrfs { .. })
    }

    /// Starts writing to the made-up database, until the writer is stopped.
    ///
    /// # Errors
    /// When the first state cannot be written.
    pub fn start_writing(&self) -> Result<Writer> {
        Writer::start(&self.root().join("data"))
    }

    /// Takes a snapshot beside the data.
    ///
    /// # Errors
    /// When the snapshot cannot be taken.
    pub fn snapshot(&self, name: &str) -> Result<()> {
        let (data, snapshot) = (self.root().join("data"), self.root().join("snapshots").join(name));
        match &self.made {
            Made::Btrfs { .. } => run(
                "btrfs",
                &["subvolume", "snapshot", "-r"]
                    .map(OsStr::new)
                    .into_iter()
                    .chain([data.as_os_str(), snapshot.as_os_str()])
                    .collect::<Vec<_>>(),
            ),
            Made::Plain { .. } => archive(&data, &snapshot),
        }
    }

    /// Keeps a plain copy of what is about to be lost, to compare with afterwards.
    ///
    /// # Errors
    /// When it cannot be copied.
    pub fn keep_reference(&self, from: &Path, to: &Path) -> Result<()> {
        archive(from, to)
    }

    /// The act: deletes the volume with everything in it.
    ///
    /// # Errors
    /// When it cannot be deleted.
    pub fn delete(&self) -> Result<()> {
        self.unmount()?;
        let failed = |error| Problem::io("deleting the made-up volume", error);
        match &self.made {
            Made::Btrfs { image, .. } => std::fs::remove_file(image).map_err(failed),
            Made::Plain { .. } => std::fs::remove_dir_all(self.directory.join("volume")).map_err(failed),
        }
    }

    /// Unmounts it, so that its scratch space can be removed. Done twice, it does nothing.
    ///
    /// # Errors
    /// When something still uses it; the command that unmounts it is in the remedy.
    pub fn unmount(&self) -> Result<()> {
        match &self.made {
            Made::Btrfs { mount, .. } => unmount(mount),
            Made::Plain { .. } => Ok(()),
        }
    }
}

/// Unmounts what is mounted there, if anything is: whoever looked in may need a moment to leave.
fn unmount(mount: &Path) -> Result<()> {
    const TRIES: u32 = 20;
    for left in (0..TRIES).rev() {
        if mounts_in(mount)?.is_empty() {
            return Ok(());
        }
        match run("umount", &[mount.as_os_str()]) {
            Err(problem) if left == 0 => {
                let command = shell_word(mount);
                return Err(problem.at(command.clone()).remedy(format!("umount {command}")));
            }
            _ => {
                std::thread::sleep(std::time::Duration::from_millis(if left + 1 == TRIES { 0 } else { 100 }))
            }
        }
    }
    Ok(())
}

fn btrfs(directory: &Path) -> Result<Made> {
    if !rustix::process::geteuid().is_root() {
        return Err(Problem::new(crate::domain::Kind::Refused, "only root may mount a loop device"));
    }
    let (image, mount) = (directory.join("volume.img"), directory.join("mounted"));
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(&image);
    file.and_then(|file| file.set_len(IMAGE_BYTES))
        .map_err(|error| Problem::io("making an image file", error))?;
    make_dir(&mount)?;
    run("mkfs.btrfs", &[OsStr::new("--quiet"), image.as_os_str()])?;
    let prepared =
        run("mount", &[OsStr::new("-o"), OsStr::new("loop"), image.as_os_str(), mount.as_os_str()])
            .and_then(|()| {
                run("btrfs", &[OsStr::new("subvolume"), OsStr::new("create"), mount.join("data").as_os_str()])
            })
            .and_then(|()| make_dir(&mount.join("snapshots")));
    match prepared {
        Ok(()) => Ok(Made::Btrfs { image, mount }),
        Err(problem) => unmount(&mount).and(Err(problem)),
    }
}

fn archive(from: &Path, to: &Path) -> Result<()> {
    run(
        "cp",
        &[OsStr::new("--archive"), OsStr::new("--no-target-directory"), from.as_os_str(), to.as_os_str()],
    )
}

fn make_dir(path: &Path) -> Result<()> {
    std::fs::create_dir(path).map_err(|error| Problem::io("making a directory for the rehearsal", error))
}

/// Writes to the made-up database from a thread of its own, until it is stopped or dropped: a rehearsal
/// that fails half-way must be able to unmount what it wrote to.
#[derive(Debug)]
pub struct Writer {
    stop: Arc<AtomicBool>,
    writes: Arc<AtomicU64>,
    thread: Option<JoinHandle<std::io::Result<()>>>,
}

impl Writer {
    fn start(data: &Path) -> Result<Self> {
        let failed = |error| Problem::io("writing the made-up database", error);
        std::fs::create_dir(data.join("wal")).map_err(failed)?;
        let create = |name: &str| {
            std::fs::OpenOptions::new()
                .read(true)
                .write(true)
                .create_new(true)
                .open(data.join(name))
                .map_err(failed)
        };
        let (mut pages, mut log) = (create("orders.db")?, create("wal/000001.log")?);
        for number in 0..PAGES {
            pages.write_all(&page(number, 0)).map_err(failed)?;
        }
        pages.sync_all().map_err(failed)?;
        std::os::unix::fs::symlink("wal/000001.log", data.join("current-log")).map_err(failed)?;
        let (stop, writes) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (until, count) = (stop.clone(), writes.clone());
        let thread = std::thread::spawn(move || {
            let mut state = 0x2545_f491_4f6c_dd1d_u64;
            while !until.load(SeqCst) {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let (number, version) = ((state >> 33) % PAGES, count.fetch_add(1, SeqCst) + 1);
                pages.seek(SeekFrom::Start(number * PAGE as u64))?;
                pages.write_all(&page(number, version))?;
                writeln!(log, "{version} page {number}")?;
                std::thread::sleep(std::time::Duration::from_micros(200));
            }
            log.sync_all()?;
            pages.sync_all()
        });
        Ok(Self { stop, writes, thread: Some(thread) })
    }

    /// Writes so far.
    pub fn writes(&self) -> u64 {
        self.writes.load(SeqCst)
    }

    /// Stops, and says how many writes there were.
    ///
    /// # Errors
    /// When a write failed.
    pub fn stop(mut self) -> Result<u64> {
        self.stop.store(true, SeqCst);
        match self.thread.take().map(JoinHandle::join) {
            None | Some(Ok(Ok(()))) => Ok(self.writes.load(SeqCst)),
            Some(Ok(Err(error))) => Err(Problem::io("writing the made-up database", error)),
            Some(Err(_)) => {
                Err(Problem::new(crate::domain::Kind::Internal, "the made-up database failed unexpectedly"))
            }
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop.store(true, SeqCst);
        if let Some(thread) = self.thread.take() {
            // Whatever it says: something else has failed already, and is reported.
            drop(thread.join());
        }
    }
}

/// One page: a header, then bytes that compress about as well as a database's.
fn page(number: u64, version: u64) -> Vec<u8> {
    let mut page = format!("page {number:08} version {version:012} ").into_bytes();
    let mut state = number.wrapping_mul(31).wrapping_add(version) | 1;
    while page.len() < PAGE {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        page.extend_from_slice(
            format!("row {:06} amount {:04};", state >> 44, (state >> 20) & 0xfff).as_bytes(),
        );
    }
    page.truncate(PAGE);
    page
}
