//! An encrypted vault from the estate file to a restore on a machine that has nothing but a reader's key.

use super::nightly_estate::EstateFile;
use super::place::{Place, assert_same, chmod, noise, tool};
use super::run::Run;
use super::servers::{ID, SECRET, seaweedfs};
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A pair of keys: the file with the private one, and the public one.
pub fn reader(place: &Place, name: &str) -> (PathBuf, String) {
    let path = place.path(name);
    tool("age-keygen", &["-o".as_ref(), path.as_os_str()]);
    let public = tool("age-keygen", &["-y".as_ref(), path.as_os_str()]).trim().to_owned();
    (path, public)
}

/// A tree that is copied into a vault encrypted for these readers.
pub fn estate(place: &Place, vault: &str, readers: &[&str], more: &str) {
    place.file("data/file", noise(1, 2_000_000));
    place.file("data/plainly-named/note", "plainly written");
    let text = format!("[[vault]]\nid = \"offsite\"\n{vault}\nreaders = {readers:?}\n{more}");
    EstateFile::new().with(&text).tree("tree", &place.path("data"), &["offsite"]).write(place);
}

pub fn outlive(place: &Place, arguments: &[&str]) -> Run {
    place.outlive_by_file(arguments).environment("KEYS", format!("{ID}:{SECRET}"))
}

pub fn restore_elsewhere(place: &Place, vault: &Path, identity: &Path, to: &Path) -> super::run::Ended {
    let arguments: [&dyn AsRef<OsStr>; 8] =
        [&"restore", &"tree", &"--vault", &vault, &"--to", &to, &"--identity", &identity];
    place.outlive_with_state(&place.path("a machine that knows nothing"), &arguments).end()
}

/// A key that stands in the place of its path.
fn a_pasted_key_is_not_repeated(place: &Place, vault: &Path, one: &Path) {
    let pasted = std::fs::read_to_string(one).unwrap();
    let pasted = pasted.lines().find(|line| line.starts_with("AGE-SECRET-KEY-1")).unwrap();
    let refused = restore_elsewhere(place, vault, pasted.as_ref(), &place.path("pasted"));
    assert!(refused.code != Some(0) && !refused.stderr.contains(&pasted[..30]), "{}", refused.stderr);
    assert!(refused.stderr.contains("private key, given"), "{}", refused.stderr);
}

/// Whoever names a point and gives no key is told that, and not that there is none.
fn is_told_to_be_closed(place: &Place, vault: &Path) {
    let json = outlive(place, &["--format", "json", "vault", "list", "offsite"]).end().json("vault-list");
    let (point, nowhere) = (json["points"][0]["point"].as_str().unwrap(), place.path("nowhere"));
    let stranger = place.path("a stranger's state");
    let unopened: [&dyn AsRef<OsStr>; 8] =
        [&"restore", &"tree", &"--vault", &vault, &"--point", &point, &"--to", &nowhere];
    let refused = place.outlive_with_state(&stranger, &unopened).end();
    refused
        .complains("is encrypted, and no private key that opens it was given")
        .complains("--identity FILE");
    assert!(!nowhere.exists());
}

#[test]
fn a_reader_restores_with_a_key_and_the_machine_that_copies_cannot() {
    let place = Place::new();
    let ((one, to_one), (two, to_two)) = (reader(&place, "one.key"), reader(&place, "two.key"));
    let vault = place.path("vault");
    estate(&place, &format!("kind = \"dir\"\npath = {vault:?}"), &[&to_one, &to_two], "");
    let early = outlive(&place, &["copy", "tree"]).end().expect(2);
    assert!(early.stderr.contains("outlive vault init"), "{}", early.stderr);
    assert!(!vault.join("vault.json").exists());
    let made = outlive(&place, &["--format", "json", "vault", "init", "offsite"]).end().expect(0);
    let made = made.json("vault-init");
    assert_eq!(made["encrypted"], true);
    let epoch_key = PathBuf::from(made["epoch_key"].as_str().unwrap());
    assert_eq!(std::fs::metadata(&epoch_key).unwrap().permissions().mode() & 0o777, 0o600);
    outlive(&place, &["copy", "tree"]).end().expect(0).says("read back");
    outlive(&place, &["copy", "tree"]).end().expect(0).says("KiB written");
    let listed = outlive(&place, &["vault", "list", "offsite"]).end().expect(0);
    listed.says("tree");
    is_told_to_be_closed(&place, &vault);
    let closed = outlive(&place, &["verify", "offsite"]).end().expect(11);
    closed.says("objects as written, not decoded").says("--identity FILE");
    let json = outlive(&place, &["--format", "json", "verify", "offsite"]).end().expect(11).json("verify");
    assert_eq!((json["closed"].as_array().unwrap().len(), json["points"].as_array().unwrap().len()), (2, 0));
    outlive(&place, &["verify", "offsite", "--identity", two.to_str().unwrap()])
        .end()
        .expect(0)
        .says("verified");
    for (reader, name) in [(&one, "first"), (&two, "second")] {
        let to = place.path(name);
        restore_elsewhere(&place, &vault, reader, &to).expect(0);
        assert_same(&place.path("data"), &to);
    }
    a_pasted_key_is_not_repeated(&place, &vault, &one);
    let (stranger, to_stranger) = reader(&place, "stranger.key");
    let refused = restore_elsewhere(&place, &vault, &stranger, &place.path("third"));
    assert!(refused.stderr.contains("none of the identities"), "{}", refused.stderr);
    // Which key it was, and whose public keys are wanted.
    let flat: String = refused.stderr.split_whitespace().collect();
    assert!(flat.contains(&to_stranger) && flat.contains("stranger.key"), "{}", refused.stderr);
    assert!(refused.code != Some(0) && !place.path("third").exists());
    // No private key of anybody is on the machine that copies, nor any name in the vault.
    for (where_, word) in [(place.path("state"), "AGE-SECRET-KEY"), (vault.clone(), "plainly")] {
        let found = std::process::Command::new("grep")
            .args(["-rl", "--exclude=README.md", word])
            .arg(&where_)
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&found.stdout), "", "`{word}` in {}", where_.display());
    }
    // What this machine does not remember it does not know, and says so.
    crate::hand::fs::remove_dir_all(place.path("state/memory")).unwrap();
    outlive(&place, &["vault", "list", "offsite"]).end().expect(0).says("encrypted").says("unknown");
    let seen = outlive(&place, &["--format", "json", "inventory"]).end().json("inventory");
    let points = seen["recovery_points"].as_array().unwrap();
    let of_vault: Vec<_> = points.iter().filter(|point| point["kind"] == "vault copy").collect();
    assert_eq!(of_vault.len(), 2, "{seen:#}");
    for point in of_vault {
        assert_eq!((&point["usable"], &point["volume"]), (&"unproven".into(), &"tree".into()), "{point:#}");
        assert!(point["usable_because"].to_string().contains("nothing here opens it"), "{point:#}");
        assert!(point["bytes"].is_null() && point["consistency"].is_null(), "{point:#}");
    }
    let again = outlive(&place, &["vault", "init", "offsite"]).end().expect(0);
    again.says("It is encrypted for its readers.");
}

#[test]
fn a_vault_that_was_made_without_readers_takes_nothing_once_some_are_named() {
    let place = Place::new();
    let (_, to) = reader(&place, "one.key");
    let vault = place.path("vault");
    let kind = format!("kind = \"dir\"\npath = {vault:?}");
    place.file("data/file", noise(1, 2_000_000));
    EstateFile::new()
        .with(&format!("[[vault]]\nid = \"offsite\"\n{kind}"))
        .tree("tree", &place.path("data"), &["offsite"])
        .write(&place);
    outlive(&place, &["copy", "tree"]).end().expect(0);
    let objects = || super::place::names(&vault.join("packs")).len();
    let before = objects();
    estate(&place, &kind, &[&to], "");
    let refused = outlive(&place, &["copy", "tree"]).end().expect(2);
    assert!(refused.stderr.contains("made without encryption"), "{}", refused.stderr);
    assert_eq!(objects(), before);
    // Somebody may have put it in the place of an encrypted one.
    assert!(outlive(&place, &["verify", "offsite"]).end().expect(2).stderr.contains("without encryption"));
}

#[test]
fn a_night_copies_into_an_encrypted_bucket_under_lock_and_drills_where_a_reader_is() {
    let place = Place::new();
    let (one, to_one) = reader(&place, "one.key");
    let server = seaweedfs();
    let bucket = server.new_locked_place("").bucket;
    let kind = format!(
        "kind = \"s3\"\nendpoint = {:?}\nbucket = {bucket:?}\nwriter = {{ env = \"KEYS\" }}\nlock = {{ mode = \"compliance\" }}",
        server.endpoint
    );
    let identity = format!("identity = {{ file = {one:?} }}");
    estate(&place, &kind, &[&to_one], "");
    let text = std::fs::read_to_string(place.path("outlive.toml")).unwrap();
    let policied = text.replacen("[policy.default]\n", "[policy.default]\nlocked_for = \"2d\"\n", 1);
    place.file("outlive.toml", &policied);
    outlive(&place, &["vault", "init", "offsite", "--yes"]).end().expect(0).says("locked (compliance)");
    let night = outlive(&place, &["nightly", "--format", "json"]).end().json("nightly");
    let tasks = night["tasks"].as_array().unwrap();
    let copied = tasks.iter().find(|task| task["task"] == "copy").unwrap();
    assert_eq!(copied["outcome"], "done", "{night:#}");
    assert!(
        tasks.iter().filter(|task| task["task"] == "lock").all(|task| task["outcome"] == "done"),
        "{night:#}"
    );
    place.file("outlive.toml", policied.replacen("readers =", &format!("{identity}\nreaders ="), 1));
    outlive(&place, &["verify", "offsite"]).end().expect(0).says("verified");
    let to = place.path("restored");
    outlive(&place, &["restore", "tree", "--vault", "offsite", "--to", to.to_str().unwrap()]).end().expect(0);
    assert_same(&place.path("data"), &to);
}

#[test]
fn the_ledger_is_copied_into_an_encrypted_vault_so_that_only_readers_see_what_it_names() {
    let place = Place::new();
    let (one, to_one) = reader(&place, "one.key");
    let vault = place.path("vault");
    let signer = outlive::signing::Signer::generate().unwrap();
    place.file("signing.key", signer.secret_text().reveal());
    chmod(&place.path("signing.key"), 0o600);
    let signing = format!(
        "[signing]\nkey = {{ file = {:?} }}\ntrust = [\"{}\"]\n",
        place.path("signing.key"),
        signer.public()
    );
    estate(&place, &format!("kind = \"dir\"\npath = {vault:?}"), &[&to_one], &signing);
    outlive(&place, &["vault", "init", "offsite"]).end().expect(0);
    outlive(&place, &["copy", "tree"]).end().expect(0);
    outlive(&place, &["copy", "tree"]).end().expect(0);
    let copies: Vec<PathBuf> = std::fs::read_dir(vault.join("ledger"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .flat_map(|folder| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()))
        .collect();
    assert!(copies.len() >= 2, "{copies:?}");
    for copy in &copies {
        assert!(std::fs::read(copy).unwrap().starts_with(b"age-encryption.org/v1\n"), "{}", copy.display());
    }
    let closed = outlive(&place, &["ledger", "verify", "--vault", "offsite"]).end().expect(11);
    closed.says("freshness unproven");
    let identity = one.to_str().unwrap();
    outlive(&place, &["ledger", "verify", "--vault", "offsite", "--identity", identity]).end().expect(0);
    let last = copies.iter().max().unwrap();
    let mut bytes = std::fs::read(last).unwrap();
    let middle = bytes.len() - 40;
    bytes[middle] ^= 1;
    chmod(last, 0o600);
    crate::hand::fs::write(last, bytes).unwrap();
    outlive(&place, &["ledger", "verify", "--vault", "offsite", "--identity", identity]).end().expect(10);
}
