//! Judging written a second time, plainly: every rule of every thing, swept until nothing changes. It shares no code with
//! the engine.

use crate::brute_far::Far;
use crate::brute_kinds::{Holder, is_place};
use crate::brute_unseen::{guard, is_wide};
use outlive::domain::*;
use std::collections::{BTreeMap, BTreeSet};

/// What can happen to a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Lost,
    Deleted,
    Held,
    Struck,
    /// Of a bucket: lost otherwise than by its deletion. Of what is named and was never seen: lost itself.
    Gone,
    /// Something is lost that it may stand on.
    With,
    /// Something was struck that it may stand on, however far below.
    Beneath,
}

/// States of things that hold: one bit each.
pub type States = u128;

pub fn bit(thing: usize, state: State) -> States {
    1 << (thing * 7 + state as usize)
}

/// That something was lost that nobody saw.
pub const UNSEEN: States = 1 << 127;

#[derive(Debug, Clone)]
pub struct Thing {
    /// "host a3".
    pub label: String,
    /// None of a point, and of what is named and was never seen.
    pub kind: Option<AssetKind>,
    /// The place of a point in its inventory.
    pub point: Option<usize>,
    pub bonds: Vec<(Nature, BTreeSet<usize>, usize)>,
    pub open: BTreeSet<Nature>,
    /// Whether somebody only said where it is stored, or said nothing.
    pub hearsay: bool,
    /// How many hosts it is said to be stored on.
    pub hosts: usize,
    /// Whether a lock keeps deletion off: by nobody, by some, by nobody knows whom.
    guard: Guard,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    Open,
    Liftable,
    Shut,
    Unclear,
}

#[derive(Debug)]
struct Rule {
    head: States,
    from: States,
    need: u32,
    certain: bool,
}

/// One inventory, every point a thing of its own.
pub struct Brute<'i> {
    pub inventory: &'i Inventory,
    pub now: Timestamp,
    pub things: Vec<Thing>,
    /// The asset of the volume that is judged.
    pub top: Option<usize>,
    /// What is looked at.
    pub scope: BTreeSet<usize>,
    /// With what of that the volume and its points go where it is deleted.
    pub goes_with: BTreeSet<usize>,
    /// The same where it is lost in whatever way.
    pub falls_with: BTreeSet<usize>,
    /// What falls with what nobody saw it stand on only where something was struck that may be below it.
    pub doubted: BTreeSet<usize>,
    rules: Vec<Rule>,
    pub far: Far,
}

/// What is asked about.
pub enum Of<'a> {
    Volume(&'a Volume),
    /// A point, by its place, with what strikes it.
    Point(usize),
}

impl<'i> Brute<'i> {
    pub fn new(inventory: &'i Inventory, of: Of<'_>, struck: &[AssetId], now: Timestamp) -> Self {
        let (things, scope, goes_with) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        let (rules, far, doubted) = (Vec::new(), Far::default(), BTreeSet::new());
        let falls_with = BTreeSet::new();
        let mut brute =
            Self { inventory, now, things, top: None, scope, goes_with, falls_with, doubted, rules, far };
        let mut places: BTreeMap<&AssetId, usize> = BTreeMap::new();
        let blank = |label: String, kind, point, guard| Thing {
            label,
            kind,
            point,
            bonds: Vec::new(),
            open: BTreeSet::new(),
            hearsay: false,
            hosts: 0,
            guard,
        };
        for asset in &inventory.assets {
            places.insert(&asset.id, brute.things.len());
            let label = format!("{} {}", asset.kind.word(), asset.name);
            brute.things.push(blank(label, Some(asset.kind), None, Guard::Open));
        }
        let of_assets = inventory.assets.iter().map(|asset| &asset.bonds);
        let all = of_assets.chain(inventory.points.iter().map(|point| &point.bonds));
        let named = all.flat_map(|bonds| &bonds.list).flat_map(|bond| &bond.on);
        for id in named.chain(inventory.volumes.iter().map(|volume| &volume.asset)) {
            if !places.contains_key(id) {
                places.insert(id, brute.things.len());
                let mut ghost = blank(format!("asset {id}"), None, None, Guard::Open);
                ghost.open = Nature::ALL.into();
                brute.things.push(ghost);
            }
        }
        for (place, point) in inventory.points.iter().enumerate() {
            let label = format!("{} {}", point.kind.word(), point.name);
            brute.things.push(blank(label, None, Some(place), guard(point, now)));
        }
        let first_point = brute.things.len() - inventory.points.len();
        let assets = inventory.assets.iter().enumerate().map(|(place, asset)| (place, &asset.bonds));
        let points = inventory.points.iter().enumerate();
        let points = points.map(|(place, point)| (first_point + place, &point.bonds));
        for (thing, bonds) in assets.chain(points) {
            brute.tie(thing, bonds, &places);
        }
        match of {
            Of::Volume(volume) => {
                brute.top = places.get(&volume.asset).copied();
                brute.scope = brute.bears_on(volume);
            }
            Of::Point(place) => brute.scope = brute.closed([first_point + place].into()),
        }
        brute.scope.extend(struck.iter().filter_map(|asset| places.get(asset)));
        brute.scope = brute.closed(brute.scope.clone());
        assert!(brute.things.len() <= 18, "each thing has seven bits");
        (brute.falls_with, brute.goes_with) = brute.find_carriers();
        brute.doubted = brute.scope.iter().copied().filter(|thing| brute.is_doubted(*thing)).collect();
        brute.known_rules();
        brute.doubtful_rules();
        brute.far = brute.look_far();
        brute
    }

    fn tie(&mut self, thing: usize, bonds: &Bonds, places: &BTreeMap<&AssetId, usize>) {
        let kinds: Vec<_> = self.things.iter().map(|thing| thing.kind).collect();
        let is_volume = self.is_volume(thing);
        let thing = &mut self.things[thing];
        thing.open = Nature::ALL.into_iter().filter(|nature| !bonds.is_complete(*nature)).collect();
        let valid = |bond: &&Bond| (1..=bond.on.len()).contains(&bond.dies_at);
        let mut stored = bonds.list.iter().filter(|bond| bond.nature == Nature::StoredOn).filter(valid);
        thing.hearsay = stored.all(|bond| matches!(bond.how, How::Declared(_)));
        let on = |bond: &Bond| -> BTreeSet<usize> { bond.on.iter().map(|id| places[id]).collect() };
        let every = bonds.list.iter().filter(|bond| bond.nature == Nature::StoredOn).flat_map(on);
        let hosts: BTreeSet<usize> = every.filter(|on| kinds[*on] == Some(AssetKind::Host)).collect();
        thing.hosts = hosts.len();
        let holder =
            Holder { kind: thing.kind, is_point: thing.point.is_some(), is_volume, hosts: thing.hosts };
        for bond in &bonds.list {
            let on = on(bond);
            let means_something = holder.may_have(bond.nature, on.iter().map(|on| kinds[*on]));
            if (1..=on.len()).contains(&bond.dies_at) && means_something {
                thing.bonds.push((bond.nature, on, bond.dies_at));
            } else {
                thing.open.insert(bond.nature);
            }
        }
    }

    pub fn thing(&self, label: &str) -> Option<usize> {
        self.things.iter().position(|thing| thing.label == label)
    }

    pub fn asset(&self, id: &AssetId) -> Option<usize> {
        let seen = self.inventory.assets.iter().position(|asset| asset.id == *id);
        seen.or_else(|| self.thing(&format!("asset {id}")))
    }

    pub fn thing_of(&self, place: usize) -> usize {
        self.things.iter().position(|thing| thing.point == Some(place)).unwrap()
    }

    pub fn rule(&mut self, head: States, need: usize, from: States, certain: bool) {
        self.rules.push(Rule { head, from, need: need as u32, certain });
    }

    /// Whether a deletion of this sort can reach it, and whether it surely does.
    pub fn reaches(&self, thing: usize, nature: Nature) -> (bool, bool) {
        match self.things[thing].guard {
            Guard::Open => (true, true),
            Guard::Shut => (false, false),
            Guard::Liftable => (true, nature == Nature::AdministeredBy),
            Guard::Unclear => (true, false),
        }
    }

    fn known_rules(&mut self) {
        use AssetKind::*;
        use State::*;
        for place in self.scope.clone() {
            let thing = self.things[place].clone();
            let is_point = thing.point.is_some();
            self.rule(bit(place, Lost), 1, bit(place, Deleted), true);
            if !is_point {
                self.rule(bit(place, Struck), 1, bit(place, Deleted), true);
                if self.is_place(place) {
                    self.rule(bit(place, Gone), 1, bit(place, Held), true);
                }
                if matches!(thing.kind, Some(Project | Account | Organisation)) {
                    self.rule(bit(place, Deleted), 1, bit(place, Lost), true);
                }
                match thing.kind {
                    Some(Credential | Identity | Key | Catalogue) => {}
                    kind if is_place(kind) => {}
                    kind => self.rule(bit(place, Deleted), 1, bit(place, Held), kind.is_some()),
                }
            }
            for (nature, on, need) in &thing.bonds {
                let (hands, holders) = (self.at_hand(on), self.holders(on));
                let of = |state| match (nature, state) {
                    (_, Lost | Deleted) => on.iter().map(|on| bit(*on, state)).sum(),
                    (Nature::StoredOn, _) => holders,
                    _ => hands,
                };
                let (may, surely) = self.reaches(place, *nature);
                if matches!(nature, Nature::StoredOn | Nature::Needs) {
                    self.stands_or_falls(place, on, *need);
                }
                let (falls_with, state) = match nature {
                    Nature::StoredOn | Nature::Needs => (None, Lost),
                    Nature::CascadesFrom => (may.then_some(Deleted), Deleted),
                    Nature::DeletableBy | Nature::AdministeredBy => (may.then_some(Deleted), Held),
                    Nature::YieldedBy => (None, Held),
                };
                if *nature == Nature::CascadesFrom {
                    self.closing(place, on, *need);
                }
                if let Some(head) = falls_with {
                    self.rule(bit(place, head), *need, of(state), surely);
                }
                let opens = matches!(nature, Nature::AdministeredBy | Nature::StoredOn | Nature::YieldedBy);
                if opens && !is_point {
                    let need = if *nature == Nature::StoredOn { 1 } else { *need };
                    self.rule(bit(place, Held), need, of(Held), true);
                }
            }
        }
    }

    /// With what it stands on or needs. What is under a lock that nobody lifts only perhaps goes with a bucket that is
    /// deleted: a store may refuse that.
    fn stands_or_falls(&mut self, place: usize, on: &BTreeSet<usize>, need: usize) {
        use State::*;
        let is_bucket = |thing: usize| self.things[thing].kind == Some(AssetKind::Bucket);
        let lost = on.iter().map(|on| bit(*on, Lost)).sum();
        let gone = on.iter().map(|on| bit(*on, if is_bucket(*on) { Gone } else { Lost })).sum();
        let shut = matches!(self.things[place].guard, Guard::Shut | Guard::Unclear);
        let of_bucket = is_bucket(place);
        self.rule(bit(place, Lost), need, lost, !shut || gone == lost);
        self.rule(bit(place, Lost), need, gone, shut);
        if of_bucket {
            self.rule(bit(place, Gone), need, lost, true);
        }
    }

    /// Whose closing ends a lock: an account's surely, a project's perhaps.
    fn closing(&mut self, place: usize, on: &BTreeSet<usize>, need: usize) {
        use AssetKind::*;
        let of = |kinds: &[AssetKind]| {
            let closed =
                on.iter().filter(|on| self.things[**on].kind.is_some_and(|kind| kinds.contains(&kind)));
            closed.map(|on| bit(*on, State::Deleted)).sum::<States>()
        };
        let (surely, perhaps) = (of(&[Account, Organisation]), of(&[Account, Organisation, Project]));
        if self.things[place].guard != Guard::Open {
            self.rule(bit(place, State::Deleted), need, surely, true);
            self.rule(bit(place, State::Deleted), need, perhaps, false);
        }
    }

    /// What it names as storage or need.
    pub fn direct(&self, thing: usize) -> BTreeSet<usize> {
        let below =
            |bond: &&(Nature, BTreeSet<usize>, usize)| matches!(bond.0, Nature::StoredOn | Nature::Needs);
        self.things[thing].bonds.iter().filter(below).flat_map(|bond| bond.1.iter().copied()).collect()
    }

    /// Itself and all below it.
    pub fn rests_on(&self, thing: usize) -> BTreeSet<usize> {
        let mut below = BTreeSet::from([thing]);
        loop {
            let more: BTreeSet<usize> = below.iter().flat_map(|thing| self.direct(*thing)).collect();
            let before = below.len();
            below.extend(more);
            if below.len() == before {
                return below;
            }
        }
    }

    /// What holds in the end, for certain.
    pub fn surely(&self, mut states: States) -> States {
        while self.round(&mut states, false) {}
        states
    }

    /// What may hold in the end, with what happens elsewhere.
    pub fn perhaps(&self, mut states: States, mut there: States) -> States {
        loop {
            let before = there;
            let moved = self.round(&mut states, true);
            let own = states;
            self.far_round(&self.far, &mut states, &mut there);
            if !moved && before == there && own == states {
                return states;
            }
        }
    }

    fn round(&self, states: &mut States, possible: bool) -> bool {
        let before = *states;
        for rule in self.rules.iter().filter(|rule| possible || rule.certain) {
            if (*states & rule.from).count_ones() >= rule.need {
                *states |= rule.head;
            }
        }
        *states != before
    }

    pub fn is_wide(&self, thing: usize) -> bool {
        is_wide(self.things[thing].kind)
    }
}
