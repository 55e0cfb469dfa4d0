//! Whom of the providers to call, and what the catalogue says that they can undo.

use super::Scene;
use crate::catalogue::{Deleted, KindStatements};
use crate::domain::{AssetKind, say_duration};
use crate::estate::{StandsOn, VolumeEntry};
use crate::report::runbook::{Escalation, Statement};
use chrono::TimeDelta;

/// The providers of a volume and of the vaults with copies of it.
pub(super) fn escalations(scene: &Scene<'_>, entry: &VolumeEntry) -> Vec<Escalation> {
    let estate = scene.estate;
    let own = match entry.stands_on.assets.is_empty() && entry.path.is_some() {
        true => &estate.host,
        false => &entry.stands_on,
    };
    let known: Vec<String> = (scene.audited.graph.points_of(&entry.id))
        .filter_map(|point| point.catalogued.as_deref().map(str::to_owned))
        .collect();
    let primary = [Deleted::Volume, Deleted::Host, Deleted::Project, Deleted::Account];
    let mut all: Vec<Escalation> = names(own)
        .into_iter()
        .map(|provider| one(scene, provider, "the primary".into(), &known, &primary))
        .collect();
    for vault in &estate.vaults {
        let holds = estate.copies_to(&vault.id).any(|copy| copy.volume == entry.id);
        for provider in names(&vault.stands_on).into_iter().filter(|_| holds) {
            let bucket = [Deleted::Bucket, Deleted::Project, Deleted::Account];
            all.push(one(scene, provider, format!("the vault {}", vault.id), &[], &bucket));
        }
    }
    all.dedup();
    all
}

/// The provider, and the one that it builds on.
fn names(stands_on: &StandsOn) -> Vec<&str> {
    let of = |kind| stands_on.assets.get(&kind).map(String::as_str);
    let both = [of(AssetKind::Provider), of(AssetKind::UpstreamProvider)];
    let mut names: Vec<&str> = both.into_iter().flatten().collect();
    names.dedup_by_key(|name| name.to_lowercase());
    names
}

fn one(
    scene: &Scene<'_>,
    provider: &str,
    holds: String,
    known: &[String],
    deleted: &[Deleted],
) -> Escalation {
    let of_provider: Vec<&KindStatements> = (scene.audited.catalogue.kinds())
        .filter(|kind| kind.provider() == provider.to_lowercase().replace(' ', "-"))
        .collect();
    // Where it is known of which kind the copies are, the rest would only be noise.
    let of_kind = |kind: &&&KindStatements| known.contains(&kind.name);
    let kinds: Vec<&KindStatements> = match of_provider.iter().any(|kind| known.contains(&kind.name)) {
        true => of_provider.iter().filter(of_kind).copied().collect(),
        false => of_provider,
    };
    let statements = kinds.into_iter().flat_map(|kind| {
        deleted.iter().filter_map(move |of| Some((of, kind.deletion.get(of)?))).map(move |(of, stated)| {
            let undelete = stated.says.grace.map(|grace| grace.seconds);
            Statement {
                kind: kind.title.clone(),
                about: format!("deleting the {}", of.asset_kind().word()),
                says: stated.says.effect.word().to_owned(),
                undelete_seconds: undelete,
                note: with_window(&stated.note, undelete),
                certainty: stated.certainty.word().to_owned(),
                source: format!("{}, {}", stated.source.address, stated.source.read),
            }
        })
    });
    Escalation { provider: provider.to_owned(), holds, statements: statements.collect() }
}

fn with_window(note: &str, undelete: Option<u64>) -> String {
    let span = undelete.and_then(|seconds| i64::try_from(seconds).ok()).and_then(TimeDelta::try_seconds);
    match span {
        Some(span) => format!("{note} (ask before {} are over)", say_duration(span)),
        None => note.to_owned(),
    }
}
