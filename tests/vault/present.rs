//! What is remembered of a list of packs from one point to the next hides nothing from the next.

use super::support::{Place, noise, random, seed_or};
use crate::hand::fs;
use outlive::vault::{FoundRoot, Present, Roots, packs_of};
use std::collections::BTreeSet;

/// Which points lack nothing, each asked for by itself, pack by pack.
fn one_by_one(place: &Place, roots: &[FoundRoot]) -> Vec<bool> {
    let whole = |found: &FoundRoot| {
        let present = Present::list(&place.vault).unwrap();
        packs_of(&place.vault, found)
            .is_ok_and(|packs| packs.values().all(|line| present.check(line).is_ok()))
    };
    roots.iter().map(whole).collect()
}

#[test]
#[allow(clippy::print_stdout, reason = "seeds are printed")]
fn points_that_share_lists_are_each_judged_as_if_alone() {
    let (mut seed, campaign) = seed_or(5);
    println!("seed {seed}");
    let place = Place::new();
    let data = place.path("data");
    fs::create_dir_all(&data).unwrap();
    for night in 0..30 {
        fs::write(data.join(format!("{}", night % 11)), noise(night, 3_000)).unwrap();
        place.copy(&data);
    }
    let roots = Roots::read(&place.vault).unwrap().sound;
    let lines: Vec<_> = packs_of(&place.vault, roots.last().unwrap()).unwrap().into_values().collect();
    let lists: BTreeSet<_> = roots.iter().map(|found| found.root.packs.sha256).collect();
    assert_eq!((roots.len(), lists.len()), (30, 30));
    let mut seen = BTreeSet::new();
    for round in 0..if campaign { 400 } else { 40 } {
        let line = &lines[random(&mut seed) as usize % lines.len()];
        let key =
            if random(&mut seed).is_multiple_of(2) { line.pack.pack() } else { line.pack.sidecar() }.unwrap();
        let path = place.path("vault").join(key.as_str());
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        if random(&mut seed).is_multiple_of(2) {
            fs::write(&path, &bytes[1..]).unwrap();
        }
        let together = Present::list(&place.vault).unwrap().check_points(&place.vault, &roots);
        let together: Vec<bool> = together.iter().map(Result::is_ok).collect();
        assert_eq!(together, one_by_one(&place, &roots), "round {round}: {key}");
        seen.insert(together.iter().filter(|whole| **whole).count());
        fs::remove_file(&path).ok();
        fs::write(&path, &bytes).unwrap();
    }
    assert!(seen.len() > 3, "always as many were whole: {seen:?}");
    let all = Present::list(&place.vault).unwrap().check_points(&place.vault, &roots);
    assert!(all.iter().all(Result::is_ok));
}
