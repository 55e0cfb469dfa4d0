//! Targets that are refused whatever is in them.

use crate::domain::{Kind, Problem, Result, Timestamp, printable};
use crate::estate::{Estate, VaultPlace};
use crate::providers::local::{Reach, System, reach, this_host};
use crate::vault::FoundRoot;
use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What an estate has on this machine.
#[derive(Debug, Clone, Default)]
pub struct KeptOff {
    /// Volumes by name, and where they are.
    pub volumes: Vec<(String, PathBuf)>,
    /// Directories that are vaults.
    pub vaults: Vec<PathBuf>,
    /// Why that is not known.
    pub unknown: Option<String>,
}

impl KeptOff {
    /// Of an estate.
    pub fn of(estate: &Estate) -> Self {
        let named = estate
            .volumes
            .iter()
            .filter_map(|volume| Some((printable(volume.id.0.as_bytes()), volume.path.clone()?)));
        let vaults = estate.vaults.iter().filter_map(|vault| match &vault.place {
            VaultPlace::Dir(path) => Some(path.clone()),
            VaultPlace::S3(_) => None,
        });
        Self { volumes: named.collect(), vaults: vaults.collect(), unknown: None }
    }
}

/// What tells a file or directory, whichever way leads there.
fn identity(path: &Path) -> Option<(u64, u64)> {
    rustix::fs::stat(path).ok().map(|stat| (stat.st_dev, stat.st_ino))
}

fn place_of(target: &Path) -> String {
    printable(target.as_os_str().as_bytes())
}

/// The whole path of a target, which need not be there yet.
pub(super) fn whole(target: &Path) -> Option<PathBuf> {
    let above = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let named = || Some(above.canonicalize().ok()?.join(target.file_name()?));
    target.canonicalize().ok().or_else(named)
}

/// What is written to /proc, /sys or /dev is no file: it changes the system, or is gone with it. A block device is another matter, and
/// judged by what it holds.
pub(super) fn refuse_kernels(target: &Path) -> Result<()> {
    let Some(path) = whole(target) else { return Ok(()) };
    let is_kernels = ["/proc", "/sys", "/dev"].iter().any(|kernel| path.starts_with(kernel));
    // A link is refused as something that is there already.
    let is_judged_later = rustix::fs::lstat(target).is_ok_and(|stat| {
        let kind = rustix::fs::FileType::from_raw_mode(stat.st_mode);
        kind == rustix::fs::FileType::BlockDevice || kind == rustix::fs::FileType::Symlink
    });
    if is_kernels && !is_judged_later {
        return Err(Problem::new(Kind::Refused, "the target belongs to the kernel: nothing stays there")
            .at(place_of(target))
            .remedy("name a target that does not exist yet, or an empty directory, on a disk"));
    }
    Ok(())
}

/// A volume of the estate is no target, even where it is empty: it may be unmounted just now. What lies in one is said.
///
/// # Errors
/// `Refused` for a volume itself and for what lies in a vault.
pub(super) fn refuse_others(target: &Path, kept_off: &KeptOff, now: Timestamp) -> Result<Vec<String>> {
    let mut notices = Vec::new();
    if let Some(why) = &kept_off.unknown {
        notices.push(format!("whether the target is a volume of the estate is not known: {why}"));
    }
    let here = identity(target);
    let above: Vec<_> =
        whole(target).map(|path| path.ancestors().skip(1).filter_map(identity).collect()).unwrap_or_default();
    for (name, path) in &kept_off.volumes {
        let Some(volume) = identity(path) else { continue };
        if here == Some(volume) {
            return Err(is_volume(target, name));
        }
        if above.contains(&volume) {
            notices
                .push(format!("the target lies in volume {name}: its next copy takes along what is there"));
        }
    }
    for vault in &kept_off.vaults {
        if vault.is_dir() {
            refuse_inside(vault, target, now)?;
        }
    }
    Ok(notices)
}

/// Nor is the place that the point was read from.
pub(super) fn refuse_source(target: &Path, found: &FoundRoot) -> Result<()> {
    let origin = &found.root.origin;
    let source = Path::new(std::ffi::OsStr::from_bytes(origin.path.as_bytes()));
    let is_it = source.is_absolute() && origin.host == this_host().name && identity(source).is_some();
    if is_it && identity(target) == identity(source) {
        return Err(is_volume(target, &printable(found.root.volume.0.as_bytes())));
    }
    Ok(())
}

fn is_volume(target: &Path, name: &str) -> Problem {
    Problem::new(
        Kind::Refused,
        format!("the target is volume {name} itself, and nothing is restored over one"),
    )
    .at(place_of(target))
    .remedy("restore to a new path beside it, look at it, and then move it into place yourself")
}

/// What is restored into a vault would lie among its objects, be taken for some of them, and die with them.
/// Whichever way leads there, a directory is told by its device and inode.
pub(in crate::app) fn refuse_inside(vault: &Path, target: &Path, now: Timestamp) -> Result<()> {
    let place = printable(target.as_os_str().as_bytes());
    let failed = |error: std::io::Error| Problem::io("looking at the target", error).at(place.clone());
    let above = target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let whole = target.canonicalize().or_else(|_| above.canonicalize()).map_err(failed)?;
    let identity = |path: &Path| rustix::fs::lstat(path).ok().map(|stat| (stat.st_dev, stat.st_ino));
    // A mount may lead to one folder of the vault alone.
    let mut vaults: BTreeSet<_> = identity(&vault.join(".")).into_iter().collect();
    for entry in std::fs::read_dir(vault).map_err(failed)? {
        vaults.extend(identity(&entry.map_err(failed)?.path()));
    }
    let shown = reach(vault, &whole, &System::default(), now) == Reach::ThroughOverlay;
    if shown || whole.ancestors().filter_map(identity).any(|above| vaults.contains(&above)) {
        return Err(Problem::new(Kind::Refused, "the target lies inside the vault").at(place).remedy(
            "name a target elsewhere: what is restored into a vault would be taken for a part of it",
        ));
    }
    Ok(())
}
