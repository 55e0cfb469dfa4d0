//! Assets and recovery points that somebody declared, with their bonds.

use super::super::{DeclaredAsset, DeclaredPoint};
use super::Known;
use super::value::{Table, Value};
use super::words::{listed, shown, suggestion, variant};
use crate::domain::{
    AssetId, AssetKind, Bond, Bonds, Grace, How, LockMode, Nature, Owner, PointKind, Timestamp, VolumeId,
    printable,
};
use std::collections::{BTreeMap, BTreeSet};

const NATURES: [(&str, Nature); 6] = [
    ("stored_on", Nature::StoredOn),
    ("cascades_from", Nature::CascadesFrom),
    ("administered_by", Nature::AdministeredBy),
    ("needs", Nature::Needs),
    ("deletable_by", Nature::DeletableBy),
    ("yielded_by", Nature::YieldedBy),
];

/// The identities of all declared assets; one that is declared twice is a mistake.
pub(super) fn identities(tables: &[Table<'_>]) -> BTreeSet<String> {
    let mut known = BTreeMap::new();
    for table in tables {
        let (Some(kind), Some(name)) = (table.get("kind"), table.get("name")) else { continue };
        let word = kind.as_text().filter(|word| variant::<AssetKind>(word).is_ok());
        if let (Some(word), Some(name)) = (word, name.as_text())
            && let Some(at) = known.insert(format!("{word}:{name}"), table.at)
        {
            let what =
                format!("the {word} {} is declared on line {} already", shown(name), table.file.line(at));
            table.file.complain(table.at, what, "leave one out");
        }
    }
    known.into_keys().collect()
}

/// All declared assets, in the order of the file.
pub(super) fn assets(tables: &[Table<'_>], known: &Known<'_>) -> Vec<DeclaredAsset> {
    tables.iter().filter_map(|table| asset(table, known)).collect()
}

fn asset(table: &Table<'_>, known: &Known<'_>) -> Option<DeclaredAsset> {
    let kind = table.required("kind");
    let word = kind.as_ref().and_then(Value::as_text);
    let kind: Option<AssetKind> = kind.and_then(|kind| kind.variant());
    let name = table.required("name").and_then(|name| name.text());
    let owner = table.required("owner").and_then(|owner| owner.owner());
    let bonds = bonds(table, owner.as_ref(), known);
    let (name, line) = (name?, table.file.line(table.at));
    let id = AssetId(format!("{}:{name}", word?));
    Some(DeclaredAsset { id, kind: kind?, name: printable(name.as_bytes()), bonds, line })
}

/// All declared recovery points, in the order of the file.
pub(super) fn points(tables: &[Table<'_>], known: &Known<'_>) -> Vec<DeclaredPoint> {
    tables.iter().filter_map(|table| point(table, known)).collect()
}

fn point(table: &Table<'_>, known: &Known<'_>) -> Option<DeclaredPoint> {
    let id = table.required("id").and_then(|id| id.as_text());
    let volume = table.required("volume").and_then(|volume| known.volumes.used_by(&volume));
    let kind = table.required("kind").and_then(|kind| point_kind(&kind));
    let owner = table.required("owner").and_then(|owner| owner.owner());
    let taken_at = table.get("taken_at").and_then(|value| value.moment());
    let lock = table.get("lock").and_then(|value| lock(&value));
    let bonds = bonds(table, owner.as_ref(), known);
    Some(DeclaredPoint {
        id: id?.to_owned(),
        volume: VolumeId(volume?),
        kind: kind?,
        taken_at,
        lock,
        bonds,
        owner: owner?,
        line: table.file.line(table.at),
    })
}

fn point_kind(value: &Value<'_>) -> Option<PointKind> {
    let text = value.text()?;
    match variant(text) {
        Ok(PointKind::VaultCopy) => {
            let what = "is a copy in a vault, which is read there and never declared";
            value.complain(what, "name the vault as [[vault]]");
            None
        }
        Ok(kind) => Some(kind),
        Err(words) => {
            value.no_such_word(text, words.iter().copied().filter(|word| *word != "vault_copy"));
            None
        }
    }
}

fn lock(value: &Value<'_>) -> Option<(LockMode, Option<Timestamp>)> {
    let table = value.table("lock")?;
    let mode: LockMode = table.required("mode").and_then(|mode| mode.variant())?;
    let ends = matches!(mode, LockMode::Compliance | LockMode::Governance);
    let until = if ends { table.required("until") } else { table.get("until") };
    if let Some(until) = until.as_ref().filter(|_| !ends) {
        until.complain("means nothing for this mode", "leave it out");
    }
    let until = until.and_then(|until| until.moment());
    Some((mode, until))
}

/// Bonds of every nature that is written down. A list is all of its nature, also an empty one.
fn bonds(table: &Table<'_>, owner: Option<&Owner>, known: &Known<'_>) -> Bonds {
    // Without an owner the file is refused anyway.
    let how = How::Declared(owner.cloned().unwrap_or_else(|| Owner(String::new())));
    let mut bonds = Bonds::default();
    for (key, nature) in NATURES {
        let Some(list) = table.get(key).and_then(|value| value.list()) else { continue };
        bonds = bonds.complete(nature);
        for item in list {
            if let Some((on, dies_at, grace)) = bond(&item, known) {
                bonds = bonds.with(Bond { nature, on, dies_at, how: how.clone(), grace });
            }
        }
    }
    bonds
}

fn bond(item: &Value<'_>, known: &Known<'_>) -> Option<(Vec<AssetId>, usize, Option<Grace>)> {
    if !item.is_table() {
        return reference(item, known).map(|on| (vec![on], 1, None));
    }
    let table = item.table("a bond")?;
    let grace = table.get("grace").and_then(|value| value.duration());
    let grace = grace.map(|span| Grace { seconds: span.num_seconds().unsigned_abs() });
    let any = table.required("any");
    let items = any.as_ref().and_then(Value::list);
    let most = items.as_ref().map_or(usize::MAX, |items| items.len().max(1));
    let dies_at = table.get("dies_at").map_or(Some(1), |value| value.whole(1..=most));
    let (any, items) = (any?, items?);
    let on: Vec<AssetId> = items.iter().filter_map(|item| reference(item, known)).collect();
    if items.is_empty() {
        any.complain("names nothing", "name the assets that it hangs on");
    }
    if on.iter().collect::<BTreeSet<_>>().len() < on.len() {
        any.complain("names something twice", "leave one out");
    }
    Some((on, dies_at?, grace))
}

/// `<kind>:<name>` of something that is declared, or of a kind that can be seen here, or `volume:<id>`.
fn reference(item: &Value<'_>, known: &Known<'_>) -> Option<AssetId> {
    let text = item.text()?;
    let Some((word, name)) = text.split_once(':').filter(|(_, name)| !name.is_empty()) else {
        item.complain(
            format!("is {}, which is no asset", shown(text)),
            "write it as \"KIND:NAME\", for example \"account:acme\"",
        );
        return None;
    };
    if word == "volume" {
        if !known.volumes.has(name) {
            item.complain(
                format!("names a volume {} that is not there", shown(name)),
                "add it as [[volume]]",
            );
        }
        return Some(AssetId(text.to_owned()));
    }
    let kind: AssetKind = match variant(word) {
        Ok(kind) => kind,
        Err(words) => {
            let near = suggestion(word, words.iter().copied());
            let remedy =
                format!("what may stand before the colon: volume, {}", listed(words.iter().copied()));
            item.complain(format!("names {}, which is no kind of asset{near}", shown(word)), remedy);
            return None;
        }
    };
    // What is on this machine is found by looking; nobody can list it here.
    let can_be_seen = matches!(
        kind,
        AssetKind::Directory
            | AssetKind::Subvolume
            | AssetKind::File
            | AssetKind::Filesystem
            | AssetKind::Pool
            | AssetKind::Partition
            | AssetKind::Device
            | AssetKind::Memory
            | AssetKind::Server
            | AssetKind::Host
    );
    if !can_be_seen && !known.assets.contains(text) {
        let near = suggestion(text, known.assets.iter().map(String::as_str));
        let what = format!("names {}, which nobody declared{near}", shown(text));
        item.complain(what, "declare it as [[asset]], or in a `stands_on`");
        return None;
    }
    Some(AssetId(text.to_owned()))
}
