//! Looking into directories for what real programs made.

use crate::hand;
use crate::lab::now;
use outlive::domain::{Inventory, PointKind, RecoveryPoint, Usable, VolumeId};
use outlive::providers::Provider;
use outlive::providers::local::Local;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Surveys volumes and looks into directories.
pub fn look(volumes: &[&Path], directories: &[&Path]) -> Inventory {
    let directories: Vec<_> = directories.iter().map(|path| (path.to_path_buf(), None)).collect();
    look_for(volumes, &directories, Duration::from_secs(60))
}

/// The same with what somebody says the directories are of.
pub fn look_for(volumes: &[&Path], look_in: &[(PathBuf, Option<VolumeId>)], limit: Duration) -> Inventory {
    let volumes = volumes.iter().map(|path| path.to_path_buf()).collect();
    let local = Local { look_in: look_in.to_vec(), ..Local::new(volumes, Vec::new(), limit, now()) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(local.survey())
}

/// What is said of a point: the words, and whether it is known to be useless.
pub fn said(point: &RecoveryPoint) -> (&str, bool) {
    match &point.usable {
        Usable::Yes => panic!("what was only found counts as usable: {point:?}"),
        Usable::Unproven(why) => (why, false),
        Usable::No(why) => (why, true),
    }
}

/// The one point of this name's end, which must be of this kind.
pub fn found<'a>(inventory: &'a Inventory, end: &str, kind: PointKind) -> &'a RecoveryPoint {
    let point = crate::lab::point(inventory, end);
    assert_eq!(point.kind, kind, "{}", point.name);
    point
}

/// Runs a script with `bash` in a directory; it must succeed. `$1` and so on are the arguments.
pub fn script(directory: &Path, text: &str, arguments: &[&Path]) {
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", text, "script"]).args(arguments).current_dir(directory);
    let done = hand::output(&mut command).unwrap();
    let words = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "the script failed ({words}); scripts/test installs what it needs");
}

/// Half of a file, under another name.
pub fn halve(from: &Path, to: &Path) {
    cut(from, to, |length| length / 2);
}

/// The first bytes of a file, under another name.
pub fn cut(from: &Path, to: &Path, length: impl FnOnce(usize) -> usize) {
    let bytes = std::fs::read(from).unwrap();
    hand::fs::write(to, &bytes[..length(bytes.len())]).unwrap();
}
