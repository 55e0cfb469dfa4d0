//! Bonds as they are written down: why a thing dies with others.

use super::Known;
use super::cycles::Hang;
use super::value::{Table, Value};
use super::words::{listed, shown, suggestion, variant};
use crate::domain::{AssetId, AssetKind, Bond, Bonds, Grace, How, Nature, Owner};
use std::collections::BTreeSet;

/// Every nature with its key.
pub(super) const ALL: [Nature; 6] = Nature::ALL;
/// What a volume or recovery point can have: a state of something is no credential that is yielded.
pub(super) const OF_DATA: [Nature; 5] =
    [Nature::StoredOn, Nature::CascadesFrom, Nature::AdministeredBy, Nature::Needs, Nature::DeletableBy];
/// What is said of a vault for all its points; where their bytes are is told by `stands_on`.
pub(super) const OF_VAULTS: [Nature; 3] = [Nature::AdministeredBy, Nature::Needs, Nature::DeletableBy];

/// Bonds of those natures that are written down. A list is all of its nature, also an empty one. `holder` is the
/// asset that has them; nothing hangs on a recovery point, so that it needs none.
pub(super) fn bonds(
    table: &Table<'_>,
    natures: &[Nature],
    owner: &Owner,
    holder: Option<&AssetId>,
    known: &Known<'_>,
) -> Bonds {
    let mut bonds = Bonds::default();
    for nature in natures.iter().copied() {
        let Some(list) = table.get(nature.key()).and_then(|value| value.list()) else { continue };
        bonds = bonds.complete(nature);
        for item in list {
            if let Some((on, dies_at, grace)) = bond(&item, nature, holder, known) {
                bonds = bonds.with(Bond { nature, on, dies_at, how: How::Declared(owner.clone()), grace });
            }
        }
    }
    bonds
}

fn bond(
    item: &Value<'_>,
    nature: Nature,
    holder: Option<&AssetId>,
    known: &Known<'_>,
) -> Option<(Vec<AssetId>, usize, Option<Grace>)> {
    if !item.is_table() {
        return support(item, nature, holder, known).map(|on| (vec![on], 1, None));
    }
    let table = item.table("a bond")?;
    let grace = table.get("grace").and_then(|value| value.duration());
    let grace = grace.map(|span| Grace { seconds: span.num_seconds().unsigned_abs() });
    let any = table.required("any");
    let items = any.as_ref().and_then(Value::list);
    let most = items.as_ref().map_or(usize::MAX, |items| items.len().max(1));
    let dies_at = table.get("dies_at").map_or(Some(1), |value| value.whole(1..=most));
    let (any, items) = (any?, items?);
    let on: Vec<AssetId> = items.iter().filter_map(|item| support(item, nature, holder, known)).collect();
    if items.is_empty() {
        any.complain("names nothing", "name the assets that it hangs on");
    }
    if on.iter().map(super::canonical).collect::<BTreeSet<_>>().len() < on.len() {
        any.complain("names something twice", "leave one out");
    }
    Some((on, dies_at?, grace))
}

/// An asset that something hangs on: one that it can hang on in this way, and not itself.
fn support(item: &Value<'_>, nature: Nature, holder: Option<&AssetId>, known: &Known<'_>) -> Option<AssetId> {
    let (on, kind) = reference(item, known)?;
    if matches!(nature, Nature::DeletableBy | Nature::AdministeredBy) && !can_act(kind) {
        let what = format!("names {}, and a {} does nothing by itself", shown(&on.0), kind.word());
        item.complain(what, "name who acts: a credential, an identity, an account, a host");
        return None;
    }
    if nature == Nature::StoredOn && !can_hold(kind) {
        let what = format!("names {}, and a {} holds no bytes", shown(&on.0), kind.word());
        item.complain(what, "name where it lies: a host, a bucket, an account, a region, a provider");
        return None;
    }
    let of = holder.and_then(kind_of);
    if let Some(of) = of.filter(|of| nature == Nature::StoredOn && !of.can_lie_on(kind)) {
        let what = format!("names {}, and no {} is stored on such a thing", shown(&on.0), of.word());
        item.complain(what, nowhere(of));
        return None;
    }
    if let Some(holder) = holder {
        let (from, to) = (super::canonical(holder), super::canonical(&on));
        if from == to {
            item.complain(format!("says that {} hangs on itself", shown(&on.0)), "leave it out");
            return None;
        }
        known.hangs.borrow_mut().push(Hang { from, to, nature, at: item.at });
    }
    Some(on)
}

/// The kind that an id as it is written says.
pub(super) fn kind_of(id: &AssetId) -> Option<AssetKind> {
    variant(id.0.split_once(':')?.0).ok()
}

/// What to say instead of storage that there is not.
fn nowhere(of: AssetKind) -> &'static str {
    match of {
        AssetKind::Server => "name the host that it runs on, or the place where that is",
        _ => "name what it belongs to, or what it `needs`; say of what lies there where that lies",
    }
}

/// Whether something can lie there: who acts, and what is needed for reading, is nowhere.
fn can_hold(kind: AssetKind) -> bool {
    use AssetKind::{Catalogue, Credential, Identity, Key};
    ![Catalogue, Credential, Identity, Key].contains(&kind)
}

/// Whether something of this kind can administer or delete: bytes and places cannot.
fn can_act(kind: AssetKind) -> bool {
    use AssetKind::{
        Bucket, Catalogue, Device, Directory, File, Filesystem, Memory, Partition, Pool, Region, Site,
        Subvolume, Volume,
    };
    let bytes = [Volume, Bucket, Directory, Subvolume, File, Filesystem, Pool, Partition, Device, Memory];
    !bytes.contains(&kind) && ![Catalogue, Region, Site].contains(&kind)
}

/// What is on this machine is found by looking; nobody can list it here.
fn can_be_seen(kind: AssetKind) -> bool {
    use AssetKind::{Device, Directory, File, Filesystem, Host, Memory, Partition, Pool, Server, Subvolume};
    [Directory, Subvolume, File, Filesystem, Pool, Partition, Device, Memory, Server, Host].contains(&kind)
}

/// `<kind>:<name>` of something that is declared, or of a kind that can be seen here, or `volume:<id>`.
fn reference(item: &Value<'_>, known: &Known<'_>) -> Option<(AssetId, AssetKind)> {
    let text = item.text()?;
    let Some((word, name)) = text.split_once(':').filter(|(_, name)| !name.is_empty()) else {
        item.complain(
            format!("is {}, which is no asset", shown(text)),
            "write it as \"KIND:NAME\", for example \"account:acme\"",
        );
        return None;
    };
    let kind: AssetKind = match variant(word) {
        Ok(kind) => kind,
        Err(words) => {
            let near = suggestion(word, words.iter().copied());
            let remedy = format!("what may stand before the colon: {}", listed(words.iter().copied()));
            item.complain(format!("names {}, which is no kind of asset{near}", shown(word)), remedy);
            return None;
        }
    };
    if kind == AssetKind::Volume && known.volumes.has(name) {
        return Some((AssetId(text.to_owned()), kind));
    }
    match known.assets.meant_by(&AssetId(text.to_owned())) {
        [] if can_be_seen(kind) => Some((AssetId(text.to_owned()), kind)),
        [] if kind == AssetKind::Volume => {
            let what = format!("names a volume {} that is not there", shown(name));
            item.complain(what, "add it as [[volume]]");
            None
        }
        [] => {
            let near = item.file.near(text, known.assets.all());
            let what = format!("names {}, which nobody declared{near}", shown(text));
            item.complain(what, "declare it as [[asset]], or in a `stands_on`");
            None
        }
        [one] => Some((one.clone(), kind)),
        several => {
            let what = format!("names {}, of which there are {}", shown(text), several.len());
            let some = listed(several.iter().take(20).map(|id| id.0.as_str()));
            item.complain(what, format!("say whose it is: {some}"));
            None
        }
    }
}
