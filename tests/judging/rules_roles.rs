//! Roles of vaults: the key in the safe, and a machine that does everything.

use crate::estate::*;
use crate::rules_each::{copies, hours, judged};
use outlive::domain::*;
use outlive::estate::Estate as EstateFile;
use std::path::Path;

/// An estate whose vault has these roles.
pub fn with_roles(escrow: Escrow, together: Together) -> Estate {
    let mut estate = copies();
    let volumes = [VolumeId("host:/srv/db".into())].into();
    let points = Default::default();
    estate.0.roles = vec![VaultRoles { vault: "offsite".into(), volumes, points, escrow, together }];
    estate
}

fn escrow(escrow: Escrow) -> Verdict {
    judged(&with_roles(escrow, Together::Apart), "escrow-not-proved")
}

#[test]
fn a_key_in_the_safe_counts_as_long_as_its_proof_does() {
    let at = now() - hours(24 * 100);
    let proved = |until: Option<i64>| escrow(Escrow::Proved { at, until: until.map(|by| now() + hours(by)) });
    assert!(is(&proved(Some(1)), "pass") && is(&proved(None), "pass"));
    assert!(is(&proved(Some(-1)), "fail"));
    assert!(is(&escrow(Escrow::NoReader), "fail") && is(&escrow(Escrow::Never), "fail"));
    assert!(is(&escrow(Escrow::FormerEpoch { at }), "fail"));
    assert!(is(&escrow(Escrow::Failed { at, because: "it opens nothing".into() }), "fail"));
    assert!(is(&escrow(Escrow::NotAsked("never".into())), "not applicable"));
    assert!(is(&escrow(Escrow::Unknown("the vault is away".into())), "undetermined"));
    let ahead = Escrow::Proved { at: now() + hours(1), until: None };
    assert!(is(&escrow(ahead), "undetermined"), "a clock that went ahead proves nothing");
}

#[test]
fn of_several_vaults_the_poorest_counts_and_those_of_other_volumes_do_not() {
    let proved = Escrow::Proved { at: now() - hours(1), until: None };
    let mut estate = with_roles(proved.clone(), Together::Apart);
    let of_other = |escrow: Escrow, volume: &str| VaultRoles {
        vault: "other".into(),
        volumes: [VolumeId(volume.into())].into(),
        points: Default::default(),
        escrow,
        together: Together::Both(vec!["both".into()]),
    };
    estate.0.roles.push(of_other(Escrow::Never, "host:/elsewhere"));
    assert!(is(&judged(&estate, "escrow-not-proved"), "pass") && is(&judged(&estate, "role-all"), "pass"));
    estate.0.roles.push(of_other(Escrow::Never, "host:/srv/db"));
    assert!(is(&judged(&estate, "escrow-not-proved"), "fail") && is(&judged(&estate, "role-all"), "fail"));
}

/// A copy that needs a key lies in an encrypted vault, whoever forgot to say what its readers are for; what is known of another vault does not
/// answer for it.
#[test]
fn a_copy_that_needs_a_key_and_no_word_on_the_readers_of_its_own_vault_leaves_it_open() {
    let mut estate = copies();
    assert!(is(&judged(&estate, "escrow-not-proved"), "not applicable"));
    let key = AssetId("key:offsite.reader-1".into());
    estate.0.assets.push(asset(&key.0, AssetKind::Key, &[]));
    let bonds = std::mem::take(&mut estate.0.points[0].bonds);
    estate.0.points[0].bonds = bonds.with(Bond::observed(Nature::Needs, key, now()));
    assert!(is(&judged(&estate, "escrow-not-proved"), "undetermined"));
    let proved = Escrow::Proved { at: now() - hours(1), until: None };
    estate.0.roles = with_roles(proved, Together::Apart).0.roles;
    assert!(is(&judged(&estate, "escrow-not-proved"), "undetermined"), "it is of another vault");
    let id = estate.0.points[0].id.clone();
    estate.0.roles[0].points.insert(id);
    assert!(is(&judged(&estate, "escrow-not-proved"), "pass"));
}

#[test]
fn of_several_keys_in_safes_the_poorest_counts() {
    let at = |ago: i64| now() - hours(ago);
    let proved = |ago: i64| Escrow::Proved { at: at(ago), until: None };
    let failed = Escrow::Failed { at: at(9), because: String::new() };
    let former = Escrow::FormerEpoch { at: at(8) };
    let ranked = [failed, Escrow::Never, former, proved(-1), proved(30), proved(1)];
    for (place, poorest) in ranked.iter().enumerate() {
        let rest = ranked[place..].iter().rev().cloned();
        assert_eq!(Escrow::poorest(rest, now()).as_ref(), Some(poorest));
    }
    assert_eq!(Escrow::poorest(std::iter::empty(), now()), None);
}

#[test]
fn where_no_role_can_be_apart_nothing_passes() {
    let proved = || Escrow::Proved { at: now() - hours(1), until: None };
    let mut estate = with_roles(proved(), Together::Plain);
    let said = judged(&estate, "role-all");
    assert!(is(&said, "not applicable") && format!("{said:?}").contains("it is not encrypted"), "{said:?}");
    estate.0.roles.extend(with_roles(proved(), Together::Apart).0.roles);
    assert!(is(&judged(&estate, "role-all"), "not applicable"), "one vault hides the other");
    estate.0.roles.extend(with_roles(proved(), Together::Unknown("away".into())).0.roles);
    assert!(is(&judged(&estate, "role-all"), "undetermined"));
}

/// What a bucket's table gives a machine that copies into it, and one that does not.
#[test]
fn whoever_has_a_credential_that_writes_and_one_that_reads_has_both() {
    let together = |keys: &str, copies: bool| {
        let text = format!("[[vault]]\nid = \"offsite\"\nkind = \"s3\"\nbucket = \"backups\"\n{keys}\n");
        let estate = EstateFile::parse(Path::new("outlive.toml"), &text).unwrap();
        match estate.vaults[0].together(copies) {
            Together::Both(what) => what.join("; "),
            Together::Apart => "apart".into(),
            other => format!("{other:?}"),
        }
    };
    let (writer, reader) = ("writer = { env = \"A\" }", "reader = { env = \"B\" }");
    let driller = "driller = { env = \"B\" }";
    assert_eq!(together("", true), "apart");
    assert_eq!(together(writer, true), "apart");
    for other in [reader, driller] {
        let word = &other[..other.find(' ').unwrap()];
        let both = format!("`{word}` is named where what writes is, too");
        assert_eq!(together(&format!("{writer}\n{other}"), true), both);
        assert_eq!(together(&format!("{writer}\n{other}"), false), both);
        // Copies are made with what the environment gives.
        assert_eq!(together(other, true), both);
        assert_eq!(together(other, false), "apart");
        let one = format!("{writer}\n{}", other.replace("\"B\"", "\"A\""));
        assert_eq!(together(&one, true), format!("`writer` and `{word}` are one credential"));
    }
    let identity = "identity = { env = \"C\" }";
    assert!(together(identity, true).contains("`identity`"));
    assert!(together(&format!("{writer}\n{identity}"), false).contains("`identity`"));
    assert_eq!(together(&format!("{driller}\n{identity}"), false), "apart");
}
