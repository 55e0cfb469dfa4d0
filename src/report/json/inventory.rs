//! `outlive/inventory/v0`.

use super::accounts::AccountJson;
use super::parts::{CheckJson, GapJson, PointJson, RolesJson, VolumeJson, time};
use super::{Each, write};
use crate::domain::Timestamp;
use crate::isolation::Graph;
use serde::Serialize;
use std::io;

#[derive(Serialize)]
struct InventoryJson<V, P, G, C, R, A> {
    schema: &'static str,
    at: String,
    exit_codes: Vec<u8>,
    volumes: V,
    recovery_points: P,
    gaps: G,
    checks: C,
    roles: R,
    accounts: A,
}

/// Everything a survey saw, and what it could not see, written entry by entry: there may be hundreds of thousands.
///
/// # Errors
/// What `out` said.
pub fn inventory(
    graph: &Graph,
    now: Timestamp,
    exit_codes: &[u8],
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let all = graph.inventory();
    let told = InventoryJson {
        schema: "outlive/inventory/v0",
        at: time(now),
        exit_codes: exit_codes.to_vec(),
        volumes: Each(|| all.volumes.iter().map(|volume| VolumeJson::new(volume, graph.chain(volume)))),
        recovery_points: Each(|| all.points.iter().map(|point| PointJson::new(graph, point))),
        gaps: Each(|| all.gaps.iter().map(GapJson::from)),
        checks: Each(|| all.checks.iter().map(CheckJson::from)),
        roles: Each(|| all.roles.iter().map(RolesJson::from)),
        accounts: Each(|| all.accounts.iter().map(AccountJson::from)),
    };
    write(&told, out)
}
