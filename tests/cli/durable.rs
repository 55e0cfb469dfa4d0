//! A name is durable before anything below it is claimed: each new directory's parent is synced.

use super::nightly_estate::EstateFile;
use super::place::{Place, noise};
use super::strace::{Call, calls};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The calls of a copy into this vault, with those that make durable.
fn calls_of_copy(place: &Place, vault: &Path) -> Vec<Call> {
    let data = place.file("data/a", noise(1, 100_000)).parent().unwrap().to_owned();
    let run = place.outlive(&[&"copy", &data, &"--vault", &vault]).inject("fsync:delay_enter=1");
    calls(&run.end().expect(0).log)
}

fn synced<'a>(path: &'a Path) -> impl Fn(&Call) -> bool + 'a {
    move |call| call.name == "fsync" && call.succeeded() && call.descriptor(0) == path.as_os_str().as_bytes()
}

fn made<'a>(path: &'a Path) -> impl Fn(&Call) -> bool + 'a {
    move |call| {
        let made = match &*call.name {
            "mkdir" => call.string(0),
            "mkdirat" => call.path_at(0),
            _ => return false,
        };
        made == path.as_os_str().as_bytes()
    }
}

fn linked_below<'a>(path: &'a Path) -> impl Fn(&Call) -> bool + 'a {
    move |call| call.name == "linkat" && call.path_at(2).starts_with(path.as_os_str().as_bytes())
}

/// Some call like `between` comes after the first like `from` and before the first like `to`.
#[track_caller]
fn assert_between(
    calls: &[Call],
    (from, between, to): (impl Fn(&Call) -> bool, impl Fn(&Call) -> bool, impl Fn(&Call) -> bool),
    case: &str,
) {
    let start = calls.iter().position(from).unwrap_or_else(|| panic!("{case}: it never began"));
    let rest = &calls[start..];
    let end = rest.iter().position(to).unwrap_or_else(|| panic!("{case}: it never came so far"));
    assert!(rest[..end].iter().any(between), "{case}: nothing was made durable in between");
}

#[test]
fn the_name_of_a_new_vault_and_of_its_folders_is_durable_before_anything_is_in_them() {
    let place = Place::new();
    let vault = place.path("vault");
    let parent = vault.parent().unwrap().to_owned();
    let calls = calls_of_copy(&place, &vault);
    assert_between(&calls, (made(&vault), synced(&parent), linked_below(&vault)), "the vault");
    for folder in ["packs", "sidecars", "roots"].map(|folder| vault.join(folder)) {
        let case = folder.display().to_string();
        assert_between(&calls, (made(&folder), synced(&vault), linked_below(&folder)), &case);
    }
}

#[test]
fn what_a_run_left_that_was_killed_before_it_could_sync_is_made_durable_by_the_next() {
    let place = Place::new();
    let vault = place.directory("vault");
    let parent = vault.parent().unwrap().to_owned();
    // The directory is there, and nobody knows whether its name is durable.
    let calls = calls_of_copy(&place, &vault);
    assert_between(&calls, (made(&vault), synced(&parent), linked_below(&vault)), "the vault");
    // The same for the folders of a vault that has its marker.
    place.file("data/b", noise(2, 1000));
    let calls = calls_of_copy(&place, &vault);
    for folder in ["packs", "sidecars", "roots"].map(|folder| vault.join(folder)) {
        let case = folder.display().to_string();
        assert_between(&calls, (made(&folder), synced(&vault), linked_below(&folder)), &case);
    }
}

#[test]
fn the_names_of_a_new_ledger_and_its_directories_are_durable_before_its_first_line() {
    let place = Place::new();
    let state: PathBuf = place.path("deep/state");
    let data = place.file("data/a", noise(1, 1000)).parent().unwrap().to_owned();
    let arguments: [&dyn AsRef<std::ffi::OsStr>; 4] = [&"copy", &data, &"--vault", &place.path("vault")];
    let run = place.outlive_with_state(&state, &arguments).inject("fsync:delay_enter=1");
    let calls = calls(&run.end().expect(0).log);
    let ledger = state.join("ledger.jsonl");
    for made in [&state, state.parent().unwrap(), state.parent().unwrap().parent().unwrap()] {
        let case = made.display().to_string();
        let opened =
            |call: &Call| call.name.starts_with("open") && call.opened() == ledger.as_os_str().as_bytes();
        assert_between(&calls, (opened, synced(made), synced(&ledger)), &case);
    }
}

#[test]
fn the_name_of_the_folder_of_a_ledger_in_a_vault_is_durable_before_the_ledger_is_in_it() {
    let place = Place::new();
    let vault = place.path("vault");
    let file = EstateFile::new().vault("shelf", &vault).with(&super::signing::key(&place, "key"));
    file.write(&place);
    let (config, data) = (place.path("outlive.toml"), place.file("data/a", noise(1, 100_000)));
    let data = data.parent().unwrap().to_owned();
    let run = place.outlive(&[&"--config", &config, &"copy", &data, &"--vault", &"shelf"]);
    let calls = calls(&run.inject("fsync:delay_enter=1").end().expect(0).log);
    let folder = vault.join("ledger");
    let ledgers = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let ledger = ledgers.into_iter().find(|path| path.is_dir()).unwrap();
    assert_between(&calls, (made(&folder), synced(&vault), linked_below(&folder)), "the folder of ledgers");
    assert_between(&calls, (made(&ledger), synced(&folder), linked_below(&ledger)), "the ledger's folder");
}
