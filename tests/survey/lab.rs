//! Real filesystems in a temporary place, taken down in reverse order whatever happens.

use crate::hand::{self, TempDir};
use outlive::domain::{
    Asset, AssetId, AssetKind, Inventory, Nature, RecoveryPoint, Timestamp, Volume, VolumeKind,
};
use outlive::providers::Provider;
use outlive::providers::local::{Local, System};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A temporary directory with the loop devices and mounts made in it.
pub struct Lab {
    undo: Vec<[String; 3]>,
    directory: TempDir,
}

impl Lab {
    pub fn new() -> Self {
        assert!(rustix::process::geteuid().is_root(), "these tests mount filesystems: run them as root");
        Self { undo: Vec::new(), directory: TempDir::new() }
    }

    /// A path in the temporary directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().canonicalize().unwrap().join(name)
    }

    /// A new directory.
    pub fn directory(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    /// A sparse file of so many MiB, attached to a loop device.
    pub fn loop_device(&mut self, file: &Path, mebibytes: u64) -> PathBuf {
        hand::fs::sparse(file, mebibytes << 20).unwrap();
        let device = run("losetup", &[OsStr::new("--find"), OsStr::new("--show"), file.as_os_str()]);
        self.undo.push(["losetup".into(), "-d".into(), device.clone()]);
        device.into()
    }

    /// Mounts with these arguments before the mount point, which is made.
    pub fn mount(&mut self, arguments: &[&str], point: &Path) {
        std::fs::create_dir_all(point).unwrap();
        let mut all: Vec<_> = arguments.iter().map(OsStr::new).collect();
        all.push(point.as_os_str());
        run("mount", &all);
        self.undo.push(["umount".into(), "--".into(), point.to_str().unwrap().into()]);
    }

    /// A new filesystem on a new loop device, mounted.
    pub fn filesystem(&mut self, kind: &str, name: &str) -> PathBuf {
        let mebibytes = if kind == "xfs" { 320 } else { 128 };
        let image = self.path(&format!("{name}.img"));
        let device = self.loop_device(&image, mebibytes);
        run(&format!("mkfs.{kind}"), &[OsStr::new("-q"), device.as_os_str()]);
        let point = self.path(name);
        self.mount(&[device.to_str().unwrap()], &point);
        point
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let left: Vec<_> = self.undo.iter().rev().filter(|command| !undone(command)).collect();
        assert!(left.is_empty() || std::thread::panicking(), "the test left these to do: {left:?}");
    }
}

/// The kernel lets go of a loop device some time after it was told to: until then what lies below is busy.
fn undone([program, option, what]: &[String; 3]) -> bool {
    (0..50).any(|_| {
        let done = hand::output(Command::new(program).args([option, what]));
        done.is_ok_and(|done| done.status.success()) || {
            std::thread::sleep(Duration::from_millis(100));
            false
        }
    })
}

/// Runs a program that must succeed; what it printed, without the line end.
pub fn run(program: &str, arguments: &[impl AsRef<OsStr>]) -> String {
    let done = hand::output(Command::new(program).args(arguments)).unwrap_or_else(|error| {
        panic!("{program} could not be started ({error}): scripts/test installs what the suite needs")
    });
    assert!(
        done.status.success(),
        "{program} failed, as root it must not: {}",
        String::from_utf8_lossy(&done.stderr)
    );
    String::from_utf8_lossy(&done.stdout).trim_end().to_owned()
}

pub fn btrfs(arguments: &[&str]) {
    run("btrfs", arguments);
}

/// The moment the tests pretend it is; long after anything they make.
pub fn now() -> Timestamp {
    "2100-01-01T00:00:00Z".parse().unwrap()
}

pub fn survey(paths: &[&Path], copies: &[&Path]) -> Inventory {
    survey_on(System::default(), paths, copies)
}

pub fn survey_on(system: System, paths: &[&Path], copies: &[&Path]) -> Inventory {
    let owned = |paths: &[&Path]| paths.iter().map(|path| path.to_path_buf()).collect();
    let mut local = Local::new(owned(paths), owned(copies), Duration::from_secs(30), now());
    local.system = system;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(local.survey())
}

/// The only volume, which must be of this kind.
pub fn volume(inventory: &Inventory, kind: VolumeKind) -> Volume {
    assert_eq!(inventory.volumes.len(), 1, "gaps: {:?}", inventory.gaps);
    assert_eq!(inventory.volumes[0].kind, kind);
    inventory.volumes[0].clone()
}

/// The kinds of assets from `from` down, following the first bond of storage.
pub fn chain(inventory: &Inventory, from: &AssetId) -> Vec<AssetKind> {
    let mut kinds = Vec::new();
    let mut next = Some(from.clone());
    while let Some(id) = next {
        let asset = asset(inventory, &id);
        kinds.push(asset.kind);
        assert!(kinds.len() < 50, "a circle: {kinds:?}");
        next = asset.bonds.of(Nature::StoredOn).next().map(|bond| bond.on[0].clone());
    }
    kinds
}

pub fn asset<'a>(inventory: &'a Inventory, id: &AssetId) -> &'a Asset {
    inventory.asset(id).unwrap_or_else(|| panic!("{id} is not in the inventory"))
}

/// The assets that `id` is stored on, of every bond.
pub fn below(inventory: &Inventory, id: &AssetId) -> Vec<AssetId> {
    asset(inventory, id).bonds.of(Nature::StoredOn).flat_map(|bond| bond.on.clone()).collect()
}

/// The point whose name ends so.
pub fn point<'a>(inventory: &'a Inventory, end: &str) -> &'a RecoveryPoint {
    let mut found = inventory.points.iter().filter(|point| point.name.ends_with(end));
    let names: Vec<_> = inventory.points.iter().map(|point| &point.name).collect();
    found.next().unwrap_or_else(|| panic!("no point {end} among {names:?}; gaps {:?}", inventory.gaps))
}

/// True where some bond of this nature names the asset.
pub fn bonded(point: &RecoveryPoint, nature: Nature, to: &AssetId) -> bool {
    point.bonds.of(nature).any(|bond| bond.on.contains(to))
}
