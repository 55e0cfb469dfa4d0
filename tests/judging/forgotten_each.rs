//! What is not known never makes anything greener: every bond that there can be between two kinds of things, where all else
//! is known.

use crate::estate::{copy, now, stored_on};
use crate::properties::{any_hazard, bonds_at, survivors};
use crate::properties_brute::say;
use crate::properties_forgotten::{greens, said};
use crate::random::{Random, cases, seed};
use crate::small::KINDS;
use outlive::domain::*;
use outlive::rules::Overall;

/// How something is made to hang on something else.
type Hold = (Nature, &'static str);

fn known(bonds: Bonds, more: &[Hold]) -> Bonds {
    let bond = |(nature, on): &Hold| Bond::observed(*nature, AssetId((*on).into()), now());
    let mut bonds = bonds;
    bonds.list.extend(more.iter().map(bond));
    Bonds { complete: Nature::ALL.into_iter().collect(), ..bonds }
}

fn asset(id: &str, kind: AssetKind, bonds: Bonds) -> Asset {
    Asset { id: AssetId(id.into()), kind, name: id.to_owned(), bonds }
}

/// A host that is somewhere beyond machines, all of it known, with those places.
fn seat(assets: &mut Vec<Asset>, at: &str) -> String {
    use AssetKind::{Account, Host, Network, Provider, Region, Site};
    let name = |word: &str| format!("{at}-{word}");
    let mut places = Vec::new();
    for kind in [Provider, Region, Account, Site, Network] {
        let provider = name("provider");
        let on = if matches!(kind, Region | Account) { vec![provider.as_str()] } else { Vec::new() };
        assets.push(asset(&name(kind.word()), kind, known(stored_on(&on), &[])));
        places.push(name(kind.word()));
    }
    let on: Vec<&str> = places.iter().map(String::as_str).collect();
    assets.push(asset(&name("host"), Host, known(stored_on(&on), &[])));
    name("host")
}

/// A volume on one host and a copy on another, of which all is known; and what each hangs on besides.
fn two_seats(volume: &[Hold], copied: &[Hold], more: Vec<Asset>) -> Inventory {
    let mut assets = Vec::new();
    let (here, there) = (seat(&mut assets, "here"), seat(&mut assets, "there"));
    assets.push(asset("primary", AssetKind::Directory, known(stored_on(&[&here]), volume)));
    assets.extend(more);
    let mut copy = copy("c", &there, 1);
    copy.bonds = known(stored_on(&[&there]), copied);
    let volume = Volume {
        id: VolumeId("host:/srv/db".into()),
        name: "/srv/db".into(),
        kind: VolumeKind::Declared,
        asset: AssetId("primary".into()),
    };
    Inventory { assets, volumes: vec![volume], points: vec![copy], gaps: Vec::new(), ..Inventory::default() }
}

/// The rules that are green once something was forgotten, and were not.
pub fn turned(whole: &Inventory, less: &Inventory) -> std::result::Result<(usize, bool), String> {
    let ((before, sound), (after, poorer)) = (greens(whole), greens(less));
    let turned = &after - &before;
    if !turned.is_empty() || (sound != Overall::Sound && poorer == Overall::Sound) {
        return Err(format!("{turned:?} turned green: it was {:?}", said(whole, &turned)));
    }
    Ok((after.len(), after.len() < before.len()))
}

/// Every bond between two kinds: what a copy hangs on hangs so on what the volume hangs on. A part of them, by the seed, but
/// in a campaign.
#[test]
fn every_bond_between_two_kinds_may_be_forgotten() {
    let (part, parts) = if cases(1) > 1 { (0, 1) } else { (seed() % 16, 16) };
    let pairs = KINDS.into_iter().flat_map(|above| KINDS.map(|below| (above, below)));
    let natures = || Nature::ALL.into_iter();
    // What the copy hangs on may itself be on its host.
    let ties = |copied| [false, true].map(|seated| (copied, seated));
    let ties = || natures().flat_map(move |volume| natures().flat_map(ties).map(move |tie| (volume, tie)));
    let all =
        pairs.flat_map(|pair| natures().flat_map(move |nature| ties().map(move |tie| (pair, nature, tie))));
    let (mut green, mut poorer, mut wrong) = (0, 0, Vec::new());
    for (_, ((above, below), nature, (volume, (copied, seated)))) in
        (0..).zip(all).filter(|(number, _): &(u64, _)| number % parts == part)
    {
        let tied = |bonds: Bonds| {
            let more =
                vec![asset("above", above, bonds), asset("below", below, known(Bonds::default(), &[]))];
            two_seats(&[(volume, "below")], &[(copied, "above")], more)
        };
        let seat: &[&str] = if seated { &["there-host"] } else { &[] };
        let bonds = known(stored_on(seat), &[(nature, "below")]);
        let mut forgotten = known(stored_on(seat), &[]);
        forgotten.complete.remove(nature);
        match turned(&tied(bonds), &tied(forgotten)) {
            // A disk of two hosts contradicts itself: forgetting one of them ends that.
            _ if (above, nature, below, seated) == (AssetKind::Device, Nature::StoredOn, AssetKind::Host, true) => {}
            Ok((count, fewer)) => (green, poorer) = (green + count, poorer + usize::from(fewer)),
            Err(why) => wrong.push(format!(
                "the volume {volume:?} {below:?}, the copy {copied:?} {above:?} (seated: {seated}), that {nature:?}: {why}"
            )),
        }
    }
    assert!(wrong.is_empty(), "{} of them, as: {}", wrong.len(), wrong[..wrong.len().min(20)].join("\n"));
    assert!(green > 100_000 && poorer > 1000, "{green} green, {poorer} turned");
}

/// Five things of some kinds that hang on later ones, and a volume and its copy that hang on some.
fn chained(random: &mut Random, kinds: &[AssetKind]) -> Inventory {
    const IDS: [&str; 5] = ["m0", "m1", "m2", "m3", "m4"];
    let holds = |random: &mut Random, from: usize| -> Vec<Hold> {
        let count = 1 + random.below(2);
        let one = |random: &mut Random| (Nature::ALL[random.below(6)], IDS[from + random.below(5 - from)]);
        (0..count).filter(|_| from < 5).map(|_| one(random)).collect()
    };
    let mut more = Vec::new();
    for (place, id) in IDS.iter().enumerate() {
        let seat: &[&str] = [&[] as &[&str], &[], &["here-host"], &["there-host"]][random.below(4)];
        let bonds = known(stored_on(seat), &holds(random, place + 1));
        more.push(asset(id, kinds[random.below(kinds.len())], bonds));
    }
    // A disk of two hosts contradicts itself, and so does one of a host that lies on anything but a server: forgetting the
    // host ends that.
    let of = |kind| more.iter().filter(move |asset| asset.kind == kind).map(|asset| asset.id.clone());
    let (hosts, servers): (Vec<AssetId>, Vec<AssetId>) =
        (of(AssetKind::Host).collect(), of(AssetKind::Server).collect());
    for disk in more.iter_mut().filter(|asset| asset.kind == AssetKind::Device) {
        let stored = |bond: &Bond| bond.nature == Nature::StoredOn;
        let seated = disk.bonds.list.iter().any(|bond| stored(bond) && bond.on[0].0.ends_with("-host"));
        disk.bonds.list.retain(|bond| {
            let on = &bond.on[0];
            let elsewhere = seated && !servers.contains(on) && !on.0.ends_with("-host");
            !stored(bond) || !hosts.contains(on) && !elsewhere
        });
    }
    let (volume, copied) = (holds(random, 0), holds(random, 0));
    let mut inventory = two_seats(&volume, &copied, more);
    let mode = [LockMode::None, LockMode::None, LockMode::Governance, LockMode::Compliance][random.below(4)];
    let until = (mode != LockMode::None).then(|| now() + chrono::TimeDelta::days(30));
    inventory.points[0].lock = Known::Observed(Lock { mode, until }, now());
    inventory
}

/// Seeds of estates of which a campaign found that a verdict turned green, of whatever sort: no run leaves them out.
const TURNED_ONCE: [u64; 6] = [20_296_737, 20_343_826, 40_049_244, 40_051_717, 41_020_834, 41_038_468];

/// Forgets one bond: no verdict turns green, and nothing survives any one hazard that did not.
fn one_fact_forgotten(whole: impl Fn(&mut Random) -> Inventory) {
    let (mut green, mut poorer) = (0, 0);
    let seeds = (0..cases(10_000)).map(|case| seed().wrapping_add(case));
    for seed in TURNED_ONCE.into_iter().chain(seeds) {
        let mut random = Random(seed);
        let whole = whole(&mut random);
        let mut less = whole.clone();
        let places: Vec<usize> =
            (0..less.assets.len() + 1).filter(|place| !bonds_at(&mut less, *place).list.is_empty()).collect();
        let place = places[random.below(places.len())];
        let bonds = bonds_at(&mut less, place);
        let which = random.below(bonds.list.len());
        let bond = bonds.list.remove(which);
        bonds.complete.remove(bond.nature);
        match turned(&whole, &less) {
            Ok((count, fewer)) => (green, poorer) = (green + count, poorer + usize::from(fewer)),
            Err(why) => {
                panic!("seed {seed}: forgetting {bond:?}: {why}\n{}", say(&whole))
            }
        }
        let hazard = any_hazard(&mut random, &whole);
        let (before, after) = (survivors(&whole, &hazard), survivors(&less, &hazard));
        assert!(
            after.is_subset(&before),
            "seed {seed}: forgetting {bond:?}: {hazard:?} leaves {after:?}, not {before:?}\n{}",
            say(&whole)
        );
    }
    assert!(green > 100_000 && poorer > 1000, "{green} green, {poorer} turned");
}

#[test]
fn one_fact_forgotten_where_all_else_is_known_makes_nothing_greener() {
    one_fact_forgotten(|random| chained(random, &KINDS));
}

/// The same where nobody knows what servers keep where, or what they need.
#[test]
fn one_fact_forgotten_beside_open_servers_makes_nothing_greener() {
    use AssetKind::{Credential, Device, Directory, File, Filesystem, Host, Server, Volume};
    one_fact_forgotten(|random| {
        let kinds = [Server, Server, Server, Device, Directory, File, Filesystem, Host, Credential, Volume];
        let mut whole = chained(random, &kinds);
        let servers = whole.assets.iter_mut().filter(|asset| asset.kind == Server);
        for server in servers {
            let nature = [Nature::StoredOn, Nature::StoredOn, Nature::Needs][random.below(3)];
            server.bonds.complete.remove(nature);
        }
        whole
    });
}

/// The same where it is not known of many things what they are stored on, or need.
#[test]
fn one_fact_forgotten_beside_open_storage_makes_nothing_greener() {
    one_fact_forgotten(|random| {
        let mut whole = chained(random, &KINDS);
        for asset in whole.assets.iter_mut().filter(|asset| asset.id.0.starts_with('m')) {
            let nature =
                [Nature::StoredOn, Nature::Needs, Nature::CascadesFrom, Nature::YieldedBy][random.below(4)];
            asset.bonds.complete.remove(nature);
        }
        whole
    });
}
