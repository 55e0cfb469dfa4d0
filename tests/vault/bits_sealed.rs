//! The same of an encrypted vault with two epochs, whose points are signed, with the signed ledger and the runbooks in it: each flip
//! of what is no content is found by whoever reads the object, and the object is named.

use super::bits::Flipping;
use super::sealed::reader;
use super::support::{One, chmod, copy_as, noise, random, seed_or};
use crate::hand::{TempDir, fs};
use outlive::app::{Context, Keyring, Signers};
use outlive::app::{check_runbooks, keep_runbooks, make_runbooks, sign_ledger, verify_ledger};
use outlive::domain::{Kind, Result, Silent};
use outlive::estate::{Environment, Estate, VaultPlace};
use outlive::ledger::{Ledger, PATIENCE};
use outlive::signing::{Signer, Trust};
use outlive::store::{Key, MemoryStore, Store};
use outlive::vault::format::{Marker, PackRole};
use outlive::vault::{
    Epoch, Identities, Readers, Recipient, Roots, Signing, Vault, VaultKeys, VerifyReport, packs_of, verify,
};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// A runbook is made within this.
const LIMIT: Duration = Duration::from_secs(60);
/// What such a vault holds, by the page of the format. Besides, there are `canary`, on which nothing relies, and `incoming`, whose
/// objects have no key yet.
const KINDS: [&str; 10] = [
    "README.md",
    "ended",
    "epochs",
    "keys",
    "ledger",
    "packs",
    "roots",
    "runbooks",
    "sidecars",
    "vault.json",
];

/// Who looks.
#[derive(Debug, Clone, Copy)]
enum Eye {
    First,
    Second,
    Copier,
}

const EYES: [Eye; 3] = [Eye::First, Eye::Second, Eye::Copier];

fn kind_of(key: &Key) -> &str {
    key.as_str().split('/').next().unwrap()
}

struct Scene {
    temp: TempDir,
    inner: MemoryStore,
    estate: Estate,
    trust: Trust,
    readers: [Identities; 2],
    epoch: Epoch,
    /// All that is no content.
    metadata: Vec<Key>,
    /// Packs of content.
    data: Vec<Key>,
    /// The roots that need an object: all others are sound without it.
    needs: BTreeMap<Key, BTreeSet<Key>>,
    points: usize,
}

/// The estate of a machine that copies into this vault, signs, and reads it too.
fn estate(folder: &Path, readers: &[String], trust: &str) -> Estate {
    let path = |name: &str| folder.join(name);
    let text = format!(
        "[policy.default]\nrpo = \"26h\"\nverify_within = \"2d\"\ndrill_every = \"never\"\nsurvive = [\"primary-deletion\"]\n\
         [[volume]]\nid = \"tree\"\npath = {:?}\n[[copy]]\nvolume = \"tree\"\nto = \"offsite\"\nevery = \"24h\"\n\
         [[vault]]\nid = \"offsite\"\nkind = \"dir\"\npath = {:?}\nreaders = {readers:?}\nepoch_key = {{ file = {:?} }}\n\
         identity = {{ file = {:?} }}\n[signing]\nkey = {{ file = {:?} }}\ntrust = [{trust:?}]\n",
        path("tree"),
        path("vault"),
        path("epoch.key"),
        path("one.key"),
        path("signing.key"),
    );
    Estate::parse(&path("outlive.toml"), &text).unwrap()
}

fn tree(folder: &Path, round: u64) {
    fs::create_dir_all(folder.join("tree/folder")).unwrap();
    fs::write(folder.join("tree/folder/large"), noise(7, 70_000)).unwrap();
    fs::write(folder.join("tree/text"), format!("round {round}\n").repeat(200)).unwrap();
}

impl Scene {
    fn new() -> Self {
        let (temp, inner) = (TempDir::new(), MemoryStore::default());
        let made: Vec<_> =
            ["one.key", "two.key", "three.key"].iter().map(|name| reader(temp.path(), name)).collect();
        let public: Vec<Recipient> = made.iter().map(|(_, public)| public.clone()).collect();
        let readers =
            [0, 1].map(|of: usize| Identities::parse(&fs::read_to_string(&made[of].0).unwrap()).unwrap());
        let signer = Arc::new(Signer::generate().unwrap());
        let trust = Trust::parse(&[signer.public().to_string()]).unwrap();
        let kept = RefCell::new(None);
        let keep = |epoch: &Epoch| {
            *kept.borrow_mut() = Some(epoch.clone());
            Ok(())
        };
        let for_two = Readers { readers: public[..2].to_vec(), keep: &keep };
        let now = chrono::Utc::now();
        Vault::open_or_create_under(Arc::new(inner.clone()), now, None, Some(for_two)).unwrap();
        let copies = |epoch: &Epoch, round: u64| {
            let keys = VaultKeys { epoch: Some(epoch.clone()), ..VaultKeys::default() };
            let vault = Vault::open(Arc::new(inner.clone())).unwrap().with_keys(&keys).unwrap();
            let signing = Signing { trust: trust.clone(), signer: Some(Ok(signer.clone())) };
            tree(temp.path(), round);
            copy_as("tree", &vault.signing(signing), &temp.path().join("tree"), &Silent).unwrap();
        };
        let first = kept.borrow().clone().unwrap();
        (1..3).for_each(|round| copies(&first, round));
        let as_reader = || {
            let keys = VaultKeys { identities: readers[0].clone(), ..VaultKeys::default() };
            let vault = Vault::open(Arc::new(inner.clone())).unwrap().with_keys(&keys).unwrap();
            vault.signing(Signing { trust: trust.clone(), signer: None })
        };
        as_reader().add_reader(&public[2], now).unwrap();
        let epoch = as_reader().begin_epoch(public[..2].to_vec(), now).unwrap().epoch;
        copies(&epoch, 3);
        fs::write(temp.path().join("epoch.key"), epoch.render().as_bytes()).unwrap();
        fs::write(temp.path().join("signing.key"), signer.secret_text().reveal()).unwrap();
        ["epoch.key", "signing.key"].iter().for_each(|name| chmod(&temp.path().join(name), 0o600));
        fs::create_dir(temp.path().join("vault")).unwrap();
        let named: Vec<String> = public[..2].iter().map(ToString::to_string).collect();
        let estate = estate(temp.path(), &named, &signer.public().to_string());
        let (metadata, data, needs) = Default::default();
        let mut scene = Self { temp, inner, estate, trust, readers, epoch, metadata, data, needs, points: 0 };
        scene.record();
        scene.look_around();
        scene
    }

    /// The ledger is signed and copied, twice, and the runbooks are written.
    fn record(&self) {
        let context = self.context(&self.store());
        outlive::app::verify(&context, self.place(), &Silent).unwrap();
        assert_eq!(sign_ledger(&context, &self.estate, None, LIMIT), Vec::<String>::new());
        let made = make_runbooks(&context, &self.estate, None, LIMIT).unwrap();
        let mut ledger = Ledger::open(&context.state, PATIENCE).unwrap();
        let kept = keep_runbooks(&context, &self.estate, made, &mut ledger, LIMIT);
        drop(ledger);
        assert_eq!((kept.written.len(), kept.problems), (2, Vec::new()));
        assert_eq!(sign_ledger(&context, &self.estate, None, LIMIT), Vec::<String>::new());
    }

    /// All objects, and who needs which.
    fn look_around(&mut self) {
        let known: Vec<&str> = KINDS.to_vec();
        assert_eq!(self.inner.stranger(&known).unwrap(), None, "it holds what the page does not tell of");
        let list = |folder: &str| self.inner.list(folder).unwrap().into_iter().map(|listed| listed.key);
        let mut all = vec![Marker::key().unwrap(), Marker::readme_key().unwrap()];
        all.extend(KINDS.iter().flat_map(|folder| list(folder)));
        let ledgers: Vec<Key> = list("ledger").collect();
        all.extend(ledgers.iter().flat_map(|id| list(id.as_str().strip_suffix(".json").unwrap())));
        let vault = self.opened(&self.store(), Eye::First).unwrap();
        let (roots, mut data) = (Roots::read(&vault).unwrap().sound, BTreeSet::new());
        self.points = roots.len();
        let mut needs: BTreeMap<Key, BTreeSet<Key>> = BTreeMap::new();
        for found in &roots {
            let packs = packs_of(&vault, found).unwrap();
            let of_data = packs.values().filter(|line| line.role == PackRole::Data);
            data.extend(of_data.map(|line| line.pack.pack().unwrap()));
            let of_packs = packs.keys().flat_map(|pack| [pack.pack().unwrap(), pack.sidecar().unwrap()]);
            // What opens the vault, and the list by which a former epoch's points count, is needed by all.
            let of_all = all.iter().filter(|key| ["README.md", "keys", "ended"].contains(&kind_of(key)));
            // What began the later epoch, by those that were written in it.
            let is_later = found.root.lid.as_ref().unwrap().epoch == self.epoch.name;
            let began = all.iter().filter(|key| is_later && self.says(key, "outlive/epoch/v1"));
            let small = of_all.chain(began).cloned();
            for key in of_packs.chain([found.key.clone()]).chain(small) {
                needs.entry(key).or_default().insert(found.key.clone());
            }
        }
        all.retain(|key| !data.contains(key));
        (self.metadata, self.data, self.needs) = (all, data.into_iter().collect(), needs);
    }

    fn says(&self, key: &Key, word: &str) -> bool {
        let store: &dyn Store = &self.inner;
        kind_of(key) == "epochs"
            && String::from_utf8_lossy(&store.get_bytes(key, 1 << 16).unwrap()).contains(word)
    }

    /// The store, with a flip of its own.
    fn store(&self) -> Arc<Flipping> {
        Flipping::over(self.inner.clone())
    }

    fn place(&self) -> &VaultPlace {
        &self.estate.vaults[0].place
    }

    fn context(&self, store: &Arc<Flipping>) -> Context {
        let (keys, signers) = (Keyring::default(), Signers::default());
        keys.learn(&self.estate);
        signers.learn(&self.estate);
        let stores = Arc::new(One(store.clone()));
        Context {
            stores,
            keys,
            signers,
            ..Context::real(self.temp.path().join("state"), Environment::default())
        }
    }

    fn opened(&self, store: &Arc<Flipping>, eye: Eye) -> Result<Vault> {
        let identities =
            |of: usize| VaultKeys { identities: self.readers[of].clone(), ..VaultKeys::default() };
        let keys = match eye {
            Eye::First => identities(0),
            Eye::Second => identities(1),
            Eye::Copier => VaultKeys { epoch: Some(self.epoch.clone()), ..VaultKeys::default() },
        };
        let vault = Vault::open(store.clone())?.with_keys(&keys)?;
        Ok(vault.signing(Signing { trust: self.trust.clone(), signer: None }))
    }

    /// Flips a bit and lets whoever reads the object find it. `vault` was opened before: of what is read anew each time, that is enough.
    fn flip(&self, (store, vault): (&Arc<Flipping>, &Vault), key: &Key, bit: usize) {
        let (eye, what) = (EYES[bit % EYES.len()], format!("bit {bit} of {key}"));
        match kind_of(key) {
            "ledger" => self.flip_ledger(store, key, &what, bit),
            "runbooks" => flip_runbook((store, vault), key, &what, bit),
            // That verifying begins with this very look is seen with some of the bits.
            "README.md" if !bit.is_multiple_of(16) => {
                let problem = store.with(key, bit, || vault.check_readme()).expect_err(&what);
                assert!(problem.kind == Kind::Damaged && problem.place == key.as_str(), "{what}: {problem}");
            }
            _ => {
                let look = || self.opened(store, eye).and_then(|vault| verify(&vault, &[], &Silent));
                match store.with(key, bit, look) {
                    Ok(report) => self.judge(key, &report, &format!("{what}, as {eye:?}")),
                    Err(problem) => {
                        let refused = matches!(problem.kind, Kind::Damaged | Kind::Refused);
                        assert!(refused && problem.to_string().contains(key.as_str()), "{what}: {problem}");
                    }
                }
            }
        }
    }

    /// The object is blamed, and nothing else but roots that fall with it; and no point that needs it is called as it was written.
    fn judge(&self, key: &Key, report: &VerifyReport, what: &str) {
        let none = BTreeSet::new();
        let needs = self.needs.get(key).unwrap_or(&none);
        let blamed: BTreeSet<&str> = report.damage.iter().map(|damage| &*damage.object).collect();
        assert!(blamed.contains(key.as_str()), "{what}: {blamed:?}");
        let falls = |object: &&str| {
            matches!(kind_of(key), "epochs" | "ended") && needs.iter().any(|root| root.as_str() == *object)
        };
        let others = blamed.iter().filter(|object| **object != key.as_str() && !falls(object));
        assert_eq!(others.count(), 0, "{what}: {blamed:?}");
        let fine: Vec<&Key> = report.sound.iter().chain(&report.closed).map(|found| &found.key).collect();
        assert!(
            !fine.iter().any(|root| needs.contains(*root)),
            "{what}: a point that needs it is called sound"
        );
        assert_eq!(fine.len(), self.points - needs.len(), "{what}: {fine:?}");
    }

    fn flip_ledger(&self, store: &Arc<Flipping>, key: &Key, what: &str, bit: usize) {
        let context = self.context(store);
        let told = store.with(key, bit, || verify_ledger(&context, Some(&self.estate), Some(self.place())));
        let wrong = told.unwrap().wrong;
        assert!(wrong.iter().any(|wrong| wrong.contains(key.as_str())), "{what}: {wrong:?}");
    }

    /// Many, on all processors.
    fn flip_all(&self, flips: &[(&Key, usize)]) {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    let store = self.store();
                    let vault = self.opened(&store, Eye::First).unwrap();
                    while let Some((key, bit)) = flips.get(next.fetch_add(1, Relaxed)) {
                        self.flip((&store, &vault), key, *bit);
                    }
                });
            }
        });
    }

    fn assert_sound(&self) {
        for eye in EYES {
            let report = verify(&self.opened(&self.store(), eye).unwrap(), &[], &Silent).unwrap();
            assert_eq!((report.damage, report.unread), (Vec::new(), Vec::new()), "{eye:?}");
            assert_eq!((report.sound.len() + report.closed.len(), self.points), (3, 3), "{eye:?}");
        }
        let told =
            verify_ledger(&self.context(&self.store()), Some(&self.estate), Some(self.place())).unwrap();
        assert_eq!((told.wrong, told.copies[0].checkpoints), (Vec::new(), 2));
    }

    fn size(&self, key: &Key) -> usize {
        self.inner.size(key).unwrap().unwrap() as usize
    }
}

/// A reader opens the page, as by hand. What `runbook --check` says is another test's.
fn flip_runbook((store, vault): (&Arc<Flipping>, &Vault), key: &Key, what: &str, bit: usize) {
    let open = || vault.disclose(key.as_str(), vault.store().get_bytes(key, 1 << 26)?);
    let problem = store.with(key, bit, open).map(drop).expect_err(what);
    assert!(problem.kind == Kind::Damaged && problem.place == key.as_str(), "{what}: {problem}");
}

#[test]
fn every_flipped_bit_of_what_is_no_content_of_a_sealed_and_signed_vault_is_found_and_its_object_named() {
    let (seed, campaign) = seed_or(20_261_130);
    println!("OUTLIVE_SEED={seed}");
    let scene = Scene::new();
    scene.assert_sound();
    let kinds: BTreeSet<&str> = scene.metadata.iter().map(kind_of).collect();
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), KINDS);
    let count = |kind: &str| scene.metadata.iter().filter(|key| kind_of(key) == kind).count();
    // Two readers in each epoch and one more; that one's statement and the later epoch's; the ledger's name and two copies.
    let counts = ["keys", "epochs", "ended", "roots", "ledger", "runbooks"].map(count);
    assert_eq!(counts, [5, 2, 1, 3, 3, 2]);
    let mut flips: Vec<(&Key, usize)> = Vec::new();
    for key in &scene.metadata {
        let size = scene.size(key);
        assert!((100..=64 * 1024).contains(&size), "{key} has {size} bytes");
        let step = if campaign { 1 } else { 1 + size * 8 / 48 };
        flips.extend((seed as usize % step..size * 8).step_by(step).map(|bit| (key, bit)));
    }
    scene.flip_all(&flips);
    scene.assert_sound();
    println!("{} bits of {} objects", flips.len(), scene.metadata.len());
}

#[test]
fn flipped_bits_of_the_data_of_a_sealed_vault_are_found_and_their_pack_named() {
    let (mut seed, campaign) = seed_or(20_261_130);
    println!("OUTLIVE_SEED={seed}");
    let scene = Scene::new();
    assert!(scene.data.len() > 1);
    let one = |_| {
        let key = &scene.data[random(&mut seed) as usize % scene.data.len()];
        (key, random(&mut seed) as usize % (scene.size(key) * 8))
    };
    let flips: Vec<(&Key, usize)> = (0..if campaign { 10_000 } else { 200 }).map(one).collect();
    scene.flip_all(&flips);
    scene.assert_sound();
    println!("{} bits of {} packs", flips.len(), scene.data.len());
}

#[test]
fn a_flipped_bit_of_a_runbook_in_a_vault_is_told_by_whoever_checks_the_runbooks() {
    let (mut seed, campaign) = seed_or(20_261_130);
    println!("OUTLIVE_SEED={seed}");
    let scene = Scene::new();
    let store = scene.store();
    let check = || check_runbooks(&scene.context(&store), &scene.estate, None, None, LIMIT).unwrap().damaged;
    assert_eq!(check(), Vec::<String>::new());
    for key in scene.metadata.iter().filter(|key| kind_of(key) == "runbooks") {
        for _ in 0..if campaign { 500 } else { 6 } {
            let bit = random(&mut seed) as usize % (scene.size(key) * 8);
            let damaged = store.with(key, bit, check);
            let [told] = &damaged[..] else { panic!("bit {bit} of {key}: {damaged:?}") };
            assert!(told.contains(key.as_str()), "bit {bit} of {key}: {told}");
        }
    }
    assert_eq!(check(), Vec::<String>::new());
}
