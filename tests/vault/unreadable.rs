//! A medium that gives an error for a stored object has lost it: `verify` names the object and the recovery
//! points that need it, and goes on to the others.

use super::gallery::Gallery;
use outlive::domain::{Result, Silent};
use outlive::store::{Key, Store};
use outlive::vault::{Vault, VerifyReport, verify};
use std::collections::BTreeSet;
use std::io::{Error, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// The store of a vault, on a medium that cannot read one object from this byte on.
struct BadMedium {
    vault: Vault,
    object: String,
    from: u64,
    failed: Arc<AtomicBool>,
}

/// Where the medium gives its error.
struct BadSector(Arc<AtomicBool>);

impl Read for BadSector {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        self.0.store(true, Relaxed);
        Err(Error::from_raw_os_error(rustix::io::Errno::IO.raw_os_error()))
    }
}

impl Store for BadMedium {
    forward!(self => self.vault.store(); place identity put_new forget size stranger list);

    fn get(&self, key: &Key, offset: u64) -> Result<Box<dyn Read + Send>> {
        let reader = self.vault.store().get(key, offset)?;
        if key.as_str() != self.object {
            return Ok(reader);
        }
        let readable = reader.take(self.from.saturating_sub(offset));
        Ok(Box::new(readable.chain(BadSector(self.failed.clone()))))
    }
}

fn verify_on_bad_medium(gallery: &Gallery, object: &str, from: u64) -> VerifyReport {
    let failed = Arc::new(AtomicBool::new(false));
    let vault = gallery.place.vault.clone();
    let store = BadMedium { vault, object: object.to_owned(), from, failed: failed.clone() };
    let vault = Vault::open(Arc::new(store)).unwrap();
    let report = verify(&vault, &gallery.records(), &Silent)
        .unwrap_or_else(|problem| panic!("{object} from {from}: nothing but {problem}"));
    assert!(failed.load(Relaxed), "{object} from {from}: the medium never gave its error");
    report
}

#[test]
fn an_object_that_the_medium_cannot_read_is_damage_with_its_name_and_its_points() {
    let gallery = Gallery::new();
    let mut objects = gallery.needed.clone();
    objects.extend(gallery.all_points().into_iter().map(|root| (root.clone(), BTreeSet::from([root]))));
    objects.insert("README.md".into(), gallery.all_points());
    for (object, points) in &objects {
        let bytes = std::fs::metadata(gallery.object(object)).unwrap().len();
        for from in [0, bytes / 2, bytes - 1] {
            let report = verify_on_bad_medium(&gallery, object, from);
            let damage: Vec<_> = report.damage.iter().map(|found| (&found.object, &found.points)).collect();
            assert_eq!(damage, [(object, points)], "from {from}");
            let because = &report.damage[0].because;
            assert!(because.starts_with("cannot be read: "), "{object} from {from}: {because}");
            let sound: BTreeSet<String> =
                report.sound.iter().map(|found| found.key.as_str().to_owned()).collect();
            let others: BTreeSet<String> = gallery.all_points().difference(points).cloned().collect();
            assert_eq!(sound, others, "{object} from {from}");
        }
    }
}
