//! A vault in a temporary directory, and a tree with everything a filesystem can hold.

use crate::hand::{self, TempDir};
use outlive::app::{Purpose, Stores};
use outlive::domain::{AssetId, Consistency, Monitor, Silent, Volume, VolumeId, VolumeKind};
use outlive::estate::VaultPlace;
use outlive::providers::files::{OriginalFiles, TreeSource};
use outlive::store::Store;
use outlive::vault::format::Origin;
use outlive::vault::{
    CopyReport, CopyRequest, FoundRoot, Known, RepairMode, RepairRequest, Roots, Vault, copy, repair, restore,
};
use std::collections::BTreeSet;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

pub struct Place {
    pub temp: TempDir,
    pub vault: Vault,
}

impl Place {
    pub fn new() -> Self {
        let temp = TempDir::new();
        let store = super::recorder::Recorder::create(&temp.path().join("vault")).unwrap();
        let vault = Vault::open_or_create(store, chrono::Utc::now()).unwrap();
        Self { temp, vault }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.temp.path().join(name)
    }

    pub fn copy(&self, path: &Path) -> CopyReport {
        copy_into(&self.vault, path, &Silent).unwrap()
    }

    /// Restores the newest point to a new target and reads it back.
    pub fn restore(&self, name: &str) -> PathBuf {
        let target = self.path(name);
        let roots = Roots::read(&self.vault).unwrap();
        let newest = roots.sound.last().unwrap();
        let restored = restore(&self.vault, newest, &target, Default::default(), &Silent).unwrap();
        restored.verify(&self.vault, &Silent).unwrap();
        target
    }
}

pub fn copy_into(vault: &Vault, path: &Path, monitor: &dyn Monitor) -> outlive::domain::Result<CopyReport> {
    copy_as("test:/volume", vault, path, monitor)
}

/// Copies as a point of the volume with this id.
pub fn copy_as(
    id: &str,
    vault: &Vault,
    path: &Path,
    monitor: &dyn Monitor,
) -> outlive::domain::Result<CopyReport> {
    let volume = Volume {
        id: VolumeId(id.into()),
        name: "/volume".into(),
        kind: VolumeKind::Directory,
        asset: AssetId("directory:test".into()),
    };
    let origin = Origin {
        host: "test".into(),
        path: path.as_os_str().as_encoded_bytes().into(),
        snapshot: None,
        consistency: Consistency::Live,
    };
    let clock = &chrono::Utc::now;
    let request = CopyRequest { volume: &volume, origin, taken_at: clock(), avoid: BTreeSet::new(), clock };
    copy(vault, &mut TreeSource::open(path, Vec::new())?, &request, monitor)
}

/// One store, whatever place is asked for.
pub struct One<S: Store + 'static>(pub Arc<S>);

impl<S: Store + 'static> Stores for One<S> {
    fn open(&self, _place: &VaultPlace, _purpose: Purpose) -> outlive::domain::Result<Arc<dyn Store>> {
        Ok(self.0.clone())
    }
}

/// Runs a program and gives its standard output; anything but success fails the test.
pub fn run(program: &str, arguments: &[&str]) -> String {
    let output = hand::output(Command::new(program).args(arguments));
    let output =
        output.unwrap_or_else(|error| panic!("{program} cannot be run ({error}): scripts/test installs it"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Two trees are the same for everything that rsync and diff can tell.
pub fn assert_same(original: &Path, restored: &Path) {
    let (a, b) = (original.to_str().unwrap(), restored.to_str().unwrap());
    // diff calls two pipes or sockets different; rsync compares those.
    run("diff", &["-r", "--no-dereference", "-x", "fifo", "-x", "socket", a, b]);
    let differences = run("rsync", &["-aHAXnci", "--delete", &format!("{a}/"), &format!("{b}/")]);
    assert_eq!(differences, "", "rsync sees differences");
}

pub fn allocated(path: &Path) -> u64 {
    std::fs::metadata(path).unwrap().blocks() * 512
}

pub fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Bytes that do not compress and do not repeat, the same for the same seed.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let mut bytes: Vec<u8> = (0..length.div_ceil(8)).flat_map(|_| next()).collect();
    bytes.truncate(length);
    bytes
}

/// Flips the lowest bit of one byte of a stored object.
pub fn flip(object: &Path, at: u64) {
    let mut bytes = std::fs::read(object).unwrap();
    bytes[usize::try_from(at).unwrap()] ^= 1;
    overwrite(object, &bytes);
}

/// Replaces the bytes of a stored object, as nobody but a test does.
pub fn overwrite(object: &Path, bytes: &[u8]) {
    if object.exists() {
        chmod(object, 0o600);
    }
    crate::hand::fs::write(object, bytes).unwrap();
}

/// SplitMix64.
pub fn random(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *seed;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The seed that `OUTLIVE_SEED` gives, or this one; and whether this is a campaign. Whoever uses it prints it.
pub fn seed_or(usual: u64) -> (u64, bool) {
    let given = std::env::var("OUTLIVE_SEED").ok();
    let seed = given.map_or(usual, |seed| seed.parse().expect("OUTLIVE_SEED is a number"));
    (seed, std::env::var_os("OUTLIVE_CAMPAIGN").is_some())
}

/// The root that a repair from the volume writes.
pub fn repaired(place: &Place, volume: &Path) -> FoundRoot {
    let nothing = BTreeSet::new();
    let original = || OriginalFiles::open(volume, Vec::new(), chrono::Utc::now()).unwrap();
    let request = RepairRequest {
        known: Known { points: &[], let_go: &nothing, repaired: &nothing },
        avoid: &BTreeSet::new(),
        wanted: &|_| true,
        others: &[],
        originals: &|_| vec![Box::new(original())],
        mode: RepairMode::Write,
        note: &|_, _| Ok(()),
        clock: &chrono::Utc::now,
    };
    repair(&place.vault, &request, &Silent).unwrap().points[0].by.clone().expect("a root that stands in")
}
