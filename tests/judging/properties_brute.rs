//! The engine says what trying everything says: fates, survival tables and minimal cut sets.

use crate::brute::{Brute, Of, State, bit};
use crate::brute_cuts::{Blow, End, Said, Trial, is_sure, is_useless};
use crate::estate::now;
use crate::random::{Random, cases, seed};
use chrono::TimeDelta;
use outlive::catalogue::Catalogue;
use outlive::domain::*;
use outlive::isolation::{Fate, Graph, Radius, Row, Sets, Stay, expand, fate, isolate, radius};

/// How often something was seen, so that a test of nothing is noticed.
#[derive(Debug, Default)]
struct Seen {
    graphs: usize,
    certain: [usize; 4],
    possible: [usize; 4],
    differ: usize,
    rows: usize,
    fates: [usize; 3],
    untouched: usize,
    struck: usize,
}

fn numbers(sets: &Sets) -> Vec<Vec<usize>> {
    sets.sets.iter().map(|set| set.events().collect()).collect()
}

fn sorted(mut sets: Vec<Vec<usize>>) -> Vec<Vec<usize>> {
    sets.sort();
    sets
}

/// Whether a row says what the second way says.
fn check_row(graph: &Graph, trial: &Trial<'_>, row: &Row, blow: Blow) -> Said<()> {
    let (brute, unnoticed) = (trial.brute, trial.policy.detect_within);
    let top = brute.top.map_or(0, |top| bit(top, State::Lost));
    let takes = blow.bad_data || brute.surely(blow.certain) & top != 0;
    let (mut survivors, mut dead, mut open) = (Vec::new(), Vec::new(), Vec::new());
    for (place, point) in brute.inventory.points.iter().enumerate() {
        let own = point.of.value().map(|of| *of == trial.volume.id);
        if own == Some(false) || is_useless(point) {
            continue;
        }
        match (own, brute.end(place, blow, unnoticed)) {
            (None, End::Dies) => {}
            (_, End::Dies) => dead.push(point.id.clone()),
            (Some(_), End::Stays) if is_sure(point) => survivors.push(point.id.clone()),
            _ => open.push(point.id.clone()),
        }
    }
    let ids = |places: &[u32]| -> Vec<PointId> { places.iter().map(|place| graph.id_at(*place)).collect() };
    let mut theirs: Vec<PointId> = row.undetermined.iter().flat_map(|doubt| ids(&doubt.points)).collect();
    theirs.sort();
    let engine = (row.takes_primary, ids(&row.survivors), ids(&row.dead), theirs);
    let plain = (takes, survivors, dead, open);
    if engine == plain { Ok(()) } else { Err(format!("{}: engine {engine:?}, plain {plain:?}", row.title)) }
}

fn check_volume(graph: &Graph, trial: &Trial<'_>, seen: &mut Seen) -> Said<()> {
    let (survival, cuts) = isolate(graph, trial.volume, trial.policy, now());
    for row in &survival.rows {
        check_row(graph, trial, row, trial.brute.blow(&row.hazard))?;
        seen.rows += 1;
    }
    let blows = trial.match_up(&cuts.events)?;
    for (possible, sets, count) in
        [(false, &cuts.certain, &mut seen.certain), (true, &cuts.possible, &mut seen.possible)]
    {
        let (engine, plain) = (sorted(numbers(sets)), sorted(trial.cut_sets(&blows, possible)));
        if sets.complete_to != 3 || engine != plain {
            let events: Vec<&str> = cuts.events.iter().map(|event| event.title.as_str()).collect();
            return Err(format!("possible {possible}: engine {engine:?}, plain {plain:?} of {events:?}"));
        }
        plain.iter().for_each(|set| count[set.len()] += 1);
    }
    seen.differ += usize::from(numbers(&cuts.certain) != numbers(&cuts.possible));
    Ok(())
}

fn check_fates(graph: &Graph, inventory: &Inventory, random: &mut Random, seen: &mut Seen) -> Said<()> {
    let unnoticed = chrono::TimeDelta::hours(10);
    for (place, point) in inventory.points.iter().enumerate() {
        let hazards: HazardSet = (0..1 + random.below(3))
            .map(|_| {
                let asset = inventory.assets[random.below(inventory.assets.len())].id.clone();
                [Hazard::Lost, Hazard::Deleted, Hazard::Compromised][random.below(3)](asset)
            })
            .collect();
        let struck: Vec<AssetId> = hazards.iter().map(|hazard| hazard.asset().clone()).collect();
        let volume = inventory.volumes.iter().find(|volume| point.of.value() == Some(&volume.id));
        let of = volume.map_or(Of::Point(place), Of::Volume);
        let brute = Brute::new(inventory, of, &struck, now());
        let blow = hazards.iter().fold(Blow::default(), |all, hazard| all | brute.blow(hazard));
        let plain = brute.end(place, blow, unnoticed);
        let engine = end_of(&fate(graph, &point.id, &hazards, unnoticed, now()));
        if engine != plain {
            return Err(format!("{} under {hazards:?}: engine {engine:?}, plain {plain:?}", point.id));
        }
        seen.fates[plain as usize] += 1;
    }
    Ok(())
}

/// What is left of one volume, told plainly: whether it and all its points stay; how many die, may die and stay; and
/// the newest of the best.
type Plain = (End, [usize; 3], Option<(Stay, Option<Timestamp>, PointId)>);

fn plain_radius(
    brute: &Brute<'_>,
    volume: &Volume,
    blow: Blow,
    unnoticed: TimeDelta,
) -> (Option<Plain>, usize) {
    let top = brute.top.map(|top| bit(top, State::Lost));
    let falls = |possible| {
        let fallen = match possible {
            true => brute.perhaps(blow.possible, blow.far),
            false => brute.surely(blow.certain),
        };
        top.is_some_and(|top| fallen & top != 0)
    };
    let primary = match top {
        _ if top.is_some() && (blow.bad_data || falls(false)) => End::Dies,
        Some(_) if !falls(true) => End::Stays,
        _ => End::Unclear,
    };
    let (mut all_stay, mut counts, mut newest, mut orphans) = (primary == End::Stays, [0; 3], None, 0);
    for (place, point) in brute.inventory.points.iter().enumerate() {
        let own = point.of.value().map(|of| *of == volume.id);
        if own == Some(false) {
            continue;
        }
        let end = brute.end(place, blow, unnoticed);
        if own.is_none() {
            orphans += usize::from(end != End::Stays);
            continue;
        }
        all_stay &= end == End::Stays;
        if is_useless(point) {
            continue;
        }
        let stay = match end {
            End::Dies => None,
            End::Unclear => Some(Stay::Perhaps),
            End::Stays if is_sure(point) => Some(Stay::Certain),
            End::Stays => Some(Stay::Unproven),
        };
        counts[[End::Dies, End::Unclear, End::Stays].iter().position(|of| *of == end).unwrap()] += 1;
        let taken = point.taken_at.value().copied().filter(|at| *at <= now());
        newest = newest.max(stay.map(|stay| (stay, taken, point.id.clone())));
    }
    ((!all_stay).then_some((primary, counts, newest)), orphans)
}

fn told(graph: &Graph, radius: &Radius, volume: &Volume) -> Option<Plain> {
    let struck = radius.struck.iter().find(|struck| struck.volume.id == volume.id)?;
    let newest = struck.newest.map(|(place, stay)| {
        let taken = graph.at(place).and_then(|point| point.taken_at.value().copied());
        (stay, taken.filter(|at| *at <= now()), graph.id_at(place))
    });
    let primary = end_of(&struck.traced.primary.fate);
    Some((primary, [struck.dies, struck.may_die, struck.stays], newest))
}

fn end_of(fate: &Fate) -> End {
    match fate {
        Fate::Dies { .. } => End::Dies,
        Fate::Survives { .. } => End::Stays,
        Fate::Undetermined { .. } => End::Unclear,
    }
}

/// Whether the blast radius of hazards that happen together is what the second way says.
fn check_radius(graph: &Graph, inventory: &Inventory, random: &mut Random, seen: &mut Seen) -> Said<()> {
    let policy = random.tangle_policy();
    let of = |random: &mut Random| {
        let asset = inventory.assets[random.below(inventory.assets.len())].id.clone();
        let volume = inventory.volumes[random.below(inventory.volumes.len())].asset.clone();
        match random.below(4) {
            0 => Hazard::Lost(asset),
            1 => Hazard::Deleted(asset),
            2 => Hazard::Compromised(asset),
            _ => Hazard::BadData(volume),
        }
    };
    let hazards: HazardSet = (0..1 + random.below(2)).map(|_| of(random)).collect();
    if !hazards.iter().all(|hazard| graph.knows(hazard.asset())) {
        return Ok(());
    }
    let radius = radius(graph, &hazards, &policy.clone().into(), now());
    let struck: Vec<AssetId> = hazards.iter().map(|hazard| hazard.asset().clone()).collect();
    let (mut untouched, mut lost_orphans) = (0, 0);
    for volume in &inventory.volumes {
        let brute = Brute::new(inventory, Of::Volume(volume), &struck, now());
        // Bad data in another volume is not in this one.
        let own = hazards.iter().filter(|hazard| match hazard {
            Hazard::BadData(asset) => *asset == volume.asset,
            _ => true,
        });
        let blow = own.fold(Blow::default(), |all, hazard| all | brute.blow(hazard));
        let (plain, orphans) = plain_radius(&brute, volume, blow, policy.detect_within);
        let engine = told(graph, &radius, volume);
        if engine != plain {
            return Err(format!("{} under {hazards:?}: engine {engine:?}, plain {plain:?}", volume.id));
        }
        untouched += usize::from(plain.is_none());
        lost_orphans = lost_orphans.max(orphans);
    }
    if (radius.untouched, radius.orphans) != (untouched, lost_orphans) {
        return Err(format!("under {hazards:?}: {untouched} untouched, {lost_orphans} orphans: {radius:?}"));
    }
    seen.untouched += untouched;
    seen.struck += radius.struck.len();
    Ok(())
}

fn check(inventory: &Inventory, random: &mut Random, seen: &mut Seen) -> Said<()> {
    let graph = expand(inventory, &Catalogue::default());
    let policy = random.tangle_policy();
    for volume in &inventory.volumes {
        let brute = Brute::new(inventory, Of::Volume(volume), &[], now());
        let trial = Trial { brute: &brute, volume, policy: &policy };
        check_volume(&graph, &trial, seen)?;
    }
    check_radius(&graph, inventory, random, seen)?;
    check_fates(&graph, inventory, random, seen)
}

#[test]
fn the_engine_says_what_trying_everything_says() {
    const THREADS: u64 = 4;
    let of_thread = |first: u64| {
        let mut seen = Seen::default();
        for case in (first..cases(10_000)).step_by(THREADS as usize) {
            let seed = seed().wrapping_add(case);
            let mut random = Random(seed);
            let inventory = random.tangle();
            seen.graphs += 1;
            if let Err(why) = check(&inventory, &mut random, &mut seen) {
                panic!("seed {seed}: {why}\n{}", say(&inventory));
            }
        }
        seen
    };
    let all: Vec<Seen> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|first| scope.spawn(move || of_thread(first))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    println!("seed {}: {all:#?}", seed());
    for seen in &all {
        let sets = seen.certain[1..].iter().chain(&seen.possible[1..]);
        let least =
            sets.chain(&seen.fates).chain([&seen.untouched, &seen.struck]).copied().min().unwrap_or_default();
        let few = seen.graphs / 100;
        assert!(least > few && seen.differ > few && seen.rows > few, "the tangles do not vary: {seen:?}");
    }
}

/// An inventory in a few lines.
pub fn say(inventory: &Inventory) -> String {
    let mut lines: Vec<String> =
        inventory.volumes.iter().map(|volume| format!("{} is {}", volume.id, volume.asset)).collect();
    let ties = |bonds: &Bonds| {
        let list = bonds.list.iter().map(|bond| {
            let on: Vec<&str> = bond.on.iter().map(|on| on.0.as_str()).collect();
            format!("{:?} {} of {}", bond.nature, bond.dies_at, on.join(" "))
        });
        let open = Nature::ALL.into_iter().filter(|nature| !bonds.is_complete(*nature));
        let open = open.map(|nature| format!("{nature:?}?"));
        list.chain(open).collect::<Vec<_>>().join(", ")
    };
    for asset in &inventory.assets {
        lines.push(format!("{} {}: {}", asset.kind.word(), asset.id, ties(&asset.bonds)));
    }
    for point in &inventory.points {
        let lock = point.lock.value().map(|lock| lock.mode);
        let age = point.taken_at.value().map(|at| (now() - *at).num_hours());
        let of = point.of.value().map(|of| of.0.as_str());
        let (kind, usable, state) = (point.kind, &point.usable, point.state);
        let what = ties(&point.bonds);
        lines
            .push(format!("{} {kind:?} of {of:?} {age:?} h {lock:?} {usable:?} {state:?}: {what}", point.id));
    }
    lines.join("\n")
}
