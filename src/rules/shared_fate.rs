//! `same-file`, `same-filesystem`, `same-device`, `same-host`, and beyond the machine `same-site`,
//! `same-region`, `same-account`, `same-provider`, `same-network`: does one loss take the volume and every
//! recovery point? One question, asked of each class of hazard.

use super::{Case, Rule};
use crate::domain::{HazardClass, Policy, Severity, Verdict};
use crate::isolation::{Cell, Row};

/// The question for one class of hazard.
pub(super) struct SharedFate {
    id: &'static str,
    title: &'static str,
    page: &'static str,
    remedy: &'static str,
    class: HazardClass,
}

pub(super) const SAME_FILE: SharedFate = SharedFate {
    id: "same-file",
    title: "a recovery point survives the loss of the volume's file",
    page: include_str!("../../docs/rules/same-file.md"),
    remedy: "keep a recovery point outside this file: outlive copy, into a vault on another filesystem",
    class: HazardClass::File,
};

pub(super) const SAME_FILESYSTEM: SharedFate = SharedFate {
    id: "same-filesystem",
    title: "a recovery point survives the loss of the volume's filesystem",
    page: include_str!("../../docs/rules/same-filesystem.md"),
    remedy: "keep a recovery point on another filesystem: outlive copy, into a vault elsewhere",
    class: HazardClass::Filesystem,
};

pub(super) const SAME_DEVICE: SharedFate = SharedFate {
    id: "same-device",
    title: "a recovery point survives the loss of the volume's device",
    page: include_str!("../../docs/rules/same-device.md"),
    remedy: "keep a recovery point on another device: outlive copy, into a vault on another disk",
    class: HazardClass::Device,
};

pub(super) const SAME_HOST: SharedFate = SharedFate {
    id: "same-host",
    title: "a recovery point survives the loss of the volume's host",
    page: include_str!("../../docs/rules/same-host.md"),
    remedy: "keep a recovery point off this host: outlive copy, into a vault on another machine",
    class: HazardClass::Host,
};

pub(super) const SAME_SITE: SharedFate = SharedFate {
    id: "same-site",
    title: "a recovery point survives the loss of the volume's site",
    page: include_str!("../../docs/rules/same-site.md"),
    remedy: "keep a recovery point in another building, and declare the site of both under stands_on",
    class: HazardClass::Site,
};

pub(super) const SAME_REGION: SharedFate = SharedFate {
    id: "same-region",
    title: "a recovery point survives the loss of the volume's region",
    page: include_str!("../../docs/rules/same-region.md"),
    remedy: "keep a recovery point in another region, and declare the region of both under stands_on",
    class: HazardClass::Region,
};

pub(super) const SAME_ACCOUNT: SharedFate = SharedFate {
    id: "same-account",
    title: "a recovery point survives the loss of the volume's account",
    page: include_str!("../../docs/rules/same-account.md"),
    remedy: "keep a recovery point under another account, and declare the account of both under stands_on",
    class: HazardClass::Account,
};

pub(super) const SAME_PROVIDER: SharedFate = SharedFate {
    id: "same-provider",
    title: "a recovery point survives the loss of the volume's provider",
    page: include_str!("../../docs/rules/same-provider.md"),
    remedy: "keep a recovery point at another provider, and declare the provider of both under stands_on",
    class: HazardClass::Provider,
};

pub(super) const SAME_NETWORK: SharedFate = SharedFate {
    id: "same-network",
    title: "a recovery point survives the loss of the volume's network",
    page: include_str!("../../docs/rules/same-network.md"),
    remedy: "keep a recovery point reachable through another network, and declare the network of both under stands_on",
    class: HazardClass::Network,
};

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
        Severity::Critical
    }

    fn remedy(&self) -> &'static str {
        self.remedy
    }

    /// What lies beyond a machine is a question of its own only for those who ask it.
    fn is_asked(&self, policy: &Policy) -> bool {
        !self.class.is_wide() || policy.survive.contains(&self.class)
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
        let fatal: Vec<&str> = rows
            .iter()
            .filter(|row| row.takes_primary && row.cell == Cell::None)
            .map(|row| row.title.as_str())
            .collect();
        if !fatal.is_empty() {
            let because = format!("takes the volume and every recovery point: {}", fatal.join(", "));
            return Verdict::Fail(self.severity(), because);
        }
        if let Some(why) = rows.iter().find_map(|row| open(row)).or_else(|| self.shadow(case)) {
            return Verdict::Undetermined(why);
        }
        let unseen = case.survival.shadows.iter().any(|shadow| shadow.classes.contains(&self.class));
        if rows.is_empty() && unseen {
            return Verdict::Pass(format!("a recovery point survives whatever {word} lies below unseen"));
        }
        if rows.is_empty() {
            return Verdict::NotApplicable(format!("the loss of no single {word} takes the volume"));
        }
        let kept: Vec<String> = rows.iter().filter_map(|row| survivor(case, row)).collect();
        Verdict::Pass(kept.join("; "))
    }
}

impl SharedFate {
    /// What might be below the volume unseen, and would leave nothing for certain.
    fn shadow(&self, case: Case<'_>) -> Option<String> {
        let mut shadows = case.survival.shadows.iter().filter(|shadow| shadow.classes.contains(&self.class));
        shadows
            .find(|shadow| !matches!(shadow.cell, Cell::Survivor { .. }))
            .map(|shadow| shadow.because.clone())
    }
}

fn open(row: &Row) -> Option<String> {
    match &row.cell {
        Cell::Unknown { because } => Some(format!("{}: {because}", row.title)),
        Cell::None => Some(format!("{} may take the volume, and leaves nothing", row.title)),
        Cell::Survivor { .. } => None,
    }
}

fn survivor(case: Case<'_>, row: &Row) -> Option<String> {
    match &row.cell {
        Cell::Survivor { point, .. } => Some(format!("{} leaves {}", row.title, case.graph.label_at(*point))),
        Cell::None | Cell::Unknown { .. } => None,
    }
}
