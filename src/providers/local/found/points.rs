//! What was found, as recovery points. The best that can be said of one is that nothing is known against it.

use super::kind::{Content, Whole};
use super::repository::{Listing, Of, Saved, Tool};
use super::visit::Tied;
use super::{Around, Asked, Job, Thing, marker};
use crate::domain::{
    AssetId, Bond, Bonds, GapReason, Inventory, Known, Lock, LockMode, Nature, Owner, PointId, PointKind,
    RecoveryPoint, Timestamp, Usable, VolumeId,
};
use crate::providers::local::place::{Form, Place};
use crate::providers::local::stack::Stack;
use crate::providers::local::system::shown;
use crate::providers::local::unseen::Unseen;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Said of everything that was found.
const NEVER: &str = "found by its content; never restored by outlive";

/// Makes points of things, asking programs until `until` for what repositories hold.
pub(super) fn of(
    job: &Job,
    around: &Around,
    stack: &mut Stack,
    things: Vec<Thing>,
    until: Instant,
    inventory: &mut Inventory,
) {
    for thing in things {
        let path = thing.path().to_owned();
        let made = stack.machine.place(&path).and_then(|place| match thing {
            Thing::Content(_, content) => Ok(vec![of_content(job, stack, &place, content)]),
            Thing::Tied(tied) => Ok(vec![of_tied(stack, &place, &tied)]),
            Thing::Repository(_, tool) => {
                let limit = until.saturating_duration_since(Instant::now());
                let (listing, left) = tool.list(&place.path, &around.host, limit)?;
                inventory.gaps.extend(left.map(|unseen| job.gap(unseen, &path)));
                Ok(of_repository(job, around, stack, &place, tool, listing))
            }
            // It was named, and what it holds counts by that name.
            Thing::Vault(path) if marker(&path).is_some_and(|own| around.markers.contains(&own)) => {
                Ok(Vec::new())
            }
            Thing::Vault(_) => {
                let detail = "it is a vault of outlive; name it with --vault for what it holds to count";
                Err(Unseen::new(GapReason::Unsupported, detail))
            }
        });
        match made {
            Ok(points) => inventory.points.extend(points),
            Err(unseen) => inventory.gaps.push(job.gap(unseen, &path)),
        }
    }
}

impl Thing {
    fn path(&self) -> &Path {
        match self {
            Self::Content(path, _) | Self::Repository(path, _) | Self::Vault(path) => path,
            Self::Tied(tied) => &tied.path,
        }
    }
}

/// What the directory's place or whoever named it says that its points are of.
fn declared(job: &Job) -> Known<VolumeId> {
    match &job.asked {
        Asked::Inside(volume) => Known::Declared(volume.id.clone(), Owner("lies in the volume".into())),
        Asked::LookIn(Some((volume, owner))) => Known::Declared(volume.clone(), owner.clone()),
        Asked::LookIn(None) => Known::Unknown,
    }
}

fn point(stack: &Stack, id: String, name: String, kind: PointKind) -> RecoveryPoint {
    let now = stack.machine.now;
    RecoveryPoint {
        id: PointId(id),
        name,
        of: Known::Unknown,
        taken_at: Known::Unknown,
        kind,
        catalogued: None,
        drilled_at: Known::Unknown,
        consistency: Known::Unknown,
        bytes: Known::Unknown,
        lock: Known::Observed(Lock { mode: LockMode::None, until: None }, now),
        state: None,
        usable: Usable::Unproven(NEVER.into()),
        bonds: Bonds::default(),
    }
}

/// It lies in a file or directory, whose name is in another directory: what deletes that takes it along.
fn stored(stack: &mut Stack, place: &Place) -> Bonds {
    let now = stack.machine.now;
    let on = |id: AssetId| Bond::observed(Nature::StoredOn, id, now);
    let asset = stack.path(place);
    let mut bonds = Bonds::default().with(on(asset));
    if let Some(parent) = place.path.parent().and_then(|parent| stack.machine.place(parent).ok()) {
        bonds = bonds.with(on(stack.directory(&parent)));
    }
    bonds.complete(Nature::StoredOn)
}

fn of_content(job: &Job, stack: &mut Stack, place: &Place, content: Content) -> RecoveryPoint {
    let now = stack.machine.now;
    let mut bonds = stored(stack, place);
    if !content.needs_more {
        bonds = bonds.complete(Nature::Needs);
    }
    let path = shown(&place.path);
    let claim =
        content.claims.map(|at| format!(", which says that it is of {}", at.format("%Y-%m-%d %H:%M:%S")));
    let what = format!("{}{}", content.what, claim.unwrap_or_default());
    let usable = match content.whole {
        Whole::Ends => Usable::Unproven(format!("{what}; {NEVER}")),
        Whole::Open(why) => Usable::Unproven(format!("{what}; {why}; {NEVER}")),
        Whole::Cut(why) => Usable::No(format!("{what}; {why}")),
    };
    let at = oldest(place, content.claims);
    RecoveryPoint {
        of: declared(job),
        taken_at: at.map_or(Known::Unknown, |at| Known::Observed(at, now)),
        bytes: if place.form == Form::File { Known::Observed(place.bytes, now) } else { Known::Unknown },
        usable,
        bonds,
        ..point(stack, format!("found:{path}"), path, content.kind)
    }
}

/// The oldest of all times, never the more hopeful one: whoever copies or touches a file makes it no newer, and what a
/// file says of itself can make it older only.
fn oldest(place: &Place, claims: Option<Timestamp>) -> Option<Timestamp> {
    place.born.into_iter().chain(place.modified).chain(claims).min()
}

fn of_tied(stack: &mut Stack, place: &Place, tied: &Tied) -> RecoveryPoint {
    let now = stack.machine.now;
    let path = shown(&place.path);
    let which = match (place.form, tied.of) {
        (Form::File, _) => "it".to_owned(),
        (_, of) => format!("{} of its {of} files", tied.count),
    };
    let (prefix, bonds, why) = match tied.kind {
        PointKind::HardLink => {
            // By its names only: deleting the volume's name leaves this one, and both are one file.
            let home = match place.form {
                Form::File => place.path.parent().and_then(|parent| stack.machine.place(parent).ok()),
                _ => None,
            };
            let home = stack.directory(home.as_ref().unwrap_or(place));
            let bonds = Bonds::default().with(Bond::observed(Nature::StoredOn, home, now));
            let why = "the volume's own file under another name: deleting one name leaves the other, \
                       overwriting changes both; no copy";
            ("hardlink", bonds.complete(Nature::StoredOn), why.to_owned())
        }
        _ => {
            let why = format!(
                "shares {} bytes with the volume on the same filesystem (reflink): not an independent copy of \
                 the bytes, it dies with the filesystem",
                tied.bytes
            );
            ("reflink", stored(stack, place), why)
        }
    };
    let at = oldest(place, None);
    RecoveryPoint {
        of: Known::Observed(tied.volume.clone(), now),
        // Of a tree nothing single is the time; of the same file, its state is the volume's own.
        taken_at: match (place.form, tied.kind) {
            (Form::File, PointKind::Reflink) => at.map_or(Known::Unknown, |at| Known::Observed(at, now)),
            _ => Known::Unknown,
        },
        bytes: if place.form == Form::File { Known::Observed(place.bytes, now) } else { Known::Unknown },
        usable: Usable::Unproven(format!("{which}: {why}; {NEVER}")),
        bonds: bonds.complete(Nature::Needs),
        ..point(stack, format!("{prefix}:{path} of {}", tied.volume), path, tied.kind)
    }
}

fn of_repository(
    job: &Job,
    around: &Around,
    stack: &mut Stack,
    place: &Place,
    tool: Tool,
    listing: Listing,
) -> Vec<RecoveryPoint> {
    let mut bonds = stored(stack, place);
    if !listing.needs_key {
        bonds = bonds.complete(Nature::Needs);
    }
    let now = stack.machine.now;
    let path = shown(&place.path);
    let why = format!("listed by {}; never restored by outlive", tool.word());
    let mut points = Vec::new();
    for saved in listing.saved {
        for of in volumes(job, around, &saved, now) {
            let whose = of.value().map(|volume| format!(" of {volume}")).unwrap_or_default();
            let id = format!("{}:{path}/{}{whose}", tool.word(), saved.id);
            points.push(RecoveryPoint {
                of,
                taken_at: saved.at.map_or(Known::Unknown, |at| Known::Observed(at, now)),
                usable: Usable::Unproven(why.clone()),
                bonds: bonds.clone(),
                ..point(stack, id, format!("{path}: {}", saved.name), tool.kind())
            });
        }
    }
    points
}

/// The volumes that a saved state holds; one unknown one where that cannot be told.
fn volumes(job: &Job, around: &Around, saved: &Saved, now: Timestamp) -> Vec<Known<VolumeId>> {
    let holds = |paths: &[PathBuf], volume: &Path| paths.iter().any(|path| volume.starts_with(path));
    let named: Vec<_> = match &saved.of {
        Of::Silent => return vec![declared(job)],
        Of::Else => Vec::new(),
        Of::Paths(paths) => around.volumes.iter().filter(|(_, path)| holds(paths, path)).collect(),
        Of::Just(paths) => around.volumes.iter().filter(|(_, path)| paths.contains(path)).collect(),
    };
    match named.is_empty() {
        true => vec![Known::Unknown],
        false => named.into_iter().map(|(volume, _)| Known::Observed(volume.clone(), now)).collect(),
    }
}
