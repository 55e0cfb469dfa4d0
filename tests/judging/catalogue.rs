//! What the catalogue states reaches the graph, with its source.

use crate::estate::*;
use chrono::TimeDelta;
use outlive::catalogue::Catalogue;
use outlive::domain::*;
use outlive::isolation::{Fate, expand, fate};

#[test]
fn a_stated_death_becomes_a_bond_with_its_source() {
    let mut point = snapshot("s1", "filesystem:data", 1);
    point.kind = PointKind::Qcow2Snapshot;
    let inventory = incident().with_points(vec![point]);
    let graph = expand(&inventory.0, &Catalogue::built_in().unwrap());
    let hazards = [deleted("subvolume:db")].into();
    let Fate::Dies { path, .. } = fate(&graph, &PointId("s1".into()), &hazards, TimeDelta::zero(), now())
    else {
        panic!("a qcow2 snapshot survived the deletion of its image");
    };
    assert_eq!(path[0].verb, "is deleted along with");
    assert!(matches!(&path[0].how, How::Documented(source) if source.address == "tests/survey"));
}

#[test]
fn what_nobody_states_is_undetermined_under_a_deletion_and_settled_under_a_loss() {
    let inventory = incident().with_points(vec![copy("c1", "filesystem:vault", 1)]);
    let graph = expand(&inventory.0, &Catalogue::default());
    let point = PointId("c1".into());
    let fate_under = |hazard: Hazard| fate(&graph, &point, &[hazard].into(), TimeDelta::zero(), now());
    assert!(matches!(fate_under(deleted("subvolume:db")), Fate::Undetermined { .. }));
    assert!(matches!(fate_under(lost("filesystem:data")), Fate::Survives { .. }));
}
