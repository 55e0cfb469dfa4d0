//! What is refused, and left as it was.

use super::place::{Place, chmod, names, tool};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

fn copied(place: &Place) -> (PathBuf, PathBuf) {
    let data = place.file("data/a", "content").parent().unwrap().to_owned();
    let vault = place.path("vault");
    place.outlive(&[&"copy", &data, &"--vault", &vault]).end().expect(0);
    (data, vault)
}

/// Everything that can be seen of a directory.
fn listing(directory: &Path) -> String {
    tool("find", &[directory.to_str().unwrap(), "-printf", "%P %y %m %s %T@ %C@ %l\n"])
}

#[test]
fn a_target_that_holds_something_or_is_something_else_is_refused_and_untouched() {
    let place = Place::new();
    let (_, vault) = copied(&place);
    let targets = place.directory("targets");
    place.file("targets/full/precious", "p");
    place.file("targets/file", "p");
    place.directory("targets/empty");
    for (name, to) in
        [("to-empty", "empty"), ("to-full", "full"), ("to-nothing", "nothing"), ("loop", "loop")]
    {
        symlink(to, targets.join(name)).unwrap();
    }
    tool("mkfifo", &[targets.join("pipe")]);
    let before = listing(&targets);
    for name in ["full", "file", "to-empty", "to-full", "to-nothing", "loop", "pipe"] {
        let target = targets.join(name);
        let ended = place.outlive(&[&"restore", &"--vault", &vault, &"--to", &target]).end().expect(2);
        let ended = ended.complains("nothing is overwritten").complains(name);
        ended.complains("to do: name a target that does not exist yet, or an empty directory");
        assert_eq!(listing(&targets), before, "{name} was touched");
    }
    let no_parent = targets.join("a/b");
    place.outlive(&[&"restore", &"--vault", &vault, &"--to", &no_parent]).end().expect(2);
    assert_eq!(listing(&targets), before);
    place.outlive(&[&"restore", &"--vault", &vault, &"--to", &targets.join("empty")]).end().expect(0);
}

#[test]
fn an_image_is_not_restored_over_a_file_a_link_or_into_a_directory() {
    let place = Place::new();
    let (image, vault) = (place.file("disk.img", [5; 70_000]), place.path("vault"));
    place.outlive(&[&"copy", &image, &"--vault", &vault]).end().expect(0);
    place.file("targets/file", "p");
    place.directory("targets/empty");
    symlink("nothing", place.path("targets/link")).unwrap();
    let before = listing(&place.path("targets"));
    for name in ["file", "empty", "link"] {
        let target = place.path("targets").join(name);
        let ended = place.outlive(&[&"restore", &"--vault", &vault, &"--to", &target]).end().expect(2);
        ended.complains("nothing is overwritten");
    }
    assert_eq!(listing(&place.path("targets")), before);
    let target = place.path("targets/new.img");
    place.outlive(&[&"restore", &"--vault", &vault, &"--to", &target]).end().expect(0);
    assert_eq!(fs::read(&target).unwrap(), [5; 70_000]);
}

#[test]
fn a_target_inside_the_vault_is_refused_whichever_way_leads_there() {
    let mut place = Place::new();
    let (data, vault) = copied(&place);
    symlink(&vault, place.path("way")).unwrap();
    symlink(vault.join("roots"), place.path("way-to-roots")).unwrap();
    let (whole, roots) = (place.directory("bound"), place.directory("bound-roots"));
    place.mount(&[&"--bind", &vault], &whole);
    place.mount(&[&"--bind", &vault.join("roots")], &roots);
    let before = listing(&vault);
    let inside =
        ["vault/oops", "vault/roots/oops", "vault", "vault/packs", "vault/packs/../oops", "way/oops"];
    let ways =
        ["way-to-roots/oops", "bound/oops", "bound/roots/oops", "bound-roots/oops", "data/../vault/oops"];
    for target in inside.into_iter().chain(ways) {
        let target = place.path(target);
        let ended = place.outlive(&[&"restore", &"--vault", &vault, &"--to", &target]).end().expect(2);
        ended.complains("the target lies inside the vault").complains("to do: name a target elsewhere");
        assert_eq!(listing(&vault), before, "{}", target.display());
    }
    // Beside it, with a name that only begins alike, and above it, is elsewhere.
    for target in ["vault-restored", "vault/../elsewhere"] {
        place.outlive(&[&"restore", &"--vault", &vault, &"--to", &place.path(target)]).end().expect(0);
    }
    super::place::assert_same(&data, &place.path("elsewhere"));
}

#[test]
fn a_vault_inside_what_is_copied_is_refused_and_not_made() {
    let place = Place::new();
    let data = place.file("data/below/a", "x").parent().unwrap().parent().unwrap().to_owned();
    symlink(&data, place.path("way")).unwrap();
    for vault in ["data/vault", "data/below/vault", "data/below/../vault", "way/below", "data"] {
        let vault = place.path(vault);
        let ended = place.outlive(&[&"copy", &data, &"--vault", &vault]).end().expect(2);
        ended.complains("would die with it").complains("to do: name a vault elsewhere");
    }
    assert_eq!((names(&data).len(), names(&data.join("below")).len()), (1, 1));
    // Beside it, with a name that only begins alike, is elsewhere.
    place.outlive(&[&"copy", &data, &"--vault", &place.path("data-vault")]).end().expect(0);
}

#[test]
fn a_directory_of_other_things_is_no_place_for_a_vault() {
    let place = Place::new();
    let data = place.file("data/a", "x").parent().unwrap().to_owned();
    for (number, stranger) in ["notes", "packs/old", ".hidden", "my thesis.doc"].into_iter().enumerate() {
        let directory = format!("directory-{number}");
        place.file(&format!("{directory}/{stranger}"), "precious");
        let before = listing(&place.path(&directory));
        let ended = place.outlive(&[&"copy", &data, &"--vault", &place.path(&directory)]).end().expect(2);
        ended.complains("neither a vault nor empty").complains("to do: name a vault");
        assert_eq!(listing(&place.path(&directory)), before, "{stranger}");
    }
    // The root of a new filesystem holds no other things.
    place.directory("filesystem/lost+found");
    place.outlive(&[&"copy", &data, &"--vault", &place.path("filesystem")]).end().expect(0);
    let file = place.file("file", "precious");
    let ended = place.outlive(&[&"copy", &data, &"--vault", &file]).end();
    assert!(ended.code != Some(0));
    ended.complains("Not a directory");
}

#[test]
fn a_vault_of_a_newer_format_is_refused_by_every_command_and_not_touched() {
    let place = Place::new();
    let (data, vault) = copied(&place);
    let marker = vault.join("vault.json");
    let old = fs::read_to_string(&marker).unwrap();
    let schemas = ["outlive/envelope/v", "outlive/vault/v"];
    let outermost = schemas.into_iter().find(|schema| old.contains(&format!("{schema}0"))).unwrap();
    chmod(&marker, 0o600);
    fs::write(&marker, old.replace(&format!("{outermost}0"), &format!("{outermost}7"))).unwrap();
    let before = listing(&vault);
    let target = place.path("target");
    let commands: [&[&dyn AsRef<std::ffi::OsStr>]; 4] = [
        &[&"copy", &data, &"--vault", &vault],
        &[&"verify", &vault],
        &[&"vault", &"list", &vault],
        &[&"restore", &"--vault", &vault, &"--to", &target],
    ];
    for command in commands {
        let ended = place.outlive(command).end().expect(2);
        ended.complains("format version 7").complains("to do: use a newer outlive");
    }
    assert!(listing(&vault) == before && !target.exists());
    let audit =
        place.outlive(&[&"audit", &data, &"--vault", &vault, &"--format", &"json"]).end().json("audit");
    assert!(audit["gaps"].to_string().contains("format version 7"), "{audit:#}");
}

#[test]
fn a_marker_that_is_damaged_is_named() {
    let place = Place::new();
    let (data, vault) = copied(&place);
    let marker = vault.join("vault.json");
    chmod(&marker, 0o600);
    fs::write(&marker, "{\"schema\": \"outlive/va").unwrap();
    place.outlive(&[&"verify", &vault]).end().expect(14).complains("where: ").complains("vault.json");
    place.outlive(&[&"copy", &data, &"--vault", &vault]).end().expect(14).complains("vault.json");
}

#[test]
fn an_estate_file_that_nobody_named_is_not_taken_from_a_stranger() {
    let place = Place::new();
    let ran = place.path("ran");
    let file = place.file(
        "here/outlive.toml",
        format!(
            "[[vault]]\nid = \"shelf\"\nkind = \"s3\"\nendpoint = \"http://127.0.0.1:1\"\nbucket = \"bucket\"\n\
             region = \"here\"\nwriter = {{ command = [\"touch\", \"{}\"] }}\n",
            ran.display()
        ),
    );
    let here = file.parent().unwrap();
    let survey = |more: &str, sudo: &str| {
        let script = format!("cd \"$1\" && exec \"$2\" inventory {more}");
        let words =
            ["sh", "-c", &script, "sh", here.to_str().unwrap(), super::run::binary().to_str().unwrap()];
        let run = place.recorded(words.map(std::ffi::OsString::from).to_vec());
        // The command that the file names writes outside of what this program may.
        run.environment("SUDO_UID", sudo).start().end_unjudged()
    };
    tool("chown", &["65534".as_ref(), file.as_os_str()]);
    survey("", "").expect(2).complains("belongs to another user (65534)").complains("--config");
    assert!(!ran.exists(), "a stranger's command ran");
    // Whoever became root by sudo means their own file; so does whoever names one.
    for (more, sudo) in [("", "65534"), ("--config outlive.toml", "")] {
        assert!(!survey(more, sudo).stderr.contains("belongs to another user"), "{more}{sudo}");
        fs::remove_file(&ran).expect("the named file's command runs");
    }
    tool("chown", &["0".as_ref(), file.as_os_str()]);
    chmod(&file, 0o666);
    survey("", "").expect(2).complains("everybody on this machine may write to this estate file");
    tool("chown", &["0:100".as_ref(), file.as_os_str()]);
    chmod(&file, 0o664);
    survey("", "").expect(2).complains("a group (100) may write to this estate file");
    assert!(!ran.exists());
    chmod(&file, 0o644);
    survey("", "");
    fs::remove_file(&ran).expect("the command of one's own file runs");
}
