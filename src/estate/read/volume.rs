//! Volumes and what things stand on.

use super::super::stand::{file, tells_where};
use super::super::{StandsOn, VolumeEntry, Waiver};
use super::bonds::{self, bonds};
use super::value::{Table, Value};
use super::words::shown;
use super::{Known, after};
use crate::domain::{AssetId, AssetKind, VolumeId};
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

/// All volumes, in the order of the file; `stands` is what each of them stands on.
pub(super) fn volumes(tables: &[Table<'_>], stands: &[StandsOn], known: &Known<'_>) -> Vec<VolumeEntry> {
    let mut paths = BTreeMap::new();
    let both = tables.iter().zip(stands);
    both.filter_map(|(table, stands_on)| one(table, stands_on.clone(), known, &mut paths)).collect()
}

fn one(
    table: &Table<'_>,
    stands_on: StandsOn,
    known: &Known<'_>,
    paths: &mut BTreeMap<PathBuf, usize>,
) -> Option<VolumeEntry> {
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
    let says = owner.clone().or_else(|| stands_on.owner.clone()).unwrap_or_else(file);
    let own = id.map(|id| AssetId(format!("volume:{id}")));
    let bonds = bonds(table, &bonds::OF_DATA, &says, own.as_ref(), known);
    if let Some(stored) = table.get("stored_on").filter(|_| path.is_none() && tells_where(&stands_on)) {
        stored.complain("says where its bytes lie, as `stands_on` does", "say it in one of the two");
    }
    let waive_drill = table.get("waive_drill").and_then(|value| waiver(&value, "waive_drill"));
    let plan_changed_at = table.get("plan_changed_at").and_then(|value| value.moment());
    let after = table.get("after").map(|value| after::after(&value, id, &known.volumes)).unwrap_or_default();
    let is = table.get("is").and_then(|value| is(&value, known));
    if let Some(value) = table.get("is").filter(|_| path.is_some()) {
        value.complain("cannot stand beside a `path`: a volume is here or there", "leave one of the two out");
    }
    if let Some(value) = table.get("stands_on").filter(|_| is.is_some()) {
        value.complain(
            "cannot stand beside `is`: the provider says what it stands on",
            "leave one of the two out",
        );
    }
    Some(VolumeEntry {
        id: VolumeId(id?.to_owned()),
        path,
        policy: policy.unwrap_or_else(|| "default".to_owned()),
        owner,
        look_in,
        stands_on,
        bonds,
        waive_drill,
        plan_changed_at,
        is,
        after,
        line: table.file.line(table.at),
    })
}

/// `provider:its name there`: which thing of a provider the volume is.
fn is(value: &Value<'_>, known: &Known<'_>) -> Option<(String, String)> {
    let text = value.text()?;
    match text.split_once(':') {
        Some((provider, name)) if !name.is_empty() && known.asked.contains(provider) => {
            return Some((provider.to_owned(), name.to_owned()));
        }
        Some((provider, name)) if !name.is_empty() && known.providers.has(provider) => {
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
    None
}

/// What somebody decided to leave out, under this key.
pub(super) fn waiver(value: &Value<'_>, key: &'static str) -> Option<Waiver> {
    waiver_in(&value.table(key)?)
}

/// The reason, owner and end of something that is left out, whatever else stands beside them.
pub(super) fn waiver_in(table: &Table<'_>) -> Option<Waiver> {
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
