//! `outlive/inventory/v0`.

use super::accounts::AccountJson;
use super::parts::{CheckJson, GapJson, PointJson, RolesJson, VolumeJson, time};
use super::render;
use crate::domain::Timestamp;
use crate::isolation::Graph;
use serde::Serialize;

#[derive(Serialize)]
struct InventoryJson {
    schema: &'static str,
    at: String,
    exit_codes: Vec<u8>,
    volumes: Vec<VolumeJson>,
    recovery_points: Vec<PointJson>,
    gaps: Vec<GapJson>,
    checks: Vec<CheckJson>,
    roles: Vec<RolesJson>,
    accounts: Vec<AccountJson>,
}

/// Everything a survey saw, and what it could not see.
pub fn inventory(graph: &Graph, now: Timestamp, exit_codes: &[u8]) -> String {
    let all = graph.inventory();
    render(&InventoryJson {
        schema: "outlive/inventory/v0",
        at: time(now),
        exit_codes: exit_codes.to_vec(),
        volumes: all.volumes.iter().map(|volume| VolumeJson::new(volume, graph.chain(volume))).collect(),
        recovery_points: all.points.iter().map(|point| PointJson::new(graph, point)).collect(),
        gaps: all.gaps.iter().map(GapJson::from).collect(),
        checks: all.checks.iter().map(CheckJson::from).collect(),
        roles: all.roles.iter().map(RolesJson::from).collect(),
        accounts: all.accounts.iter().map(AccountJson::from).collect(),
    })
}
