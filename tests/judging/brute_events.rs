//! The second writing of what the loss of something unseen does.

use crate::brute::{Brute, State, States, UNSEEN, bit};
use crate::brute_cuts::{Act, Blow, Said, Trial};
use crate::brute_unseen::Openness;
use outlive::domain::*;
use outlive::isolation::CutEvent;
use std::collections::BTreeSet;

impl Brute<'_> {
    /// The loss of a file, a filesystem, a device or a host below a thing that nobody saw.
    pub fn unseen_within(&self, root: usize, class: HazardClass) -> Blow {
        let may = |other: &usize| match self.openness(*other) {
            Openness::Anything | Openness::Medium => true,
            _ => *other == root || self.is_vague(*other),
        };
        let possible =
            self.scope.iter().filter(|other| may(other)).map(|other| bit(*other, State::Lost)).sum();
        Blow { possible, far: self.event_far(class, &BTreeSet::new()).0, ..Blow::default() }
    }

    /// The loss of something of a class that somebody may need, and nobody named.
    pub fn unseen_need(&self, class: HazardClass) -> Blow {
        let open = self.scope.iter().filter(|thing| self.openness(**thing) != Openness::Closed);
        let (possible, anywhere) = (open.map(|thing| bit(*thing, State::Lost)).sum(), BTreeSet::new());
        let known = self.event_far(class, &anywhere).0;
        Blow { possible, far: self.far.needs | known | UNSEEN, ..Blow::default() }
    }
}

impl Trial<'_> {
    /// What the loss of something unseen does, by what it says.
    pub fn blow_of_unseen(&self, event: &CutEvent) -> Said<Blow> {
        let (brute, first) = (self.brute, event.classes.first());
        let taken = event.title.ends_with("nor who holds that");
        use HazardClass::{Credential, HostCompromise, Identity};
        let by_hands = [Credential, Identity, HostCompromise].iter().any(|class| first == Some(class));
        let elsewhere = event.title.strip_suffix(" may take that along");
        if let Some(what) = elsewhere.filter(|_| !by_hands) {
            let of = HazardClass::clone(first.ok_or("an event of no class")?);
            let Some((_, on)) = what.trim_end_matches(',').split_once(", on ") else {
                let mut all = self.events_elsewhere(&self.events_here());
                all.retain(|(class, _)| *class == of);
                let only = all.first().filter(|_| all.len() == 1);
                let only = only.ok_or(format!("{event:?} does not say which of {all:?}"))?;
                return Ok(Blow { possible: only.1, ..Blow::default() });
            };
            let on = on.split(" and ").map(|label| brute.thing(label).unwrap()).collect();
            let possible = brute.perhaps(0, brute.event_far(of, &on).0);
            return Ok(Blow { possible, ..Blow::default() });
        }
        match first {
            _ if taken => {}
            Some(HazardClass::Account)
                if event.title.ends_with("ends its lock") && event.classes.len() == 1 =>
            {
                return Ok(brute.closing_unseen());
            }
            Some(HazardClass::Key | HazardClass::Catalogue) => {
                return Ok(all_of(&event.classes, |class| brute.unseen_need(class)));
            }
            Some(HazardClass::Credential | HazardClass::Identity | HazardClass::HostCompromise) => {
                return Ok(brute.unseen_hands());
            }
            _ => {}
        }
        // What is named first is what it is about.
        let named = |thing: usize| Some((event.title.find(&brute.things[thing].label)?, thing));
        let Some((_, root)) = (0..brute.things.len()).filter_map(named).min() else {
            return Err(format!("{event:?} names nothing"));
        };
        let wide = match first {
            Some(HazardClass::Identity) => Some(HazardClass::Account),
            _ => first.copied().filter(|class| class.is_wide() && event.classes.len() == 1),
        };
        let lost = match wide {
            Some(class) => brute.unseen(root, Some(class)),
            None if !taken && self.is_seen(root) => {
                all_of(&event.classes, |class| brute.unseen_within(root, class))
            }
            None => self.narrow(root),
        };
        Ok(if taken { lost | brute.taken(root, wide.is_some()) } else { lost })
    }

    pub fn narrow(&self, root: usize) -> Blow {
        self.brute.unseen(root, (!self.is_seen(root)).then_some(HazardClass::Host))
    }

    /// Whether what is below a root was looked for.
    pub fn is_seen(&self, root: usize) -> bool {
        let brute = self.brute;
        let bare = matches!(brute.things[root].kind, Some(AssetKind::Volume | AssetKind::Bucket));
        let floats = brute.top == Some(root) && bare;
        brute.openness(root) != Openness::Closed && !floats
    }

    /// One event for all classes of which it does the same.
    pub fn alike(&self, classes: BTreeSet<HazardClass>, blow: impl Fn(HazardClass) -> Blow) -> Vec<Act> {
        let mut found: Vec<(States, Act)> = Vec::new();
        for class in classes {
            let does = self.brute.perhaps(blow(class).possible, blow(class).far);
            // With what it may fall is nothing to what has fallen.
            let fallen = self.brute.scope.iter().filter(|thing| does & bit(**thing, State::Lost) != 0);
            let idle = fallen.map(|thing| bit(*thing, State::With) | bit(*thing, State::Beneath));
            let does = does & !idle.sum::<States>();
            match found.iter_mut().find(|(other, _)| *other == does) {
                Some((_, (_, classes, all))) => {
                    classes.insert(class);
                    *all = *all | blow(class);
                }
                None => found.push((does, (None, BTreeSet::from([class]), blow(class)))),
            }
        }
        found.into_iter().map(|(_, act)| act).collect()
    }
}

/// What an event of several classes does.
fn all_of(classes: &BTreeSet<HazardClass>, blow: impl Fn(HazardClass) -> Blow) -> Blow {
    classes.iter().map(|class| blow(*class)).fold(Blow::default(), |all, more| all | more)
}
