//! The second writing of what may lie below things without anybody having seen it.

use crate::brute::{Brute, Guard, State, States, Thing, UNSEEN, bit};
use crate::brute_cuts::Blow;
use crate::brute_kinds::{is_place, is_within};
use outlive::domain::*;
use std::collections::BTreeSet;

/// How little is known of what a thing stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Openness {
    Closed,
    Anything,
    /// A disk of a host, or a server, whose medium lies outside.
    Medium,
    Wide,
}

pub fn is_wide(kind: Option<AssetKind>) -> bool {
    class(kind).is_some_and(HazardClass::is_wide)
}

fn class(kind: Option<AssetKind>) -> Option<HazardClass> {
    kind.and_then(HazardClass::of_loss)
}

impl Brute<'_> {
    pub fn class(&self, thing: usize) -> Option<HazardClass> {
        class(self.things[thing].kind)
    }

    pub fn openness(&self, place: usize) -> Openness {
        let thing = &self.things[place];
        let (storage, needs) = (thing.open.contains(&Nature::StoredOn), thing.open.contains(&Nature::Needs));
        let outside = match thing.kind {
            Some(AssetKind::Server) => true,
            Some(AssetKind::Device) => thing.hosts > 0,
            _ => false,
        };
        if !storage && !needs {
            Openness::Closed
        } else if outside && !needs {
            Openness::Medium
        } else if self.is_wide(place) && !needs {
            Openness::Wide
        } else {
            Openness::Anything
        }
    }

    /// The classes of what may be below something beyond machines.
    pub fn wider(&self, place: usize) -> BTreeSet<HazardClass> {
        let own = self.class(place);
        let all = HazardClass::WIDE.into_iter();
        let any = matches!(own, Some(HazardClass::Provider | HazardClass::Network));
        all.filter(|class| any || Some(*class) >= own).collect()
    }

    /// Whether, by kind, an open medium or wide thing may stand on another one.
    pub fn may_be_below(&self, place: usize, other: usize) -> bool {
        let kind = self.things[other].kind;
        match self.openness(place) {
            Openness::Wide => {
                kind.is_none()
                    || self.is_wide(other)
                        && self.class(other).is_some_and(|c| self.wider(place).contains(&c))
            }
            _ => match kind {
                None | Some(AssetKind::Server) => true,
                Some(AssetKind::Device) if self.openness(other) != Openness::Closed => true,
                Some(AssetKind::Host) if self.things[place].kind == Some(AssetKind::Server) => true,
                Some(_) => false,
            },
        }
    }

    /// Whether it may fall with what nobody saw it stand on or lie in, and something rests on it.
    pub fn is_doubted(&self, place: usize) -> bool {
        let bears = self.assets().any(|other| other != place && self.rests_on(other).contains(&place));
        let narrow = matches!(self.openness(place), Openness::Medium | Openness::Wide);
        let lies = self.undeclared(place).iter().any(|class| class.is_wide()) || self.may_be_kept(place);
        let lies = lies && self.falls_with.contains(&place);
        bears && (narrow || lies) && self.things[place].point.is_none()
    }

    /// Whether it lies lowest in its stack: below it are only declared things beyond machines.
    fn is_lowest(&self, place: usize) -> bool {
        use AssetKind::{Catalogue, Credential, Identity, Key};
        let thing = &self.things[place];
        let acts = |kind| matches!(kind, Some(Credential | Identity | Key | Catalogue));
        let mut on = thing.bonds.iter().filter(|bond| bond.0 == Nature::StoredOn).flat_map(|bond| &bond.1);
        let no_seat = |on: &usize| {
            self.is_wide(*on) || acts(self.things[*on].kind) || self.rests_on(*on).contains(&place)
        };
        let elsewhere = thing.kind == Some(AssetKind::Server) && thing.open.contains(&Nature::StoredOn);
        !acts(thing.kind) && !self.is_wide(place) && (elsewhere || on.all(no_seat))
    }

    pub fn has_standing(&self, place: usize) -> bool {
        self.is_wide(place) || self.is_lowest(place)
    }

    /// The classes of which it names nothing, of the lowest of a stack.
    pub fn undeclared(&self, place: usize) -> BTreeSet<HazardClass> {
        use HazardClass::{Device, File, Filesystem, Host};
        if !self.is_lowest(place) {
            return BTreeSet::new();
        }
        let thing = &self.things[place];
        let named: BTreeSet<HazardClass> =
            self.lies_on(place).into_iter().filter_map(|on| self.class(on)).collect();
        let open = thing.open.contains(&Nature::StoredOn);
        let mut classes: BTreeSet<HazardClass> =
            HazardClass::WIDE.into_iter().filter(|class| open || !named.contains(class)).collect();
        let floats = matches!(thing.kind, Some(AssetKind::Volume | AssetKind::Bucket));
        if thing.point.is_some() || floats {
            classes.extend([File, Filesystem, Device, Host]);
        }
        classes
    }

    /// Whether both are known to the bottom and on different things of a class.
    fn differ_in(&self, one: usize, two: usize, class: HazardClass) -> bool {
        self.differ_where(one, two, |on| self.class(on) == Some(class))
    }

    fn differ_where(&self, one: usize, two: usize, is_it: impl Fn(usize) -> bool) -> bool {
        let known = |place: usize| {
            let below = self.rests_on(place);
            let closed = |on: &usize| {
                let open = &self.things[*on].open;
                !open.contains(&Nature::StoredOn) && !open.contains(&Nature::Needs)
            };
            let all = below.iter().all(closed);
            let of: BTreeSet<usize> = self.lies_on(place).into_iter().filter(|on| is_it(*on)).collect();
            (all, of)
        };
        let ((one, on_one), (two, on_two)) = (known(one), known(two));
        one && two && !on_one.is_empty() && !on_two.is_empty() && on_one.is_disjoint(&on_two)
    }

    pub fn is_apart(&self, one: usize, two: usize, class: HazardClass) -> bool {
        use HazardClass::{Account, Host, Provider, Region, Site};
        if !self.has_standing(one) || !self.has_standing(two) {
            return false;
        }
        let by: &[HazardClass] = match class {
            Region | Account => &[Provider],
            Host => &[Site, Region, Provider],
            _ => &[],
        };
        by.iter().any(|by| self.differ_in(one, two, *by))
    }

    /// Whether what names nothing of that class may lie in `other`.
    pub fn may_lie_in(&self, place: usize, other: usize) -> bool {
        let class = self.class(other).filter(|class| class.is_wide());
        class.is_some_and(|class| {
            self.undeclared(place).contains(&class) && !self.is_apart(place, other, class)
        })
    }

    /// Itself and all that it is stored on.
    pub fn lies_on(&self, thing: usize) -> BTreeSet<usize> {
        let mut below = BTreeSet::from([thing]);
        loop {
            let all = below.iter().flat_map(|thing| &self.things[*thing].bonds);
            let more: BTreeSet<usize> =
                all.filter(|bond| bond.0 == Nature::StoredOn).flat_map(|bond| bond.1.clone()).collect();
            let before = below.len();
            below.extend(more);
            if below.len() == before {
                return below;
            }
        }
    }

    fn is_within(&self, thing: usize) -> bool {
        use HazardClass::{Device, File, Filesystem, Host};
        self.class(thing).is_some_and(|class| [File, Filesystem, Device, Host].contains(&class))
    }

    /// Whether it is a point of which somebody said where it is, and named no machine.
    pub fn is_vague(&self, point: usize) -> bool {
        let said = self.things[point].point.is_some() && self.things[point].hearsay;
        said && !self.is_seated(point, &mut BTreeSet::new())
    }

    /// Whether bytes lie within a machine that is named; they do not lie where a key, a catalogue or somebody is kept.
    fn is_seated(&self, thing: usize, seen: &mut BTreeSet<usize>) -> bool {
        use AssetKind::{Catalogue, Credential, Identity, Key};
        let of = &self.things[thing];
        if matches!(of.kind, Some(Credential | Identity | Key | Catalogue)) || !seen.insert(thing) {
            return false;
        }
        let stored: Vec<usize> = of
            .bonds
            .iter()
            .filter(|bond| bond.0 == Nature::StoredOn)
            .flat_map(|bond| bond.1.clone())
            .collect();
        self.is_within(thing) || stored.into_iter().any(|on| self.is_seated(on, seen))
    }

    /// Whether such a point may be on a machine, or on a part of one.
    pub fn may_be_on(&self, point: usize, part: usize) -> bool {
        use AssetKind::{Account, Organisation, Project};
        use HazardClass::{Provider, Region, Site};
        let in_another = |kind| self.differ_where(point, part, |on| self.things[on].kind == Some(kind));
        let apart = [Site, Region, Provider].into_iter().any(|by| self.differ_in(point, part, by))
            || [Project, Account, Organisation].into_iter().any(in_another);
        self.is_vague(point) && self.is_within(part) && !apart
    }

    /// The classes of what may be below an open thing, unseen.
    pub fn hidden(&self, place: usize) -> BTreeSet<HazardClass> {
        use HazardClass::{Device, File, Filesystem, Host};
        match self.openness(place) {
            Openness::Closed => BTreeSet::new(),
            Openness::Medium => {
                // What may stand on anything may share a file with it.
                let anything = |thing| self.openness(thing) == Openness::Anything;
                let shares = (0..self.things.len()).any(anything);
                if shares { [File, Filesystem, Device, Host].into() } else { [Device, Host].into() }
            }
            Openness::Wide => self.wider(place),
            Openness::Anything => {
                [File, Filesystem, Device, Host].into_iter().chain(HazardClass::WIDE).collect()
            }
        }
    }

    /// Whether something unseen of a class, below one, may be below the other one too.
    pub fn may_share(&self, one: usize, other: usize, class: HazardClass) -> bool {
        let hides = self.hidden(other).contains(&class) || self.undeclared(other).contains(&class);
        hides && !self.is_apart(one, other, class)
    }

    /// The loss of something below a thing that nobody saw; of a class that nobody declared, where one is given.
    pub fn unseen(&self, root: usize, class: Option<HazardClass>) -> Blow {
        let mut possible = bit(root, State::Lost);
        let is_open = self.openness(root) != Openness::Closed;
        let is_within = class.is_none() || class == Some(HazardClass::Host) && is_open;
        for other in self.scope.iter().copied().filter(|other| *other != root) {
            let anything = matches!(self.openness(other), Openness::Anything | Openness::Medium)
                || is_within && self.is_vague(other);
            if anything || class.is_some_and(|class| self.may_share(root, other, class)) {
                possible |= bit(other, State::Lost);
            }
        }
        let lost = Blow { possible, far: self.unseen_far(root, class) | UNSEEN, ..Blow::default() };
        match class {
            Some(HazardClass::Account | HazardClass::Provider) => lost | self.closing_unseen(),
            _ => lost,
        }
    }

    pub fn is_volume(&self, place: usize) -> bool {
        self.inventory.volumes.iter().any(|volume| self.asset(&volume.asset) == Some(place))
    }

    /// Storage within a machine that is known, and nowhere else: who holds the machine holds it, and nobody else.
    fn is_held_with_its_host(&self, place: usize) -> bool {
        use AssetKind::Host;
        let of_volume = self.is_volume(place);
        let storage = !of_volume && is_within(self.things[place].kind);
        let whole = !self.things[place].open.contains(&Nature::StoredOn);
        storage && whole && self.rests_on(place).iter().any(|below| self.things[*below].kind == Some(Host))
    }

    /// Whether somebody nobody named may delete it.
    pub fn hands_unknown(&self, place: usize) -> bool {
        self.hands_unknown_of(place, self.top == Some(place), false)
    }

    /// The same of what is elsewhere.
    pub fn hands_unknown_far(&self, place: usize) -> bool {
        self.hands_unknown_of(place, false, true)
    }

    fn hands_unknown_of(&self, place: usize, is_top: bool, far: bool) -> bool {
        let open = |nature: &Nature| self.things[place].open.contains(nature);
        let by = [Nature::DeletableBy, Nature::AdministeredBy];
        self.can_be_deleted(place, is_top, far)
            && by.into_iter().any(|nature| open(&nature) && self.reaches(place, nature).0)
    }

    fn can_be_deleted(&self, place: usize, is_top: bool, far: bool) -> bool {
        use AssetKind::*;
        match self.things[place].kind {
            _ if is_top => true,
            None => true,
            kind if is_place(kind) => false,
            Some(Credential | Identity) if far => self.is_missed(place),
            Some(Credential | Identity) => self.goes_with.contains(&place),
            Some(_) => !self.is_held_with_its_host(place),
        }
    }

    /// Whether that it is deleted is anything to others: who only acts is missed by what goes along, or may need it.
    pub fn is_missed(&self, place: usize) -> bool {
        use AssetKind::{Credential, Identity};
        let open = || (0..self.things.len()).any(|thing| self.openness(thing) == Openness::Anything);
        let acts = matches!(self.things[place].kind, Some(Credential | Identity));
        !acts || open() || self.is_on(place, &[Nature::StoredOn, Nature::Needs, Nature::CascadesFrom], true)
    }

    /// Whether somebody nobody named may delete what takes it along.
    pub fn cascade_unknown(&self, place: usize) -> bool {
        let nature = Nature::CascadesFrom;
        self.things[place].open.contains(&nature) && self.reaches(place, nature).0
    }

    /// What nobody acts as, unless somebody says so.
    pub fn is_place(&self, place: usize) -> bool {
        is_place(self.things[place].kind)
    }

    /// Whether anything that is looked at, or anything at all, names it in such a bond.
    fn is_on(&self, place: usize, natures: &[Nature], far: bool) -> bool {
        // As far as somebody else could be, of whom nobody said it.
        let hands = |thing: usize, nature: Nature| {
            self.reaches(thing, nature).0 && self.can_be_deleted(thing, self.top == Some(thing), false)
        };
        let had = |thing: usize| {
            let Thing { point, kind, .. } = &self.things[thing];
            point.is_none() && !is_place(*kind) && !self.is_held_with_its_host(thing)
        };
        let matters = |thing: usize, nature: Nature| match nature {
            Nature::StoredOn | Nature::Needs | Nature::CascadesFrom => false,
            Nature::DeletableBy => hands(thing, nature),
            Nature::AdministeredBy | Nature::YieldedBy => hands(thing, nature) || had(thing),
        };
        let names = |thing: usize| {
            let named = self.things[thing].bonds.iter().filter(|bond| bond.1.contains(&place));
            let mut named = named.map(|bond| bond.0).filter(|nature| natures.contains(nature));
            named.any(|nature| far || matters(thing, nature))
        };
        (0..self.things.len()).any(|thing| (far || self.scope.contains(&thing)) && names(thing))
    }

    /// Whether somebody whom nobody named may act as a place that is somebody's holder, deleter or source.
    pub fn actor_unknown(&self, place: usize, far: bool) -> bool {
        let open = |nature| self.things[place].open.contains(&nature);
        self.is_place(place)
            && self.is_on(place, &[Nature::DeletableBy, Nature::AdministeredBy, Nature::YieldedBy], far)
            && (open(Nature::AdministeredBy) || open(Nature::StoredOn))
    }

    /// That somebody holds one of the things that something is stored on: a network holds nothing.
    pub fn holders(&self, on: &BTreeSet<usize>) -> States {
        let holds = on.iter().filter(|on| self.things[**on].kind != Some(AssetKind::Network));
        holds.map(|on| bit(*on, State::Held)).sum()
    }

    /// What holds of things when hands do with them what they may: of places, that somebody acts as them.
    pub fn at_hand(&self, on: &BTreeSet<usize>) -> States {
        let state = |thing| if self.is_place(thing) { State::Gone } else { State::Held };
        on.iter().map(|on| bit(*on, state(*on))).sum()
    }

    /// Whether somebody may get hold of it in a way nobody named.
    pub fn origin_unknown(&self, place: usize) -> bool {
        use AssetKind::*;
        let thing = &self.things[place];
        let open = |nature| thing.open.contains(&nature);
        match thing.kind {
            None if thing.point.is_some() => false,
            None | Some(Credential | Identity) => {
                open(Nature::YieldedBy) || open(Nature::AdministeredBy) || open(Nature::StoredOn)
            }
            Some(Key | Catalogue) => open(Nature::AdministeredBy) || open(Nature::StoredOn),
            Some(_) if self.is_place(place) => false,
            Some(_) if self.is_held_with_its_host(place) => false,
            Some(_) => open(Nature::AdministeredBy) || open(Nature::StoredOn),
        }
    }
}

/// What keeps deletion off a point at a moment.
pub fn guard(point: &RecoveryPoint, now: Timestamp) -> Guard {
    let Some(lock) = point.lock.value() else { return Guard::Unclear };
    let ended = lock.until.is_some_and(|until| until <= now);
    match lock.mode {
        LockMode::None => Guard::Open,
        LockMode::LegalHold => Guard::Liftable,
        _ if ended => Guard::Open,
        _ if lock.until.is_none() => Guard::Unclear,
        LockMode::Compliance => Guard::Shut,
        LockMode::Governance => Guard::Liftable,
    }
}
