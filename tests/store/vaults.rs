//! The same faults below a whole vault: what no checksum of the store covers (a range, a name in a list) is caught by the
//! vault's own digests, so that a restore brings the right bytes or a problem, and a copy that succeeds can be restored.

use crate::contract::bytes;
use crate::faults::{Bench, bench};
use crate::hand::TempDir;
use crate::proxy::{FAULTS, Fault};
use outlive::domain::{AssetId, Consistency, Kind, Problem, Result, Silent, Volume, VolumeId, VolumeKind};
use outlive::providers::stream::StdinSource;
use outlive::store::Store;
use outlive::vault::format::Origin;
use outlive::vault::{CopyRequest, RestoreOptions, Roots, Vault, copy, restore, verify};
use std::collections::{BTreeSet, HashSet};
use std::io::Write;
use std::sync::Arc;

fn content(name: &str) -> Vec<u8> {
    [name.as_bytes(), &bytes(3_000_000)].concat()
}

fn copy_into(store: Arc<dyn Store>, name: &str) -> Result<()> {
    let vault = Vault::open_or_create(store, chrono::Utc::now())?;
    let (read, mut write) = std::io::pipe().unwrap();
    let content = content(name);
    let writing = std::thread::spawn(move || write.write_all(&content));
    let volume = Volume {
        id: VolumeId(name.into()),
        name: name.into(),
        kind: VolumeKind::Stream,
        asset: AssetId(format!("volume:{name}")),
    };
    let path = (&b"dump"[..]).into();
    let origin = Origin { host: "test".into(), path, snapshot: None, consistency: Consistency::Live };
    let clock = &chrono::Utc::now;
    let request = CopyRequest { volume: &volume, origin, taken_at: clock(), avoid: BTreeSet::new(), clock };
    let copied = copy(&vault, &mut StdinSource::new(read, clock()), &request, &Silent);
    // Whoever writes to a copy that has failed finds nobody.
    drop(writing.join().unwrap());
    copied.map(|_| ())
}

fn restore_from(store: Arc<dyn Store>, name: &str) -> Result<Vec<u8>> {
    let vault = Vault::open(store)?;
    let roots = Roots::of_volume(&vault, &VolumeId(name.into()))?;
    let Some(found) = roots.sound.first() else {
        let seen = roots.damaged.first().map(|(_, problem)| problem.clone());
        return Err(seen.unwrap_or_else(|| Problem::new(Kind::NotFound, "no point of it is listed")));
    };
    let temp = TempDir::new();
    let target = temp.path().join("restored");
    let restored = restore(&vault, found, &target, RestoreOptions::default(), &Silent)
        .and_then(|restored| restored.verify(&vault, &Silent));
    restored.map_err(|stopped| stopped.problem)?;
    Ok(std::fs::read(target).unwrap())
}

/// Every fault at the first, a middle and the last of the requests that `act` makes; how many ended in a problem.
fn all_faults(bench: &Bench, act: impl Fn(&str) -> Result<()>) -> (usize, usize) {
    let undisturbed = ["sound", "sound-2"].map(|name| {
        bench.proxy.arm(None);
        act(name).unwrap();
        bench.proxy.seen().0.len()
    });
    let requests = *undisturbed.iter().min().unwrap();
    let (mut tried, mut problems) = (0, 0);
    for fault in FAULTS.into_iter().filter(|fault| *fault != Fault::StaleList) {
        for at in HashSet::from([0, requests / 2, requests - 1]) {
            let name = format!("{fault:?}-{at}");
            bench.proxy.arm(Some((fault, at)));
            let ended = act(&name);
            let (seen, fired) = bench.proxy.seen();
            assert!(fired, "{name} was not done: {seen:?}");
            tried += 1;
            if let Err(problem) = ended {
                println!("{name}: {problem}");
                assert!(!problem.what.is_empty());
                problems += 1;
            }
        }
    }
    (tried, problems)
}

#[test]
fn each_fault_in_a_restore_gives_the_right_bytes_or_a_problem() {
    let bench = bench();
    copy_into(bench.plain.clone(), "kept").unwrap();
    let (tried, problems) = all_faults(&bench, |name| {
        let restored = restore_from(bench.faulty.clone(), "kept")?;
        assert!(restored == content("kept"), "{name}: other bytes were restored, and nobody said so");
        Ok(())
    });
    println!("{tried} faults, {problems} ended in a problem");
    assert!(tried >= 33 && problems < tried / 2, "{problems} of {tried}");
}

#[test]
fn a_copy_in_which_a_fault_happened_can_be_restored_or_is_a_problem() {
    let bench = bench();
    let (tried, problems) = all_faults(&bench, |name| {
        let copied = copy_into(bench.faulty.clone(), name);
        if copied.is_ok() {
            let restored = restore_from(bench.plain.clone(), name).unwrap();
            assert!(restored == content(name), "{name}: a copy succeeded and holds other bytes");
        }
        copied
    });
    println!("{tried} faults, {problems} ended in a problem");
    assert!(tried >= 33 && problems < tried / 2, "{problems} of {tried}");
    // Whatever a failed copy left, the vault is sound.
    let vault = Vault::open(bench.plain.clone()).unwrap();
    let verified = verify(&vault, &[], &Silent).unwrap();
    assert_eq!((verified.damage, verified.broken.len()), (vec![], 0));
}
