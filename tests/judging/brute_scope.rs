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

    /// What the volume and its points go with: in whatever way it is lost, and where it is deleted.
    pub fn find_carriers(&self) -> (BTreeSet<usize>, BTreeSet<usize>) {
        use AssetKind::{Account, Organisation, Project};
        let points = self.scope.iter().copied().filter(|thing| self.things[*thing].point.is_some());
        let mut lost: BTreeSet<usize> = points.chain(self.top).collect();
        let mut deleted = lost.clone();
        loop {
            let before = (lost.len(), deleted.len());
            for thing in deleted.clone() {
                for (nature, on, _) in &self.things[thing].bonds {
                    match nature {
                        Nature::StoredOn | Nature::Needs if lost.contains(&thing) => {
                            lost.extend(on);
                            deleted.extend(on);
                        }
                        Nature::CascadesFrom if self.reaches(thing, Nature::CascadesFrom).0 => {
                            deleted.extend(on);
                        }
                        _ => {}
                    }
                }
                if matches!(self.things[thing].kind, Some(Project | Account | Organisation)) {
                    lost.insert(thing);
                }
            }
            if before == (lost.len(), deleted.len()) {
                return (lost, deleted);
            }
        }
    }
}
