//! Reports, held to golden files. `OUTLIVE_BLESS=1 cargo test --test judging` writes them anew.

use crate::estate::*;
use outlive::catalogue::Catalogue;
use outlive::domain::*;
use outlive::isolation::Graph;
use outlive::report::text::Look;
use outlive::report::{json, text};
use outlive::rules::{by_id, judge};

const LOOK: Look = Look { width: 100, colour: false };

pub fn golden(name: &str, found: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judging/golden").join(name);
    if std::env::var_os("OUTLIVE_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, found).unwrap();
    }
    let wanted = std::fs::read_to_string(&path).unwrap();
    assert!(wanted == found, "{name} differs; it is now:\n{found}");
}

/// The incident, after one copy was made elsewhere; a virtual disk, a second volume and a gap.
pub fn estate() -> Estate {
    let mut copied = copy("20261121T230000Z", "filesystem:vault", 3);
    copied.consistency = Known::Observed(Consistency::Live, now());
    let mut estate = incident().and_point(copied).opened("device:vda", Nature::StoredOn);
    estate.0.volumes.push(Volume {
        id: VolumeId("host:/srv/media".into()),
        name: "/srv/media".into(),
        kind: VolumeKind::Directory,
        asset: AssetId("directory:/srv/media".into()),
    });
    estate.0.assets.push(asset("directory:/srv/media", AssetKind::Directory, &["filesystem:root"]));
    estate.with_gap(GapScope::PointsOf(VolumeId("host:/srv/media".into())))
}

fn audits(estate: &Estate, look: Look) -> (String, String) {
    let (graph, policy) = (estate.graph(), Policy::default());
    let judged = judge(&graph, &policy, now());
    (
        text::audit(&graph, &judged, &policy, &Catalogue::built_in().unwrap(), now(), look),
        json::audit(&graph, &judged, &policy, now(), &[10, 11]),
    )
}

/// The audit of the made-up estate, for its schema.
pub fn audit_json() -> String {
    audits(&estate(), LOOK).1
}

#[test]
fn the_audit_before_and_after_a_copy() {
    let (before, _) = audits(&incident(), LOOK);
    golden("audit-before.txt", &before);
    let (after, json) = audits(&estate(), LOOK);
    golden("audit-after.txt", &after);
    golden("audit-after.json", &json);
}

#[test]
fn the_inventory() {
    golden("inventory.txt", &text::inventory(&estate().graph(), now(), LOOK));
    golden("inventory.json", &inventory(&estate().graph(), now(), &[0]));
}

pub fn inventory(graph: &Graph, now: Timestamp, exit_codes: &[u8]) -> String {
    let mut text = Vec::new();
    json::inventory(graph, now, exit_codes, &mut text).unwrap();
    String::from_utf8(text).unwrap()
}

#[test]
fn the_rules_and_their_pages() {
    golden("rules.txt", &text::rules(LOOK));
    golden("explain-rpo.txt", &text::explain(by_id("rpo").unwrap(), LOOK));
    let one: serde_json::Value = serde_json::from_str(&json::explain(by_id("rpo").unwrap(), &[0])).unwrap();
    assert_eq!(one["schema"], "outlive/explain/v0");
    golden("rules.json", &json::rules(&[0]));
}

#[test]
fn every_line_fits_and_colour_is_only_where_it_is_asked_for() {
    for width in [60, 80, 100] {
        let (plain, _) = audits(&estate(), Look { width, colour: false });
        assert!(plain.lines().all(|line| line.chars().count() <= width), "{plain}");
        assert!(!plain.contains('\u{1b}'));
        let (coloured, _) = audits(&estate(), Look { width, colour: true });
        assert!(coloured.contains("\u{1b}["));
        let mut bare = coloured;
        while let Some(start) = bare.find('\u{1b}') {
            let end = start + bare[start..].find('m').unwrap();
            bare.replace_range(start..=end, "");
        }
        assert_eq!(bare, plain, "colour changes nothing but colour");
    }
}

#[test]
fn a_volume_named_with_escapes_prints_none_raw() {
    for name in [printable(b"/srv/\x1b[2J\r\nPASS \xff"), "raw \u{1b}[2J\r\n\u{9b}".to_owned()] {
        let mut estate = estate();
        estate.0.volumes[0].name = name.clone();
        estate.0.points[0].name = name.clone();
        estate.0.assets[0].name = name.clone();
        estate.0.gaps[0].place = name.clone();
        let (text, json) = audits(&estate, LOOK);
        let inventory = text::inventory(&estate.graph(), now(), LOOK);
        for report in [text, json, inventory] {
            assert!(!report.chars().any(|c| c.is_control() && c != '\n'), "{report:?}");
        }
    }
}

#[test]
fn an_audit_of_nothing_says_so() {
    let mut nothing = incident();
    nothing.0 = Inventory::default();
    let (text, json) = audits(&nothing, LOOK);
    assert!(text.contains("No volume was found"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["overall"], "undetermined");
    assert_eq!(json["exit_codes"], serde_json::json!([10, 11]));
}

#[test]
fn the_order_of_listing_never_shows_in_json() {
    let mut random = crate::random::Random(7);
    let wanted = audits(&estate(), LOOK);
    for _ in 0..20 {
        let mut shuffled = estate();
        random.shuffle(&mut shuffled.0.volumes);
        random.shuffle(&mut shuffled.0.points);
        random.shuffle(&mut shuffled.0.assets);
        assert_eq!(audits(&shuffled, LOOK), wanted);
    }
}
