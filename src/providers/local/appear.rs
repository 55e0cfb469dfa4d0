//! Everywhere a directory or file appears: an overlay shows its upper directory, mounts show a filesystem.

use super::filesystem::without_backslashes;
use super::mountinfo::Mount;
use super::place::{Form, Machine};
use super::system::shown;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// A place within a filesystem, whatever mount shows it: the device number, and the path in it.
pub(super) type Spot = ((u32, u32), PathBuf);

/// The kernel stacks no more than a few filesystems.
const HIGHEST: usize = 64;

/// Where an overlay keeps what was changed in it: deleting in the overlay deletes there.
#[derive(Debug, Clone)]
pub(super) struct Upper {
    /// The overlay's device number.
    pub(super) overlay: (u32, u32),
    /// The upper directory; none where it cannot be told which one that is.
    pub(super) directory: Option<Spot>,
    /// What it is called in an answer.
    pub(super) name: String,
}

impl Machine {
    /// The upper directories of all overlays.
    pub(super) fn uppers(&self) -> Vec<Upper> {
        let mut found: Vec<Upper> = Vec::new();
        for mount in self.mounts.as_deref().unwrap_or_default() {
            let known = found.iter().any(|upper| upper.overlay == mount.device);
            if mount.kind != "overlay" || known || is_only_lower(mount) {
                continue;
            }
            let directory = mount.option("upperdir").pop().and_then(|layer| {
                let path = PathBuf::from(OsString::from_vec(without_backslashes(&layer)));
                // What a relative path began at is not told.
                let place = path.is_absolute().then(|| self.place(&path).ok()).flatten();
                place
                    .filter(|place| place.form == Form::Directory)
                    .map(|place| (place.mount.device, place.tree))
            });
            let name = format!("upper directory of the overlay {}", shown(&mount.point));
            found.push(Upper { overlay: mount.device, directory, name });
        }
        found
    }

    /// The paths at which a writable mount shows what is at `spot`, or a part of it. A mount over another
    /// one may hide some of them.
    pub(super) fn writable_views(&self, (device, tree): &Spot) -> Vec<PathBuf> {
        let mounts = self.mounts.as_deref().unwrap_or_default().iter();
        let same = mounts.filter(|mount| mount.device == *device && !mount.is_read_only());
        same.filter_map(|mount| {
            let part = mount.root.starts_with(tree).then(|| mount.point.clone());
            mount.shows(tree).or(part)
        })
        .collect()
    }
}

/// An overlay that nothing can be written to, nor deleted from.
fn is_only_lower(mount: &Mount) -> bool {
    let named = |option: &str| !mount.option(option).is_empty();
    !named("upperdir") && (named("lowerdir") || named("lowerdir+"))
}

/// The spot itself, and the same thing elsewhere: what was written to an overlay is in its upper directory,
/// and what is there shows in the overlay, be it through several of them.
pub(super) fn appearances(spot: Spot, uppers: &[Upper]) -> Vec<Spot> {
    let mut found = vec![spot];
    let mut next = 0;
    while let Some((device, tree)) = found.get(next).cloned() {
        for upper in uppers {
            let Some((holds, top)) = &upper.directory else { continue };
            let up = (*holds == device).then(|| moved(&tree, top, Path::new("/"))).flatten();
            let down = (upper.overlay == device).then(|| moved(&tree, Path::new("/"), top)).flatten();
            let directions = [up.map(|tree| (upper.overlay, tree)), down.map(|tree| (*holds, tree))];
            for spot in directions.into_iter().flatten() {
                // No stack of overlays is that high; layers that hold each other never end.
                if found.len() < HIGHEST && !found.contains(&spot) {
                    found.push(spot);
                }
            }
        }
        next += 1;
    }
    found
}

/// The path with the beginning `from` replaced.
fn moved(tree: &Path, from: &Path, to: &Path) -> Option<PathBuf> {
    let below = tree.strip_prefix(from).ok()?;
    Some(if below.as_os_str().is_empty() { to.to_path_buf() } else { to.join(below) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_an_upper_directory_appears_in_the_overlay_and_in_overlays_over_that() {
        let upper = |overlay, directory: (u32, u32), tree: &str| Upper {
            overlay: (0, overlay),
            directory: Some((directory, tree.into())),
            name: String::new(),
        };
        let uppers = [upper(2, (0, 1), "/in"), upper(1, (8, 0), "/up"), upper(3, (8, 0), "/other")];
        let seen = appearances(((8, 0), "/up/in/vault".into()), &uppers);
        let expected = [((8, 0), "/up/in/vault"), ((0, 1), "/in/vault"), ((0, 2), "/vault")];
        assert_eq!(seen, expected.map(|(device, tree)| (device, PathBuf::from(tree))));
        assert_eq!(appearances(((8, 0), "/uphill".into()), &uppers).len(), 1);
        let written = appearances(((0, 2), "/vault".into()), &uppers);
        assert_eq!(written.last(), Some(&((8, 0), "/up/in/vault".into())));
        // Layers that hold each other come to an end.
        let circle = [upper(1, (0, 2), "/a"), upper(2, (0, 1), "/b")];
        assert_eq!(appearances(((0, 1), "/x".into()), &circle).len(), HIGHEST);
    }
}
