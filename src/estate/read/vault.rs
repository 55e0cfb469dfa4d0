//! Vaults.

use super::super::stand::file;
use super::super::{
    Addressing, GivenUp, LockEntry, ReaderEntry, ReaderRole, S3Place, StandsOn, VaultEntry, VaultPlace,
};
use super::Known;
use super::address::{self, Plain};
use super::bonds::{self, bonds};
use super::secrets::{access, source};
use super::value::{Table, Value};
use super::volume::waiver;
use crate::domain::LockKind;
use chrono::TimeDelta;
use std::collections::BTreeMap;

const OF_DIRECTORIES: [&str; 1] = ["path"];
const OF_BUCKETS: [&str; 9] =
    ["endpoint", "bucket", "prefix", "region", "addressing", "insecure", "writer", "reader", "driller"];

/// All vaults, in the order of the file; `stands` is what each of them stands on.
pub(super) fn vaults(tables: &[Table<'_>], stands: &[StandsOn], known: &Known<'_>) -> Vec<VaultEntry> {
    let mut places = BTreeMap::new();
    let both = tables.iter().zip(stands);
    both.filter_map(|(table, stands_on)| one(table, stands_on.clone(), known, &mut places)).collect()
}

fn one(
    table: &Table<'_>,
    stands_on: StandsOn,
    known: &Known<'_>,
    places: &mut BTreeMap<String, usize>,
) -> Option<VaultEntry> {
    let id = table.required("id").and_then(|id| id.as_text());
    let kind = table.required("kind").and_then(|kind| kind.word(&["dir", "s3"]));
    let owner = stands_on.owner.clone().unwrap_or_else(file);
    let bonds = bonds(table, &bonds::OF_VAULTS, &owner, None, known);
    let waive_damage = table.get("waive_damage").and_then(|value| given_up(&value, "waive_damage"));
    let waive_unread = table.get("waive_unread").and_then(|value| none_of_ours(&value)).map(Box::new);
    let readers = readers(table);
    let escrow_within = match table.get("escrow_within") {
        Some(within) if within.is_text() && within.text() == Some("never") => None,
        Some(within) => within.duration(),
        None => Some(ESCROW_WITHIN),
    };
    if let Some(within) = table.get("escrow_within").filter(|_| readers.is_empty() && escrow_within.is_some())
    {
        within.complain(
            "means nothing for a vault without `readers`",
            "leave it out, or say in `readers` whose key lies in the safe",
        );
    }
    let epoch_key = table.get("epoch_key").and_then(|value| source(&value));
    let identity = table.get("identity").and_then(|value| source(&value));
    let lock = table.get("lock").and_then(|value| lock(&value, kind));
    let place = match kind? {
        "dir" => {
            refuse(table, &OF_BUCKETS, "dir");
            VaultPlace::Dir(table.required("path").and_then(|path| path.path())?)
        }
        _ => {
            refuse(table, &OF_DIRECTORIES, "s3");
            VaultPlace::S3(Box::new(bucket(table)?))
        }
    };
    let name = match &place {
        VaultPlace::Dir(path) => format!("{path:?}"),
        VaultPlace::S3(place) => format!("{:?} {} {}", place.endpoint, place.bucket, place.prefix),
    };
    if let Some(at) = places.insert(name, table.at) {
        let what =
            format!("`{}` is at the same place as the vault on line {}", table.key, table.file.line(at));
        table.file.complain(
            table.at,
            what,
            "two names for one vault would count as two copies: leave one out",
        );
    }
    let line = table.file.line(table.at);
    Some(VaultEntry {
        id: id?.to_owned(),
        place,
        stands_on,
        bonds,
        lock,
        readers,
        escrow_within,
        epoch_key,
        identity,
        waive_damage,
        waive_unread,
        line,
    })
}

fn given_up(value: &Value<'_>, key: &'static str) -> Option<GivenUp> {
    let waiver = waiver(value, key);
    let objects = value.table(key)?.required("objects").and_then(|objects| objects.list())?;
    let objects: Option<_> = objects.iter().map(|object| object.text().map(str::to_owned)).collect();
    Some(GivenUp { objects: objects?, waiver: waiver? })
}

/// Objects among the statements of epochs; no other that cannot be read keeps anybody from writing.
fn none_of_ours(value: &Value<'_>) -> Option<GivenUp> {
    let given_up = given_up(value, "waive_unread")?;
    if let Some(other) = given_up.objects.iter().find(|object| !object.starts_with("epochs/")) {
        let what = format!(
            "names `{}`, which does not lie among the statements of epochs",
            crate::domain::printable(other.as_bytes())
        );
        value.complain(what, "name the objects that a refused copy names: \"epochs/…\"");
    }
    Some(given_up)
}

/// Complains of keys that belong to the other kind.
fn refuse(table: &Table<'_>, keys: &[&'static str], kind: &str) {
    for key in table.present(keys) {
        let what = format!("`{}.{key}` means nothing for a vault of the kind `{kind}`", table.key);
        table.file.complain(table.place_of(key), what, "leave it out, or change the kind");
    }
}

/// A bucket of a vault, or of what is copied: whoever asks for it says which credentials make sense.
pub(super) fn bucket(table: &Table<'_>) -> Option<S3Place> {
    let bucket = table.required("bucket").and_then(|value| address::bucket(&value));
    let prefix = table.get("prefix").and_then(|value| address::prefix(&value));
    let insecure = table.get("insecure").and_then(|value| value.boolean());
    let plain = if insecure == Some(true) { Plain::Accepted } else { Plain::HereOnly };
    let endpoint = table.get("endpoint").map(|value| address::endpoint(&value, plain));
    let region = table.get("region").map(|value| address::region(&value));
    let addressing = match table.get("addressing").and_then(|value| value.word(&["auto", "path", "host"])) {
        Some("path") => Addressing::Path,
        Some("host") => Addressing::Host,
        _ => Addressing::Auto,
    };
    let credential = |key: &str| table.get(key).and_then(|value| access(&value));
    let (writer, reader, driller) = (credential("writer"), credential("reader"), credential("driller"));
    Some(S3Place {
        bucket: bucket?,
        prefix: prefix.unwrap_or_default(),
        endpoint: endpoint.flatten(),
        region: region.flatten(),
        addressing,
        writer: writer.unwrap_or_default(),
        reader,
        driller,
    })
}

/// For how long a vault's objects may be locked at most, unless its owner says otherwise.
const MOST_LOCKED: TimeDelta = TimeDelta::days(400);

/// For how long a store that was seen to keep locks is believed to, unless the vault's owner says otherwise.
const CHECK_WITHIN: TimeDelta = TimeDelta::days(90);

/// For how long a proof of the key in the safe counts, unless the vault's owner says otherwise.
const ESCROW_WITHIN: TimeDelta = TimeDelta::days(180);

/// Under which lock the objects of a vault of a kind are written: in compliance mode where no other is named.
fn lock(value: &Value<'_>, kind: Option<&str>) -> Option<LockEntry> {
    let table = value.table("lock")?;
    if let Some(until) = table.get("until") {
        until.complain("means nothing for a vault", "say in a policy how long: locked_for = \"35d\"");
    }
    let most = table.get("most").map_or(Some(MOST_LOCKED), |most| most.duration());
    let check_within = match table.get("check_within") {
        Some(within) if within.is_text() && within.text() == Some("never") => None,
        Some(within) => Some(within.duration()?),
        None => Some(CHECK_WITHIN),
    };
    let mode = match table.get("mode") {
        Some(mode) => mode.word(&["none", "governance", "compliance"])?,
        None => "compliance",
    };
    let lock_kind = match mode {
        "governance" => LockKind::Governance,
        "compliance" => LockKind::Compliance,
        _ => return None,
    };
    if kind == Some("dir") {
        value.complain(
            "asks for a lock, and a directory has none",
            "keep the vault in a bucket with Object Lock, or leave it out",
        );
        return None;
    }
    Some(LockEntry { kind: lock_kind, most: most?, check_within })
}

/// Those who may read.
fn readers(table: &Table<'_>) -> Vec<ReaderEntry> {
    let Some(value) = table.get("readers") else { return Vec::new() };
    let given = value.list().unwrap_or_default();
    if given.is_empty() && value.list().is_some() {
        value.complain("names no reader", "name the public keys of those who may read, or leave it out");
    }
    let mut readers: Vec<ReaderEntry> = Vec::new();
    for value in &given {
        match reader(value) {
            Some(known) if readers.iter().any(|reader| reader.key == known.key) => {
                value.complain("is there twice", "name each reader once: two keys that are one are not two");
            }
            reader => readers.extend(reader),
        }
    }
    readers
}

/// A public key, or a table that says more of it.
fn reader(value: &Value<'_>) -> Option<ReaderEntry> {
    if !value.is_table() {
        return Some(ReaderEntry { key: public_key(value)?, role: ReaderRole::Reader, owner: None });
    }
    let table = value.table("readers")?;
    let key = table.required("key").and_then(|key| public_key(&key));
    let role = table.get("role").map(|role| role.word(&ReaderRole::ALL.map(ReaderRole::word)));
    let role = role.map(|word| ReaderRole::ALL.into_iter().find(|role| Some(role.word()) == word));
    let owner = table.get("owner").map(|owner| owner.owner());
    Some(ReaderEntry { key: key?, role: role.unwrap_or(Some(ReaderRole::Reader))?, owner: owner.flatten() })
}

/// A public key. What is none may be a private one, and is not repeated.
fn public_key(value: &Value<'_>) -> Option<String> {
    let text = value.text()?;
    if text.parse::<age::x25519::Recipient>().is_ok() {
        return Some(text.to_owned());
    }
    value.complain(
        "is no public key of age",
        "name keys that begin with age1, as `age-keygen` prints them; a private key never stands here",
    );
    None
}
