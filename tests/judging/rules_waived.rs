//! What rules say of how much goes and what is left, and waivers.

use crate::estate::*;
use chrono::TimeDelta;
use outlive::domain::*;
use outlive::isolation::expand;
use outlive::report::{json, text};
use outlive::rules::{Overall, idle_waivers, judge_each, overall};

/// Two snapshots that are deleted along with the volume, and an old dump elsewhere.
fn pocket() -> Estate {
    let mut estate = incident().and_point(copy("dump", "filesystem:vault", 24 * 92));
    for point in estate.0.points.iter_mut().take(2) {
        let along = Bond::observed(Nature::CascadesFrom, AssetId("subvolume:db".into()), now());
        point.bonds = std::mem::take(&mut point.bonds).with(along).complete(Nature::CascadesFrom);
    }
    estate
}

fn waiver(rule: &str, until: Timestamp) -> RuleWaiver {
    RuleWaiver {
        rule: rule.into(),
        volume: VolumeId("host:/srv/db".into()),
        reason: "moves in spring".into(),
        owner: Owner("ann".into()),
        until,
        undetermined: true,
    }
}

fn with(waivers: Vec<RuleWaiver>) -> Policies {
    Policies { waivers, ..Policies::default() }
}

#[test]
fn a_deletion_that_takes_what_is_recent_says_how_many_of_how_many_and_what_is_left() {
    let found = pocket().verdict("cascade-on-deletion");
    let wanted = "beside the volume, deletion of /srv/db takes 2 of 2 recovery points of the last 1 d 2 h; \
                  what would be left: vault copy dump, 92 d old";
    assert_eq!(found, Verdict::Fail(Severity::Critical, wanted.into()));
    let mut unknown = pocket();
    unknown.0.points[0].bonds.complete.remove(Nature::CascadesFrom);
    unknown.0.points[0].bonds.list.retain(|bond| bond.nature != Nature::CascadesFrom);
    unknown.0.points[0].kind = PointKind::Catalogued;
    assert!(is(&unknown.verdict("cascade-on-deletion"), "undetermined"));
}

#[test]
fn a_waiver_holds_until_it_ends_and_an_ended_one_says_whose_it_was() {
    let graph = pocket().graph();
    let failing: Vec<String> = judge_each(&graph, &Policies::default(), now())[0]
        .findings
        .iter()
        .filter(|finding| is(&finding.verdict, "fail"))
        .map(|finding| finding.rule.clone())
        .collect();
    let until = |days| {
        let until = now() + TimeDelta::days(days);
        let waivers: Vec<_> = failing.iter().map(|rule| waiver(rule, until)).collect();
        judge_each(&graph, &with(waivers), now())
    };
    assert!(failing.len() > 1, "{failing:?}");
    let waived = until(1);
    assert_eq!(overall(&waived, &graph), Overall::Sound);
    let found = verdict(&waived[0], "cascade-on-deletion");
    assert!(
        matches!(&found, Verdict::Waived { because, .. } if because.starts_with("critical: ")),
        "{found:?}"
    );
    for days in [0, -1] {
        let ended = until(days);
        assert_eq!(overall(&ended, &graph), Overall::Failed);
        let Verdict::Fail(_, why) = verdict(&ended[0], "cascade-on-deletion") else { panic!("{days}") };
        assert!(why.contains("(the waiver of ann expired at 2026-11-2"), "{why}");
    }
    let look = text::Look { width: 100, colour: false };
    let said = text::audit(
        &graph,
        &waived,
        &Policy::default(),
        &outlive::catalogue::Catalogue::built_in().unwrap(),
        now(),
        look,
    );
    assert!(said.contains("waived") && said.contains("by ann: moves in spring"), "{said}");
    assert!(said.contains("Nothing to do"), "{said}");
    let told = json::audit(&graph, &waived, &Policy::default(), now(), &[0]);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let findings = told["volumes"][0]["findings"].as_array().unwrap();
    let one = findings.iter().find(|finding| finding["rule"] == "cascade-on-deletion").unwrap();
    assert_eq!((&one["verdict"], &one["waiver"]["owner"]), (&"waived".into(), &"ann".into()));
}

#[test]
fn what_cannot_be_said_can_be_waived_and_what_holds_stays_what_it_is() {
    let mut estate = incident().with_points(vec![copy("c", "filesystem:vault", 1)]);
    estate.0.points[0].consistency = Known::Unknown;
    let later = now() + TimeDelta::days(1);
    let policies = with(vec![waiver("live-copy", later), waiver("rpo", later)]);
    let judged = judge_each(&estate.graph(), &policies, now());
    assert!(is(&verdict(&judged[0], "live-copy"), "waived"));
    assert!(is(&verdict(&judged[0], "rpo"), "pass"));
    let elsewhere = RuleWaiver { volume: VolumeId("other".into()), ..waiver("live-copy", later) };
    let judged = judge_each(&estate.graph(), &with(vec![elsewhere]), now());
    assert!(is(&verdict(&judged[0], "live-copy"), "undetermined"));
}

#[test]
fn a_waiver_of_failures_waives_no_doubt() {
    let mut estate = incident().with_points(vec![copy("c", "filesystem:vault", 1)]);
    estate.0.points[0].consistency = Known::Unknown;
    let of_failures = RuleWaiver { undetermined: false, ..waiver("live-copy", now() + TimeDelta::days(1)) };
    let graph = estate.graph();
    let judged = judge_each(&graph, &with(vec![of_failures.clone()]), now());
    let found = verdict(&judged[0], "live-copy");
    assert!(matches!(&found, Verdict::Undetermined(why) if why.contains("of failures only")), "{found:?}");
    assert_eq!(overall(&judged, &graph), Overall::Undetermined);
    estate.0.points[0].consistency = Known::Observed(Consistency::Live, now());
    let judged = judge_each(&estate.graph(), &with(vec![of_failures]), now());
    assert!(is(&verdict(&judged[0], "live-copy"), "waived"));
}

#[test]
fn a_waiver_of_no_rule_or_of_no_volume_shows() {
    let inventory = incident().0;
    let elsewhere = RuleWaiver { volume: VolumeId("other".into()), ..waiver("rpo", now()) };
    let policies = with(vec![waiver("rpo", now()), waiver("no-such-rule", now()), elsewhere]);
    let gaps = idle_waivers(&policies, &inventory);
    let told: Vec<&str> = gaps.iter().map(|gap| gap.detail.as_str()).collect();
    assert_eq!(told.len(), 2);
    assert!(told[0].contains("no rule `no-such-rule`") && told[1].contains("no volume `other`"), "{told:?}");
    let graph = expand(&Inventory { gaps, ..inventory }, &outlive::catalogue::Catalogue::built_in().unwrap());
    assert!(graph.inventory().has_open_gaps());
}
