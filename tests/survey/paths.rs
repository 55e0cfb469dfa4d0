//! Paths that are no volume, and names that are hostile.

use crate::hand::fs;
use crate::lab::{Lab, now, run, survey, volume};
use outlive::domain::{AssetKind, GapReason, GapScope, Inventory, Kind, VolumeKind};
use outlive::providers::Provider;
use outlive::providers::local::{Local, System, newest_snapshot_view, stand, volume_of};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, Instant};

fn only_gap(path: &Path) -> (GapReason, GapScope) {
    let inventory = survey(&[path], &[]);
    assert!(inventory.volumes.is_empty() && inventory.points.is_empty());
    assert_eq!(inventory.gaps.len(), 1, "{:?}", inventory.gaps);
    (inventory.gaps[0].reason, inventory.gaps[0].scope.clone())
}

#[test]
fn what_is_not_there_or_stores_nothing_is_a_gap_of_a_volume() {
    let lab = Lab::new();
    let missing = lab.path("missing");
    let scope = GapScope::Volume(missing.to_str().unwrap().into());
    assert_eq!(only_gap(&missing), (GapReason::Vanished, scope));
    assert_eq!(only_gap(Path::new("/proc/self")).0, GapReason::Unsupported);
    assert_eq!(only_gap(Path::new("/sys/kernel")).0, GapReason::Unsupported);
    assert_eq!(only_gap(Path::new("/dev/null")).0, GapReason::Unsupported);
    let (link, target) = (lab.path("link"), lab.path("link"));
    symlink(&target, &link).unwrap();
    assert_eq!(only_gap(&link).0, GapReason::Failed);
}

#[test]
fn a_volume_is_named_by_the_path_that_a_link_leads_to() {
    let lab = Lab::new();
    let (real, link) = (lab.directory("real"), lab.path("link"));
    symlink(&real, &link).unwrap();
    let seen = volume(&survey(&[&link], &[]), VolumeKind::Directory);
    assert_eq!(seen.name, real.to_str().unwrap());
    assert!(seen.id.0.ends_with(&format!(":{}", real.display())));
    assert_eq!(volume_of(&link, &System::default(), now()).unwrap(), seen);
}

#[test]
fn the_volume_of_a_missing_path_is_an_error() {
    let lab = Lab::new();
    let error = volume_of(&lab.path("missing"), &System::default(), now()).unwrap_err();
    assert_eq!(error.kind, Kind::NotFound);
    let error = volume_of(Path::new("/proc"), &System::default(), now()).unwrap_err();
    assert_eq!(error.kind, Kind::Refused);
}

#[test]
fn hostile_names_are_surveyed_and_printed_safely() {
    let mut lab = Lab::new();
    for name in
        [&b"new\nline"[..], b"esc\x1b[31m", b"no\xffutf8", b"back\\slash \\040", "\u{202e}x".as_bytes()]
    {
        let path = lab.path("").join(OsStr::from_bytes(name));
        fs::create_dir(&path).unwrap();
        let seen = volume(&survey(&[&path], &[]), VolumeKind::Directory);
        assert!(!seen.name.chars().any(|character| character.is_control() || character == '\u{202e}'));
    }
    // The kernel escapes blanks and line ends in its table of mounts.
    let point = lab.path("with blank\nand line\\end");
    lab.mount(&["-t", "tmpfs", "none"], &point);
    volume(&survey(&[&point], &[]), VolumeKind::Filesystem);
}

#[test]
fn what_one_filesystem_hides_under_another_is_not_mistaken_for_it() {
    let mut lab = Lab::new();
    let point = lab.directory("p");
    fs::create_dir(point.join("deep")).unwrap();
    lab.mount(&["-t", "tmpfs", "none"], &point.join("deep"));
    // A second mount over the parent hides the longer mount point from every path.
    lab.mount(&["-t", "tmpfs", "none"], &point);
    fs::create_dir(point.join("deep")).unwrap();
    let seen = volume(&survey(&[&point.join("deep")], &[]), VolumeKind::Directory);
    let inventory = survey(&[&point], &[]);
    let top = volume(&inventory, VolumeKind::Filesystem).asset;
    assert_eq!(crate::lab::below(&survey(&[&point.join("deep")], &[]), &seen.asset), [top]);
    // Taken down here: the hidden one can only be reached when nothing lies over it.
}

#[test]
fn a_survey_that_takes_too_long_is_a_gap_and_does_not_hold_up_the_end() {
    let lab = Lab::new();
    // A table of mounts that nobody writes: whoever reads it waits for ever.
    let proc = lab.directory("proc/self");
    run("mkfifo", &[proc.join("mountinfo")]);
    let limit = Duration::from_millis(50);
    let mut local = Local::new(vec![lab.path("")], vec![lab.path("")], limit, now());
    local.system.proc = lab.path("proc");
    let started = Instant::now();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let inventory = runtime.block_on(local.survey());
    drop(runtime);
    assert!(started.elapsed() < Duration::from_secs(10));
    let gaps: Vec<_> = inventory.gaps.iter().map(|gap| (gap.reason, &gap.scope)).collect();
    let path = lab.path("").display().to_string();
    let scopes = [GapScope::Volume(path), GapScope::Points];
    assert_eq!(gaps, scopes.each_ref().map(|scope| (GapReason::TimedOut, scope)));
}

#[test]
fn a_directory_stands_as_a_directory_even_where_it_is_a_mount() {
    let mut lab = Lab::new();
    let mounted = lab.filesystem("ext4", "m");
    let standing = stand(&mounted, &System::default(), now());
    let on = standing.on.unwrap();
    let kinds: Vec<_> = standing.assets.iter().map(|asset| asset.kind).collect();
    assert!(kinds.contains(&AssetKind::Filesystem) && kinds.contains(&AssetKind::Host), "{kinds:?}");
    let directory = standing.assets.iter().find(|asset| asset.id == on).unwrap();
    assert_eq!((directory.kind, &directory.name), (AssetKind::Directory, &mounted.display().to_string()));
    let missing = stand(&lab.path("missing"), &System::default(), now());
    assert_eq!((missing.on, missing.gaps[0].reason), (None, GapReason::Vanished));
}

#[test]
fn what_an_ordinary_user_may_not_see_is_a_gap() {
    let mut lab = Lab::new();
    let top = lab.filesystem("btrfs", "top");
    let secret = top.join("secret");
    fs::create_dir_all(secret.join("inner")).unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o700)).unwrap();
    fs::set_permissions(lab.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    let (inner, image) = (secret.join("inner"), lab.path("image"));
    fs::write(&image, "bytes").unwrap();
    fs::set_permissions(&image, fs::Permissions::from_mode(0o600)).unwrap();
    let surveys = std::thread::spawn(move || {
        // Of this thread alone; the threads it starts have no more than it.
        rustix::thread::set_thread_uid(rustix::process::Uid::from_raw(65534)).unwrap();
        let view = newest_snapshot_view(&top, &System::default());
        let copies = survey(&[&top], &[&secret]);
        (survey(&[&top], &[]), survey(&[&inner], &[]), survey(&[&image], &[]), copies, view)
    });
    let (top, inner, image, copies, view) = surveys.join().unwrap();
    let points = |inventory: &Inventory| GapScope::PointsOf(inventory.volumes[0].id.clone());
    assert_eq!(volume(&top, VolumeKind::Filesystem).name, lab.path("top").display().to_string());
    assert!(top.gaps.iter().any(|gap| gap.scope == points(&top) && gap.reason == GapReason::Permission));
    assert!(matches!(&inner.gaps[0].scope, GapScope::Volume(_)));
    assert_eq!(inner.gaps[0].reason, GapReason::Permission);
    assert!(image.gaps.iter().any(|gap| gap.scope == points(&image) && gap.reason == GapReason::Permission));
    assert!(copies.gaps.iter().any(|gap| gap.scope == GapScope::Points));
    assert!(view.is_err());
}

#[test]
fn a_volume_id_names_the_machine_by_more_than_its_name_and_its_path_begins_at_the_first_colon() {
    let lab = Lab::new();
    let data = lab.directory("da:ta");
    let id = volume_of(&data, &System::default(), now()).unwrap().id.0;
    let (host, path) = id.split_once(':').unwrap();
    assert_eq!(path, data.to_str().unwrap());
    let name = rustix::system::uname().nodename().to_str().unwrap().to_owned();
    let machine = std::fs::read_to_string("/etc/machine-id").unwrap_or_default();
    match machine.trim() {
        "" => assert_eq!(host, name),
        machine => assert_eq!(host, format!("{name}-{}", &machine[..8])),
    }
}
