//! What judging a fleet costs: seconds, and peak memory. `docs/performance.md` has the figures and the command.
//!
//! `cargo bench --bench isolation [VOLUMES]` judges VOLUMES volumes with 100 points each, 10,000 when none are named;
//! `one` in its place, one volume with 1,000 points.
#![allow(clippy::print_stdout)]

mod fleet;

use fleet::{Size, fleet, now, one_volume, policies, policy};
use outlive::app::judge_all;
use outlive::catalogue::Catalogue;
use outlive::isolation::{expand_whole, isolate};

use std::collections::BTreeMap;
use std::time::Instant;

fn main() {
    let asked: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    match asked.first().map(String::as_str) {
        Some("one") => one(),
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
    let judged = judge_all(&graph, &policies(), now()).expect("judging does not fail");
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

/// A figure of this process, in MiB; 0 where the system does not tell.
fn peak(of: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(of)).unwrap_or_default();
    line.split_whitespace().next().and_then(|number| number.parse::<usize>().ok()).unwrap_or_default() / 1024
}
