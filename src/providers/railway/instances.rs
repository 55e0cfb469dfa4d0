//! Volumes as they are in one environment: what holds data.

use super::Work;
use super::look::{InProject, Thing, With, odd};
use super::questions::Question;
use super::shapes::{self, OneEnvironment};
use crate::domain::{Gap, GapReason, GapScope, VolumeId};
use crate::providers::graphql::{Complaint, Pages, Scalar, Unanswered, Variables, pages};
use std::collections::HashSet;

/// A volume in an environment.
pub(super) struct Instance {
    pub id: String,
    /// `PROJECT/ENVIRONMENT/VOLUME`, safe to print.
    pub name: String,
    /// The id of the volume; none where that was not said.
    pub volume: Option<String>,
    pub region: Option<String>,
    /// Why nothing of it may be counted on, if so.
    pub doubt: Option<String>,
}

/// The states that a volume may be in without anything being wrong with it.
const SOUND: [&str; 4] = ["READY", "UPDATING", "MIGRATING", "MIGRATION_PENDING"];

impl Instance {
    /// Its identity as a volume of an inventory.
    pub fn volume_id(&self) -> VolumeId {
        VolumeId(format!("railway:{}", self.id))
    }
}

/// All volumes of an environment.
pub(super) fn instances(work: &Work<'_>, project: &InProject, environment: &Thing) -> With<Vec<Instance>> {
    let mut gaps = Vec::new();
    let variables = Variables::of([("project", &project.own.id), ("environment", &environment.id)]);
    let ask = |question| {
        pages(&work.transport, question, &variables, None, |answer: OneEnvironment| {
            answer.environment.and_then(|environment| environment.volume_instances)
        })
    };
    let (mut listed, mut is_queue_told) = (ask(Question::VolumeInstances), true);
    if let (true, Some(Unanswered::Errors(Complaint::Schema, _))) = (listed.nodes.is_empty(), &listed.open) {
        listed = ask(Question::VolumeInstancesWithoutQueue);
        is_queue_told = false;
    }
    let Pages { nodes, open } = listed;
    let part = format!("volumes in {}/{}", project.own.name, environment.name);
    if !is_queue_told && !nodes.is_empty() {
        let detail = "the API does not tell which volumes wait to be deleted: any of them may be gone within 48 hours, with its backups".to_owned();
        gaps.push(work.gap_because(work.volumes_of(&part), &part, GapReason::Unsupported, detail));
    }
    if let Some(why) = open {
        gaps.push(work.gap(work.volumes_of(&part), &part, &why));
    }
    let (mut ids, count) = (HashSet::new(), nodes.len());
    let all = nodes.into_iter().filter_map(|node| one(work, &node, (project, environment), &mut gaps));
    // A list that goes round, or shifts while its pages are asked for, has some of them twice and may lack others.
    let all: Vec<Instance> = all.filter(|instance| ids.insert(instance.id.clone())).collect();
    odd(work, count - all.len(), &part, &mut gaps);
    (all, gaps)
}

fn one(
    work: &Work<'_>,
    node: &shapes::Instance,
    (project, environment): (&InProject, &Thing),
    gaps: &mut Vec<Gap>,
) -> Option<Instance> {
    let id = |text: &Scalar| text.text().and_then(|text| work.says.id(text)).map(str::to_owned);
    let own = id(&node.id)?;
    let volume = id(&node.volume_id);
    let called = volume.as_ref().and_then(|volume| project.volumes.iter().find(|known| known.id == *volume));
    let called = called.map_or(own.as_str(), |known| known.name.as_str());
    let name = format!("{}/{}/{called}", project.own.name, environment.name);
    let region = node.region.text().map(|region| work.says.name(region)).filter(|region| !region.is_empty());
    let doubt = doubt(work, node);
    let instance = Instance { id: own, name, volume, region, doubt };
    let missed = |reason, detail: String| {
        let scope = GapScope::Volume(instance.volume_id().0);
        Gap { scope, place: format!("provider {}, {}", work.own.provider, instance.name), reason, detail }
    };
    if let Some(why) = &instance.doubt {
        gaps.push(missed(GapReason::Vanished, why.clone()));
    }
    if instance.volume.is_none() {
        let detail =
            "the provider does not say which volume it is an instance of: what takes it along is not known";
        gaps.push(missed(GapReason::Failed, detail.to_owned()));
    }
    Some(instance)
}

/// Why nothing of a volume may be counted on: it goes, or it is in a state that says so or that nobody knows here.
fn doubt(work: &Work<'_>, node: &shapes::Instance) -> Option<String> {
    let goes = matches!(node.state.text(), Some("DELETING" | "DELETED"))
        || !node.deleted_at.is_none()
        // Where it is absent, the provider does not know of it; anything but "no" may be a "yes".
        || !(node.is_pending_deletion.is_none() || node.is_pending_deletion.bool() == Some(false));
    if goes {
        let when = node
            .deleted_at
            .moment()
            .map_or_else(String::new, |at| format!(" since {}", at.format("%Y-%m-%d %H:%M UTC")));
        return Some(format!(
            "it waits to be deleted for good{when}: within 48 hours of its deletion the link in the provider's e-mail brings \
             it back, and whether its backups come back too is not known"
        ));
    }
    match node.state.text() {
        Some(state) if SOUND.contains(&state) => None,
        Some("RESTORING") => Some(
            "a backup is being restored into it, which removes newer ones: look again after that".to_owned(),
        ),
        Some("ERROR") => Some("the provider says that it is in the state ERROR: look at it there".to_owned()),
        Some(other) => {
            Some(format!("it is in a state that this version does not know: {}", work.says.name(other)))
        }
        None => Some("the provider does not say in which state it is".to_owned()),
    }
}
