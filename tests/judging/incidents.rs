//! Incidents that happened, replayed: everything comes as it did, and what would have said so says so.

use outlive::app::{INCIDENTS, judge_as_of, load_incident, parse_incident, replay_incident};
use outlive::domain::Kind;
use outlive::estate::{Estate, INCIDENT_KEYS, Incident};
use outlive::report::activity::{IncidentDone, Told};
use outlive::report::text::{self, Look};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

const PAGE: &str = include_str!("../../docs/incidents.md");

/// The incidents that have to be there, each with the rules that would have said so.
const NAMED: [(&str, &[&str]); 10] = [
    ("pocketos", &["cascade-on-deletion", "credential-reaches-both", "rpo"]),
    ("gitlab", &["artefact-empty-or-shrunk", "never-drilled", "replica-counted-as-backup"]),
    ("ovh-sbg2", &["same-site"]),
    ("code-spaces", &["same-account", "credential-reaches-both"]),
    ("vfemail", &["same-host-compromise"]),
    ("nirs-g-drive", &["no-recovery-point"]),
    ("kyoto-hpe", &["no-recovery-point"]),
    ("pixar", &["artefact-empty-or-shrunk", "never-drilled"]),
    ("replit-saastr", &["credential-reaches-both"]),
    ("lost-restore-path", &["key-only-with-primary", "catalogue-only-with-primary"]),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("drills/incidents")
}

fn replayed(name: &str) -> IncidentDone {
    replay_incident(&load_incident(OsStr::new(name)).unwrap()).unwrap()
}

#[test]
fn everything_comes_as_it_did() {
    for known in INCIDENTS {
        let done = replayed(known.name);
        assert!(done.as_expected, "{}", done.text(Look::default()));
        assert_eq!(done, replayed(known.name), "a replay comes out alike each time");
    }
}

#[test]
fn the_rules_that_would_have_said_so_fail_on_the_night_before() {
    for (name, rules) in NAMED {
        let done = replayed(name);
        for rule in rules {
            assert!(
                done.said.iter().any(|said| said.rule == *rule && said.verdict == "FAIL"),
                "{name}: {rule} does not fail:\n{}",
                done.text(Look::default())
            );
        }
    }
}

/// Per incident and rule: the decisive fact, and what stands in its place so that the rule has nothing to say.
const CHANGED: [(&str, &str, &str, &str); 18] = [
    // A backup of the last day outside of the volume, which the token does not reach.
    (
        "pocketos",
        "cascade-on-deletion",
        "taken_at = \"2026-01-21T22:00:00Z\"",
        "taken_at = \"2026-04-23T21:00:00Z\"",
    ),
    (
        "pocketos",
        "credential-reaches-both",
        "deletable_by = [\"credential:domains-token\"]\n\n[[asset]]",
        "deletable_by = []\n\n[[asset]]",
    ),
    ("pocketos", "rpo", "taken_at = \"2026-01-21T22:00:00Z\"", "taken_at = \"2026-04-23T21:00:00Z\""),
    // A dump that holds something.
    ("gitlab", "artefact-empty-or-shrunk", "bytes = 0", "bytes = 300000000000"),
    (
        "gitlab",
        "never-drilled",
        "taken_at = \"2017-01-30T00:00:00Z\"\ndrilled_at = \"never\"",
        "taken_at = \"2017-01-30T00:00:00Z\"\ndrilled_at = \"2017-01-30T12:00:00Z\"",
    ),
    (
        "gitlab",
        "replica-counted-as-backup",
        "taken_at = \"2017-01-30T00:00:00Z\"",
        "taken_at = \"2017-01-30T20:00:00Z\"",
    ),
    // One replica in another building.
    ("ovh-sbg2", "same-site", "stored_on = [\"site:sbg2\"]", "stored_on = [\"site:elsewhere\"]"),
    // A backup under another account, which the console does not reach.
    ("code-spaces", "same-account", ELSEWHERE_BEFORE, ELSEWHERE_AFTER),
    ("code-spaces", "credential-reaches-both", ELSEWHERE_BEFORE, ELSEWHERE_AFTER),
    // A backup server that is administered apart.
    (
        "vfemail",
        "same-host-compromise",
        "administered_by = [\"network:us-administration\"]\nneeds = []\ndeletable_by = [\"credential:backup-login\"]",
        "administered_by = []\nneeds = []\ndeletable_by = [\"credential:backup-login\"]",
    ),
    (
        "nirs-g-drive",
        "no-recovery-point",
        "# 858 TB. No recovery point is declared, because there was none: \"too large\".",
        "[[recovery_point]]\nid = 'copy'\nvolume = 'g-drive'\nkind = 'named_copy'\nowner = 'a test'\nreview_by = '2025-12-31'\n",
    ),
    ("kyoto-hpe", "no-recovery-point", "volume = \"group-10\"", "volume = \"group-11\""),
    ("pixar", "artefact-empty-or-shrunk", "bytes = 4000000", "bytes = 9900000000"),
    (
        "pixar",
        "never-drilled",
        "bytes = 10000000000\ndrilled_at = \"never\"",
        "bytes = 10000000000\ndrilled_at = \"1998-06-20\"",
    ),
    (
        "replit-saastr",
        "credential-reaches-both",
        "deletable_by = [\"credential:agent\"]",
        "deletable_by = []",
    ),
    (
        "replit-saastr",
        "undelete-window-only",
        "cascades_from = [{ any = [\"volume:production\"], grace = \"7d\" }]",
        "cascades_from = []",
    ),
    ("lost-restore-path", "key-only-with-primary", "needs = [\"key:backup-key\", ", "needs = ["),
    ("lost-restore-path", "catalogue-only-with-primary", ", \"catalogue:backup-index\"]", "]"),
];

const ELSEWHERE_BEFORE: &str = "stored_on = [\"account:aws/code-spaces\"]\ncascades_from = []\nadministered_by = [\"account:aws/code-spaces\"]\nneeds = []\ndeletable_by = [\"credential:console\"]";
const ELSEWHERE_AFTER: &str = "stored_on = [\"site:elsewhere\"]\ncascades_from = []\nadministered_by = []\nneeds = []\ndeletable_by = []";

/// What the changed estates may refer to.
const ELSEWHERE: &str = "\n[[asset]]\nkind = 'site'\nname = 'elsewhere'\nowner = 'a test'\nstored_on = []\ncascades_from = []\nadministered_by = []\nneeds = []\ndeletable_by = []\nyielded_by = []\n";

#[test]
fn without_the_decisive_fact_the_rule_has_nothing_to_say() {
    let mut still = Vec::new();
    for (name, rule, fact, instead) in CHANGED {
        let known = INCIDENTS.iter().find(|known| known.name == name).unwrap();
        assert!(known.estate.contains(fact), "{name}: `{fact}` is not in its estate");
        let mut estate = known.estate.replace(fact, instead);
        if !estate.contains("kind = \"site\"\nname = \"elsewhere\"") {
            estate.push_str(ELSEWHERE);
        }
        // What the changed estate has beside, or elsewhere, the incident has to name.
        let incident = match name {
            "nirs-g-drive" => known.incident.replace("[fates]", "[fates]\ncopy = \"undetermined\""),
            "kyoto-hpe" => known.incident.replace("volume = \"group-10\"", "volume = \"group-11\""),
            _ => known.incident.to_owned(),
        };
        let replay = parse_incident(name, Path::new(name), &estate, &incident).unwrap();
        let done = replay_incident(&replay).unwrap();
        let failing = |done: &IncidentDone| {
            done.said.iter().filter(|said| said.rule == rule && said.verdict == "FAIL").count()
        };
        if failing(&done) >= failing(&replayed(name)) {
            still.push(format!("{name}: {rule} fails all the same: {}", done.text(Look::default())));
        }
        if done.as_expected {
            still.push(format!("{name}: without the fact of {rule}, everything came as before"));
        }
    }
    assert!(still.is_empty(), "{}", still.join("\n"));
}

#[test]
fn each_incident_has_its_folder_with_three_files_its_name_and_its_row() {
    let names: BTreeSet<&str> = NAMED.map(|(name, _)| name).into();
    assert_eq!(INCIDENTS.iter().map(|known| known.name).collect::<BTreeSet<_>>(), names);
    let folders: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(folders, names.iter().map(|name| (*name).to_owned()).collect());
    for name in names {
        let mut files: Vec<String> = std::fs::read_dir(folder().join(name))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        assert_eq!(files, ["README.md", "incident.toml", "outlive.toml"], "{name}");
        let readme = std::fs::read_to_string(folder().join(name).join("README.md")).unwrap();
        for part in ["What happened", "Sources", "What is disputed or unknown", "What the replay simplifies"]
        {
            assert!(readme.contains(&format!("\n## {part}\n")), "{name}: README.md has no part {part}");
        }
        let done = replayed(name);
        let rules: BTreeSet<&str> = done.said.iter().map(|said| said.rule.as_str()).collect();
        let row = PAGE.lines().find(|line| line.starts_with(&format!("| [{name}]"))).unwrap();
        assert!(row.contains(&format!("{}. {}", done.title, done.act.said)), "{row}");
        let told: BTreeSet<&str> = row.rsplit('|').nth(1).unwrap().split('`').skip(1).step_by(2).collect();
        assert_eq!(told, rules, "{row}");
    }
}

#[test]
fn a_replay_in_a_folder_is_the_one_that_is_compiled_in() {
    for known in INCIDENTS {
        let path = folder().join(known.name);
        let replay = load_incident(path.as_os_str()).unwrap();
        let mut done = replay_incident(&replay).unwrap();
        done.name = known.name.to_owned();
        assert_eq!(done, replayed(known.name));
    }
}

#[test]
fn an_unknown_name_is_told_which_there_are() {
    let problem = load_incident(OsStr::new("pocketoss")).unwrap_err();
    assert_eq!(problem.kind, Kind::Usage);
    assert!(INCIDENTS.iter().all(|known| problem.remedy.contains(known.name)), "{}", problem.remedy);
}

#[test]
fn every_line_of_a_replay_fits() {
    for known in INCIDENTS {
        for width in [60, 100] {
            let text = replayed(known.name).text(Look { width, colour: false });
            let wide: Vec<&str> = text.lines().filter(|line| line.chars().count() > width).collect();
            assert_eq!(wide, Vec::<&str>::new(), "{}", known.name);
        }
    }
}

#[test]
fn the_incident_that_began_it_all() {
    let done = replayed("pocketos");
    crate::reports::golden("incident-pocketos.txt", &done.text(Look { width: 100, colour: false }));
    crate::reports::golden("incident-pocketos.json", &done.json(&[0]));
}

/// Whoever sees outlive for the first time runs this one.
#[test]
fn the_audit_of_the_incident_fits_and_says_what_to_do_first() {
    let estate = load_incident(OsStr::new("pocketos")).unwrap().estate;
    let audited = judge_as_of(&estate, estate.as_of.unwrap()).unwrap();
    let policy = &estate.default_policy().judged;
    let look = Look { width: 100, colour: false };
    let text = text::audit(&audited.graph, &audited.judged, policy, &audited.catalogue, audited.at, look);
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    let last = text.rsplit("What to do first").next().unwrap();
    // What helps against the token helps against the deletion that it sends, too.
    let advice = "keep a recent recovery point that this credential may not delete";
    assert!(crate::answers::unfolded(last).contains(advice), "{text}");
}

#[test]
fn every_key_of_an_incident_is_described() {
    let mut described: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut heading = "";
    for line in PAGE.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            heading = title;
        } else if let Some((key, _)) = line.strip_prefix("| `").and_then(|rest| rest.split_once("` |")) {
            described.entry(heading).or_default().insert(key);
        }
    }
    let read: BTreeMap<&str, BTreeSet<&str>> =
        INCIDENT_KEYS.iter().map(|(title, keys)| (*title, keys.iter().copied().collect())).collect();
    assert_eq!(described, read);
}

const ESTATE: &str = "as_of = '2026-01-02'\n[[volume]]\nid = 'db'\n";
const SOUND: &str = "title = 't'\nact = 'a'\nhazards = ['deleted volume:db']\n[fates]\ndb = 'dies'\n[[finding]]\nvolume = 'db'\nrule = 'rpo'\nverdict = 'fail'\n";

#[test]
fn an_incident_that_is_wrong_is_told_so_with_its_place() {
    let estate = Estate::parse(Path::new("outlive.toml"), ESTATE).unwrap();
    let parse = |text: &str| Incident::parse(Path::new("incident.toml"), text, &estate);
    parse(SOUND).unwrap();
    for (from, to, place, words) in [
        ("title", "titel", "1:1", "did you mean `title`?"),
        ("title = 't'", "title = 3", "1:9", "must be text"),
        ("act = 'a'\n", "", "1:1", "has no `act`"),
        ("deleted v", "destroyed v", "3:12", "`destroyed`, which is not known"),
        ("deleted volume:db", "deleted db", "3:12", "which is no hazard"),
        ("volume:db", "volume:dp", "3:12", "did you mean `db`?"),
        ("['deleted volume:db']", "[]", "3:11", "names nothing that happens"),
        ("db = 'dies'", "db = 'dead'", "5:6", "which is not known"),
        ("db = 'dies'", "dbb = 'dies'", "4:1", "did you mean `db`?"),
        ("rule = 'rpo'\n", "", "6:1", "has no `rule`"),
        ("volume = 'db'", "volume = 'da'", "7:10", "did you mean `db`?"),
        ("'fail'", "'failed'", "9:11", "did you mean `fail`?"),
        ("act = 'a'", "act = 'a'\nfound_useless = ['db']", "3:18", "not in the estate"),
        ("act = 'a'", "act = 'a'\nacts_at = '2026-01-01'", "3:11", "is before the estate's `as_of`"),
    ] {
        assert!(SOUND.contains(from), "{from}");
        let problem = parse(&SOUND.replacen(from, to, 1)).unwrap_err();
        assert_eq!(problem.kind, Kind::Usage);
        assert!(problem.place.ends_with(&format!("incident.toml:{place}")), "{to}: {problem:?}");
        assert!(format!("{problem} {}", problem.remedy).contains(words), "{to}: {problem:?}");
    }
}

#[test]
fn a_rule_or_an_asset_that_is_not_there_is_told_with_its_line() {
    for (from, to, line) in [("'rpo'", "'rop'", 6), ("deleted volume:db", "lost site:gone", 3)] {
        let text = SOUND.replacen(from, to, 1);
        let replay = parse_incident("test", Path::new("t"), ESTATE, &text).unwrap();
        let problem = replay_incident(&replay).unwrap_err();
        assert_eq!((problem.kind, &*problem.place), (Kind::Usage, &*format!("t/incident.toml:{line}")));
    }
}

#[test]
fn what_is_looked_at_cannot_stand_beside_another_day() {
    for beside in [
        "[[volume]]\nid = 'a'\npath = '/srv/a'",
        "[[volume]]\nid = 'a'\nlook_in = ['/srv']",
        "[[vault]]\nid = 'v'\nkind = 'dir'\npath = '/v'",
        "[nightly]\nconcurrency = 1",
        "[host]\nstands_on = { site = 'a' }",
    ] {
        let problem =
            Estate::parse(Path::new("outlive.toml"), &format!("as_of = '2026-01-02'\n{beside}")).unwrap_err();
        assert!(problem.what.contains("stands beside `as_of`"), "{beside}: {problem:?}");
    }
    let problem = Estate::parse(Path::new("outlive.toml"), "as_of = 'yesterday'").unwrap_err();
    assert_eq!(problem.place, "outlive.toml:1:9");
}
