//! The engine says what trying everything says: fates, survival tables and minimal cut sets.

use crate::brute::{Brute, Of, State, bit};
use crate::brute_cuts::{Blow, End, Said, Trial, is_sure, is_useless};
use crate::estate::now;
use crate::random::{Random, cases, seed};
use outlive::catalogue::Catalogue;
use outlive::domain::*;
use outlive::isolation::{Fate, Graph, Row, Sets, blast_radius, expand, fate, isolate};

/// How often something was seen, so that a test of nothing is noticed.
#[derive(Debug, Default)]
struct Seen {
    graphs: usize,
    certain: [usize; 4],
    possible: [usize; 4],
    differ: usize,
    rows: usize,
    fates: [usize; 3],
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
    let takes = blow.bad_data || brute.sweep(blow.certain, false) & top != 0;
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
        let engine = match fate(graph, &point.id, &hazards, unnoticed, now()) {
            Fate::Dies { .. } => End::Dies,
            Fate::Survives { .. } => End::Stays,
            Fate::Undetermined { .. } => End::Unclear,
        };
        if engine != plain {
            return Err(format!("{} under {hazards:?}: engine {engine:?}, plain {plain:?}", point.id));
        }
        seen.fates[plain as usize] += 1;
    }
    Ok(())
}

fn check(inventory: &Inventory, random: &mut Random, seen: &mut Seen) -> Said<()> {
    let graph = expand(inventory, &Catalogue::default());
    let policy = random.tangle_policy();
    for volume in &inventory.volumes {
        let brute = Brute::new(inventory, Of::Volume(volume), &[], now());
        let trial = Trial { brute: &brute, volume, policy: &policy };
        check_volume(&graph, &trial, seen)?;
        let asset = &inventory.assets[random.below(inventory.assets.len())].id;
        let hazard = [Hazard::Lost, Hazard::Deleted, Hazard::Compromised][random.below(3)](asset.clone());
        let hits = blast_radius(&graph, &hazard, &policy.clone().into(), now());
        let hit = hits.iter().find(|hit| hit.volume.id == volume.id).unwrap();
        let brute = Brute::new(inventory, Of::Volume(volume), std::slice::from_ref(asset), now());
        let trial = Trial { brute: &brute, volume, policy: &policy };
        check_row(&graph, &trial, &hit.row, brute.blow(&hazard))?;
    }
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
        let least = sets.chain(&seen.fates).copied().min().unwrap_or_default();
        let few = seen.graphs / 50;
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
