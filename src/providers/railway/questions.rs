//! Everything that Railway is ever asked. Facts on the API: its introspection of 2026-08-21.
//!
//! Not on the list, on purpose: `bucketS3Credentials`, a query that hands out keys which may delete a bucket's content.

use crate::providers::graphql::{Operation, is_only_a_query};

/// One question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Which workspaces does the token reach? Answered to tokens of accounts and workspaces.
    ApiToken,
    /// Is it an account's token?
    Me,
    /// Which environment of which project is a project token for?
    ProjectToken,
    /// The projects of a workspace.
    Projects,
    /// The projects of other workspaces that somebody invited the account to.
    Invited,
    /// A project, with the first pages of what is in it.
    Project,
    /// The environments of a project.
    Environments,
    /// The volumes of a project.
    Volumes,
    /// The buckets of a project.
    Buckets,
    /// Volumes as they are in one environment.
    VolumeInstances,
    /// The same of a provider that does not know yet of its deletion queue.
    VolumeInstancesWithoutQueue,
    /// Backups of a volume in an environment, and by what they are made.
    Backups,
    /// The backups alone.
    BackupsAlone,
    /// By what they are made, alone.
    SchedulesAlone,
}

const API_TOKEN: &str = "query ApiToken { apiToken { workspaces { id name } } }";
const ME: &str = "query Me { me { name } }";
const PROJECT_TOKEN: &str = "query ProjectToken { projectToken { projectId environmentId } }";
const PROJECTS: &str = "query Projects($workspace: String, $after: String) { projects(workspaceId: $workspace, first: 100, \
    after: $after) { edges { node { id name deletedAt } } pageInfo { hasNextPage endCursor } } }";
const INVITED: &str = "query Invited { externalWorkspaces { id name projects { id name deletedAt } } }";
const PROJECT: &str = "query Project($project: String!) { project(id: $project) { id name deletedAt workspaceId \
    environments(first: 100) { edges { node { id name } } pageInfo { hasNextPage endCursor } } \
    volumes(first: 100) { edges { node { id name } } pageInfo { hasNextPage endCursor } } \
    buckets(first: 100) { edges { node { id name } } pageInfo { hasNextPage endCursor } } } }";
const ENVIRONMENTS: &str = "query Environments($project: String!, $after: String) { project(id: $project) { \
    environments(first: 100, after: $after) { edges { node { id name } } pageInfo { hasNextPage endCursor } } } }";
const VOLUMES: &str = "query Volumes($project: String!, $after: String) { project(id: $project) { \
    volumes(first: 100, after: $after) { edges { node { id name } } pageInfo { hasNextPage endCursor } } } }";
const BUCKETS: &str = "query Buckets($project: String!, $after: String) { project(id: $project) { \
    buckets(first: 100, after: $after) { edges { node { id name } } pageInfo { hasNextPage endCursor } } } }";
const VOLUME_INSTANCES: &str = "query VolumeInstances($project: String, $environment: String!, $after: String) { \
    environment(id: $environment, projectId: $project) { volumeInstances(first: 100, after: $after) { edges { node { \
    id volumeId region state deletedAt isPendingDeletion } } pageInfo { hasNextPage endCursor } } } }";
const VOLUME_INSTANCES_WITHOUT_QUEUE: &str = "query VolumeInstancesWithoutQueue($project: String, \
    $environment: String!, $after: String) { environment(id: $environment, projectId: $project) { \
    volumeInstances(first: 100, after: $after) { edges { node { id volumeId region state } } \
    pageInfo { hasNextPage endCursor } } } }";
const BACKUPS: &str = "query Backups($instance: String!) { \
    backups: volumeInstanceBackupList(volumeInstanceId: $instance) { id name createdAt expiresAt } \
    schedules: volumeInstanceBackupScheduleList(volumeInstanceId: $instance) { name cron kind retentionSeconds } }";
const BACKUPS_ALONE: &str = "query BackupsAlone($instance: String!) { \
    backups: volumeInstanceBackupList(volumeInstanceId: $instance) { id name createdAt expiresAt } }";
const SCHEDULES_ALONE: &str = "query SchedulesAlone($instance: String!) { \
    schedules: volumeInstanceBackupScheduleList(volumeInstanceId: $instance) { name cron kind retentionSeconds } }";

// This does not compile with a document that is anything but a query.
const _: () = {
    let mut at = 0;
    while at < Question::ALL.len() {
        assert!(is_only_a_query(Question::ALL[at].said()));
        at += 1;
    }
};

impl Question {
    const fn said(self) -> &'static str {
        match self {
            Self::ApiToken => API_TOKEN,
            Self::Me => ME,
            Self::ProjectToken => PROJECT_TOKEN,
            Self::Projects => PROJECTS,
            Self::Invited => INVITED,
            Self::Project => PROJECT,
            Self::Environments => ENVIRONMENTS,
            Self::Volumes => VOLUMES,
            Self::Buckets => BUCKETS,
            Self::VolumeInstances => VOLUME_INSTANCES,
            Self::VolumeInstancesWithoutQueue => VOLUME_INSTANCES_WITHOUT_QUEUE,
            Self::Backups => BACKUPS,
            Self::BackupsAlone => BACKUPS_ALONE,
            Self::SchedulesAlone => SCHEDULES_ALONE,
        }
    }
}

impl Operation for Question {
    const ALL: &'static [Self] = &[
        Self::ApiToken,
        Self::Me,
        Self::ProjectToken,
        Self::Projects,
        Self::Invited,
        Self::Project,
        Self::Environments,
        Self::Volumes,
        Self::Buckets,
        Self::VolumeInstances,
        Self::VolumeInstancesWithoutQueue,
        Self::Backups,
        Self::BackupsAlone,
        Self::SchedulesAlone,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::ApiToken => "ApiToken",
            Self::Me => "Me",
            Self::ProjectToken => "ProjectToken",
            Self::Projects => "Projects",
            Self::Invited => "Invited",
            Self::Project => "Project",
            Self::Environments => "Environments",
            Self::Volumes => "Volumes",
            Self::Buckets => "Buckets",
            Self::VolumeInstances => "VolumeInstances",
            Self::VolumeInstancesWithoutQueue => "VolumeInstancesWithoutQueue",
            Self::Backups => "Backups",
            Self::BackupsAlone => "BackupsAlone",
            Self::SchedulesAlone => "SchedulesAlone",
        }
    }

    fn document(self) -> &'static str {
        self.said()
    }
}
