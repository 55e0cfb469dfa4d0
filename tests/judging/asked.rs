//! What a person names, where the name may mean several things.

use crate::answers::token_estate;
use crate::estate::now;
use outlive::app::{Asked, Audited, asked, hazard_named};
use outlive::catalogue::Catalogue;
use outlive::domain::*;
use outlive::isolation::expand_whole;
use outlive::rules::{judge, overall};

/// The estate of the token, with volumes of these ids and names beside `orders-db`.
fn with(more: &[(&str, &str)]) -> Audited {
    let mut inventory = token_estate();
    for (id, name) in more {
        let asset = AssetId(format!("volume:{id}"));
        let mut stands = inventory.assets[0].clone();
        (stands.id, stands.name) = (asset.clone(), (*id).to_owned());
        inventory.assets.push(stands);
        let (id, name) = (VolumeId((*id).to_owned()), (*name).to_owned());
        inventory.volumes.push(Volume { id, name, kind: VolumeKind::Declared, asset });
    }
    let graph = expand_whole(inventory, &Catalogue::default());
    let judged = judge(&graph, &Policy::default(), now());
    let overall = overall(&judged, &graph);
    Audited { graph, catalogue: Catalogue::default(), judged, overall, at: now() }
}

fn place(audited: &Audited, id: &str) -> Asked {
    Asked::Volume(audited.judged.iter().position(|judged| judged.volume.id.0 == id).unwrap())
}

#[test]
fn a_name_of_several_volumes_is_asked_back_by_explain_as_by_what_if() {
    let audited = with(&[("a/srv", "/srv"), ("b/srv", "/srv"), ("c/home", "/home")]);
    let (explain, what_if) =
        (asked(&audited, "/srv").unwrap_err(), hazard_named(&audited.graph, "/srv").unwrap_err());
    assert_eq!((explain.kind, &explain.what), (what_if.kind, &what_if.what));
    assert_eq!(explain.what, "several things are called `/srv`");
    assert_eq!(explain.remedy, "name one of a/srv, b/srv");
    assert_eq!(asked(&audited, "/home").unwrap(), place(&audited, "c/home"));
    for id in ["a/srv", "b/srv"] {
        assert_eq!(
            asked(&audited, id).unwrap(),
            place(&audited, id),
            "what it is told to name is understood"
        );
    }
}

#[test]
fn an_id_counts_before_a_name_whichever_volume_comes_first() {
    let audited = with(&[("a", "z"), ("z", "other"), ("y", "z")]);
    assert_eq!(asked(&audited, "z").unwrap(), place(&audited, "z"));
}
