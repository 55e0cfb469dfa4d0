//! Runbooks, held to golden files and to their schema; names that mean something to HTML, Markdown and a shell among them.

use crate::answers::{broken, complaints};
use crate::reports::golden;
use outlive::domain::Timestamp;
use outlive::report::activity::{DrillOutcome, DrillStanding, Told};
use outlive::report::runbook::*;

/// Everything that a name can try.
const HOSTILE: &str = "a</td><script>x()</script> **b** [c](javascript:d) | `e` \u{202e}f\n# g";

fn at(hour: u32) -> Timestamp {
    format!("2026-04-24T{hour:02}:00:00Z").parse().unwrap()
}

fn vault() -> RunbookVault {
    RunbookVault {
        name: "offsite".into(),
        address: "s3://acme-outlive/night".into(),
        endpoint: Some("https://s3.example".into()),
        region: Some("eu-central".into()),
        addressing: Some("host".into()),
        id: Some("0a".repeat(16)),
        readers: vec!["age1qqqq".into()],
        reader_credential: Some("the variable OFFSITE_READER".into()),
        identity: Some("the file /etc/outlive/reader.key".into()),
        lock: "compliance".into(),
        stands_on: vec!["provider backblaze".into()],
        trust: vec!["ed25519:abc=".into()],
    }
}

fn place() -> PlaceOfCopies {
    let point = |id: &str, hour, doubt: Option<&str>| PointLine {
        name: "vault copy".into(),
        id: Some(id.into()),
        taken_at: Some(at(hour)),
        age_seconds: Some(3600),
        bytes: Some(12_000_000_000),
        state: "read back".into(),
        lock: format!(
            "locked (compliance) until {}",
            doubt.map_or("2026-06-01 00:00 UTC", |_| "2026-04-24 20:00 UTC")
        ),
        lock_ends_at: doubt.map(|_| at(20)),
        restored_at: None,
        doubt: doubt.map(str::to_owned),
    };
    PlaceOfCopies {
        place: "vault offsite".into(),
        domains: vec!["bucket acme-outlive".into(), "provider backblaze".into()],
        count: 40,
        points: vec![point("4dc572a2322d", 2, None), point("21ffa8887a4d", 1, Some(HOSTILE))],
        survives: vec!["deletion of orders-db".into()],
        ending: vec![format!("takeover of {HOSTILE} (until 2026-04-24 20:00 UTC)")],
        open: vec!["loss of provider backblaze".into()],
    }
}

fn procedure() -> Procedure {
    let step = |what: &str, commands: &[&str], seconds| Step {
        what: what.into(),
        commands: commands.iter().map(|command| (*command).to_owned()).collect(),
        expect: Some("no complaint".into()),
        seconds,
    };
    let restore =
        command(["outlive", "restore", "orders-db", "--vault", "s3://acme-outlive/night", "--to", HOSTILE]);
    Procedure {
        title: "with outlive, from the vault offsite (2026-04-24 02:00 UTC)".into(),
        when: "outlive is at hand".into(),
        vault: "offsite".into(),
        point: "4dc572a2322d".into(),
        with: "outlive",
        target: "restored-orders-db".into(),
        fill_in: vec!["the credential that reads s3://acme-outlive/night".into()],
        steps: vec![
            step("Reach it.", &["export AWS_REGION=eu-central", ": \"${IDENTITY:?first type it}\""], None),
            step("Restore it.", &[&restore], Some(754.0)),
            step("Decide.", &[], None),
        ],
    }
}

fn providers() -> Vec<Escalation> {
    let statement = |undelete_seconds, note: &str| Statement {
        kind: "volume backup".into(),
        about: "deleting the volume".into(),
        says: "dies".into(),
        undelete_seconds,
        note: note.into(),
        certainty: "documented".into(),
        source: "https://provider.example, 2026-11-22".into(),
    };
    let known = vec![statement(Some(172_800), "asked by mail"), statement(None, HOSTILE)];
    let primary = Escalation { provider: "railway".into(), holds: "the primary".into(), statements: known };
    let vault =
        Escalation { provider: "somebody".into(), holds: "the vault offsite".into(), statements: vec![] };
    vec![primary, vault]
}

fn newest() -> Acceptance {
    Acceptance { what: "the newest".into(), from: "Ann".into(), command: Some("find x | tail".into()) }
}

fn counted() -> Acceptance {
    Acceptance {
        what: "it has 3 files with 12 bytes".into(),
        from: "the copy 4dc572a2322d".into(),
        command: Some("find restored-orders-db -type f".into()),
    }
}

fn runbook(volume: &str) -> Runbook {
    Runbook {
        volume: volume.into(),
        path: Some("/srv/orders".into()),
        host: Some("db-1".into()),
        owner: Some(HOSTILE.into()),
        policy: "default".into(),
        rpo_seconds: 26 * 3600,
        rto_seconds: 3600,
        severity: "critical".into(),
        because: vec![format!("shared-fate: critical: {HOSTILE}")],
        after: vec!["accounts".into()],
        needed_by: vec!["uploads".into()],
        reaching: vec![Reaching {
            name: "credential domains-token".into(),
            kind: "credential".into(),
            takes_primary: "yes".into(),
            points: 3,
            open: 1,
        }],
        reaching_more: 1_234,
        places: vec![place()],
        hazards: vec![
            HazardLine {
                hazard: "deletion of orders-db".into(),
                takes_primary: true,
                left: "vault copy 4dc572a2322d".into(),
                age_seconds: Some(3600),
                until: Some(at(20)),
                then: Some("NONE".into()),
            },
            HazardLine {
                hazard: HOSTILE.into(),
                takes_primary: false,
                left: "NONE".into(),
                age_seconds: None,
                until: None,
                then: None,
            },
        ],
        drill: DrillStanding {
            outcome: DrillOutcome::Passed,
            asked: true,
            drill: Some("weekly".into()),
            last_passed_at: Some(at(1)),
            last_restore_seconds: Some(754.0),
            detail: "2026-04-24 01:00 UTC: all held".into(),
        },
        measured: Some(Measured { drill: "weekly".into(), at: at(1), seconds: 754.0, of: Some(at(0)) }),
        procedures: vec![procedure()],
        counted: Some(counted()),
        newest: Some(newest()),
        checks: vec![Acceptance {
            what: "rows: ends with 0".into(),
            from: "the drill weekly".into(),
            command: Some("psql -c 'select 1 | 2'".into()),
        }],
        providers: providers(),
    }
}

fn all(volumes: &[&str]) -> Runbooks {
    let outline = |volume: &&str| Outline {
        volume: (*volume).into(),
        owner: None,
        after: vec![],
        rto_seconds: 3600,
        measured_seconds: None,
    };
    Runbooks {
        version: "0.0.0",
        config: "/etc/outlive/outlive.toml".into(),
        config_sha256: "0b".repeat(32),
        generated_at: at(3),
        believe_until: "2026-04-25T05:00:00Z".parse().unwrap(),
        made_from: vec![
            MadeFrom { of: "the estate file".into(), sha256: "0b".repeat(32) },
            MadeFrom { of: "orders-db: copies in vaults".into(), sha256: "0c".repeat(32) },
            MadeFrom { of: "uploads: copies in vaults".into(), sha256: "0d".repeat(32) },
        ],
        acts_sha256: "0e".repeat(32),
        elsewhere: vec![PagesAt {
            place: "the vault offsite: s3://acme-outlive/night, the newest object below runbooks/".into(),
            written_at: at(1),
            believe_until: "2026-04-25T03:00:00Z".parse().unwrap(),
        }],
        to_come: vec!["the vault shelf: /mnt/shelf, the newest object below runbooks/".into()],
        escrow: Some("Safe, second floor.\nAnn and Bo.".into()),
        reading: Some("The envelope beside it.".into()),
        order: volumes.iter().map(outline).collect(),
        vaults: vec![vault()],
        runbooks: volumes.iter().map(|volume| runbook(volume)).collect(),
        clocks: clocks().unwrap(),
        gaps: vec![format!("{HOSTILE}: not there")],
    }
}

#[test]
fn a_page_is_as_its_golden_files_say() {
    let all = all(&["orders-db"]);
    golden("runbook.md", &all.page(PageFormat::Markdown));
    golden("runbook.html", &all.page(PageFormat::Html));
}

#[test]
fn whatever_a_name_tries_nothing_but_the_page_s_own_script_runs_and_no_line_is_added() {
    let all = all(&["orders-db"]);
    let (markdown, html) = (all.page(PageFormat::Markdown), all.page(PageFormat::Html));
    assert_eq!(html.matches("<script").count(), 1);
    assert!(!markdown.contains("<script") && !markdown.contains("\n# g") && !markdown.contains("[c](java"));
    assert!(!html.contains('\u{202e}') && !markdown.contains('\u{202e}'));
    // A table has as many cells in each row as in its head, whatever stands in them.
    for row in markdown.lines().filter(|line| line.starts_with("| ")) {
        let cells = |line: &str| line.replace("\\|", "").matches('|').count();
        assert!((4..=9).contains(&cells(row)), "{row}");
    }
    let commands = ways(&markdown);
    assert_eq!(commands.len(), 1);
    assert!(
        commands[0].1.iter().any(|command| command.starts_with("outlive restore orders-db")),
        "{commands:?}"
    );
    assert_eq!(commands[0].1.len(), 3, "a name began a line of its own: {commands:?}");
}

#[test]
fn several_volumes_begin_with_their_order_and_a_page_speaks_of_its_own_volume() {
    let two = all(&["orders-db", "uploads"]);
    let page = two.page(PageFormat::Markdown);
    assert!(page.starts_with("# Runbooks") && page.contains("| 2 | **uploads**"));
    let own = two.page_of(&two.runbooks[1], PageFormat::Markdown);
    assert!(own.starts_with("# Runbook: uploads") && !own.contains("orders-db: copies in vaults"));
}

#[test]
fn pages_that_are_too_much_for_one_piece_come_in_several_of_which_each_says_what_it_has() {
    let names: Vec<String> = (0..20).map(|number| format!("v{number}.")).collect();
    let all = all(&names.iter().map(String::as_str).collect::<Vec<_>>());
    for format in [PageFormat::Markdown, PageFormat::Html] {
        let whole = all.page(format);
        assert_eq!(all.pieces(format, whole.len()), [whole.as_str()]);
        let most = whole.len() / 4;
        let pieces = all.pieces(format, most);
        assert!((5..=10).contains(&pieces.len()), "{}", pieces.len());
        for (place, piece) in pieces.iter().enumerate() {
            assert!(piece.len() <= most, "{} of {most}", piece.len());
            let says = format!("This is piece {} of {}", place + 1, pieces.len());
            assert!(piece.contains(&says) && piece.contains("The order"), "{says}");
        }
        for name in &names {
            let has = |piece: &&String| piece.contains(&format!("Runbook: {name}"));
            let holders: Vec<usize> = (0..pieces.len()).filter(|place| has(&&pieces[*place])).collect();
            assert_eq!(holders.len(), 1, "{name} is in {holders:?}");
        }
        assert_eq!(all.pieces(format, 1).len(), 20, "each volume stands alone");
    }
}

#[test]
fn a_page_of_all_tells_what_could_not_be_seen_once() {
    let mut two = all(&["orders-db", "uploads"]);
    two.gaps = (0..300).map(|number| format!("gap {number}.")).collect();
    let page = two.page(PageFormat::Markdown);
    assert_eq!(page.matches("gap 299.").count(), 1);
    let own = two.page_of(&two.runbooks[0], PageFormat::Markdown);
    assert!(
        own.contains("gap 99.") && !own.contains("gap 100.") && own.contains("200 of it stand only"),
        "{own}"
    );
}

#[test]
fn what_is_not_known_is_said_and_never_made_up() {
    let mut bare = all(&["orders-db"]);
    let runbook = &mut bare.runbooks[0];
    (runbook.measured, runbook.procedures, runbook.places) = (None, vec![], vec![]);
    (runbook.providers, runbook.reaching, runbook.owner) = (vec![], vec![], None);
    (bare.escrow, bare.elsewhere, bare.vaults[0].trust) = (None, vec![], vec![]);
    let page = bare.page(PageFormat::Markdown);
    for said in [
        "was not measured",
        "NO COPY of this volume is known",
        "Which provider holds this volume is unknown",
        "That is unknown, not none",
        "nobody is named",
        "No copy was known but this one",
        "No signing key is pinned",
        "There is no copy in a vault",
        "from memory, unreviewed",
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
}

#[test]
fn runbooks_are_what_their_schema_says() {
    let right =
        [all(&["orders-db"]).json(&[0]), all(&["orders-db", "uploads"]).json(&[11]), all(&[]).json(&[0])];
    let wrong = [
        broken(&right[0], |told| told["exit_codes"] = serde_json::json!([14])),
        broken(&right[0], |told| told["believe_until"] = serde_json::Value::Null),
        broken(&right[0], |told| told["made_from"][0]["sha256"] = "0b".into()),
        broken(&right[0], |told| told["runbooks"][0]["procedures"][0]["with"] = "magic".into()),
        broken(&right[0], |told| told["runbooks"][0]["reaching"][0]["takes_primary"] = "maybe".into()),
        broken(&right[0], |told| drop(told["runbooks"][0].as_object_mut().unwrap().remove("measured"))),
        broken(&right[0], |told| told["clocks"][0]["source"] = "".into()),
    ];
    for (place, said) in complaints("runbook.v0.json", &right).iter().enumerate() {
        assert_eq!(said, "", "{}", right[place]);
    }
    for (place, said) in complaints("runbook.v0.json", &wrong).iter().enumerate() {
        assert_ne!(said, "", "mistake {place} was not noticed");
    }
}

#[test]
fn volumes_come_back_behind_what_they_wait_for_and_otherwise_as_the_file_has_them() {
    let text = "[[volume]]\nid='a'\nafter=['d']\n[[volume]]\nid='b'\n[[volume]]\nid='c'\nafter=['b','a']\n[[volume]]\nid='d'\nafter=['b']\n";
    let estate = outlive::estate::Estate::parse(std::path::Path::new("/etc/outlive.toml"), text).unwrap();
    let order: Vec<&str> = estate.restore_order().iter().map(|volume| volume.id.0.as_str()).collect();
    assert_eq!(order, ["b", "d", "a", "c"]);
}
