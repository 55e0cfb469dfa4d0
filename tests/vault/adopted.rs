//! What a stopped run left is built upon only where it is what its sidecar says: no digest vouches for a
//! sidecar that no root names.

use super::recorder::Recorder;
use super::support::{Place, assert_same, copy_as, copy_into, noise, overwrite};
use crate::hand::fs;
use outlive::domain::Silent;
use outlive::vault::format::{Chunk, PackKey, PackRole, Sidecar};
use outlive::vault::{RestoreOptions, Roots, Vault, restore};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A vault that a run left without a root, and what that run copied.
struct Stopped {
    place: Place,
    original: PathBuf,
    objects: BTreeSet<PathBuf>,
}

impl Stopped {
    fn new() -> Self {
        let place = Place::new();
        let original = place.path("original");
        fs::create_dir(&original).unwrap();
        for number in 0..60 {
            fs::write(original.join(format!("{number:02}")), noise(number + 1, 100 + 37 * number as usize))
                .unwrap();
        }
        let root = place.copy(&original).root;
        fs::remove_file(place.path("vault").join(root.key.as_str())).unwrap();
        let objects = objects(&place.path("vault"));
        Self { place, original, objects }
    }

    /// The sidecar of the pack of this role.
    fn sidecar(&self, role: PackRole) -> (PathBuf, Sidecar) {
        let sidecars = self.objects.iter().filter(|object| object.parent().unwrap().ends_with("sidecars"));
        let mut opened = sidecars.map(|path| {
            let pack = PackKey(path.file_name().unwrap().to_str().unwrap().into());
            (path.clone(), Sidecar::open(&pack, &fs::read(path).unwrap()).unwrap())
        });
        opened.find(|(_, sidecar)| sidecar.header.role == role).unwrap()
    }

    /// Copies again and restores what was copied; true where the new point needs this pack. Then all is as
    /// it was before.
    fn copy_and_restore(&self, pack: &PackKey, case: &str) -> bool {
        let report = self.place.copy(&self.original);
        let target = self.place.path("restored");
        let roots = Roots::read(&self.place.vault).unwrap();
        let restored =
            restore(&self.place.vault, &roots.sound[0], &target, RestoreOptions::default(), &Silent);
        let restored = restored.and_then(|restored| restored.verify(&self.place.vault, &Silent));
        if let Err(problem) = restored {
            panic!("{case}: a copy was made that cannot be restored: {}", problem.problem);
        }
        fs::remove_dir_all(&target).unwrap();
        for object in objects(&self.place.path("vault")).difference(&self.objects) {
            fs::remove_file(object).unwrap();
        }
        report.packs.iter().any(|line| &line.pack == pack)
    }
}

fn objects(vault: &Path) -> BTreeSet<PathBuf> {
    let folders = ["packs", "sidecars", "roots"].map(|folder| fs::read_dir(vault.join(folder)).unwrap());
    folders.into_iter().flatten().map(|object| object.unwrap().path()).collect()
}

fn seed() -> u64 {
    let given =
        std::env::var("OUTLIVE_SEED").ok().map(|seed| seed.parse().expect("OUTLIVE_SEED is a number"));
    given.unwrap_or_else(|| std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64)
}

#[test]
fn a_sound_pack_of_a_stopped_run_is_built_upon() {
    let stopped = Stopped::new();
    for role in [PackRole::Data, PackRole::Tree] {
        let pack = stopped.sidecar(role).1.header.pack;
        assert!(stopped.copy_and_restore(&pack, "sound"), "{pack:?} was sent again");
    }
    stopped.place.copy(&stopped.original);
    assert_same(&stopped.original, &stopped.place.restore("whole"));
}

#[test]
fn no_chunk_size_in_a_sidecar_without_a_root_is_believed() {
    let stopped = Stopped::new();
    let (path, sound) = stopped.sidecar(PackRole::Data);
    let chunks: usize = sound.frames.iter().map(|frame| frame.chunks.len()).sum();
    assert!(chunks >= 60, "{chunks}");
    for number in (0..chunks).step_by(if std::env::var_os("OUTLIVE_CAMPAIGN").is_some() { 1 } else { 6 }) {
        let mut wrong = sound.clone();
        let chunk = wrong.frames.iter_mut().flat_map(|frame| &mut frame.chunks).nth(number).unwrap();
        *chunk = Chunk(chunk.size() ^ 1, chunk.sha256());
        let bytes = wrong.render().unwrap();
        assert!(Sidecar::open(&wrong.header.pack, &bytes).is_ok(), "no fault to be found out");
        overwrite(&path, &bytes);
        let case = format!("another size of chunk {number}");
        assert!(!stopped.copy_and_restore(&sound.header.pack, &case), "{case}: built upon");
    }
}

#[test]
fn a_flipped_bit_in_a_sidecar_or_pack_without_a_root_never_makes_a_copy_that_cannot_be_restored() {
    let (seed, rounds) = (seed(), if std::env::var_os("OUTLIVE_CAMPAIGN").is_some() { 20_000 } else { 20 });
    println!("seed {seed}");
    let stopped = Stopped::new();
    let mut readable = 0;
    for role in [PackRole::Data, PackRole::Tree] {
        let (path, sidecar) = stopped.sidecar(role);
        let pack = sidecar.header.pack;
        for object in [path, stopped.place.path("vault").join(pack.pack().unwrap().as_str())] {
            let sound = fs::read(&object).unwrap();
            for random in noise(seed, rounds * 8).chunks(8) {
                let bit = u64::from_le_bytes(random.try_into().unwrap()) as usize % (sound.len() * 8);
                let mut flipped = sound.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                overwrite(&object, &flipped);
                readable += usize::from(Sidecar::open(&pack, &flipped).is_ok());
                stopped.copy_and_restore(&pack, &format!("bit {bit} of {}", object.display()));
            }
            overwrite(&object, &sound);
        }
    }
    println!("{readable} flipped sidecars could be read all the same");
}

#[test]
fn the_pack_of_the_point_before_keeps_the_digests_that_its_root_names() {
    // A pack of a stopped run that a point was built upon still belongs to no run that has a root.
    let stopped = Stopped::new();
    let (path, sidecar) = stopped.sidecar(PackRole::Data);
    let first = stopped.place.copy(&stopped.original);
    let named = first.packs.iter().find(|line| line.pack == sidecar.header.pack).expect("built upon");
    let mut bytes = fs::read(&path).unwrap();
    let other = zstd::bulk::compress(&zstd::bulk::decompress(&bytes, 1 << 20).unwrap(), 19).unwrap();
    assert_ne!(bytes, other);
    bytes = other;
    overwrite(&path, &bytes);
    let vault: &Vault = &stopped.place.vault;
    fs::write(stopped.original.join("new"), "new").unwrap();
    let second = copy_into(vault, &stopped.original, &Silent).unwrap();
    let line = second.packs.iter().find(|line| line.pack == sidecar.header.pack);
    assert!(line.is_none_or(|line| line == named), "{line:?} instead of {named:?}");
}

#[test]
fn what_a_stopped_run_left_is_read_once_by_a_copy_that_builds_on_it_and_never_by_one_that_does_not() {
    let stopped = Stopped::new();
    let pack = stopped.sidecar(PackRole::Data).1.header.pack.pack().unwrap();
    let store = Recorder::open(&stopped.place.path("vault")).unwrap();
    let vault = Vault::open(store.clone()).unwrap();
    let other = stopped.place.path("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("small"), "two bytes").unwrap();
    for _ in 0..2 {
        copy_as("test:/other", &vault, &other, &Silent).unwrap();
        assert_eq!(store.times_read(&pack), 0, "a copy that needs nothing of it reads it");
    }
    let report = copy_into(&vault, &stopped.original, &Silent).unwrap();
    assert!(report.packs.iter().any(|line| line.pack.pack().unwrap() == pack), "it was not built upon");
    assert_eq!(store.times_read(&pack), 1);
}
