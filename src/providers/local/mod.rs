//! This machine: the volumes that paths are, the assets below them to the physical bottom, and the
//! recovery points that lie here. Only looks; needs no configuration.

mod appear;
mod block;
mod btrfs;
mod btrfs_places;
mod btrfs_points;
mod candidates;
mod copies;
mod filesystem;
mod found;
mod image_points;
mod ioctl;
mod items;
mod mountinfo;
mod nest;
mod place;
mod qcow2;
mod qcow2_places;
mod raid;
mod run;
mod sealed;
mod snapshot_view;
mod snapshots;
mod stack;
mod standing;
mod system;
mod unseen;
mod volume;

pub(in crate::providers) use btrfs_places::{is_on_btrfs, places_on_btrfs};
pub use candidates::{Candidate, CandidateKind, candidates, candidates_below};
pub use nest::{Reach, nest, reach};
pub(in crate::providers) use qcow2_places::{is_image, places_in_image};
pub use snapshot_view::{SnapshotView, newest_snapshot_view, snapshot_view_named};
pub use standing::{Standing, stand};
pub use system::{System, this_host};
pub use volume::volume_of;

use super::Provider;
use crate::domain::{Gap, GapReason, GapScope, Inventory, Timestamp, VolumeId};
use found::Search;
use futures_util::future::{BoxFuture, FutureExt, join_all};
use place::Machine;
use stack::Located;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;
use unseen::Unseen;

/// The provider that surveys this machine.
#[derive(Debug, Clone)]
pub struct Local {
    /// What somebody would miss.
    pub paths: Vec<PathBuf>,
    /// Directories whose entries are copies.
    pub copies: Vec<PathBuf>,
    /// Directories in which copies are looked for by content, each with the volume they are of where somebody says so.
    pub look_in: Vec<(PathBuf, Option<VolumeId>)>,
    /// Vaults that are looked at elsewhere: nothing is looked for in them.
    pub vaults: Vec<PathBuf>,
    /// How long looking at one path may take.
    pub limit: Duration,
    /// The moment that is written beside every observation.
    pub now: Timestamp,
    /// Where the kernel's trees are read.
    pub system: System,
}

impl Local {
    /// A survey of `paths` and of directories of `copies`, on this machine's own kernel.
    pub fn new(paths: Vec<PathBuf>, copies: Vec<PathBuf>, limit: Duration, now: Timestamp) -> Self {
        let (look_in, vaults) = (Vec::new(), Vec::new());
        Self { paths, copies, look_in, vaults, limit, now, system: System::default() }
    }

    async fn look(&self) -> Inventory {
        let mut inventory = Inventory::default();
        let mut located = Vec::new();
        let paths = self.paths.iter().map(|path| {
            let (asked, all, limit) = (path.clone(), self.paths.clone(), self.limit);
            let gap = Unlooked { path, scope: GapScope::Volume(system::shown(path)) };
            self.within_limit(gap, move |machine| volume::survey(&asked, &all, machine, limit))
        });
        for looked in join_all(paths).await {
            add(&mut inventory, &mut located, looked);
        }
        let of = self.only_volume(&inventory);
        let copies = self.copies.iter().map(|directory| {
            let (asked, limit, of, paths) = (directory.clone(), self.limit, of.clone(), self.paths.clone());
            let gap = Unlooked { path: directory, scope: GapScope::Points };
            self.within_limit(gap, move |machine| copies::survey(&asked, &paths, of.as_ref(), machine, limit))
        });
        for looked in join_all(copies).await {
            add(&mut inventory, &mut located, looked);
        }
        self.find(&mut inventory, &mut located).await;
        let volumes: Vec<_> = located
            .iter()
            .filter(|place| inventory.volumes.iter().any(|volume| volume.asset == place.asset))
            .cloned()
            .collect();
        nest::nest_located(&mut inventory.assets, &volumes, &located, self.now);
        inventory.sort();
        inventory
    }

    /// The volume that copies are of, where only one path was given.
    fn only_volume(&self, inventory: &Inventory) -> Option<VolumeId> {
        match (self.paths.as_slice(), inventory.volumes.as_slice()) {
            ([_], [volume]) => Some(volume.id.clone()),
            _ => None,
        }
    }

    /// Looks for recovery points by content: in the volumes, then in the directories to look in.
    async fn find(&self, inventory: &mut Inventory, located: &mut Vec<Located>) {
        let of = self.only_volume(inventory);
        let mut search = Search::new(self, inventory);
        for phase in [search.inside(inventory), search.look_in(of.as_ref())] {
            let looks = phase.iter().map(|job| {
                let gap = Unlooked { path: &job.root, scope: job.scope() };
                let (job, around, limit) = (job.clone(), search.around.clone(), self.limit);
                let indexing = search.indexing;
                self.within_limit(gap, move |machine| found::survey(&job, &around, indexing, machine, limit))
            });
            for looked in join_all(looks).await {
                let looked = looked.map(|(found, places, index)| {
                    search.indexes.extend(index);
                    (found, places)
                });
                add(inventory, located, looked);
            }
            search.share();
        }
    }

    /// Looks in a thread of its own, and goes on without it when it takes too long: a dead server can
    /// hold a thread for ever, and the runtime would wait at its end for a blocking task.
    async fn within_limit<T: Send + 'static>(
        &self,
        gap: Unlooked<'_>,
        look: impl FnOnce(&Machine) -> T + Send + 'static,
    ) -> Result<T, Gap> {
        let (sender, receiver) = oneshot::channel();
        let (system, now) = (self.system.clone(), self.now);
        let started = thread::Builder::new().name("survey".into()).spawn(move || {
            // Nobody may be waiting any more.
            let _ = sender.send(look(&Machine::look(&system, now)));
        });
        let unseen = match started {
            Err(error) => Unseen::io(&error),
            Ok(_) => match timeout(self.limit, receiver).await {
                Ok(Ok(found)) => return Ok(found),
                Ok(Err(_)) => {
                    Unseen::new(GapReason::Failed, "looking at it failed inside outlive; report it")
                }
                Err(_) => Unseen::new(
                    GapReason::TimedOut,
                    format!("no answer within {} s; is a server gone?", self.limit.as_secs_f32()),
                ),
            },
        };
        Err(unseen.gap(gap.scope, system::shown(gap.path)))
    }
}

/// Adds what a look brought, or the gap that it left.
fn add(
    inventory: &mut Inventory,
    located: &mut Vec<Located>,
    looked: Result<(Inventory, Vec<Located>), Gap>,
) {
    match looked {
        Ok((found, places)) => {
            inventory.merge(found);
            located.extend(places);
        }
        Err(gap) => inventory.gaps.push(gap),
    }
}

/// What stays open when a look takes too long.
struct Unlooked<'a> {
    path: &'a std::path::Path,
    scope: GapScope,
}

impl Provider for Local {
    fn kind(&self) -> &'static str {
        "local"
    }

    fn survey(&self) -> BoxFuture<'_, Inventory> {
        self.look().boxed()
    }
}
