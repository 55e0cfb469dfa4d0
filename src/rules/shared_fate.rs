//! Does one act take the volume and its recovery points? One question, asked of each class of hazard. The rules
//! themselves stand in `fates.rs`.

use super::young::Left;
use super::{Case, Rule};
use crate::domain::{HazardClass, Nature, Policy, RecoveryPoint, Severity, Verdict};
use crate::isolation::{Cell, Row, doubtful};

/// The question for one class of hazard.
pub(super) struct SharedFate {
    pub id: &'static str,
    pub title: &'static str,
    pub page: &'static str,
    pub remedy: &'static str,
    pub class: HazardClass,
    pub scope: Scope,
    pub severity: Severity,
    pub frameworks: &'static [&'static str],
}

/// Which recovery points have to go for the rule to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// Every one, and the primary.
    Every,
    /// Every one within the RPO, and the primary: what an act leaves that is older is no way back.
    WithinRpo,
    /// Every one, whether the primary goes or not: a copy that nobody can read is none.
    Alone,
}

/// What one row comes to.
enum Answer {
    Fatal(Severity, String),
    Open(String),
    Kept(String),
}

/// How many acts one sentence names.
const NAMED: usize = 3;

impl Rule for SharedFate {
    fn id(&self) -> &'static str {
        self.id
    }

    fn title(&self) -> &'static str {
        self.title
    }

    fn page(&self) -> &'static str {
        self.page
    }

    fn severity(&self) -> Severity {
        self.severity
    }

    fn remedy(&self) -> &'static str {
        self.remedy
    }

    fn frameworks(&self) -> &'static [&'static str] {
        self.frameworks
    }

    /// What no look at one machine settles is a question only for those who ask it.
    fn is_asked(&self, policy: &Policy) -> bool {
        HazardClass::LOCAL.contains(&self.class) || policy.survive.contains(&self.class)
    }

    fn judge(&self, case: Case<'_>) -> Verdict {
        let word = self.class.word();
        if !case.policy.survive.contains(&self.class) {
            return Verdict::NotApplicable(format!("the policy does not ask to survive: {word}"));
        }
        if let Some(verdict) = case.no_points() {
            return verdict;
        }
        let rows: Vec<&Row> = case.survival.rows.iter().filter(|row| row.answers(self.class)).collect();
        let (mut fatal, mut open, mut kept, mut severity) = (vec![], vec![], vec![], Severity::Medium);
        for row in &rows {
            match self.answer(case, row) {
                Answer::Fatal(found, why) => {
                    severity = severity.max(found);
                    fatal.push(why);
                }
                Answer::Open(why) => open.push(why),
                Answer::Kept(why) => kept.push(why),
            }
        }
        if !fatal.is_empty() {
            return Verdict::Fail(severity, self.say_fatal(&fatal));
        }
        if let Some(why) = open.into_iter().next().or_else(|| self.shadow(case)) {
            return Verdict::Undetermined(why);
        }
        if !rows.is_empty() {
            return Verdict::Pass(say_some(&kept));
        }
        if case.survival.shadows.iter().any(|shadow| shadow.classes.contains(&self.class)) {
            return Verdict::Pass(format!("a recovery point survives whatever {word} lies below unseen"));
        }
        self.without_rows(case)
    }
}

impl SharedFate {
    fn answer<'a>(&self, case: Case<'a>, row: &'a Row) -> Answer {
        match (self.scope, &row.cell) {
            (Scope::WithinRpo, _) => self.answer_young(case, row, &case.left(row)),
            (_, Cell::Unknown { because }) => Answer::Open(format!("{}: {because}", row.title)),
            (_, Cell::Survivor { point, .. }) => {
                Answer::Kept(format!("{} leaves {}", row.title, case.graph.label_at(*point)))
            }
            (Scope::Every, Cell::None) if row.takes_primary => {
                Answer::Fatal(self.severity, row.title.clone())
            }
            (Scope::Every, Cell::None) => {
                Answer::Open(format!("{} may take the volume, and leaves nothing", row.title))
            }
            (Scope::Alone, Cell::None) if row.takes_primary => {
                Answer::Fatal(self.severity, format!("{} (and the primary)", row.title))
            }
            (Scope::Alone, Cell::None) => Answer::Fatal(Severity::High, row.title.clone()),
        }
    }

    fn answer_young(&self, case: Case<'_>, row: &Row, left: &Left<'_>) -> Answer {
        let title = &row.title;
        match (left.kept, &left.open) {
            (Some(point), _) => return Answer::Kept(format!("{title} leaves {}", case.label(point))),
            (None, Some(why)) => return Answer::Open(format!("{title}: {why}")),
            (None, None) => {}
        }
        // Without one within the RPO, what counts is whether the act takes the older ones too: their age is the
        // business of another rule.
        if let (0, Cell::Survivor { point, .. }) = (left.all, &row.cell) {
            let label = case.graph.label_at(*point);
            return Answer::Kept(format!("{title} leaves {label} (none is within the RPO: see rpo)"));
        }
        if let (0, Cell::Unknown { because }) = (left.all, &row.cell) {
            return Answer::Open(format!("{title}: {because}"));
        }
        if !row.takes_primary {
            return Answer::Open(format!("{title} may take the volume, and leaves nothing within the RPO"));
        }
        Answer::Fatal(self.severity, left.say(title, case.policy.rpo))
    }

    fn say_fatal(&self, fatal: &[String]) -> String {
        match self.scope {
            Scope::Every => format!("takes the volume and every recovery point: {}", fatal.join(", ")),
            Scope::Alone => format!("leaves no usable recovery point: {}", fatal.join(", ")),
            Scope::WithinRpo => format!("beside the volume, {}", say_some(fatal)),
        }
    }

    /// What might be below the volume unseen, and would not leave enough for certain.
    fn shadow(&self, case: Case<'_>) -> Option<String> {
        // A point that may be this volume's, or may be hidden, may be a young one too.
        let is_there = case.points().any(|point| case.may_be_young(point)) || case.hidden().is_some();
        let wants_young = self.scope == Scope::WithinRpo && is_there;
        let leaves_enough = |cell: &Cell| match cell {
            Cell::Survivor { age, .. } => !wants_young || age.is_some_and(|age| age <= case.policy.rpo),
            Cell::None | Cell::Unknown { .. } => false,
        };
        let mut shadows = case.survival.shadows.iter().filter(|shadow| shadow.classes.contains(&self.class));
        shadows.find(|shadow| !leaves_enough(&shadow.cell)).map(|shadow| shadow.because.clone())
    }

    /// No such act is known to take anything: is it known that there is none?
    fn without_rows(&self, case: Case<'_>) -> Verdict {
        let word = self.class.word();
        let missing = match self.class {
            HazardClass::PrimaryDeletion => Some("what the volume stands on was not seen".to_owned()),
            HazardClass::BadData => Some("it was not judged what bad data takes along".to_owned()),
            HazardClass::Credential | HazardClass::Identity | HazardClass::HostCompromise => {
                unknown_deleters(case)
            }
            HazardClass::Key | HazardClass::Catalogue => {
                // Storage that nobody saw may need one too.
                let known = |point: &RecoveryPoint| {
                    doubtful(point).is_none() && case.graph.open_needs(&point.id).is_none()
                };
                let all_open = !case.points().any(known);
                all_open.then(|| "not everything that the recovery points need is known".to_owned())
            }
            _ => None,
        };
        match (missing, self.class) {
            (Some(why), _) => Verdict::Undetermined(why),
            (None, HazardClass::Credential | HazardClass::Identity) => {
                Verdict::NotApplicable(format!("no {word} is known to reach the volume, and all are known"))
            }
            (None, HazardClass::HostCompromise) => {
                Verdict::NotApplicable("no takeover of a host is known to take the volume".into())
            }
            (None, HazardClass::Key | HazardClass::Catalogue) => {
                Verdict::NotApplicable(format!("some recovery point needs no {word}"))
            }
            (None, _) => Verdict::NotApplicable(format!("the loss of no single {word} takes the volume")),
        }
    }
}

/// Whether it is open which credentials may delete the volume.
pub(super) fn unknown_deleters(case: Case<'_>) -> Option<String> {
    let known = case.asset(&case.volume.asset).is_some_and(|a| a.bonds.is_complete(Nature::DeletableBy));
    (!known).then(|| format!("it is not known which credentials may delete {}", case.volume.name))
}

/// The first few, and how many more.
pub(super) fn say_some(all: &[String]) -> String {
    let some = all.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ");
    match all.len().saturating_sub(NAMED) {
        0 => some,
        more => format!("{some}; and {more} more"),
    }
}
