//! What follows from a token, a host, an account or a key in the wrong hands, what a lock holds off, and what it
//! does not.

use crate::cloud::*;
use crate::estate::now;
use chrono::TimeDelta;
use outlive::domain::*;
use outlive::isolation::{CutSets, Fate, fate, hazard_title, isolate};

fn under(inventory: &Inventory, point: &str, hazard: Hazard) -> Fate {
    fate(&graph(inventory), &PointId(point.into()), &[hazard].into(), TimeDelta::days(3), now())
}

fn held(asset: &str) -> Hazard {
    Hazard::Compromised(id(asset))
}

fn dies(fate: &Fate) -> bool {
    matches!(fate, Fate::Dies { .. })
}

fn survives(fate: &Fate) -> bool {
    matches!(fate, Fate::Survives { .. })
}

#[test]
fn a_token_found_on_a_host_deletes_the_volume_and_what_cascades_from_it_and_the_path_says_so() {
    let inventory = estate(vec![vaulted("copy", 2, LockMode::None)]);
    let Fate::Dies { path, .. } = under(&inventory, "inside", held("host:build-3")) else {
        panic!("it lives")
    };
    let said: Vec<String> =
        path.iter().map(|step| format!("{} {} {}", step.thing, step.verb, step.on)).collect();
    assert_eq!(
        said,
        [
            "credential ci is yielded by host build-3",
            "volume orders-db can be deleted by credential ci",
            "named copy inside is stored on volume orders-db",
        ]
    );
    assert!(survives(&under(&inventory, "copy", held("host:build-3"))));
    assert!(dies(&under(&inventory, "inside", held("credential:ci"))));
    assert!(survives(&under(&inventory, "inside", held("credential:writer"))));
    // outlive's own host holds the writer's credential.
    assert!(dies(&under(&inventory, "copy", held("host:outlive"))));
}

#[test]
fn a_lock_holds_off_those_who_may_delete_and_says_until_when() {
    let [open, governed, firm, kept] =
        [LockMode::None, LockMode::Governance, LockMode::Compliance, LockMode::LegalHold]
            .map(|mode| estate(vec![vaulted("copy", 2, mode)]));
    let writer = || held("credential:writer");
    assert!(dies(&under(&open, "copy", writer())));
    let until = Some(now() + TimeDelta::days(30));
    assert_eq!(under(&firm, "copy", writer()), Fate::Survives { until });
    // Whether the writer may bypass governance, or lift a hold, nobody said.
    assert!(matches!(under(&governed, "copy", writer()), Fate::Undetermined { .. }));
    assert!(matches!(under(&kept, "copy", writer()), Fate::Undetermined { .. }));
    let admin = || held("identity:admin");
    assert!(dies(&under(&governed, "copy", admin())) && dies(&under(&kept, "copy", admin())));
    // An administrator who may delete the bucket: whether the store refuses that was not tried.
    assert!(matches!(under(&firm, "copy", admin()), Fate::Undetermined { .. }));
    let mut kept_bucket = firm.clone();
    let bucket = kept_bucket.assets.iter_mut().find(|asset| asset.id == id("bucket:vault")).unwrap();
    bucket.bonds.list.retain(|bond| bond.nature != Nature::DeletableBy);
    assert_eq!(under(&kept_bucket, "copy", admin()), Fate::Survives { until });
}

#[test]
fn what_is_not_known_of_a_bucket_is_said_and_not_that_a_lock_is_unknown() {
    let mut firm = estate(vec![vaulted("copy", 2, LockMode::Compliance)]);
    let admin = || held("identity:admin");
    let missing = |fate: Fate| match fate {
        Fate::Undetermined { missing } => missing,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        missing(under(&firm, "copy", admin())),
        "it is not known whether a lock keeps named copy copy"
    );
    let bucket = firm.assets.iter_mut().find(|asset| asset.id == id("bucket:vault")).unwrap();
    bucket.bonds.list.retain(|bond| bond.nature != Nature::StoredOn);
    bucket.bonds.complete.remove(Nature::StoredOn);
    let said = missing(under(&firm, "copy", Hazard::Lost(id("account:acme"))));
    assert!(said.contains("bucket vault is stored on"), "{said}");
    let bucket = firm.assets.iter_mut().find(|asset| asset.id == id("bucket:vault")).unwrap();
    *bucket = asset("bucket:vault", AssetKind::Bucket, &[(Nature::StoredOn, "account:dr")]);
    bucket.bonds.complete.remove(Nature::DeletableBy);
    let said = missing(under(&firm, "copy", held("credential:ci")));
    assert_eq!(said, "it is not known which credentials may delete bucket vault");
}

#[test]
fn where_a_credential_is_found_is_said_once() {
    let mut inventory = estate(vec![]);
    let ci = inventory.assets.iter_mut().find(|asset| asset.id == id("credential:ci")).unwrap();
    ci.bonds.list.push(Bond::observed(Nature::StoredOn, id("host:build-3"), now()));
    let title = hazard_title(&graph(&inventory), &held("credential:ci"));
    assert_eq!(title, "misuse of credential ci (found on account acme, host build-3)");
    let judged = isolate(&graph(&inventory), &inventory.volumes[0], &Policy::default(), now());
    let titles = judged.1.events.iter().map(|event| event.title.as_str());
    assert!(titles.into_iter().filter(|said| said.contains("misuse")).all(|said| said == title));
}

#[test]
fn a_lock_ends_with_its_time_its_account_and_its_key() {
    let mut firm = estate(vec![vaulted("copy", 2, LockMode::Compliance)]);
    assert!(dies(&under(&firm, "copy", Hazard::Lost(id("account:dr")))));
    assert!(dies(&under(&firm, "copy", held("identity:dr-root"))), "who administers the account closes it");
    assert!(dies(&under(&firm, "copy", Hazard::Lost(id("key:vault")))), "locked bytes without their key");
    assert!(dies(&under(&firm, "copy", held("identity:keys"))));
    let lock = Lock { mode: LockMode::Compliance, until: Some(now()) };
    firm.points[1].lock = Known::Observed(lock, now());
    assert!(dies(&under(&firm, "copy", held("credential:writer"))), "the lock has ended");
    firm.points[1].lock = Known::Unknown;
    assert!(matches!(under(&firm, "copy", held("credential:writer")), Fate::Undetermined { .. }));
}

#[test]
fn two_person_deletion_needs_both() {
    let mut inventory = estate(vec![vaulted("copy", 2, LockMode::None)]);
    let bonds = &mut inventory.points[1].bonds;
    let deletable = bonds.list.iter_mut().find(|bond| bond.nature == Nature::DeletableBy).unwrap();
    deletable.on.push(id("identity:keys"));
    deletable.dies_at = 2;
    let fate = |hazards: HazardSet| {
        fate(&graph(&inventory), &PointId("copy".into()), &hazards, TimeDelta::zero(), now())
    };
    assert!(survives(&fate([held("credential:writer")].into())));
    assert!(dies(&fate([held("credential:writer"), held("identity:keys")].into())));
}

#[test]
fn replicas_follow_bad_data_and_only_older_points_survive_it() {
    let mut inventory = estate(vec![
        vaulted("old", 80, LockMode::None),
        vaulted("young", 2, LockMode::Compliance),
        vaulted("replica", 80, LockMode::Compliance),
        vaulted("whenever", 80, LockMode::Compliance),
    ]);
    inventory.points[3].kind = PointKind::Replica;
    inventory.points[4].taken_at = Known::Unknown;
    let bad = |point: &str| under(&inventory, point, Hazard::BadData(id(VOLUME)));
    assert!(survives(&bad("old")) && dies(&bad("young")) && dies(&bad("replica")));
    assert!(matches!(bad("whenever"), Fate::Undetermined { .. }));
}

fn cuts(inventory: &Inventory, survive: &[HazardClass]) -> (CutSets, Vec<Vec<String>>) {
    let policy = Policy { survive: survive.iter().copied().collect(), ..Policy::default() };
    let graph = graph(inventory);
    let (_, cuts) = isolate(&graph, &inventory.volumes[0], &policy, now());
    let said = |sets: &outlive::isolation::Sets| {
        let words = sets.sets.iter().map(|set| set.events().map(|e| cuts.events[e].title.clone()).collect());
        words.collect::<Vec<Vec<String>>>()
    };
    let certain = said(&cuts.certain);
    assert_eq!(certain, said(&cuts.possible), "everything is known");
    (cuts, certain)
}

#[test]
fn one_token_is_a_cut_set_until_a_copy_lies_out_of_its_reach() {
    let misuse = "misuse of credential ci (found on account acme, host build-3)";
    let (_, alone) = cuts(&estate(vec![]), &[HazardClass::Credential]);
    assert_eq!(alone, [[misuse]]);
    // A dump of January is no copy within the RPO.
    let (found, dump) =
        cuts(&estate(vec![vaulted("dump", 2208, LockMode::None)]), &[HazardClass::Credential]);
    assert_eq!(dump, [[misuse]]);
    let left = &found.certain.left[0];
    assert_eq!((left.dead, left.recent, left.newest), (1, 1, Some(0)), "the dump is what is left");
    let (_, two) = cuts(&estate(vec![vaulted("copy", 2, LockMode::None)]), &[HazardClass::Credential]);
    assert_eq!(
        two,
        [["misuse of credential writer (found on host outlive)", misuse]].map(|mut set| {
            set.sort_unstable();
            set
        })
    );
    let (_, locked) =
        cuts(&estate(vec![vaulted("copy", 2, LockMode::Compliance)]), &[HazardClass::Credential]);
    assert_eq!(locked, Vec::<Vec<String>>::new(), "no credential reaches it");
}

#[test]
fn with_bad_data_the_point_asked_for_may_be_older() {
    let asked = [HazardClass::BadData, HazardClass::Credential];
    let bad = "bad data, unnoticed for 3 d";
    let (_, alone) = cuts(&estate(vec![vaulted("young", 2, LockMode::Compliance)]), &asked);
    assert_eq!(alone, [[bad]]);
    let both = vec![vaulted("young", 2, LockMode::Compliance), vaulted("old", 90, LockMode::None)];
    let (_, with_old) = cuts(&estate(both), &asked);
    let writer = "misuse of credential writer (found on host outlive)".to_owned();
    assert!(
        with_old.iter().all(|set| set.contains(&writer) && set.contains(&bad.to_owned())),
        "{with_old:?}"
    );
    assert_eq!(with_old.len(), 1);
}

#[test]
fn what_always_falls_together_is_told_once() {
    let asked = [HazardClass::Account, HazardClass::Identity];
    let (found, sets) = cuts(&estate(vec![vaulted("copy", 2, LockMode::None)]), &asked);
    assert!(sets.iter().all(|set| set.len() == 2), "{sets:?}");
    let groups: Vec<Vec<&str>> = found
        .alike()
        .iter()
        .map(|group| group.iter().map(|event| found.events[*event].title.as_str()).collect())
        .collect();
    let of = |title: &str| groups.iter().find(|group| group.contains(&title)).unwrap().len();
    assert_eq!(of("loss of project shop"), of("loss of account acme"));
    assert!(of("loss of account dr") > 1, "{groups:?}");
}
