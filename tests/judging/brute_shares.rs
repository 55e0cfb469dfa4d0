//! The second writing of what servers keep of which nobody knows what they keep where.

use crate::brute::{Brute, State, States, bit};
use crate::brute_far::{FALLEN, Far};
use crate::brute_kinds::lies;
use crate::brute_unseen::Openness;
use outlive::domain::*;
use std::collections::BTreeSet;

impl Brute<'_> {
    fn open_servers(&self) -> BTreeSet<usize> {
        let open = |server: &usize| {
            self.things[*server].kind == Some(AssetKind::Server) && self.openness(*server) != Openness::Closed
        };
        self.assets().filter(open).collect()
    }

    /// What holds files, so that a share may lie in it.
    fn holds_files(&self, thing: usize) -> bool {
        use AssetKind::*;
        let media = [Device, Partition, Host, Server, Credential, Identity, Key, Catalogue];
        !self.things[thing].kind.is_some_and(|kind| media.contains(&kind))
    }

    /// What has no medium of its own, so that it may lie in a share.
    fn is_kept_in_files(&self, thing: usize) -> bool {
        !matches!(self.things[thing].kind, Some(AssetKind::Device | AssetKind::Host | AssetKind::Server))
    }

    /// A thing and what it lies in, as far as that holds files.
    fn held_in(&self, thing: usize) -> BTreeSet<usize> {
        let mut all = BTreeSet::from([thing]);
        loop {
            let holding = all.iter().filter(|thing| self.holds_files(**thing));
            let bonds = holding.flat_map(|thing| &self.things[*thing].bonds);
            let on = bonds.filter(|bond| bond.0 == Nature::StoredOn).flat_map(|bond| bond.1.iter().copied());
            let more: BTreeSet<usize> = on.filter(|on| !all.contains(on)).collect();
            if more.is_empty() {
                return all.into_iter().filter(|thing| self.holds_files(*thing)).collect();
            }
            all.extend(more);
        }
    }

    /// What is stored nobody knows where.
    fn is_loose(&self, thing: usize) -> bool {
        let kept = self.is_kept_in_files(thing);
        let thing = &self.things[thing];
        let may_lie = lies(thing.kind, Some(AssetKind::Server), thing.hosts) && kept;
        thing.point.is_none() && may_lie && thing.open.contains(&Nature::StoredOn)
    }

    /// The open servers that one of some things says it is stored on.
    fn told(&self, things: &BTreeSet<usize>) -> BTreeSet<usize> {
        let bonds = things.iter().flat_map(|thing| &self.things[*thing].bonds);
        let on = bonds.filter(|bond| bond.0 == Nature::StoredOn).flat_map(|bond| bond.1.iter().copied());
        on.collect::<BTreeSet<_>>().intersection(&self.open_servers()).copied().collect()
    }

    /// The open servers that one of some things is on, or may be on.
    fn keepers(&self, things: &BTreeSet<usize>) -> BTreeSet<usize> {
        let may = |server: &usize| {
            let mut loose = things.iter().filter(|thing| self.is_loose(**thing));
            loose.any(|thing| !self.rests_on(*server).contains(thing))
        };
        let mut keepers = self.told(things);
        keepers.extend(self.open_servers().into_iter().filter(may));
        keepers
    }

    /// Whether an open server keeps it, or may.
    pub fn may_be_kept(&self, thing: usize) -> bool {
        self.is_kept_in_files(thing) && !self.keepers(&BTreeSet::from([thing])).is_empty()
    }

    /// Whether with one thing another one may be lost, or deleted, because one server keeps both.
    fn may_take(&self, from: usize, to: usize, state: State) -> bool {
        let (within, below) = match state {
            State::Deleted => (self.held_in(from), self.rests_on(from)),
            _ if self.holds_files(from) => (BTreeSet::from([from]), self.direct(from)),
            _ => (BTreeSet::new(), self.direct(from)),
        };
        let reached = state != State::Deleted || self.reaches(to, Nature::CascadesFrom).0;
        let (ours, theirs) = (self.keepers(&BTreeSet::from([to])), self.keepers(&within));
        let mut both = ours.intersection(&theirs);
        let may = reached && self.is_kept_in_files(to) && from != to;
        may && !below.contains(&to) && both.any(|server| *server != from && *server != to)
    }

    /// Of two shares of a server of which nobody knows what it keeps where, one may lie in the other.
    pub fn shares(&self) -> Vec<(usize, usize, State)> {
        let mut found = Vec::new();
        let assets = self.scope.iter().copied().filter(|from| self.things[*from].point.is_none());
        for from in assets {
            for to in self.scope.iter().copied() {
                let states = [State::Lost, State::Deleted].into_iter();
                let states = states.filter(|state| self.may_take(from, to, *state));
                found.extend(states.map(|state| (from, to, state)));
            }
        }
        found
    }

    /// The same elsewhere, taken widely.
    pub fn far_shares(&self, far: &mut Far) {
        let open = self.open_servers();
        if open.is_empty() {
            return;
        }
        let loose = |thing: usize| self.is_loose(thing);
        let on = |thing: usize, server: usize| self.told(&BTreeSet::from([thing])).contains(&server);
        let kept = |server: usize| {
            let holds = |thing: usize| self.holds_files(thing) && (loose(thing) || on(thing, server));
            let lost = self.all(State::Lost, holds);
            let deleted = self.all(State::Deleted, |thing| {
                self.held_in(thing).into_iter().any(|thing| loose(thing) || on(thing, server))
            });
            (lost, deleted)
        };
        let any = open.iter().map(|server| kept(*server));
        let any = any.fold((0, 0), |all, one| (all.0 | one.0, all.1 | one.1));
        for share in self.assets().filter(|share| self.is_kept_in_files(*share)) {
            let mut lead = |(lost, deleted): (States, States)| {
                far.rules.push((bit(share, FALLEN), lost));
                far.rules.push((bit(share, State::Deleted), deleted));
            };
            open.iter().filter(|server| on(share, **server)).for_each(|server| lead(kept(*server)));
            if loose(share) {
                lead(any);
            }
        }
    }

    /// The same from elsewhere.
    pub fn nearing_shares(&self, thing: usize, far: &mut Far) {
        for state in [State::Lost, State::Deleted] {
            let from = self.all(state, |from| self.may_take(from, thing, state));
            let head = if state == State::Lost { self.may_be_lost(thing) } else { bit(thing, state) };
            far.near.push((head, from));
        }
    }
}
