//! Full disks and failing stores: the copy fails, nothing is claimed, and the next run goes on.

use super::place::{Place, assert_same, names, noise, tool};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

fn data(place: &Place) -> PathBuf {
    (0..30).for_each(|number| drop(place.file(&format!("data/{number:02}"), noise(number, 1_000_000))));
    place.path("data")
}

/// The vault holds no point and the ledger tells of a failure, of nothing stored.
#[track_caller]
fn assert_nothing_claimed(place: &Place, vault: &Path) {
    if vault.join("vault.json").exists() {
        let listed = place.outlive(&[&"vault", &"list", &vault, &"--format", &"json"]).end().expect(11);
        assert_eq!(listed.json("vault-list")["points"].as_array().unwrap().len(), 0);
        place.outlive(&[&"verify", &vault]).end().expect(11);
    }
    let ledger = std::fs::read_to_string(place.path("state/ledger.jsonl")).unwrap_or_default();
    for word in ["stored", "read_back", "verified", "restored"] {
        assert!(!ledger.contains(&format!("\"{word}\"")), "the ledger claims {word}: {ledger}");
    }
}

#[test]
fn a_vault_on_a_full_disk_claims_nothing_and_the_next_copy_goes_on_when_there_is_room() {
    let mut place = Place::new();
    let data = data(&place);
    let mount = place.tmpfs("small", "20m");
    let vault = mount.join("vault");
    let ended = place.outlive(&[&"copy", &data, &"--vault", &vault]).end().expect(14);
    ended.complains("No space left on device").complains("where: ").complains("free space there");
    assert_nothing_claimed(&place, &vault);
    let again = place.outlive(&[&"copy", &data, &"--vault", &vault, &"--format", &"json"]).end().expect(14);
    again.json("error");
    tool("mount", &["-o".as_ref(), "remount,size=80m".as_ref(), mount.as_os_str()]);
    place.outlive(&[&"copy", &data, &"--vault", &vault]).end().expect(0).says("read back");
    place.outlive(&[&"verify", &vault]).end().expect(0);
    let target = place.path("restored");
    place.outlive(&[&"restore", &"--vault", &vault, &"--to", &target]).end().expect(0);
    assert_same(&data, &target);
}

#[test]
fn a_full_ext4_and_a_full_state_directory_claim_nothing() {
    let mut place = Place::new();
    let data = data(&place);
    let vault = place.filesystem("ext4", "small", 16).join("vault");
    let full = place.outlive(&[&"copy", &data, &"--vault", &vault]).end().expect(14);
    full.complains("No space left on device");
    assert_nothing_claimed(&place, &vault);
    // A ledger that cannot be written to: whatever arrived in the vault, nobody says that it was proved.
    let (state, other) = (place.tmpfs("full-state", "64k"), place.path("other"));
    std::fs::write(state.join("filler"), [0; 60_000]).unwrap();
    drop(std::fs::write(state.join("more"), [0; 9_000]));
    let ended = place.outlive_with_state(&state, &[&"copy", &data, &"--vault", &other]).end().expect(14);
    ended.complains("ledger").complains("No space left on device");
}

#[test]
fn a_store_that_fails_while_it_is_written_to_claims_nothing() {
    let place = Place::new();
    let data = data(&place);
    let failures = [
        "fsync:error=EIO",
        "fsync:error=EIO:when=3+",
        "linkat:error=EIO:when=2+",
        "write:error=EIO:when=4+",
        "write:error=ENOSPC:when=3+",
        "openat2:error=EMFILE:when=6+",
    ];
    for (number, failure) in failures.into_iter().enumerate() {
        let vault = place.path(&format!("vault-{number}"));
        let ended = place.outlive(&[&"copy", &data, &"--vault", &vault]).inject(failure).end();
        assert!(ended.log.contains("(INJECTED)"), "{failure}: nothing was injected");
        assert!(ended.code == Some(14), "{failure}: {:?} {}{}", ended.code, ended.stdout, ended.stderr);
        // Where every write fails, so does that of the error: the exit code is what is left.
        assert!(
            failure.starts_with("write") || ended.stderr.contains("error: "),
            "{failure}: {}",
            ended.stderr
        );
        assert_nothing_claimed(&place, &vault);
        let fine =
            place.outlive_with_state(&place.path("other-state"), &[&"copy", &data, &"--vault", &vault]);
        fine.end().expect(0);
    }
}

#[test]
fn a_target_that_is_too_small_fails_clearly_and_is_not_called_restored() {
    let mut place = Place::new();
    let (data, vault) = (data(&place), place.path("vault"));
    place.outlive(&[&"copy", &data, &"--vault", &vault]).end().expect(0);
    let target = place.tmpfs("small", "10m").join("restored");
    let ended = place.outlive(&[&"restore", &"--vault", &vault, &"--to", &target]).end();
    assert!(ended.code.is_some_and(|code| code != 0), "{}", ended.stdout);
    ended.complains("No space left on device").complains("where: ").complains("free space there");
    let listed = place.outlive(&[&"vault", &"list", &vault]).end().expect(0);
    assert!(listed.stdout.contains("read back") && !listed.stdout.contains("restored"), "{}", listed.stdout);
    let enough = place.path("restored");
    place.outlive(&[&"restore", &"--vault", &vault, &"--to", &enough]).end().expect(0);
    assert_same(&data, &enough);
}

#[test]
fn bytes_that_change_in_the_store_are_found_out_when_they_are_read_back() {
    let place = Place::new();
    let (data, vault) = (data(&place), place.path("vault"));
    // Whoever finishes a pack links it and its sidecar; after that it is read back.
    let copy = place.outlive(&[&"copy", &data, &"--vault", &vault]);
    let mut copy = copy.inject("linkat:delay_exit=3000000:when=2").start();
    let pack = loop {
        assert!(copy.is_running(), "no pack was there with its sidecar");
        let sidecars = vault.join("sidecars");
        let listed = if sidecars.exists() { names(&sidecars) } else { Vec::new() };
        let mut packs = listed.into_iter().map(|name| vault.join("packs").join(name));
        if let Some(pack) =
            packs.find(|pack| std::fs::metadata(pack).is_ok_and(|meta| meta.len() > 1_000_000))
        {
            break pack;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    };
    let file = std::fs::OpenOptions::new().write(true).open(&pack).unwrap();
    file.write_all_at(b"rot", 5_000).unwrap();
    let ended = copy.end().expect(14).says("DAMAGED packs/").says("does not match its SHA-256");
    ended.says("takes along recovery point").says("damaged: recovery point");
    let listed = place.outlive(&[&"vault", &"list", &vault]).end().expect(0);
    assert!(listed.stdout.contains("damaged") && !listed.stdout.contains("read back"), "{}", listed.stdout);
    place.outlive(&[&"verify", &vault]).end().expect(14).says("broken: ");
    // The next copy sends again what was damaged, and can be restored.
    place.outlive(&[&"copy", &data, &"--vault", &vault]).end().expect(0).says("read back");
    let target = place.path("restored");
    place.outlive(&[&"restore", &"--vault", &vault, &"--to", &target]).end().expect(0);
    assert_same(&data, &target);
}

#[test]
fn where_even_errors_cannot_be_printed_the_exit_code_still_tells() {
    let place = Place::new();
    let run = place.outlive(&[&"copy", &place.path("nowhere"), &"--vault", &place.path("vault")]);
    let ended = run.inject("write:error=ENOSPC").end().expect(2);
    assert_eq!(ended.stderr, "");
}
