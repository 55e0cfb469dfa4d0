//! Deleting a volume takes along what can be reached below it: through an overlay, or in a mount inside.

use super::place::{Place, tool};
use serde_json::Value;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// An overlay at `merged` over `lower`, with its `upper` directory.
fn overlay(place: &mut Place) -> PathBuf {
    let options = ["lower", "upper", "work"].map(|name| place.directory(name));
    let [lower, upper, work] = options.each_ref().map(|path| path.display());
    let options = format!("lowerdir={lower},upperdir={upper},workdir={work}");
    let merged = place.path("merged");
    place.mount(&[&"-t", &"overlay", &"overlay", &"-o", &options], &merged);
    merged
}

/// The row about the deletion of the one volume.
#[track_caller]
fn deletion(place: &Place, data: &Path, vault: &Path) -> Value {
    let arguments: [&dyn AsRef<OsStr>; 6] = [&"audit", &data, &"--vault", &vault, &"--format", &"json"];
    let audit = place.outlive(&arguments).end().json("audit");
    audit["volumes"][0]["survival"][0].clone()
}

/// A vault as it is after it was made elsewhere and moved here, read back at its place.
fn moved_vault(place: &Place, data: &Path, to: &Path) {
    let made = place.path("made-elsewhere");
    place.outlive(&[&"copy", &data, &"--vault", &made]).end().expect(0);
    tool("cp", &["-a".as_ref(), made.as_os_str(), to.as_os_str()]);
    place.outlive(&[&"verify", &to]).end().expect(0);
}

#[test]
fn a_vault_in_the_upper_directory_dies_with_what_the_overlay_shows() {
    for (volume, vault) in [("merged/data", "upper/data/vault"), ("merged", "upper/vault2")] {
        let mut place = Place::new();
        let merged = overlay(&mut place);
        place.file("merged/data/a", "content");
        let (data, vault) = (place.path(volume), place.path(vault));
        moved_vault(&place, &data, &vault);
        assert_eq!(deletion(&place, &data, &vault)["result"], "none", "{volume} and {}", vault.display());
        // It is so: what the row says is tried.
        for name in super::place::names(&merged) {
            tool("rm", &["-rf".as_ref(), merged.join(name).as_os_str()]);
        }
        assert!(!vault.join("vault.json").exists(), "{}", vault.display());
    }
}

#[test]
fn a_copy_into_the_upper_directory_of_its_overlay_is_refused_and_one_beside_it_is_not() {
    let mut place = Place::new();
    overlay(&mut place);
    place.file("merged/data/a", "content");
    let data = place.path("merged/data");
    for inside in ["upper/data/vault", "upper/data/new/vault"] {
        let vault = place.path(inside);
        std::fs::create_dir_all(vault.parent().unwrap()).unwrap();
        place.outlive(&[&"copy", &data, &"--vault", &vault]).end().expect(2).complains("one overlay");
        assert!(!vault.exists(), "a vault was made all the same");
    }
    let beside = place.path("upper/beside");
    place.outlive(&[&"copy", &data, &"--vault", &beside]).end().expect(0);
    assert_eq!(deletion(&place, &data, &beside)["result"], "survivor");
    tool("rm", &["-rf".as_ref(), data.as_os_str()]);
    place.outlive(&[&"verify", &beside]).end().expect(0);
}

#[test]
fn a_vault_on_an_overlay_dies_with_a_volume_in_the_upper_directory() {
    let mut place = Place::new();
    overlay(&mut place);
    place.file("upper/data/a", "content");
    let (data, vault) = (place.path("upper/data"), place.path("merged/data/vault"));
    moved_vault(&place, &data, &vault);
    assert_eq!(deletion(&place, &data, &vault)["result"], "none");
    tool("rm", &["-rf".as_ref(), data.as_os_str()]);
    // What the overlay itself still shows then, the kernel leaves open.
    assert!(!place.path("upper/data/vault").exists());
}

#[test]
fn where_the_upper_directory_cannot_be_told_no_vault_is_known_to_survive() {
    let mut place = Place::new();
    ["lower", "upper", "work"].iter().for_each(|name| drop(place.directory(name)));
    let merged = place.directory("merged");
    // As container engines do, so that many layers fit into the options.
    let script = format!(
        "cd {} && mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged",
        place.path("").display()
    );
    tool("sh", &["-c", &script]);
    place.undo_mount(&merged);
    place.file("merged/data/a", "content");
    let (data, vault) = (place.path("merged/data"), place.path("upper/data/vault"));
    moved_vault(&place, &data, &vault);
    let row = deletion(&place, &data, &vault);
    assert_eq!(row["result"], "unknown", "{row:#}");
    assert!(row.to_string().contains("upper directory"), "{row:#}");
}

#[test]
fn a_vault_on_a_filesystem_mounted_inside_dies_with_the_volume_unless_it_is_mounted_read_only() {
    let mut place = Place::new();
    let outer = place.tmpfs("outer", "20m");
    // A copy of a directory that leaves out a mount is unproven for that.
    let directory = place.directory("data");
    for (data, mounted, left) in
        [(outer.clone(), "outer/backup", "survivor"), (directory, "data/backup", "unknown")]
    {
        std::fs::write(data.join("a"), "content").unwrap();
        let inside = place.tmpfs(mounted, "20m");
        let vault = inside.join("vault");
        let copied = place.outlive(&[&"copy", &data, &"--vault", &vault]).end().expect(0);
        copied.says("`rm -rf` of the volume deletes it too");
        let row = deletion(&place, &data, &vault);
        assert_eq!(row["result"], "none", "{row:#}");
        tool("mount", &["-o".as_ref(), "remount,ro".as_ref(), inside.as_os_str()]);
        assert_eq!(deletion(&place, &data, &vault)["result"], left);
        let removed = std::process::Command::new("rm").arg("-rf").arg(&vault).output().unwrap();
        assert!(!removed.status.success() && vault.join("vault.json").exists());
        tool("mount", &["-o".as_ref(), "remount,rw".as_ref(), inside.as_os_str()]);
        tool("rm", &["-rf".as_ref(), data.join("a").as_os_str(), vault.as_os_str()]);
        assert!(!vault.exists(), "what the row says was tried");
    }
}

#[test]
fn a_restore_into_the_vault_as_an_overlay_shows_it_is_refused() {
    let mut place = Place::new();
    let data = place.file("data/a", "content").parent().unwrap().to_owned();
    let merged = overlay(&mut place);
    let vault = place.path("upper/vault");
    place.outlive(&[&"copy", &data, &"--vault", &vault]).end().expect(0);
    for inside in ["merged/vault/oops", "merged/vault/roots/oops"] {
        let restore = place.outlive(&[&"restore", &"--vault", &vault, &"--to", &place.path(inside)]);
        restore.end().expect(2).complains("the target lies inside the vault");
        assert!(!place.path(inside).exists(), "{inside}");
    }
    place.outlive(&[&"restore", &"--vault", &vault, &"--to", &merged.join("beside")]).end().expect(0);
    place.outlive(&[&"verify", &vault]).end().expect(0);
}
