//! Estate files that were damaged at random: each is read or refused with a place, and none ends the program.

use crate::configuration_page::{cloud, example};
use crate::estate::now;
use crate::random::Random;
use outlive::domain::AssetId;
use outlive::estate::{Estate, ThisHost};
use std::path::Path;

const CASES: usize = 2_000;
/// What a value may be exchanged for.
const VALUES: [&str; 16] = [
    "''",
    "-1",
    "9223372036854775807",
    "1e999",
    "nan",
    "true",
    "[]",
    "[[]]",
    "{}",
    "2026-13-45",
    "9999-12-31T23:59:59Z",
    "\"\\u0000\"",
    "'volume:orders-db'",
    "['credential:deploy-token']",
    "[{ any = ['host:a'], dies_at = 2 }]",
    "'\u{202e}é'",
];

fn mutated(random: &mut Random, text: &str) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for _ in 0..=random.below(4) {
        let (one, other) = (random.below(lines.len()), random.below(lines.len()));
        match random.below(6) {
            0 => lines.swap(one, other),
            1 => drop(lines.remove(one)),
            2 => lines.insert(one, lines[other].clone()),
            3 => {
                if let Some((key, _)) = lines[one].clone().split_once('=') {
                    lines[one] = format!("{key}= {}", VALUES[random.below(VALUES.len())]);
                }
            }
            4 => {
                let value = lines[other].split_once('=').map(|(_, value)| value.to_owned());
                if let (Some((key, _)), Some(value)) = (lines[one].clone().split_once('='), value) {
                    lines[one] = format!("{key}={value}");
                }
            }
            _ => {
                let cut =
                    lines[one].char_indices().map(|(at, _)| at).nth(random.below(lines[one].len().max(1)));
                lines[one].truncate(cut.unwrap_or(0));
            }
        }
        if lines.is_empty() {
            lines.push(String::new());
        }
    }
    let mut text = lines.join("\n");
    if random.one_in(3) {
        let cut = text.char_indices().map(|(at, _)| at).nth(random.below(text.len()));
        text.truncate(cut.unwrap_or(0));
    }
    text
}

#[test]
fn a_damaged_file_is_read_or_refused_with_a_place() {
    let seed = 0x6f75_746c_6976_6534;
    println!("seed {seed}");
    let mut random = Random(seed);
    let (mut read, mut refused) = (0, 0);
    for case in 0..CASES {
        let text = mutated(&mut random, if case % 2 == 0 { example() } else { cloud() });
        match Estate::check(Path::new("outlive.toml"), &text) {
            Ok(estate) => {
                read += 1;
                let host = ThisHost { asset: AssetId("host:0123".into()), name: "db1".into() };
                let mut inventory = estate.declared(&host, now());
                estate.vaults.iter().for_each(|vault| drop(estate.vault_bonds(vault, &host)));
                estate.place_host(&mut inventory, &host);
                inventory.sort();
            }
            Err(problems) => {
                refused += 1;
                assert!(!problems.is_empty() && problems.len() <= 100, "case {case}:\n{text}");
                for problem in problems {
                    assert!(problem.place.starts_with("outlive.toml:"), "case {case}: {problem:?}\n{text}");
                    assert!(
                        !problem.what.is_empty() && !problem.remedy.is_empty(),
                        "case {case}: {problem:?}"
                    );
                }
            }
        }
    }
    assert!(read > 100 && refused > 500, "{read} were read and {refused} refused");
}
