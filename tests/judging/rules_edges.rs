//! What single rules once overlooked.

use crate::estate::*;
use crate::rules_each::*;
use chrono::TimeDelta;
use outlive::catalogue::Catalogue;
use outlive::domain::*;
use outlive::isolation::{Cell, Fate, Shadow, Survival, expand, fate, isolate};
use outlive::rules::judge;

fn unlocked() -> Known<Lock> {
    Known::Observed(Lock { mode: LockMode::None, until: None }, now())
}

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
    assert!(is(&try_with(until(25), &["young"], &[]), "fail"));
    assert!(is(&try_with(until(27), &["young"], &[]), "pass"));
    assert!(is(&try_with(Known::Unknown, &[], &["young"]), "undetermined"));
    assert!(is(&try_with(until(25), &[], &["young"]), "undetermined"));
    assert!(is(&try_with(until(27), &[], &["young"]), "not applicable"), "a lock that lasts does not lapse");
    let why = |verdict| matches!(verdict, Verdict::NotApplicable(why) if why.contains("because of one"));
    assert!(why(try_with(unlocked(), &["young"], &[])));
}

/// What nobody saw and may take the volume, and leaves the first point.
fn unseen(class: HazardClass) -> Shadow {
    let (at, taken_at) = (0, Known::Observed(now() - TimeDelta::hours(1), now()));
    let age = Some(TimeDelta::hours(1));
    let cell = Cell::Survivor { point: at, taken_at, age, state: None, drilled_at: Known::Unknown };
    let (classes, because) = ([class].into(), "nobody looked".into());
    Shadow { classes, because, cell, leaves_recent: true, recent: vec![at] }
}

#[test]
fn a_lock_may_be_what_keeps_a_point_from_what_nobody_saw_and_in_a_bucket_that_somebody_may_delete() {
    let rule = "lock-lapses-before-next-copy";
    let policy = || Policy { locked_for: None, ..strict() };
    let until = |hours: i64| {
        let until = Some(now() + TimeDelta::hours(hours));
        Known::Observed(Lock { mode: LockMode::Compliance, until }, now())
    };
    let from_unseen = |class, hours: i64| {
        let mut estate = with_lock(until(hours));
        estate.0.points.truncate(1);
        let survival = Survival { rows: Vec::new(), shadows: vec![unseen(class)] };
        by_survival(rule, &estate, &survival, policy())
    };
    assert!(is(&from_unseen(HazardClass::Credential, 25), "undetermined"));
    assert!(is(&from_unseen(HazardClass::Credential, 27), "not applicable"));
    assert!(is(&from_unseen(HazardClass::Site, 25), "not applicable"), "no lock holds that off");
    let mut two = with_lock(until(25));
    let mut free = two.0.points[0].clone();
    (free.id, free.lock) = (PointId("zz".into()), unlocked());
    two.0.points = vec![two.0.points[0].clone(), free];
    let left = |recent: &[u32]| {
        let shadow = Shadow { recent: recent.to_vec(), ..unseen(HazardClass::Credential) };
        by_survival(rule, &two, &Survival { rows: Vec::new(), shadows: vec![shadow] }, policy())
    };
    assert!(is(&left(&[0, 1]), "not applicable"), "one without a lock speaks for all, the newest or not");
    assert!(is(&left(&[0]), "undetermined"));
    let in_bucket = |by: Option<&str>| {
        let mut estate = with_lock(until(25));
        let mut bucket = asset("bucket:b", AssetKind::Bucket, &[]);
        bucket.bonds.complete = Nature::ALL.into_iter().collect();
        if let Some(credential) = by {
            let bond = Bond::observed(Nature::DeletableBy, AssetId(credential.into()), now());
            bucket.bonds = bucket.bonds.with(bond);
        }
        estate.0.assets.push(bucket);
        let mut bonds = stored_on(&["bucket:b"]);
        bonds.complete = Nature::ALL.into_iter().collect();
        estate.0.points[0].bonds = bonds;
        let rows = vec![row(&estate, HazardClass::Credential, true, (&[], &["young"]))];
        by_policy(rule, &estate, rows, policy())
    };
    assert!(is(&in_bucket(Some("credential:t")), "undetermined"));
    assert!(is(&in_bucket(None), "not applicable"));
}

#[test]
fn where_it_is_not_known_who_may_delete_the_volume_a_lock_is_what_separates_the_roles() {
    let rule = "roles-not-separated";
    let locked = |mode, leaves_recent| {
        let until = Some(now() + TimeDelta::days(35));
        let mut estate = with_lock(Known::Observed(Lock { mode, until }, now()));
        let asset = &mut estate.0.assets[0].bonds;
        asset.complete.insert(Nature::DeletableBy);
        let shadows = vec![Shadow { leaves_recent, ..unseen(HazardClass::Credential) }];
        by_survival(rule, &estate, &Survival { rows: Vec::new(), shadows }, strict())
    };
    let why = locked(LockMode::Compliance, true);
    assert!(matches!(&why, Verdict::Pass(why) if why.contains("a lock keeps")), "{why:?}");
    assert!(is(&locked(LockMode::Governance, true), "undetermined"));
    assert!(
        is(&locked(LockMode::Compliance, false), "undetermined"),
        "an account may be closed around another"
    );
}

#[test]
fn whoever_may_delete_the_volume_may_be_one_whom_nobody_named_of_a_copy() {
    let of = |complete: bool| {
        let mut estate = with_lock(unlocked());
        let owner = Bond::observed(Nature::DeletableBy, AssetId("identity:i".into()), now());
        let volume = &mut estate.0.assets[0].bonds;
        *volume = volume.clone().with(owner);
        volume.complete.insert(Nature::DeletableBy);
        for point in &mut estate.0.points {
            point.bonds.complete = Nature::ALL.into_iter().collect();
            if !complete {
                point.bonds.complete.remove(Nature::DeletableBy);
            }
        }
        by_survival("roles-not-separated", &estate, &Survival { rows: vec![], shadows: vec![] }, strict())
    };
    assert!(is(&of(false), "undetermined"));
    assert!(is(&of(true), "not applicable"));
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

fn whole(bonds: Bonds) -> Bonds {
    Bonds { complete: Nature::ALL.into_iter().collect(), ..bonds }
}

/// A volume on one provider; its copy, of which one fact is not known, on another one.
fn apart(missing: Nature) -> Inventory {
    use AssetKind::{Account, Host, Provider, Site, Subvolume};
    let mut inventory = incident().with_points(vec![copy("c", "host:b", 1)]).0;
    inventory.assets = vec![
        asset("subvolume:db", Subvolume, &["provider:a"]),
        asset("provider:a", Provider, &[]),
        asset("host:b", Host, &["account:b"]),
        asset("account:b", Account, &["provider:b"]),
        asset("provider:b", Provider, &[]),
        asset("host:else", Host, &["site:else"]),
        asset("site:else", Site, &[]),
    ];
    let assets = inventory.assets.iter_mut().map(|asset| &mut asset.bonds);
    for bonds in assets.chain(inventory.points.iter_mut().map(|point| &mut point.bonds)) {
        *bonds = whole(bonds.clone());
    }
    inventory.points[0].bonds.complete.remove(missing);
    inventory
}

#[test]
fn an_account_that_nobody_declared_may_be_taken_over_where_that_is_asked() {
    let graph = expand(&apart(Nature::DeletableBy), &Catalogue::default());
    let order = |classes: &[HazardClass]| {
        let policy = Policy { survive: classes.iter().copied().collect(), ..Policy::default() };
        let cuts = isolate(&graph, &graph.inventory().volumes[0], &policy, now()).1;
        cuts.possible.sets.first().map(|set| set.order())
    };
    assert_eq!(order(&[HazardClass::Account]), Some(2));
    assert_eq!(order(&[HazardClass::Account, HazardClass::Identity]), Some(1));
}

#[test]
fn what_may_go_with_any_deletion_may_go_with_that_of_something_far_away() {
    let hazards = HazardSet::from([Hazard::Compromised(AssetId("site:else".into()))]);
    let of = |missing| {
        let graph = expand(&apart(missing), &Catalogue::default());
        fate(&graph, &PointId("c".into()), &hazards, TimeDelta::hours(2), now())
    };
    let open = of(Nature::CascadesFrom);
    assert!(matches!(open, Fate::Undetermined { .. }), "{open:?}");
    let known = of(Nature::YieldedBy);
    assert!(matches!(known, Fate::Survives { .. }), "{known:?}");
}

#[test]
fn storage_that_nobody_saw_may_need_a_key() {
    let policy =
        || Policy { survive: [HazardClass::Key, HazardClass::Catalogue].into(), ..Policy::default() };
    for rule in ["key-only-with-primary", "catalogue-only-with-primary"] {
        let estate = || incident().with_points(vec![copy("c", "filesystem:vault", 1)]);
        let found = |estate: Estate| verdict(&judge(&estate.graph(), &policy(), now()).remove(0), rule);
        let (known, open) = (found(estate()), found(estate().opened("device:sdb", Nature::StoredOn)));
        assert!(is(&known, "not applicable") && is(&open, "undetermined"), "{rule}: {known:?}, {open:?}");
    }
}
