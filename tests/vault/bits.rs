//! Every single bit counts: of what describes the data, and of the data. Each flip is found, and its object is named.

use super::support::{copy_as, noise, random, seed_or};
use crate::hand::{TempDir, fs};
use outlive::domain::{Kind, Result, Silent};
use outlive::store::{Key, MemoryStore, Store};
use outlive::vault::format::{Marker, PackRole};
use outlive::vault::{Roots, Vault, packs_of, verify};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

/// A store that gives one object with one bit flipped: the medium holds what was written.
pub struct Flipping {
    pub inner: MemoryStore,
    flip: Mutex<Option<(Key, usize)>>,
    met: AtomicBool,
}

impl Flipping {
    /// Over what lies in this one, with nothing flipped.
    pub fn over(inner: MemoryStore) -> Arc<Self> {
        Arc::new(Self { inner, flip: Mutex::default(), met: AtomicBool::default() })
    }

    /// Looks with one bit flipped, which somebody has to read.
    pub fn with<T>(&self, key: &Key, bit: usize, look: impl FnOnce() -> T) -> T {
        *self.flip.lock().unwrap() = Some((key.clone(), bit));
        self.met.store(false, Relaxed);
        let seen = look();
        assert!(self.met.load(Relaxed), "bit {bit} of {key} was never read: nothing was tried");
        *self.flip.lock().unwrap() = None;
        seen
    }
}

impl Store for Flipping {
    forward!(self => self.inner; place identity put_new size stranger list);

    fn get(&self, key: &Key, offset: u64) -> Result<Box<dyn Read + Send>> {
        let mut reader = self.inner.get(key, offset)?;
        let flip = self.flip.lock().unwrap().clone();
        let Some((_, bit)) = flip.filter(|(of, _)| of == key) else { return Ok(reader) };
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).unwrap();
        let place = (bit / 8).checked_sub(offset as usize);
        if let Some(byte) = place.and_then(|place| bytes.get_mut(place)) {
            *byte ^= 1 << (bit % 8);
            self.met.store(true, Relaxed);
        }
        Ok(Box::new(Cursor::new(bytes)))
    }
}

/// A vault with three points of two volumes, and who needs what.
struct Scene {
    store: Arc<Flipping>,
    /// What describes: the marker, the instructions, roots, sidecars and packs of pages.
    metadata: Vec<Key>,
    /// Packs of content.
    data: Vec<Key>,
    /// The roots that need an object.
    needs: BTreeMap<Key, BTreeSet<Key>>,
}

impl Scene {
    fn new() -> Self {
        let store = Flipping::over(MemoryStore::default());
        let (temp, vault) =
            (TempDir::new(), Vault::open_or_create(store.clone(), chrono::Utc::now()).unwrap());
        for (volume, round) in [("test:/a", 1), ("test:/a", 2), ("test:/b", 3)] {
            let tree = temp.path().join(volume.replace('/', "-"));
            fs::create_dir_all(tree.join("folder")).unwrap();
            fs::write(tree.join("folder/large"), noise(7, 70_000)).unwrap();
            fs::write(tree.join(format!("text-{round}")), "the same line again\n".repeat(200)).unwrap();
            (0..12).for_each(|n| fs::write(tree.join(format!("{n}")), noise(n * round, 700)).unwrap());
            copy_as(volume, &vault, &tree, &Silent).unwrap();
        }
        let (marker, readme) = (Marker::key().unwrap(), Marker::readme_key().unwrap());
        let (mut metadata, mut data) = (vec![marker, readme.clone()], BTreeSet::new());
        let mut needs: BTreeMap<Key, BTreeSet<Key>> = BTreeMap::new();
        for found in Roots::read(&vault).unwrap().sound {
            let packs = packs_of(&vault, &found).unwrap();
            let of_packs = packs.keys().flat_map(|pack| [pack.pack().unwrap(), pack.sidecar().unwrap()]);
            for key in of_packs.chain([found.key.clone(), readme.clone()]) {
                needs.entry(key).or_default().insert(found.key.clone());
            }
            let of_data = packs.values().filter(|line| line.role == PackRole::Data);
            data.extend(of_data.map(|line| line.pack.pack().unwrap()));
        }
        metadata.extend(needs.keys().filter(|key| **key != readme && !data.contains(key)).cloned());
        Self { store, metadata, data: data.into_iter().collect(), needs }
    }

    fn size(&self, key: &Key) -> usize {
        self.store.size(key).unwrap().unwrap() as usize
    }

    /// Looks at the whole vault with this bit flipped: just this object is blamed, and nothing that needs it is called sound.
    fn flip(&self, key: &Key, bit: usize) {
        let what = format!("bit {bit} of {key}");
        let look = || Vault::open(self.store.clone()).and_then(|vault| verify(&vault, &[], &Silent));
        match self.store.with(key, bit, look) {
            Ok(report) => {
                let blamed: Vec<&str> = report.damage.iter().map(|damage| &*damage.object).collect();
                assert_eq!(blamed, [key.as_str()], "{what}");
                let sound = report.sound.iter().find(|found| self.needs[key].contains(&found.key));
                assert!(sound.is_none(), "{what}: a point that needs it is called sound");
                let others = self.needs.values().flatten().collect::<BTreeSet<_>>().len();
                assert_eq!(report.sound.len(), others - self.needs[key].len(), "{what}");
            }
            Err(problem) => {
                let refused = matches!(problem.kind, Kind::Damaged | Kind::Refused);
                assert!(refused && problem.to_string().contains(key.as_str()), "{what}: {problem}");
            }
        }
    }

    fn is_sound(&self) -> bool {
        let report = verify(&Vault::open(self.store.clone()).unwrap(), &[], &Silent).unwrap();
        report.damage.is_empty() && report.sound.len() == 3
    }
}

#[test]
fn every_flipped_bit_of_what_describes_the_data_is_found_and_its_object_named() {
    let (seed, campaign) = seed_or(20_261_130);
    println!("OUTLIVE_SEED={seed}");
    let scene = Scene::new();
    assert!(scene.is_sound());
    let folders = |key: &Key| key.as_str().split('/').next().unwrap().to_owned();
    let kinds: BTreeSet<String> = scene.metadata.iter().map(folders).collect();
    assert_eq!(kinds.len(), 5, "{kinds:?}");
    let mut bits = 0;
    for key in &scene.metadata {
        let size = scene.size(key);
        assert!((100..=64 * 1024).contains(&size), "{key} has {size} bytes");
        // Nothing else holds a digest of the marker: each of its bits is tried every time.
        let step = if campaign || key.as_str() == "vault.json" { 1 } else { 1 + size / 12 };
        for bit in (seed as usize % step..size * 8).step_by(step) {
            scene.flip(key, bit);
            bits += 1;
        }
    }
    assert!(scene.is_sound());
    println!("{bits} bits of {} objects", scene.metadata.len());
}

#[test]
fn flipped_bits_of_the_data_are_found_and_their_pack_named() {
    let (mut seed, campaign) = seed_or(20_261_130);
    println!("OUTLIVE_SEED={seed}");
    let scene = Scene::new();
    let samples = if campaign { 10_000 } else { 200 };
    assert!(scene.data.len() > 1);
    for _ in 0..samples {
        let key = &scene.data[random(&mut seed) as usize % scene.data.len()];
        scene.flip(key, random(&mut seed) as usize % (scene.size(key) * 8));
    }
    assert!(scene.is_sound());
    println!("{samples} bits of {} packs", scene.data.len());
}
