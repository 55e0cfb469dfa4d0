//! A large estate at a distance: how long looking at it takes, and how much memory.

use super::Adapter;
use super::railway::RAILWAY;
use super::raw::{Asked, Raw, Reply};
use outlive::providers::graphql::{Limits, Stop};
use serde_json::{Value, json};
use std::process::Command;
use std::time::{Duration, Instant};

/// How long each answer takes.
const LATENCY: Duration = Duration::from_millis(20);
/// How many backups a volume has.
const BACKUPS: usize = 20;
/// How many entries a page has.
const PAGE: usize = 100;

fn connection(begin: usize, all: usize, node: impl Fn(usize) -> Value) -> Value {
    let end = all.min(begin + PAGE);
    let edges: Vec<Value> = (begin..end).map(|number| json!({ "node": node(number) })).collect();
    json!({ "edges": edges, "pageInfo": { "hasNextPage": end < all, "endCursor": end.to_string() } })
}

/// One project with one environment and so many volumes.
fn answer(asked: &Asked, volumes: usize) -> Value {
    let (_, variables) = asked.question();
    let begin = variables["after"].as_str().map_or(0, |after| after.parse().unwrap());
    let named = |id: String| json!({ "id": id, "name": id });
    let data = match asked.operation().as_str() {
        "ApiToken" => json!({ "apiToken": { "workspaces": [named("ws".into())] } }),
        "Me" => json!({ "me": { "name": "somebody" } }),
        "Invited" => json!({ "externalWorkspaces": [] }),
        "Projects" => {
            json!({ "projects": connection(0, 1, |_| json!({ "id": "proj", "name": "shop", "deletedAt": null })) })
        }
        "Project" => json!({ "project": {
            "id": "proj", "name": "shop", "deletedAt": null, "workspaceId": "ws",
            "environments": connection(0, 1, |_| named("production".into())),
            "volumes": connection(0, volumes, |number| named(format!("volume-{number}"))),
            "buckets": connection(0, 0, |_| json!(null)),
        } }),
        "Volumes" => {
            json!({ "project": { "volumes": connection(begin, volumes, |number| named(format!("volume-{number}"))) } })
        }
        "VolumeInstances" => {
            let one = |number: usize| {
                json!({
                    "id": format!("00000000-0000-4000-8000-{number:012}"), "volumeId": format!("volume-{number}"),
                    "region": "us-west2", "state": "READY", "deletedAt": null, "isPendingDeletion": false,
                })
            };
            json!({ "environment": { "volumeInstances": connection(begin, volumes, one) } })
        }
        _ => {
            let of = variables["instance"].as_str().unwrap();
            let one = |number: usize| {
                json!({
                    "id": format!("{}-{number:02}", &of[24..]), "name": null, "expiresAt": null,
                    "createdAt": format!("2026-11-{:02}T03:00:00Z", number + 1),
                })
            };
            json!({ "backups": (0..BACKUPS).map(one).collect::<Vec<_>>(), "schedules": [] })
        }
    };
    json!({ "data": data })
}

#[test]
fn a_large_estate_takes_no_longer_than_its_requests_and_little_memory() {
    // Alone in a process, so that its memory is its own.
    let mut command = Command::new(std::env::current_exe().unwrap());
    let other_half = "contract::railway_large::looks_at_a_large_estate";
    command.args(["--exact", other_half, "--ignored", "--nocapture"]);
    let ended = crate::hand::output(&mut command).unwrap();
    let said =
        [ended.stdout, ended.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(ended.status.success() && said.contains("1 passed"), "{said}");
    println!("{said}");
}

#[test]
#[ignore = "the other half of the test of a large estate, which starts it"]
fn looks_at_a_large_estate() {
    let volumes = if std::env::var_os("OUTLIVE_CAMPAIGN").is_some() { 10_000 } else { 300 };
    let server = Raw::new(move |asked| {
        std::thread::sleep(LATENCY);
        Reply::Json(answer(asked, volumes))
    });
    let limits = Limits { whole: Duration::from_secs(1_200), ..Limits::default() };
    let began = Instant::now();
    let seen = RAILWAY.look(&server.endpoint(), limits.clone(), Stop::default());
    let took = began.elapsed();
    assert_eq!((seen.gaps.as_slice(), seen.volumes.len()), (&[][..], volumes));
    assert_eq!(seen.points.len(), volumes * BACKUPS);
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let most: u64 = most.trim().trim_end_matches(" kB").parse().unwrap();
    let bound = LATENCY * u32::try_from(server.count() / limits.at_once).unwrap();
    println!(
        "{volumes} volumes: {} requests in {took:?}, at best {bound:?}, at most {} MiB",
        server.count(),
        most >> 10
    );
    // What the latency sets, twice, and what a busy machine takes.
    assert!(took < bound * 2 + Duration::from_secs(10), "{took:?}, at best {bound:?}");
    assert!(most >> 10 <= 200, "{} MiB, with the server of the test", most >> 10);
}
