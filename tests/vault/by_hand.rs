//! The page's own commands restore what a vault holds, with the tools the page names and no others.

use super::sealed::Sealed;
use super::support::{Place, chmod, flip, noise, repaired, run};
use crate::hand::{self, fs};
use outlive::vault::format::PackRole;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

pub const PAGE: &str = include_str!("../../docs/vault-format.md");
pub const TOOLS: [&str; 6] = ["sh", "zstd", "jq", "sha256sum", "head", "tail"];
pub const MORE_FOR_TREES: [&str; 4] = ["mkdir", "ln", "chmod", "touch"];

/// The `sh` blocks of the page: those for a file, and those for a tree.
pub fn blocks() -> (String, String) {
    blocks_of(PAGE)
}

/// The same of a page as it was once.
pub fn blocks_of(page: &str) -> (String, String) {
    let (file, rest) = page.split_once("### A whole tree").unwrap();
    let (tree, others) = rest.split_once("\n## ").unwrap();
    let tree = tree.split("### Who made a point").next().unwrap();
    let sh = |text: &str| -> String {
        text.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap()).collect()
    };
    assert_eq!(sh(others), "", "commands elsewhere on the page are not tested");
    (sh(file), sh(tree))
}

/// The page's commands that restore a tree; needs `ROOT` and `OUT`.
pub fn tree_script() -> String {
    let (file, tree) = blocks();
    let functions = file.split("restore_file \"$ROOT\"").next().unwrap();
    format!("{functions}\n{tree}\nrestore_tree \"$ROOT\"\n")
}

/// Runs a script that restores a tree in a world where only what it needs exists, with this shell.
pub fn by_hand_in(place: &Place, script: &str, shell: &str, settings: &[(&str, &str)]) -> Output {
    let tools: Vec<&str> = TOOLS.into_iter().chain(MORE_FOR_TREES).chain([shell]).collect();
    run_in(shell, place, script, &tools, settings)
}

/// Runs a script in a world where only `tools` exist.
pub fn by_hand(place: &Place, script: &str, tools: &[&str], settings: &[(&str, &str)]) -> Output {
    run_in("sh", place, script, tools, settings)
}

fn run_in(shell: &str, place: &Place, script: &str, tools: &[&str], settings: &[(&str, &str)]) -> Output {
    let bin = hand::TempDir::new();
    for tool in tools {
        let found = run("sh", &["-c", &format!("command -v {tool}")]);
        symlink(fs::canonicalize(found.trim()).unwrap(), bin.path().join(tool)).unwrap();
    }
    let file = bin.path().join("restore.txt");
    fs::write(&file, script).unwrap();
    let mut shell = Command::new(bin.path().join(shell));
    shell.arg(&file).env_clear().env("PATH", bin.path()).env("VAULT", place.path("vault"));
    hand::output(shell.envs(settings.iter().copied()).current_dir(bin.path())).unwrap()
}

fn restore_file(place: &Place, root: &str, file: &str, out: &Path) -> Output {
    let settings = [("ROOT", root), ("FILE", file), ("OUT", out.to_str().unwrap())];
    by_hand(place, &blocks().0, &TOOLS, &settings)
}

#[track_caller]
pub fn assert_success(output: &Output) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{:?}: {errors}", output.status);
    assert_eq!(errors, "", "the page's commands complain");
}

/// A large file with holes, zeros and a tail that fills no block; more runs than an entry holds.
fn database() -> Vec<u8> {
    let mut bytes = noise(11, 70 * 1024 * 1024 + 777);
    bytes[5_000_000..9_000_000].fill(0);
    bytes[30_000_000..30_000_500].fill(0);
    let end = bytes.len();
    bytes[end - 3_000_000..end - 10].fill(0);
    bytes
}

pub fn make_volume(volume: &Path) {
    fs::create_dir_all(volume.join("a folder/with  two spaces")).unwrap();
    fs::write(volume.join("a folder/with  two spaces/it's $HOME \"here\".txt"), "spaces\n").unwrap();
    fs::write(volume.join("small"), "small\n").unwrap();
    fs::write(volume.join("none"), "").unwrap();
    fs::write(volume.join("new\nline\n"), "line\n").unwrap();
    fs::write(volume.join("back\\slash"), "slash\\n").unwrap();
    fs::hard_link(volume.join("small"), volume.join("zz small")).unwrap();
    symlink("a folder/nowhere", volume.join("a link")).unwrap();
    chmod(&volume.join("small"), 0o4640);
    chmod(&volume.join("a folder"), 0o2750);
    run("touch", &["-d", "1969-07-20T20:17:40.123456789Z", volume.join("small").to_str().unwrap()]);
    run("touch", &["-d", "2001-02-03T04:05:06.7Z", volume.join("a folder").to_str().unwrap()]);
}

#[test]
fn the_vault_carries_this_very_page() {
    let place = Place::new();
    assert_eq!(fs::read_to_string(place.path("vault/README.md")).unwrap(), PAGE);
}

#[test]
fn small_files_come_back_by_hand_whatever_their_names() {
    let place = Place::new();
    let volume = place.path("volume");
    make_volume(&volume);
    for number in 0..3000 {
        fs::write(volume.join(format!("filler {number}")), noise(number, 40)).unwrap();
    }
    let report = place.copy(&volume);
    assert!(report.root.root.entries.level > 0, "the tree must have inner pages");
    let root = report.root.key.name();
    let names = [
        "small",
        "none",
        "zz small",
        "filler 2999",
        "back\\slash",
        "a folder/with  two spaces/it's $HOME \"here\".txt",
    ];
    for (number, name) in names.iter().enumerate() {
        let out = place.path(&format!("out {number}"));
        let output = restore_file(&place, root, name, &out);
        assert_success(&output);
        assert_eq!(fs::read(&out).unwrap(), fs::read(volume.join(name)).unwrap(), "{name}");
        let listed = String::from_utf8(output.stdout).unwrap();
        assert!(listed.contains(root) && listed.contains("test:/volume"), "{listed}");
        // As the program names it.
        assert!(listed.contains(&format!("id: {}\n", report.root.short())), "{listed}");
    }
    let again = restore_file(&place, root, "small", &place.path("out 0"));
    assert!(!again.status.success(), "what is there already was overwritten");
    let unknown = restore_file(&place, root, "no such file", &place.path("unknown"));
    assert!(!unknown.status.success() && !place.path("unknown").exists());
}

#[test]
fn a_large_file_with_holes_comes_back_by_hand_and_so_does_its_second_version() {
    let place = Place::new();
    let volume = place.path("volume");
    fs::create_dir(&volume).unwrap();
    let mut bytes = database();
    fs::write(volume.join("db"), &bytes).unwrap();
    let first = place.copy(&volume);
    let before = bytes.clone();
    bytes[66_000_000] ^= 1;
    bytes[6_000_000..6_000_100].fill(3);
    bytes.truncate(69 * 1024 * 1024 + 1);
    fs::write(volume.join("db"), &bytes).unwrap();
    let second = place.copy(&volume);
    for (report, expected, name) in [(&first, &before, "one"), (&second, &bytes, "two")] {
        let out = place.path(name);
        assert_success(&restore_file(&place, report.root.key.name(), "db", &out));
        assert!(fs::read(&out).unwrap() == *expected, "{name} differs");
    }
    let data = first.packs.iter().max_by_key(|line| line.bytes).unwrap();
    flip(&place.path(&format!("vault/packs/{}", data.pack.0)), 20_000_000);
    let output = restore_file(&place, first.root.key.name(), "db", &place.path("flipped"));
    assert!(!output.status.success());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains(&*format!("damaged: packs/{}", data.pack.0)), "{errors}");
}

#[test]
fn an_image_comes_back_by_hand() {
    let place = Place::new();
    let image = place.path("disk.img");
    let mut bytes = noise(4, 2_000_000);
    bytes[70_000..1_000_000].fill(0);
    fs::write(&image, &bytes).unwrap();
    let report = place.copy(&image);
    assert_success(&restore_file(&place, report.root.key.name(), "", &place.path("out")));
    assert!(fs::read(place.path("out")).unwrap() == bytes);
}

#[test]
fn a_flipped_byte_anywhere_it_matters_fails_a_restore_by_hand() {
    let place = Place::new();
    let volume = place.path("volume");
    fs::create_dir(&volume).unwrap();
    fs::write(volume.join("small"), noise(3, 100)).unwrap();
    let report = place.copy(&volume);
    let root = report.root.key.name();
    let entries = &report.root.root.entries.frame;
    let data = report.packs.iter().find(|line| line.pack != entries.pack && line.bytes < 200).unwrap();
    // The digest and the middle of the root, the page of entries, the frame of the file.
    let spots = [
        (format!("vault/{}", report.root.key), 120),
        (format!("vault/{}", report.root.key), 900),
        (format!("vault/packs/{}", entries.pack.0), entries.at + u64::from(entries.length) / 2),
        (format!("vault/packs/{}", data.pack.0), data.bytes / 2),
    ];
    for (number, (object, at)) in spots.into_iter().enumerate() {
        let out = place.path(&format!("out {number}"));
        flip(&place.path(&object), at);
        let output = restore_file(&place, root, "small", &out);
        assert!(!output.status.success(), "{object} at {at} went unnoticed");
        flip(&place.path(&object), at);
        fs::remove_file(&out).ok();
        assert_success(&restore_file(&place, root, "small", &out));
    }
}

#[test]
fn a_whole_tree_comes_back_by_hand() {
    let place = Place::new();
    let volume = place.path("volume");
    make_volume(&volume);
    let report = place.copy(&volume);
    let tools: Vec<&str> = TOOLS.into_iter().chain(MORE_FOR_TREES).collect();
    let out = place.path("tree");
    let settings = [("ROOT", report.root.key.name()), ("FILE", "small"), ("OUT", out.to_str().unwrap())];
    let script = tree_script();
    assert_success(&by_hand(&place, &script, &tools, &settings));
    let (a, b) = (format!("{}/", volume.display()), format!("{}/", out.display()));
    assert_eq!(run("diff", &["-r", "--no-dereference", &a, &b]), "");
    // Owners are not given back by hand.
    let left = run("rsync", &["-rlpHnci", "--delete", "--times", &a, &b]);
    assert_eq!(left, "", "rsync sees differences");
}

#[test]
fn a_repaired_point_comes_back_by_hand() {
    let place = Place::new();
    let volume = place.path("volume");
    make_volume(&volume);
    let report = place.copy(&volume);
    let packs = report.packs.iter().filter(|line| line.role == PackRole::Data);
    packs.for_each(|line| {
        fs::remove_file(place.path("vault").join(line.pack.pack().unwrap().as_str())).unwrap()
    });
    let by = repaired(&place, &volume);
    let tools: Vec<&str> = TOOLS.into_iter().chain(MORE_FOR_TREES).collect();
    let (out, script) = (place.path("tree"), tree_script());
    let settings = [("ROOT", by.key.name()), ("FILE", "small"), ("OUT", out.to_str().unwrap())];
    assert_success(&by_hand(&place, &script, &tools, &settings));
    assert_eq!(run("diff", &["-r", "--no-dereference", volume.to_str().unwrap(), out.to_str().unwrap()]), "");
    let former = [("ROOT", report.root.key.name()), ("FILE", "small"), ("OUT", "/nowhere")];
    assert!(!by_hand(&place, &script, &tools, &former).status.success(), "the old root is damaged");
}

#[test]
fn a_stream_is_restored_by_hand_too() {
    let place = Place::new();
    let mut bytes = noise(21, 3_000_001);
    bytes[500_000..1_700_000].fill(0);
    let copied = super::stream::pipe(&place, bytes.clone()).unwrap();
    let root = copied.root.key.as_str();
    let out = place.path("by-hand");
    assert_success(&restore_file(&place, root.strip_prefix("roots/").unwrap(), "", &out));
    assert_eq!(std::fs::read(out).unwrap(), bytes);
}

#[test]
fn an_encrypted_vault_comes_back_by_hand_for_each_reader_and_for_nobody_else() {
    let sealed = Sealed::new();
    let place = &sealed.place;
    let volume = place.path("volume");
    make_volume(&volume);
    fs::write(volume.join("db"), &database()[..9_000_001]).unwrap();
    let report = place.copy(&volume);
    let root = report.root.key.name();
    let (file, tree) = blocks();
    let whole = format!("{file}\nrm_nothing=\n{tree}\nrestore_tree \"$ROOT\"\n");
    let tools: Vec<&str> = TOOLS.into_iter().chain(MORE_FOR_TREES).chain(["age", "mv"]).collect();
    for (number, reader) in sealed.readers.iter().enumerate() {
        let (work, out) = (place.path(&format!("work {number}")), place.path(&format!("tree {number}")));
        fs::create_dir(&work).unwrap();
        let script = whole
            .replace("restore_file \"$ROOT\" \"$FILE\" \"$OUT\" && printf 'restored: %s\\n' \"$OUT\"", ":");
        let settings = [
            ("ROOT", root),
            ("OUT", out.to_str().unwrap()),
            ("IDENTITY", reader.to_str().unwrap()),
            ("WORK", work.to_str().unwrap()),
        ];
        let output = by_hand(place, &script, &tools, &settings);
        assert_success(&output);
        assert!(String::from_utf8_lossy(&output.stdout).contains("test:/volume"));
        run("diff", &["-r", "--no-dereference", volume.to_str().unwrap(), out.to_str().unwrap()]);
    }
    let (stranger, _) = super::sealed::reader(place.temp.path(), "stranger.key");
    let work = place.path("work of a stranger");
    fs::create_dir(&work).unwrap();
    let out = place.path("nothing");
    let paths = [stranger, place.path("no.key"), sealed.readers[0].clone(), work, place.path("no work")];
    let [stranger, missing, reader, work, nowhere] = paths.each_ref().map(|path| path.to_str().unwrap());
    for (identity, work, complaint) in [
        (stranger, work, "opens nothing in this vault"),
        (missing, work, "no file is at"),
        ("", work, "this vault is encrypted"),
        (reader, nowhere, "WORK must name an empty directory"),
    ] {
        let settings = [
            ("ROOT", root),
            ("FILE", "small"),
            ("OUT", out.to_str().unwrap()),
            ("IDENTITY", identity),
            ("WORK", work),
        ];
        let output = by_hand(place, &file, &tools, &settings);
        assert!(!output.status.success() && !out.exists());
        // A key that is not right is no damage.
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(complaint) && !said.contains("damaged"), "{identity}: {said}");
    }
}

/// A tree restored by hand with this key and no other; what the commands print.
fn tree_by_hand(sealed: &Sealed, root: &str, identity: &Path, name: &str) -> Output {
    let place = &sealed.place;
    let (file, tree) = blocks();
    let only = "restore_file \"$ROOT\" \"$FILE\" \"$OUT\" && printf 'restored: %s\\n' \"$OUT\"";
    assert!(file.contains(only));
    let script = format!("{}\n{tree}\nrestore_tree \"$ROOT\"\n", file.replace(only, ":"));
    let tools: Vec<&str> = TOOLS.into_iter().chain(MORE_FOR_TREES).chain(["age", "mv"]).collect();
    let (work, out) = (place.path(&format!("work of {name}")), place.path(name));
    fs::create_dir(&work).unwrap();
    let settings = [
        ("ROOT", root),
        ("OUT", out.to_str().unwrap()),
        ("IDENTITY", identity.to_str().unwrap()),
        ("WORK", work.to_str().unwrap()),
    ];
    by_hand(place, &script, &tools, &settings)
}

#[test]
fn points_of_both_epochs_come_back_by_hand_for_their_readers_and_for_one_that_was_added() {
    let sealed = Sealed::new();
    let place = &sealed.place;
    let volume = place.path("volume");
    make_volume(&volume);
    let old = place.copy(&volume);
    let before = place.path("before");
    run("cp", &["-a", volume.to_str().unwrap(), before.to_str().unwrap()]);
    let (added, to_added) = super::sealed::reader(place.temp.path(), "added.key");
    let (late, to_late) = super::sealed::reader(place.temp.path(), "late.key");
    sealed.as_reader(0).add_reader(&to_added, chrono::Utc::now()).unwrap();
    let begun = sealed.as_reader(0).begin_epoch(vec![to_added, to_late], chrono::Utc::now()).unwrap();
    fs::write(volume.join("new"), "of the new epoch").unwrap();
    let keys = outlive::vault::VaultKeys { epoch: Some(begun.epoch), ..Default::default() };
    let new = super::support::copy_into(&sealed.opened(&keys), &volume, &outlive::domain::Silent).unwrap();
    for (report, original, name) in [(&old, &before, "old by hand"), (&new, &volume, "new by hand")] {
        let output = tree_by_hand(&sealed, report.root.key.name(), &added, name);
        assert_success(&output);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.matches("test:/volume").count() == 2 && !said.contains("LATE"), "{said}");
        let out = place.path(name);
        run("diff", &["-r", "--no-dereference", original.to_str().unwrap(), out.to_str().unwrap()]);
    }
    // Who reads one epoch alone gets that, and is told of the other.
    for (identity, mine, other, name) in
        [(&late, &new, &old, "late"), (&sealed.readers[1], &old, &new, "left out")]
    {
        let output = tree_by_hand(&sealed, mine.root.key.name(), identity, name);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            told.contains("an epoch that you do not read") && told.contains(other.root.key.name()),
            "{told}"
        );
        let refused = tree_by_hand(&sealed, other.root.key.name(), identity, &format!("{name} never"));
        assert!(!refused.status.success());
    }
    // What came after the epoch had ended is told.
    let epochs = place.path("vault/epochs");
    fs::rename(&epochs, place.path("hidden")).unwrap();
    let forged = super::support::copy_into(&sealed.as_copier(), &volume, &outlive::domain::Silent).unwrap();
    fs::rename(place.path("hidden"), &epochs).unwrap();
    fs::write(epochs.join("junk"), "junk").unwrap();
    let output = tree_by_hand(&sealed, new.root.key.name(), &added, "beside a forged one");
    assert_success(&output);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let late: Vec<&str> = said.lines().filter(|line| line.starts_with("LATE")).collect();
    assert!(late.len() == 1 && late[0].contains(forged.root.key.name()), "{said}");
}
