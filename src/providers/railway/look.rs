//! Walks from the token to everything that it reaches, each list to its end.

use super::Work;
use super::instances::{Instance, instances};
use super::points::{Found, points};
use super::questions::Question;
use super::shapes::{External, Invited, Listed, Named, OneProject, Project, Projects};
use super::who::{Scope, Who};
use crate::domain::{Gap, GapReason, TokenKind};
use crate::providers::graphql::{
    Answer, Complaint, Connection, List, Pages, Scalar, Unanswered, Variables, pages,
};
use crate::vault::in_parallel;
use std::collections::BTreeSet;

/// How many volumes one survey keeps.
const MOST: usize = 100_000;

/// Something with an id that is one, and a name that is safe to print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Thing {
    pub id: String,
    pub name: String,
}

/// A project with what is in it.
pub(super) struct InProject {
    pub workspace: Option<Thing>,
    pub own: Thing,
    pub environments: Vec<Thing>,
    /// Its other environments, which a project token is not for.
    pub beyond: Vec<Thing>,
    pub volumes: Vec<Thing>,
    pub buckets: Vec<Thing>,
}

/// Everything that was seen.
pub(super) struct Seen {
    pub workspaces: Vec<Thing>,
    pub projects: Vec<InProject>,
    /// Each with the place of its project.
    pub instances: Vec<(usize, Instance)>,
    /// What was found of each instance, in their order.
    pub found: Vec<Found>,
}

/// A project that is to be looked at.
struct Wanted {
    workspace: Option<Thing>,
    own: Thing,
    is_deleted: bool,
    /// The only environment of it that the token reaches, where that is so.
    only: Option<String>,
}

/// What one list or project came to, and what of it could not be seen.
pub(super) type With<T> = (T, Vec<Gap>);

/// Looks at everything.
pub(super) fn look(work: &Work<'_>, who: &Who) -> With<Seen> {
    let (mut gaps, at_once) = (Vec::new(), work.transport.limits().at_once);
    let (workspaces, wanted) = wanted(work, who, &mut gaps);
    let looked = in_parallel(at_once, &wanted, |one| Ok(project(work, one))).unwrap_or_default();
    let projects: Vec<InProject> = settled(looked, &mut gaps);
    let environments: Vec<(usize, &Thing)> = (projects.iter().enumerate())
        .flat_map(|(place, project)| project.environments.iter().map(move |environment| (place, environment)))
        .collect();
    let looked = in_parallel(at_once, &environments, |(place, environment)| {
        Ok(instances(work, &projects[*place], environment))
    });
    let of_each = settled(looked.unwrap_or_default(), &mut gaps);
    let places = environments.iter().map(|(place, _)| *place);
    let mut instances: Vec<(usize, Instance)> =
        places.zip(of_each).flat_map(|(place, all)| all.into_iter().map(move |one| (place, one))).collect();
    if instances.len() > MOST {
        instances.truncate(MOST);
        gaps.push(work.gap(work.volumes_of("volumes"), "its volumes", &Unanswered::Entries(MOST)));
    }
    let looked = in_parallel(at_once, &instances, |(_, instance)| Ok(points(work, who, instance)));
    let found = settled(looked.unwrap_or_default(), &mut gaps);
    (Seen { workspaces, projects, instances, found }, gaps)
}

fn settled<T>(looked: Vec<With<T>>, gaps: &mut Vec<Gap>) -> Vec<T> {
    let each = looked.into_iter().map(|(one, open)| {
        gaps.extend(open);
        one
    });
    each.collect()
}

/// The projects that the token reaches, with the workspaces that they are in.
fn wanted(work: &Work<'_>, who: &Who, gaps: &mut Vec<Gap>) -> (Vec<Thing>, Vec<Wanted>) {
    match &who.scope {
        Scope::Workspaces(named, open) => {
            if let Some(why) = open {
                gaps.push(work.gap(work.volumes_of("workspaces"), "its list of workspaces", why));
            }
            let workspaces = things(work, named, "its list of workspaces", gaps);
            let mut all: Vec<Wanted> =
                workspaces.iter().flat_map(|workspace| of_workspace(work, workspace, gaps)).collect();
            // A workspace was invited to nothing.
            if who.kind != TokenKind::Workspace {
                let mut known: BTreeSet<String> = all.iter().map(|wanted| wanted.own.id.clone()).collect();
                let more = invited(work, gaps).into_iter();
                all.extend(more.filter(|wanted| known.insert(wanted.own.id.clone())));
            }
            (workspaces, all)
        }
        Scope::Environment { project, environment } => {
            let id = |text: &Scalar| text.text().and_then(|text| work.says.id(text)).map(str::to_owned);
            match (id(project), id(environment)) {
                (Some(project), Some(only)) => {
                    let own = Thing { name: project.clone(), id: project };
                    (Vec::new(), vec![Wanted { workspace: None, own, is_deleted: false, only: Some(only) }])
                }
                _ => {
                    let why = Unanswered::NotUnderstood("it does not say what the token is for");
                    gaps.push(work.gap(work.volumes_of("project"), "the project of its token", &why));
                    (Vec::new(), Vec::new())
                }
            }
        }
    }
}

fn of_workspace(work: &Work<'_>, workspace: &Thing, gaps: &mut Vec<Gap>) -> Vec<Wanted> {
    let part = format!("projects of workspace {}", workspace.name);
    let variables = Variables::of([("workspace", &workspace.id)]);
    let take = |answer: Projects| answer.projects;
    let Pages { nodes, open } = pages(&work.transport, Question::Projects, &variables, None, take);
    if let Some(why) = open {
        gaps.push(work.gap(work.volumes_of(&part), &part, &why));
    }
    listed(work, nodes, Some(workspace), &part, gaps)
}

/// The projects of a list, each once.
fn listed(
    work: &Work<'_>,
    nodes: Vec<Listed>,
    workspace: Option<&Thing>,
    part: &str,
    gaps: &mut Vec<Gap>,
) -> Vec<Wanted> {
    let (mut ids, count) = (BTreeSet::new(), nodes.len());
    let one = |listed: Listed| {
        let Listed { id, name, deleted_at } = listed;
        let own = thing(work, &Named { id, name })?;
        let is_new = ids.insert(own.id.clone());
        let is_deleted = !deleted_at.is_none();
        is_new.then(|| Wanted { workspace: workspace.cloned(), own, is_deleted, only: None })
    };
    let all: Vec<Wanted> = nodes.into_iter().filter_map(one).collect();
    odd(work, count - all.len(), part, gaps);
    all
}

/// The projects of other workspaces that somebody invited the account to.
fn invited(work: &Work<'_>, gaps: &mut Vec<Gap>) -> Vec<Wanted> {
    const PART: &str = "projects of other workspaces that the account was invited to";
    let missing = |why: &Unanswered| work.gap(work.volumes_of(PART), PART, why);
    let answer = match work.transport.ask::<Invited>(Question::Invited, &Variables::default()) {
        Ok(Answer { data, beside }) => {
            gaps.extend(beside.map(|(complaint, count)| missing(&Unanswered::Errors(complaint, count))));
            data.external_workspaces
        }
        Err(why) => {
            gaps.push(missing(&why));
            return Vec::new();
        }
    };
    const ODD: Unanswered = Unanswered::NotUnderstood("that list, or a list of projects in it, is missing");
    let List { items, missed } = answer.unwrap_or_else(|| {
        gaps.push(missing(&ODD));
        List::default()
    });
    odd(work, missed, PART, gaps);
    let mut all = Vec::new();
    for External { id, name, projects } in items {
        // Without it, only whose projects they are is not known.
        let workspace = thing(work, &Named { id, name });
        match projects {
            Some(List { items, missed }) => {
                odd(work, missed, PART, gaps);
                all.extend(listed(work, items, workspace.as_ref(), PART, gaps));
            }
            None => gaps.push(missing(&ODD)),
        }
    }
    all
}

/// One project: what is in it, list by list.
fn project(work: &Work<'_>, wanted: &Wanted) -> With<InProject> {
    let mut gaps = Vec::new();
    let variables = Variables::of([("project", &wanted.own.id)]);
    let mut seen = InProject {
        workspace: wanted.workspace.clone(),
        own: wanted.own.clone(),
        environments: Vec::new(),
        beyond: Vec::new(),
        volumes: Vec::new(),
        buckets: Vec::new(),
    };
    let part = format!("project {}", seen.own.name);
    let (whole, beside) = match work.transport.ask::<OneProject>(Question::Project, &variables) {
        Ok(answer) => (answer.data.project, answer.beside),
        // One list that may not be seen spoils such an answer as a whole: each is asked for by itself.
        Err(Unanswered::Errors(complaint, _)) if complaint != Complaint::NotFound => (None, None),
        Err(why) => {
            gaps.push(work.gap(work.volumes_of(&part), &part, &why));
            return (seen, gaps);
        }
    };
    let mut is_deleted = wanted.is_deleted;
    let (mut environments, mut volumes, mut buckets) = (None, None, None);
    if let Some(Project { name, deleted_at, workspace_id, .. }) = &whole {
        is_deleted |= !deleted_at.is_none();
        if let Some(name) = name.text() {
            seen.own.name = work.says.name(name);
        }
        let id = workspace_id.text().and_then(|id| work.says.id(id)).filter(|_| seen.workspace.is_none());
        seen.workspace = seen.workspace.or(id.map(|id| Thing { id: id.to_owned(), name: id.to_owned() }));
    }
    if let Some(project) = whole {
        (environments, volumes, buckets) = (project.environments, project.volumes, project.buckets);
    }
    let list = |question, first: Option<Connection<Named>>, take: Take, what: &str, gaps: &mut Vec<Gap>| {
        let first = first.map(|list| (list, beside));
        let part = format!("{what} of project {}", seen.own.name);
        let Pages { nodes, open } =
            pages(&work.transport, question, &variables, first, |answer: OneProject| {
                answer.project.and_then(take)
            });
        if let Some(why) = open {
            gaps.push(work.gap(work.volumes_of(&part), &part, &why));
        }
        things(work, &nodes, &part, gaps)
    };
    let found =
        list(Question::Environments, environments, |project| project.environments, "environments", &mut gaps);
    let volumes = list(Question::Volumes, volumes, |project| project.volumes, "volumes", &mut gaps);
    let buckets = list(Question::Buckets, buckets, |project| project.buckets, "buckets", &mut gaps);
    (seen.volumes, seen.buckets) = (volumes, buckets);
    (seen.environments, seen.beyond) = of_token(found, wanted.only.as_deref());
    if is_deleted {
        let detail = "it waits to be deleted for good; within 48 hours of its deletion the link in the provider's e-mail \
            brings it back, and whether its backups come back too is not known"
            .to_owned();
        let (scope, part) = (work.volumes_of(&part), format!("project {}", seen.own.name));
        gaps.push(work.gap_because(scope, &part, GapReason::Vanished, detail));
    }
    (seen, gaps)
}

/// Finds one list in a project.
type Take = fn(Project) -> Option<Connection<Named>>;

/// Of a project token, the one environment that it is for, also where no list could be had; and the others.
fn of_token(all: Vec<Thing>, only: Option<&str>) -> (Vec<Thing>, Vec<Thing>) {
    let Some(only) = only else { return (all, Vec::new()) };
    let (mut own, others): (Vec<Thing>, Vec<Thing>) =
        all.into_iter().partition(|environment| environment.id == only);
    own.truncate(1);
    if own.is_empty() {
        own.push(Thing { id: only.to_owned(), name: only.to_owned() });
    }
    (own, others)
}

/// Those that have an id, each once; that there are others is one gap of the list.
fn things(work: &Work<'_>, named: &[Named], part: &str, gaps: &mut Vec<Gap>) -> Vec<Thing> {
    let mut ids = BTreeSet::new();
    let things: Vec<Thing> = named
        .iter()
        .filter_map(|named| thing(work, named))
        .filter(|thing| ids.insert(thing.id.clone()))
        .collect();
    odd(work, named.len() - things.len(), part, gaps);
    things
}

/// Tells that so many entries of a list cannot be asked for.
pub(super) fn odd(work: &Work<'_>, count: usize, part: &str, gaps: &mut Vec<Gap>) {
    if count > 0 {
        let detail = format!("{count} entries of that list have no id of their own that could be asked for");
        gaps.push(work.gap_because(work.volumes_of(part), part, GapReason::Failed, detail));
    }
}

fn thing(work: &Work<'_>, named: &Named) -> Option<Thing> {
    let id = named.id.text().and_then(|id| work.says.id(id))?;
    let name = named.name.text().map(|name| work.says.name(name)).filter(|name| !name.is_empty());
    Some(Thing { id: id.to_owned(), name: name.unwrap_or_else(|| id.to_owned()) })
}
