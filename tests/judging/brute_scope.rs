//! The second writing of what is looked at: what a volume hangs on, and what of that it goes with.

use crate::brute::Brute;
use outlive::domain::*;
use std::collections::BTreeSet;

impl Brute<'_> {
    /// Everything that a volume hangs on through what is known.
    pub fn bears_on(&self, volume: &Volume) -> BTreeSet<usize> {
        let of = |place: usize| self.inventory.points[place].of.value().is_none_or(|of| *of == volume.id);
        let points = (0..self.things.len()).filter(|thing| self.things[*thing].point.is_some_and(of));
        self.closed(points.chain(self.top).collect())
    }

    /// All that some things hang on.
    pub fn closed(&self, mut all: BTreeSet<usize>) -> BTreeSet<usize> {
        loop {
            let before = all.len();
            for thing in all.clone() {
                all.extend(self.effective(thing).flat_map(|bond| bond.1.iter().copied()));
            }
            if all.len() == before {
                return all;
            }
        }
    }

    /// What the volume and its points go with.
    pub fn find_carriers(&self) -> BTreeSet<usize> {
        let points = self.scope.iter().copied().filter(|thing| self.things[*thing].point.is_some());
        let mut all: BTreeSet<usize> = points.chain(self.top).collect();
        loop {
            let mut more = BTreeSet::new();
            for thing in all.iter().copied() {
                for (nature, on, _) in &self.things[thing].bonds {
                    let along = match nature {
                        Nature::StoredOn | Nature::Needs => true,
                        Nature::CascadesFrom => self.reaches(thing, Nature::CascadesFrom).0,
                        _ => false,
                    };
                    more.extend(on.iter().copied().filter(|on| along && !all.contains(on)));
                }
            }
            if more.is_empty() {
                return all;
            }
            all.extend(more);
        }
    }
}
