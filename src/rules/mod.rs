//! Rules: one file a rule, with its page in `docs/rules/`.

mod artefact;
mod cut_order;
mod declared;
mod drills;
mod fates;
mod judge;
mod live_copy;
mod locks;
mod no_recovery_point;
mod replica;
mod roles;
mod rpo;
mod shared_fate;
mod undelete;
mod vault_roles;
mod waive;
mod young;

pub use drills::is_about_drills;
pub use judge::{Judged, Overall, judge, judge_each, judge_one, overall};
pub use waive::idle_waivers;

use crate::domain::{
    Asset, AssetId, HazardClass, Policy, RecoveryPoint, Severity, Timestamp, Verdict, Volume,
};
use crate::isolation::{CutSets, Graph, Row, Survival, hidden_points, useless};

/// One volume with everything a rule may read.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// The inventory with its bonds.
    pub graph: &'a Graph,
    /// The volume judged.
    pub volume: &'a Volume,
    /// What is asked.
    pub policy: &'a Policy,
    /// The moment of judging.
    pub now: Timestamp,
    /// The volume's survival table.
    pub survival: &'a Survival,
    /// Its minimal cut sets.
    pub cuts: &'a CutSets,
}

/// One question with its page.
pub trait Rule: Sync {
    /// Its stable name.
    fn id(&self) -> &'static str;
    /// What must hold, in a few words.
    fn title(&self) -> &'static str;
    /// The page of documentation, in Markdown.
    fn page(&self) -> &'static str;
    /// How bad a failure is.
    fn severity(&self) -> Severity;
    /// What to do about a failure, one sentence.
    fn remedy(&self) -> &'static str;
    /// The controls of frameworks that its verdict is evidence for, each as framework and id.
    fn frameworks(&self) -> &'static [&'static str];
    /// Whether the policy asks this question. What it does not ask never applies, and only the JSON says so.
    fn is_asked(&self, _policy: &Policy) -> bool {
        true
    }
    /// The verdict.
    fn judge(&self, case: Case<'_>) -> Verdict;
}

/// Every rule, in the order of reports. Of failures that are equally bad, the last one's remedy is named first: what
/// helps against the wider loss helps against the narrower.
pub const ALL: &[&dyn Rule] = &[
    &no_recovery_point::NoRecoveryPoint,
    &fates::CASCADE_ON_DELETION,
    &fates::SAME_FILE,
    &fates::SAME_FILESYSTEM,
    &fates::SAME_DEVICE,
    &fates::SAME_HOST,
    &fates::KEY_ONLY_WITH_PRIMARY,
    &fates::CATALOGUE_ONLY_WITH_PRIMARY,
    &fates::SAME_HOST_COMPROMISE,
    &fates::CREDENTIAL_REACHES_BOTH,
    &fates::IDENTITY_REACHES_BOTH,
    &fates::SAME_SITE,
    &fates::SAME_REGION,
    &fates::SAME_ACCOUNT,
    &fates::SAME_PROVIDER,
    &fates::SAME_NETWORK,
    &fates::RETENTION_SHORTER_THAN_DETECTION,
    &undelete::UndeleteWindowOnly,
    &roles::RolesNotSeparated,
    &locks::LOCK_MISSING,
    &locks::LOCK_GOVERNANCE_ONLY,
    &locks::LOCK_SHORTER_THAN_POLICY,
    &locks::LOCK_LAPSES_BEFORE_NEXT_COPY,
    &replica::ReplicaCountedAsBackup,
    &cut_order::CutOrder,
    &rpo::Rpo,
    &artefact::ArtefactEmptyOrShrunk,
    &declared::DeclaredNotObserved,
    &vault_roles::EscrowNotProved,
    &vault_roles::RoleAll,
    &drills::NeverDrilled,
    &drills::DrillStale,
    &drills::DrillOlderThanPlan,
    &live_copy::LiveCopy,
];

/// The rule with this id.
pub fn by_id(id: &str) -> Option<&'static dyn Rule> {
    ALL.iter().copied().find(|rule| rule.id() == id)
}

impl<'a> Case<'a> {
    /// The usable points that survive a row's hazard for certain.
    pub fn survivors(&self, row: &'a Row) -> impl Iterator<Item = &'a RecoveryPoint> + use<'a> {
        let graph = self.graph;
        row.survivors.iter().filter_map(|place| graph.at(*place))
    }

    /// The points that die for certain under a row's hazard, without those known to be useless.
    pub fn dead(&self, row: &'a Row) -> impl Iterator<Item = &'a RecoveryPoint> + use<'a> {
        let graph = self.graph;
        row.dead.iter().filter_map(|place| graph.at(*place))
    }

    /// The points of which neither can be said, each with what is missing.
    pub fn doubts(&self, row: &'a Row) -> impl Iterator<Item = (&'a RecoveryPoint, &'a str)> + use<'a> {
        let graph = self.graph;
        row.undetermined.iter().flat_map(move |doubt| {
            let points = doubt.points.iter().filter_map(|place| graph.at(*place));
            points.map(|point| (point, doubt.because.as_str()))
        })
    }

    /// The asset with this id.
    fn asset(&self, id: &AssetId) -> Option<&'a Asset> {
        // The inventory of a graph is in one order, by id.
        let assets = &self.graph.inventory().assets;
        assets.binary_search_by(|asset| asset.id.cmp(id)).ok().and_then(|place| assets.get(place))
    }

    /// The row of the volume's deletion.
    fn deletion(&self) -> Option<&'a Row> {
        self.survival.rows.iter().find(|row| row.answers(HazardClass::PrimaryDeletion))
    }

    /// What a sentence calls a point.
    fn label(&self, point: &RecoveryPoint) -> String {
        self.graph.point_label(&point.id)
    }

    /// The volume's points that are not known to be useless.
    fn points(&self) -> impl Iterator<Item = &'a RecoveryPoint> {
        self.graph.points_of(&self.volume.id).filter(|point| !useless(point))
    }

    /// Why the volume may have points that are not among [`Self::points`].
    fn hidden(&self) -> Option<String> {
        let orphan = self.graph.orphans().find(|point| !useless(point)).map(|point| {
            format!("it is not known which volume {} is a state of", self.graph.point_label(&point.id))
        });
        orphan.or_else(|| hidden_points(self.graph, self.volume))
    }

    /// The verdict where there is no point to speak of: another rule says the rest.
    fn no_points(&self) -> Option<Verdict> {
        match (self.points().next(), self.hidden()) {
            (None, None) => {
                Some(Verdict::NotApplicable("there is no recovery point: see no-recovery-point".into()))
            }
            (None, Some(_)) => Some(Verdict::Undetermined(
                "no recovery point was seen, but some may be hidden: see no-recovery-point".into(),
            )),
            (Some(_), _) => None,
        }
    }
}
