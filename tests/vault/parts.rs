//! Parts of a point, lists of it and restores that go on, where a page of its tree is damaged; and a target that somebody else began to fill.

use super::gallery::Tampered;
use super::support::{Place, noise};
use crate::hand::fs;
use outlive::app::{Context, KeptOff, RestoreOrder, browse};
use outlive::domain::{Kind, Monitor, Phase, Silent, When};
use outlive::estate::{Environment, VaultPlace};
use outlive::vault::{
    CopyReport, FoundRoot, Only, Part, RestoreOptions, RestoreReport, RestoreRequest, Stopped, Vault,
    restore_part,
};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

const DESPITE: RestoreOptions = RestoreOptions { devices: false, despite_damage: true };

/// A point whose tree has one inner page, and its last leaf damaged: the entries beginning with `z` are in it.
fn damaged() -> (Place, CopyReport, Tampered) {
    for seed in 0..20 {
        let place = Place::new();
        let original = place.path("original");
        fs::create_dir_all(&original).unwrap();
        fs::write(original.join("a large one"), noise(7, 3_000_000)).unwrap();
        for number in 0..3000 {
            fs::write(original.join(format!("small {number:04}")), noise(seed + number, 30)).unwrap();
        }
        fs::write(original.join("zz.last"), "last").unwrap();
        let report = place.copy(&original);
        let top = &report.root.root.entries;
        // Pages end where digests say so, and these are random: mostly there is one inner page.
        if top.level != 1 {
            continue;
        }
        // The last leaf lies directly before the inner page in its pack.
        let object = place.path("vault").join(top.frame.pack.pack().unwrap().as_str());
        let mut flipped = fs::read(&object).unwrap();
        flipped[usize::try_from(top.frame.at).unwrap() - 20] ^= 1;
        let tampered = Tampered::with(object, &flipped);
        return (place, report, tampered);
    }
    panic!("no tree with one inner page");
}

fn only(globs: &[&str]) -> Only {
    Only::new(&globs.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap()
}

fn part(vault: &Vault, found: &FoundRoot, globs: &[&str], despite: bool) -> outlive::domain::Result<Part> {
    Part::of(vault, found.root.tree().unwrap(), &only(globs), despite, &Silent)
}

fn restored(
    vault: &Vault,
    (found, part): (&FoundRoot, Part),
    target: &Path,
    options: RestoreOptions,
    monitor: &dyn Monitor,
) -> Result<RestoreReport, Stopped> {
    let request = RestoreRequest { found, part, target, options, resumable: true };
    restore_part(vault, request, monitor).map(|restored| restored.report)
}

#[test]
fn a_glob_that_names_nothing_is_told_before_anything_is_written() {
    let place = Place::new();
    let original = place.path("original");
    fs::create_dir_all(original.join("etc")).unwrap();
    fs::write(original.join("etc/a.conf"), "a").unwrap();
    let found = place.copy(&original).root;
    for (globs, missing) in [
        (&["etc", "nothing"][..], Some("nothing")),
        (&["etc/*.conf", "var/**", "*.log"], Some("var/**, *.log")),
        // What is in a directory that is named is named twice.
        (&["etc", "etc/*.conf", "*.conf"], None),
    ] {
        let told = part(&place.vault, &found, globs, false).map(|part| part.named);
        match missing {
            None => assert_eq!(told.unwrap(), 2),
            Some(missing) => {
                let problem = told.unwrap_err();
                assert_eq!(problem.kind, Kind::NotFound);
                assert!(
                    problem.what.contains(&format!("nothing like {missing}; nothing was written")),
                    "{problem}"
                );
            }
        }
    }
}

#[test]
fn what_a_damaged_page_leaves_is_found_by_globs_where_that_was_asked_for() {
    let (place, report, _tampered) = damaged();
    let (vault, found) = (&place.vault, &report.root);
    assert_eq!(part(vault, found, &["small 000*"], false).unwrap_err().kind, Kind::Damaged);
    let sound = part(vault, found, &["small 000*"], true).unwrap();
    assert_eq!(sound.named, 10);
    let target = place.path("part");
    let told = restored(vault, (found, sound), &target, DESPITE, &Silent).unwrap();
    assert_eq!(told.lost.len(), 1, "the page itself: {:?}", told.lost);
    assert_eq!(fs::read_dir(&target).unwrap().count(), 10);
    // Whether the page named it, nobody knows: what is there comes back, and nothing is called not found.
    assert_eq!(part(vault, found, &["small 0000", "zz.last"], true).unwrap().named, 1);
    let problem = part(vault, found, &["zz.last"], true).unwrap_err();
    assert_eq!(problem.kind, Kind::Damaged);
    assert!(problem.what.contains("nothing like zz.last in what can be read of it"), "{problem}");
}

#[test]
fn a_list_says_that_a_part_of_it_cannot_be_read() {
    let (place, _, _tampered) = damaged();
    let context = Context::real(place.path("state"), Environment::new(std::iter::empty()));
    let order = RestoreOrder {
        vault: VaultPlace::Dir(place.path("vault")),
        volume: None,
        point: None,
        when: When::Any,
        target: PathBuf::new(),
        only: None,
        options: RestoreOptions::default(),
        kept_off: KeptOff::default(),
    };
    let listed = browse(&context, &order, None, &Silent).unwrap();
    assert!(listed.lost.as_ref().is_some_and(|why| why.contains("packs/")), "{:?}", listed.lost);
    assert!((1500..3000).contains(&listed.entries.len()), "{}", listed.entries.len());
    let problem = browse(&context, &order, Some(&only(&["zz.last"])), &Silent).unwrap_err();
    assert_eq!(problem.kind, Kind::Damaged, "{problem}");
}

/// Asks to stop once something was restored.
#[derive(Default)]
struct Stop {
    restores: AtomicBool,
    has_some: AtomicBool,
}

impl Monitor for Stop {
    fn begin(&self, phase: Phase, _: Option<u64>) {
        self.restores.store(phase == Phase::Restore, SeqCst);
    }
    fn advance(&self, bytes: u64, _: u64) {
        self.has_some.fetch_or(bytes > 0 && self.restores.load(SeqCst), SeqCst);
    }
    fn end(&self) {}
    fn cancelled(&self) -> bool {
        self.has_some.load(SeqCst)
    }
}

fn stopped(place: &Place, found: &FoundRoot, target: &Path, options: RestoreOptions) {
    let whole = (found, Part::default());
    let problem = restored(&place.vault, whole, target, options, &Stop::default()).unwrap_err().problem;
    assert_eq!(problem.kind, Kind::Cancelled, "{problem}");
}

#[test]
fn a_stopped_restore_despite_damage_goes_on() {
    let (place, report, _tampered) = damaged();
    let (vault, found, target) = (&place.vault, &report.root, place.path("target"));
    let whole = || (found, Part::default());
    let once = restored(vault, whole(), &place.path("once"), DESPITE, &Silent).unwrap();
    stopped(&place, found, &target, DESPITE);
    let again = restored(vault, whole(), &target, DESPITE, &Silent).unwrap();
    assert_eq!(again.lost, once.lost);
    let count = |path: &Path| fs::read_dir(path).unwrap().count();
    assert_eq!(count(&target), count(&place.path("once")));
    // Of what the lost page named, nothing was made: what is there is somebody's.
    let target = place.path("other");
    stopped(&place, found, &target, DESPITE);
    fs::write(target.join("zz.last"), "mine").unwrap();
    let refused = restored(vault, whole(), &target, DESPITE, &Silent).unwrap_err().problem;
    assert_eq!(refused.kind, Kind::Refused, "{refused}");
}

/// While the vault is read back, another restore of the same begins in the same target, is stopped, and somebody puts a file there.
struct Meanwhile<'a> {
    place: &'a Place,
    found: &'a FoundRoot,
    target: PathBuf,
}

impl Monitor for Meanwhile<'_> {
    fn begin(&self, _: Phase, _: Option<u64>) {
        if !self.target.exists() {
            stopped(self.place, self.found, &self.target, RestoreOptions::default());
            fs::write(self.target.join("zz stranger"), "mine").unwrap();
        }
    }
    fn advance(&self, _: u64, _: u64) {}
    fn end(&self) {}
}

#[test]
fn what_came_into_the_target_while_the_vault_was_read_is_looked_through_too() {
    let place = Place::new();
    let original = place.path("original");
    fs::create_dir_all(&original).unwrap();
    fs::write(original.join("a"), noise(1, 3_000_000)).unwrap();
    (0..500).for_each(|number| fs::write(original.join(format!("b{number}")), noise(number, 3_000)).unwrap());
    let found = place.copy(&original).root;
    let meanwhile = Meanwhile { place: &place, found: &found, target: place.path("target") };
    let whole = (&found, Part::default());
    let told = restored(&place.vault, whole, &meanwhile.target, RestoreOptions::default(), &meanwhile);
    let problem = told.unwrap_err().problem;
    assert_eq!(problem.kind, Kind::Refused, "{problem}");
    assert!(problem.what.contains("is not of the recovery point"), "{problem}");
}
