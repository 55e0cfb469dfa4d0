//! What two looks saw under one id: equal things are one, things that differ leave open which is right.

use crate::estate::*;
use outlive::domain::*;

/// The incident with a copy elsewhere, merged with a second look at it that `change` was done to.
fn two_looks(change: impl FnOnce(&mut Inventory)) -> Estate {
    let mut first = incident().and_point(copy("c", "filesystem:vault", 1)).0;
    let mut second = first.clone();
    change(&mut second);
    first.merge(second);
    first.sort();
    Estate(first)
}

#[test]
fn two_equal_looks_are_one_and_leave_nothing_open() {
    let estate = two_looks(|_| {});
    let once = incident().and_point(copy("c", "filesystem:vault", 1)).graph();
    assert_eq!(estate.graph().inventory(), once.inventory());
    assert!(matches!(estate.verdict("no-recovery-point"), Verdict::Pass(_)));
}

#[test]
fn an_asset_reached_by_another_name_or_with_one_more_bond_is_the_same() {
    let more = Bond::observed(Nature::StoredOn, AssetId("host:a".into()), now());
    let estate = two_looks(|second| {
        second.assets[1].name = "/by/another/name".into();
        second.assets[7].bonds.list.push(more.clone());
    });
    let graph = estate.graph();
    assert_eq!(graph.inventory().gaps, []);
    assert!(graph.inventory().asset(&AssetId("filesystem:vault".into())).unwrap().bonds.list.contains(&more));
}

#[test]
fn points_volumes_and_assets_that_differ_under_one_id_are_gaps_and_nothing_is_green() {
    let looks = [
        two_looks(|second| second.points[2].bonds = stored_on(&["filesystem:data"])),
        two_looks(|second| second.volumes[0].asset = AssetId("host:a".into())),
        two_looks(|second| second.assets[7].bonds = stored_on(&["device:vda"])),
        two_looks(|second| second.assets[7].bonds.complete = [Nature::Needs].into_iter().collect()),
    ];
    for (number, estate) in looks.into_iter().enumerate() {
        let graph = estate.graph();
        let [gap] = graph.inventory().gaps.as_slice() else { panic!("{number}: not one gap") };
        assert!(gap.detail.contains("2 ") && gap.detail.contains("differ"), "{gap:?}");
        if number != 1 {
            assert!(!matches!(estate.verdict("same-device"), Verdict::Pass(_)), "{number}");
        }
    }
}
