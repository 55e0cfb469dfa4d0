//! What is told of acts: cut sets in words, blast radii, explanations; and that all JSON is what its schema says.

use crate::estate::{asset, now, point};
use crate::reports::golden;
use chrono::TimeDelta;
use outlive::catalogue::Catalogue;
use outlive::domain::*;
use outlive::isolation::{Graph, Radius, expand, radius, trace};
use outlive::report::text::Look;
use outlive::report::{Explained, json, text};
use outlive::rules::{Judged, judge};
use std::path::Path;

const LOOK: Look = Look { width: 100, colour: false };

/// A volume at a provider with thirteen backups inside of it, a token that may delete it on a build host, and an old
/// dump somewhere else.
pub fn token_estate() -> Inventory {
    let bond = |nature, on: &str, how: How| Bond {
        nature,
        on: vec![AssetId(on.into())],
        dies_at: 1,
        how,
        grace: None,
    };
    let seen = || How::Observed(now());
    let whole = |mut bonds: Bonds| {
        Nature::ALL.into_iter().for_each(|nature| bonds.complete.insert(nature));
        bonds
    };
    let mut assets = vec![
        asset("volume:orders-db", AssetKind::Volume, &["project:prod"]),
        asset("project:prod", AssetKind::Project, &["account:acme"]),
        asset("account:acme", AssetKind::Account, &["provider:railway"]),
        asset("provider:railway", AssetKind::Provider, &[]),
        asset("credential:ci-domains", AssetKind::Credential, &[]),
        asset("host:build-3", AssetKind::Host, &["account:builds"]),
        asset("account:builds", AssetKind::Account, &["provider:hetzner"]),
        asset("provider:hetzner", AssetKind::Provider, &[]),
        asset("account:drawer", AssetKind::Account, &["provider:attic"]),
        asset("provider:attic", AssetKind::Provider, &[]),
    ];
    assets[0].bonds.list.push(bond(Nature::DeletableBy, "credential:ci-domains", seen()));
    assets[4].bonds.list.push(bond(Nature::YieldedBy, "host:build-3", seen()));
    for asset in &mut assets {
        asset.bonds = whole(std::mem::take(&mut asset.bonds));
    }
    let source = Source { address: "https://docs.example/volumes".into(), read: "2026-11-20".into() };
    let of = |mut point: RecoveryPoint| {
        point.of = Known::Observed(VolumeId("orders-db".into()), now());
        point.bonds = whole(point.bonds);
        point
    };
    let backup = |number: i64| {
        let mut backup =
            point(&format!("b{number:02}"), PointKind::Catalogued, "project:prod", number * 2 - 1);
        backup.catalogued = Some("railway.volume-backup".into());
        backup.bonds.list.push(bond(
            Nature::CascadesFrom,
            "volume:orders-db",
            How::Documented(source.clone()),
        ));
        of(backup)
    };
    let mut points: Vec<RecoveryPoint> = (1..=13).map(backup).collect();
    let mut dump = of(point("orders.dump", PointKind::Dump, "account:drawer", 92 * 24));
    dump.usable = Usable::Unproven("declared by ops, never seen".into());
    points.push(dump);
    let volume = Volume {
        id: VolumeId("orders-db".into()),
        name: "orders-db".into(),
        kind: VolumeKind::Declared,
        asset: AssetId("volume:orders-db".into()),
    };
    Inventory { volumes: vec![volume], points, assets, gaps: vec![], ..Inventory::default() }
}

/// The same with a verified copy elsewhere, drilled and locked.
fn sound_estate() -> Inventory {
    let mut inventory = token_estate();
    let mut copy = inventory.points[13].clone();
    copy.id = PointId("vault-1".into());
    copy.name = "vault-1".into();
    copy.kind = PointKind::VaultCopy;
    copy.state = Some(CopyState::Restored);
    copy.usable = Usable::Yes;
    copy.taken_at = Known::Observed(now() - TimeDelta::hours(4), now());
    copy.drilled_at = Known::Observed(Some(now() - TimeDelta::days(2)), now());
    copy.lock =
        Known::Observed(Lock { mode: LockMode::Compliance, until: Some(now() + TimeDelta::days(30)) }, now());
    inventory.points.push(copy);
    inventory
}

fn policy() -> Policy {
    Policy {
        survive: [
            HazardClass::PrimaryDeletion,
            HazardClass::HostCompromise,
            HazardClass::Account,
            HazardClass::Provider,
        ]
        .into(),
        min_cut_order: 2,
        ..Policy::default()
    }
}

fn asking_for_credentials() -> Policy {
    let mut policy = policy();
    policy.survive.insert(HazardClass::Credential);
    policy
}

struct Seen {
    graph: Graph,
    judged: Vec<Judged>,
    policy: Policy,
}

fn seen(inventory: &Inventory, policy: Policy) -> Seen {
    let graph = expand(inventory, &Catalogue::built_in().unwrap());
    let judged = judge(&graph, &policy, now());
    Seen { graph, judged, policy }
}

impl Seen {
    fn text(&self) -> String {
        let catalogue = Catalogue::built_in().unwrap();
        text::audit(&self.graph, &self.judged, &self.policy, &catalogue, now(), LOOK)
    }

    fn json(&self, codes: &[u8]) -> String {
        json::audit(&self.graph, &self.judged, &self.policy, now(), codes)
    }

    fn radius(&self, hazards: &[Hazard]) -> Radius {
        radius(&self.graph, &hazards.iter().cloned().collect(), &self.policy.clone().into(), now())
    }

    fn explained(&self) -> Vec<Explained> {
        let explain = |judged: &Judged| Explained {
            volume: judged.volume.clone(),
            chain: judged.chain.clone(),
            perhaps: judged.survival.shadows.iter().map(|shadow| shadow.because.clone()).collect(),
            traced: {
                let rows = judged.survival.rows.iter();
                let sets: Vec<HazardSet> = rows.map(|row| [row.hazard.clone()].into()).collect();
                trace(&self.graph, &judged.volume, &sets, &judged.policy, now())
            },
        };
        self.judged.iter().map(explain).collect()
    }
}

fn misuse() -> Hazard {
    Hazard::Compromised(AssetId("credential:ci-domains".into()))
}

fn forgetting(nature: Nature, asset: &str) -> Inventory {
    let mut inventory = token_estate();
    let known = inventory.assets.iter_mut().find(|known| known.id.0 == asset).unwrap();
    known.bonds.complete.remove(nature);
    known.bonds.list.retain(|bond| bond.nature != nature);
    inventory
}

/// Lines joined again, so that a sentence is found wherever it was folded.
pub fn unfolded(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn one_act_is_told_with_what_it_takes_and_what_is_left() {
    let text = seen(&token_estate(), asking_for_credentials()).text();
    golden("audit-token.txt", &text);
    let said = unfolded(&text);
    let call =
        "- 1 call: volumeDelete, by any holder of credential ci-domains (found on host build-3); or 1 act: ";
    assert!(said.contains(call), "{text}");
    let left = "the volume and 13 of 13 recovery points of the last 1 d 2 h; what would be left: dump orders.dump of 2026-08-22 (92 d old, unproven)";
    assert!(said.contains(left), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
}

#[test]
fn a_call_is_told_only_where_it_is_known_and_of_those_who_alone_may_make_it() {
    let said = |change: fn(&mut Inventory)| {
        let mut inventory = token_estate();
        change(&mut inventory);
        unfolded(&seen(&inventory, asking_for_credentials()).text())
    };
    let nobody = said(|estate| {
        estate.assets[0].bonds.list.retain(|bond| bond.nature != Nature::DeletableBy);
    });
    assert!(nobody.contains("- 1 call: volumeDelete (deletion of orders-db); or 1 act: "), "{nobody}");
    let no_kind = said(|estate| estate.points.iter_mut().for_each(|point| point.catalogued = None));
    assert!(no_kind.contains("- 1 act: deletion of orders-db, or misuse of "), "{no_kind}");
    let two_kinds = said(|estate| estate.points[0].catalogued = Some("aws.rds-automated-backup".into()));
    assert!(two_kinds.contains("- 1 act: deletion of orders-db, or misuse of "), "{two_kinds}");
}

#[test]
fn where_nothing_does_it_that_is_said_and_two_acts_are_told_as_two() {
    let text = seen(&sound_estate(), policy()).text();
    golden("audit-sound.txt", &text);
    let said = unfolded(&text);
    assert!(!said.contains("- 1 act"), "{text}");
    assert!(said.contains("2 acts: "), "{text}");
    assert!(said.contains("2026-11-20"), "the drill is shown: {text}");
    let only_deletion = Policy { survive: [HazardClass::PrimaryDeletion].into(), ..Policy::default() };
    let said = unfolded(&seen(&sound_estate(), only_deletion).text());
    assert!(said.contains("no 1, 2 or 3 acts lose it, of the classes asked for"), "{said}");
}

#[test]
fn what_only_may_lose_everything_is_told_with_what_is_not_known() {
    let inventory = forgetting(Nature::DeletableBy, "volume:orders-db");
    let text = seen(&inventory, asking_for_credentials()).text();
    let said = unfolded(&text);
    assert!(said.contains("perhaps 1 act: "), "{text}");
    assert!(said.contains("it is not known which credentials may delete volume orders-db"), "{text}");
}

#[test]
fn an_estate_of_many_volumes_begins_with_a_summary() {
    let mut inventory = token_estate();
    for number in 1..=3 {
        let mut volume = inventory.volumes[0].clone();
        (volume.id, volume.name) = (VolumeId(format!("v{number}")), format!("v{number}"));
        inventory.volumes.push(volume);
    }
    let text = seen(&inventory, policy()).text();
    let head: Vec<&str> = text.lines().skip_while(|line| !line.contains("fewest acts")).take(7).collect();
    assert!(head.iter().any(|line| line.contains("orders-db") && line.contains("1 act")), "{text}");
    assert!(head.iter().any(|line| line.contains("v3") && line.contains("FAIL critical")), "{text}");
    let few = seen(&token_estate(), policy()).text();
    assert!(!few.contains("fewest acts that lose it"), "{few}");
}

#[test]
fn a_blast_radius_tells_what_dies_and_what_is_left() {
    let seen_now = seen(&token_estate(), policy());
    let radius = seen_now.radius(&[misuse()]);
    let text = text::what_if(&seen_now.graph, &radius, now(), LOOK);
    golden("what-if.txt", &text);
    assert_eq!((radius.struck[0].dies, radius.struck[0].may_die, radius.struck[0].stays), (13, 0, 1));
    assert!(!radius.is_settled(), "what is left is unproven");
    let sound = seen(&sound_estate(), policy()).radius(&[misuse()]);
    assert!(sound.is_settled(), "{sound:?}");
    let elsewhere = seen_now.radius(&[Hazard::Lost(AssetId("provider:hetzner".into()))]);
    assert_eq!((elsewhere.struck.len(), elsewhere.untouched), (0, 1));
    let both =
        seen(&sound_estate(), policy()).radius(&[misuse(), Hazard::Lost(AssetId("provider:attic".into()))]);
    assert_eq!((both.struck[0].dies, both.struck[0].newest), (15, None), "several hazards happen together");
    let open = seen(&forgetting(Nature::DeletableBy, "volume:orders-db"), policy()).radius(&[misuse()]);
    assert!(!open.is_settled());
    let text = text::what_if(&seen_now.graph, &open, now(), LOOK);
    assert!(unfolded(&text).contains("to settle it: `deletable_by` of volume orders-db"), "{text}");
}

#[test]
fn an_explanation_tells_the_way_once_for_points_that_go_the_same_way() {
    let seen_now = seen(&sound_estate(), asking_for_credentials());
    let explained = seen_now.explained();
    let text = text::explain_volumes(&seen_now.graph, &explained, now(), LOOK);
    golden("explain-volume.txt", &text);
    let said = unfolded(&text);
    assert!(
        said.contains("13 recovery points (railway.volume-backup b01, b02, b03 and 10 more) die"),
        "{text}"
    );
    assert!(said.contains("is deleted along with volume orders-db (documented by https://docs.example/volumes, read 2026-11-20)"), "{text}");
    assert!(said.contains("compliance until 2026-12-22"), "{text}");
    let misused = explained[0].traced.iter().find(|traced| traced.hazards.contains(&misuse())).unwrap();
    assert_eq!(misused.points.iter().map(|points| points.places.len()).collect::<Vec<_>>(), [13, 1, 1]);
}

/// What a real validator has to say against a document: empty where it is what the schema says.
pub fn complaints(schema: &str, documents: &[String]) -> Vec<String> {
    const VALIDATE: &str = "import json, sys, jsonschema\n\
        schema = json.load(open(sys.argv[1]))\n\
        jsonschema.Draft202012Validator.check_schema(schema)\n\
        validator = jsonschema.Draft202012Validator(schema)\n\
        said = [[error.message[:400] for error in validator.iter_errors(one)] for one in json.load(sys.stdin)]\n\
        print(json.dumps(['; '.join(one) for one in said]))";
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schemas").join(schema);
    let python = concat!(env!("CARGO_MANIFEST_DIR"), "/target/test-tools/venv/bin/python");
    let mut validator = std::process::Command::new(python)
        .args(["-c", VALIDATE])
        .arg(schema)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| {
            panic!("python3 with jsonschema is needed, scripts/test installs it: {error}")
        });
    let all = format!("[{}]", documents.join(","));
    std::io::Write::write_all(&mut validator.stdin.take().unwrap(), all.as_bytes()).unwrap();
    let done = validator.wait_with_output().unwrap();
    assert!(done.status.success(), "the validator itself failed");
    serde_json::from_slice(&done.stdout).unwrap()
}

/// A document with one thing changed.
pub fn broken(document: &str, breaks: impl FnOnce(&mut serde_json::Value)) -> String {
    let mut value = serde_json::from_str(document).unwrap();
    breaks(&mut value);
    value.to_string()
}

#[test]
fn audits_are_what_their_schema_says_and_one_that_claims_too_much_is_not() {
    let vault = crate::estate::copy("c", "filesystem:vault", 3);
    let sound = seen(&crate::estate::incident().and_point(vault).0, Policy::default()).json(&[0]);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&sound).unwrap()["overall"], "sound", "{sound}");
    let failed = seen(&token_estate(), asking_for_credentials()).json(&[10, 11]);
    let open = forgetting(Nature::StoredOn, "account:drawer");
    let undetermined =
        seen(&open, Policy { survive: [HazardClass::Account].into(), ..Policy::default() }).json(&[11]);
    let right = [sound.clone(), failed.clone(), undetermined, crate::reports::audit_json()];
    assert_eq!(complaints("audit.v0.json", &right), ["", "", "", ""]);
    let wrong = [
        broken(&sound, |audit| audit["volumes"][0]["findings"][0]["verdict"] = "undetermined".into()),
        broken(&sound, |audit| audit["exit_codes"] = serde_json::json!([10])),
        broken(&failed, |audit| audit["exit_codes"] = serde_json::json!([0])),
        broken(&failed, |audit| audit["volumes"][0]["survival"][0]["surprise"] = true.into()),
        broken(&failed, |audit| drop(audit["volumes"][0].as_object_mut().unwrap().remove("cut_sets"))),
        broken(&failed, |audit| {
            audit["volumes"][0]["cut_sets"]["certain"]["sets"][0] = serde_json::json!([])
        }),
    ];
    for (place, said) in complaints("audit.v0.json", &wrong).iter().enumerate() {
        assert_ne!(said, "", "mistake {place} was not noticed");
    }
}

#[test]
fn blast_radii_and_explanations_are_what_their_schemas_say() {
    let estates = [
        token_estate(),
        sound_estate(),
        forgetting(Nature::DeletableBy, "volume:orders-db"),
        crate::reports::estate().0,
    ];
    let seen: Vec<Seen> = estates.iter().map(|estate| seen(estate, asking_for_credentials())).collect();
    let what_if = |seen: &Seen| {
        let hazard = match seen.graph.knows(misuse().asset()) {
            true => misuse(),
            false => Hazard::Lost(AssetId("device:vda".into())),
        };
        json::what_if(&seen.graph, &seen.radius(&[hazard]), now(), &[11])
    };
    let radii: Vec<String> = seen.iter().map(what_if).collect();
    assert_eq!(complaints("what-if.v0.json", &radii), ["", "", "", ""]);
    let explain =
        |seen: &Seen| json::explain_volumes(&seen.graph, "orders-db", &seen.explained(), now(), &[0]);
    let explained: Vec<String> = seen.iter().map(explain).collect();
    assert_eq!(complaints("explain-volume.v0.json", &explained), ["", "", "", ""]);
    let wrong = [
        broken(&explained[0], |told| {
            told["volumes"][0]["hazards"][0]["recovery_points"][0]["fate"] = "undetermined".into();
        }),
        broken(&explained[0], |told| told["volumes"][0]["hazards"][0]["primary"]["path"] = "none".into()),
    ];
    assert!(complaints("explain-volume.v0.json", &wrong).iter().all(|said| !said.is_empty()));
    let wrong = [broken(&radii[0], |told| told["exit_codes"] = serde_json::json!([10]))];
    assert!(complaints("what-if.v0.json", &wrong).iter().all(|said| !said.is_empty()));
}
