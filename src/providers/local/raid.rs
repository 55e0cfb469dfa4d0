//! How many devices of a redundant set must fall before its data is gone.

use super::system::{attribute, entries, number};
use super::unseen::Unseen;
use crate::domain::{GapReason, printable};
use std::path::Path;

/// For an md array of `devices`: how many of them must fall (md(4)), and what was left unseen.
/// What is unknown counts as no redundancy.
pub(super) fn md(directory: &Path, devices: usize) -> (usize, Option<Unseen>) {
    let read = || -> Result<usize, Unseen> {
        let level = attribute(&directory.join("level"))?;
        let healthy = match level.as_slice() {
            b"raid1" => number(&directory.join("raid_disks"))?,
            b"raid5" | b"raid4" | b"raid10" => 2,
            b"raid6" => 3,
            b"raid0" | b"linear" => return Ok(1),
            other => {
                let detail = format!("the level {} is not known to this version", printable(other));
                return Err(Unseen::new(GapReason::Unsupported, detail));
            }
        };
        Ok(healthy.saturating_sub(number(&directory.join("degraded"))?))
    };
    bounded(read(), devices)
}

/// For a btrfs of several `devices`, whose directory below `/sys/fs/btrfs` this is: by the weakest
/// profile of data and metadata (btrfs(5)), less the devices that are missing already.
pub(super) fn btrfs(directory: &Path, devices: usize) -> (usize, Option<Unseen>) {
    let read = || -> Result<usize, Unseen> {
        let mut weakest = usize::MAX;
        for part in ["data", "metadata"] {
            let profiles = profiles(&directory.join("allocation").join(part))?;
            weakest = weakest.min(profiles.into_iter().min().ok_or_else(|| {
                Unseen::new(GapReason::Failed, format!("the profile of its {part} is not told"))
            })?);
        }
        let mut missing = 0;
        for device in entries(&directory.join("devinfo"))? {
            missing += number(&device.join("missing"))?;
        }
        Ok(weakest.saturating_sub(missing))
    };
    bounded(read(), devices)
}

fn bounded(told: Result<usize, Unseen>, devices: usize) -> (usize, Option<Unseen>) {
    match told {
        Ok(count) => (count.clamp(1, devices.max(1)), None),
        Err(unseen) => (1, Some(unseen)),
    }
}

/// How many devices each profile in use needs to lose; a conversion under way shows several.
fn profiles(directory: &Path) -> Result<Vec<usize>, Unseen> {
    let found = entries(directory)?.into_iter().filter(|entry| entry.is_dir());
    let found = found.map(|entry| match entry.file_name().map(|name| name.as_encoded_bytes()) {
        Some(b"raid1" | b"raid10" | b"raid5") => 2,
        Some(b"raid1c3" | b"raid6") => 3,
        Some(b"raid1c4") => 4,
        _ => 1,
    });
    Ok(found.collect())
}
