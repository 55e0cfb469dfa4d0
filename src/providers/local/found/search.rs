//! Which directories are looked into, in which order, and what each look has to know.

use super::{Around, Asked, Indexing, Job, identity, marker};
use crate::domain::{GapScope, Inventory, Owner, VolumeId, VolumeKind};
use crate::providers::local::Local;
use crate::providers::local::found::Index;
use crate::providers::local::system::{node_name, shown};
use std::path::PathBuf;
use std::sync::Arc;

/// One search, over all directories.
pub(in crate::providers::local) struct Search {
    pub(in crate::providers::local) around: Around,
    pub(in crate::providers::local) indexing: Indexing,
    pub(in crate::providers::local) indexes: Vec<Index>,
    look_in: Vec<(PathBuf, Option<VolumeId>)>,
    paths: Vec<PathBuf>,
}

impl Search {
    pub(in crate::providers::local) fn new(local: &Local, inventory: &Inventory) -> Self {
        let real = |path: &PathBuf| std::fs::canonicalize(path).unwrap_or_else(|_| path.clone());
        let paths: Vec<_> = local.paths.iter().map(real).collect();
        let mut look_in: Vec<_> = local.look_in.iter().map(|(path, of)| (real(path), of.clone())).collect();
        look_in.sort();
        look_in.dedup();
        // Named for two volumes: of which one its points are, nobody says.
        let twice = |path: &PathBuf| look_in.iter().filter(|(other, _)| other == path).count() > 1;
        let mut once: Vec<_> =
            look_in.iter().map(|(path, of)| (path.clone(), of.clone().filter(|_| !twice(path)))).collect();
        once.dedup();
        let known = paths.iter().chain(once.iter().map(|(path, _)| path)).chain(&local.vaults);
        let volumes = paths.iter().filter_map(|path| {
            let volume = inventory.volumes.iter().find(|volume| volume.name == shown(path))?;
            Some((volume.id.clone(), path.clone()))
        });
        let around = Around {
            volumes: volumes.collect(),
            known: known.filter_map(|path| identity(path)).collect(),
            markers: local.vaults.iter().filter_map(|path| marker(path)).collect(),
            shared: Arc::default(),
            host: node_name(),
        };
        let indexing = if once.is_empty() { Indexing::No } else { Indexing::Yes };
        Self { around, indexing, indexes: Vec::new(), look_in: once, paths }
    }

    /// The volumes in which something can lie, and files that others may share bytes with.
    pub(in crate::providers::local) fn inside(&self, inventory: &Inventory) -> Vec<Job> {
        let volumes = self.paths.iter().filter_map(|path| {
            // A place to look in is looked at as such, and only once.
            let is_asked = self.look_in.iter().any(|(other, _)| other == path);
            let volume = inventory.volumes.iter().find(|volume| volume.name == shown(path))?;
            let is_looked_at = match volume.kind {
                VolumeKind::Filesystem | VolumeKind::Subvolume | VolumeKind::Directory => !is_asked,
                VolumeKind::Image => self.indexing == Indexing::Yes,
                _ => false,
            };
            is_looked_at.then(|| Job { root: path.clone(), asked: Asked::Inside(volume.clone()) })
        });
        volumes.collect()
    }

    /// The directories to look in. Where only one volume was named, they are of it.
    pub(in crate::providers::local) fn look_in(&self, only: Option<&VolumeId>) -> Vec<Job> {
        let job = |(path, of): &(PathBuf, Option<VolumeId>)| {
            let of = match (of, only) {
                (Some(of), _) => Some((of.clone(), Owner("look_in".into()))),
                (None, Some(only)) => Some((only.clone(), Owner("--look-in".into()))),
                (None, None) => None,
            };
            Job { root: path.clone(), asked: Asked::LookIn(of) }
        };
        self.look_in.iter().map(job).collect()
    }

    /// What was noted of volumes is there for all looks that follow.
    pub(in crate::providers::local) fn share(&mut self) {
        self.around.shared = Arc::new(std::mem::take(&mut self.indexes));
    }
}

impl Job {
    /// What stays open when it cannot be looked at.
    pub(in crate::providers::local) fn scope(&self) -> GapScope {
        match &self.asked {
            Asked::Inside(volume) => GapScope::PointsOf(volume.id.clone()),
            Asked::LookIn(Some((volume, _))) => GapScope::PointsOf(volume.clone()),
            Asked::LookIn(None) => GapScope::Points,
        }
    }
}
