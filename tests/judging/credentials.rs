//! What a credential destroys is what the audit says of its misuse: no second judgement.

use crate::answers::{broken, complaints, token_estate};
use crate::estate::now;
use crate::properties::policy;
use crate::random::{Random, cases, seed};
use outlive::app::{Audited, credentials, what_if};
use outlive::catalogue::Catalogue;
use outlive::domain::*;
use outlive::estate::Estate;
use outlive::isolation::{Fate, Graph, Struck, expand};
use outlive::report::activity::{CredentialsSaid, FoundToken, InitDone, OfVolume, Scanned, Told};
use outlive::report::estate_file::{Proposed, ProposedProvider, ProposedVolume, estate_file};
use outlive::report::text::Look;
use outlive::rules::{judge, overall};
use std::path::Path;

fn audited(inventory: Inventory) -> Audited {
    let catalogue = Catalogue::built_in().unwrap();
    let graph = expand(&inventory, &catalogue);
    let judged = judge(&graph, &policy(), now());
    let overall = overall(&judged, &graph);
    Audited { graph, catalogue, judged, overall, at: now() }
}

fn said(audited: &Audited) -> CredentialsSaid {
    credentials(audited, &Estate::parse(Path::new("outlive.toml"), "").unwrap())
}

#[track_caller]
fn is_same(graph: &Graph, told: &OfVolume, struck: &Struck, seed: u64) {
    let word = |fate: &Fate| match fate {
        Fate::Dies { .. } => "dies",
        Fate::Undetermined { .. } => "undetermined",
        Fate::Survives { .. } => "survives",
    };
    assert_eq!(told.primary.fate, word(&struck.traced.primary.fate), "seed {seed}");
    assert_eq!(
        (told.dies, told.may_die, told.stays),
        (struck.dies, struck.may_die, struck.stays),
        "seed {seed}"
    );
    let newest = struck.newest.map(|(place, _)| graph.id_at(place).0);
    assert_eq!(told.newest_left.as_ref().map(|left| left.id.clone()), newest, "seed {seed}");
    let own = struck.traced.points.iter().filter(|points| !points.is_orphan);
    let fates: Vec<&str> = own.map(|points| word(&points.reason.fate)).collect();
    let told: Vec<&str> = told.recovery_points.iter().map(|points| points.taken.fate).collect();
    assert_eq!(told, fates, "seed {seed}");
}

#[test]
fn it_is_what_the_audit_says_of_its_misuse() {
    let (mut gone, mut open, mut chained) = (0, 0, 0);
    for case in 0..cases(100) {
        let seed = seed().wrapping_add(case);
        let audited = audited(Random(seed).tangle());
        let said = said(&audited);
        let held = |kind| matches!(kind, AssetKind::Credential | AssetKind::Identity | AssetKind::Key);
        let assets = audited.graph.inventory().assets.iter().filter(|asset| held(asset.kind));
        let ids: std::collections::BTreeSet<&AssetId> = assets.map(|asset| &asset.id).collect();
        assert_eq!(said.credentials.len(), ids.len(), "seed {seed}: one is not told");
        for (one, id) in said.credentials.iter().zip(ids) {
            assert_eq!(one.id, id.0);
            let radius = what_if(&audited, &[Hazard::Compromised(id.clone())].into());
            assert_eq!(one.untouched, radius.untouched, "seed {seed}: {id}");
            assert_eq!(one.volumes.len(), radius.struck.len(), "seed {seed}: {id}");
            for (told, struck) in one.volumes.iter().zip(&radius.struck) {
                is_same(&audited.graph, told, struck, seed);
                gone += usize::from(told.primary.fate == "dies");
                open += usize::from(told.may_die > 0);
                chained += usize::from(told.primary.chain.len() > 1);
            }
        }
    }
    assert!(gone > 20 && open > 20 && chained > 5, "{gone} {open} {chained}");
}

/// A search that found two tokens, one of which was asked.
fn searched() -> Scanned {
    let found = |line, can_be_asked, was_asked| FoundToken {
        path: "src/\\u{202e}.env".into(),
        line,
        kind: if can_be_asked { "Railway token" } else { "AWS access key" },
        can_be_asked,
        was_asked,
    };
    Scanned {
        directory: "src".into(),
        files: 2,
        found: vec![found(1, true, true), found(7, false, false)],
        gaps: vec!["pipes, sockets and devices: src/pipe".into()],
    }
}

#[test]
fn it_is_told_as_its_schema_says_and_for_people() {
    let audited = audited(token_estate());
    let whole = CredentialsSaid { scanned: Some(searched()), ..said(&audited) };
    let right = [said(&audited).json(&[10, 11]), whole.json(&[11])];
    let wrong = [
        broken(&right[0], |told| told["exit_codes"] = serde_json::json!([12])),
        broken(&right[0], |told| told["credentials"][0]["kind"] = "host".into()),
        broken(&right[0], |told| drop(told["credentials"][0].as_object_mut().unwrap().remove("volumes"))),
        broken(&right[0], |told| told["credentials"][0]["volumes"][0]["primary"]["fate"] = "lost".into()),
        broken(&right[1], |told| told["scanned"]["found"][0]["value"] = "secret".into()),
        broken(&right[1], |told| told["scanned"]["found"][0]["line"] = 0.into()),
    ];
    for (place, complaint) in complaints("credentials.v0.json", &right).iter().enumerate() {
        assert_eq!(complaint, "", "{}", right[place]);
    }
    for (place, complaint) in complaints("credentials.v0.json", &wrong).iter().enumerate() {
        assert_ne!(complaint, "", "mistake {place} was not noticed");
    }
    crate::reports::golden("credentials.txt", &whole.text(Look { width: 100, colour: false }));
}

#[test]
fn where_no_volume_was_seen_nothing_is_known_of_what_a_credential_destroys() {
    let mut told = said(&audited(token_estate()));
    told.credentials.iter_mut().for_each(|one| one.volumes.clear());
    (told.gaps, told.findings, told.scanned, told.volumes) = (Vec::new(), Vec::new(), None, 1);
    assert!(told.is_settled());
    told.volumes = 0;
    assert!(!told.is_settled());
    assert!(told.text(Look { width: 100, colour: false }).contains("is not known: no volume was seen"));
}

#[test]
fn tokens_that_nobody_asked_about_and_what_was_not_searched_keep_it_open() {
    let nothing = CredentialsSaid {
        at: now(),
        credentials: Vec::new(),
        findings: Vec::new(),
        gaps: Vec::new(),
        volumes: 0,
        scanned: Some(Scanned { found: Vec::new(), gaps: Vec::new(), ..searched() }),
    };
    assert!(nothing.is_settled());
    let with = |change: fn(&mut Scanned)| {
        let mut said = nothing.clone();
        change(said.scanned.as_mut().unwrap());
        said.is_settled()
    };
    assert!(!with(|scanned| scanned.gaps = searched().gaps));
    assert!(!with(|scanned| scanned.found = searched().found));
    assert!(with(|scanned| scanned.found = searched().found[..1].to_vec()));
}

fn proposed() -> Proposed {
    let volume = |id: &str, path: &str, postgres: Option<&str>| ProposedVolume {
        id: id.into(),
        path: path.into(),
        what: "A directory.".into(),
        seen: vec!["No recovery point of it was seen here.".into()],
        postgres: postgres.map(str::to_owned),
        refused: None,
    };
    let odd = ProposedVolume { refused: Some("it is no UTF-8".into()), ..volume("odd", "/srv/\\xff", None) };
    Proposed {
        at: now(),
        host: "db-1".into(),
        volumes: vec![
            volume("srv", "/srv/a \"b\"", None),
            volume("postgres-15-main", "/var/lib/pg", Some("15")),
            odd,
        ],
        providers: vec![ProposedProvider {
            id: "railway".into(),
            kind: "railway".into(),
            variable: "RAILWAY_API_TOKEN".into(),
        }],
        others: vec!["AWS_ACCESS_KEY_ID".into()],
        gaps: vec!["the table of mounts: permission denied".into()],
    }
}

#[test]
fn a_first_estate_file_is_read_without_a_complaint() {
    let text = estate_file(&proposed());
    crate::reports::golden("init.toml", &text);
    let estate = Estate::parse(Path::new("outlive.toml"), &text).unwrap();
    let ids: Vec<&str> = estate.volumes.iter().map(|volume| volume.id.0.as_str()).collect();
    assert_eq!(ids, ["srv", "postgres-15-main"]);
    assert_eq!(estate.volumes[0].path.as_deref(), Some(Path::new("/srv/a \"b\"")));
    assert_eq!(estate.providers[0].id, "railway");
    // What is offered as a comment is right, too, once its places are filled.
    let all: String = text
        .lines()
        .map(|line| line.strip_prefix("# ").filter(|rest| is_toml(rest)).unwrap_or(line))
        .map(|line| format!("{line}\n"))
        .collect();
    let all = all.replace("id = \"NAME\"\npath = \"/PATH\"", "");
    let estate =
        Estate::parse(Path::new("outlive.toml"), &all).unwrap_or_else(|problem| panic!("{problem}\n{all}"));
    assert_eq!((estate.vaults.len(), estate.copies.len(), estate.assets.len()), (1, 2, 1));
    let nothing = Proposed { volumes: Vec::new(), providers: Vec::new(), others: Vec::new(), ..proposed() };
    assert!(Estate::parse(Path::new("outlive.toml"), &estate_file(&nothing)).unwrap().volumes.is_empty());
}

/// Whether a comment is a line of TOML.
fn is_toml(line: &str) -> bool {
    line.starts_with('[')
        || line
            .split_once(" = ")
            .is_some_and(|(key, _)| key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
}

#[test]
fn a_proposal_is_told_as_its_schema_says() {
    let done = InitDone {
        path: "outlive.toml".into(),
        toml: estate_file(&proposed()),
        written: true,
        volumes: vec!["srv".into()],
        providers: vec!["railway".into()],
        gaps: Vec::new(),
    };
    let right = [done.json(&[0])];
    let wrong = [
        broken(&right[0], |told| told["written"] = "yes".into()),
        broken(&right[0], |told| told["token"] = "x".into()),
    ];
    assert_eq!(complaints("init.v0.json", &right), [""]);
    assert!(complaints("init.v0.json", &wrong).iter().all(|complaint| !complaint.is_empty()));
}
