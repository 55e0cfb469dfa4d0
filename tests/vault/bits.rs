//! Every single bit of what describes the data counts.

use super::recorder::Recorder;
use super::support::{Place, noise, overwrite};
use crate::hand::fs;
use outlive::domain::Silent;
use outlive::vault::{Vault, verify};
use std::path::Path;

/// Flips bits of an object one by one; `is_noticed` must say yes each time.
fn flip_bits(object: &Path, step: usize, is_noticed: impl Fn() -> bool) -> usize {
    let sound = fs::read(object).unwrap();
    assert!(sound.len() <= 64 * 1024 && !is_noticed(), "{}", object.display());
    let bits: Vec<usize> = (0..sound.len() * 8).step_by(step).collect();
    for bit in &bits {
        let mut flipped = sound.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        overwrite(object, &flipped);
        assert!(is_noticed(), "bit {bit} of {} went unnoticed", object.display());
    }
    overwrite(object, &sound);
    bits.len()
}

#[test]
fn every_flipped_bit_of_every_object_is_noticed() {
    // Every bit of what has no digest in another object; elsewhere a sample, unless there is time for all.
    let sample = if std::env::var_os("OUTLIVE_CAMPAIGN").is_some() { 1 } else { 7 };
    let place = Place::new();
    let original = place.path("original");
    fs::create_dir(&original).unwrap();
    fs::write(original.join("file"), noise(1, 300)).unwrap();
    place.copy(&original);
    let is_noticed = || !verify(&place.vault, &[], &Silent).is_ok_and(|report| report.damage.is_empty());
    let does_not_open = || {
        let opened = Recorder::open(&place.path("vault")).and_then(|store| Vault::open(store));
        !opened.is_ok_and(|vault| vault.check_readme().is_ok())
    };
    assert!(flip_bits(&place.path("vault/vault.json"), 1, does_not_open) > 1000);
    for (folder, step) in [("roots", 1), ("packs", sample), ("sidecars", sample)] {
        let mut objects = 0;
        for object in fs::read_dir(place.path("vault").join(folder)).unwrap() {
            assert!(flip_bits(&object.unwrap().path(), step, is_noticed) > 100);
            objects += 1;
        }
        assert!(objects > 0, "nothing in {folder}");
    }
    let readme = place.path("vault/README.md");
    flip_bits(&readme, sample * 101, || place.vault.check_readme().is_err());
}
