//! The key in the safe: proved where it is that, recorded, and told in audits for as long as it counts.

use super::encrypting::reader;
use super::hand;
use super::nightly_estate::{EstateFile, at, ledger};
use super::place::{Place, names, noise};
use super::run::{Ended, Run};
use outlive::ledger::{DrillEnd, Event};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A tree in an encrypted vault with a reader for drills and one for the worst day.
struct Scene {
    place: Place,
    drill: (PathBuf, String),
    escrow: (PathBuf, String),
}

const DAY: i64 = 86_400;

impl Scene {
    fn new() -> Self {
        let place = Place::new();
        let (drill, escrow) = (reader(&place, "drill.key"), reader(&place, "escrow.key"));
        place.file("data/file", noise(1, 2_000_000));
        place.file("data/more/file", "more");
        let scene = Self { place, drill, escrow };
        scene.estate("escrow", "");
        scene.run(&["vault", "init", "offsite"]).expect(0);
        scene.run(&["copy", "tree"]).expect(0);
        scene
    }

    /// The estate file, in which the second reader has this role.
    fn estate(&self, role: &str, more: &str) {
        let path = self.place.path("vault");
        let text = format!(
            "[[vault]]\nid = \"offsite\"\nkind = \"dir\"\npath = {path:?}\n\
             readers = [{{ key = {:?}, role = \"drill\", owner = \"ops\" }}, {{ key = {:?}, role = {role:?} }}]\n{more}",
            self.drill.1, self.escrow.1
        );
        EstateFile::new().with(&text).tree("tree", &self.place.path("data"), &["offsite"]).write(&self.place);
    }

    fn start(&self, arguments: &[&str]) -> Run {
        self.place.outlive_by_file(arguments)
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        self.start(arguments).end()
    }

    fn prove(&self, key: &Path) -> Ended {
        self.start(&["--format", "json", "drill", "--escrow"]).environment("OUTLIVE_IDENTITY", key).end()
    }

    /// Takes away what is sealed to this reader.
    fn hide_key(&self, reader: &str) {
        let (short, keys) =
            (outlive::vault::Recipient::parse(reader).unwrap().short(), self.place.path("vault/keys"));
        let all = names(&keys).into_iter().map(|name| keys.join(name));
        let own = all.into_iter().find(|key| key.to_str().unwrap().ends_with(short.as_str())).unwrap();
        hand::fs::rename(&own, self.place.path("gone")).unwrap();
    }

    /// What an audit so many seconds from now says of a rule, and of the roles of the vault.
    fn audited(&self, rule: &str, seconds: i64) -> (String, String, Value) {
        let audit = self.start(&["--format", "json", "audit"]);
        let told = at(&self.place, audit, seconds).end().json("audit");
        let findings = told["volumes"][0]["findings"].as_array().unwrap();
        let finding = findings.iter().find(|finding| finding["rule"] == rule).unwrap();
        let text = |key: &str| finding[key].as_str().unwrap_or_default().to_owned();
        (text("verdict"), text("because"), told["roles"][0].clone())
    }

    #[track_caller]
    fn assert_finding(&self, seconds: i64, verdict: &str, words: &str) {
        let (said, because, roles) = self.audited("escrow-not-proved", seconds);
        assert!(said == verdict && because.contains(words), "{said}: {because}\n{roles:#}");
    }
}

#[test]
fn the_escrow_key_is_proved_recorded_and_counts_until_it_is_too_long_ago_or_a_new_epoch_began() {
    let scene = Scene::new();
    scene.assert_finding(0, "fail", "never proved");
    let proved = scene.prove(&scene.escrow.0).expect(0).json("drill-escrow");
    let proof = &proved["proofs"][0];
    assert_eq!((&proof["outcome"], &proof["vault"]), (&"passed".into(), &"offsite".into()), "{proof:#}");
    assert!(proof["packs"].as_u64().unwrap() >= 1 && proof["entries"].as_u64().unwrap() >= 3, "{proof:#}");
    let recorded = ledger(&scene.place).into_iter().rev().find_map(|record| match record.event {
        Event::EscrowTried { reader, outcome, epochs, packs, .. } => {
            Some((reader, outcome, epochs.len(), packs))
        }
        _ => None,
    });
    let (reader, outcome, epochs, packs) = recorded.unwrap();
    assert_eq!((reader.as_str(), outcome, epochs), (scene.escrow.1.as_str(), DrillEnd::Passed, 1));
    assert!(packs >= 1);
    scene.assert_finding(0, "pass", "opened it");
    scene.assert_finding(170 * DAY, "pass", "opened it 17");
    scene.assert_finding(181 * DAY, "fail", "too long");
    let shown = scene.run(&["inventory"]);
    shown.says("its escrow key was seen to open it").says("which counts until");
    scene.estate("escrow", "escrow_within = \"10d\"");
    scene.assert_finding(11 * DAY, "fail", "too long");
    scene.estate("escrow", "escrow_within = \"never\"");
    scene.assert_finding(900 * DAY, "not-applicable", "");
    scene.estate("escrow", "");
    // A new epoch, which the key was not seen to open.
    let new = scene.start(&["vault", "epoch", "new", "offsite", "--yes"]);
    new.environment("OUTLIVE_IDENTITY", &scene.drill.0).end().expect(0);
    scene.assert_finding(0, "fail", "an epoch began since");
    scene.run(&["copy", "tree"]).expect(0);
    scene.prove(&scene.escrow.0).expect(0);
    scene.assert_finding(0, "pass", "opened it");
    // On a machine whose ledger knows nothing it was never proved.
    hand::fs::remove_file(scene.place.path("state/ledger.jsonl")).unwrap();
    scene.assert_finding(0, "fail", "never proved");
}

#[test]
fn no_other_key_proves_it_and_no_reader_without_that_role_is_one() {
    let scene = Scene::new();
    let (stranger, _) = reader(&scene.place, "stranger.key");
    for key in [&scene.drill.0, &stranger] {
        scene.prove(key).expect(2).complains("of no reader with the role escrow");
    }
    scene.run(&["drill", "--escrow"]).expect(2).complains("no private key was given");
    let named = ["drill", "--escrow", "elsewhere"];
    scene
        .start(&named)
        .environment("OUTLIVE_IDENTITY", &scene.escrow.0)
        .end()
        .expect(2)
        .complains("no vault");
    // The key of the file opens the vault, and is not the one to be proved.
    scene.estate("escrow", &format!("identity = {{ file = {:?} }}", scene.drill.0));
    scene.run(&["drill", "--escrow"]).expect(2).complains("no private key was given");
    scene.estate("reader", "");
    scene.prove(&scene.escrow.0).expect(2);
    scene.assert_finding(0, "fail", "no reader of it is declared as escrow");
    let events = ledger(&scene.place);
    assert!(
        !events.iter().any(|record| matches!(record.event, Event::EscrowTried { .. })),
        "something was recorded"
    );
    scene.estate("escrow", "");
    let listed = scene.run(&["--format", "json", "vault", "reader", "list", "offsite"]).expect(0);
    let listed = listed.json("vault-readers");
    let readers = listed["epochs"][0]["readers"].as_array().unwrap();
    let role = |role: &str| readers.iter().find(|reader| reader["role"] == role).unwrap();
    assert_eq!(
        (&role("drill")["owner"], &role("escrow")["reader"]),
        (&"ops".into(), &scene.escrow.1.clone().into())
    );
    scene.run(&["vault", "reader", "list", "offsite"]).expect(0).says(", drill, of ops").says(", escrow");
}

/// What was tried of one key says nothing of another one.
#[test]
fn with_two_escrow_keys_each_is_to_be_proved_and_the_one_that_failed_counts() {
    let scene = Scene::new();
    let path = scene.place.path("vault");
    let readers =
        [&scene.drill.1, &scene.escrow.1].map(|key| format!("{{ key = {key:?}, role = \"escrow\" }}"));
    let text = format!(
        "[[vault]]\nid = \"offsite\"\nkind = \"dir\"\npath = {path:?}\nreaders = [{}]",
        readers.join(", ")
    );
    EstateFile::new().with(&text).tree("tree", &scene.place.path("data"), &["offsite"]).write(&scene.place);
    scene.prove(&scene.escrow.0).expect(0);
    scene.assert_finding(0, "fail", "never proved");
    scene.prove(&scene.drill.0).expect(0);
    scene.assert_finding(0, "pass", "opened it");
    scene.hide_key(&scene.drill.1);
    scene.prove(&scene.drill.0).expect(12);
    scene.prove(&scene.escrow.0).expect(0);
    scene.assert_finding(0, "fail", "was tried");
}

/// Whatever is wrong with the place says nothing of the key.
#[test]
fn another_disk_in_the_place_of_the_vault_is_no_failure_of_the_key() {
    let (scene, other) = (Scene::new(), Scene::new());
    scene.prove(&scene.escrow.0).expect(0);
    let vault = scene.place.path("vault");
    hand::fs::rename(&vault, scene.place.path("aside")).unwrap();
    hand::fs::rename(other.place.path("vault"), &vault).unwrap();
    let told = scene.prove(&scene.escrow.0).expect(13).json("drill-escrow");
    let proof = &told["proofs"][0];
    assert_eq!(proof["outcome"], "not_run", "{proof:#}");
    assert!(proof["because"].as_str().unwrap().contains("another vault stands"), "{proof:#}");
    hand::fs::rename(&vault, other.place.path("vault")).unwrap();
    hand::fs::rename(scene.place.path("aside"), &vault).unwrap();
    scene.assert_finding(0, "pass", "opened it");
}

#[test]
fn where_there_is_nothing_to_decode_or_the_newest_point_is_doubted_nothing_was_proved() {
    let scene = Scene::new();
    let not_run = |words: &str| {
        let told = scene.prove(&scene.escrow.0).expect(13).json("drill-escrow");
        let proof = &told["proofs"][0];
        assert_eq!(proof["outcome"], "not_run", "{proof:#}");
        assert!(proof["because"].as_str().unwrap().contains(words), "{proof:#}");
    };
    // An empty directory where files were: what the newest point holds may be something else.
    hand::fs::remove_dir_all(scene.place.path("data")).unwrap();
    scene.place.directory("data");
    scene.run(&["copy", "tree"]);
    not_run("may be of something else");
    scene.assert_finding(0, "fail", "never proved");
    // A vault with nothing but empty files.
    hand::fs::rename(scene.place.path("vault"), scene.place.path("aside")).unwrap();
    hand::fs::remove_file(scene.place.path("state/ledger.jsonl")).unwrap();
    hand::fs::rename(scene.place.path("state"), scene.place.path("former state")).unwrap();
    scene.place.file("data/empty", "");
    scene.run(&["vault", "init", "offsite"]).expect(0);
    scene.run(&["copy", "tree"]).expect(0);
    not_run("nothing to decode");
    scene.assert_finding(0, "fail", "never proved");
    scene.place.file("data/file", noise(1, 100_000));
    scene.run(&["copy", "tree"]).expect(0);
    scene.prove(&scene.escrow.0).expect(0);
    scene.assert_finding(0, "pass", "opened it");
}

/// Not to read a vault is no better than to read it.
#[test]
fn a_vault_that_is_away_and_names_no_readers_leaves_both_rules_open() {
    let place = Place::new();
    place.file("data/file", "some");
    let vault = place.path("vault");
    let write = |more: &str| {
        let file = EstateFile::new().vault("plain", &vault).with(more);
        file.tree("tree", &place.path("data"), &["plain"]).write(&place);
    };
    write("");
    place.outlive_by_file(&["vault", "init", "plain"]).end().expect(0);
    place.outlive_by_file(&["copy", "tree"]).end().expect(0);
    let said = |rule: &str| {
        let told = place.outlive_by_file(&["--format", "json", "inventory"]).end().json("inventory");
        let roles = &told["roles"][0];
        let audit = place.outlive_by_file(&["--format", "json", "audit"]).end().json("audit");
        let findings = audit["volumes"][0]["findings"].as_array().unwrap().clone();
        let finding = findings.into_iter().find(|finding| finding["rule"] == rule).unwrap();
        (finding["verdict"].as_str().unwrap().to_owned(), roles.to_string())
    };
    assert_eq!(said("escrow-not-proved").0, "not-applicable");
    let (verdict, roles) = said("role-all");
    assert!(verdict == "not-applicable" && roles.contains("not encrypted"), "{verdict}: {roles}");
    hand::fs::rename(&vault, place.path("aside")).unwrap();
    for rule in ["escrow-not-proved", "role-all"] {
        let (verdict, roles) = said(rule);
        assert_eq!(verdict, "undetermined", "{rule}: {roles}");
    }
}

/// The key opens nothing any more, or not what is there: that fails, and a vault that is away is no failure of the key.
#[test]
fn a_key_that_opens_nothing_or_not_the_points_fails_and_what_cannot_be_asked_was_not_run() {
    let scene = Scene::new();
    scene.prove(&scene.escrow.0).expect(0);
    let (vault, aside) = (scene.place.path("vault"), scene.place.path("aside"));
    hand::fs::rename(&vault, &aside).unwrap();
    let away = scene.prove(&scene.escrow.0).expect(13).json("drill-escrow");
    assert_eq!(away["proofs"][0]["outcome"], "not_run");
    scene.assert_finding(0, "undetermined", "not known");
    hand::fs::rename(&aside, &vault).unwrap();
    scene.assert_finding(0, "pass", "opened it");
    // A pack of content that is not what was written.
    let packs = names(&vault.join("packs")).into_iter().map(|name| vault.join("packs").join(name));
    let pack = packs.max_by_key(|pack| std::fs::metadata(pack).unwrap().len()).unwrap();
    let sound = std::fs::read(&pack).unwrap();
    let mut spoilt = sound.clone();
    let middle = spoilt.len() / 2;
    spoilt[middle] ^= 1;
    let put = |bytes: &[u8]| {
        hand::fs::remove_file(&pack).unwrap();
        std::fs::write(&pack, bytes).unwrap();
    };
    put(&spoilt);
    let failed = scene.prove(&scene.escrow.0).expect(12).json("drill-escrow");
    assert!(failed["proofs"][0]["because"].as_str().unwrap().contains("packs/"), "{failed:#}");
    scene.assert_finding(0, "fail", "was tried");
    put(&sound);
    scene.prove(&scene.escrow.0).expect(0);
    // What is sealed to it is gone: it opens nothing, while the others do.
    scene.hide_key(&scene.escrow.1);
    scene.prove(&scene.escrow.0).expect(12);
    scene.assert_finding(0, "fail", "was tried");
    let drilled = scene.start(&["verify", "offsite"]).environment("OUTLIVE_IDENTITY", &scene.drill.0);
    assert_ne!(drilled.end().code, Some(0), "a key object is gone");
}

#[test]
fn a_machine_that_writes_and_reads_is_a_finding_and_one_that_only_copies_is_none() {
    let scene = Scene::new();
    let (verdict, because, _) = scene.audited("role-all", 0);
    assert_eq!(verdict, "pass", "{because}");
    scene.estate("escrow", &format!("identity = {{ file = {:?} }}", scene.drill.0));
    let (verdict, because, roles) = scene.audited("role-all", 0);
    assert!(verdict == "fail" && because.contains("`identity`"), "{verdict}: {because}");
    assert_eq!(roles["together"].as_array().unwrap().len(), 1, "{roles:#}");
}
