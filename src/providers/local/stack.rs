//! The chain of assets below a path, down to the host.

use super::appear::{Spot, Upper, appearances};
use super::place::{Form, Machine, Place};
use super::qcow2::Image;
use super::system::{node_name, shown, this_host};
use super::unseen::Unseen;
use crate::domain::{Asset, AssetId, AssetKind, Bond, Bonds, Gap, GapReason, GapScope, Nature};
use crate::estate::ThisHost;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where a directory or file lies: needed to tell whether deleting another one takes it along.
#[derive(Debug, Clone)]
pub(super) struct Located {
    pub(super) asset: AssetId,
    /// The path by which it was looked at.
    pub(super) path: PathBuf,
    /// Where it lies.
    pub(super) spot: Spot,
    /// Where overlays show it, because it lies in the upper directory of one.
    pub(super) shown_at: Vec<Spot>,
    /// The paths at which it, or a part of it, can be seen and deleted.
    pub(super) views: Vec<PathBuf>,
    /// The upper directory of the overlay that it is on, where it cannot be told which one that is.
    pub(super) hidden_upper: Option<Upper>,
}

/// Collects assets from the top down; each is described once, which also ends every circle.
pub(super) struct Stack<'a> {
    pub(super) machine: &'a Machine,
    /// How long one program may take to answer.
    pub(super) limit: Duration,
    pub(super) assets: Vec<Asset>,
    pub(super) gaps: Vec<Gap>,
    pub(super) located: Vec<Located>,
    /// What was read in files that are images, or why it could not be.
    pub(super) images: BTreeMap<AssetId, Result<Image, Unseen>>,
    /// True once a logical volume of LVM was met: it may have snapshots.
    pub(super) has_logical_volume: bool,
    begun: BTreeSet<AssetId>,
    /// Read once it is needed.
    uppers: Option<Vec<Upper>>,
    depth: usize,
}

/// No machine stacks more things on another; images that name ever further ones could.
const DEEPEST: usize = 100;

/// Bonds of a thing that needs no key, and that no deletion of another thing takes along.
pub(super) fn plain() -> Bonds {
    Bonds::default().complete(Nature::CascadesFrom).complete(Nature::Needs)
}

impl<'a> Stack<'a> {
    pub(super) fn new(machine: &'a Machine, limit: Duration) -> Self {
        Self {
            machine,
            limit,
            assets: Vec::new(),
            gaps: Vec::new(),
            located: Vec::new(),
            images: BTreeMap::new(),
            has_logical_volume: false,
            begun: BTreeSet::new(),
            uppers: None,
            depth: 0,
        }
    }

    /// True the first time this asset is met.
    pub(super) fn begin(&mut self, id: &AssetId) -> bool {
        self.begun.insert(id.clone())
    }

    pub(super) fn add(&mut self, id: &AssetId, kind: AssetKind, name: impl Into<String>, bonds: Bonds) {
        self.assets.push(Asset { id: id.clone(), kind, name: name.into(), bonds });
    }

    pub(super) fn stored_on(&self, on: AssetId) -> Bond {
        Bond::observed(Nature::StoredOn, on, self.machine.now)
    }

    pub(super) fn needs(&self, on: AssetId) -> Bond {
        Bond::observed(Nature::Needs, on, self.machine.now)
    }

    /// Records that what lies below `id` is not known to the bottom.
    pub(super) fn unseen_below(&mut self, id: &AssetId, place: impl Into<String>, unseen: Unseen) {
        self.gaps.push(unseen.gap(GapScope::Below(id.clone()), place));
    }

    /// The asset that the path itself is.
    pub(super) fn path(&mut self, place: &Place) -> AssetId {
        match place.form {
            Form::Directory if place.is_whole_filesystem() => self.filesystem(place),
            Form::Directory => match self.subvolume_at(place) {
                Some(subvolume) => subvolume,
                None => self.directory(place),
            },
            Form::File => self.file(place),
            Form::Block(number) => self.block_number(number),
            Form::Other => self.directory(place),
        }
    }

    /// The path as a directory, even where it is the root of a filesystem or subvolume.
    pub(super) fn directory(&mut self, place: &Place) -> AssetId {
        let id = identity("directory", place);
        if self.begin(&id) {
            self.locate(&id, place);
            let home = self.home(place);
            let bonds = plain().with(self.stored_on(home)).complete(Nature::StoredOn);
            self.add(&id, AssetKind::Directory, shown(&place.path), bonds);
        }
        id
    }

    /// A regular file. Where it is an image that others are part of, it needs them.
    pub(super) fn file(&mut self, place: &Place) -> AssetId {
        let id = identity("file", place);
        if self.begin(&id) {
            self.locate(&id, place);
            let home = self.home(place);
            let bonds = Bonds::default().complete(Nature::CascadesFrom).complete(Nature::StoredOn);
            let bonds = bonds.with(self.stored_on(home));
            let bonds = self.image_needs(&id, place, bonds);
            self.add(&id, AssetKind::File, shown(&place.path), bonds);
        }
        id
    }

    /// What a directory or file lies in: a subvolume or a filesystem.
    fn home(&mut self, place: &Place) -> AssetId {
        match self.subvolume_of(place) {
            Some(subvolume) => subvolume,
            None => self.filesystem(place),
        }
    }

    pub(super) fn locate(&mut self, id: &AssetId, place: &Place) {
        let located = self.located_at(id.clone(), place);
        self.located.push(located);
    }

    pub(super) fn located_at(&mut self, asset: AssetId, place: &Place) -> Located {
        let uppers = self.uppers.get_or_insert_with(|| self.machine.uppers());
        let mut shown_at = appearances((place.mount.device, place.tree.clone()), uppers);
        let views = shown_at.iter().flat_map(|spot| self.machine.writable_views(spot)).collect();
        let spot = shown_at.remove(0);
        let hidden = |upper: &&Upper| upper.overlay == spot.0 && upper.directory.is_none();
        let hidden_upper = uppers.iter().find(hidden).cloned();
        Located { asset, path: place.path.clone(), spot, shown_at, views, hidden_upper }
    }

    /// Goes one step down, unless that leads too deep.
    pub(super) fn deeper<T>(&mut self, look: impl FnOnce(&mut Self) -> T) -> Result<T, Unseen> {
        if self.depth >= DEEPEST {
            return Err(Unseen::new(GapReason::Failed, format!("it stands more than {DEEPEST} levels deep")));
        }
        self.depth += 1;
        let found = look(self);
        self.depth -= 1;
        Ok(found)
    }

    pub(super) fn host(&mut self) -> AssetId {
        let ThisHost { asset: id, name } = this_host();
        if self.begin(&id) {
            self.add(&id, AssetKind::Host, name, plain().complete(Nature::StoredOn));
        }
        id
    }

    pub(super) fn memory(&mut self) -> AssetId {
        let id = AssetId(format!("memory:{}", node_name()));
        if self.begin(&id) {
            let host = self.host();
            let bonds = plain().with(self.stored_on(host)).complete(Nature::StoredOn);
            self.add(&id, AssetKind::Memory, format!("memory of {}", node_name()), bonds);
        }
        id
    }

    /// A path that something stands on, as an asset; records the gap below `above` where it cannot be
    /// followed.
    pub(super) fn follow(&mut self, path: &Path, above: &AssetId) -> Option<AssetId> {
        let seen = self.machine.place(path).and_then(|place| match place.form {
            Form::Other => Err(Unseen::new(GapReason::Unsupported, "nothing can be stored in it")),
            _ => Ok(place),
        });
        match seen.and_then(|place| self.deeper(|stack| stack.path(&place))) {
            Ok(asset) => Some(asset),
            Err(unseen) => {
                self.unseen_below(above, shown(path), unseen);
                None
            }
        }
    }
}

fn identity(kind: &str, place: &Place) -> AssetId {
    let (major, minor) = place.device;
    AssetId(format!("{kind}:{major}:{minor}:{}", place.inode))
}
