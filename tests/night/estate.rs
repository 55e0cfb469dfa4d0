//! Estates made by hand: small volumes on this machine, copied every night into one vault.

use chrono::TimeDelta;
use outlive::domain::{Bonds, HazardClass, Policy, VolumeId};
use outlive::estate::{
    CopyEntry, CopyFrom, Estate, NamedBy, NightlyEntry, PolicyEntry, StandsOn, VaultEntry, VaultPlace,
    VolumeEntry,
};
use std::path::Path;

/// Everything stored is read back within so many days.
pub const VERIFY_WITHIN: TimeDelta = TimeDelta::days(7);
pub const RPO: TimeDelta = TimeDelta::hours(26);

fn policy() -> PolicyEntry {
    PolicyEntry {
        judged: Policy { rpo: RPO, survive: [HazardClass::PrimaryDeletion].into(), ..Policy::default() },
        rto: TimeDelta::hours(1),
        verify_within: VERIFY_WITHIN,
        keep: outlive::domain::Keep::default(),
    }
}

fn volume(folder: &Path, name: &str) -> VolumeEntry {
    VolumeEntry {
        id: VolumeId(name.into()),
        path: Some(folder.join(name)),
        policy: "default".into(),
        owner: None,
        look_in: Vec::new(),
        stands_on: StandsOn::default(),
        bonds: Bonds::default(),
        waive_drill: None,
        plan_changed_at: None,
        is: None,
        after: Vec::new(),
        line: 1,
    }
}

fn copy(folder: &Path, name: &str) -> CopyEntry {
    CopyEntry {
        volume: VolumeId(name.into()),
        from: CopyFrom::Path { path: folder.join(name), live: true },
        to: "offsite".into(),
        every: TimeDelta::hours(24),
        offset: TimeDelta::hours(2),
        longest: TimeDelta::hours(1),
        line: 1,
    }
}

/// The volumes `names` below `folder`, copied into the vault in this directory.
pub fn estate(folder: &Path, names: &[String], vault: &Path) -> Estate {
    Estate {
        path: "outlive.toml".into(),
        digest: "0".repeat(64),
        as_of: None,
        host: StandsOn::default(),
        policies: [("default".to_owned(), policy())].into(),
        providers: Vec::new(),
        volumes: names.iter().map(|name| volume(folder, name)).collect(),
        vaults: vec![VaultEntry {
            lock: None,
            readers: Vec::new(),
            escrow_within: None,
            epoch_key: None,
            identity: None,
            waive_damage: None,
            waive_unread: None,
            bonds: Bonds::default(),
            id: "offsite".into(),
            place: VaultPlace::Dir(vault.into()),
            stands_on: StandsOn::default(),
            line: 1,
        }],
        copies: names.iter().map(|name| copy(folder, name)).collect(),
        assets: Vec::new(),
        points: Vec::new(),
        waivers: Vec::new(),
        nightly: NightlyEntry {
            concurrency: 2,
            deadline: TimeDelta::hours(6),
            ping: None,
            webhook: None,
            textfile: None,
            evidence: None,
        },
        runbook: Default::default(),
        signing: None,
        drills: folder.join("drills"),
        drills_by: NamedBy::Custom,
        catalogue: outlive::catalogue::Catalogue::built_in().unwrap(),
        unhonoured: Vec::new(),
    }
}
