//! A made-up estate: a btrfs subvolume on a loop device whose file lies on the host's disk, and a vault on a
//! disk of another host.

use chrono::{TimeDelta, TimeZone, Utc};
use outlive::catalogue::Catalogue;
use outlive::domain::*;
use outlive::isolation::{Graph, expand};
use outlive::rules::{Judged, judge};

pub struct Estate(pub Inventory);

pub fn now() -> Timestamp {
    Utc.with_ymd_and_hms(2026, 11, 22, 2, 0, 0).unwrap()
}

pub fn lost(asset: &str) -> Hazard {
    Hazard::Lost(AssetId(asset.into()))
}

pub fn deleted(asset: &str) -> Hazard {
    Hazard::Deleted(AssetId(asset.into()))
}

/// Bonds of which storage and needs are completely known.
pub fn stored_on(on: &[&str]) -> Bonds {
    let mut bonds = Bonds::default().complete(Nature::StoredOn).complete(Nature::Needs);
    for asset in on {
        bonds = bonds.with(Bond::observed(Nature::StoredOn, AssetId((*asset).into()), now()));
    }
    bonds
}

pub fn asset(id: &str, kind: AssetKind, on: &[&str]) -> Asset {
    let name = id.split_once(':').map_or(id, |(_, name)| name).to_owned();
    let mut bonds = stored_on(on);
    if HazardClass::of_loss(kind).is_some_and(HazardClass::is_wide) {
        // As an estate file declares them: nothing else takes them along.
        bonds = bonds.complete(Nature::CascadesFrom);
    }
    Asset { id: AssetId(id.into()), kind, name, bonds }
}

pub fn point(id: &str, kind: PointKind, on: &str, hours: i64) -> RecoveryPoint {
    RecoveryPoint {
        id: PointId(id.into()),
        name: id.to_owned(),
        of: Known::Observed(VolumeId("host:/srv/db".into()), now()),
        taken_at: Known::Observed(now() - TimeDelta::hours(hours), now()),
        kind,
        catalogued: None,
        drilled_at: Known::Unknown,
        consistency: Known::Observed(Consistency::Crash, now()),
        bytes: Known::Observed(4096, now()),
        lock: Known::Observed(Lock { mode: LockMode::None, until: None }, now()),
        state: None,
        usable: Usable::Yes,
        bonds: stored_on(&[on]),
    }
}

pub fn snapshot(id: &str, on: &str, hours: i64) -> RecoveryPoint {
    point(id, PointKind::BtrfsSnapshot, on, hours)
}

pub fn copy(id: &str, on: &str, hours: i64) -> RecoveryPoint {
    let mut copy = point(id, PointKind::VaultCopy, on, hours);
    copy.state = Some(CopyState::Verified);
    copy
}

/// The night before: two snapshots beside the data, and nothing else.
pub fn incident() -> Estate {
    let volume = Volume {
        id: VolumeId("host:/srv/db".into()),
        name: "/srv/db".into(),
        kind: VolumeKind::Subvolume,
        asset: AssetId("subvolume:db".into()),
    };
    let assets = vec![
        asset("subvolume:db", AssetKind::Subvolume, &["filesystem:data"]),
        asset("filesystem:data", AssetKind::Filesystem, &["device:loop0"]),
        asset("device:loop0", AssetKind::Device, &["file:/img.vol"]),
        asset("file:/img.vol", AssetKind::File, &["filesystem:root"]),
        asset("filesystem:root", AssetKind::Filesystem, &["device:vda"]),
        asset("device:vda", AssetKind::Device, &["host:a"]),
        asset("host:a", AssetKind::Host, &[]),
        asset("filesystem:vault", AssetKind::Filesystem, &["device:sdb"]),
        asset("device:sdb", AssetKind::Device, &["host:b"]),
        asset("host:b", AssetKind::Host, &[]),
    ];
    let points = vec![snapshot("s1", "filesystem:data", 1), snapshot("s2", "filesystem:data", 25)];
    Estate(Inventory { volumes: vec![volume], points, assets, gaps: vec![], ..Inventory::default() })
}

impl Estate {
    pub fn with_points(mut self, points: Vec<RecoveryPoint>) -> Self {
        self.0.points = points;
        self
    }

    pub fn and_point(mut self, point: RecoveryPoint) -> Self {
        self.0.points.push(point);
        self
    }

    pub fn with_gap(mut self, scope: GapScope) -> Self {
        self.0.gaps.push(Gap {
            scope,
            place: "/mnt/vault".into(),
            reason: GapReason::Permission,
            detail: "reading /mnt/vault was refused: run as a user who may read it".into(),
        });
        self
    }

    /// Forgets that all bonds of this nature are known.
    pub fn opened(mut self, id: &str, nature: Nature) -> Self {
        let asset = self.0.assets.iter_mut().find(|asset| asset.id.0 == id).unwrap();
        asset.bonds.complete.remove(nature);
        self
    }

    pub fn graph(&self) -> Graph {
        expand(&self.0, &Catalogue::built_in().unwrap())
    }

    pub fn judged(&self) -> Judged {
        judge(&self.graph(), &Policy::default(), now()).remove(0)
    }

    pub fn verdict(&self, rule: &str) -> Verdict {
        verdict(&self.judged(), rule)
    }
}

pub fn verdict(judged: &Judged, rule: &str) -> Verdict {
    judged.findings.iter().find(|finding| finding.rule == rule).unwrap().verdict.clone()
}

/// Whether a verdict is of this sort: `pass`, `fail`, `undetermined`, `not applicable` or `waived`.
pub fn is(verdict: &Verdict, sort: &str) -> bool {
    let found = match verdict {
        Verdict::Pass(_) => "pass",
        Verdict::Fail(..) => "fail",
        Verdict::Undetermined(_) => "undetermined",
        Verdict::NotApplicable(_) => "not applicable",
        Verdict::Waived { .. } => "waived",
    };
    found == sort
}
