//! Years of nightly copies under lock, kept as the nights keep them: at every moment everything that a live point needs is locked for as long
//! as its policy needs it, nothing else is, and no night makes more locks longer than its share.

use super::support::{random, seed_or};
use super::years_world::{ALL, Asked, ESTATE, Lacking, World};
use crate::hand::fs;
use chrono::TimeDelta;
use outlive::domain::{Keep, Lock, LockKind, SLACK, Timestamp};
use outlive::estate::Estate;
use outlive::store::{Key, Retention, Store};
use outlive::vault::format::Marker;
use outlive::vault::{FoundRoot, LockTerms, Needed, Roots, Vault, packs_known};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering::Relaxed;

const FILES: usize = 12;

/// Every object that a point needs.
fn objects_of(vault: &Vault, point: &FoundRoot) -> Vec<Key> {
    let packs = packs_known(vault, point).unwrap();
    let packs = packs.keys().flat_map(|pack| [pack.pack().unwrap(), pack.sidecar().unwrap()]);
    packs.chain([point.key.clone(), Marker::key().unwrap(), Marker::readme_key().unwrap()]).collect()
}

/// The points of a volume.
fn of_volume<'p>(points: &'p [FoundRoot], asked: &Asked) -> Vec<&'p FoundRoot> {
    points.iter().filter(|point| point.root.volume.0 == asked.volume).collect()
}

/// What is needed of all points, and until when, by the words of the manual; `kept` is for how long what is kept beyond its own time is to
/// stay from now on.
fn needed(points: &[FoundRoot], now: Timestamp, kept: impl Fn(&Asked) -> Option<TimeDelta>) -> Vec<Needed> {
    let mut needed = Vec::new();
    for asked in &ALL {
        let points = of_volume(points, asked);
        // What lacks something takes nobody's place, and stays for its own time.
        let whole: Vec<&FoundRoot> =
            points.iter().copied().filter(|point| point.root.totals.missed == 0).collect();
        let stored: Vec<Timestamp> = whole.iter().map(|point| point.stored_at.unwrap()).collect();
        let stays: BTreeSet<&Key> =
            kept_by_the_manual(&stored, asked.keep).into_iter().map(|place| &whole[place].key).collect();
        for point in points {
            let own = Some(point.stored_at.unwrap() + asked.locked_for).filter(|until| *until > now);
            let beyond = kept(asked).filter(|_| stays.contains(&point.key)).map(|kept| now + kept);
            needed.extend(own.max(beyond).map(|until| Needed { point: point.clone(), until }));
        }
    }
    needed
}

/// Which of these stay beyond their own time: the newest, and of each day, week, month and year, back to as many as are kept, the newest.
/// Reckoned otherwise than the program does: by what a calendar prints.
fn kept_by_the_manual(stored: &[Timestamp], keep: Keep) -> BTreeSet<usize> {
    let newest = (0..stored.len()).max_by_key(|place| (stored[*place], *place));
    let mut kept: BTreeSet<usize> = newest.into_iter().collect();
    let periods = [(keep.daily, "%F"), (keep.weekly, "%G-%V"), (keep.monthly, "%Y-%m"), (keep.yearly, "%Y")];
    for (count, period) in periods {
        let mut last: BTreeMap<String, usize> = BTreeMap::new();
        for (place, at) in stored.iter().enumerate() {
            let one = last.entry(at.format(period).to_string()).or_insert(place);
            if stored[*one] <= *at {
                *one = place;
            }
        }
        kept.extend(last.into_values().rev().take(count));
    }
    kept
}

/// Everything that these points need is locked until they need it no more; how many objects that are.
#[track_caller]
fn assert_locked(world: &World, vault: &Vault, live: &[Needed], when: &str) -> usize {
    let mut until: BTreeMap<Key, Timestamp> = BTreeMap::new();
    for Needed { point, until: of_point } in live {
        for key in objects_of(vault, point) {
            let last = until.entry(key).or_insert(*of_point);
            *last = (*last).max(*of_point);
        }
    }
    for (key, until) in &until {
        assert!(world.is_locked(key, *until), "{when}: {key} is not locked until {until}");
    }
    until.len()
}

/// The nights of one simulation, and what they come to.
struct Nights {
    world: World,
    vault: Vault,
    estate: Estate,
    seed: u64,
    /// Of what a night may ask for, the most that one did.
    most: f64,
    late: usize,
    partial: usize,
    objects: usize,
    extended: usize,
}

impl Nights {
    fn new(seed: u64) -> Self {
        let world = World::new(0);
        fs::create_dir(world.tree()).unwrap();
        let estate = Estate::parse(&world.temp.path().join("outlive.toml"), ESTATE).unwrap();
        let vault = Vault::open_or_create(world.store.clone(), world.now()).unwrap();
        vault.lock_itself(world.terms(&ALL[0])).unwrap();
        let (most, late, partial, objects, extended) = Default::default();
        let mut nights = Self { world, vault, estate, seed, most, late, partial, objects, extended };
        (0..FILES).for_each(|number| nights.write(number));
        nights
    }

    fn write(&mut self, number: usize) {
        let bytes: Vec<u8> = (0..500).flat_map(|_| random(&mut self.seed).to_le_bytes()).collect();
        fs::write(self.world.tree().join(format!("file-{number}")), bytes).unwrap();
    }

    fn points(&self) -> Vec<FoundRoot> {
        Roots::read(&self.vault).unwrap().sound
    }

    /// Copies what is due: now and then from a snapshot of days ago, and now and then not all of it.
    fn copy(&mut self, night: usize) {
        for asked in ALL.iter().filter(|asked| night.is_multiple_of(asked.every)) {
            let before = TimeDelta::hours(random(&mut self.seed).is_multiple_of(5).into()) * 60;
            let is_partial = random(&mut self.seed).is_multiple_of(4);
            self.partial += usize::from(is_partial);
            let report = match is_partial {
                true => self.world.copy(&self.vault, asked, &mut Lacking(Some(self.world.source())), before),
                false => self.world.copy(&self.vault, asked, &mut self.world.source(), before),
            };
            assert_eq!(report.root.root.is_complete(), !is_partial);
            let least = Retention::new(LockKind::Compliance, self.world.now() + asked.locked_for);
            assert!(
                report.lock.is_some_and(|lock| least.is_met_by(&lock)),
                "night {night}: {:?}",
                report.lock
            );
        }
    }

    fn night(&mut self, night: usize) {
        // Now and then nobody runs it for some nights, and not always at the same hour.
        let days = if random(&mut self.seed).is_multiple_of(40) { 1 + random(&mut self.seed) % 3 } else { 1 };
        self.late += usize::from(days > 1);
        let hour = (random(&mut self.seed) % 3600) as i64 - 1800;
        self.world.now.fetch_add(days as i64 * 86_400 + hour, Relaxed);
        let file = (random(&mut self.seed) as usize) % FILES;
        self.write(file);
        let now = self.world.now();
        // Until somebody comes to make locks longer, they last, for what this night still needs too.
        let still = needed(&self.points(), now, |_| Some(TimeDelta::zero()));
        assert_locked(&self.world, &self.vault, &still, &format!("before night {night}"));
        let before = self.world.store.extended.load(Relaxed);
        self.copy(night);
        // A night that is stopped now made no lock longer: what is stored is locked for its own time.
        let points = self.points();
        let own = needed(&points, now, |_| None);
        assert_locked(&self.world, &self.vault, &own, &format!("in the midst of night {night}"));
        self.keep(night, &points, before, days as f64);
    }

    /// The program keeps the locks, and does just what it is to do.
    fn keep(&mut self, night: usize, points: &[FoundRoot], before: usize, days: f64) {
        let live = needed(points, self.world.now(), |asked| Some(asked.locked_for));
        let alive: BTreeSet<&Key> = live.iter().map(|live| &live.point.key).collect();
        let dead: Vec<&Key> =
            points.iter().map(|point| &point.key).filter(|key| !alive.contains(key)).collect();
        let of_dead: Vec<Option<Lock>> = dead.iter().map(|key| self.world.lock_of(key)).collect();
        let kept = self.world.keep(night, &self.estate);
        assert!(kept.refused.is_none() && kept.short.is_empty(), "night {night}: {kept:?}");
        assert_eq!(kept.points, live.len(), "night {night}");
        let all = assert_locked(&self.world, &self.vault, &live, &format!("after night {night}"));
        let since: Vec<Option<Lock>> = dead.iter().map(|key| self.world.lock_of(key)).collect();
        assert_eq!(since, of_dead, "night {night}: what nobody needs is locked for longer");
        if night % 10 == 9 {
            let recorded = self.world.recorded(night);
            for Needed { point, until } in &live {
                assert!(recorded.get(&point.id) >= Some(until), "night {night}: {} until {until}", point.key);
            }
        }
        let calls = self.world.store.extended.load(Relaxed) - before;
        let of_volume = |asked: &Asked| {
            let live = live.iter().filter(|live| live.point.root.volume.0 == asked.volume);
            let objects: BTreeSet<Key> = live.flat_map(|live| objects_of(&self.vault, &live.point)).collect();
            // Nights that were left out are made up for.
            (2.0 * objects.len() as f64 / SLACK.num_days() as f64 * days).ceil()
        };
        let share: f64 = ALL.iter().map(of_volume).sum();
        self.most = self.most.max(calls as f64 / share);
        assert!(calls as f64 <= share, "night {night}: {calls} calls of {all} objects");
        (self.objects, self.extended) = (self.objects.max(all), self.extended + calls);
    }
}

#[test]
fn over_years_everything_that_a_live_point_needs_is_locked_for_as_long_as_it_is_needed() {
    let (seed, campaign) = seed_or(20_261_129);
    println!("OUTLIVE_SEED={seed}");
    let mut nights = Nights::new(seed);
    let count = if campaign { 3652 } else { 120 };
    (0..count).for_each(|night| nights.night(night));
    let Nights { most, late, partial, objects, extended, .. } = nights;
    println!("{count} nights, {late} of them late, {partial} points that lack something");
    println!(
        "at most {objects} live objects, {extended} locks made longer; at most {most:.2} of what a night may ask for"
    );
    assert!(late > 0 && partial > 0 && most > 0.3, "{late} nights were late, {most} of the share was used");
}

#[test]
fn an_object_that_cannot_be_locked_longer_is_told_and_the_others_are() {
    let world = World::new(0);
    fs::create_dir(world.tree()).unwrap();
    fs::write(world.tree().join("file"), "something").unwrap();
    let vault = Vault::open_or_create(world.store.clone(), world.now()).unwrap();
    vault.lock_itself(world.terms(&ALL[0])).unwrap();
    world.copy(&vault, &ALL[0], &mut world.source(), TimeDelta::zero());
    // Somebody locked one of them for longer than we ever would: that is nobody's to shorten.
    let points = Roots::read(&vault).unwrap().sound;
    let long = Retention::new(LockKind::Compliance, world.now() + TimeDelta::days(4000));
    world.store.inner.extend_lock(&points[0].key, long).unwrap();
    world.now.fetch_add(30 * 86_400, Relaxed);
    let live = needed(&points, world.now(), |asked| Some(asked.locked_for));
    let (kept, locks) = vault.keep_needed(&live, world.terms(&ALL[0])).unwrap();
    assert!(kept.refused.is_none() && kept.extended > 0, "{kept:?}");
    let lock = locks[&points[0].id].unwrap();
    assert!(lock.until.unwrap() >= world.now() + ALL[0].locked_for, "{lock:?}");
    assert!(world.is_locked(&points[0].key, long.until));
}

#[test]
fn what_is_doubted_pushes_no_true_point_out_of_what_is_kept() {
    let world = World::new(1);
    fs::create_dir(world.tree()).unwrap();
    fs::write(world.tree().join("file"), "something").unwrap();
    let estate = Estate::parse(&world.temp.path().join("outlive.toml"), ESTATE).unwrap();
    let vault = Vault::open_or_create(world.store.clone(), world.now()).unwrap();
    vault.lock_itself(world.terms(&ALL[0])).unwrap();
    let asked = &ALL[1];
    let copied = |from: TimeDelta| world.copy(&vault, asked, &mut world.source(), from).root;
    let sound = copied(TimeDelta::zero());
    // Something made it empty, as a mount point is where nothing is mounted.
    fs::remove_file(world.tree().join("file")).unwrap();
    let mut newest = sound.clone();
    for night in 0..40 {
        world.now.fetch_add(86_400, Relaxed);
        newest = copied(TimeDelta::zero());
        let kept = world.keep(night, &estate);
        assert!(kept.refused.is_none() && kept.short.is_empty(), "night {night}: {kept:?}");
        for point in [&sound, &newest] {
            assert!(
                world.is_locked(&point.key, world.now() + asked.locked_for),
                "night {night}: {}",
                point.key
            );
        }
    }
    assert!(sound.root.taken_at + asked.locked_for * 2 < newest.root.taken_at, "its own time was over");
}

#[test]
fn what_is_of_a_time_to_come_is_not_built_upon() {
    let world = World::new(0);
    fs::create_dir(world.tree()).unwrap();
    fs::write(world.tree().join("file"), "something").unwrap();
    let vault = Vault::open_or_create(world.store.clone(), world.now()).unwrap();
    let copied = |before: TimeDelta| world.copy(&vault, &ALL[0], &mut world.source(), before).root;
    let sound = copied(TimeDelta::zero());
    let early = copied(-TimeDelta::days(3650));
    let next = copied(TimeDelta::zero());
    let before = |point: &FoundRoot| point.root.previous.as_ref().map(|before| before.sha256);
    assert_eq!((before(&early), before(&next)), (Some(sound.id), Some(sound.id)));
    // Where all are, it is the clock here.
    world.now.fetch_sub(86_400, Relaxed);
    assert_eq!(before(&copied(TimeDelta::zero())), Some(early.id));
}

#[test]
fn more_than_the_most_is_refused_and_says_what_to_do() {
    let now = chrono::Utc::now();
    let terms = |days| LockTerms::new(LockKind::Compliance, TimeDelta::days(days), TimeDelta::days(400), now);
    assert!(terms(393).is_ok(), "with the slack of seven days");
    let problem = terms(394).unwrap_err();
    assert!(problem.what.contains("401 d") && problem.remedy.contains("most"), "{problem:?}");
}
