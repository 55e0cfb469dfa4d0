//! An encrypted vault: readers get back what was copied, whoever copies can open nothing, and what comes from anybody else
//! is not believed.

use super::recorder::Recorder;
use super::support::{Place, assert_same, copy_as, copy_into, flip, noise, overwrite, run};
use crate::hand::{TempDir, fs};
use outlive::domain::{Kind, Result, Silent, VolumeId};
use outlive::vault::format::{KEYS, PACKS, ROOTS, SIDECARS};
use outlive::vault::{
    Epoch, Identities, Readers, Recipient, RestoreOptions, Roots, Vault, VaultKeys, restore, verify,
};
use std::cell::RefCell;
use std::path::{Path, PathBuf};

/// A vault for two readers, and all keys of it.
pub struct Sealed {
    pub place: Place,
    pub epoch: Epoch,
    pub readers: [PathBuf; 2],
}

/// A reader's private key in a file, as age's own program makes it, and the public one.
pub fn reader(folder: &Path, name: &str) -> (PathBuf, Recipient) {
    let path = folder.join(name);
    run("age-keygen", &["-o", path.to_str().unwrap()]);
    let public = run("age-keygen", &["-y", path.to_str().unwrap()]);
    (path, Recipient::parse(public.trim()).unwrap())
}

impl Sealed {
    pub fn new() -> Self {
        let temp = TempDir::new();
        let (one, to_one) = reader(temp.path(), "one.key");
        let (two, to_two) = reader(temp.path(), "two.key");
        let kept = RefCell::new(None);
        let keep = |epoch: &Epoch| {
            *kept.borrow_mut() = Some(epoch.clone());
            Ok(())
        };
        let readers = Some(Readers { readers: vec![to_one, to_two], keep: &keep });
        let store = Recorder::create(&temp.path().join("vault")).unwrap();
        let vault = Vault::open_or_create_under(store, chrono::Utc::now(), None, readers).unwrap();
        let epoch = kept.into_inner().unwrap();
        let memory = Some(temp.path().join("memory"));
        let keys = VaultKeys { epoch: Some(epoch.clone()), memory, ..VaultKeys::default() };
        let vault = vault.with_keys(&keys).unwrap();
        Self { place: Place { temp, vault }, epoch, readers: [one, two] }
    }

    /// The same vault, opened anew with these keys.
    pub fn opened(&self, keys: &VaultKeys) -> Vault {
        let vault = Vault::open(Recorder::open(&self.place.path("vault")).unwrap()).unwrap();
        vault.with_keys(keys).unwrap()
    }

    /// As a reader sees it, on a machine that remembers nothing.
    pub fn as_reader(&self, number: usize) -> Vault {
        self.try_as_reader(number).unwrap()
    }

    fn try_as_reader(&self, number: usize) -> Result<Vault> {
        let identities = Identities::parse(&fs::read_to_string(&self.readers[number]).unwrap()).unwrap();
        let vault = Vault::open(Recorder::open(&self.place.path("vault")).unwrap()).unwrap();
        vault.with_keys(&VaultKeys { identities, ..VaultKeys::default() })
    }

    /// As whoever copies sees it, on a machine that remembers nothing.
    pub fn as_copier(&self) -> Vault {
        self.opened(&VaultKeys { epoch: Some(self.epoch.clone()), ..VaultKeys::default() })
    }

    /// A tree with names and bytes that are found again wherever they stand.
    pub fn original(&self) -> PathBuf {
        let original = self.place.path("original");
        fs::create_dir_all(original.join("plainly-named-folder")).unwrap();
        fs::write(original.join("plainly-named-folder/plainly-named-file"), "plainly written ".repeat(40))
            .unwrap();
        fs::write(original.join("large"), noise(5, 3 * 1024 * 1024 + 77)).unwrap();
        for number in 0..200 {
            fs::write(original.join(format!("file {number}")), noise(number, 200)).unwrap();
        }
        original
    }

    pub fn objects(&self, folder: &str) -> Vec<PathBuf> {
        let all = fs::read_dir(self.place.path("vault").join(folder)).unwrap();
        let mut all: Vec<PathBuf> = all.map(|entry| entry.unwrap().path()).collect();
        all.sort();
        all
    }
}

pub fn restored(vault: &Vault, to: &Path) {
    let roots = Roots::read(vault).unwrap();
    let newest = roots.sound.last().unwrap();
    let restored = restore(vault, newest, to, RestoreOptions::default(), &Silent).unwrap();
    restored.verify(vault, &Silent).unwrap();
}

#[test]
fn each_reader_gets_everything_back_and_nothing_of_it_can_be_read_in_the_store() {
    let sealed = Sealed::new();
    let original = sealed.original();
    sealed.place.copy(&original);
    for (number, name) in ["first", "second"].into_iter().enumerate() {
        let to = sealed.place.path(name);
        restored(&sealed.as_reader(number), &to);
        assert_same(&original, &to);
        let report = verify(&sealed.as_reader(number), &[], &Silent).unwrap();
        assert_eq!((report.sound.len(), report.closed.len(), report.damage.len()), (1, 0, 0));
    }
    let told = ["plainly", "test:/volume", "original", "file 7", "AGE-SECRET-KEY"];
    let mut objects = 0;
    for folder in ["", PACKS, SIDECARS, ROOTS, KEYS] {
        for object in sealed.objects(folder).into_iter().filter(|path| path.is_file()) {
            let bytes = fs::read(&object).unwrap();
            let unpacked = zstd::stream::decode_all(&bytes[..]).unwrap_or_default();
            for word in told.iter().filter(|_| object.file_name().unwrap() != "README.md") {
                let holds = |bytes: &[u8]| bytes.windows(word.len()).any(|window| window == word.as_bytes());
                assert!(!holds(&bytes) && !holds(&unpacked), "{} holds `{word}`", object.display());
            }
            objects += 1;
        }
    }
    assert!(objects > 8);
}

#[test]
fn who_copies_opens_nothing_and_yet_copies_only_what_is_new() {
    let sealed = Sealed::new();
    let original = sealed.original();
    let first = sealed.place.copy(&original);
    fs::write(original.join("file 7"), "changed").unwrap();
    let second = sealed.place.copy(&original);
    assert!(
        second.written_bytes * 20 < first.written_bytes,
        "{} after {}",
        second.written_bytes,
        first.written_bytes
    );
    assert_eq!((second.root.root.counter, second.parent), (2, Some(first.root.id)));
    // Without what its machine remembers every file is read anew, and sent is still only what is new.
    let copier = sealed.as_copier();
    let third = copy_into(&copier, &original, &Silent).unwrap();
    assert!(third.written_bytes * 20 < first.written_bytes, "{}", third.written_bytes);
    assert_eq!((third.root.root.counter, third.parent), (3, Some(second.root.id)));
    let roots = Roots::read(&sealed.as_copier()).unwrap();
    assert_eq!(roots.sound.len(), 3);
    for found in &roots.sound {
        assert!(
            found.root.is_closed() && found.root.volume.0.starts_with("sealed:"),
            "{:?}",
            found.root.volume
        );
        let to = sealed.place.path("never");
        let refused = restore(&copier, found, &to, RestoreOptions::default(), &Silent).unwrap_err();
        assert_eq!(refused.problem.kind, Kind::Refused);
        assert!(!to.exists());
    }
    let known = Roots::of_volume(&sealed.as_copier(), &VolumeId("test:/volume".into())).unwrap();
    assert_eq!(known.sound.len(), 3, "points are found by the code of their volume");
    let report = verify(&sealed.as_copier(), &[], &Silent).unwrap();
    assert_eq!((report.closed.len(), report.sound.len(), report.damage.len()), (3, 0, 0));
    // Nor does who holds no key at all take anything for damaged.
    let report = verify(&sealed.opened(&VaultKeys::default()), &[], &Silent).unwrap();
    assert_eq!(
        (report.closed.len(), report.sound.len(), report.damage.len()),
        (3, 0, 0),
        "{:?}",
        report.damage
    );
    restored(&sealed.as_reader(1), &sealed.place.path("restored"));
    assert_same(&original, &sealed.place.path("restored"));
}

#[test]
fn a_vault_without_the_epoch_key_takes_no_copy_and_strangers_open_nothing() {
    let sealed = Sealed::new();
    let original = sealed.original();
    sealed.place.copy(&original);
    let nobody = sealed.opened(&VaultKeys::default());
    assert_eq!(copy_into(&nobody, &original, &Silent).unwrap_err().kind, Kind::Refused);
    let (stranger, _) = reader(sealed.place.temp.path(), "stranger.key");
    let identities = Identities::parse(&fs::read_to_string(stranger).unwrap()).unwrap();
    let open = || Vault::open(Recorder::open(&sealed.place.path("vault")).unwrap()).unwrap();
    let refused = open().with_keys(&VaultKeys { identities, ..VaultKeys::default() });
    assert_eq!(refused.map(drop).unwrap_err().kind, Kind::Refused);
    let other = Sealed::new();
    let refused = open().with_keys(&VaultKeys { epoch: Some(other.epoch.clone()), ..VaultKeys::default() });
    assert_eq!(refused.map(drop).unwrap_err().kind, Kind::Usage);
    // Whoever may write seals a key of their own to a reader: what counts is what the marker names.
    let foreign = other.objects(KEYS);
    let own = sealed.objects(KEYS);
    for (from, to) in foreign.iter().zip(&own) {
        let squatted =
            to.with_file_name(format!("0000000000000000-{}", to.file_name().unwrap().to_str().unwrap()));
        fs::copy(from, squatted).unwrap();
    }
    restored(&sealed.as_reader(0), &sealed.place.path("restored"));
}

#[test]
fn roots_and_sidecars_of_nobody_who_holds_the_key_are_damage() {
    let sealed = Sealed::new();
    let original = sealed.original();
    sealed.place.copy(&original);
    let object = sealed.objects(ROOTS).remove(0);
    let sound = fs::read(&object).unwrap();
    let text = String::from_utf8(sound.clone()).unwrap();
    let payload = text.split("\"payload\":\"").nth(1).unwrap().split('"').next().unwrap();
    let decoded = run("sh", &["-c", &format!("printf %s '{payload}' | base64 -d")]);
    for (from, to) in [
        ("\"counter\":1", "\"counter\":9"),
        ("\"missed\":0", "\"missed\":1"),
        ("\"role\":\"list\"", "\"role\":\"data\""),
    ] {
        let forged = decoded.replacen(from, to, 1);
        assert_ne!(forged, decoded, "{from}");
        let bytes = outlive::vault::format::seal_envelope("outlive/root/v1", forged.as_bytes()).unwrap();
        overwrite(&object, &bytes);
        for vault in [sealed.as_copier(), sealed.as_reader(0)] {
            let roots = Roots::read(&vault).unwrap();
            assert_eq!((roots.sound.len(), roots.damaged.len()), (0, 1), "{from}");
        }
    }
    overwrite(&object, &sound);
    // A stopped run left packs; somebody else says what they hold.
    fs::remove_file(&object).unwrap();
    for sidecar in sealed.objects(SIDECARS) {
        let lines = zstd::stream::decode_all(&fs::read(&sidecar).unwrap()[..]).unwrap();
        let lines = String::from_utf8(lines)
            .unwrap()
            .replacen("\"at\":0", "\"at\":00", 1)
            .replace("\"at\":00", "\"at\": 0");
        overwrite(&sidecar, &zstd::bulk::compress(lines.as_bytes(), 3).unwrap());
    }
    let copier = sealed.as_copier();
    let report = copy_into(&copier, &original, &Silent).unwrap();
    assert!(report.written_bytes > 3 * 1024 * 1024, "something was built on: {}", report.written_bytes);
    restored(&sealed.as_reader(0), &sealed.place.path("restored"));
    assert_same(&original, &sealed.place.path("restored"));
}

#[test]
fn what_a_stopped_run_left_is_built_upon_though_it_cannot_be_opened() {
    let sealed = Sealed::new();
    let original = sealed.original();
    let first = sealed.place.copy(&original);
    fs::remove_file(&sealed.objects(ROOTS)[0]).unwrap();
    let again = copy_into(&sealed.as_copier(), &original, &Silent).unwrap();
    assert!(again.written_bytes * 20 < first.written_bytes, "{}", again.written_bytes);
    // Spoilt, it is not.
    fs::remove_file(&sealed.objects(ROOTS)[0]).unwrap();
    let largest = |path: &PathBuf| fs::metadata(path).unwrap().len();
    let pack = sealed.objects(PACKS).into_iter().max_by_key(largest).unwrap();
    flip(&pack, largest(&pack) / 2);
    let anew = copy_into(&sealed.as_copier(), &original, &Silent).unwrap();
    assert!(anew.written_bytes > 3 * 1024 * 1024, "{}", anew.written_bytes);
    restored(&sealed.as_reader(0), &sealed.place.path("restored"));
    assert_same(&original, &sealed.place.path("restored"));
}

#[test]
fn damage_is_found_by_who_copies_and_by_readers_and_a_memory_that_lies_is_not_believed() {
    let sealed = Sealed::new();
    let original = sealed.original();
    sealed.place.copy(&original);
    for folder in [PACKS, SIDECARS, ROOTS, KEYS] {
        for object in sealed.objects(folder) {
            let size = fs::metadata(&object).unwrap().len();
            for at in [0, size / 3, size / 2, size - 1] {
                let sound = fs::read(&object).unwrap();
                flip(&object, at);
                let named = object.file_name().unwrap().to_str().unwrap();
                let reader = sealed.try_as_reader(1);
                if let Err(problem) = &reader {
                    assert!(folder == KEYS && problem.place.contains(named), "{problem}");
                }
                for vault in [Ok(sealed.opened(&VaultKeys::default())), Ok(sealed.as_copier()), reader]
                    .into_iter()
                    .flatten()
                {
                    let report = verify(&vault, &[], &Silent).unwrap();
                    assert!(
                        report.damage.iter().any(|damage| damage.object.contains(named)),
                        "byte {at} of {}: {:?}",
                        object.display(),
                        report.damage
                    );
                    assert!(report.sound.is_empty() && report.closed.is_empty());
                }
                overwrite(&object, &sound);
            }
        }
    }
    let memory = sealed.place.path("memory").join(sealed.place.vault.id());
    for file in fs::read_dir(&memory).unwrap() {
        let file = file.unwrap().path();
        let size = fs::metadata(&file).unwrap().len();
        (0..size).step_by(211).for_each(|at| flip(&file, at));
    }
    let keys = VaultKeys {
        epoch: Some(sealed.epoch.clone()),
        memory: Some(sealed.place.path("memory")),
        ..VaultKeys::default()
    };
    fs::write(original.join("file 7"), "changed").unwrap();
    copy_as("test:/volume", &sealed.opened(&keys), &original, &Silent).unwrap();
    restored(&sealed.as_reader(0), &sealed.place.path("restored"));
    assert_same(&original, &sealed.place.path("restored"));
}

#[test]
fn a_sidecar_without_a_code_is_never_built_upon_and_a_marker_of_somebody_else_is_no_vault() {
    let sealed = Sealed::new();
    let original = sealed.original();
    sealed.place.copy(&original);
    fs::remove_file(&sealed.objects(ROOTS)[0]).unwrap();
    // The names of chunks can be read: somebody says that a pack of theirs holds them.
    for sidecar in sealed.objects(SIDECARS) {
        let lines = zstd::stream::decode_all(&fs::read(&sidecar).unwrap()[..]).unwrap();
        let text = String::from_utf8(lines).unwrap();
        let mut lines: Vec<&str> = text.lines().collect();
        lines.pop();
        let (header, inside) = lines[0].split_once(",\"inside\":").unwrap();
        let inside = inside.trim_end_matches('}');
        let garbage = vec![7; inside.parse().unwrap()];
        let header: serde_json::Value = serde_json::from_str(&format!("{header}}}")).unwrap();
        let name = sidecar.file_name().unwrap().to_str().unwrap();
        let (pack, role) =
            (format!("ffff{}", &name[4..]), header["role"].as_str().unwrap().replace("list", "tree"));
        let sha256 = outlive::vault::format::Digest::of(&garbage);
        let first = format!(
            "{{\"schema\":\"outlive/sidecar/v0\",\"pack\":\"{pack}\",\"role\":\"{role}\",\"bytes\":{inside},\"sha256\":\"{sha256}\"}}"
        );
        let forged = format!("{first}\n{}\n", lines[1..].join("\n"));
        fs::write(sidecar.with_file_name(&pack), zstd::bulk::compress(forged.as_bytes(), 3).unwrap())
            .unwrap();
        fs::write(sealed.place.path("vault/packs").join(&pack), garbage).unwrap();
        for spoilt in [sidecar.clone(), sealed.place.path("vault/packs").join(name)] {
            fs::remove_file(spoilt).unwrap();
        }
    }
    let report = copy_into(&sealed.as_copier(), &original, &Silent).unwrap();
    assert!(report.written_bytes > 3 * 1024 * 1024, "something was built on: {}", report.written_bytes);
    restored(&sealed.as_reader(0), &sealed.place.path("restored"));
    assert_same(&original, &sealed.place.path("restored"));
    // The same marker without its keys, or with others: nobody who holds the key of names takes it.
    let marker = sealed.place.path("vault/vault.json");
    let sound = fs::read(&marker).unwrap();
    let text = String::from_utf8(sound.clone()).unwrap();
    let payload = text.split("\"payload\":\"").nth(1).unwrap().split('"').next().unwrap();
    let decoded = run("sh", &["-c", &format!("printf %s '{payload}' | base64 -d")]);
    let (before, after) = decoded.split_once("\"keys\":[").unwrap();
    let (keys, after) = after.split_once(']').unwrap();
    for keys in ["".to_owned(), keys.split_once("},").unwrap().0.to_owned() + "}"] {
        let forged = format!("{before}\"keys\":[{keys}]{after}");
        overwrite(
            &marker,
            &outlive::vault::format::seal_envelope("outlive/vault/v1", forged.as_bytes()).unwrap(),
        );
        let vault = Vault::open(Recorder::open(&sealed.place.path("vault")).unwrap()).unwrap();
        let keys = VaultKeys { epoch: Some(sealed.epoch.clone()), ..VaultKeys::default() };
        assert_eq!(vault.with_keys(&keys).map(drop).unwrap_err().kind, Kind::Damaged);
        assert!(sealed.try_as_reader(0).is_err());
    }
    overwrite(&marker, &sound);
}

#[test]
fn a_header_without_end_and_keys_without_end_hold_nobody_up() {
    let sealed = Sealed::new();
    let original = sealed.original();
    sealed.place.copy(&original);
    let bomb = |size: usize| {
        let mut bytes = b"age-encryption.org/v1\n".to_vec();
        while bytes.len() < size {
            bytes.extend(b"-> a\n\n");
        }
        bytes.truncate(size);
        bytes
    };
    let keys = sealed.objects(KEYS);
    let epoch = &keys[0].file_name().unwrap().to_str().unwrap()[..17];
    fs::write(keys[0].with_file_name(format!("{epoch}{}", "0".repeat(16))), bomb(8 << 20)).unwrap();
    for number in 0..400 {
        fs::write(keys[0].with_file_name(format!("0{number}")), "junk").unwrap();
    }
    let spoilt = fs::read(&keys[0]).unwrap();
    overwrite(&keys[0], &bomb(8 << 20));
    let readers = [sealed.try_as_reader(0), sealed.try_as_reader(1)];
    assert_eq!(readers.iter().filter(|reader| reader.is_ok()).count(), 1, "the other reader is not held up");
    overwrite(&keys[0], &spoilt);
    let pack =
        sealed.objects(PACKS).into_iter().max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap();
    let size = usize::try_from(fs::metadata(&pack).unwrap().len()).unwrap();
    overwrite(&pack, &bomb(size));
    let report = verify(&sealed.as_reader(0), &[], &Silent).unwrap();
    assert_eq!(report.damage.len(), 1, "{:?}", report.damage);
}
