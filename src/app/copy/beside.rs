//! Where a vault lies beside what is copied into it: never inside, nor around it.

use crate::domain::{Kind, Problem, Result, Timestamp, printable};
use crate::estate::{Environment, S3Place, VaultPlace};
use crate::providers::local::{Reach, System, reach};
use crate::store::overlap;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// A vault below the prefix that is copied would be copied into itself; one around it would hold what is none of its own.
pub(super) fn refuse_overlap(vault: &VaultPlace, source: &S3Place, environment: &Environment) -> Result<()> {
    let VaultPlace::S3(vault) = vault else { return Ok(()) };
    if !overlap(vault, source, environment)? {
        return Ok(());
    }
    Err(Problem::new(Kind::Refused, "the vault lies where it is to be copied from")
        .at(crate::app::stores::say_place(&VaultPlace::S3(vault.clone())))
        .remedy("name a vault in another bucket: best with another provider"))
}

/// A vault inside what it is to protect would die with it. One on another filesystem, mounted inside, is not
/// inside: a copy does not enter there.
pub(super) fn refuse_nesting(vault: &Path, source: &Path) -> Result<()> {
    let parent = vault.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let found = vault.canonicalize().or_else(|_| parent.canonicalize());
    let (Ok(source), Ok(place)) = (source.canonicalize(), found) else { return Ok(()) };
    let device = |path: &Path| rustix::fs::stat(path).map(|stat| stat.st_dev).ok();
    if place.starts_with(&source) && device(&place) == device(&source) {
        return Err(Problem::new(
            Kind::Refused,
            "the vault lies inside what is to be copied, and would die with it",
        )
        .at(printable(vault.as_os_str().as_bytes()))
        .remedy("name a vault elsewhere: best on another machine"));
    }
    Ok(())
}

/// What `refuse_nesting` cannot see in the paths: overlays, and what is mounted inside the volume.
pub(super) fn reached(
    vault: &Path,
    volume: &Path,
    system: &System,
    now: Timestamp,
) -> Result<Option<String>> {
    match reach(volume, vault, system, now) {
        Reach::Apart => Ok(None),
        Reach::ThroughOverlay => {
            let what = "the vault and what is to be copied lie in one overlay, and would die together";
            Err(Problem::new(Kind::Refused, what)
                .at(printable(vault.as_os_str().as_bytes()))
                .remedy("name a vault outside the overlay's upper directory: best on another machine"))
        }
        Reach::Unknown => {
            let what = "the upper directory of an overlay is not known: should the vault lie in it, it would die with the volume";
            Ok(Some(what.to_owned()))
        }
        Reach::ThroughMount => {
            let what = "the vault can be reached below the volume: `rm -rf` of the volume deletes it too";
            Ok(Some(what.to_owned()))
        }
    }
}

/// The vault's directory, by device and inode: reached by whatever path, it is not copied into itself.
pub(in crate::app) fn itself(vault: &Path) -> Vec<(u64, u64)> {
    rustix::fs::stat(vault).map(|stat| (stat.st_dev, stat.st_ino)).into_iter().collect()
}
