//! What may happen to a volume through what is not known.

use super::acts::{HANDS, NEEDED};
use super::aspects::Classes;
use super::event::{Event, Happening};
use super::singles::Singles;
use super::slice::Slice;
use super::system::Variable;
use super::unseen::Openness;
use crate::domain::{AssetKind, HazardClass};
use std::collections::BTreeSet;

impl Slice<'_> {
    /// What may happen through what is not known: below each of `roots`, of the classes `asked` for.
    pub fn unknowns(&self, roots: &[usize], asked: &BTreeSet<HazardClass>) -> Vec<(Event, usize)> {
        let mut events = self.unknowns_below_each(roots, asked);
        let of = |classes: &[HazardClass]| -> BTreeSet<HazardClass> {
            classes.iter().copied().filter(|class| asked.contains(class)).collect()
        };
        let (hands, needs, mut elsewhere) = (of(&HANDS), of(&NEEDED), asked.clone());
        let open = (0..self.members.len()).find_map(|member| {
            let open = self.open_hands(member).or_else(|| self.open_yield(member));
            let open = open.or_else(|| self.acts_unnamed(member));
            let nature = open.or_else(|| self.open_cascade(member))?;
            Some((member, self.graph.nodes[self.members[member].node].missing(nature)?))
        });
        let locked = self.locked_and_open();
        let open = open.or_else(|| locked.clone());
        let open = open.map(|open| (Happening::UnseenHands, open));
        let there = || Some((Happening::HandsElsewhere, self.touched_by_hands(&hands)?));
        if let Some((happening, (member, title))) = open.or_else(there).filter(|_| !hands.is_empty()) {
            elsewhere.retain(|class| !hands.contains(class));
            events.push((Event { happening, hazard: None, classes: hands, title }, member));
        }
        let open = (0..self.members.len()).find_map(|member| {
            let (_, why) = self.graph.nodes[self.members[member].node].open_support()?;
            Some((member, why))
        });
        let open = open.or_else(|| self.touched_by(&[self.elsewhere_needs()]).filter(|_| !needs.is_empty()));
        if let Some((member, title)) = open {
            elsewhere.retain(|class| !needs.contains(class));
            for of in self.alike(&needs, Happening::UnseenNeed) {
                let (happening, classes) = (Happening::UnseenNeed(of), of.iter().collect());
                events.push((Event { happening, hazard: None, classes, title: title.clone() }, member));
            }
        }
        if let Some((member, title)) = locked.filter(|_| asked.contains(&HazardClass::Account)) {
            let (happening, classes) = (Happening::UnseenClosing, [HazardClass::Account].into());
            events.push((Event { happening, hazard: None, classes, title }, member));
        }
        let elsewhere = self.elsewhere(&elsewhere, &events);
        events.extend(elsewhere);
        events
    }

    /// The same without what concerns no root.
    pub fn unknowns_below_each(&self, roots: &[usize], asked: &BTreeSet<HazardClass>) -> Vec<(Event, usize)> {
        let mut events = Vec::new();
        for member in roots {
            self.unknowns_below(*member, asked, &mut events);
        }
        events
    }

    /// Classes in groups: of one group the happening does the same, whichever it is of.
    fn alike(
        &self,
        classes: &BTreeSet<HazardClass>,
        happening: impl Fn(Classes) -> Happening,
    ) -> Vec<Classes> {
        let each: Vec<Classes> = classes.iter().map(|class| [*class].into_iter().collect()).collect();
        let seeds: Vec<Vec<Variable>> = each.iter().map(|of| self.seeds(happening(*of)).possible).collect();
        let reach = Singles::of(&self.system, &seeds, true);
        let mut groups: Vec<(usize, Classes)> = Vec::new();
        for (number, class) in each.into_iter().enumerate() {
            match groups.iter_mut().find(|(first, _)| self.do_the_same(&reach, *first, number)) {
                Some((_, group)) => *group = group.and(class),
                None => groups.push((number, class)),
            }
        }
        groups.into_iter().map(|(_, group)| group).collect()
    }

    fn unknowns_below(&self, member: usize, asked: &BTreeSet<HazardClass>, events: &mut Vec<(Event, usize)>) {
        let (graph, node) = (self.graph, self.members[member].node);
        let aspect = graph.aspect(node);
        // That nobody looked for a host counts for a volume that is itself only declared.
        let is_top = self.top == Some(member);
        // What is lost below what only acts counts as elsewhere.
        let goes_with = self.members[member].bears;
        let lacking = aspect.lacking.iter().filter(|class| class.is_wide() || is_top);
        let (wide, narrow): (BTreeSet<_>, BTreeSet<_>) =
            lacking.chain(aspect.hidden.iter()).partition(|class| class.is_wide());
        if !narrow.is_empty() {
            // Others of which no host was declared may share it.
            let unseated =
                is_top && matches!(graph.nodes[node].kind, Some(AssetKind::Volume | AssetKind::Bucket));
            let seen = aspect.openness != Openness::Closed && !unseated;
            let title = graph.undeclared(node, HazardClass::Host, self.label(member));
            let class = (!seen).then_some(HazardClass::Host);
            let taken_too = narrow.contains(&HazardClass::Host);
            let with_it = taken(member, class, HazardClass::HostCompromise, &title);
            let unseen = |of| Happening::Unseen(member, of);
            let lost = match class {
                _ if !goes_with => Vec::new(),
                Some(of) => vec![(Happening::Undeclared(member, of), narrow)],
                None => {
                    let alike = self.alike(&narrow, unseen).into_iter();
                    alike.map(|of| (unseen(of), of.iter().collect())).collect()
                }
            };
            events.extend(lost.into_iter().map(|(happening, classes)| {
                (Event { happening, hazard: None, classes, title: title.clone() }, member)
            }));
            events.extend(
                taken_too.then_some(with_it).filter(|_| asked.contains(&HazardClass::HostCompromise)),
            );
        }
        for class in wide.intersection(asked).filter(|_| goes_with) {
            let (happening, title) =
                (Happening::Undeclared(member, *class), graph.undeclared(node, *class, self.label(member)));
            events.push((Event { happening, hazard: None, classes: [*class].into(), title }, member));
        }
        if wide.contains(&HazardClass::Account) && asked.contains(&HazardClass::Identity) {
            let title = graph.undeclared(node, HazardClass::Account, self.label(member));
            events.push(taken(member, Some(HazardClass::Account), HazardClass::Identity, &title));
        }
    }
}

/// What nobody saw falls into hostile hands, rather than being lost.
fn taken(member: usize, class: Option<HazardClass>, by: HazardClass, title: &str) -> (Event, usize) {
    let title = format!("{title}, nor who holds that");
    let happening = Happening::Taken(member, class);
    (Event { happening, hazard: None, classes: [by].into(), title }, member)
}
