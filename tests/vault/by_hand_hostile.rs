//! Vaults made to harm whoever reads them by hand: nothing in one is ever a command, nor a way out of the target.

use super::by_hand::{PAGE, assert_success, blocks_of, by_hand_in, tree_script};
use super::forge::{Forge, Forged, entry, file, json, link};
use crate::hand::fs;
use outlive::vault::format::{Content, EntryKind, Frame, PackKey, PageKind, Run};

/// Runs the page's commands for a tree in each shell there is, and sees that they fail and leave nothing behind.
#[track_caller]
fn assert_refused(forged: &Forged, case: &str) {
    for shell in ["dash", "bash"] {
        let output = restored(forged, shell, "target");
        assert!(!output.status.success(), "{case}, {shell}: {output:?}");
        forged.assert_nothing_escaped(case);
        fs::remove_dir_all(forged.cage.join("target")).ok();
    }
}

fn restored(forged: &Forged, shell: &str, name: &str) -> std::process::Output {
    let out = forged.cage.join(name);
    // Words of a hostile object reach the shell where it stands: in the cage.
    let script = format!("cd '{}' || exit 9\n{}", forged.cage.display(), tree_script());
    let settings = [("ROOT", "forged"), ("OUT", out.to_str().unwrap())];
    by_hand_in(&forged.place, &script, shell, &settings)
}

/// What a shell that takes a word for more than a name would do.
const WORDS: [&str; 5] =
    ["p x[$(touch escaped)] 5 ", "x[$(touch escaped)]", "$(touch escaped)", "p\n5 touch escaped", "* *"];

#[test]
fn a_forged_tree_without_malice_comes_back_by_hand() {
    let mut forge = Forge::new();
    let run = forge.content(b"fine");
    let pages = forge.page(PageKind::Runs, 0, &[json(&run)]);
    let paged =
        outlive::vault::format::Entry { content: Some(Content::Pages(pages)), ..file("d", 4, vec![]) };
    let entries = [
        entry("a", EntryKind::Dir),
        file("a/b", 9, vec![run]),
        link("c", EntryKind::Symlink, "a/b"),
        paged,
        link("e", EntryKind::Hardlink, "a/b"),
    ];
    let leaf = forge.leaf(&entries);
    let forged = forge.finish(leaf);
    for shell in ["dash", "bash"] {
        let output = restored(&forged, shell, "target");
        assert_success(&output);
        let read = |name: &str| fs::read(forged.cage.join("target").join(name)).unwrap();
        assert_eq!(["a/b", "c", "e"].map(read), [(); 3].map(|()| b"fine\0\0\0\0\0".to_vec()));
        assert_eq!(read("d"), b"fine");
        fs::remove_dir_all(forged.cage.join("target")).unwrap();
    }
}

#[test]
fn names_of_packs_are_no_commands() {
    for word in WORDS {
        let pack = || PackKey(word.into());
        let frame = |frame: Frame| Frame { pack: pack(), ..frame };
        let mut forge = Forge::new();
        let sound = forge.content(b"fine");
        let hostile = Run { frame: frame(sound.frame.clone()), ..sound.clone() };
        let leaf = forge.leaf(&[file("a", 4, vec![hostile.clone()])]);
        assert_refused(&forge.finish(leaf), &format!("a run in {word:?}"));

        let mut forge = Forge::new();
        let mut pages = forge.page(PageKind::Runs, 0, &[json(&sound)]);
        pages.frame = frame(pages.frame);
        let paged =
            outlive::vault::format::Entry { content: Some(Content::Pages(pages)), ..file("a", 4, vec![]) };
        let leaf = forge.leaf(&[paged]);
        assert_refused(&forge.finish(leaf), &format!("a page of runs in {word:?}"));

        let mut forge = Forge::new();
        let mut leaf = forge.leaf(&[file("a", 0, vec![])]);
        leaf.frame = frame(leaf.frame);
        assert_refused(&forge.finish(leaf), &format!("a page of entries in {word:?}"));
    }
}

#[test]
fn digests_modes_and_times_are_no_commands() {
    let word = json(&WORDS[0]);
    for (field, value) in
        [("sha256", &word), ("mode", &word), ("mtime", &json(&"1.000000000 x[$(touch escaped)]"))]
    {
        let mut forge = Forge::new();
        let run = forge.content(b"fine");
        let sound = json(&file("a", 4, vec![run.clone()]));
        let known = match field {
            "sha256" => json(&run.chunks[0].sha256()),
            "mode" => json(&"0644"),
            _ => json(&"1000000000.000000005"),
        };
        let line = sound.replace(&known, value);
        assert_ne!(line, sound, "{field}");
        let lines = [json(&entry("", EntryKind::Dir)), line];
        let leaf = forge.page(PageKind::Entries, 0, &lines);
        assert_refused(&forge.finish(leaf), field);
    }
}

#[test]
fn hard_links_that_name_each_other_end() {
    let mut forge = Forge::new();
    let leaf = forge.leaf(&[link("a", EntryKind::Hardlink, "b"), link("b", EntryKind::Hardlink, "b")]);
    let forged = forge.finish(leaf);
    let out = forged.cage.join("target");
    for file in ["a", "b"] {
        let settings = [("ROOT", "forged"), ("FILE", file), ("OUT", out.to_str().unwrap())];
        let output = by_hand_in(&forged.place, &blocks_of(PAGE).0, "dash", &settings);
        assert_eq!(String::from_utf8_lossy(&output.stderr), "damaged: the tree of forged\n", "{file}");
        assert!(!output.status.success() && !out.exists(), "{file}");
    }
}

#[test]
fn no_link_leads_out_of_the_target() {
    for target in ["../secret", "a/../../secret", "/../secret"] {
        let mut forge = Forge::new();
        let leaf = forge.leaf(&[entry("a", EntryKind::Dir), link("b", EntryKind::Hardlink, target)]);
        assert_refused(&forge.finish(leaf), target);
    }
    // What is to be written behind a symbolic link is written before there is any.
    let mut forge = Forge::new();
    let outside = forge.place.path("cage");
    let run = forge.content(b"fine");
    let entries = [link("a", EntryKind::Symlink, outside.to_str().unwrap()), file("a/secret", 4, vec![run])];
    let leaf = forge.leaf(&entries);
    assert_refused(&forge.finish(leaf), "a file behind a symbolic link");
}

/// Lines of JSON, the hostile one before sound ones: what a parser passes over must not be taken for what comes next.
#[test]
fn what_comes_behind_a_line_that_is_none_is_no_command_and_nothing_is_left_out_without_a_word() {
    let word = "0 p a[$(touch escaped)] 5 0 4 4 x";
    let mut sound = Forge::new();
    let run = sound.content(b"fine");
    let first = json(&file("a", 4, vec![run.clone()]));
    let second = json(&file("b", 4, vec![run.clone()]));
    let odd = [
        first.replace("\"0644\"", "\"no mode\""),
        first.replace("\"1000000000.000000005\"", "\"never\""),
        first.replace("\"path\":\"a\"", "\"path\":5"),
        first.replace(&json(&run.chunks[0].sha256()), &json(&word)),
        "\"end\"".to_owned(),
        "end".to_owned(),
        format!("{first} \"end\""),
        "{".to_owned(),
    ];
    for odd in odd {
        assert_ne!(odd, first);
        let mut forge = Forge::new();
        forge.content(b"fine");
        let hostile = json(&link(word, EntryKind::Symlink, word));
        let lines = [json(&entry("", EntryKind::Dir)), odd.clone(), hostile, second.clone()];
        let leaf = forge.page(PageKind::Entries, 0, &lines);
        assert_refused(&forge.finish(leaf), &odd);
    }
    let line = json(&run);
    for odd in
        ["\"end\"".to_owned(), format!("{line} \"end\""), line.replace("\"offset\":\"0\"", "\"offset\":[]")]
    {
        let mut forge = Forge::new();
        let run = forge.content(b"fine");
        let pages = forge.page(PageKind::Runs, 0, &[odd.clone(), json(&run)]);
        let paged =
            outlive::vault::format::Entry { content: Some(Content::Pages(pages)), ..file("a", 4, vec![]) };
        let leaf = forge.leaf(&[paged]);
        assert_refused(&forge.finish(leaf), &format!("runs: {odd}"));
    }
}
