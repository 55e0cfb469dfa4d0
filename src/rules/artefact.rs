//! `artefact-empty-or-shrunk`: is the newest dump, archive or copy about as large as those before it?

use super::{Case, Rule};
use crate::domain::{PointKind, RecoveryPoint, Severity, Usable, Verdict};
use std::collections::BTreeMap;

/// Fails where the newest point of a kind is empty, useless, or far smaller than those before it.
pub(super) struct ArtefactEmptyOrShrunk;

/// How many points before the newest it takes to say what is usual.
const ENOUGH: usize = 3;

enum Size {
    Sound(String),
    /// It is the first of its kind: there is nothing to compare it with.
    First(String),
    Wrong(String),
    Open(String),
}

impl Rule for ArtefactEmptyOrShrunk {
    fn id(&self) -> &'static str {
        "artefact-empty-or-shrunk"
    }

    fn title(&self) -> &'static str {
        "the newest copy is not empty, and not far smaller than those before"
    }

    fn page(&self) -> &'static str {
        include_str!("../../docs/rules/artefact-empty-or-shrunk.md")
    }

    fn severity(&self) -> Severity {
        Severity::High
    }

    fn remedy(&self) -> &'static str {
        "look at what made the newest copy, and whether its source was there; then copy again"
    }

    fn frameworks(&self) -> &'static [&'static str] {
        &["NIST SP 800-53r5 CP-9(1)", "NIST SP 800-53r5 SI-7", "NIST CSF 2.0 PR.DS-11"]
    }

    fn judge(&self, case: Case<'_>) -> Verdict {
        let mut kinds: BTreeMap<(PointKind, Option<&str>), Vec<&RecoveryPoint>> = BTreeMap::new();
        for point in case.graph.points_of(&case.volume.id).filter(|point| has_a_size(point)) {
            kinds.entry((point.kind, point.catalogued.as_deref())).or_default().push(point);
        }
        if let Some(orphan) = case.graph.orphans().find(|point| has_a_size(point)) {
            let label = case.label(orphan);
            return Verdict::Undetermined(format!("it is not known which volume {label} is a state of"));
        }
        if kinds.is_empty() {
            let none = || {
                Verdict::NotApplicable("no recovery point is a file, an archive or a copy with a size".into())
            };
            let hidden = || case.hidden().map_or_else(none, Verdict::Undetermined);
            return case.no_points().unwrap_or_else(hidden);
        }
        let (mut sound, mut first, mut wrong, mut open) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for points in kinds.values() {
            match newest(case, points) {
                Size::Sound(why) => sound.push(why),
                Size::First(why) => first.push(why),
                Size::Wrong(why) => wrong.push(why),
                Size::Open(why) => open.push(why),
            }
        }
        let hidden = || case.hidden().filter(|_| !first.is_empty());
        match (wrong.is_empty(), open.into_iter().next().or_else(hidden)) {
            (false, _) => Verdict::Fail(self.severity(), wrong.join("; ")),
            (true, Some(why)) => Verdict::Undetermined(why),
            (true, None) if sound.is_empty() => Verdict::NotApplicable(first.join("; ")),
            (true, None) => Verdict::Pass(sound.join("; ")),
        }
    }
}

/// Snapshots share the volume's bytes, and repositories keep no size of their own for a point.
fn has_a_size(point: &RecoveryPoint) -> bool {
    matches!(
        point.kind,
        PointKind::NamedCopy
            | PointKind::VaultCopy
            | PointKind::Dump
            | PointKind::Archive
            | PointKind::DatabaseFile
            | PointKind::FilesystemImage
            | PointKind::Catalogued
            | PointKind::Declared
    )
}

/// Judges the newest of points of one kind by those before it.
fn newest(case: Case<'_>, points: &[&RecoveryPoint]) -> Size {
    if let Some(ageless) = points.iter().find(|point| case.moment(point).is_none()) {
        let label = case.label(ageless);
        return Size::Open(format!("the time of {label} is not known: it may be the newest"));
    }
    let at = points.iter().filter_map(|point| case.moment(point)).max();
    // Of several of one moment the poorest counts.
    let (newest, former): (Vec<&RecoveryPoint>, Vec<_>) =
        points.iter().partition(|point| case.moment(point) == at);
    let judged = newest.iter().map(|point| size(case, point, &former));
    let rank = |size: &Size| match size {
        Size::Wrong(_) => 0,
        Size::Open(_) => 1,
        Size::First(_) => 2,
        Size::Sound(_) => 3,
    };
    judged.min_by_key(rank).unwrap_or_else(|| Size::Open("no point is the newest".into()))
}

fn size(case: Case<'_>, point: &RecoveryPoint, former: &[&RecoveryPoint]) -> Size {
    let label = case.label(point);
    if let Usable::No(why) = &point.usable {
        return Size::Wrong(format!("the newest, {label}, is useless: {why}"));
    }
    let Some(&bytes) = point.bytes.value() else {
        return Size::Open(format!("the size of {label} is not known"));
    };
    if bytes == 0 {
        return Size::Wrong(format!("the newest, {label}, is empty"));
    }
    let former: Vec<_> = former.iter().filter(|point| !matches!(point.usable, Usable::No(_))).collect();
    // What is not known may have been as small or as large as anything.
    let sizes = |unknown: u64| {
        let mut sizes: Vec<u64> =
            former.iter().map(|point| point.bytes.value().copied().unwrap_or(unknown)).collect();
        sizes.sort_unstable();
        sizes
    };
    let median = |sizes: &[u64]| sizes.get(sizes.len() / 2).copied();
    let shrunk = |size: u64| bytes < size / 2;
    let (least, most) = (sizes(0), sizes(u64::MAX));
    match (former.len(), median(&least), median(&most)) {
        (0, ..) => Size::First(format!("{label} is the only one of its kind: there is none before it")),
        // So few have no usual size; but what is not far smaller than any of them has not shrunk.
        (count, ..) if count < ENOUGH => match most.last().copied().filter(|most| shrunk(*most)) {
            Some(_) => Size::Open(format!(
                "{label} has {bytes} bytes, and is far smaller than one of the {count} before it: too few to say what is usual, or of unknown size"
            )),
            None => Size::Sound(format!("{label} has {bytes} bytes")),
        },
        (_, Some(least), _) if shrunk(least) => Size::Wrong(format!(
            "the newest, {label}, has {bytes} bytes, and half of those before it had {least} or more"
        )),
        (_, _, Some(most)) if shrunk(most) => {
            Size::Open(format!("{label} has {bytes} bytes, and the sizes of those before it are not known"))
        }
        _ => Size::Sound(format!("{label} has {bytes} bytes")),
    }
}
