//! Volumes and what things stand on.

use super::super::{StandsOn, VolumeEntry, Waiver};
use super::Known;
use super::names::Names;
use super::value::{Table, Value};
use super::words::shown;
use crate::domain::{AssetKind, VolumeId};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The kinds of asset that a thing can be declared to stand on, with their keys.
const KINDS: [(&str, AssetKind); 9] = [
    ("host", AssetKind::Host),
    ("site", AssetKind::Site),
    ("region", AssetKind::Region),
    ("project", AssetKind::Project),
    ("account", AssetKind::Account),
    ("organisation", AssetKind::Organisation),
    ("provider", AssetKind::Provider),
    ("upstream_provider", AssetKind::UpstreamProvider),
    ("network", AssetKind::Network),
];

/// All volumes, in the order of the file.
pub(super) fn volumes(tables: &[Table<'_>], known: &Known<'_>) -> Vec<VolumeEntry> {
    let mut paths = BTreeMap::new();
    tables.iter().filter_map(|table| one(table, known, &mut paths)).collect()
}

fn one(table: &Table<'_>, known: &Known<'_>, paths: &mut BTreeMap<PathBuf, usize>) -> Option<VolumeEntry> {
    let id = table.required("id").and_then(|id| id.as_text());
    let path = table.get("path").and_then(|value| {
        let path = value.path()?;
        if let Some(at) = paths.insert(path.clone(), value.at) {
            let what = format!("is the path of the volume on line {} too", table.file.line(at));
            value.complain(what, "make one volume of them, or name another path");
        }
        Some(path)
    });
    let policy = table.get("policy").and_then(|value| known.policy(&value));
    let owner = table.get("owner").and_then(|value| value.owner());
    let look_in = table.get("look_in").and_then(|value| value.list()).unwrap_or_default();
    let look_in = look_in.iter().filter_map(|value| value.path()).collect();
    let stands_on = stands_on(table);
    let waive_drill = table.get("waive_drill").and_then(|value| waiver(&value, "waive_drill"));
    if let Some(value) = table.get("is") {
        is(&value, &known.providers);
    }
    Some(VolumeEntry {
        id: VolumeId(id?.to_owned()),
        path,
        policy: policy.unwrap_or_else(|| "default".to_owned()),
        owner,
        look_in,
        stands_on,
        waive_drill,
        line: table.file.line(table.at),
    })
}

/// `provider:its name there`: which thing of a provider the volume is.
fn is(value: &Value<'_>, providers: &Names) {
    let Some(text) = value.text() else { return };
    match text.split_once(':') {
        Some((provider, name)) if !name.is_empty() && providers.has(provider) => {
            let because = format!(
                "the provider `{provider}` is not asked what it holds yet: the volume is judged by what is declared"
            );
            value.file.leave_undone(value.at, value.key.clone(), because);
        }
        Some((provider, name)) if !name.is_empty() => {
            value.complain(
                format!("names a provider {} that is not there", shown(provider)),
                "add it as [[provider]]",
            );
        }
        _ => value.complain("must name a provider and something it holds", "write it as \"PROVIDER:NAME\""),
    }
}

/// What somebody decided to leave out, under this key.
pub(super) fn waiver(value: &Value<'_>, key: &'static str) -> Option<Waiver> {
    let table = value.table(key)?;
    let reason = table.required("reason").and_then(|value| value.text());
    let owner = table.required("owner").and_then(|value| value.owner());
    let until = table.required("until").and_then(|value| value.moment());
    Some(Waiver { reason: crate::domain::printable(reason?.as_bytes()), owner: owner?, until: until? })
}

/// What a table's `stands_on` declares; nothing where it has none.
pub(super) fn stands_on(table: &Table<'_>) -> StandsOn {
    let Some(table) = table.get("stands_on").and_then(|value| value.table("stands_on")) else {
        return StandsOn::default();
    };
    let mut assets = BTreeMap::new();
    for (key, kind) in KINDS {
        if let Some(name) = table.get(key).and_then(|value| value.text()) {
            assets.insert(kind, name.trim().to_owned());
        }
    }
    let owner = table.get("owner").and_then(|value| value.owner());
    if table.is_empty_but_for("owner") {
        let kinds = KINDS.map(|(key, _)| key).join(", ");
        table.file.complain(
            table.at,
            format!("`{}` names nothing to stand on", table.key),
            format!("name some of: {kinds}"),
        );
    }
    StandsOn { assets, owner }
}

/// What an asset can be called that somebody declared as stood upon: `KIND:NAME`, and `KIND:PROVIDER/NAME` where a
/// provider is named beside it.
pub(super) fn identities(stands_on: &StandsOn) -> Vec<String> {
    let provider = stands_on.assets.get(&AssetKind::Provider);
    let words = |(kind, name): (&AssetKind, &String)| {
        let word = KINDS.iter().find(|(_, known)| known == kind).map_or("", |(word, _)| *word);
        let within = provider.map(|provider| format!("{word}:{provider}/{name}"));
        [Some(format!("{word}:{name}")), within].into_iter().flatten()
    };
    stands_on.assets.iter().flat_map(words).collect()
}
