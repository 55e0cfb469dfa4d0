//! The second writing of what may also happen, through what nobody saw or said.

use crate::brute::{Brute, State, States, Thing, bit};
use crate::brute_unseen::Openness;
use outlive::domain::*;
use std::collections::BTreeSet;

impl Brute<'_> {
    /// What holds of a thing that may be lost with what nobody saw it stand on, when any of that is.
    pub fn may_be_lost(&self, thing: usize) -> States {
        bit(thing, if self.doubted.contains(&thing) { State::With } else { State::Lost })
    }

    /// Whether it is a place of which nobody knows what it is within.
    pub fn may_be_within(&self, thing: usize) -> bool {
        self.is_place(thing) && self.things[thing].open.contains(&Nature::StoredOn)
    }

    /// Whether who holds it holds the places within it.
    pub fn holds_places(&self, thing: usize) -> bool {
        let Thing { kind, point, .. } = &self.things[thing];
        let wide = kind.is_none() && point.is_none() || self.is_wide(thing);
        wide && *kind != Some(AssetKind::Network)
    }

    /// Whether a place may be within another thing.
    pub fn may_hold(&self, thing: usize, place: usize) -> bool {
        let class = self.class(thing);
        self.holds_places(thing) && class.is_none_or(|class| self.wider(place).contains(&class))
    }

    /// All assets but one, in a state.
    fn others(&self, thing: usize, state: State, mut may: impl FnMut(usize) -> bool) -> States {
        let assets = self.scope.iter().copied().filter(|other| self.things[*other].point.is_none());
        assets.filter(|other| *other != thing && may(*other)).map(|other| bit(other, state)).sum()
    }

    pub fn doubtful_rules(&mut self) {
        use State::*;
        for place in self.scope.clone() {
            let under = |other: usize| !self.rests_on(other).contains(&place);
            let may = |other: usize| under(other) && self.may_be_below(place, other);
            let struck = self.others(place, Struck, under);
            let missed = self.others(place, Struck, |other| under(other) && self.is_missed(other));
            let from = match self.openness(place) {
                Openness::Closed | Openness::Anything => 0,
                Openness::Medium => self.others(place, Lost, may),
                Openness::Wide => {
                    let seen = |other: usize| self.things[other].kind.is_some();
                    self.others(place, Lost, |other| may(other) && seen(other))
                        | self.others(place, Gone, |other| may(other) && !seen(other))
                }
            };
            let lies = self.others(place, Lost, |other| under(other) && self.may_lie_in(place, other));
            let holds = |other: usize| under(other) && self.may_hold(other, place);
            let places = self.others(place, Held, holds);
            let berths = self.others(place, Struck, |other| self.may_be_on(place, other));
            self.rule(self.may_be_lost(place), 1, from | lies, false);
            self.rule(bit(place, Lost), 1, berths, false);
            if self.doubted.contains(&place) {
                let both = bit(place, With) | bit(place, Beneath);
                self.rule(bit(place, Lost), 2, both, false);
                self.rule(bit(place, Beneath), 1, missed, false);
            }
            if self.openness(place) == Openness::Anything {
                self.rule(bit(place, Lost), 1, struck, false);
            }
            let own = if self.things[place].point.is_none() { bit(place, Held) } else { 0 };
            let anybody = self.others(place, Held, |_| true) | own;
            if self.things[place].open.contains(&Nature::CascadesFrom) {
                let reached = self.reaches(place, Nature::CascadesFrom).0;
                let closed = |other: usize| {
                    use AssetKind::*;
                    matches!(self.things[other].kind, Some(Project | Account | Organisation))
                };
                let all = self.scope.iter().filter(|other| **other != place && (reached || closed(**other)));
                let from = all.map(|other| bit(*other, Deleted)).sum::<States>();
                // Who holds anything at all may delete something that nobody looks at here.
                let held = if reached { anybody } else { 0 };
                self.rule(bit(place, Deleted), 1, from | held, false);
            }
            if self.hands_unknown(place) {
                self.rule(bit(place, Deleted), 1, anybody, false);
            }
            if self.origin_unknown(place) {
                self.rule(bit(place, Held), 1, anybody, false);
            }
            if self.may_be_within(place) {
                self.rule(bit(place, Held), 1, places, false);
            }
            if self.actor_unknown(place, false) {
                self.rule(bit(place, Gone), 1, anybody, false);
            }
        }
        for (from, to, state) in self.shares() {
            let head = if state == Lost { self.may_be_lost(to) } else { bit(to, state) };
            self.rule(head, 1, bit(from, state), false);
        }
    }

    /// Whether somebody whom nobody named may act.
    pub fn somebody_may_act(&self, asked: &BTreeSet<HazardClass>) -> bool {
        let open = |thing: &usize| {
            let by_hands = self.hands_unknown(*thing) || self.origin_unknown(*thing);
            by_hands || self.actor_unknown(*thing, false) || self.cascade_unknown(*thing)
        };
        let hands = |thing: usize| self.held_class(thing).is_some_and(|class| asked.contains(&class));
        let elsewhere = self.far.by_hands | self.all(State::Held, hands);
        // Whoever has something may close an account that nobody saw.
        let unnamed = if self.far.by_hands == 0 { 0 } else { self.closing_unseen().far };
        self.scope.iter().any(open) || self.closings() != 0 || self.touches(elsewhere | unnamed)
    }
}
