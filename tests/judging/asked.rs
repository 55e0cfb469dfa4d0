//! What a person names, where the name may mean several things.

use crate::answers::token_estate;
use crate::estate::now;
use outlive::app::{Asked, Audited, asked, hazard_named, hazards_named};
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

/// What a list of hazards is read as, or what is said of it and what to do.
fn listed(words: &[&str]) -> std::result::Result<Vec<Hazard>, (String, String)> {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let hazards = hazards_named(&with(&[]).graph, &words);
    hazards.map(|set| set.into_iter().collect()).map_err(|problem| (problem.what, problem.remedy))
}

#[test]
fn an_act_in_a_list_before_a_name_without_one_is_asked_back_where_it_would_matter() {
    let asks = |list: &str, act: &str, name: &str, remedy: &str| {
        let what = format!("it is not clear whether `{act}` is meant of `{name}` too");
        assert_eq!(listed(&[list]), Err((what, remedy.to_owned())), "{list}");
    };
    asks(
        "compromised:host:build-3,account:builds",
        "compromised:",
        "account:builds",
        "write compromised:account:builds where it is, else lost:account:builds",
    );
    asks(
        "compromised:host:build-3, lost:builds , orders-db",
        "lost:",
        "orders-db",
        "write lost:orders-db where it is, else deleted:orders-db",
    );
}

#[test]
fn what_an_error_tells_to_write_and_every_list_of_one_meaning_is_read() {
    let (host, account) = (AssetId("host:build-3".into()), AssetId("account:builds".into()));
    let taken = Hazard::Compromised;
    assert_eq!(
        listed(&["compromised:host:build-3,compromised:account:builds"]),
        Ok(vec![taken(account.clone()), taken(host.clone())])
    );
    let mixed = Ok(vec![Hazard::Lost(account.clone()), taken(host.clone())]);
    assert_eq!(listed(&["compromised:host:build-3,lost:account:builds"]), mixed);
    assert_eq!(listed(&["account:builds,compromised:host:build-3"]), mixed);
    assert_eq!(listed(&["compromised:host:build-3", "account:builds"]), mixed);
    // With or without the act it is the same, or with it nothing at all.
    let lost = Hazard::Lost(account.clone());
    assert_eq!(listed(&["lost:host:build-3,account:builds"]), Ok(vec![lost.clone(), Hazard::Lost(host)]));
    let bad = Hazard::BadData(AssetId("volume:orders-db".into()));
    assert_eq!(listed(&["bad-data:volume:orders-db,account:builds"]), Ok(vec![lost, bad]));
}
