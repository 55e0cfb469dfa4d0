//! Railway passes the contract, and what is Railway's own.

use super::raw::{Asked, Reply};
use super::{Adapter, Keep, TOKEN, brisk, connector_passes, look, server, sound};
use crate::railway;
use chrono::{DateTime, TimeDelta, Utc};
use outlive::domain::{
    AssetId, GapReason, GapScope, Inventory, Known, MayDelete, ReachedKind, TokenKind, Usable,
};
use outlive::estate::Secret;
use outlive::providers::graphql::{Limits, Operation, Stop};
use outlive::providers::railway::{Question, Railway};
use serde_json::{Value, json};
use std::path::PathBuf;

/// The connector.
pub struct OfRailway;

/// The value that the tests use.
pub static RAILWAY: OfRailway = OfRailway;

connector_passes!(RAILWAY);

fn now() -> DateTime<Utc> {
    "2026-11-30T10:00:00Z".parse().unwrap()
}

/// `count` entries of a list that begins behind `after`.
fn page(all: Vec<Value>, after: Option<&str>, size: usize) -> Value {
    let begin = after.and_then(|after| after.parse::<usize>().ok()).map_or(0, |at| at + 1);
    let end = all.len().min(begin + size);
    let edges: Vec<Value> = all[begin.min(end)..end].iter().map(|node| json!({ "node": node })).collect();
    let last = end.checked_sub(1).filter(|_| !edges.is_empty()).map(|at| at.to_string());
    json!({ "edges": edges, "pageInfo": { "hasNextPage": end < all.len(), "endCursor": last } })
}

fn refused() -> Value {
    json!({ "data": null, "errors": [{ "message": "Not Authorized" }] })
}

fn named(prefix: &str, names: &[&str]) -> Vec<Value> {
    names.iter().map(|name| json!({ "id": format!("{prefix}-{name}"), "name": name })).collect()
}

fn backups(instance: &str) -> Vec<Value> {
    let one = |hours: i64| {
        let taken = (now() - TimeDelta::hours(hours)).to_rfc3339();
        json!({ "id": format!("{instance}-{hours}"), "name": null, "createdAt": taken, "expiresAt": null })
    };
    [5, 29].map(one).to_vec()
}

impl Adapter for OfRailway {
    fn look(&self, endpoint: &str, limits: Limits, stop: Stop) -> Inventory {
        let connector = Railway {
            provider: "acme".into(),
            endpoint: endpoint.into(),
            token: Secret::new(TOKEN),
            credential: AssetId("credential:acme.token".into()),
            limits,
            stop,
            now: now(),
        };
        connector.look()
    }

    fn answer(&self, asked: &Asked, size: usize) -> Value {
        let (_, variables) = asked.question();
        let text = |name: &str| variables[name].as_str().unwrap_or_default().to_owned();
        let after = variables["after"].as_str();
        let (environments, volumes) = (["production", "staging"], ["orders", "users"]);
        let environment_list = |after, size| page(named("env", &environments), after, size);
        let volume_list = |after, size| page(named("vol", &volumes), after, size);
        let project =
            json!({ "id": "proj-shop", "name": "shop", "deletedAt": null, "workspaceId": "ws-acme" });
        let data = match asked.operation().as_str() {
            "ApiToken" => json!({ "apiToken": { "workspaces": [{ "id": "ws-acme", "name": "Acme" }] } }),
            "Me" => json!({ "me": { "name": "somebody" } }),
            "Invited" => json!({ "externalWorkspaces": [] }),
            // This one is an account's.
            "ProjectToken" => return refused(),
            "Projects" => json!({ "projects": page(vec![project], after, size) }),
            "Project" => {
                let mut project = project;
                project["environments"] = environment_list(None, size);
                project["volumes"] = volume_list(None, size);
                project["buckets"] = page(vec![], None, size);
                json!({ "project": project })
            }
            "Environments" => json!({ "project": { "environments": environment_list(after, size) } }),
            "Volumes" => json!({ "project": { "volumes": volume_list(after, size) } }),
            "Buckets" => json!({ "project": { "buckets": page(vec![], after, size) } }),
            "VolumeInstances" | "VolumeInstancesWithoutQueue" => {
                let instance = |volume: &&str| {
                    json!({
                        "id": format!("{}-{volume}", text("environment")), "volumeId": format!("vol-{volume}"),
                        "region": "us-west2", "state": "READY", "deletedAt": null, "isPendingDeletion": false,
                    })
                };
                let all = volumes.iter().map(instance).collect();
                json!({ "environment": { "volumeInstances": page(all, after, size) } })
            }
            "Backups" | "BackupsAlone" | "SchedulesAlone" => {
                let daily = json!({ "name": "daily", "cron": "0 3 * * *", "kind": "DAILY", "retentionSeconds": 518_400 });
                json!({ "backups": backups(&text("instance")), "schedules": [daily] })
            }
            other => panic!("{other} is not known here"),
        };
        json!({ "data": data })
    }

    fn documents(&self) -> Vec<&'static str> {
        Question::ALL.iter().map(|question| question.document()).collect()
    }

    fn paged(&self) -> Vec<&'static str> {
        vec!["Projects", "VolumeInstances"]
    }

    fn with_next(&self, mut answer: Value, next: &str, keep: Keep) -> Value {
        let data = &mut answer["data"];
        let list = match data.get("projects").is_some() {
            true => &mut data["projects"],
            false => &mut data["environment"]["volumeInstances"],
        };
        list["pageInfo"] = json!({ "hasNextPage": true, "endCursor": next });
        if keep == Keep::Nothing {
            list["edges"] = json!([]);
        }
        answer
    }

    fn points(&self) -> &'static str {
        "Backups"
    }

    fn many_points(&self, count: usize) -> Value {
        let one = |number: usize| {
            json!({
                "id": format!("00000000-0000-4000-8000-{number:012}"), "name": format!("backup number {number} of very many"),
                "createdAt": (now() - TimeDelta::minutes(number as i64)).to_rfc3339(), "expiresAt": null,
                "externalId": format!("vs_{number:030}"), "usedMB": number, "referencedMB": number,
            })
        };
        json!({ "data": { "backups": (0..count).map(one).collect::<Vec<_>>(), "schedules": [] } })
    }
}

#[test]
fn every_question_is_valid_in_the_provider_s_own_schema() {
    let Some(introspection) = std::env::var_os("OUTLIVE_RAILWAY_SCHEMA").map(PathBuf::from) else {
        println!(
            "NotRun: OUTLIVE_RAILWAY_SCHEMA names no introspection of Railway's API to compare the questions with"
        );
        return;
    };
    assert_eq!(railway::complaints_of(&introspection, &RAILWAY.documents()), Vec::<String>::new());
    let wrong = railway::complaints_of(&introspection, &["query A { me { nmae } }"]);
    assert!(wrong.len() == 1 && wrong[0].contains("nmae"), "{wrong:?}");
}

#[test]
fn keys_of_buckets_are_never_asked_for() {
    assert!(RAILWAY.documents().iter().all(|document| !document.contains("S3Credentials")));
    let names: Vec<String> =
        sound(&RAILWAY).seen.accounts[0].acts.iter().map(|act| act.call.clone()).collect();
    assert_eq!(names, ["volumeDelete", "volumeDelete"], "what is not asked is still told");
}

#[test]
fn a_token_says_what_it_is_and_how_far_it_reaches() {
    let account = sound(&RAILWAY).seen.accounts.remove(0);
    assert_eq!((account.token, account.may_delete), (TokenKind::Account, MayDelete::Yes));
    let names: Vec<&str> = account.reaches.iter().map(|reached| reached.name.as_str()).collect();
    for name in ["Acme", "shop", "shop/production", "shop/staging", "shop/orders", "shop/production/orders"] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    assert_eq!(account.acts[0].takes, ["shop/production/orders", "shop/staging/orders"]);
    assert_eq!((account.acts[0].points, account.schedules.len()), (4, 4));

    let workspace = server(&RAILWAY, move |asked, answer| match asked.operation().as_str() {
        "Me" => Reply::Json(refused()),
        _ => Reply::Json(answer),
    });
    let seen = look(&RAILWAY, &workspace, brisk()).whole(&RAILWAY).seen;
    assert_eq!(seen.accounts[0].token, TokenKind::Workspace);
    // Any other complaint says nothing of what stands behind it.
    let odd = server(&RAILWAY, move |asked, answer| match asked.operation().as_str() {
        "Me" => Reply::Json(json!({ "data": null, "errors": [{ "message": "Problem processing request" }] })),
        _ => Reply::Json(answer),
    });
    assert_eq!(look(&RAILWAY, &odd, brisk()).seen.accounts[0].token, TokenKind::Unknown);

    let project = server(&RAILWAY, |asked, answer| {
        let is_shown =
            asked.header("project-access-token") == Some(TOKEN) && asked.header("authorization").is_none();
        Reply::Json(match (is_shown, asked.operation().as_str()) {
            (true, "ProjectToken") => {
                json!({ "data": { "projectToken": { "projectId": "proj-shop", "environmentId": "env-staging" } } })
            }
            (true, _) => answer,
            (false, _) => refused(),
        })
    });
    let seen = look(&RAILWAY, &project, brisk()).seen;
    let account = &seen.accounts[0];
    assert_eq!((account.token, account.may_delete), (TokenKind::Project, MayDelete::Unknown));
    assert_eq!((seen.volumes.len(), seen.gaps.len()), (2, 0), "one environment: {:?}", seen.gaps);
    let beyond: Vec<_> = account.beyond.iter().map(|one| (one.id.as_str(), one.name.as_str())).collect();
    assert_eq!(
        beyond,
        [("env-production", "shop/production")],
        "it was told of that one and lists nothing of it"
    );
    let volume = seen.asset(&seen.volumes[0].asset).unwrap();
    assert!(!volume.bonds.is_complete(outlive::domain::Nature::DeletableBy), "who may delete it stays open");
}

#[test]
fn what_an_account_was_invited_to_is_reached_and_that_it_cannot_be_told_is_a_gap() {
    for (answered, projects, gaps) in [
        (refused(), 1, 1),
        (json!({ "data": { "externalWorkspaces": null } }), 1, 1),
        (
            json!({ "data": { "externalWorkspaces": [{ "id": "ws-x", "name": "X", "projects": null }, null] } }),
            1,
            2,
        ),
        (
            json!({ "data": { "externalWorkspaces": [{ "id": "ws-x", "name": "X", "projects": [
            { "id": "proj-lent", "name": "lent", "deletedAt": null }, { "id": "proj-shop", "name": "shop", "deletedAt": null },
        ] }, { "id": "ws-y", "name": "Y", "projects": [{ "id": "proj-lent", "name": "lent", "deletedAt": null }] }] } }),
            2,
            0,
        ),
    ] {
        let lent = server(&RAILWAY, move |asked, answer| match asked.operation().as_str() {
            "Invited" => Reply::Json(answered.clone()),
            _ => Reply::Json(answer),
        });
        let seen = look(&RAILWAY, &lent, brisk()).seen;
        let reached = seen.accounts[0].reaches.iter().filter(|one| one.what == ReachedKind::Project);
        assert_eq!((reached.count(), seen.gaps.len()), (projects, gaps), "{:?}", seen.gaps);
        assert!(
            seen.gaps.iter().all(|gap| gap.scope.counts() && gap.place.contains("invited")),
            "{:?}",
            seen.gaps
        );
    }
}

/// The small estate with each instance changed.
fn with_instances(change: impl Fn(&mut Value) + Send + Sync + 'static) -> Inventory {
    let changed = server(&RAILWAY, move |asked, mut answer| {
        if asked.operation().starts_with("VolumeInstances") {
            let edges = answer["data"]["environment"]["volumeInstances"]["edges"].as_array_mut().unwrap();
            edges.iter_mut().for_each(|edge| change(&mut edge["node"]));
        }
        Reply::Json(answer)
    });
    look(&RAILWAY, &changed, brisk()).seen
}

#[test]
fn what_waits_to_be_deleted_or_is_in_an_unknown_state_is_a_gap_and_its_backups_prove_nothing() {
    let cases: [(&str, Value, &str); 7] = [
        ("isPendingDeletion", json!(true), "waits to be deleted"),
        ("deletedAt", json!("2026-11-30T09:00:00Z"), "waits to be deleted for good since 2026-11-30 09:00"),
        ("state", json!("DELETING"), "waits to be deleted"),
        ("state", json!("RESTORING"), "being restored"),
        ("state", json!("ERROR"), "the state ERROR"),
        ("state", json!("HIBERNATING"), "a state that this version does not know: HIBERNATING"),
        ("state", json!(null), "does not say in which state"),
    ];
    for (key, value, said) in cases {
        let seen = with_instances(move |node| node[key] = value.clone());
        assert!(
            seen.has_open_gaps() && seen.gaps.iter().all(|gap| gap.detail.contains(said)),
            "{said}: {:?}",
            seen.gaps
        );
        assert_eq!(seen.volumes.len(), 4, "it is still there");
        assert!(
            seen.points
                .iter()
                .all(|point| matches!(&point.usable, Usable::Unproven(why) if why.contains(said)))
        );
    }
}

#[test]
fn fields_that_are_gone_or_new_and_ids_that_are_none_are_borne() {
    // The provider does not know its deletion queue yet.
    let older = server(&RAILWAY, |asked, mut answer| {
        match asked.operation().as_str() {
        "VolumeInstances" => Reply::Status(
            400,
            vec![],
            json!({ "errors": [{ "message": "Cannot query field \"isPendingDeletion\" on type \"VolumeInstance\"." }] }).to_string(),
        ),
        _ => {
            answer["data"]["brandNew"] = json!({ "deep": [1, { "deeper": null }] });
            answer["extensions"] = json!([]);
            Reply::Json(answer)
        }
    }
    });
    let seen = look(&RAILWAY, &older, brisk()).seen;
    let said = "does not tell which volumes wait to be deleted";
    assert!(seen.has_open_gaps() && seen.gaps.iter().all(|gap| gap.detail.contains(said)), "{:?}", seen.gaps);
    assert_eq!(seen.volumes.len(), 4);
    let hostile = ["../../x", "a\u{1b}[31m", "\"} mutation {", "", "ä"];
    for id in hostile {
        let seen = with_instances(move |node| node["id"] = json!(id));
        assert!(seen.has_open_gaps() && seen.volumes.is_empty(), "{id}: {:?}", seen.volumes);
        assert!(!format!("{seen:?}").contains('\u{1b}'));
    }
    let seen = with_instances(|node| node["volumeId"] = json!(7));
    assert!(seen.gaps.iter().any(|gap| gap.detail.contains("which volume it is an instance of")));
}

#[test]
fn a_project_that_vanishes_between_two_questions_is_a_gap_of_its_own() {
    let gone = server(&RAILWAY, |asked, answer| match asked.operation().as_str() {
        "Project" => Reply::Json(json!({ "data": null, "errors": [{ "message": "Project not found" }] })),
        _ => Reply::Json(answer),
    });
    let looked = look(&RAILWAY, &gone, brisk());
    looked.open();
    let [gap] = &*looked.seen.gaps else { panic!("{}", looked.said()) };
    assert_eq!(gap.reason, GapReason::Vanished);
    assert!(gap.place.contains("project shop") && matches!(gap.scope, GapScope::Volume(_)));
}

#[test]
fn backups_of_a_time_to_come_have_no_known_time() {
    let skewed = server(&RAILWAY, |asked, mut answer| {
        if asked.operation() == "Backups" {
            answer["data"]["backups"][0]["createdAt"] = json!("2026-11-30T10:03:00Z");
            answer["data"]["backups"][1]["createdAt"] = json!("2026-12-01T10:00:00Z");
        }
        Reply::Json(answer)
    });
    let looked = look(&RAILWAY, &skewed, brisk());
    assert!(looked.open().contains("one of two clocks is wrong"));
    let known =
        |known: bool| looked.seen.points.iter().filter(|point| point.taken_at.is_unknown() != known).count();
    assert_eq!((known(true), known(false)), (4, 4));
    let latest = looked.seen.points.iter().filter_map(|point| point.taken_at.value()).max();
    assert_eq!(latest, Some(&now()), "a little ahead is now");
}

#[test]
fn an_environment_s_deletion_leaves_open_what_it_takes() {
    use outlive::domain::Nature;
    let seen = sound(&RAILWAY).seen;
    for volume in &seen.volumes {
        let bonds = &seen.asset(&volume.asset).unwrap().bonds;
        assert!(!bonds.is_complete(Nature::CascadesFrom), "what deleting an environment takes is not known");
        assert!(bonds.is_complete(Nature::StoredOn));
        assert!(matches!(seen.points[0].of, Known::Observed(..)));
    }
}

#[test]
fn a_bucket_may_hold_copies_that_nobody_looked_at_and_goes_by_the_same_token() {
    use outlive::domain::Nature;
    let with_bucket = server(&RAILWAY, |asked, mut answer| {
        if asked.operation() == "Project" {
            answer["data"]["project"]["buckets"] = page(named("bucket", &["pitr"]), None, 9);
        }
        Reply::Json(answer)
    });
    let seen = look(&RAILWAY, &with_bucket, brisk()).seen;
    let held: Vec<_> = seen
        .points
        .iter()
        .filter(|point| point.catalogued.as_deref() == Some("railway.pitr-bucket"))
        .collect();
    assert_eq!((held.len(), seen.gaps.len()), (4, 0), "of each volume in each environment");
    assert!(
        held.iter()
            .all(|point| matches!(&point.usable, Usable::Unproven(why) if why.contains("nobody looked")))
    );
    let on = |asset: &str, nature| {
        let bonds = &seen.asset(&AssetId(asset.into())).unwrap().bonds;
        bonds.of(nature).flat_map(|bond| &bond.on).map(|id| id.0.clone()).collect::<Vec<_>>()
    };
    let keys = "credential:railway/bucket-pitr.s3-keys";
    assert_eq!(on("bucket:railway/bucket-pitr", Nature::DeletableBy), [keys, "credential:acme.token"]);
    assert_eq!(on(keys, Nature::YieldedBy), ["credential:acme.token"]);
    assert!(!with_bucket.asked().iter().any(|asked| asked.body.contains("S3Credentials")));
}
