//! The answers, as far as they are read. What is missing or odd of them is no error here.

use crate::providers::graphql::{Connection, List, Scalar};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ApiToken {
    pub api_token: Option<Workspaces>,
}

#[derive(Deserialize)]
pub(super) struct Workspaces {
    #[serde(default)]
    pub workspaces: List<Named>,
}

/// Something with an id and a name.
#[derive(Deserialize, Default)]
pub(super) struct Named {
    #[serde(default)]
    pub id: Scalar,
    #[serde(default)]
    pub name: Scalar,
}

#[derive(Deserialize)]
pub(super) struct Me {
    pub me: Option<Named>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProjectToken {
    pub project_token: Option<Placed>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Placed {
    #[serde(default)]
    pub project_id: Scalar,
    #[serde(default)]
    pub environment_id: Scalar,
}

#[derive(Deserialize)]
pub(super) struct Projects {
    pub projects: Option<Connection<Listed>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Invited {
    pub external_workspaces: Option<List<External>>,
}

/// A workspace of others, with those projects of it that the account was invited to.
#[derive(Deserialize)]
pub(super) struct External {
    #[serde(default)]
    pub id: Scalar,
    #[serde(default)]
    pub name: Scalar,
    pub projects: Option<List<Listed>>,
}

/// A project as a list has it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Listed {
    #[serde(default)]
    pub id: Scalar,
    #[serde(default)]
    pub name: Scalar,
    #[serde(default)]
    pub deleted_at: Scalar,
}

#[derive(Deserialize)]
pub(super) struct OneProject {
    pub project: Option<Project>,
}

/// A project, or one list of it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Project {
    #[serde(default)]
    pub name: Scalar,
    #[serde(default)]
    pub deleted_at: Scalar,
    #[serde(default)]
    pub workspace_id: Scalar,
    pub environments: Option<Connection<Named>>,
    pub volumes: Option<Connection<Named>>,
    pub buckets: Option<Connection<Named>>,
}

#[derive(Deserialize)]
pub(super) struct OneEnvironment {
    pub environment: Option<Environment>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Environment {
    pub volume_instances: Option<Connection<Instance>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Instance {
    #[serde(default)]
    pub id: Scalar,
    #[serde(default)]
    pub volume_id: Scalar,
    #[serde(default)]
    pub region: Scalar,
    #[serde(default)]
    pub state: Scalar,
    #[serde(default)]
    pub deleted_at: Scalar,
    #[serde(default)]
    pub is_pending_deletion: Scalar,
}

#[derive(Deserialize)]
pub(super) struct Backups {
    pub backups: Option<List<Backup>>,
    pub schedules: Option<List<Schedule>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Backup {
    #[serde(default)]
    pub id: Scalar,
    #[serde(default)]
    pub name: Scalar,
    #[serde(default)]
    pub created_at: Scalar,
    #[serde(default)]
    pub expires_at: Scalar,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Schedule {
    #[serde(default)]
    pub name: Scalar,
    #[serde(default)]
    pub cron: Scalar,
    #[serde(default)]
    pub kind: Scalar,
    #[serde(default)]
    pub retention_seconds: Scalar,
}
