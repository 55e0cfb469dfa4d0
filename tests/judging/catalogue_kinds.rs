//! The kinds that the compiled-in catalogue describes by name, what files of somebody's own may say, and the page.

use outlive::catalogue::*;
use outlive::domain::*;
use std::fmt::Write;
use std::path::Path;

const PAGE: &str = "docs/catalogue.md";
/// What follows this line of the page is generated.
const GENERATED: &str =
    "<!-- From here on generated: OUTLIVE_BLESS=1 cargo test --test judging catalogue -->\n";

const GOOD: &str = r#"provider = "x"
title = "X"
[[point]]
kind = "named-copy"
effect = "survives"
note = "n"
source = "tests/survey"
read = "2026-11-22"
[[kind]]
name = "x.snapshot"
title = "snapshot"
list = "list"
way_out = "out"
smallest = "token"
[kind.lives]
at = ["region", "account"]
note = "there"
source = "https://x.example/lives"
read = "2026-11-22"
certainty = "documented"
[kind.deletion.volume]
effect = "dies"
grace = "48h"
call = "wipe"
note = "goes"
source = "https://x.example/deletion"
read = "2026-11-22"
certainty = "executed"
[kind.lock]
mode = "unknown"
note = "said so"
source = "nobody"
read = "2026-11-22"
certainty = "believed"
[kind.replica]
follows = "no"
note = "a moment"
source = "https://x.example/replica"
read = "2026-11-22"
certainty = "documented"
"#;

#[test]
fn what_is_written_is_what_is_stated() {
    let catalogue = Catalogue::parse(GOOD, "x.toml").unwrap();
    let kind = catalogue.kind("x.snapshot").unwrap();
    assert_eq!(kind.lives.as_ref().unwrap().says, Lives::In(vec![Place::Region, Place::Account]));
    let deletion = &kind.deletion[&Deleted::Volume];
    assert_eq!((deletion.says.effect, deletion.certainty), (Effect::Dies, Certainty::Executed));
    assert_eq!(deletion.says.grace, Some(Grace { seconds: 48 * 3600 }));
    assert_eq!(deletion.source.address, "https://x.example/deletion");
    let said: Vec<String> =
        kind.in_words().iter().map(|words| format!("{}: {}", words.about, words.says)).collect();
    assert_eq!(
        said,
        [
            "lives in: region, account",
            "deleting the volume: dies",
            "lock: unknown",
            "follows its primary: no"
        ]
    );
    assert_eq!(catalogue.providers(), [("x", "X")]);
}

/// Each replaces one text by another; the line at which that is told.
const WRONG: &[(&str, &str, usize)] = &[
    ("source = \"tests/survey\"", "source = \" \"", 7),
    ("read = \"2026-11-22\"\n[[kind]]", "read = \"22.11.2026\"\n[[kind]]", 8),
    ("kind = \"named-copy\"", "kind = \"floppy\"", 4),
    ("effect = \"survives\"", "effect = \"probably\"", 5),
    ("note = \"n\"", "notes = \"n\"", 6),
    ("[[point]]", "[[points]]", 3),
    ("title = \"X\"\n", "", 1),
    ("name = \"x.snapshot\"", "name = \"snapshot\"", 10),
    ("name = \"x.snapshot\"", "name = \"X.Snap\"", 10),
    ("name = \"x.snapshot\"", "name = \"y.snapshot\"", 10),
    ("name = \"x.snapshot\"", "name = \"x.y.z\"", 10),
    ("way_out = \"out\"", "way_out = \"\"", 13),
    ("way_out = \"out\"", "way_out = \"a\\nb\"", 13),
    ("way_out = \"out\"\n", "", 9),
    ("smallest = \"token\"", "smallest = 3", 14),
    ("smallest = \"token\"", "smallest = \"token\"\ncolour = \"red\"", 15),
    ("at = [\"region\", \"account\"]", "at = []", 16),
    ("at = [\"region\", \"account\"]", "at = [\"region\", \"region\"]", 16),
    ("at = [\"region\", \"account\"]", "at = [\"region\", \"unknown\"]", 16),
    ("at = [\"region\", \"account\"]", "at = [\"moon\"]", 16),
    ("source = \"https://x.example/lives\"\n", "", 15),
    (
        "read = \"2026-11-22\"\ncertainty = \"documented\"\n[kind.deletion",
        "certainty = \"documented\"\n[kind.deletion",
        15,
    ),
    ("certainty = \"documented\"\n[kind.deletion", "certainty = \"believed\"\n[kind.deletion", 16),
    ("certainty = \"documented\"\n[kind.deletion", "certainty = \"sure\"\n[kind.deletion", 20),
    ("[kind.deletion.volume]", "[kind.deletion.moon]", 21),
    ("effect = \"dies\"", "effect = \"survives\"", 23),
    ("effect = \"dies\"", "effect = \"unknown\"", 23),
    ("grace = \"48h\"", "grace = \"two days\"", 23),
    ("call = \"wipe\"", "call = \" \"", 24),
    ("certainty = \"executed\"", "certainty = \"believed\"", 22),
    ("[kind.lock]", "[kind.deletion.volume]", 29),
    ("mode = \"unknown\"", "mode = \"none\"", 30),
    ("mode = \"unknown\"", "mode = \"possible\"", 30),
    ("source = \"nobody\"", "source = \"\"", 32),
    ("follows = \"no\"", "follows = \"no\"\ngrace = \"1h\"", 37),
    (
        "follows = \"no\"\nnote = \"a moment\"\nsource = \"https://x.example/replica\"\nread = \"2026-11-22\"\ncertainty = \"documented\"",
        "follows = \"yes\"\nnote = \"a moment\"\nsource = \"https://x.example/replica\"\nread = \"2026-11-22\"\ncertainty = \"believed\"",
        36,
    ),
    ("follows = \"no\"", "follows = = \"no\"", 36),
];

#[test]
fn each_malformed_statement_is_refused_with_its_line() {
    for (from, to, line) in WRONG {
        assert_eq!(GOOD.matches(*from).count(), 1, "{from:?}");
        match Catalogue::parse(&GOOD.replace(*from, to), "x.toml") {
            Ok(_) => panic!("{from:?} -> {to:?} was taken"),
            Err(problem) => {
                assert_eq!(problem.place, format!("x.toml:{line}"), "{from:?} -> {to:?}: {problem}")
            }
        }
    }
    let (head, kind) = GOOD.split_once("[[kind]]").unwrap();
    let (_, point) = head.split_once("[[point]]").unwrap();
    for (twice, line) in [(format!("{GOOD}[[kind]]{kind}"), 42), (format!("{head}[[point]]{point}"), 10)] {
        let problem = Catalogue::parse(&twice, "x.toml").unwrap_err();
        assert!(problem.what.contains("two statements on one kind"), "{problem}");
        assert_eq!(problem.place, format!("x.toml:{line}"));
    }
}

#[test]
fn a_file_of_somebody_s_own_replaces_a_whole_kind_and_leaves_the_others() {
    let own = "[[kind]]\nname = \"railway.volume-backup\"\ntitle = \"ours\"\nlist = \"l\"\nway_out = \"w\"\nsmallest = \"s\"\n\
               [[kind]]\nname = \"acme.copy\"\ntitle = \"copy\"\nlist = \"l\"\nway_out = \"w\"\nsmallest = \"s\"\n";
    let built_in = Catalogue::built_in().unwrap();
    let catalogue = built_in.clone().with_file(own, "own.toml").unwrap();
    let ours = catalogue.kind("railway.volume-backup").unwrap();
    assert_eq!((ours.title.as_str(), ours.deletion.len(), ours.lives.is_none()), ("ours", 0, true));
    assert_eq!(catalogue.kinds().count(), built_in.kinds().count() + 1);
    assert!(catalogue.providers().contains(&("acme", "acme")));
    assert_eq!(catalogue.kind("aws.ebs-snapshot"), built_in.kind("aws.ebs-snapshot"));
    assert_eq!(catalogue.on_point(PointKind::Dump), built_in.on_point(PointKind::Dump));
    assert_eq!(catalogue.kind("acme.snapshot"), None);
    let problem = built_in.with_file("\n\nx = 1\n", "own.toml").unwrap_err();
    assert_eq!(problem.place, "own.toml:3");
}

/// The kinds that were asked for, provider by provider.
const ASKED_FOR: &str = "railway.volume-backup railway.pitr-bucket aws.ebs-snapshot aws.rds-automated-backup \
    aws.rds-retained-backup aws.rds-snapshot aws.dynamodb-pitr aws.efs-backup aws.backup-point aws.s3-object-version \
    fly.volume-snapshot digitalocean.volume-snapshot digitalocean.database-backup hetzner.server-backup hetzner.snapshot \
    linode.instance-backup vultr.snapshot gcp.snapshot gcp.instant-snapshot gcp.cloud-sql-backup \
    gcp.cloud-sql-retained-backup azure.disk-snapshot azure.backup-item render.disk-snapshot heroku.pgbackups \
    supabase.project-backup neon.snapshot planetscale.backup mongodb-atlas.snapshot crunchy-bridge.backup \
    kubernetes.csi-snapshot longhorn.snapshot ceph.rbd-snapshot local.btrfs-snapshot local.zfs-snapshot \
    local.lvm-snapshot local.lvm-thin-snapshot local.qcow2-snapshot local.reflink local.hard-link local.dump \
    repository.restic-snapshot repository.borg-archive repository.kopia-snapshot repository.pgbackrest-backup \
    repository.wal-g-backup repository.barman-backup";

#[test]
fn every_kind_that_was_asked_for_is_there_and_speaks_of_place_deletion_lock_and_following() {
    let catalogue = Catalogue::built_in().unwrap();
    for name in ASKED_FOR.split_whitespace() {
        let kind = catalogue.kind(name).unwrap_or_else(|| panic!("{name} is not there"));
        assert!(kind.lives.is_some() && kind.lock.is_some(), "{name}");
        assert!(kind.replica.is_some(), "{name} does not say whether it follows its primary");
        assert!(kind.deletion.contains_key(&Deleted::Volume), "{name}");
    }
    assert_eq!(catalogue.kinds().count(), ASKED_FOR.split_whitespace().count());
    assert!(catalogue.providers().iter().all(|(name, title)| name != title), "a file has no title");
}

#[test]
fn what_nobody_verified_is_unknown() {
    let catalogue = Catalogue::built_in().unwrap();
    let volume = |name: &str| &catalogue.kind(name).unwrap().deletion[&Deleted::Volume].says.effect;
    for name in [
        "railway.pitr-bucket",
        "aws.ebs-snapshot",
        "aws.efs-backup",
        "aws.s3-object-version",
        "digitalocean.volume-snapshot",
        "digitalocean.database-backup",
        "hetzner.server-backup",
        "hetzner.snapshot",
        "vultr.snapshot",
        "render.disk-snapshot",
        "heroku.pgbackups",
        "mongodb-atlas.snapshot",
        "crunchy-bridge.backup",
        "kubernetes.csi-snapshot",
        "local.lvm-thin-snapshot",
    ] {
        assert_eq!(volume(name), &Effect::Unknown, "{name}");
    }
    for (name, of) in [
        ("hetzner.server-backup", Deleted::Host),
        ("azure.disk-snapshot", Deleted::Project),
        ("kubernetes.csi-snapshot", Deleted::Project),
        ("aws.s3-object-version", Deleted::Bucket),
    ] {
        assert_eq!(catalogue.kind(name).unwrap().deletion[&of].says.effect, Effect::Unknown, "{name}");
    }
    let mut believed: Vec<InWords<'_>> = catalogue.kinds().flat_map(KindStatements::in_words).collect();
    believed.retain(|words| words.certainty == Certainty::Believed);
    assert!(believed.len() > 20);
    assert!(believed.into_iter().all(|words| words.says == "unknown"));
    // An undelete window of the volume is none of its backups until somebody saw one come back.
    assert_eq!(catalogue.kind("railway.volume-backup").unwrap().deletion[&Deleted::Volume].says.grace, None);
}

#[test]
fn the_compiled_in_files_speak_of_every_kind_that_the_survey_finds() {
    let catalogue = Catalogue::built_in().unwrap();
    for kind in [
        PointKind::BtrfsSnapshot,
        PointKind::Qcow2Snapshot,
        PointKind::Qcow2Backing,
        PointKind::NamedCopy,
        PointKind::VaultCopy,
        PointKind::Dump,
        PointKind::Archive,
        PointKind::DatabaseFile,
        PointKind::FilesystemImage,
        PointKind::Reflink,
        PointKind::HardLink,
        PointKind::ResticSnapshot,
        PointKind::BorgArchive,
    ] {
        assert!(catalogue.on_point(kind).is_some(), "{}", kind.word());
    }
    assert_eq!(catalogue.on_point(PointKind::Qcow2Snapshot).unwrap().effect, Effect::Dies);
}

#[test]
fn the_page_says_what_is_compiled_in() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = std::fs::read_to_string(&path).unwrap();
    let (written, _) = page.split_once(GENERATED).expect("the page has a generated part");
    let whole = format!("{written}{GENERATED}{}", generated(&Catalogue::built_in().unwrap()));
    if std::env::var_os("OUTLIVE_BLESS").is_some() {
        std::fs::write(&path, &whole).unwrap();
        return;
    }
    assert!(page == whole, "{PAGE} is not in step: OUTLIVE_BLESS=1 cargo test --test judging catalogue");
}

fn generated(catalogue: &Catalogue) -> String {
    let mut text = String::new();
    for (provider, title) in catalogue.providers() {
        let kinds: Vec<&KindStatements> =
            catalogue.kinds().filter(|kind| kind.provider() == provider).collect();
        writeln!(text, "\n## {title}\n").unwrap();
        writeln!(text, "| kind | what it is | lives in | deleting … | undelete | lock | listed by | way out | kills both |").unwrap();
        writeln!(text, "|---|---|---|---|---|---|---|---|---|").unwrap();
        kinds.iter().for_each(|kind| writeln!(text, "{}", summary(kind)).unwrap());
        writeln!(text, "\n| kind | about | says | call | in words | certainty | source | read |\n|---|---|---|---|---|---|---|---|").unwrap();
        for (kind, words) in
            kinds.iter().flat_map(|kind| kind.in_words().into_iter().map(move |words| (kind, words)))
        {
            let call = words.call.map(|call| format!("`{call}`")).unwrap_or_default();
            let Source { address, read } = words.source;
            let cells = [
                &format!("`{}`", kind.name),
                &words.about,
                &words.says,
                &call,
                words.note,
                words.certainty.word(),
                address,
                read,
            ];
            writeln!(text, "{}", row(&cells)).unwrap();
        }
    }
    text
}

fn summary(kind: &KindStatements) -> String {
    let lives = kind.lives.as_ref().map_or("not stated".to_owned(), |lives| lives.says.words());
    let lock = kind.lock.as_ref().map_or("not stated", |lock| lock.says.word());
    let of = |(of, stated): (&Deleted, &Stated<Deletion>)| {
        format!("{}: {}", of.asset_kind().word(), stated.says.effect.word())
    };
    let deletion: Vec<String> = kind.deletion.iter().map(of).collect();
    let grace = |(of, stated): (&Deleted, &Stated<Deletion>)| {
        let seconds = i64::try_from(stated.says.grace?.seconds).ok()?;
        Some(format!("{}: {}", of.asset_kind().word(), say_duration(chrono::TimeDelta::seconds(seconds))))
    };
    let grace: Vec<String> = kind.deletion.iter().filter_map(grace).collect();
    let (name, deletion, grace) = (format!("`{}`", kind.name), deletion.join(", "), grace.join(", "));
    row(&[&name, &kind.title, &lives, &deletion, &grace, lock, &kind.list, &kind.way_out, &kind.smallest])
}

fn row(cells: &[&str]) -> String {
    let safe: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|").replace('<', "&lt;")).collect();
    format!("| {} |", safe.join(" | "))
}
