//! What the catalogue states on a kind of recovery point, as bonds with their source.

use crate::catalogue::{Deleted, Effect, KindStatements, Lives, Locking, Place, Stated};
use crate::domain::{AssetId, AssetKind, Bond, Bonds, Grace, How, Known, Lock, LockMode, Nature, Source};

/// What a primary stands on, of a kind, however far down.
pub(super) struct Below<'a> {
    /// The assets that are named.
    pub named: &'a dyn Fn(AssetKind) -> Vec<AssetId>,
    /// Whether there may be one that nobody named.
    pub may_be: &'a dyn Fn(AssetKind) -> bool,
}

/// Adds what is documented of a point's kind to what is known of the point itself.
///
/// `primary` is the asset behind the point's volume; `below` tells what of a kind the primary stands on, however far down. What was declared or observed is neither removed nor replaced: a nature that is complete already
/// stays as it is. What the kind does not state, or states as unknown, stays open.
///
/// Bytes: a bond to every place that the kind lives in. The list is complete only when every one of them was found:
/// a region that nobody declared may be any region. Deletions: a bond to whatever takes the point along; complete only
/// when the deletion of the primary is stated, nothing is stated as unknown, and the primary is known, also to be in no
/// project or the like that nobody named and that might take the point along.
pub(super) fn apply_kind(
    bonds: &mut Bonds,
    lock: &mut Known<Lock>,
    kind: &KindStatements,
    primary: Option<&AssetId>,
    below: &Below<'_>,
) {
    let found = |kind: AssetKind| match kind {
        AssetKind::Volume => primary.cloned().into_iter().collect(),
        _ => (below.named)(kind),
    };
    if let Some(lives) = &kind.lives {
        store(bonds, lives, &found);
    }
    cascade(bonds, kind, primary.is_some(), &Below { named: &found, may_be: below.may_be });
    if let Some(stated) = &kind.lock
        && stated.says == Locking::None
        && lock.is_unknown()
    {
        *lock =
            Known::Documented(Lock { mode: LockMode::None, until: None }, Box::new(stated.source.clone()));
    }
}

fn store(bonds: &mut Bonds, stated: &Stated<Lives>, found: &dyn Fn(AssetKind) -> Vec<AssetId>) {
    let Lives::In(places) = &stated.says else { return };
    if bonds.is_complete(Nature::StoredOn) {
        return;
    }
    let mut all_found = true;
    for assets in places.iter().copied().map(Place::asset_kind).map(found) {
        all_found &= !assets.is_empty();
        for asset in assets {
            add(bonds, Nature::StoredOn, asset, &stated.source, None);
        }
    }
    if all_found {
        bonds.complete.insert(Nature::StoredOn);
    }
}

fn cascade(
    bonds: &mut Bonds,
    kind: &KindStatements,
    primary_is_known: bool,
    Below { named: found, may_be }: &Below<'_>,
) {
    if bonds.is_complete(Nature::CascadesFrom) {
        return;
    }
    for (of, stated) in kind.deletion.iter().filter(|(_, stated)| stated.says.effect == Effect::Dies) {
        for asset in found(of.asset_kind()) {
            add(bonds, Nature::CascadesFrom, asset, &stated.source, stated.says.grace);
        }
    }
    // What it lies in takes it along in any case; of anything else that is there, a statement is needed.
    let inside = matches!(&kind.lives, Some(Stated { says: Lives::In(places), .. }) if places.contains(&Place::Volume));
    let stated = |of: Deleted| {
        let lies = matches!(&kind.lives, Some(Stated { says: Lives::In(places), .. })
            if places.iter().any(|place| place.asset_kind() == of.asset_kind()));
        let (own, named) = (kind.deletion.get(&of), || !found(of.asset_kind()).is_empty());
        let told = match own.map(|stated| stated.says.effect) {
            // Of one that nobody named there is no bond.
            Some(Effect::Dies) => named() || !may_be(of.asset_kind()),
            Some(Effect::Survives | Effect::Unknown) => true,
            None => !named() && !may_be(of.asset_kind()),
        };
        inside || lies || told
    };
    let settled = kind.deletion.values().all(|stated| stated.says.effect != Effect::Unknown)
        && [Deleted::Host, Deleted::Project, Deleted::Account].into_iter().all(stated);
    if settled && primary_is_known && kind.deletion.contains_key(&Deleted::Volume) {
        bonds.complete.insert(Nature::CascadesFrom);
    }
}

/// Adds a bond to one asset, unless somebody declared or observed the very same: theirs may know another window.
fn add(bonds: &mut Bonds, nature: Nature, on: AssetId, source: &Source, grace: Option<Grace>) {
    let same = |bond: &Bond| bond.dies_at == 1 && matches!(&*bond.on, [only] if *only == on);
    if !bonds.of(nature).any(same) {
        bonds.list.push(Bond {
            nature,
            on: vec![on],
            dies_at: 1,
            how: How::Documented(source.clone()),
            grace,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Catalogue;
    use crate::domain::Owner;

    const REGION: &str = "region:eu";
    const PRIMARY: &str = "volume:db";

    /// A kind with these statements, each as its table's name and what it says.
    fn kind(statements: &[(&str, &str)]) -> KindStatements {
        let mut text = "[[kind]]\nname='x.k'\ntitle='t'\nlist='l'\nway_out='w'\nsmallest='s'\n".to_owned();
        for (table, says) in statements {
            text += &format!(
                "[kind.{table}]\n{says}\nnote='n'\nsource='https://x.example/{table}'\nread='2026-11-22'\n\
                 certainty='documented'\n"
            );
        }
        Catalogue::parse(&text, "x.toml").unwrap().kind("x.k").unwrap().clone()
    }

    fn id(text: &str) -> AssetId {
        AssetId(text.into())
    }

    fn declared() -> How {
        How::Declared(Owner("ops".into()))
    }

    fn bond(nature: Nature, on: &str) -> Bond {
        Bond { nature, on: vec![id(on)], dies_at: 1, how: declared(), grace: None }
    }

    /// Below the primary: one region, two hosts, one project.
    fn named(kind: AssetKind) -> Vec<AssetId> {
        match kind {
            AssetKind::Region => vec![id(REGION)],
            AssetKind::Host => vec![id("host:a"), id("host:b")],
            AssetKind::Project => vec![id("project:p")],
            _ => Vec::new(),
        }
    }

    /// That, and nothing else.
    const BELOW: Below<'static> = Below { named: &named, may_be: &|_| false };

    fn applied(bonds: Bonds, kind: &KindStatements) -> Bonds {
        applied_to(bonds, kind, &BELOW)
    }

    fn applied_to(bonds: Bonds, kind: &KindStatements, below: &Below<'_>) -> Bonds {
        let (mut bonds, mut lock) = (bonds, Known::Unknown);
        apply_kind(&mut bonds, &mut lock, kind, Some(&id(PRIMARY)), below);
        bonds
    }

    #[test]
    fn an_account_that_nobody_named_leaves_deletions_open_unless_it_takes_nothing_along() {
        let volume = ("deletion.volume", "effect='survives'");
        let (host, project) = (("deletion.host", "effect='dies'"), ("deletion.project", "effect='dies'"));
        let below = Below { named: &named, may_be: &|kind| kind == AssetKind::Account };
        let settled = |account: &[(&str, &str)], below: &Below<'_>| {
            let kind = kind(&[&[volume, host, project], account].concat());
            applied_to(Bonds::default(), &kind, below).is_complete(Nature::CascadesFrom)
        };
        for account in [&[][..], &[("deletion.account", "effect='dies'")]] {
            assert!(settled(account, &BELOW));
            assert!(!settled(account, &below), "{account:?}");
        }
        assert!(settled(&[("deletion.account", "effect='survives'")], &below));
        assert!(settled(&[("lives", "at=['account']")], &below), "it lies there: that is asked apart");
    }

    fn on(bonds: &Bonds, nature: Nature) -> Vec<&str> {
        bonds.of(nature).flat_map(|bond| bond.on.iter().map(|id| id.0.as_str())).collect()
    }

    #[test]
    fn it_is_stored_on_the_primary_and_on_every_asset_of_each_place() {
        let kind = kind(&[("lives", "at=['volume','region','host']")]);
        let bonds = applied(Bonds::default(), &kind);
        assert_eq!(on(&bonds, Nature::StoredOn), [PRIMARY, "host:a", "host:b", REGION]);
        assert!(bonds.is_complete(Nature::StoredOn) && !bonds.is_complete(Nature::CascadesFrom));
        let address =
            |bond: &Bond| matches!(&bond.how, How::Documented(from) if from.address.ends_with("/lives"));
        assert!(bonds.list.iter().all(|bond| bond.dies_at == 1 && bond.grace.is_none() && address(bond)));
    }

    #[test]
    fn a_place_that_nobody_declared_leaves_the_storage_open() {
        let bonds = applied(Bonds::default(), &kind(&[("lives", "at=['region','account']")]));
        assert_eq!(on(&bonds, Nature::StoredOn), [REGION]);
        assert!(!bonds.is_complete(Nature::StoredOn));
        let unknown = applied(Bonds::default(), &kind(&[("lives", "at=['unknown']")]));
        assert_eq!(unknown, Bonds::default());
    }

    #[test]
    fn storage_that_is_known_to_the_end_is_left_alone_and_an_open_one_is_added_to() {
        let kind = kind(&[("lives", "at=['region']")]);
        let elsewhere = Bonds::default().with(bond(Nature::StoredOn, "region:us"));
        let complete = elsewhere.clone().complete(Nature::StoredOn);
        assert_eq!(applied(complete.clone(), &kind), complete);
        let added = applied(elsewhere, &kind);
        assert_eq!(on(&added, Nature::StoredOn), ["region:us", REGION]);
        assert_eq!(added.list[0].how, declared());
    }

    #[test]
    fn what_dies_is_bonded_to_what_takes_it_along_with_its_window() {
        let kind = kind(&[
            ("deletion.volume", "effect='dies'\ngrace='48h'"),
            ("deletion.host", "effect='dies'"),
            ("deletion.project", "effect='survives'"),
            ("deletion.account", "effect='dies'"),
        ]);
        let bonds = applied(Bonds::default(), &kind);
        assert_eq!(on(&bonds, Nature::CascadesFrom), [PRIMARY, "host:a", "host:b"]);
        assert_eq!(bonds.list[0].grace, Some(Grace { seconds: 172_800 }));
        assert_eq!((bonds.list[1].grace, bonds.list[1].dies_at), (None, 1));
        let How::Documented(source) = &bonds.list[0].how else { panic!("{:?}", bonds.list[0]) };
        assert_eq!(source.address, "https://x.example/deletion.volume");
        assert!(bonds.is_complete(Nature::CascadesFrom) && !bonds.is_complete(Nature::StoredOn));
    }

    #[test]
    fn one_unknown_deletion_or_none_on_the_primary_leaves_deletions_open() {
        let survives = ("deletion.volume", "effect='survives'");
        // The primary stands on a host and in a project: of each it is to be stated what its end does, or the kind lies there.
        let (host, project) =
            (("deletion.host", "effect='survives'"), ("deletion.project", "effect='survives'"));
        let closed = applied(Bonds::default(), &kind(&[survives, host, project]));
        assert!(closed.is_complete(Nature::CascadesFrom) && closed.list.is_empty());
        let lies = ("lives", "at=['project']");
        assert!(applied(Bonds::default(), &kind(&[survives, host, lies])).is_complete(Nature::CascadesFrom));
        let inside = ("lives", "at=['volume']");
        assert!(applied(Bonds::default(), &kind(&[survives, inside])).is_complete(Nature::CascadesFrom));
        for (statements, count) in [
            (vec![survives], 0),
            (vec![survives, host], 0),
            (vec![survives, host, ("deletion.project", "effect='unknown'")], 0),
            (vec![("deletion.volume", "effect='unknown'")], 0),
            (vec![("deletion.project", "effect='dies'")], 1),
            (vec![], 0),
        ] {
            let bonds = applied(Bonds::default(), &kind(&statements));
            assert!(!bonds.is_complete(Nature::CascadesFrom), "{statements:?}");
            assert_eq!(bonds.list.len(), count, "{statements:?}");
        }
    }

    #[test]
    fn without_a_known_primary_nothing_is_complete_that_depends_on_it() {
        let kind = kind(&[
            ("lives", "at=['volume']"),
            ("deletion.volume", "effect='survives'"),
            ("deletion.project", "effect='dies'"),
        ]);
        let (mut bonds, mut lock) = (Bonds::default(), Known::Unknown);
        apply_kind(&mut bonds, &mut lock, &kind, None, &BELOW);
        assert_eq!(on(&bonds, Nature::CascadesFrom), ["project:p"]);
        assert_eq!(bonds.complete, Bonds::default().complete);
    }

    #[test]
    fn deletions_that_are_settled_are_left_alone_and_the_same_bond_is_not_made_twice() {
        let others = [("deletion.host", "effect='survives'"), ("deletion.project", "effect='survives'")];
        let kind = kind(&[&[("deletion.volume", "effect='dies'\ngrace='1h'")], &others[..]].concat());
        let settled = Bonds::default().complete(Nature::CascadesFrom);
        assert_eq!(applied(settled.clone(), &kind), settled);
        let theirs = Bonds::default().with(bond(Nature::CascadesFrom, PRIMARY));
        assert_eq!(applied(theirs.clone(), &kind), theirs.complete(Nature::CascadesFrom));
    }

    #[test]
    fn no_lock_is_stated_only_where_nothing_is_known_of_one() {
        let none = Lock { mode: LockMode::None, until: None };
        for (mode, becomes_none) in [("none", true), ("possible", false), ("unknown", false)] {
            let kind = kind(&[("lock", &format!("mode='{mode}'"))]);
            let (mut bonds, mut lock) = (Bonds::default(), Known::Unknown);
            apply_kind(&mut bonds, &mut lock, &kind, None, &BELOW);
            assert_eq!(lock.value() == Some(&none), becomes_none, "{mode}");
            assert_eq!(matches!(lock, Known::Documented(..)), becomes_none, "{mode}");
            assert_eq!(bonds, Bonds::default());
            let held = Known::Declared(Lock { mode: LockMode::LegalHold, until: None }, Owner("ops".into()));
            let mut lock = held.clone();
            apply_kind(&mut bonds, &mut lock, &kind, None, &BELOW);
            assert_eq!(lock, held);
        }
    }

    #[test]
    fn a_kind_without_statements_adds_nothing_and_needs_stay_as_they_are() {
        let before = Bonds::default().with(bond(Nature::Needs, "key:k"));
        assert_eq!(applied(before.clone(), &kind(&[])), before);
        let all = kind(&[("lives", "at=['region']"), ("deletion.volume", "effect='dies'")]);
        let after = applied(before.clone(), &all);
        assert_eq!(after.of(Nature::Needs).count(), 1);
        assert!(!after.is_complete(Nature::Needs));
    }
}
