//! A vault under lock in a real bucket: agreed to once, written under it, and out of reach of a thief of the writer's key.

use super::nightly_estate::{EstateFile, assert_task, nightly};
use super::place::{Place, assert_same, noise};
use super::run::Run;
use super::servers::{ID, SECRET, client, moto, seaweedfs};
use aws_sdk_s3::types::{Delete, ObjectIdentifier};
use outlive::ledger::{CheckedStore, Event, Ledger, PATIENCE, VaultRef};

/// A tree to be copied into a new bucket under lock, by a policy; the bucket's name.
pub fn estate(place: &Place, policy: &str, lock: &str) -> String {
    let server = seaweedfs();
    let bucket = server.new_locked_place("").bucket;
    place.file("data/file", noise(1, 3_000_000));
    let vault = format!(
        "[[vault]]\nid = \"offsite\"\nkind = \"s3\"\nendpoint = {:?}\nbucket = {bucket:?}\nprefix = \"night/\"\n\
         writer = {{ env = \"KEYS\" }}\n{lock}",
        server.endpoint,
    );
    let file = EstateFile::new().with(policy).with(&vault).tree("tree", &place.path("data"), &["offsite"]);
    file.write(place);
    bucket
}

pub fn outlive(place: &Place, arguments: &[&str]) -> Run {
    with_keys(place.outlive_by_file(arguments))
}

pub fn with_keys(run: Run) -> Run {
    run.environment("KEYS", format!("{ID}:{SECRET}"))
}

pub fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn nothing_is_locked_before_somebody_agreed_and_then_everything_is() {
    let place = Place::new();
    estate(&place, "locked_for = \"2d\"", "lock = { mode = \"compliance\" }");
    let refused = outlive(&place, &["copy", "tree"]).end().expect(2);
    assert!(refused.stderr.contains("outlive vault init offsite"), "{}", refused.stderr);
    let data = place.path("data");
    let by_path = outlive(&place, &["copy", data.to_str().unwrap(), "--vault", "offsite"]).end().expect(2);
    assert!(by_path.stderr.contains("for how long"), "{}", by_path.stderr);
    let unasked = outlive(&place, &["vault", "init", "offsite"]).end().expect(2);
    assert!(unasked.stderr.contains("locked (compliance) for 4 d"), "the cost is told: {}", unasked.stderr);
    assert!(unasked.stderr.contains("--yes"), "{}", unasked.stderr);
    let made = outlive(&place, &["--format", "json", "vault", "init", "offsite", "--yes"]).end().expect(0);
    assert_eq!(made.json("vault-init")["lock"]["mode"], "compliance");
    let again = outlive(&place, &["vault", "init", "offsite", "--yes"]).end().expect(0);
    assert!(again.stdout.contains("locked (compliance) until"), "{}", again.stdout);
    let night = with_keys(nightly(&place, &["--format", "json"])).end();
    let done = night.json("nightly");
    assert_task(&done, ("tree", "offsite"), "done", "read back");
    let locks = done["tasks"].as_array().unwrap().iter().find(|task| task["task"] == "lock").unwrap();
    assert_eq!(locks["outcome"], "done", "{locks}");
    let copied = outlive(&place, &["--format", "json", "copy", "tree"]).end().expect(0);
    assert_eq!(copied.json("copy")["lock"]["mode"], "compliance");
    for rule in
        ["lock-missing", "lock-governance-only", "lock-shorter-than-policy", "lock-lapses-before-next-copy"]
    {
        assert_eq!(verdict(&place, rule), "pass", "{rule}");
    }
}

#[test]
fn locks_count_for_as_long_as_the_store_was_lately_seen_to_keep_them() {
    let place = Place::new();
    estate(&place, "locked_for = \"2d\"", "lock = { mode = \"compliance\" }");
    outlive(&place, &["vault", "init", "offsite", "--yes"]).end().expect(0);
    outlive(&place, &["copy", "tree"]).end().expect(0);
    let check = |audit: &str| -> serde_json::Value {
        serde_json::from_str::<serde_json::Value>(audit).unwrap()["checks"][0].clone()
    };
    let audit = || outlive(&place, &["--format", "json", "audit"]).end();
    // The check of `vault init` counts, for ninety days.
    let seen = check(&audit().stdout);
    let at = |name: &str| seen[name].as_str().unwrap().parse::<outlive::domain::Timestamp>().unwrap();
    assert_eq!(seen["vault"], "offsite");
    assert_eq!(at("until") - at("kept_locks_at"), chrono::TimeDelta::days(90));
    outlive(&place, &["audit"]).end().says("offsite: its store was seen to keep locks on");
    assert_eq!(verdict(&place, "lock-missing"), "pass");
    let file = std::fs::read_to_string(place.path("outlive.toml")).unwrap();
    let within = |span: &str| {
        let lock = format!("lock = {{ mode = \"compliance\", check_within = {span:?} }}");
        place.file("outlive.toml", file.replace("lock = { mode = \"compliance\" }", &lock));
    };
    within("1s");
    std::thread::sleep(std::time::Duration::from_millis(1200));
    assert_eq!(verdict(&place, "lock-missing"), "undetermined");
    let expired = outlive(&place, &["audit"]).end();
    expired.says("expired: its store was last seen to keep locks on").says("outlive vault check offsite");
    within("1h");
    assert_eq!(verdict(&place, "lock-missing"), "pass");
    within("never");
    assert_eq!(verdict(&place, "lock-missing"), "pass");
    assert!(check(&audit().stdout)["until"].is_null());
    // A machine that never saw it kept believes no lock, whatever the store says.
    within("1h");
    std::fs::create_dir(place.path("elsewhere")).unwrap();
    let config = place.path("outlive.toml");
    let other = place.path("elsewhere");
    let unseen = place.outlive_with_state(&other, &[&"--config", &config, &"audit"]);
    with_keys(unseen).end().says("its store was not seen to keep locks");
    let checked = place.outlive_with_state(&other, &[&"--config", &config, &"vault", &"check", &"offsite"]);
    with_keys(checked).end();
    let seen = place.outlive_with_state(&other, &[&"--config", &config, &"audit"]);
    with_keys(seen).end().says("offsite: its store was seen to keep locks on");
}

/// What an audit says by a rule of the volume.
fn verdict(place: &Place, rule: &str) -> serde_json::Value {
    let audit = outlive(place, &["--format", "json", "audit"]).end();
    let audit: serde_json::Value = serde_json::from_str(&audit.stdout).unwrap();
    let volume = &audit["volumes"].as_array().unwrap()[0];
    let found = volume["findings"].as_array().unwrap().iter().find(|finding| finding["rule"] == rule);
    found.unwrap_or_else(|| panic!("no {rule}: {audit}"))["verdict"].clone()
}

#[test]
fn a_bucket_without_object_lock_is_refused_and_nothing_is_made_in_it() {
    let place = Place::new();
    estate(&place, "locked_for = \"2d\"", "lock = { mode = \"compliance\" }");
    let bucket = seaweedfs().new_bucket();
    let file = std::fs::read_to_string(place.path("outlive.toml")).unwrap();
    let old = file.lines().find(|line| line.starts_with("bucket = ")).unwrap().to_owned();
    place.file("outlive.toml", file.replace(&old, &format!("bucket = {bucket:?}")));
    let refused = outlive(&place, &["vault", "init", "offsite", "--yes"]).end().expect(2);
    assert!(refused.stderr.contains("Object Lock"), "{}", refused.stderr);
    let copied = outlive(&place, &["copy", "tree"]).end().expect(2);
    assert!(copied.stderr.contains("vault init"), "{}", copied.stderr);
    let listed = block(client(&seaweedfs().endpoint).list_objects_v2().bucket(&bucket).send()).unwrap();
    assert_eq!(listed.contents().len(), 0, "{listed:?}");
}

#[test]
fn a_thief_of_the_writers_key_deletes_no_version_and_everything_is_restored() {
    let place = Place::new();
    let bucket = estate(&place, "locked_for = \"2d\"", "lock = { mode = \"compliance\" }");
    outlive(&place, &["vault", "init", "offsite", "--yes"]).end().expect(0);
    outlive(&place, &["copy", "tree"]).end().expect(0);
    let client = client(&seaweedfs().endpoint);
    block(async {
        let listed = client.list_object_versions().bucket(&bucket).send().await.unwrap();
        assert!(listed.versions().len() >= 7, "{}", listed.versions().len());
        for version in listed.versions() {
            let (key, id) = (version.key().unwrap(), version.version_id().unwrap());
            let one = client.delete_object().bucket(&bucket).key(key).version_id(id);
            assert!(one.bypass_governance_retention(true).send().await.is_err(), "{key} was deleted");
            let shorter = aws_sdk_s3::types::ObjectLockRetention::builder()
                .mode(aws_sdk_s3::types::ObjectLockRetentionMode::Compliance)
                .retain_until_date(aws_sdk_s3::primitives::DateTime::from_secs(
                    chrono::Utc::now().timestamp() + 60,
                ));
            let asked = client.put_object_retention().bucket(&bucket).key(key).version_id(id);
            let asked = asked.retention(shorter.build()).bypass_governance_retention(true);
            assert!(asked.send().await.is_err(), "the lock of {key} was made shorter");
        }
        let all = listed.versions().iter().map(|version| {
            let one = ObjectIdentifier::builder().key(version.key().unwrap());
            one.version_id(version.version_id().unwrap()).build().unwrap()
        });
        let batch = Delete::builder().set_objects(Some(all.collect())).build().unwrap();
        drop(client.delete_objects().bucket(&bucket).delete(batch).send().await);
        // What a lock does not keep off: other bytes on top, and delete markers.
        for (number, version) in listed.versions().iter().enumerate() {
            let key = version.key().unwrap();
            if number % 3 != 0 {
                let junk = client.put_object().bucket(&bucket).key(key).body(b"{}".to_vec().into());
                junk.send().await.unwrap();
            }
            if number % 3 != 1 {
                client.delete_object().bucket(&bucket).key(key).send().await.unwrap();
            }
        }
    });
    let target = place.path("restored");
    let target_text = target.to_str().unwrap();
    let restored = outlive(&place, &["restore", "tree", "--vault", "offsite", "--to", target_text]).end();
    restored.expect(0).says("9 objects were written over or deleted");
    assert_same(&place.path("data"), &target);
    outlive(&place, &["verify", "offsite"]).end().expect(0).says("change that credential");
    let night = with_keys(nightly(&place, &["--format", "json"])).end();
    let locks = night.json("nightly")["tasks"].as_array().unwrap().clone();
    let locks = locks.into_iter().find(|task| task["task"] == "lock").unwrap();
    assert_eq!(locks["outcome"], "done", "what was written keeps its lock: {locks}");
}

/// What the vault's store does, as the program tells it; and what a store that does not keep locks is good for.
#[test]
fn a_store_is_asked_what_it_does_before_it_is_trusted_with_a_lock() {
    let place = Place::new();
    estate(&place, "locked_for = \"2d\"", "lock = { mode = \"compliance\" }");
    let before = outlive(&place, &["vault", "check", "offsite"]).end().expect(0);
    assert!(before.stdout.contains("no lock can be made shorter"), "{}", before.stdout);
    assert!(before.stdout.contains("the vault is not made yet"), "{}", before.stdout);
    assert!(before.stdout.lines().all(|line| line.chars().count() <= 100), "{}", before.stdout);
    // What it left there is in nobody's way.
    outlive(&place, &["vault", "init", "offsite", "--yes"]).end().expect(0);
    let after = outlive(&place, &["--format", "json", "vault", "check", "offsite"]).end().expect(0);
    let after = after.json("vault-check");
    assert_eq!((&after["lock"], after["vault"].is_string()), (&"compliance".into(), true), "{after}");
    let trials = after["trials"].as_array().unwrap();
    assert_eq!(trials.len(), 14, "{after}");
    assert_eq!(trials.iter().filter(|trial| trial["found"] == "holds").count(), 13, "{after}");
    outlive(&place, &["copy", "tree"]).end().expect(0);
    outlive(&place, &["verify", "offsite"]).end().expect(0);
    assert_eq!(verdict(&place, "lock-missing"), "pass");
    // Had it been seen to give locks up, what it tells of them would count no more.
    let mut ledger = Ledger::open(&place.path("state"), PATIENCE).unwrap();
    let checked = ledger.records().iter().filter_map(|record| match &record.event {
        Event::StoreChecked { vault, .. } => Some(vault.clone()),
        _ => None,
    });
    let vaults: Vec<VaultRef> = checked.collect();
    assert_eq!(vaults.len(), 2, "by init, and by the check after it");
    let fails = vec!["lock-shorter".to_owned()];
    let lies = CheckedStore { fails, ..CheckedStore::default() };
    let event = Event::StoreChecked { vault: vaults[0].clone(), checked: lies };
    ledger.append(chrono::Utc::now(), event).unwrap();
    drop(ledger);
    assert_eq!(verdict(&place, "lock-missing"), "fail");
    let wrong = outlive(&place, &["vault", "check", "nothing"]).end().expect(2);
    assert!(wrong.stderr.contains("has no vault `nothing`"), "{}", wrong.stderr);
    let here = place.path("vault-here");
    let file = std::fs::read_to_string(place.path("outlive.toml")).unwrap();
    place
        .file("outlive.toml", format!("{file}\n[[vault]]\nid = \"here\"\nkind = \"dir\"\npath = {here:?}\n"));
    let nothing = outlive(&place, &["vault", "check", "here"]).end().expect(2);
    assert!(nothing.stderr.contains("only an S3 store is checked"), "{}", nothing.stderr);
    assert!(!here.exists(), "nothing is made by a check");
}

#[test]
fn a_store_that_gives_locks_up_is_trusted_with_none() {
    let place = Place::new();
    estate(&place, "locked_for = \"2d\"", "lock = { mode = \"compliance\" }");
    let file = std::fs::read_to_string(place.path("outlive.toml")).unwrap();
    let bucket = moto().new_locked_place("").bucket;
    let swap = |line: &str| match line.split_once(" = ") {
        Some(("bucket", _)) => format!("bucket = {bucket:?}"),
        Some(("endpoint", _)) => format!("endpoint = {:?}", moto().endpoint),
        _ => line.to_owned(),
    };
    place.file("outlive.toml", file.lines().map(swap).collect::<Vec<_>>().join("\n"));
    let refused = outlive(&place, &["vault", "init", "offsite", "--yes"]).end().expect(2);
    assert!(refused.stderr.contains("does not keep locks"), "{}", refused.stderr);
    let checked = outlive(&place, &["--format", "json", "vault", "check", "offsite"]).end();
    let found = checked.json("vault-check");
    let of = |asked: &str| {
        let trials = found["trials"].as_array().unwrap();
        trials.iter().find(|trial| trial["asked"] == asked).unwrap()["found"].clone()
    };
    assert_eq!((of("lock"), of("lock-shorter")), ("holds".into(), "fails".into()), "{found}");
    checked.expect(10);
    let text = outlive(&place, &["vault", "check", "offsite"]).end();
    assert!(text.stdout.contains("It does not do 3 of what was asked"), "{}", text.stdout);
}
