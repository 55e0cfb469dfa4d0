//! Where the bytes of a copy come from.

use super::CopyOrder;
use super::beside::{reached, refuse_nesting};
use crate::app::Context;
use crate::app::stores::directory_of;
use crate::domain::{ByteName, Consistency, Policy, Result, Timestamp, Volume, printable, say_duration};
use crate::estate::CopyFrom;
use crate::providers::files::TreeSource;
use crate::providers::local::{SnapshotView, System, newest_snapshot_view, volume_of};
use crate::vault::Source;
use crate::vault::format::Origin;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A source that was looked at, and not read yet.
pub(super) struct Looked {
    /// The volume.
    pub volume: Volume,
    /// What the recovery point says of where it is from.
    pub origin: Origin,
    /// The moment whose state is copied.
    pub taken_at: Timestamp,
    /// What must be said.
    pub notices: Vec<String>,
    /// The path that is read: that of a snapshot, where there is one.
    read: PathBuf,
}

impl Looked {
    /// Looks at the source of a copy, and at where the vault lies beside it.
    ///
    /// # Errors
    /// Where it cannot be read, or the vault would lie inside it.
    pub fn at(order: &CopyOrder, now: Timestamp) -> Result<Self> {
        let CopyFrom::Path { path, live } = &order.from else { return Self::printed(order, now) };
        let system = System::default();
        let mut volume = volume_of(path, &system, now)?;
        if let Some(id) = &order.volume {
            volume.id = id.clone();
        }
        let mut notices = Vec::new();
        let view = if *live { None } else { snapshot_view(path, &system, now, &mut notices) };
        let read = view.as_ref().map_or(path, |view| &view.path).clone();
        if let Some(vault) = directory_of(&order.vault) {
            refuse_nesting(vault, &read)?;
            refuse_nesting(vault, path)?;
            notices.extend(reached(vault, path, &system, now)?);
        }
        drop(TreeSource::open(&read, Vec::new())?);
        let origin = Origin {
            host: this_host(),
            path: ByteName::from(path.as_os_str().as_bytes()),
            snapshot: view.as_ref().map(|view| view.name.clone()),
            consistency: if view.is_some() { Consistency::Crash } else { Consistency::Live },
        };
        let taken_at = view.as_ref().map_or(now, |view| view.taken_at);
        Ok(Self { volume, origin, taken_at, notices, read })
    }

    /// Opens it. What is `within` (the vault itself, by device and inode) is left out.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn open(
        &self,
        _context: &Context,
        order: &CopyOrder,
        within: Vec<(u64, u64)>,
    ) -> Result<Box<dyn Source>> {
        match &order.from {
            CopyFrom::Path { .. } => Ok(Box::new(TreeSource::open(&self.read, within)?)),
            CopyFrom::Command { .. } => unreachable!(),
        }
    }

    fn printed(_order: &CopyOrder, _now: Timestamp) -> Result<Self> {
        unreachable!()
    }
}

fn this_host() -> String {
    printable(rustix::system::uname().nodename().to_bytes())
}

/// The newest snapshot to read from. Where snapshots cannot be listed, live data is read, and that is said.
pub(super) fn snapshot_view(
    path: &Path,
    system: &System,
    now: Timestamp,
    notices: &mut Vec<String>,
) -> Option<SnapshotView> {
    match newest_snapshot_view(path, system) {
        Ok(view) => {
            let old =
                view.as_ref().map(|view| now - view.taken_at).filter(|age| *age > Policy::default().rpo);
            if let Some(age) = old {
                let age = say_duration(age);
                notices.push(format!("the newest snapshot is {age} old; --live reads the data as it is now"));
            }
            view
        }
        Err(problem) => {
            notices.push(format!("snapshots could not be looked for, so live data was read: {problem}"));
            None
        }
    }
}
