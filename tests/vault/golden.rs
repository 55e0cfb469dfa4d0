//! Vaults that were written when their version was made are read as ever, and what is written today looks as it did then: what
//! looks different needs a new version.

use super::recorder::Recorder;
use super::sealed::Sealed;
use super::support::{Place, assert_same, chmod, copy_into, run};
use crate::hand::{TempDir, fs};
use outlive::domain::Silent;
use outlive::signing::{Signer, Trust};
use outlive::vault::format::PageKind;
use outlive::vault::{
    Entries, Identities, Recipient, RestoreOptions, Roots, Signed, Signing, Vault, VaultKeys, restore, verify,
};
use std::collections::BTreeSet;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// Where the vault of a version lies, with the private key of its reader where it is encrypted.
fn golden(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vault/golden").join(version)
}

/// The tree that each of them holds.
fn volume(within: &Path) -> PathBuf {
    let volume = within.join("volume");
    fs::create_dir_all(volume.join("folder")).unwrap();
    let lines: String = (0..60_000).map(|number| format!("line {number}\n")).collect();
    fs::write(volume.join("folder/large"), lines).unwrap();
    fs::write(volume.join("folder/small"), "golden\n").unwrap();
    fs::write(volume.join("none"), "").unwrap();
    fs::hard_link(volume.join("folder/small"), volume.join("other name")).unwrap();
    symlink("folder/small", volume.join("a link")).unwrap();
    for (name, mode) in
        [("folder/large", 0o640), ("folder/small", 0o604), ("none", 0o600), ("folder", 0o750), ("", 0o755)]
    {
        chmod(&volume.join(name), mode);
    }
    for name in ["a link", "folder/large", "folder/small", "none", "folder", ""] {
        run("touch", &["-h", "-d", "2026-04-24T02:00:00.5Z", volume.join(name).to_str().unwrap()]);
    }
    volume
}

/// Writes the vault of a version, once and for all: only where there is none, and it is asked for.
fn bless(version: &str, from: &Path, reader: Option<&Path>) {
    let to = golden(version);
    if to.exists() || std::env::var_os("OUTLIVE_BLESS").is_none() {
        return;
    }
    fs::create_dir_all(&to).unwrap();
    run("cp", &["-r", from.to_str().unwrap(), to.join("vault").to_str().unwrap()]);
    if let Some(reader) = reader {
        fs::copy(reader, to.join("reader.key")).unwrap();
    }
}

/// Reads the vault of a version, restores from it and compares.
fn reads(version: &str, points: usize) {
    let place = TempDir::new();
    let vault = place.path().join("vault");
    run("cp", &["-r", golden(version).join("vault").to_str().unwrap(), vault.to_str().unwrap()]);
    let identities = match fs::read_to_string(golden(version).join("reader.key")) {
        Ok(text) => Identities::parse(&text).unwrap(),
        Err(_) => Identities::default(),
    };
    let opened = Vault::open(Recorder::open(&vault).unwrap()).unwrap();
    let vault = opened.with_keys(&VaultKeys { identities, ..VaultKeys::default() }).unwrap();
    let trust = fs::read_to_string(golden(version).join("signer.pub")).ok();
    let trust = Trust::parse(&trust.into_iter().collect::<Vec<_>>()).unwrap();
    let is_signed = trust.asks();
    let vault = vault.signing(Signing { trust, signer: None });
    let report = verify(&vault, &[], &Silent).unwrap();
    assert!(report.damage.is_empty() && report.chunks > 5, "{report:?}");
    let roots = Roots::read(&vault).unwrap();
    assert_eq!((report.sound.len(), roots.sound.len()), (points, points));
    assert!(roots.sound.iter().all(|found| matches!(found.signed, Signed::By(_)) == is_signed));
    let to = place.path().join("restored");
    let restored = restore(&vault, &roots.sound[0], &to, RestoreOptions::default(), &Silent).unwrap();
    restored.verify(&vault, &Silent).unwrap();
    run(
        "chown",
        &[
            "-Rh",
            &format!("{}:{}", rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw()),
            to.to_str().unwrap(),
        ],
    );
    assert_same(&volume(place.path()), &to);
}

/// Two points: of the tree, and of it with one file more.
fn fill(vault: &Vault, within: &Path) {
    let volume = volume(within);
    copy_into(vault, &volume, &Silent).unwrap();
    fs::write(volume.join("one more"), "one more\n").unwrap();
    copy_into(vault, &volume, &Silent).unwrap();
}

/// Every line of JSON in a vault, with all that differs from one vault to the next made the same. `open` decrypts.
fn shapes(vault: &Path, open: &dyn Fn(&[u8]) -> Vec<u8>) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    let mut add = |kind: &str, bytes: &[u8]| {
        lines.extend(String::from_utf8_lossy(bytes).lines().map(|line| format!("{kind}: {}", same(line))));
    };
    let payload = |path: &Path| {
        let text = fs::read_to_string(path).unwrap();
        let payload = text.split("\"payload\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        (text.replace(&payload, "P"), run("sh", &["-c", &format!("printf %s '{payload}' | base64 -d")]))
    };
    let (envelope, marker) = payload(&vault.join("vault.json"));
    add("vault.json", envelope.as_bytes());
    add("marker", marker.as_bytes());
    for folder in ["roots", "sidecars", "packs", "keys", "epochs", "ended"] {
        let Ok(objects) = fs::read_dir(vault.join(folder)) else { continue };
        for object in objects {
            let path = object.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            match folder {
                "roots" => {
                    let (envelope, root) = payload(&path);
                    add("root envelope", envelope.as_bytes());
                    let root: String = match root.split_once("\"sealed\":\"") {
                        Some((before, rest)) => {
                            let (sealed, after) = rest.split_once('"').unwrap();
                            add("inside a root", &open(sealed.replace("\\n", "\n").as_bytes()));
                            format!("{before}\"sealed\":\"S\"{after}")
                        }
                        None => root,
                    };
                    add("root", root.as_bytes());
                }
                "keys" => add("keys", b"an object"),
                "epochs" => {
                    let (envelope, statement) = payload(&path);
                    add("statement envelope", envelope.as_bytes());
                    add("statement", statement.as_bytes());
                }
                "ended" => add("list of points", &zstd::stream::decode_all(&bytes[..]).unwrap()),
                "sidecars" => add("sidecar", &zstd::stream::decode_all(&bytes[..]).unwrap()),
                _ => {
                    let inside = if bytes.starts_with(b"age-") { open(&bytes) } else { bytes };
                    let decoded = zstd::stream::decode_all(&inside[..]).unwrap();
                    // Content is told apart by its size; trees are lines.
                    let is_tree = decoded.starts_with(b"{\"schema\"");
                    add("page", if is_tree { &decoded } else { b"content" });
                }
            }
        }
    }
    lines
}

/// A line without numbers, digests and random names.
fn same(line: &str) -> String {
    let (mut out, mut run) = (String::new(), String::new());
    let flush = |run: &mut String, out: &mut String| {
        let is_hex = run.len() >= 16 && run.bytes().all(|byte| byte.is_ascii_hexdigit());
        // Numbers, and parts of times.
        let is_number = run.bytes().any(|byte| byte.is_ascii_digit())
            && run.bytes().all(|byte| byte.is_ascii_digit() || b"TZ".contains(&byte));
        out.push_str(if is_hex {
            "H"
        } else if is_number {
            "0"
        } else {
            run
        });
        run.clear();
    };
    for letter in line.chars() {
        if letter.is_ascii_alphanumeric() {
            run.push(letter);
            continue;
        }
        flush(&mut run, &mut out);
        out.push(letter);
    }
    flush(&mut run, &mut out);
    let words = out.split('"').map(|word| match word {
        word if word.starts_with("age1") => "age1",
        word if word.starts_with("ed25519:") => "ed25519",
        // Of what signs 64 bytes.
        word if word.ends_with("==") && word.len() > 60 => "sig",
        word if word.starts_with('/') && word.contains("/volume") => "/volume",
        word => word,
    });
    let words: Vec<&str> = words.collect();
    // Parts of random names may be digits alone.
    words.join("\"").replace("H-0", "H-H").replace("0-H", "H-H")
}

/// Where the pages of a list of packs end depends on random names: such a line may be there or not.
const CHILD: &str = "page: {\"pack\":\"H-H\",\"at\":0,\"length\":0,\"bytes\":0,\"sha256\":\"H\",\"level\":0}";

fn assert_as_then(version: &str, fresh: &BTreeSet<String>, then: &BTreeSet<String>) {
    let new: Vec<&String> = fresh.difference(then).filter(|line| *line != CHILD).collect();
    let gone: Vec<&String> = then.difference(fresh).filter(|line| *line != CHILD).collect();
    assert!(
        new.is_empty() && gone.is_empty(),
        "what is written looks otherwise than version {version} did: that takes a new version.\nnew: {new:#?}\ngone: {gone:#?}"
    );
}

/// All that a vault says of its points and does not owe to chance, to the machine or to the compressor: counts, and every line of every tree in
/// its order, with where chunks are cut and what they hold.
fn said(vault: &Vault) -> Vec<String> {
    let mut roots = Roots::read(vault).unwrap().sound;
    roots.sort_by_key(|found| found.root.taken_at);
    let mut said = Vec::new();
    for found in roots {
        let totals = &found.root.totals;
        said.push(format!("{} entries, {} files, {} bytes", totals.entries, totals.files, totals.bytes));
        for entry in Entries::new(vault, PageKind::Entries, found.root.tree().unwrap()) {
            let entry = entry.unwrap();
            let mut line = serde_json::to_value(&entry).unwrap();
            for of_the_machine in ["ctime", "inode", "uid", "gid"] {
                assert!(line.as_object_mut().unwrap().remove(of_the_machine).is_some(), "{line}");
            }
            // Two points are of two moments, and the second has a file of its own moment.
            if entry.path.as_bytes() == b"one more" || entry.path.as_bytes().is_empty() {
                line.as_object_mut().unwrap().remove("mtime");
            }
            for run in
                line.pointer_mut("/content/runs").and_then(|runs| runs.as_array_mut()).into_iter().flatten()
            {
                let run = run.as_object_mut().unwrap();
                for of_chance in ["pack", "at", "length"] {
                    run.remove(of_chance);
                }
            }
            said.push(line.to_string());
        }
    }
    said
}

#[test]
fn a_vault_of_version_0_is_read_and_written_as_ever() {
    let place = Place::new();
    fill(&place.vault, place.temp.path());
    let then = Vault::open(Recorder::open(&golden("v0").join("vault")).unwrap()).unwrap();
    let (then, fresh) = (said(&then), said(&place.vault));
    assert!(
        then.iter().any(|line| line.contains("\"folder/large\"") && line.contains("\"chunks\"")),
        "{then:#?}"
    );
    assert_eq!(then, fresh, "what is written is otherwise than version 0 was: that takes a new version");
    bless("v0", &place.path("vault"), None);
    reads("v0", 2);
    let none = |_: &[u8]| -> Vec<u8> { panic!("nothing is encrypted") };
    assert_as_then("0", &shapes(&place.path("vault"), &none), &shapes(&golden("v0").join("vault"), &none));
}

/// Decrypts with what a vault's keys open for a reader.
fn opener(vault: &Path, reader: &Path, work: &Path, epochs: usize) -> impl Fn(&[u8]) -> Vec<u8> + use<> {
    let epoch = work.with_extension("epoch");
    let keys = fs::read_dir(vault.join("keys")).unwrap();
    let found = keys.filter_map(|key| {
        let path = key.unwrap().path();
        let arguments = ["-d", "-i", reader.to_str().unwrap(), path.to_str().unwrap()];
        let opened = crate::hand::output(std::process::Command::new("age").args(arguments)).unwrap();
        opened.status.success().then(|| String::from_utf8(opened.stdout).unwrap())
    });
    let text: String = found.collect();
    let comments: Vec<String> = text.lines().map(same).collect();
    assert_eq!(comments.len(), 3 * epochs, "{comments:?}");
    assert!(comments[1].starts_with("# chunk key: H") && text.contains("\nAGE-SECRET-KEY-1"), "{comments:?}");
    fs::write(&epoch, text).unwrap();
    let sealed = work.with_extension("sealed");
    move |bytes: &[u8]| {
        fs::write(&sealed, bytes).unwrap();
        let arguments = ["-d", "-i", epoch.to_str().unwrap(), sealed.to_str().unwrap()];
        let opened = crate::hand::output(std::process::Command::new("age").args(arguments)).unwrap();
        assert!(opened.status.success(), "{}", String::from_utf8_lossy(&opened.stderr));
        opened.stdout
    }
}

/// What a vault of this version looks like, beside the one that was written then.
fn compare(version: &str, sealed: &Sealed, epochs: usize) {
    let work = TempDir::new();
    let fresh = sealed.place.path("vault");
    let open = opener(&fresh, &sealed.readers[0], &work.path().join("fresh"), epochs);
    let then = golden(version).join("vault");
    let reader = golden(version).join("reader.key");
    let open_then = opener(&then, &reader, &work.path().join("then"), epochs);
    assert_as_then(&version[1..], &shapes(&fresh, &open), &shapes(&then, &open_then));
}

#[test]
fn a_vault_whose_roots_are_signed_is_read_and_written_as_ever() {
    let place = Place::new();
    let signer = Signer::generate().unwrap();
    let public = signer.public().to_string();
    let trust = Trust::parse(std::slice::from_ref(&public)).unwrap();
    let signing = Signing { trust, signer: Some(Ok(signer.into())) };
    fill(&place.vault.clone().signing(signing), place.temp.path());
    if !golden("v0-signed").exists() {
        bless("v0-signed", &place.path("vault"), None);
        fs::write(golden("v0-signed").join("signer.pub"), public).unwrap();
    }
    reads("v0-signed", 2);
    let none = |_: &[u8]| -> Vec<u8> { panic!("nothing is encrypted") };
    let then = shapes(&golden("v0-signed").join("vault"), &none);
    assert!(
        then.iter().any(|line| line.starts_with("root envelope") && line.contains("ed25519")),
        "{then:#?}"
    );
    assert_as_then("0, signed,", &shapes(&place.path("vault"), &none), &then);
}

#[test]
fn a_vault_of_version_1_is_read_and_written_as_ever() {
    let sealed = Sealed::new();
    fill(&sealed.place.vault, sealed.place.temp.path());
    bless("v1", &sealed.place.path("vault"), Some(&sealed.readers[0]));
    reads("v1", 2);
    compare("v1", &sealed, 1);
}

/// The same with a second epoch, and a reader that was added.
#[test]
fn a_vault_of_version_2_is_read_and_written_as_ever() {
    let sealed = Sealed::new();
    fill(&sealed.place.vault, sealed.place.temp.path());
    let public = run("age-keygen", &["-y", sealed.readers[0].to_str().unwrap()]);
    let first = Recipient::parse(public.trim()).unwrap();
    let (_, added) = super::sealed::reader(sealed.place.temp.path(), "added.key");
    sealed.as_reader(0).add_reader(&added, chrono::Utc::now()).unwrap();
    let begun = sealed.as_reader(0).begin_epoch(vec![first], chrono::Utc::now()).unwrap();
    let keys = VaultKeys { epoch: Some(begun.epoch), ..VaultKeys::default() };
    copy_into(&sealed.opened(&keys), &sealed.place.path("volume"), &Silent).unwrap();
    bless("v2", &sealed.place.path("vault"), Some(&sealed.readers[0]));
    reads("v2", 3);
    compare("v2", &sealed, 2);
}
