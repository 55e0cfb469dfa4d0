//! One thing that several credentials saw: each knows of itself that it reaches it.

use crate::domain::{Asset, Bond, Bonds, How, Inventory, Nature, RecoveryPoint, Usable, Volume};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// What several looks at one provider saw, as one. A volume, point or asset that more than one of them saw is there once, with
/// the bonds of all; what any of them leaves open stays open.
pub fn join(mut looks: Vec<Inventory>) -> Inventory {
    if looks.len() == 1 {
        return looks.pop().unwrap_or_default();
    }
    let mut all = Inventory::default();
    let (mut assets, mut points, mut volumes) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    for look in looks {
        for asset in look.assets {
            add(&mut assets, asset.id.clone(), asset, |known: &mut Asset, other| {
                both(&mut known.bonds, other.bonds)
            });
        }
        for point in look.points {
            add(&mut points, point.id.clone(), point, |known: &mut RecoveryPoint, other| {
                both(&mut known.bonds, other.bonds);
                // Which of two looks was the later one does not matter: the poorer one counts.
                if known.usable == Usable::Yes {
                    known.usable = other.usable;
                }
            });
        }
        for volume in look.volumes {
            // Two that differ stay two, for judging to see.
            let same: &mut Vec<Volume> = volumes.entry(volume.id.clone()).or_default();
            if !same.contains(&volume) {
                same.push(volume);
            }
        }
        all.gaps.extend(look.gaps);
        all.accounts.extend(look.accounts);
    }
    all.assets = assets.into_values().collect();
    all.points = points.into_values().collect();
    all.volumes = volumes.into_values().flatten().collect();
    all
}

fn add<K: Ord, T>(all: &mut BTreeMap<K, T>, id: K, thing: T, more: impl FnOnce(&mut T, T)) {
    match all.entry(id) {
        Entry::Vacant(place) => drop(place.insert(thing)),
        Entry::Occupied(mut known) => more(known.get_mut(), thing),
    }
}

/// The bonds of both: each once, with the earlier of two observations; wholly known is what both know wholly.
fn both(known: &mut Bonds, other: Bonds) {
    if known.list.address() != other.list.address() {
        for bond in other.list {
            match known.list.iter().position(|one| is_same(one, &bond)) {
                Some(place) if is_earlier(&bond, &known.list[place]) => known.list[place].how = bond.how,
                Some(_) => {}
                None => known.list.push(bond),
            }
        }
    }
    for nature in Nature::ALL {
        if !other.complete.contains(nature) {
            known.complete.remove(nature);
        }
    }
}

fn is_same(one: &Bond, other: &Bond) -> bool {
    let kind = |bond: &Bond| std::mem::discriminant(&bond.how);
    let facts = |bond: &Bond| (bond.nature, bond.dies_at, bond.grace);
    facts(one) == facts(other) && one.on == other.on && kind(one) == kind(other)
}

fn is_earlier(one: &Bond, other: &Bond) -> bool {
    matches!((&one.how, &other.how), (How::Observed(one), How::Observed(other)) if one < other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{AssetId, AssetKind, Timestamp};

    fn seen_by(token: &str, at: i64) -> Inventory {
        let at = Timestamp::from_timestamp(at, 0).unwrap();
        let id = |text: &str| AssetId(text.into());
        let bonds = Bonds::default()
            .with(Bond::observed(Nature::StoredOn, id("region:r"), at))
            .with(Bond::observed(Nature::DeletableBy, id(token), at))
            .complete(Nature::StoredOn);
        let asset = Asset { id: id("volume:v"), kind: AssetKind::Volume, name: "v".into(), bonds };
        Inventory { assets: vec![asset], ..Inventory::default() }
    }

    #[test]
    fn what_two_credentials_reach_can_be_deleted_by_either() {
        let joined = join(vec![seen_by("credential:a", 20), seen_by("credential:b", 10)]);
        let [asset] = &*joined.assets else { panic!("{:?}", joined.assets) };
        assert_eq!(asset.bonds.of(Nature::DeletableBy).count(), 2);
        let stored: Vec<&Bond> = asset.bonds.of(Nature::StoredOn).collect();
        let earlier = Timestamp::from_timestamp(10, 0).unwrap();
        assert_eq!((stored.len(), &stored[0].how), (1, &How::Observed(earlier)));
        assert!(asset.bonds.is_complete(Nature::StoredOn));
    }

    #[test]
    fn what_one_leaves_open_stays_open() {
        let mut other = seen_by("credential:a", 10);
        other.assets[0].bonds.complete.remove(Nature::StoredOn);
        for looks in
            [vec![seen_by("credential:a", 10), other.clone()], vec![other, seen_by("credential:a", 10)]]
        {
            assert!(!join(looks).assets[0].bonds.is_complete(Nature::StoredOn));
        }
    }
}
