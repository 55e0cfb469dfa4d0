//! The second writing of events, survival and minimal cut sets: all sets of up to three events, tried one by one.

use crate::brute::{Brute, State, States, UNSEEN, bit};
use crate::brute_unseen::Openness;
use chrono::TimeDelta;
use outlive::domain::*;
use outlive::isolation::CutEvent;
use std::collections::BTreeSet;

/// What an event makes hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Blow {
    pub certain: States,
    pub possible: States,
    /// What may happen elsewhere besides.
    pub far: States,
    pub bad_data: bool,
}

impl std::ops::BitOr for Blow {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self {
            certain: self.certain | other.certain,
            possible: self.possible | other.possible,
            far: self.far | other.far,
            bad_data: self.bad_data | other.bad_data,
        }
    }
}

/// A result, or why not.
pub type Said<T> = std::result::Result<T, String>;

/// An event: its hazard, or none of the unseen; its classes; and what it does.
pub type Act = (Option<Hazard>, BTreeSet<HazardClass>, Blow);

/// What is asked of one volume.
pub struct Trial<'b> {
    pub brute: &'b Brute<'b>,
    pub volume: &'b Volume,
    pub policy: &'b Policy,
}

/// How it ends for a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Dies,
    Stays,
    Unclear,
}

impl Brute<'_> {
    /// The blow of a hazard of something known.
    pub fn blow(&self, hazard: &Hazard) -> Blow {
        let state = match hazard {
            Hazard::Lost(_) => State::Lost,
            Hazard::Deleted(_) => State::Deleted,
            Hazard::Compromised(_) => State::Held,
            Hazard::BadData(_) => return Blow { bad_data: true, ..Blow::default() },
        };
        let Some(thing) = self.asset(hazard.asset()) else { return Blow::default() };
        let is_gone = state == State::Lost && !self.is_place(thing);
        let gone = if is_gone { bit(thing, State::Gone) } else { 0 };
        let struck = if state == State::Held { 0 } else { bit(thing, State::Struck) };
        let both = bit(thing, state) | struck | gone;
        let ghost = self.things[thing].kind.is_none() && self.things[thing].point.is_none();
        let perhaps = if ghost { bit(thing, State::Gone) } else { 0 };
        Blow { certain: both, possible: both | perhaps, ..Blow::default() }
    }

    pub fn unseen_hands(&self) -> Blow {
        let mut possible = 0;
        for thing in self.scope.iter().copied() {
            let goes = self.hands_unknown(thing) || self.cascade_unknown(thing);
            possible |= if goes { bit(thing, State::Deleted) } else { 0 };
            possible |= if self.origin_unknown(thing) { bit(thing, State::Held) } else { 0 };
            possible |= if self.actor_unknown(thing, false) { bit(thing, State::Gone) } else { 0 };
        }
        let far = self.far.by_hands | self.held_far();
        Blow { possible, far, ..Blow::default() } | self.closing_unseen()
    }

    /// What is locked, and goes with the closing of an account that nobody named.
    pub fn closings(&self) -> States {
        let open = |thing: &&usize| self.things[**thing].open.contains(&Nature::CascadesFrom);
        let shut = |thing: &&usize| !self.reaches(**thing, Nature::CascadesFrom).0;
        self.scope.iter().filter(open).filter(shut).map(|thing| bit(*thing, State::Deleted)).sum()
    }

    /// An account that nobody saw is closed: so may be whatever goes with any deletion.
    pub fn closing_unseen(&self) -> Blow {
        let goes = self.scope.iter().filter(|thing| self.cascade_unknown(**thing));
        let goes = goes.map(|thing| bit(*thing, State::Deleted)).sum::<States>();
        Blow { possible: self.closings() | goes, far: self.far.closed_unseen() | UNSEEN, ..Blow::default() }
    }

    /// What is not seen below a thing falls into hostile hands: an account, or a machine.
    pub fn taken(&self, root: usize, account: bool) -> Blow {
        self.unseen_hands() | Blow { far: self.taken_far(root, account), ..Blow::default() }
    }

    pub fn bad(&self, point: &RecoveryPoint, unnoticed: TimeDelta) -> Option<bool> {
        if matches!(point.kind, PointKind::Replica | PointKind::HardLink) {
            return Some(true);
        }
        if follows_perhaps(point) {
            return None;
        }
        let taken = point.taken_at.value().filter(|taken| **taken <= self.now)?;
        Some(self.now - *taken < unnoticed)
    }

    /// How it ends for a point, whether or not it is any good.
    pub fn end(&self, place: usize, blow: Blow, unnoticed: TimeDelta) -> End {
        let lost = bit(self.thing_of(place), State::Lost);
        let bad = self.bad(&self.inventory.points[place], unnoticed);
        match bad {
            Some(true) if blow.bad_data => End::Dies,
            _ if self.surely(blow.certain) & lost != 0 => End::Dies,
            None if blow.bad_data => End::Unclear,
            _ if self.perhaps(blow.possible, blow.far) & lost != 0 => End::Unclear,
            _ => End::Stays,
        }
    }
}

/// Of a kind that no catalogue knows, nobody established whether it follows its volume.
fn follows_perhaps(point: &RecoveryPoint) -> bool {
    point.catalogued.is_some()
}

pub fn is_useless(point: &RecoveryPoint) -> bool {
    matches!(point.usable, Usable::No(_))
}

pub fn is_sure(point: &RecoveryPoint) -> bool {
    point.usable == Usable::Yes && !matches!(point.state, Some(CopyState::Incomplete | CopyState::Damaged))
}

impl Trial<'_> {
    /// Every event that there must be: its hazard or none, its classes, and what it does.
    pub fn events(&self) -> Vec<Act> {
        let mut events = self.events_here();
        let elsewhere = self.events_elsewhere(&events);
        events.extend(
            elsewhere.into_iter().map(|(class, possible)| {
                (None, BTreeSet::from([class]), Blow { possible, ..Blow::default() })
            }),
        );
        events
    }

    /// What happens elsewhere, of the classes asked for.
    pub fn events_elsewhere(&self, others: &[Act]) -> Vec<(HazardClass, States)> {
        let brute = self.brute;
        if brute.top.is_none() {
            return Vec::new();
        }
        let mut asked = self.policy.survive.clone();
        asked.retain(|class| match class {
            HazardClass::Credential | HazardClass::Identity | HazardClass::HostCompromise => {
                !brute.somebody_may_act(&self.policy.survive)
            }
            HazardClass::Key | HazardClass::Catalogue => !self.somebody_may_need(),
            _ => true,
        });
        brute.touched_from_elsewhere(&brute.bears_on(self.volume), &asked, others)
    }

    fn somebody_may_need(&self) -> bool {
        let brute = self.brute;
        let mut scope = brute.scope.iter();
        scope.any(|thing| brute.openness(*thing) != Openness::Closed)
            || brute.touches(brute.far.needs | UNSEEN)
    }

    pub fn events_here(&self) -> Vec<Act> {
        let mut events = Vec::new();
        let (brute, asked) = (self.brute, &self.policy.survive);
        let Some(top) = brute.top else { return events };
        let mut known = |hazard: Hazard, class: HazardClass| {
            let blow = brute.blow(&hazard);
            events.push((Some(hazard), BTreeSet::from([class]), blow));
        };
        known(Hazard::Deleted(self.volume.asset.clone()), HazardClass::PrimaryDeletion);
        known(Hazard::BadData(self.volume.asset.clone()), HazardClass::BadData);
        let bears = brute.bears_on(self.volume);
        for place in bears.iter().copied().filter(|place| brute.things[*place].kind.is_some()) {
            use AssetKind::*;
            let asset = &brute.inventory.assets[place];
            if let Some(class) = HazardClass::of_loss(asset.kind)
                && !matches!(asset.kind, Credential | Identity)
            {
                known(Hazard::Lost(asset.id.clone()), class);
            }
            if let Some(class) = brute.held_class(place) {
                known(Hazard::Compromised(asset.id.clone()), class);
            }
            if brute.is_container(place) && place != top {
                known(Hazard::Deleted(asset.id.clone()), HazardClass::PrimaryDeletion);
            }
        }
        for place in bears.iter().copied() {
            self.unseen_events(place, &mut events);
        }
        let classes = |of: &[HazardClass]| of.iter().copied().filter(|class| asked.contains(class)).collect();
        if brute.somebody_may_act(asked) {
            use HazardClass::{Credential, HostCompromise, Identity};
            events.push((None, classes(&[Credential, Identity, HostCompromise]), brute.unseen_hands()));
        }
        if self.somebody_may_need() {
            let of = [HazardClass::Key, HazardClass::Catalogue];
            events.extend(self.alike(classes(&of), |class| brute.unseen_need(class)));
        }
        if brute.closings() != 0 {
            events.push((None, classes(&[HazardClass::Account]), brute.closing_unseen()));
        }
        events.retain(|(_, classes, _)| !classes.is_disjoint(asked));
        events
    }

    fn unseen_events(&self, place: usize, events: &mut Vec<Act>) {
        let brute = self.brute;
        let is_top = brute.top == Some(place);
        let falls = brute.falls_with.contains(&place);
        let undeclared = brute.undeclared(place).into_iter().filter(|class| class.is_wide() || is_top);
        let all: BTreeSet<HazardClass> = undeclared.chain(brute.hidden(place)).collect();
        let (wide, narrow): (BTreeSet<_>, BTreeSet<_>) = all.into_iter().partition(|class| class.is_wide());
        if !narrow.is_empty() {
            if narrow.contains(&HazardClass::Host) {
                let blow = self.narrow(place) | brute.taken(place, false);
                events.push((None, BTreeSet::from([HazardClass::HostCompromise]), blow));
            }
            match self.is_seen(place) {
                _ if !falls => {}
                true => events.extend(self.alike(narrow, |class| brute.unseen_within(place, class))),
                false => events.push((None, narrow, self.narrow(place))),
            }
        }
        for class in wide {
            let blow = brute.unseen(place, Some(class));
            if falls {
                events.push((None, BTreeSet::from([class]), blow));
            }
            if class == HazardClass::Account {
                let taken = blow | brute.taken(place, true);
                events.push((None, BTreeSet::from([HazardClass::Identity]), taken));
            }
        }
    }

    /// The engine's events, each with what it does. They have to be the events that there must be; those of points
    /// with the same bonds count once.
    pub fn match_up(&self, engine: &[CutEvent]) -> Said<Vec<Blow>> {
        let own: BTreeSet<Act> = self.events().into_iter().collect();
        let mut theirs = BTreeSet::new();
        let mut blows = Vec::new();
        for event in engine {
            let blow = match &event.hazard {
                Some(hazard) => self.brute.blow(hazard),
                None => self.blow_of_unseen(event)?,
            };
            blows.push(blow);
            theirs.insert((event.hazard.clone(), event.classes.clone(), blow));
        }
        match own == theirs {
            true => Ok(blows),
            false => Err(format!(
                "the engine lacks {:?}, and alone has {:?}, of {engine:?}",
                own.difference(&theirs).collect::<Vec<_>>(),
                theirs.difference(&own).collect::<Vec<_>>()
            )),
        }
    }

    /// The points that have to fall, of data that is good since `bad` ago; doubted ones only for what is certain.
    fn wanted(&self, possible: bool, bad: TimeDelta) -> States {
        let mut wanted = 0;
        for (place, point) in self.brute.inventory.points.iter().enumerate() {
            let own = point.of.value().map(|of| *of == self.volume.id);
            let follows =
                bad > TimeDelta::zero() && matches!(point.kind, PointKind::Replica | PointKind::HardLink);
            let taken = point.taken_at.value().filter(|taken| **taken <= self.brute.now);
            let age = taken.map(|taken| self.brute.now - *taken);
            let young = match age {
                _ if follows => Some(false),
                None => None,
                Some(age) if age < bad || age > self.policy.rpo + bad => Some(false),
                Some(_) if bad > TimeDelta::zero() && follows_perhaps(point) => None,
                Some(_) => Some(true),
            };
            let counts = match possible {
                true => own == Some(true) && is_sure(point) && young == Some(true),
                false => own != Some(false) && !is_useless(point) && young != Some(false),
            };
            if counts {
                wanted |= bit(self.brute.thing_of(place), State::Lost);
            }
        }
        wanted
    }

    /// All minimal sets of up to three events, as numbers.
    pub fn cut_sets(&self, blows: &[Blow], possible: bool) -> Vec<Vec<usize>> {
        let Some(top) = self.brute.top else { return Vec::new() };
        let top = bit(top, State::Lost);
        let plain = self.wanted(possible, TimeDelta::zero()) | top;
        let bad = self.wanted(possible, self.policy.detect_within);
        let loses = |set: &[usize]| {
            let blow = set.iter().fold(Blow::default(), |all, event| all | blows[*event]);
            let fallen = match possible {
                true => self.brute.perhaps(blow.possible, blow.far),
                false => self.brute.surely(blow.certain),
            };
            fallen & plain == plain || blow.bad_data && fallen & bad == bad
        };
        let mut found: Vec<Vec<usize>> = Vec::new();
        let mut of_size: Vec<Vec<usize>> = vec![Vec::new()];
        for _ in 0..3 {
            let mut next = Vec::new();
            for set in &of_size {
                for event in set.last().map_or(0, |last| last + 1)..blows.len() {
                    let mut more = set.clone();
                    more.push(event);
                    if found.iter().any(|cut| cut.iter().all(|event| more.contains(event))) {
                        continue;
                    }
                    if loses(&more) { found.push(more) } else { next.push(more) }
                }
            }
            of_size = next;
        }
        found
    }
}
