//! A repair where points are signed, and after an epoch has ended.

use super::hand::fs;
use super::nightly_estate::night;
use super::place::{Place, assert_same, names};
use super::repairing::{Harm, Objects, harm};
use super::repairing_sealed::{repair, twice};
use super::signing::signed;
use super::vouching::{forge, roots};

#[test]
fn what_stands_in_for_a_signed_point_is_signed_and_a_strangers_point_is_left_alone() {
    let place = Place::new();
    signed(&place);
    night(&place, 0);
    let vault = place.path("disk/vault");
    let ours = roots(&vault)[0].signed_by.clone();
    let objects = Objects::of(&vault);
    forge(&vault, "forged", None);
    harm(&vault.join("packs").join(&objects.data[0]), Harm::Gone);
    let run = |code: i32| {
        let run = place.outlive_by_file(&["--format", "json", "vault", "repair", "shelf"]);
        run.end().expect(code)
    };
    // Without its key it would write what it does not believe itself.
    fs::rename(place.path("signing.key"), place.path("elsewhere")).unwrap();
    let before = names(&vault.join("packs"));
    let refused = place.outlive_by_file(&["vault", "repair", "shelf"]).end();
    assert!(refused.code != Some(0) && refused.stderr.contains("signing.key"), "{}", refused.stderr);
    assert_eq!(names(&vault.join("packs")), before);
    fs::rename(place.path("elsewhere"), place.path("signing.key")).unwrap();
    let done = run(14).json("repair");
    let said = done["points"].to_string();
    assert!(said.contains("nobody signed it") && said.contains("repaired"), "{done:#}");
    let new = roots(&vault).into_iter().find(|root| root.repairs().is_some()).expect("one stands in");
    assert_eq!(new.signed_by, ours);
    let to = place.path("restored");
    let restore = ["restore", "tree", "--vault", "shelf", "--to", to.to_str().unwrap()];
    place.outlive_by_file(&restore).end().expect(0);
    assert_same(&place.path("data"), &to);
}

#[test]
fn a_point_of_an_epoch_that_ended_gets_no_new_root_and_that_is_told() {
    let place = Place::new();
    let (_, [key, _]) = twice(&place);
    let vault = place.path("offsite");
    let objects = Objects::of(&vault);
    let key = key.to_str().unwrap();
    let begun = ["vault", "epoch", "new", "offsite", "--yes", "--identity", key];
    super::encrypting::outlive(&place, &begun).end().expect(0);
    harm(&vault.join("packs").join(&objects.data[0]), Harm::Bit);
    let before = names(&vault.join("roots"));
    let done = repair(&place, &["--identity", key]).expect(14).json("repair");
    assert!(done["points"].to_string().contains("an epoch that ended"), "{done:#}");
    assert_eq!(names(&vault.join("roots")), before);
}
