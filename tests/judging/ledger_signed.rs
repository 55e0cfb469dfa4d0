//! Random histories of a ledger, and what a thief makes of their copies.

use crate::answers::{broken, complaints};
use crate::random::Random;
use outlive::domain::{Result, Timestamp};
use outlive::ledger::{Checkpoint, Held, Lines, MissedSlots, Sealed, Trust, bundles, compare};
use outlive::report::activity::{CopyOfLedger, LedgerShown, LedgerVerified, ShownRecord, Told};
use outlive::signing::Signer;
use outlive::vault::format::Digest;

/// What was read: what it is called, the number under which it was found, and the bytes.
type Found = (String, u64, Vec<u8>);

/// A ledger with its checkpoints, and the objects that were written into a vault.
struct History {
    ledger: Digest,
    lines: Vec<Vec<u8>>,
    sealed: Vec<Sealed>,
    objects: Vec<(String, Vec<u8>)>,
}

fn signer() -> Signer {
    Signer::parse(&format!("outlive-signing-key-1:{}=", "A".repeat(43))).unwrap()
}

fn trust() -> Trust {
    Trust::parse(&[signer().public().to_string()]).unwrap()
}

fn line(lines: &[Vec<u8>], word: u64) -> Vec<u8> {
    let prev = lines.last().map_or(Digest([0; 32]), |last| Digest::of(last));
    let (seq, at) = (lines.len(), "2026-11-28T02:00:00Z");
    let event = format!("{{\"kind\":\"{word}\"}}");
    let schema = "outlive/ledger/v0";
    let text = format!(
        "{{\"schema\":\"{schema}\",\"seq\":{seq},\"at\":\"{at}\",\"prev\":\"{prev}\",\"event\":{event}}}"
    );
    text.into_bytes()
}

/// A history whose first line is `word`; from there it goes as the numbers fall.
fn history(word: u64, random: &mut Random) -> History {
    let (mut lines, mut sealed) = (vec![line(&[], word)], Vec::<Sealed>::new());
    let ledger = Digest::of(&lines[0]);
    let mut objects = Vec::new();
    for _ in 0..2 + random.below(5) {
        let before = sealed.len();
        let first = sealed.last().map_or(0, |last| last.checkpoint.records);
        // An object holds what was signed since the vault was last reached.
        for _ in 0..1 + random.below(2) {
            for _ in 0..random.below(4) {
                let next = line(&lines, random.below(1000) as u64);
                lines.push(next);
            }
            let known: Vec<Sealed> = sealed.iter().rev().cloned().collect();
            let of = (ledger, lines.len() as u64, Digest::of(lines.last().unwrap()));
            let checkpoint = Checkpoint::after(&known, &signer().public(), of, Timestamp::UNIX_EPOCH);
            sealed.push(Sealed::sign(checkpoint, &signer()).unwrap());
        }
        for bundle in bundles(ledger, &sealed[before..], &Lines::new(lines.clone()), first) {
            let bytes = bundle.render().unwrap();
            objects.push((bundle.key(&bytes, 0).unwrap().to_string(), bytes));
        }
    }
    History { ledger, lines, sealed, objects }
}

fn judged(history: &History, objects: &[(String, Vec<u8>)]) -> (Held, Lines) {
    let objects = objects.iter().cloned().map(Ok).collect();
    let (mut held, lines) = Held::of_bundles(&history.ledger, objects, &trust());
    if let Err(problem) = lines.check("lines") {
        held.problems.push(problem);
    }
    (held, lines)
}

fn each(seeds: u64, mut test: impl FnMut(&History, &mut Random, u64)) {
    for seed in 1..=seeds {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let history = history(seed, &mut random);
        test(&history, &mut random, seed);
    }
}

#[test]
fn whole_copies_of_random_histories_are_sound_and_any_prefix_is_a_rollback_with_an_anchor() {
    each(1000, |history, random, seed| {
        let (held, lines) = judged(history, &history.objects);
        assert!(held.problems.is_empty(), "seed {seed}: {:?}", held.problems);
        assert_eq!(lines, Lines::new(history.lines[..lines.count() as usize].to_vec()), "seed {seed}");
        let newest = history.sealed.last().unwrap().number();
        let compared = compare(&history.sealed, &held.sealed, Some(newest), "there");
        assert!(compared.problems.is_empty() && compared.unproven.is_none() && compared.behind == 0);
        let cut = random.below(history.objects.len());
        let (old, _) = judged(history, &history.objects[..cut]);
        assert!(old.problems.is_empty(), "seed {seed}: an old state is sound in itself: {:?}", old.problems);
        let known = compare(&history.sealed, &old.sealed, Some(newest), "there");
        assert!(known.problems[0].what.contains("an older state was put back"), "seed {seed}: {known:?}");
        for own in [&history.sealed[..], &[]] {
            let unknown = compare(own, &old.sealed, None, "there");
            assert!(unknown.problems.is_empty() && unknown.unproven.is_some(), "seed {seed}: {unknown:?}");
        }
        // The other way round: this machine was put back to an older state, and the copy was not.
        let own = &history.sealed[..old.sealed.len()];
        if !own.is_empty() {
            let compared = compare(own, &held.sealed, Some(own.len() as u64 - 1), "there");
            assert!(
                compared.problems[0].what.contains("this machine was put back"),
                "seed {seed}: {compared:?}"
            );
        }
    });
}

#[test]
fn every_flipped_bit_of_a_copy_is_noticed() {
    let history = history(7, &mut Random(7));
    let (name, good) = &history.objects[0];
    let judge = |bytes: Vec<u8>| judged(&history, &[(name.clone(), bytes)]).0.problems;
    assert_eq!(judge(good.clone()), []);
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(!judge(bad).is_empty(), "bit {bit} of {} went unnoticed", good.len() * 8);
    }
}

#[test]
fn an_object_that_is_left_out_is_missed_unless_it_is_the_newest() {
    each(1000, |history, random, seed| {
        let gone = random.below(history.objects.len() - 1);
        let mut objects = history.objects.clone();
        objects.remove(gone);
        let (held, _) = judged(history, &objects);
        assert!(
            held.problems.iter().any(|problem| problem.what.contains("missing")),
            "seed {seed}: {held:?}"
        );
    });
}

#[test]
fn a_record_that_is_dropped_reordered_or_replaced_is_noticed_here_and_in_a_copy() {
    each(300, |history, random, seed| {
        let signed = history.sealed.last().unwrap().checkpoint.records as usize;
        let at = random.below(signed);
        let mut dropped = history.lines.clone();
        dropped.remove(at);
        let mut replaced = history.lines.clone();
        // Everything after it is written anew too, so that the chain in itself holds.
        replaced.truncate(at);
        while replaced.len() < history.lines.len() {
            let next = line(&replaced, 5000 + random.below(1000) as u64);
            replaced.push(next);
        }
        assert!(Lines::new(replaced.clone()).check("x").is_ok(), "seed {seed}");
        let mut reordered = history.lines.clone();
        reordered.swap(at, (at + 1) % signed);
        for (how, lines) in [("dropped", dropped), ("replaced", replaced), ("reordered", reordered)] {
            if lines == history.lines {
                continue;
            }
            let found = history
                .sealed
                .iter()
                .enumerate()
                .map(|(number, sealed)| Ok((format!("{number}"), number as u64, sealed.bytes.clone())));
            let mut held = Held::of(&history.ledger, found.collect(), &trust());
            let here = Lines::new(lines.clone());
            held.check_lines(&here, "here");
            // Between two checkpoints the chain itself says it.
            assert!(
                !held.problems.is_empty() || here.check("here").is_err(),
                "seed {seed}: {how} at {at} of {signed}"
            );
            let forged = bundles(history.ledger, &history.sealed, &Lines::new(lines), 0);
            let forged = forged.iter().map(|bundle| ("x".to_owned(), bundle.render().unwrap()));
            let (held, _) = judged(history, &forged.collect::<Vec<_>>());
            assert!(!held.problems.is_empty(), "seed {seed}: {how} at {at} of {signed} in a copy");
        }
    });
}

#[test]
fn an_old_checkpoint_that_is_replayed_changes_nothing_and_takes_no_other_ones_place() {
    each(300, |history, random, seed| {
        let old = random.below(history.objects.len());
        let mut objects = history.objects.clone();
        objects.push(("ledger/x/replayed".into(), history.objects[old].1.clone()));
        let (held, _) = judged(history, &objects);
        assert!(held.problems.is_empty() && held.replayed > 0, "seed {seed}: {held:?}");
        // Under the key of the newest, which is gone: the newest is missed by whoever remembers it.
        objects.truncate(history.objects.len());
        let newest = history.sealed.last().unwrap();
        let last = objects.len() - 1;
        objects[last].1 = history.objects[old % last].1.clone();
        let (held, _) = judged(history, &objects);
        let compared = compare(&history.sealed, &held.sealed, Some(newest.number()), "there");
        assert!(!compared.problems.is_empty(), "seed {seed}");
        // In the place of the newest in the state directory.
        let place = |sealed: &Sealed| Ok(("x".to_owned(), sealed.number(), sealed.bytes.clone()));
        let mut found: Vec<Result<Found>> = history.sealed.iter().map(place).collect();
        let count = found.len();
        found[count - 1] = Ok(("x".into(), newest.number(), history.sealed[0].bytes.clone()));
        assert!(!Held::of(&history.ledger, found, &trust()).problems.is_empty(), "seed {seed}");
    });
}

#[test]
fn two_histories_of_one_ledger_are_a_fork() {
    each(300, |history, random, seed| {
        let other = self::history(seed, random);
        assert_eq!(history.ledger, other.ledger);
        if other.sealed[0] == history.sealed[0] {
            return;
        }
        let compared = compare(&history.sealed, &other.sealed, None, "there");
        assert!(compared.problems[0].what.contains("forked"), "seed {seed}: {compared:?}");
        let (held, _) = judged(history, &[&history.objects[..], &other.objects].concat());
        assert!(held.problems.iter().any(|problem| problem.what.contains("forked")), "seed {seed}");
    });
}

#[test]
fn a_change_of_keys_goes_on_and_a_count_that_is_not_the_next_does_not() {
    let (old, new) = (signer(), Signer::generate().unwrap());
    let trust = Trust::parse(&[old.public().to_string(), new.public().to_string()]).unwrap();
    let of = (Digest([1; 32]), 1, Digest([2; 32]));
    let mut sealed: Vec<Sealed> = Vec::new();
    for by in [&old, &old, &new, &old] {
        let before: Vec<Sealed> = sealed.iter().rev().cloned().collect();
        let next = Checkpoint::after(&before, &by.public(), of, Timestamp::UNIX_EPOCH);
        sealed.push(Sealed::sign(next, by).unwrap());
    }
    let counts: Vec<u64> = sealed.iter().map(|sealed| sealed.checkpoint.counter).collect();
    assert_eq!(counts, [0, 1, 0, 2]);
    let judge = |sealed: &[Sealed]| {
        let place = |sealed: &Sealed| Ok((String::new(), sealed.number(), sealed.bytes.clone()));
        Held::of(&of.0, sealed.iter().map(place).collect(), &trust).problems
    };
    assert_eq!(judge(&sealed), []);
    let wrong = Checkpoint { counter: 5, ..sealed[3].checkpoint.clone() };
    sealed[3] = Sealed::sign(wrong, &old).unwrap();
    assert!(judge(&sealed)[0].what.contains("the count of its key is 5"));
}

#[test]
fn what_is_told_of_the_ledger_is_what_the_schemas_say() {
    let at = Timestamp::UNIX_EPOCH;
    let event = serde_json::json!({ "kind": "verified" });
    let record = ShownRecord { seq: 0, at, kind: "verified".into(), what: "a".into(), event };
    let shown = LedgerShown { state: "/s".into(), records: 3, events: vec![record] }.json(&[0]);
    assert_eq!(complaints("ledger-show.v0.json", std::slice::from_ref(&shown)), [""]);
    let wrong = [
        broken(&shown, |told| told["events"][0]["event"] = "verified".into()),
        broken(&shown, |told| told["records"] = (-1).into()),
    ];
    assert!(complaints("ledger-show.v0.json", &wrong).iter().all(|said| !said.is_empty()));
    let digest = Digest([7; 32]).to_string();
    let copy = CopyOfLedger { ledger: digest.clone(), unproven: Some("x".into()), ..CopyOfLedger::default() };
    let missed = MissedSlots { volume: "a".into(), vault: "v".into(), first: at, last: at, count: 1 };
    let whole = LedgerVerified {
        ledger: Some(digest),
        newest_at: Some(at),
        signers: vec![signer().public().to_string()],
        copies: vec![copy],
        missed: vec![missed],
        ..LedgerVerified::default()
    };
    let right = [whole.json(&[10, 11]), LedgerVerified::default().json(&[0])];
    assert_eq!(complaints("ledger-verify.v0.json", &right), ["", ""]);
    let wrong = [
        broken(&right[0], |told| told["signers"][0] = "ed25519:x".into()),
        broken(&right[0], |told| told["exit_codes"] = serde_json::json!([12])),
        broken(&right[0], |told| told["missed"][0]["count"] = 0.into()),
        broken(&right[0], |told| told["copies"][0]["sealed"] = serde_json::json!([])),
    ];
    assert!(complaints("ledger-verify.v0.json", &wrong).iter().all(|said| !said.is_empty()));
}
