//! Every rule on every volume, and what it comes to.

use super::waive::waive;
use super::{ALL, Case};
use crate::domain::{Finding, Policies, Policy, Timestamp, Verdict, Volume};
use crate::isolation::{CutSets, Graph, Link, Survival, isolate};

/// Everything said about one volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// The volume.
    pub volume: Volume,
    /// What it stands on, from top to bottom.
    pub chain: Vec<Link>,
    /// Its survival table.
    pub survival: Survival,
    /// What loses everything within the RPO.
    pub cuts: CutSets,
    /// What was asked of it.
    pub policy: Policy,
    /// One finding a rule, in the order of [`ALL`].
    pub findings: Vec<Finding>,
}

/// What all findings come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Overall {
    /// Every rule holds, does not apply or is waived.
    Sound,
    /// Something could not be said, and nothing failed.
    Undetermined,
    /// A rule failed.
    Failed,
}

/// Judges every volume by one policy, sorted by id.
pub fn judge(graph: &Graph, policy: &Policy, now: Timestamp) -> Vec<Judged> {
    judge_each(graph, &policy.clone().into(), now)
}

/// Judges every volume by its own policy, sorted by id.
pub fn judge_each(graph: &Graph, policies: &Policies, now: Timestamp) -> Vec<Judged> {
    graph.inventory().volumes.iter().map(|volume| judge_one(graph, volume, policies, now)).collect()
}

/// Judges one volume by its own policy.
pub fn judge_one(graph: &Graph, volume: &Volume, policies: &Policies, now: Timestamp) -> Judged {
    let policy = policies.of(&volume.id);
    let (survival, cuts) = isolate(graph, volume, policy, now);
    let case = Case { graph, volume, policy, now, survival: &survival, cuts: &cuts };
    let findings = ALL
        .iter()
        .map(|rule| Finding {
            rule: rule.id().to_owned(),
            volume: volume.id.clone(),
            verdict: waive(policies, rule.id(), &volume.id, rule.judge(case), now),
        })
        .collect();
    let (volume, chain, policy) = (volume.clone(), graph.chain(volume), policy.clone());
    Judged { volume, chain, survival, cuts, policy, findings }
}

/// What all findings come to. No volume at all, or anything that could not be seen, is never sound.
pub fn overall(judged: &[Judged], graph: &Graph) -> Overall {
    let verdicts = judged.iter().flat_map(|judged| &judged.findings).map(|finding| match finding.verdict {
        Verdict::Pass(_) | Verdict::NotApplicable(_) | Verdict::Waived { .. } => Overall::Sound,
        Verdict::Undetermined(_) => Overall::Undetermined,
        Verdict::Fail(..) => Overall::Failed,
    });
    let unseen = graph.inventory().has_open_gaps();
    let least = if judged.is_empty() || unseen { Overall::Undetermined } else { Overall::Sound };
    verdicts.max().unwrap_or(Overall::Sound).max(least)
}
