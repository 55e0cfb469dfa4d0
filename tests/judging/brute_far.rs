//! The second writing of what happens elsewhere in an estate, outside what a volume hangs on: taken widely, so that any
//! one of several supports is enough.

use crate::brute::{Brute, State, States, UNSEEN, bit};
use crate::brute_cuts::Act;
use crate::brute_kinds::is_place;
use crate::brute_unseen::Openness;
use outlive::domain::*;
use std::collections::BTreeSet;

/// Elsewhere: that it is lost with what nobody saw it stand on or lie in. In scope the same bit is another state.
pub const FALLEN: State = State::With;

/// What may happen elsewhere: assets lost, deleted and held, by the same bits as in scope.
#[derive(Debug, Default)]
pub struct Far {
    /// The first holds when any of the second do.
    pub rules: Vec<(States, States)>,
    /// The same from elsewhere into the scope.
    pub near: Vec<(States, States)>,
    /// What somebody who holds anything may do.
    pub by_hands: States,
    by_deletion: States,
    /// What may stand on what nobody saw being struck.
    by_strike: States,
    /// What may need, or stand on, what nobody saw.
    pub needs: States,
}

impl Far {
    /// With an account that nobody saw may go what goes with any deletion, or stands on anything that is struck.
    pub fn closed_unseen(&self) -> States {
        self.by_deletion | self.by_strike
    }
}

impl Brute<'_> {
    pub fn assets(&self) -> impl Iterator<Item = usize> + Clone {
        let things = &self.things;
        (0..things.len()).filter(move |thing| things[*thing].point.is_none())
    }

    pub fn all(&self, state: State, mut of: impl FnMut(usize) -> bool) -> States {
        self.assets().filter(|thing| of(*thing)).map(|thing| bit(thing, state)).sum()
    }

    pub fn look_far(&self) -> Far {
        let mut far = Far::default();
        for thing in self.assets() {
            self.far_of_kind(thing, &mut far);
            self.far_of_bonds(thing, &mut far);
            self.far_unseen(thing, &mut far);
        }
        self.far_shares(&mut far);
        for thing in self.scope.iter().copied() {
            self.nearing(thing, &mut far);
        }
        far
    }

    fn far_of_kind(&self, thing: usize, far: &mut Far) {
        use AssetKind::*;
        let of = |state| bit(thing, state);
        far.rules.push((of(State::Lost), of(State::Deleted)));
        far.rules.push((of(State::Struck), of(State::Deleted)));
        match self.things[thing].kind {
            Some(Credential | Identity | Key | Catalogue) => {}
            kind if is_place(kind) => {
                far.rules.push((of(State::Gone), of(State::Held)));
            }
            Some(Project | Account | Organisation) => {
                far.rules.push((of(State::Deleted), of(State::Held)));
                far.rules.push((of(State::Deleted), of(State::Lost)));
            }
            _ => far.rules.push((of(State::Deleted), of(State::Held))),
        }
    }

    fn far_of_bonds(&self, thing: usize, far: &mut Far) {
        use State::{Deleted, Held, Lost};
        for (nature, on, _) in &self.things[thing].bonds {
            let any = |state| match state {
                Lost | Deleted => on.iter().map(|on| bit(*on, state)).sum::<States>(),
                _ => self.at_hand(on),
            };
            let mut leads = |head, from| far.rules.push((bit(thing, head), any(from)));
            match nature {
                Nature::StoredOn => {
                    leads(Lost, Lost);
                    far.rules.push((bit(thing, Held), self.holders(on)));
                }
                Nature::Needs => leads(Lost, Lost),
                Nature::CascadesFrom => leads(Deleted, Deleted),
                Nature::DeletableBy => leads(Deleted, Held),
                Nature::AdministeredBy => {
                    leads(Deleted, Held);
                    leads(Held, Held);
                }
                Nature::YieldedBy => leads(Held, Held),
            }
        }
    }

    fn far_unseen(&self, thing: usize, far: &mut Far) {
        let lost = bit(thing, State::Lost);
        let free = |other: &usize| *other != thing && !self.rests_on(*other).contains(&thing);
        match self.openness(thing) {
            Openness::Closed => {}
            Openness::Anything => {
                far.by_strike |= lost;
                far.rules.push((lost, self.all(State::Struck, |other| free(&other))));
            }
            Openness::Medium | Openness::Wide => {}
        }
        let fallen = bit(thing, FALLEN);
        far.rules.push((lost, fallen));
        let anything = |of: &usize| self.openness(*of) == Openness::Anything;
        let takes = |of: &usize| anything(of) && *of != thing && !self.rests_on(thing).contains(of);
        self.assets().filter(takes).for_each(|of| far.rules.push((bit(of, State::Lost), fallen)));
        // Whatever else is not known of it: more may only be more.
        let stored = self.things[thing].open.contains(&Nature::StoredOn);
        let kind = self.things[thing].kind;
        if stored && matches!(kind, None | Some(AssetKind::Device | AssetKind::Server)) {
            far.rules.push((fallen, self.all(State::Lost, |other| self.is_kin(other))));
        }
        if stored && (kind.is_none() || self.is_wide(thing)) {
            let wide = |other: &usize| self.class(*other).is_some_and(|of| self.wider(thing).contains(&of));
            let may = |other: usize| free(&other) && self.is_wide(other) && wide(&other);
            far.rules.push((fallen, self.all(State::Lost, may)));
            let ghost = |other: usize| free(&other) && self.things[other].kind.is_none();
            far.rules.push((fallen, self.all(State::Gone, ghost)));
        }
        far.needs |= if self.openness(thing) == Openness::Closed { 0 } else { lost };
        let lies =
            |other| free(&other) && self.class(other).is_some_and(|class| self.lies_far(thing, other, class));
        far.rules.push((fallen, self.all(State::Lost, lies)));
        let open = |nature| self.things[thing].open.contains(&nature);
        if open(Nature::CascadesFrom) {
            far.by_hands |= bit(thing, State::Deleted);
            far.by_deletion |= bit(thing, State::Deleted);
        }
        if self.may_be_within(thing) {
            far.rules.push((bit(thing, State::Held), self.all(State::Held, |of| self.holds_places(of))));
        }
        let (origin, hands) = (self.origin_unknown(thing), self.hands_unknown_far(thing));
        far.by_hands |= if origin { bit(thing, State::Held) } else { 0 };
        far.by_hands |= if self.actor_unknown(thing, true) { bit(thing, State::Gone) } else { 0 };
        far.by_hands |= if hands { bit(thing, State::Deleted) } else { 0 };
    }

    /// Whether what names nothing of a class may lie in another thing of that class, or share it unseen.
    fn lies_far(&self, thing: usize, other: usize, class: HazardClass) -> bool {
        class.is_wide() && self.undeclared(thing).contains(&class) && !self.apart_far(thing, other, class)
    }

    fn apart_far(&self, one: usize, two: usize, class: HazardClass) -> bool {
        matches!(class, HazardClass::Account | HazardClass::Region) && self.is_apart(one, two, class)
    }

    fn is_kin(&self, thing: usize) -> bool {
        match self.things[thing].kind {
            None | Some(AssetKind::Server | AssetKind::Host) => true,
            Some(AssetKind::Device) if self.openness(thing) != Openness::Closed => true,
            Some(_) => false,
        }
    }

    /// What from elsewhere may take something in scope along.
    fn nearing(&self, thing: usize, far: &mut Far) {
        let lost = bit(thing, State::Lost);
        let other = |other: usize| other != thing;
        let free = |other: usize| other != thing && !self.rests_on(other).contains(&thing);
        let deleted = self.all(State::Deleted, free);
        if self.doubted.contains(&thing) {
            let missed = self.all(State::Deleted, |of| free(of) && self.is_missed(of));
            far.near.push((bit(thing, State::Beneath), missed | UNSEEN));
        }
        if self.may_be_within(thing) {
            let held = self.all(State::Held, |of| free(of) && self.may_hold(of, thing));
            far.near.push((bit(thing, State::Held), held));
        }
        let below = match self.openness(thing) {
            Openness::Closed => 0,
            Openness::Anything => {
                far.near.push((lost, deleted));
                0
            }
            Openness::Medium => self.all(State::Lost, |other| free(other) && self.may_be_below(thing, other)),
            Openness::Wide => self.all(State::Lost, |other| {
                free(other) && self.may_be_below(thing, other) && self.things[other].kind.is_some()
            }),
        };
        let lies = self.all(State::Lost, |of| {
            free(of) && self.class(of).is_some_and(|class| self.lies_far(thing, of, class))
        });
        let berths = [State::Deleted, State::Struck];
        let berths = berths.map(|state| self.all(state, |of| self.may_be_on(thing, of)));
        far.near.push((self.may_be_lost(thing), below | lies));
        far.near.push((lost, berths[0] | berths[1]));
        self.nearing_shares(thing, far);
        if self.things[thing].open.contains(&Nature::CascadesFrom) {
            use AssetKind::{Account, Organisation, Project};
            let reached = self.reaches(thing, Nature::CascadesFrom).0;
            let closed = |of: usize| matches!(self.things[of].kind, Some(Project | Account | Organisation));
            let from = self.all(State::Deleted, |of| reached || (other(of) && closed(of)));
            far.near.push((bit(thing, State::Deleted), from));
        }
    }

    /// What may be lost elsewhere with what nobody saw below a thing; of a class, where one is given. What was not seen may
    /// be any of what is known.
    pub fn unseen_far(&self, root: usize, class: Option<HazardClass>) -> States {
        use HazardClass::{Device, File, Filesystem, Host};
        let beyond = class.filter(|class| class.is_wide());
        self.all(State::Lost, |other| {
            let of = self.class(other);
            let within = of.is_some_and(|of| [File, Filesystem, Device, Host].contains(&of));
            let hides = self.hidden(other).union(&self.undeclared(other)).any(|of| *of == Host);
            let narrow = matches!(self.openness(other), Openness::Wide | Openness::Closed);
            let hides_machine = class.is_none() && narrow && hides;
            let is_it = match beyond {
                Some(class) => of == beyond && !self.apart_far(root, other, class),
                None => within || hides_machine,
            };
            is_it
                || match self.openness(other) {
                    Openness::Anything | Openness::Medium => true,
                    _ => class.is_some_and(|class| {
                        let hides =
                            self.hidden(other).contains(&class) || self.undeclared(other).contains(&class);
                        hides && !self.apart_far(root, other, class)
                    }),
                }
        })
    }

    /// What may be taken over elsewhere where an account below a thing is that nobody declared, or else a machine.
    pub fn taken_far(&self, root: usize, account: bool) -> States {
        use AssetKind::*;
        self.all(State::Held, |other| match self.things[other].kind {
            Some(Project | Account | Organisation) => {
                account && !self.apart_far(root, other, HazardClass::Account)
            }
            Some(Host | Server | Network) => !account,
            _ => false,
        })
    }

    /// Of which class it is that a thing falls into hostile hands.
    pub fn held_class(&self, thing: usize) -> Option<HazardClass> {
        use AssetKind::*;
        match self.things[thing].kind? {
            Host | Server | Network => Some(HazardClass::HostCompromise),
            Credential => Some(HazardClass::Credential),
            Identity | Project | Account | Organisation => Some(HazardClass::Identity),
            _ => None,
        }
    }

    /// Whoever was not named may be anybody who is known elsewhere.
    pub fn held_far(&self) -> States {
        self.all(State::Held, |other| self.held_class(other).is_some())
    }

    /// Where a thing is known to the bottom: on which providers.
    pub fn footing(&self, thing: usize) -> BTreeSet<usize> {
        let closed = |on: &usize| {
            let open = &self.things[*on].open;
            !open.contains(&Nature::StoredOn) && !open.contains(&Nature::Needs)
        };
        let known = self.has_standing(thing) && self.rests_on(thing).iter().all(closed);
        let on = self.lies_on(thing).into_iter().filter(|on| self.class(*on) == Some(HazardClass::Provider));
        on.filter(|_| known).collect()
    }

    /// What may happen to a thing as a hazard of a class: in which state, whether it is struck itself, on which providers.
    fn acts_of(&self, thing: usize, class: HazardClass) -> Vec<(State, bool, BTreeSet<usize>)> {
        use AssetKind::{Credential, Identity};
        use HazardClass::{Account, Catalogue, Key, PrimaryDeletion, Region};
        let anywhere = BTreeSet::new;
        let mut acts = Vec::new();
        let kind = self.things[thing].kind;
        if class == PrimaryDeletion {
            let deleted = kind.is_none() || self.is_container(thing);
            return deleted.then(|| (State::Deleted, true, anywhere())).into_iter().collect();
        }
        if self.held_class(thing) == Some(class) {
            acts.push((State::Held, false, anywhere()));
        }
        if self.class(thing) == Some(class) && !matches!(kind, Some(Credential | Identity)) {
            acts.push((State::Lost, true, if class.is_wide() { self.footing(thing) } else { anywhere() }));
        }
        let hands = [HazardClass::Credential, HazardClass::Identity, HazardClass::HostCompromise];
        let hides = match class {
            Key | Catalogue => self.openness(thing) != Openness::Closed,
            class => self.hidden(thing).contains(&class) || self.undeclared(thing).contains(&class),
        };
        if (hides || kind.is_none()) && !hands.contains(&class) && class != HazardClass::BadData {
            let tells = matches!(class, Region | Account);
            acts.push((State::Lost, false, if tells { self.footing(thing) } else { anywhere() }));
        }
        acts
    }

    /// What happens elsewhere as one event of a class: on which providers.
    pub fn events_far(&self, class: HazardClass) -> BTreeSet<BTreeSet<usize>> {
        let all: BTreeSet<_> =
            self.assets().flat_map(|thing| self.acts_of(thing, class)).map(|(_, _, on)| on).collect();
        let known: BTreeSet<_> = all.iter().filter(|on| !on.is_empty()).cloned().collect();
        if known.is_empty() { all } else { known }
    }

    /// What such an event does, to which things, and below which of them to something unseen. What is on no providers that are known may be on any.
    pub fn event_far(
        &self,
        class: HazardClass,
        on: &BTreeSet<usize>,
    ) -> (States, BTreeSet<usize>, BTreeSet<usize>) {
        use HazardClass::{Credential, HostCompromise, Identity, PrimaryDeletion};
        let by_somebody = [PrimaryDeletion, Credential, Identity, HostCompromise].contains(&class);
        let (mut states, mut struck, mut unseen) = (0, BTreeSet::new(), BTreeSet::new());
        states |= if by_somebody { 0 } else { UNSEEN };
        for thing in self.assets() {
            for (state, itself, at) in self.acts_of(thing, class) {
                if at.is_empty() || on.is_empty() || !at.is_disjoint(on) {
                    states |= bit(thing, state) | if itself { bit(thing, State::Struck) } else { 0 };
                    struck.insert(thing);
                    unseen.extend(Some(thing).filter(|_| state == State::Lost && !itself));
                }
            }
        }
        (states, struck, unseen)
    }

    /// What is an event elsewhere that may reach what bears on a volume, of the classes asked for: each with its providers.
    /// But for what one of the `others` does as well.
    pub fn touched_from_elsewhere(
        &self,
        bears: &BTreeSet<usize>,
        asked: &BTreeSet<HazardClass>,
        others: &[Act],
    ) -> Vec<(HazardClass, States)> {
        let mut found: Vec<(HazardClass, States)> = Vec::new();
        for class in asked.iter().copied() {
            let mut all: Vec<States> = Vec::new();
            for on in self.events_far(class) {
                let (states, struck, unseen) = self.event_far(class, &on);
                let here = struck.is_subset(bears) && unseen.is_subset(&self.falls_with);
                if !here && self.touches(states) {
                    all.push(self.perhaps(0, states));
                }
            }
            // One of which another one does all is none besides.
            for (hazard, classes, blow) in others {
                if hazard.is_none() && classes.contains(&class) {
                    let falls = self.perhaps(blow.possible, blow.far);
                    all.retain(|one| *one & !falls != 0);
                }
            }
            all.sort_unstable();
            all.dedup();
            let least = all.iter().filter(|one| all.iter().all(|other| other == *one || *one & !other != 0));
            found.extend(least.map(|states| (class, *states)));
        }
        found
    }

    /// Whether the deletion of a thing is a hazard by itself.
    pub fn is_container(&self, thing: usize) -> bool {
        matches!(self.things[thing].kind, Some(AssetKind::Bucket | AssetKind::Volume))
    }

    /// One round: what holds in scope and elsewhere.
    pub fn far_round(&self, far: &Far, states: &mut States, there: &mut States) {
        let of = |state| self.all(state, |_| true);
        let itself = self.all(State::Gone, |thing| self.things[thing].kind.is_none() || self.is_place(thing));
        *there |=
            *states & (of(State::Lost) | of(State::Deleted) | of(State::Held) | of(State::Struck) | itself);
        let gone: States = self.scope.iter().map(|thing| bit(*thing, State::Deleted)).sum();
        let is_deleted = *states & gone != 0 || *there & of(State::Deleted) != 0;
        *there |= if *there & of(State::Held) == 0 { 0 } else { far.by_hands };
        *there |= if is_deleted { far.by_deletion } else { 0 };
        self.far_rules(&far.rules, there);
        for (head, _) in far.near.iter().filter(|(_, from)| *there & from != 0) {
            *states |= head;
        }
    }

    fn far_rules(&self, rules: &[(States, States)], there: &mut States) {
        for (head, from) in rules {
            *there |= if *there & from != 0 { *head } else { 0 };
        }
    }

    /// Whether what happens elsewhere may take anything in scope along, by itself.
    pub fn touches(&self, seeds: States) -> bool {
        let of = |thing: &usize| bit(*thing, State::With) | bit(*thing, State::Beneath);
        self.perhaps(0, seeds) & !self.scope.iter().map(of).sum::<States>() != 0
    }
}
