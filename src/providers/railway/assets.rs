//! What was seen, as an inventory: assets and why each of them goes.
//!
//! A volume of Railway belongs to a project and has an instance in each environment, which holds the data. Deleting names no
//! environment: there is no call for one instance. So each instance goes along with its volume, and the volume with each of
//! its instances, because that is what "deleting the volume of staging" comes to. What deleting an environment does to them
//! nobody established: what takes an instance along is never wholly known.

use super::instances::Instance;
use super::look::{InProject, Seen, Thing};
use super::points::in_bucket;
use super::who::Who;
use super::{KIND, Work};
use crate::domain::{
    AccountSeen, Answer, Asset, AssetId, AssetKind, Bond, Bonds, Gap, GapReason, GapScope, How, Inventory,
    MayDelete, Nature, OneAct, Reached, ReachedKind, Source, Volume, VolumeKind,
};
use std::collections::BTreeMap;
use std::sync::PoisonError;

/// The call that deletes a volume.
const DELETE: &str = "volumeDelete";
/// How many buckets times volumes of a project are told one by one.
const MOST_HELD: usize = 10_000;

/// Where it stands that deleting a volume names no environment.
const API: (&str, &str) = ("https://github.com/railwayapp/cli (introspection of the API)", "2026-08-21");
/// Where it stands that such a token may do all that its owner may.
const TOKENS: (&str, &str) = ("https://github.com/railwayapp/docs (the public API)", "2026-08-21");
/// Where it stands what becomes of volumes and buckets.
const VOLUMES: (&str, &str) =
    ("https://github.com/railwayapp/docs/blob/main/content/docs/volumes/reference.md", "2026-08-21");
const BUCKETS: (&str, &str) = ("https://github.com/railwayapp/docs (storage-buckets.md)", "2026-08-21");

fn documented(nature: Nature, on: AssetId, (address, read): (&str, &str)) -> Bond {
    let how = How::Documented(Source { address: address.to_owned(), read: read.to_owned() });
    Bond { nature, on: vec![on], dies_at: 1, how, grace: None }
}

fn provider_id() -> AssetId {
    AssetId(format!("provider:{KIND}"))
}

fn account_id(workspace: &str) -> AssetId {
    AssetId(format!("account:{KIND}/{workspace}").to_lowercase())
}

fn project_id(project: &str) -> AssetId {
    AssetId(format!("project:{KIND}/{project}").to_lowercase())
}

fn volume_id(volume: &str) -> AssetId {
    AssetId(format!("volume:{KIND}/{volume}"))
}

/// The asset that a bucket is.
pub(super) fn bucket_id(bucket: &str) -> AssetId {
    AssetId(format!("bucket:{KIND}/{bucket}"))
}

/// Who may delete a thing that the token reaches: the token itself, where it is documented that its kind may. Who else may is
/// not known.
fn deletable(work: &Work<'_>, who: &Who, bonds: Bonds) -> Bonds {
    match who.may_delete() {
        MayDelete::Yes => bonds.with(documented(Nature::DeletableBy, work.own.credential.clone(), TOKENS)),
        MayDelete::Unknown => bonds,
    }
}

/// What is known of every backup besides what the catalogue says of its kind.
pub(super) fn backup_bonds(work: &Work<'_>, who: &Who) -> Bonds {
    deletable(work, who, Bonds::default())
}

/// Everything that was seen.
pub(super) fn inventory(work: &Work<'_>, who: &Who, seen: Seen, gaps: Vec<Gap>) -> Inventory {
    let mut made =
        Made { work, who, all: Inventory { gaps, ..Inventory::default() }, regions: BTreeMap::new() };
    made.places(&seen);
    let account = made.account(&seen);
    let mut by_project: Vec<Vec<&Instance>> = vec![Vec::new(); seen.projects.len()];
    for (place, instance) in &seen.instances {
        by_project[*place].push(instance);
    }
    for (project, instances) in seen.projects.iter().zip(&by_project) {
        made.volumes(project, instances);
        made.buckets(project, instances);
    }
    let mut all = made.all;
    // What buckets may hold comes behind them: that is little.
    let mut points = std::mem::take(&mut *work.points.lock().unwrap_or_else(PoisonError::into_inner));
    points.append(&mut all.points);
    all.points = points;
    all.accounts.push(account);
    all
}

struct Made<'m, 'r> {
    work: &'m Work<'r>,
    who: &'m Who,
    all: Inventory,
    regions: BTreeMap<AssetId, String>,
}

impl Made<'_, '_> {
    fn observed(&self, nature: Nature, on: AssetId) -> Bond {
        Bond::observed(nature, on, self.work.own.now)
    }

    fn add(&mut self, id: AssetId, kind: AssetKind, name: String, bonds: Bonds) {
        self.all.assets.push(Asset { id, kind, name, bonds });
    }

    /// The provider, the workspaces, the projects with their environments, and the regions.
    fn places(&mut self, seen: &Seen) {
        let whole = || Bonds::default().complete(Nature::Needs).complete(Nature::CascadesFrom);
        // On whom Railway builds is not known here: then it is not known to the bottom what anything there stands on.
        self.add(provider_id(), AssetKind::Provider, KIND.into(), whole());
        let on_provider = |made: &Self| {
            whole().with(made.observed(Nature::StoredOn, provider_id())).complete(Nature::StoredOn)
        };
        let named = seen.projects.iter().filter_map(|project| project.workspace.as_ref());
        let workspaces: BTreeMap<&str, &Thing> =
            named.chain(&seen.workspaces).map(|workspace| (workspace.id.as_str(), workspace)).collect();
        for workspace in workspaces.into_values() {
            let bonds = on_provider(self);
            self.add(
                account_id(&workspace.id),
                AssetKind::Account,
                format!("{KIND}/{}", workspace.name),
                bonds,
            );
        }
        for project in &seen.projects {
            let mut bonds = on_provider(self);
            match &project.workspace {
                Some(workspace) => {
                    bonds.list.push(self.observed(Nature::StoredOn, account_id(&workspace.id)))
                }
                None => bonds.complete.remove(Nature::StoredOn),
            }
            let own = project_id(&project.own.id);
            self.add(own.clone(), AssetKind::Project, format!("{KIND}/{}", project.own.name), bonds);
            for environment in &project.environments {
                let bonds = whole()
                    .with(self.observed(Nature::StoredOn, own.clone()))
                    .with(self.observed(Nature::CascadesFrom, own.clone()))
                    .complete(Nature::StoredOn);
                let id = project_id(&format!("{}/{}", project.own.id, environment.id));
                let name = format!("{KIND}/{}/{} (environment)", project.own.name, environment.name);
                self.add(id, AssetKind::Project, name, bonds);
            }
        }
        for (_, instance) in &seen.instances {
            if let Some(region) = &instance.region {
                let id = AssetId(format!("region:{KIND}/{region}").to_lowercase());
                self.regions.entry(id).or_insert_with(|| format!("{KIND}/{region}"));
            }
        }
        for (id, name) in self.regions.clone() {
            let bonds = on_provider(self);
            self.add(id, AssetKind::Region, name, bonds);
        }
    }

    /// The volumes of a project, and each of them in each environment.
    fn volumes(&mut self, project: &InProject, instances: &[&Instance]) {
        let mut of_volume: BTreeMap<&str, Vec<&Instance>> = BTreeMap::new();
        for instance in instances {
            if let Some(volume) = &instance.volume {
                of_volume.entry(volume).or_default().push(instance);
            }
            self.instance(project, instance);
        }
        for volume in &project.volumes {
            of_volume.entry(&volume.id).or_default();
        }
        for (volume, instances) in of_volume {
            let called =
                project.volumes.iter().find(|known| known.id == volume).map_or(volume, |known| &known.name);
            let mut bonds = Bonds::default()
                .with(self.observed(Nature::StoredOn, project_id(&project.own.id)))
                .with(documented(Nature::CascadesFrom, project_id(&project.own.id), VOLUMES));
            for instance in instances {
                bonds.list.push(documented(Nature::CascadesFrom, volume_id(&instance.id), API));
            }
            if let Some(workspace) = &project.workspace {
                bonds.list.push(self.observed(Nature::AdministeredBy, account_id(&workspace.id)));
            }
            let bonds = deletable(self.work, self.who, bonds);
            let name = format!("{KIND}/{}/{called} (in all its environments)", project.own.name);
            self.add(volume_id(volume), AssetKind::Volume, name, bonds);
        }
    }

    fn instance(&mut self, project: &InProject, instance: &Instance) {
        let mut bonds = Bonds::default()
            .with(self.observed(Nature::StoredOn, project_id(&project.own.id)))
            .with(documented(Nature::CascadesFrom, project_id(&project.own.id), VOLUMES));
        if let Some(region) = &instance.region {
            let region = AssetId(format!("region:{KIND}/{region}").to_lowercase());
            bonds = bonds.with(self.observed(Nature::StoredOn, region)).complete(Nature::StoredOn);
        }
        if let Some(volume) = &instance.volume {
            bonds.list.push(documented(Nature::CascadesFrom, volume_id(volume), API));
        }
        if let Some(workspace) = &project.workspace {
            bonds.list.push(self.observed(Nature::AdministeredBy, account_id(&workspace.id)));
        }
        let (id, name) = (instance.volume_id(), instance.name.clone());
        let asset = volume_id(&instance.id);
        self.all.volumes.push(Volume {
            id,
            name: name.clone(),
            kind: VolumeKind::Provided,
            asset: asset.clone(),
        });
        self.add(asset, AssetKind::Volume, name, bonds);
    }

    /// The buckets of a project. Whoever asks with the token gets keys that delete what is in them.
    fn buckets(&mut self, project: &InProject, instances: &[&Instance]) {
        if project.buckets.len().saturating_mul(instances.len()) > MOST_HELD {
            let what = "what its buckets may hold of which volume is not told one by one: there are too many";
            let part = format!("buckets of project {}", project.own.name);
            self.all.gaps.push(self.work.gap_because(
                GapScope::Points,
                &part,
                GapReason::Unsupported,
                what.into(),
            ));
            return;
        }
        for bucket in &project.buckets {
            let id = bucket_id(&bucket.id);
            let keys = AssetId(format!("credential:{KIND}/{}.s3-keys", bucket.id));
            let yielded = Bonds::default().with(documented(
                Nature::YieldedBy,
                self.work.own.credential.clone(),
                BUCKETS,
            ));
            self.add(keys.clone(), AssetKind::Credential, format!("{KIND}/{}.s3-keys", bucket.name), yielded);
            let bonds = Bonds::default()
                .with(self.observed(Nature::StoredOn, project_id(&project.own.id)))
                .with(documented(Nature::CascadesFrom, project_id(&project.own.id), BUCKETS))
                .with(documented(Nature::DeletableBy, keys, BUCKETS))
                .complete(Nature::StoredOn);
            let bonds = deletable(self.work, self.who, bonds);
            let name = format!("{KIND}/{}/{}", project.own.name, bucket.name);
            self.add(id.clone(), AssetKind::Bucket, name, bonds);
            let held = Bonds::default().with(self.observed(Nature::StoredOn, id.clone())).with(documented(
                Nature::CascadesFrom,
                id,
                BUCKETS,
            ));
            for instance in instances {
                self.all.points.push(in_bucket(self.work, instance, bucket, &held));
            }
        }
    }

    /// Whose eyes saw it, and what they reach.
    fn account(&self, seen: &Seen) -> AccountSeen {
        let mut reaches = Vec::new();
        let mut reach =
            |what, id: &str, name: String| reaches.push(Reached { what, id: id.to_owned(), name });
        for workspace in &seen.workspaces {
            reach(ReachedKind::Workspace, &workspace.id, workspace.name.clone());
        }
        for project in &seen.projects {
            let name = &project.own.name;
            reach(ReachedKind::Project, &project.own.id, name.clone());
            for (what, things) in [
                (ReachedKind::Environment, &project.environments),
                (ReachedKind::Volume, &project.volumes),
                (ReachedKind::Bucket, &project.buckets),
            ] {
                things.iter().for_each(|thing| reach(what, &thing.id, format!("{name}/{}", thing.name)));
            }
        }
        let note = match self.who.may_delete() {
            MayDelete::Yes => "It names no environment",
            MayDelete::Unknown => {
                "It names no environment: where others than this token's have the volume too, it goes there as well"
            }
        };
        let mut acts: BTreeMap<&str, OneAct> = BTreeMap::new();
        for ((place, instance), found) in seen.instances.iter().zip(&seen.found) {
            reach(ReachedKind::Instance, &instance.id, instance.name.clone());
            let Some(volume) = &instance.volume else { continue };
            let project = &seen.projects[*place];
            let called =
                project.volumes.iter().find(|known| known.id == *volume).map_or(volume, |known| &known.name);
            let act = acts.entry(volume).or_insert_with(|| OneAct {
                call: DELETE.into(),
                on: volume_id(volume),
                name: format!("{}/{called}", project.own.name),
                takes: Vec::new(),
                points: 0,
                note: Some(note.to_owned()),
            });
            act.takes.push(instance.name.clone());
            act.points += found.backups;
        }
        reaches.sort();
        AccountSeen {
            provider: self.work.own.provider.clone(),
            kind: KIND.into(),
            asked_at: self.work.own.now,
            answer: Answer::Fresh,
            credential: self.work.own.credential.clone(),
            token: self.who.kind,
            may_delete: self.who.may_delete(),
            reaches,
            beyond: beyond(seen),
            acts: acts.into_values().collect(),
            schedules: seen.found.iter().flat_map(|found| found.schedules.clone()).collect(),
            requests: self.work.transport.sent(),
        }
    }
}

/// The environments that a project token was told of and is not for.
fn beyond(seen: &Seen) -> Vec<Reached> {
    let of = |project: &InProject| {
        let reached = |environment: &Thing| Reached {
            what: ReachedKind::Environment,
            id: environment.id.clone(),
            name: format!("{}/{}", project.own.name, environment.name),
        };
        project.beyond.iter().map(reached).collect::<Vec<_>>()
    };
    seen.projects.iter().flat_map(of).collect()
}
