//! Vaults made to harm whoever reads them: refused or reported, nothing written outside the target, no memory
//! taken that the format does not allow, no end that never comes.

use super::forge::{Forge, Forged, entry, file, json, link};
use outlive::domain::{ByteName, Kind};
use outlive::vault::RestoreOptions;
use outlive::vault::format::{
    Chunk, Content, Digest, Entry, EntryKind, Frame, PackKey, PageKind, PageRef, Run,
};

const DESPITE: RestoreOptions = RestoreOptions { devices: false, despite_damage: true };

/// The largest resident size of this process so far, in bytes.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

/// Refused by restore, with nothing outside the target; `verify` reports it where `seen` says so.
#[track_caller]
fn assert_refused(forged: &Forged, case: &str, seen: bool) {
    let problem = forged.restore("target", RestoreOptions::default()).expect_err(case);
    assert!(matches!(problem.kind, Kind::Damaged | Kind::Io | Kind::Refused), "{case}: {problem:?}");
    forged.assert_nothing_escaped(case);
    // However it ends, it ends, and stays inside.
    drop(forged.restore("despite", DESPITE));
    forged.assert_nothing_escaped(case);
    let report = forged.verify();
    let noticed = report.as_ref().map_or(true, |report| !report.damage.is_empty() && report.sound.is_empty());
    assert_eq!(noticed, seen, "{case}: verify: {report:?}");
    assert!(peak_memory() < 1 << 30, "{case}: {} bytes of memory", peak_memory());
}

fn forged_entries(entries: &[Entry]) -> Forged {
    let mut forge = Forge::new();
    let leaf = forge.leaf(entries);
    forge.finish(leaf)
}

#[test]
fn a_forged_vault_without_malice_restores() {
    let mut forge = Forge::new();
    let run = forge.content(b"fine");
    let entries =
        [entry("a", EntryKind::Dir), file("a/b", 9, vec![run]), link("c", EntryKind::Symlink, "a/b")];
    let leaf = forge.leaf(&entries);
    let forged = forge.finish(leaf);
    forged.restore("target", RestoreOptions::default()).unwrap();
    assert_eq!(std::fs::read(forged.cage.join("target/a/b")).unwrap(), b"fine\0\0\0\0\0");
    assert!(forged.verify().unwrap().damage.is_empty());
}

#[test]
fn no_path_leaves_the_target() {
    for path in ["../escape", "..", "/escape", "a/../../escape", "a//b", "./escape", "a/", "a\0b", "a/.."] {
        assert_refused(&forged_entries(&[entry("a", EntryKind::Dir), file(path, 0, vec![])]), path, true);
    }
    let absolute = Forge::new();
    let outside = absolute.place.path("cage/escape");
    let mut absolute = absolute;
    let leaf = absolute.leaf(&[file(outside.to_str().unwrap(), 0, vec![])]);
    assert_refused(&absolute.finish(leaf), "an absolute path", true);
}

#[test]
fn no_file_is_written_through_a_link() {
    for target in ["..", "../", "../secret", "/"] {
        let to = link("a", EntryKind::Symlink, target);
        let through = [to.clone(), file("a/escape", 0, vec![])];
        assert_refused(&forged_entries(&through), "a file through a link", true);
        let replaced = [to.clone(), entry("a", EntryKind::Dir), file("a/escape", 0, vec![])];
        assert_refused(&forged_entries(&replaced), "a directory in place of a link", true);
        let hard = [to, link("b", EntryKind::Hardlink, "a/secret")];
        assert_refused(&forged_entries(&hard), "a hard link through a link", false);
    }
}

#[test]
fn no_hard_link_leads_out_of_the_target() {
    for target in ["../secret", "/etc/hostname", "a/../../secret", "", ".", "missing", "a"] {
        let entries = [entry("a", EntryKind::Dir), link("b", EntryKind::Hardlink, target)];
        assert_refused(&forged_entries(&entries), target, false);
    }
}

#[test]
fn a_tree_out_of_shape_is_refused() {
    let plain = |path: &str| file(path, 0, vec![]);
    assert_refused(&forged_entries(&[plain("b"), plain("a")]), "out of order", true);
    assert_refused(&forged_entries(&[plain("a"), plain("a")]), "twice the same", true);
    assert_refused(&forged_entries(&[plain("a/b")]), "no directory", true);
    assert_refused(&forged_entries(&[plain("a"), plain("a/b")]), "a file as a directory", true);
    assert_refused(&forged_entries(&[entry("", EntryKind::Dir)]), "two roots", true);
    let mut forge = Forge::new();
    let leaf = forge.page(PageKind::Entries, 0, &[json(&plain("a"))]);
    assert_refused(&forge.finish(leaf), "no root", true);
    let mut forge = Forge::new();
    let leaf = forge.page(PageKind::Entries, 0, &[json(&link("", EntryKind::Symlink, "/"))]);
    // A link as the whole volume is strange rather than damaged, but nothing is made of it.
    assert_refused(&forge.finish(leaf), "a link as root", false);
    let mut forge = Forge::new();
    let empty = forge.page(PageKind::Entries, 0, &[]);
    assert!(forge.finish(empty).restore("target", RestoreOptions::default()).is_err(), "nothing at all");
}

#[test]
fn runs_that_overlap_or_reach_beyond_their_file_are_refused() {
    type Shape = fn(Run) -> (u64, Vec<Run>);
    let shapes: [(&str, Shape); 6] = [
        ("beyond the file", |run| (3, vec![run])),
        ("far beyond", |run| (10, vec![Run { offset: u64::MAX, ..run }])),
        ("up to the largest offset", |run| (u64::MAX, vec![Run { offset: u64::MAX - 2, ..run }])),
        ("overlapping", |run| (99, vec![run.clone(), Run { offset: 2, ..run }])),
        ("backward", |run| (99, vec![Run { offset: 50, ..run.clone() }, run])),
        ("without chunks", |run| (99, vec![Run { chunks: Vec::new(), ..run }])),
    ];
    for (case, shape) in shapes {
        let mut forge = Forge::new();
        let run = forge.content(b"four");
        let (size, runs) = shape(run.clone());
        let leaf = forge.leaf(&[file("a", size, runs)]);
        assert_refused(&forge.finish(leaf), case, true);
        let mut forge = Forge::new();
        let run = forge.content(b"four");
        let (size, runs) = shape(run);
        let lines: Vec<String> = runs.iter().map(json).collect();
        let page = forge.page(PageKind::Runs, 0, &lines);
        let content = Some(Content::Pages(page));
        let leaf = forge.leaf(&[Entry { content, ..file("a", size, vec![]) }]);
        assert_refused(&forge.finish(leaf), case, true);
    }
}

#[test]
fn absurd_sizes_take_no_memory() {
    let frame = |at, length| Frame { pack: PackKey("forged-data".into()), at, length };
    let chunk = Chunk(4, Digest::of(b"four"));
    let shapes = [
        (frame(0, u32::MAX), 0, chunk),
        (frame(u64::MAX, 10), 0, chunk),
        (frame(1 << 62, 10), 0, chunk),
        (frame(0, 0), 0, chunk),
        (frame(0, 13), u32::MAX, chunk),
        (frame(0, 13), 0, Chunk(u32::MAX, chunk.sha256())),
        (Frame { pack: PackKey("../../cage/secret".into()), at: 0, length: 6 }, 0, chunk),
        (Frame { pack: PackKey("missing".into()), at: 0, length: 6 }, 0, chunk),
    ];
    for (frame, skip, chunk) in shapes {
        let case = format!("{frame:?} {skip} {chunk:?}");
        let mut forge = Forge::new();
        forge.content(b"four");
        let run = Run { offset: 0, frame, skip, chunks: vec![chunk] };
        let leaf = forge.leaf(&[file("a", 1 << 40, vec![run])]);
        assert_refused(&forge.finish(leaf), &case, true);
    }
    assert!(forged_entries(&[file("a", u64::MAX, vec![])]).restore("target", DESPITE).is_err());
}

#[test]
fn absurd_pages_take_no_memory() {
    type Shape = fn(PageRef) -> PageRef;
    let shapes: [(&str, Shape); 6] = [
        ("bytes", |page| PageRef { bytes: u32::MAX, ..page }),
        ("fewer bytes", |page| PageRef { bytes: page.bytes - 1, ..page }),
        ("level", |page| PageRef { level: 1, ..page }),
        ("digest", |page| PageRef { sha256: Digest::of(b""), ..page }),
        ("length", |page| PageRef { frame: Frame { length: u32::MAX, ..page.frame }, ..page }),
        ("at", |page| PageRef { frame: Frame { at: u64::MAX, ..page.frame }, ..page }),
    ];
    for (case, shape) in shapes {
        let mut forge = Forge::new();
        let leaf = forge.leaf(&[]);
        assert_refused(&forge.finish(shape(leaf)), case, true);
        let mut forge = Forge::new();
        let leaf = forge.leaf(&[]);
        let top = forge.page(PageKind::Entries, 1, &[json(&shape(leaf))]);
        assert_refused(&forge.finish(top), case, true);
    }
    let mut forge = Forge::new();
    let runs = forge.page(PageKind::Runs, 0, &[json(&entry("", EntryKind::Dir))]);
    assert_refused(&forge.finish(runs), "a page of another kind", true);
}

#[test]
fn no_tree_of_pages_is_endless() {
    // Sixty levels, each naming the page below twice: 2^60 pages to read.
    let double = |forge: &mut Forge, bottom: PageRef, top: u8| {
        (1..=top)
            .fold(bottom, |page, level| forge.page(PageKind::Entries, level, &[json(&page), json(&page)]))
    };
    let mut forge = Forge::new();
    let empty = forge.page(PageKind::Entries, 0, &[]);
    let top = double(&mut forge, empty, 60);
    assert_refused(&forge.finish(top), "empty pages", true);
    let mut forge = Forge::new();
    let leaf = forge.leaf(&[]);
    let missing = PageRef { frame: Frame { pack: PackKey("missing".into()), ..leaf.frame }, ..leaf };
    let top = double(&mut forge, missing, 60);
    assert_refused(&forge.finish(top), "missing pages", true);
    let mut forge = Forge::new();
    let leaf = forge.leaf(&[file("a", 0, vec![])]);
    let top = double(&mut forge, leaf, 255);
    assert_refused(&forge.finish(top), "the same page for ever", true);
    let mut forge = Forge::new();
    let leaf = forge.leaf(&[]);
    let top = forge.page(PageKind::Entries, 1, &[json(&PageRef { level: 255, ..leaf })]);
    assert_refused(&forge.finish(top), "a level that cannot be", true);
    let mut forge = Forge::new();
    let hollow = forge.page(PageKind::Entries, 1, &[]);
    assert_refused(&forge.finish(hollow), "an inner page without children", true);
}

#[test]
fn a_list_of_packs_out_of_shape_is_refused() {
    let mut forge = Forge::new();
    let leaf = forge.leaf(&[]);
    let forged = forge.finish_with(leaf, |lines| lines.iter().cycle().take(9).cloned().collect());
    assert_refused(&forged, "the same packs for ever", true);
    let mut forge = Forge::new();
    let run = forge.content(b"four");
    let leaf = forge.leaf(&[file("a", 4, vec![run])]);
    let forged = forge.finish_with(leaf, |lines| lines[1..].to_vec());
    // Every byte is there and has its digest, so that restoring is no harm; verifying says it.
    assert!(forged.restore("target", RestoreOptions::default()).is_ok());
    assert!(!forged.verify().unwrap().damage.is_empty(), "a pack that the list does not name");
}

#[test]
fn a_frame_that_decodes_to_gigabytes_takes_no_memory() {
    let bomb = {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        let zeros = vec![0u8; 1 << 20];
        (0..2048).for_each(|_| std::io::Write::write_all(&mut encoder, &zeros).unwrap());
        encoder.finish().unwrap()
    };
    assert!(bomb.len() < 300_000, "{}", bomb.len());
    let zero = vec![0u8; 512 * 1024];
    let chunk = Chunk(512 * 1024, Digest::of(&zero));
    for count in [1, 4095] {
        let mut forge = Forge::new();
        let frame = forge.frame(&bomb, vec![chunk; count]);
        let run = Run { offset: 0, frame: frame.clone(), skip: 0, chunks: vec![chunk; count] };
        let leaf = forge.leaf(&[file("a", 4 << 30, vec![run])]);
        assert_refused(&forge.finish(leaf), "a bomb of content", true);
        let mut forge = Forge::new();
        let leaf = forge.leaf(&[]);
        let frame = Frame { pack: PackKey("forged-data".into()), ..forge.frame(&bomb, vec![chunk]) };
        assert_refused(&forge.finish(PageRef { frame, ..leaf }), "a bomb of a page", true);
    }
}

#[test]
fn strange_metadata_is_refused_or_harmless() {
    let shapes: [fn(&mut Entry); 7] = [
        |entry| entry.meta.mode = "99999".into(),
        |entry| entry.meta.mode = "-1".into(),
        |entry| entry.meta.mtime.nanoseconds = 4_000_000_000,
        |entry| entry.meta.mtime.seconds = i64::MIN,
        |entry| drop(entry.meta.xattrs.insert("user.\0".into(), "!!".into())),
        |entry| entry.target = Some(ByteName(vec![0])),
        |entry| entry.device = Some((u32::MAX, u32::MAX)),
    ];
    let kinds =
        [EntryKind::File, EntryKind::Dir, EntryKind::Symlink, EntryKind::Fifo, EntryKind::BlockDevice];
    for (number, shape) in shapes.iter().enumerate() {
        for kind in kinds {
            let mut strange = entry("a", kind);
            shape(&mut strange);
            let forged = forged_entries(&[strange]);
            drop(forged.restore("target", RestoreOptions::default()));
            drop(forged.restore("despite", DESPITE));
            drop(forged.verify());
            forged.assert_nothing_escaped(&format!("{number} {kind:?}"));
        }
    }
}
