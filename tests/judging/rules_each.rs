//! Every rule three times: it fires, it does not, and a missing fact leaves it open.

use crate::cloud;
use crate::estate::*;
use crate::rules_roles::with_roles;
use chrono::TimeDelta;
use outlive::domain::*;
use outlive::isolation::{Cell, CutSets, Doubt, PointPlace, Row, Survival};
use outlive::rules::{ALL, Case, by_id, judge};

/// A rule with its verdicts: where it fires, where it holds, where it is open.
type Tried = (&'static str, [Verdict; 3]);

pub fn hours(hours: i64) -> TimeDelta {
    TimeDelta::hours(hours)
}

/// Everything is asked for.
pub fn strict() -> Policy {
    Policy {
        survive: HazardClass::ALL.into(),
        locked_for: Some(TimeDelta::days(35)),
        drill_every: Some(TimeDelta::days(7)),
        ..Policy::default()
    }
}

pub fn judged(estate: &Estate, rule: &str) -> Verdict {
    verdict(&judge(&estate.graph(), &strict(), now()).remove(0), rule)
}

/// The three verdicts on three estates.
fn on(rule: &'static str, estates: [Estate; 3]) -> Tried {
    (rule, estates.map(|estate| judged(&estate, rule)))
}

/// A row of one class by hand: `kept` survive, `open` are in doubt, all else dies.
pub fn row(
    estate: &Estate,
    class: HazardClass,
    takes_primary: bool,
    (kept, open): (&[&str], &[&str]),
) -> Row {
    let graph = estate.graph();
    let places = |names: &[&str]| -> Vec<PointPlace> {
        names.iter().map(|name| graph.place(&PointId((*name).into())).unwrap()).collect()
    };
    let (survivors, open) = (places(kept), places(open));
    let all = (0..).take(graph.inventory().points.len());
    let dead = all.filter(|place| !survivors.contains(place) && !open.contains(place)).collect();
    let because = "nobody looked".to_owned();
    let undetermined: Vec<Doubt> =
        open.into_iter().map(|point| Doubt { points: vec![point], because: because.clone() }).collect();
    let newest = survivors.first().map(|place| {
        let point = graph.at(*place).unwrap();
        let age = point.taken_at.value().map(|at| now() - *at);
        let (taken_at, drilled_at) = (point.taken_at.clone(), point.drilled_at.clone());
        Cell::Survivor { point: *place, taken_at, age, state: None, drilled_at }
    });
    let cell = newest.unwrap_or(match undetermined.is_empty() {
        true => Cell::None,
        false => Cell::Unknown { because },
    });
    Row {
        hazard: Hazard::Compromised(AssetId("x:1".into())),
        class,
        also: None,
        title: "the act".into(),
        takes_primary,
        may_take_primary: takes_primary,
        cell,
        points: estate.0.points.len(),
        survivors,
        dead,
        undetermined,
        grace: None,
    }
}

fn by_hand(rule: &str, estate: &Estate, rows: Vec<Row>) -> Verdict {
    by_policy(rule, estate, rows, strict())
}

pub fn by_policy(rule: &str, estate: &Estate, rows: Vec<Row>, policy: Policy) -> Verdict {
    by_survival(rule, estate, &Survival { rows, shadows: Vec::new() }, policy)
}

pub fn by_survival(rule: &str, estate: &Estate, survival: &Survival, policy: Policy) -> Verdict {
    let graph = estate.graph();
    let volume = &graph.inventory().volumes[0];
    by_id(rule).unwrap().judge(Case {
        graph: &graph,
        volume,
        policy: &policy,
        now: now(),
        survival,
        cuts: &CutSets::default(),
    })
}

/// Three copies of which `young` is within the RPO and `old` is not.
pub fn copies() -> Estate {
    let points = vec![copy("young", "filesystem:vault", 1), copy("old", "filesystem:vault", 24 * 92)];
    incident().with_points(points)
}

/// A rule of the family that asks for a point within the RPO.
fn recent(rule: &'static str, class: HazardClass) -> Tried {
    let try_with = |kept: &[&str], open: &[&str]| {
        by_hand(rule, &copies(), vec![row(&copies(), class, true, (kept, open))])
    };
    (rule, [try_with(&["old"], &[]), try_with(&["young"], &["old"]), try_with(&["old"], &["young"])])
}

/// A rule of the family that asks for any usable point, whether the primary goes or not.
fn readable(rule: &'static str, class: HazardClass) -> Tried {
    let try_with = |kept: &[&str], open: &[&str]| {
        by_hand(rule, &copies(), vec![row(&copies(), class, false, (kept, open))])
    };
    (rule, [try_with(&[], &[]), try_with(&["old"], &["young"]), try_with(&[], &["old"])])
}

/// A rule of the family that judges what both stand on.
fn shared(rule: &'static str, class: HazardClass) -> Tried {
    let try_with = |kept: &[&str], open: &[&str]| {
        by_hand(rule, &copies(), vec![row(&copies(), class, true, (kept, open))])
    };
    (rule, [try_with(&[], &[]), try_with(&["old"], &[]), try_with(&[], &["old"])])
}

pub fn with_lock(lock: Known<Lock>) -> Estate {
    let mut estate = copies();
    estate.0.points[0].lock = lock;
    estate
}

fn locked(rule: &'static str, poor: (LockMode, TimeDelta)) -> Tried {
    let lock = |mode, span| Known::Observed(Lock { mode, until: Some(now() + span) }, now());
    let good = lock(LockMode::Compliance, TimeDelta::days(35));
    on(rule, [with_lock(lock(poor.0, poor.1)), with_lock(good), with_lock(Known::Unknown)])
}

pub fn of_kind(kind: PointKind) -> Estate {
    let mut estate = copies();
    estate.0.points[0].kind = kind;
    estate.0.points[0].bonds = stored_on(&["filesystem:vault"]).complete(Nature::CascadesFrom);
    estate
}

fn replica() -> Tried {
    let mut open = of_kind(PointKind::Replica).and_point(copy("c", "filesystem:vault", 2));
    open.0.points[2].taken_at = Known::Unknown;
    let both = of_kind(PointKind::Replica).and_point(copy("c", "filesystem:vault", 2));
    on("replica-counted-as-backup", [of_kind(PointKind::Replica), both, open])
}

fn undelete() -> Tried {
    let dies = |complete: bool| {
        let mut estate = of_kind(PointKind::Catalogued);
        let deleted = Bond {
            grace: Some(Grace { seconds: 48 * 3600 }),
            ..Bond::observed(Nature::CascadesFrom, AssetId("subvolume:db".into()), now())
        };
        let bonds = stored_on(&["filesystem:vault"]);
        estate.0.points[0].bonds = match complete {
            true => bonds.with(deleted).complete(Nature::CascadesFrom),
            false => bonds,
        };
        estate
    };
    on("undelete-window-only", [dies(true), copies(), dies(false)])
}

fn roles() -> Tried {
    let with = |of_point: Option<&str>| {
        let mut estate = copies();
        let may = |who: &str| Bond::observed(Nature::DeletableBy, AssetId(who.into()), now());
        let whole = |bonds: Bonds| Nature::ALL.into_iter().fold(bonds, Bonds::complete);
        for who in ["credential:a", "credential:b"] {
            let (id, bonds) = (AssetId(who.into()), whole(Bonds::default()));
            estate.0.assets.push(Asset { id, kind: AssetKind::Credential, name: who.into(), bonds });
        }
        // What the volume stands on, nobody may delete.
        estate.0.assets.iter_mut().for_each(|asset| asset.bonds = whole(std::mem::take(&mut asset.bonds)));
        let volume = std::mem::take(&mut estate.0.assets[0].bonds);
        estate.0.assets[0].bonds = volume.with(may("credential:a"));
        if let Some(who) = of_point {
            let point = std::mem::take(&mut estate.0.points[0].bonds);
            estate.0.points[0].bonds = whole(point.with(may(who)));
        }
        estate
    };
    on("roles-not-separated", [with(Some("credential:a")), with(Some("credential:b")), with(None)])
}

fn older_than_plan() -> Tried {
    let rule = "drill-older-than-plan";
    let at = |days: i64| now() - TimeDelta::days(days);
    let try_with =
        |taken: Known<Timestamp>, drilled: Known<Option<Timestamp>>, changed: Option<Timestamp>| {
            let mut estate = copies();
            estate.0.points.truncate(1);
            (estate.0.points[0].taken_at, estate.0.points[0].drilled_at) = (taken, drilled);
            let policy = Policy { plan_changed_at: changed, ..strict() };
            verdict(&judge(&estate.graph(), &policy, now()).remove(0), rule)
        };
    let seen = |days| Known::Observed(at(days), now());
    let drilled = |days| Known::Observed(Some(at(days)), now());
    // Of what the former plan made, also a restore of today proves nothing.
    assert!(is(&try_with(seen(40), drilled(1), Some(at(30))), "fail"));
    assert!(is(&try_with(seen(20), drilled(1), Some(at(-1))), "undetermined"));
    assert!(matches!(
        try_with(seen(20), drilled(1), None),
        Verdict::NotApplicable(why) if why.contains("names no change")
    ));
    assert!(matches!(
        try_with(seen(20), Known::Unknown, Some(at(30))),
        Verdict::NotApplicable(why) if why.contains("never-drilled")
    ));
    (
        rule,
        [
            try_with(seen(40), drilled(35), Some(at(30))),
            try_with(seen(20), drilled(1), Some(at(30))),
            try_with(Known::Unknown, drilled(1), Some(at(30))),
        ],
    )
}

fn drills() -> [Tried; 2] {
    let drilled = |days: Option<i64>, kind| {
        let mut estate = of_kind(kind);
        let at = days.map(|days| now() - TimeDelta::days(days));
        estate.0.points[0].drilled_at = at.map_or(Known::Unknown, |at| Known::Observed(Some(at), now()));
        estate
    };
    let other = || {
        // Whoever answers for it has not said that it was never restored.
        drilled(None, PointKind::Catalogued)
    };
    let mut never = other();
    never.0.points[0].drilled_at = Known::Declared(None, Owner("ops".into()));
    assert!(is(&judged(&never, "never-drilled"), "fail"), "who says `never` has said so");
    let mut stale = other();
    stale.0.points[1].drilled_at = Known::Observed(Some(now() - TimeDelta::days(90)), now());
    let copy = PointKind::VaultCopy;
    [
        on("never-drilled", [drilled(None, copy), drilled(Some(90), copy), other()]),
        on("drill-stale", [drilled(Some(90), copy), drilled(Some(3), copy), stale]),
    ]
}

fn artefact() -> Tried {
    let last = |bytes: Known<u64>| {
        let points = (2..6).map(|hour| copy(&format!("c{hour}"), "filesystem:vault", hour)).collect();
        let mut newest = copy("newest", "filesystem:vault", 1);
        newest.bytes = bytes;
        incident().with_points(points).and_point(newest)
    };
    let is = |bytes| last(Known::Observed(bytes, now()));
    on("artefact-empty-or-shrunk", [is(2047), is(2048), last(Known::Unknown)])
}

fn declared() -> Tried {
    let said = |usable: Usable| {
        let mut estate = copies();
        estate.0.points[0].of = Known::Declared(VolumeId("host:/srv/db".into()), Owner("ops".into()));
        estate.0.points[0].usable = usable;
        estate
    };
    let unproven = said(Usable::Unproven("declared by ops, never seen".into()));
    let mut open = unproven;
    open.0.points.truncate(1);
    let mut seen = said(Usable::Yes);
    seen.0.points[0].taken_at = Known::Observed(now() - TimeDelta::days(99), now());
    let local = |estate: Estate| estate.verdict("declared-not-observed");
    ("declared-not-observed", [said(Usable::Yes), seen, open].map(local))
}

fn no_recovery_point() -> Tried {
    let none = || incident().with_points(vec![]);
    on("no-recovery-point", [none(), copies(), none().with_gap(GapScope::Points)])
}

fn rpo() -> Tried {
    let at = |of: i64| incident().with_points(vec![copy("c", "filesystem:vault", of)]);
    let mut ageless = at(1);
    ageless.0.points[0].taken_at = Known::Unknown;
    let local = |estate: Estate| estate.verdict("rpo");
    ("rpo", [at(27), at(25), ageless].map(local))
}

fn live_copy() -> Tried {
    let taken = |consistency| {
        let mut estate = copies();
        estate.0.points[0].consistency = consistency;
        estate.verdict("live-copy")
    };
    let seen = |value| Known::Observed(value, now());
    ("live-copy", [taken(seen(Consistency::Live)), taken(seen(Consistency::Crash)), taken(Known::Unknown)])
}

fn cut_order() -> Tried {
    let policy = Policy { survive: [HazardClass::Credential].into(), min_cut_order: 2, ..Policy::default() };
    let judged = |inventory: &Inventory| {
        verdict(&judge(&cloud::graph(inventory), &policy, now()).remove(0), "cut-order")
    };
    let apart = cloud::estate(vec![cloud::vaulted("copy", 2, LockMode::None)]);
    let mut open = apart.clone();
    open.points[1].bonds.complete.remove(Nature::DeletableBy);
    ("cut-order", [cloud::estate(vec![]), apart, open].map(|inventory| judged(&inventory)))
}

fn vault_roles() -> [Tried; 2] {
    let (never, at) = (Escrow::Never, now() - hours(1));
    let proved = || Escrow::Proved { at, until: None };
    let apart = |escrow| with_roles(escrow, Together::Apart);
    let and = |together| with_roles(proved(), together);
    [
        on("escrow-not-proved", [apart(never), apart(proved()), apart(Escrow::Unknown("away".into()))]),
        on(
            "role-all",
            [
                and(Together::Both(vec!["both".into()])),
                and(Together::Apart),
                and(Together::Unknown("why".into())),
            ],
        ),
    ]
}

fn every() -> Vec<Tried> {
    use HazardClass::*;
    let mut all = vec![no_recovery_point(), rpo(), live_copy()];
    all.extend(vault_roles());
    for class in [File, Filesystem, Device, Host, Site, Region, Account, Provider, Network] {
        let rule = ALL.iter().find(|rule| rule.id() == format!("same-{}", class.word())).unwrap();
        all.push(shared(rule.id(), class));
    }
    all.extend([
        recent("cascade-on-deletion", PrimaryDeletion),
        recent("same-host-compromise", HostCompromise),
        recent("credential-reaches-both", Credential),
        recent("identity-reaches-both", Identity),
        readable("key-only-with-primary", Key),
        readable("catalogue-only-with-primary", Catalogue),
        readable("retention-shorter-than-detection", BadData),
        locked("lock-missing", (LockMode::None, hours(1))),
        locked("lock-governance-only", (LockMode::Governance, TimeDelta::days(35))),
        locked("lock-shorter-than-policy", (LockMode::Compliance, TimeDelta::days(34) - hours(2))),
        locked("lock-lapses-before-next-copy", (LockMode::Compliance, hours(25))),
        replica(),
        undelete(),
        roles(),
        artefact(),
        declared(),
        cut_order(),
        older_than_plan(),
    ]);
    all.extend(drills());
    all
}

#[test]
fn every_rule_fires_holds_and_is_left_open_by_a_missing_fact() {
    let tried = every();
    for rule in ALL {
        let found = tried.iter().find(|(id, _)| *id == rule.id());
        let (id, verdicts) = found.unwrap_or_else(|| panic!("{} is not tried", rule.id()));
        for (wanted, verdict) in ["fail", "pass", "undetermined"].into_iter().zip(verdicts) {
            assert!(is(verdict, wanted), "{id} should be {wanted}: {verdict:?}");
        }
        assert!(!rule.frameworks().is_empty(), "{id} is evidence for nothing");
    }
}
