//! What judging a fleet costs: seconds, and peak memory. `docs/performance.md` has the figures and the command.
//!
//! `cargo bench --bench isolation [VOLUMES]` judges VOLUMES volumes with 100 points each, 10,000 when none are named;
//! `one` in its place, one volume with 1,000 points; `double`, VOLUMES and twice as many, and fails where that costs more
//! than 2.3 times as much; `open`, likewise where of one provider it is not known what it builds on; `servers`, where many lie on servers of which
//! nobody knows what they keep where; `deep`, volumes on
//! long stacks and among many tokens of which nobody knows from where they can be had; `reach`, what each of 300 credentials takes of VOLUMES volumes and of
//! twice as many, as runbooks ask it.
#![allow(clippy::print_stdout)]

mod fleet;

use fleet::{
    Size, fleet, fleet_on_an_open_provider, fleet_on_servers, now, one_volume, policies, policy, stack,
    tokens,
};
use outlive::app::judge_all;
use outlive::catalogue::Catalogue;
use outlive::domain::{AssetId, AssetKind, Hazard, Inventory};
use outlive::isolation::{expand_whole, isolate, trace, weigh};

use std::collections::BTreeMap;
use std::time::Instant;

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    match asked.first().map(String::as_str) {
        Some("one") => one(),
        Some("double") => {
            double(fleet, asked.get(1).and_then(|volumes| volumes.parse().ok()).unwrap_or(5_000))
        }
        Some("open") => double(
            fleet_on_an_open_provider,
            asked.get(1).and_then(|volumes| volumes.parse().ok()).unwrap_or(5_000),
        ),
        Some("servers") => {
            double(fleet_on_servers, asked.get(1).and_then(|volumes| volumes.parse().ok()).unwrap_or(5_000))
        }
        Some("deep") => deep(),
        Some("reach") => reach(asked.get(1).and_then(|volumes| volumes.parse().ok()).unwrap_or(1_000)),
        Some(volumes) => whole(volumes.parse().unwrap_or(10_000)),
        None => whole(10_000),
    }
}

fn whole(volumes: usize) {
    let inventory = fleet(Size { volumes, points: 100, seed: 20_261_122 });
    let (assets, points) = (inventory.assets.len(), inventory.points.len());
    let held = peak("VmRSS:");
    let start = Instant::now();
    let graph = expand_whole(inventory, &Catalogue::default());
    let expanded = start.elapsed();
    let judged = judge_all(&graph, &policies(), now()).unwrap_or_default();
    let whole = start.elapsed();
    let mut rows = 0;
    let mut orders: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for judged in &judged {
        rows += judged.survival.rows.len();
        let order = |sets: &outlive::isolation::Sets| sets.sets.first().map_or(9, |set| set.order());
        *orders.entry((order(&judged.cuts.certain), order(&judged.cuts.possible))).or_default() += 1;
    }
    let complete = judged.iter().filter(|judged| judged.cuts.possible.complete_to == 3).count();
    let events: usize = judged.iter().map(|judged| judged.cuts.events.len()).sum();
    println!("{volumes} volumes, {points} points, {assets} assets, inventory {held} MiB");
    println!(
        "expanded {:.2} s, judged {:.2} s in all, peak {} MiB",
        expanded.as_secs_f64(),
        whole.as_secs_f64(),
        peak("VmHWM:")
    );
    println!(
        "{rows} rows, {events} events, complete to 3: {complete}, smallest sets (certain, possible): {orders:?}"
    );
}

/// What a fleet costs, in seconds of processor time: others who use the machine do not count.
fn cost(inventory: &Inventory) -> f64 {
    let inventory = inventory.clone();
    let start = used();
    let graph = expand_whole(inventory, &Catalogue::default());
    let judged = judge_all(&graph, &policies(), now()).unwrap_or_default();
    let seconds = used() - start;
    assert_eq!(judged.len(), graph.inventory().volumes.len());
    seconds
}

/// Several seeds each, since one asset that forgot where it stands may reach the slices of a whole fleet.
fn double(fleet: fn(Size) -> Inventory, volumes: usize) {
    let seeds = [1, 2, 3, 20_261_122];
    let all = |volumes| seeds.map(|seed| cost(&fleet(Size { volumes, points: 100, seed })));
    let (once, twice) = (all(volumes), all(volumes * 2));
    let (few, many): (f64, f64) = (once.iter().sum(), twice.iter().sum());
    println!("{volumes} volumes: {once:.2?} s; {} volumes: {twice:.2?} s", volumes * 2);
    println!("doubling costs {:.2} times as much", many / few);
    assert!(many / few <= 2.3, "doubling must not cost more than 2.3 times as much");
}

/// What each of 300 credentials takes, weighed together for each volume; and traced one by one for some, to compare.
fn reach(volumes: usize) {
    let cost = |volumes: usize| {
        let graph =
            expand_whole(fleet(Size { volumes, points: 100, seed: 20_261_122 }), &Catalogue::default());
        let keys = graph.inventory().assets.iter().filter(|asset| asset.kind == AssetKind::Credential);
        let keys: Vec<AssetId> = keys.take(300).map(|asset| asset.id.clone()).collect();
        let (start, mut taken) = (used(), 0);
        for volume in &graph.inventory().volumes {
            taken += weigh(&graph, volume, &keys, now()).iter().filter(|weight| weight.dies > 0).count();
        }
        let weighed = used() - start;
        let (start, some) = (used(), 20);
        let sets: Vec<_> = keys.iter().map(|key| [Hazard::Compromised(key.clone())].into()).collect();
        for volume in graph.inventory().volumes.iter().take(some) {
            assert_eq!(trace(&graph, volume, &sets, &policy(), now()).len(), keys.len());
        }
        let traced = (used() - start) / some as f64;
        println!(
            "{volumes} volumes, {} credentials, {taken} take something: weighed {weighed:.2} s, {:.2} ms a volume; traced {:.1} ms a volume",
            keys.len(),
            weighed / volumes as f64 * 1e3,
            traced * 1e3
        );
        weighed
    };
    let ratio = cost(volumes * 2) / cost(volumes);
    println!("doubling costs {ratio:.2} times as much");
    assert!(ratio <= 2.3, "doubling must not cost more than 2.3 times as much");
}

fn deep() {
    for (what, make) in [("a stack of devices", stack as fn(usize) -> Inventory), ("tokens", tokens)] {
        let mut before = None;
        for length in [100, 200, 400] {
            let inventory = make(length);
            let best = (0..3).map(|_| cost(&inventory)).fold(f64::MAX, f64::min);
            let ratio = before
                .replace(best)
                .map_or_else(String::new, |before| format!(", {:.1} times", best / before));
            println!("{what}, {length}: {:.1} ms{ratio}", best * 1e3);
        }
    }
}

fn one() {
    let graph = expand_whole(one_volume(1_000), &Catalogue::default());
    let mut best = f64::MAX;
    for _ in 0..5 {
        let start = Instant::now();
        let (_, cuts) = isolate(&graph, &graph.inventory().volumes[0], &policy(), now());
        best = best.min(start.elapsed().as_secs_f64());
        println!(
            "{} events, {} and {} sets, complete to {}",
            cuts.events.len(),
            cuts.certain.sets.len(),
            cuts.possible.sets.len(),
            cuts.possible.complete_to
        );
    }
    println!("table and cut sets of one volume with 1,000 points: {:.1} ms", best * 1e3);
}

/// The processor time of all threads of this process so far, in seconds.
fn used() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// A figure of this process, in MiB; 0 where the system does not tell.
fn peak(of: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(of)).unwrap_or_default();
    line.split_whitespace().next().and_then(|number| number.parse::<usize>().ok()).unwrap_or_default() / 1024
}
