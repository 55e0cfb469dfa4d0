//! What pages were made from, as digests: of facts that do not change by themselves. Ages are none of them.

use super::index::At;
use super::look::Found;
use super::{Scene, known};
use crate::domain::{Kind, Problem, VolumeId};
use crate::report::runbook::{MadeFrom, Procedure, Runbook, Runbooks};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// SHA-256 of a value as JSON. Some values cannot be written; those are never the same as others.
fn sum(of: impl Into<String>, value: &impl Serialize) -> MadeFrom {
    let bytes = serde_json::to_vec(value).map_err(|error| Problem::new(Kind::Internal, error.to_string()));
    let bytes = bytes.unwrap_or_else(|problem| problem.what.into_bytes());
    let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    MadeFrom { of: of.into(), sha256 }
}

/// Everything that the pages were made from, part by part, so that what changed can be named.
pub(super) fn made_from(made: &Runbooks, scene: &Scene<'_>) -> Vec<MadeFrom> {
    let mut all = vec![
        sum("the program's version", &made.version),
        MadeFrom { of: "the estate file".into(), sha256: made.config_sha256.clone() },
        sum("the vaults", &made.vaults),
        sum(
            "the drills' definitions",
            &scene.drills.iter().map(|drill| (&drill.name, &drill.digest)).collect::<Vec<_>>(),
        ),
    ];
    for runbook in &made.runbooks {
        let of = |what: &str| format!("{}: {what}", runbook.volume);
        all.push(sum(of("copies in vaults"), &copies(runbook, scene)));
        all.push(sum(of("what survives"), &survives(runbook)));
        all.push(sum(of("what reaches it"), &(&runbook.reaching, runbook.reaching_more)));
        all.push(sum(of("its drills"), &(&runbook.drill.outcome, &runbook.drill.drill, &runbook.measured)));
        all.push(sum(
            of("its commands"),
            &runbook.procedures.iter().map(|way| (&way.vault, &way.point, &way.steps)).collect::<Vec<_>>(),
        ));
    }
    all
}

/// SHA-256 over what people are told to do: whom and what they revoke, which ways back there are, what they check and whom they call. Which
/// copy it is, how old, how large and how it was proved is none of it.
pub(super) fn acts(made: &Runbooks, scene: &Scene<'_>) -> String {
    let order: Vec<_> = made.order.iter().map(|one| (&one.volume, &one.owner, &one.after)).collect();
    let of_volume = |runbook: &Runbook| {
        let reaching = runbook.reaching.iter().map(|one| {
            let takes = (one.points > 0, one.open > 0);
            (one.name.clone(), one.takes_primary.clone(), takes)
        });
        let all = (
            (&runbook.volume, &runbook.path, &runbook.host, &runbook.after),
            // By name: in what order they stand hangs on how many copies there are.
            reaching.collect::<std::collections::BTreeSet<_>>(),
            survives(runbook),
            runbook.procedures.iter().map(|way| typed(way, scene)).collect::<Vec<_>>(),
            (&runbook.checks, &runbook.providers),
        );
        sum("", &all).sha256
    };
    let volumes: Vec<String> = made.runbooks.iter().map(of_volume).collect();
    sum("", &(made.version, order, &made.escrow, &made.vaults, volumes)).sha256
}

/// What is typed in one way, whichever copy it names; where nothing is, what is said.
fn typed(way: &Procedure, scene: &Scene<'_>) -> (String, Vec<String>) {
    let found = (scene.vaults.iter().filter(|looked| looked.entry.id == way.vault))
        .filter_map(|looked| looked.found.as_ref().ok())
        .find_map(|vault| {
            let found = vault.points.iter().find(|found| found.short == way.point)?;
            let is_newer = |other: &Found| other.volume == found.volume && other.taken_at > found.taken_at;
            // Where a newer one is passed over, which one is named matters: pages say to look for newer ones only.
            (!vault.points.iter().any(is_newer)).then_some(found)
        });
    let nameless = |text: &String| match found {
        Some(found) => text.replace(&found.root, "ROOT").replace(&found.short, "POINT"),
        None => text.clone(),
    };
    let said = way.steps.iter().flat_map(|step| match step.commands.as_slice() {
        [] => vec![nameless(&step.what)],
        commands => commands.iter().map(nameless).collect(),
    });
    (way.vault.clone(), said.collect())
}

/// A copy in a vault: which vault, its id, its state, its lock, and when it was last restored.
type Copied<'a> = (&'a str, &'a str, String, String, Option<String>);

fn copies<'a>(runbook: &Runbook, scene: &'a Scene<'_>) -> Vec<Copied<'a>> {
    let of_volume = scene.index.of_volume.get(&VolumeId(runbook.volume.clone()));
    let copied = |at: &At| {
        let (looked, found) = scene.found(*at)?;
        let point = scene.audited.graph.point(&found.point)?;
        let state = format!("{:?} {:?}", point.state, point.usable);
        let lock = format!("{:?}", point.lock.value());
        let restored = known(&point.drilled_at).flatten().map(|at| at.to_rfc3339());
        Some((looked.entry.id.as_str(), found.short.as_str(), state, lock, restored))
    };
    of_volume.into_iter().flatten().filter_map(copied).collect()
}

/// Whether something is left after each loss. Which snapshot of this hour it is changes all the time, and no command names it.
fn survives(runbook: &Runbook) -> Vec<(&str, bool, &str)> {
    let left = |left: &str| match left {
        "NONE" => "none",
        unknown if unknown.starts_with("unknown: ") => "unknown",
        _ => "some",
    };
    runbook.hazards.iter().map(|one| (one.hazard.as_str(), one.takes_primary, left(&one.left))).collect()
}
