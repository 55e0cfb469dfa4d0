//! Roles of vaults: the key in the safe, and a machine that does everything.

use crate::estate::*;
use crate::rules_each::{copies, hours, judged};
use outlive::domain::*;

/// An estate whose vault has these roles.
pub fn with_roles(escrow: Escrow, together: Together) -> Estate {
    let mut estate = copies();
    let volumes = [VolumeId("host:/srv/db".into())].into();
    estate.0.roles = vec![VaultRoles { vault: "offsite".into(), volumes, escrow, together }];
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
        escrow,
        together: Together::Both(vec!["both".into()]),
    };
    estate.0.roles.push(of_other(Escrow::Never, "host:/elsewhere"));
    assert!(is(&judged(&estate, "escrow-not-proved"), "pass") && is(&judged(&estate, "role-all"), "pass"));
    estate.0.roles.push(of_other(Escrow::Never, "host:/srv/db"));
    assert!(is(&judged(&estate, "escrow-not-proved"), "fail") && is(&judged(&estate, "role-all"), "fail"));
}

/// A copy that needs a key lies in an encrypted vault, whoever forgot to say what its readers are for.
#[test]
fn a_copy_that_needs_a_key_and_no_word_on_readers_leaves_it_open() {
    let mut estate = copies();
    assert!(is(&judged(&estate, "escrow-not-proved"), "not applicable"));
    let key = AssetId("key:offsite.reader-1".into());
    estate.0.assets.push(asset(&key.0, AssetKind::Key, &[]));
    let bonds = std::mem::take(&mut estate.0.points[0].bonds);
    estate.0.points[0].bonds = bonds.with(Bond::observed(Nature::Needs, key, now()));
    assert!(is(&judged(&estate, "escrow-not-proved"), "undetermined"));
}
