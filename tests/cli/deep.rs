//! A tree so deep that its paths together are large: nothing keeps the whole path of every directory above.

use super::many::write_pack;
use super::place::{Place, names, tool};
use super::run::{Ended, binary};
use outlive::store::Key;
use outlive::vault::format::{Entry, PackRole, PageHeader, PageKind, PageRef, Root};
use outlive::vault::{Entries, Vault};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

/// The paths of all directories together have about 81 MB.
const DEPTH: usize = 9_000;
const LINES: usize = 100;
const MEMORY: &str = "--data=33554432";
/// More than there are levels: the limit to be met is that of memory.
const FILES: &str = "--nofile=1024:20000";

/// The first entry of the newest point: its root.
fn first_entry(vault: &Path, root: &Root) -> Entry {
    let store = outlive::store::DirStore::open(vault).unwrap();
    let opened = Vault::open(std::sync::Arc::new(store)).unwrap();
    Entries::new(&opened, PageKind::Entries, &root.entries).next_line().unwrap().unwrap()
}

fn page(
    vault: &Path,
    number: usize,
    level: u8,
    lines: &[String],
) -> (outlive::vault::format::PackLine, PageRef) {
    let mut page = PageHeader::line(PageKind::Entries, level).unwrap();
    lines.iter().for_each(|line| page.extend([line.as_bytes(), b"\n"].concat()));
    let (line, page) = write_pack(vault, &format!("deep-{level}-{number:04}"), PackRole::Tree, &page);
    (line, PageRef { level, ..page })
}

/// A vault whose only point is one directory in another, so many times.
fn deep_vault(place: &Place) -> PathBuf {
    let (data, vault) = (place.file("data/a", "content"), place.path("vault"));
    place.outlive(&[&"copy", &data.parent().unwrap(), &"--vault", &vault]).end().expect(0);
    let key = format!("roots/{}", names(&vault.join("roots"))[0].to_str().unwrap());
    let mut root = Root::open(&Key::new(&*key).unwrap(), &fs::read(vault.join(&key)).unwrap()).unwrap();
    let mut entry = first_entry(&vault, &root);
    let (mut lines, mut packs, mut children) = (Vec::new(), Vec::new(), Vec::new());
    for depth in 0..DEPTH {
        lines.push(serde_json::to_string(&entry).unwrap());
        let slash: &[u8] = if depth == 0 { b"" } else { b"/" };
        entry.path.0.extend([slash, b"d"].concat());
        if lines.len() == LINES {
            let (line, child) = page(&vault, children.len(), 0, &lines);
            packs.push(line);
            children.push(serde_json::to_string(&child).unwrap());
            lines.clear();
        }
    }
    let (line, top) = page(&vault, 0, 1, &children);
    packs.push(line);
    packs.sort_by(|a, b| a.pack.cmp(&b.pack));
    let mut list = PageHeader::line(PageKind::Packs, 0).unwrap();
    packs.iter().for_each(|line| list.extend([&serde_json::to_vec(line).unwrap()[..], b"\n"].concat()));
    let (line, list) = write_pack(&vault, "list", PackRole::Tree, &list);
    (root.entries, root.packs, root.list_packs) = (top, list, vec![line]);
    root.key = "roots/deep".into();
    fs::remove_file(vault.join(key)).unwrap();
    fs::write(vault.join(&root.key), root.seal().unwrap()).unwrap();
    vault
}

fn bounded(place: &Place, arguments: &[&dyn AsRef<OsStr>]) -> Ended {
    let bounds = ["timeout", "--signal=KILL", "300", "prlimit", MEMORY, FILES, "--"];
    let mut program: Vec<OsString> = bounds.map(OsString::from).to_vec();
    program.extend([binary().into(), "--state".into(), place.path("other-state").into()]);
    program.extend(arguments.iter().map(|argument| argument.as_ref().to_owned()));
    place.recorded(program).end()
}

#[test]
fn a_tree_of_great_depth_takes_no_memory_for_the_paths_above() {
    let place = Place::new();
    let vault = deep_vault(&place);
    let json = bounded(&place, &[&"verify", &vault, &"--format", &"json"]).expect(0).json("verify");
    assert_eq!(json["points"].as_array().unwrap().len(), 1);
    // No path of the system leads so deep, so that what is restored cannot be compared: said, not claimed.
    let target = place.path("target");
    let restore = bounded(&place, &[&"restore", &"--vault", &vault, &"--to", &target]);
    // Deeper than what removes a temporary directory can go.
    tool("rm", &["-rf".as_ref(), target.as_os_str()]);
    let restore = restore.expect(1).complains("File name too long");
    assert!(!restore.stdout.contains("identical"), "{}", restore.stdout);
}
