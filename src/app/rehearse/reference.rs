//! Which data the restored tree is compared with: what the copy read, or the live data that it came from.

use crate::domain::{Result, Timestamp, printable};
use crate::drill::checks::Original;
use crate::providers::local::SnapshotView;
use crate::report::activity::CopyDone;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The original to compare with, and what a person calls it. `view` is the newest snapshot now: it is the
/// original only where it is the one that was copied.
pub fn original(
    path: &Path,
    copy: &CopyDone,
    view: Result<Option<SnapshotView>>,
    clock: fn() -> Timestamp,
) -> (Original, String) {
    let place = printable(path.as_os_str().as_bytes());
    let live = Original::live(path, copy.taken_at, clock);
    match (&copy.snapshot, view) {
        (None, _) => (live, format!("{place}, live")),
        (Some(copied), Ok(Some(view))) if view.name == *copied => {
            (Original::still(view.path), format!("snapshot {copied}"))
        }
        (Some(copied), _) => (
            live,
            format!(
                "{place}, live, because snapshot {copied}, which was copied, is not the newest there any more"
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_snapshot_that_was_copied_is_compared_with() {
        let copy =
            |snapshot: Option<&str>| CopyDone { snapshot: snapshot.map(Into::into), ..Default::default() };
        let view = |name: &str| {
            Ok(Some(SnapshotView { path: name.into(), name: name.into(), taken_at: Timestamp::default() }))
        };
        let chosen = |copy: &CopyDone, view| original(Path::new("/data"), copy, view, chrono::Utc::now);
        let (same, said) = chosen(&copy(Some("/s/1")), view("/s/1"));
        assert_eq!((same.path.as_path(), said.as_str()), (Path::new("/s/1"), "snapshot /s/1"));
        let (newer, said) = chosen(&copy(Some("/s/1")), view("/s/2"));
        assert!(newer.path == Path::new("/data") && said.contains("not the newest"), "{said}");
        let (live, said) = chosen(&copy(None), view("/s/2"));
        assert!(live.path == Path::new("/data") && said == "/data, live", "{said}");
    }
}
