//! What single rules once overlooked.

use crate::estate::*;
use crate::rules_each::*;
use chrono::TimeDelta;
use outlive::catalogue::Catalogue;
use outlive::domain::*;
use outlive::isolation::expand;
use outlive::rules::judge;

#[test]
fn a_lock_that_something_rests_on_has_to_last_also_where_the_policy_asks_for_none() {
    let rule = "lock-lapses-before-next-copy";
    let policy = || Policy { locked_for: None, ..strict() };
    let try_with = |lock: Known<Lock>, kept: &[&str], open: &[&str]| {
        let estate = with_lock(lock);
        let rows = vec![row(&estate, HazardClass::Credential, true, (kept, open))];
        by_policy(rule, &estate, rows, policy())
    };
    let until = |hours: i64| {
        let until = Some(now() + TimeDelta::hours(hours));
        Known::Observed(Lock { mode: LockMode::Compliance, until }, now())
    };
    let unlocked = || Known::Observed(Lock { mode: LockMode::None, until: None }, now());
    assert!(is(&try_with(until(25), &["young"], &[]), "fail"));
    assert!(is(&try_with(until(27), &["young"], &[]), "pass"));
    assert!(is(&try_with(Known::Unknown, &[], &["young"]), "undetermined"));
    let why = |verdict| matches!(verdict, Verdict::NotApplicable(why) if why.contains("because of one"));
    assert!(why(try_with(unlocked(), &["young"], &[])));
}

#[test]
fn a_kind_of_which_nobody_states_whether_it_follows_its_volume_is_no_backup_and_no_replica() {
    let rule = "replica-counted-as-backup";
    let of = |name: &str| {
        let mut estate = of_kind(PointKind::Catalogued);
        estate.0.points[0].catalogued = Some(name.into());
        estate
    };
    for name in ["heroku.pgbackups", "nobody.describes-it"] {
        let verdict = judged(&of(name), rule);
        assert!(matches!(&verdict, Verdict::Undetermined(why) if why.contains("follows")), "{verdict:?}");
        let beside = of(name).and_point(copy("c", "filesystem:vault", 2));
        assert!(is(&judged(&beside, rule), "pass"), "{:?}", judged(&beside, rule));
    }
    assert!(matches!(judged(&of("repository.restic-snapshot"), rule), Verdict::NotApplicable(_)));
}

#[test]
fn an_undelete_window_that_only_the_catalogue_states_is_seen() {
    let text = "provider = \"x\"\ntitle = \"X\"\n[[kind]]\nname = \"x.snapshot\"\ntitle = \"s\"\nlist = \"l\"\n\
        way_out = \"w\"\nsmallest = \"t\"\n[kind.deletion.volume]\neffect = \"dies\"\ngrace = \"48h\"\n\
        note = \"n\"\nsource = \"s\"\nread = \"2026-11-22\"\ncertainty = \"documented\"\n";
    let catalogue = Catalogue::built_in().unwrap().with_file(text, "x.toml").unwrap();
    let mut estate = of_kind(PointKind::Catalogued);
    estate.0.points[0].catalogued = Some("x.snapshot".into());
    estate.0.points[0].bonds = stored_on(&["filesystem:vault"]);
    let graph = expand(&estate.0, &catalogue);
    let verdict = verdict(&judge(&graph, &strict(), now()).remove(0), "undelete-window-only");
    assert!(matches!(&verdict, Verdict::Fail(_, why) if why.contains("x.snapshot young")), "{verdict:?}");
}

#[test]
fn a_credential_that_reaches_the_copies_through_an_account_is_found() {
    let mut estate = copies();
    let may = |nature| Bond::observed(nature, AssetId("credential:a".into()), now());
    let volume = std::mem::take(&mut estate.0.assets[0].bonds);
    estate.0.assets[0].bonds = volume.with(may(Nature::DeletableBy)).complete(Nature::DeletableBy);
    estate.0.assets.push(asset("credential:a", AssetKind::Credential, &[]));
    let mut account = asset("account:backups", AssetKind::Account, &[]);
    account.bonds = account.bonds.with(may(Nature::DeletableBy)).complete(Nature::DeletableBy);
    estate.0.assets.push(account);
    let along = Bond::observed(Nature::CascadesFrom, AssetId("account:backups".into()), now());
    let point = std::mem::take(&mut estate.0.points[0].bonds);
    estate.0.points[0].bonds = point.with(along).complete(Nature::CascadesFrom).complete(Nature::DeletableBy);
    let verdict = judged(&estate, "roles-not-separated");
    assert!(matches!(&verdict, Verdict::Fail(_, why) if why.contains("vault copy young")), "{verdict:?}");
}

#[test]
fn what_too_few_came_before_is_no_measure_of() {
    let rule = "artefact-empty-or-shrunk";
    let newest_of = |sizes: &[u64]| {
        let mut hour = sizes.len() as i64 + 1;
        let points = sizes.iter().map(|bytes| {
            hour -= 1;
            let mut point = copy(&format!("c{hour}"), "filesystem:vault", hour);
            point.bytes = Known::Observed(*bytes, now());
            point
        });
        incident().with_points(points.collect())
    };
    assert!(is(&judged(&newest_of(&[4096, 4096, 20]), rule), "undetermined"));
    assert!(is(&judged(&newest_of(&[4096, 20]), rule), "undetermined"));
    assert!(is(&judged(&newest_of(&[4096, 2048]), rule), "pass"));
    let alone = newest_of(&[4096]);
    assert!(matches!(judged(&alone, rule), Verdict::NotApplicable(why) if why.contains("none before")));
    assert!(is(&judged(&alone.with_gap(GapScope::Points), rule), "undetermined"));
    assert!(is(&judged(&newest_of(&[0]), rule), "fail"));
}

#[test]
fn what_is_only_declared_is_said_once_for_all_hazards() {
    let mut estate = copies();
    estate.0.points[0].of = Known::Declared(VolumeId("host:/srv/db".into()), Owner("ops".into()));
    let Verdict::Fail(_, why) = estate.verdict("declared-not-observed") else { panic!("it holds") };
    assert_eq!(why.matches("only declared").count(), 1, "{why}");
    assert!(why.contains("deletion of /srv/db") && why.contains(" more"), "{why}");
}
