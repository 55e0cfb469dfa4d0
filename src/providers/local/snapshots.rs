//! btrfs snapshots: which belong to a volume, and where a mount shows them.

use super::btrfs::{self, Subvolume, TOP};
use super::place::{Form, Machine, Place};
use super::system::shown;
use super::unseen::Unseen;
use std::path::{Path, PathBuf};

/// The subvolumes of the filesystem around a place, and which of them the place is in.
pub(super) struct Snapshots {
    filesystem: String,
    own: u64,
    all: Vec<Subvolume>,
}

impl Snapshots {
    /// Lists the subvolumes around `place`, which must lie on btrfs. Needs root.
    pub(super) fn around(place: &Place) -> Result<Self, Unseen> {
        let (filesystem, own) = btrfs::around(place)?;
        let listed = btrfs::subvolumes(&place.path, place.form)
            .or_else(|unseen| btrfs::subvolumes(&place.mount.point, Form::Directory).map_err(|_| unseen));
        Ok(Self { filesystem, own, all: listed? })
    }

    /// The filesystem's id.
    pub(super) fn filesystem(&self) -> &str {
        &self.filesystem
    }

    /// The snapshots of the subvolume that the place is in.
    pub(super) fn of_own(&self) -> Vec<&Subvolume> {
        let uuid = self.all.iter().find(|one| one.id == self.own).and_then(|one| one.uuid);
        self.all.iter().filter(|one| one.parent.is_some() && one.parent == uuid).collect()
    }

    /// The snapshots of any subvolume that is still there.
    pub(super) fn of_any(&self) -> Vec<&Subvolume> {
        let is_there = |uuid| self.all.iter().any(|one| one.uuid == Some(uuid));
        self.all.iter().filter(|one| one.parent.is_some_and(is_there)).collect()
    }

    /// What a person calls the subvolume that `snapshot` was taken of.
    pub(super) fn source_of(&self, snapshot: &Subvolume) -> String {
        let source = self.all.iter().find(|one| one.uuid.is_some() && one.uuid == snapshot.parent);
        match source {
            Some(Subvolume { tree: Some(tree), .. }) => shown(tree),
            Some(source) => source.id.to_string(),
            None => "it was taken of".into(),
        }
    }

    /// The path from the root of the subvolume that holds `place` to the place.
    pub(super) fn within_own(&self, place: &Place) -> Option<PathBuf> {
        let own = self.all.iter().find(|one| one.id == self.own)?;
        place.tree.strip_prefix(own.tree.as_ref()?).ok().map(Path::to_owned)
    }

    /// The subvolumes below `place` that a snapshot leaves out: it shows an empty directory instead.
    /// The place's own snapshots are no data of it, nor is the subvolume in which snapper keeps them.
    pub(super) fn left_out(&self, place: &Place) -> Vec<&Subvolume> {
        let own = self.of_own();
        let keeps_snapshots = |one: &Subvolume| {
            let tree = one.tree.as_ref().filter(|tree| tree.ends_with(".snapshots"));
            let holds = |tree| own.iter().any(|it| it.tree.as_ref().is_some_and(|it| it.starts_with(tree)));
            tree.is_some_and(holds)
        };
        let below = self.all.iter().filter(|one| {
            one.id != self.own
                && one.id != TOP
                && one.tree.as_ref().is_none_or(|tree| tree.starts_with(&place.tree))
        });
        below.filter(|one| !own.iter().any(|it| it.id == one.id) && !keeps_snapshots(one)).collect()
    }

    /// The root of `subvolume` as some mount of this filesystem shows it; `None` where none does.
    pub(super) fn shown_at(
        &self,
        machine: &Machine,
        place: &Place,
        subvolume: &Subvolume,
    ) -> Option<PathBuf> {
        let tree = subvolume.tree.as_ref()?;
        let mounts = machine.mounts.as_deref().unwrap_or_default();
        let same = mounts.iter().filter(|mount| mount.device == place.mount.device);
        same.filter_map(|mount| mount.shows(tree)).find(|path| {
            // Another mount may hide what the table suggests: ask what is there.
            btrfs::identify(path, Form::Directory)
                .is_ok_and(|(filesystem, id)| filesystem == self.filesystem && id == subvolume.id)
        })
    }
}
