//! Where the bytes of a copy come from.

use super::CopyOrder;
use super::beside::{reached, refuse_nesting, refuse_overlap};
use crate::app::Context;
use crate::app::stores::directory_of;
use crate::domain::{
    AssetId, ByteName, Consistency, Kind, Monitor, Policy, Problem, Result, Timestamp, Volume, VolumeKind,
    printable, say_duration,
};
use crate::estate::{CopyFrom, S3Place, SecretSource};
use crate::providers::files::{DeviceSource, TreeSource, is_device};
use crate::providers::local::{SnapshotView, System, newest_snapshot_view, volume_of};
use crate::providers::prefix::PrefixSource;
use crate::providers::stream::{CommandOrder, CommandSource, StdinSource};
use crate::store::Prefix;
use crate::vault::Source;
use crate::vault::format::Origin;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

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
    pub fn at(context: &Context, order: &CopyOrder, now: Timestamp) -> Result<Self> {
        let (path, live) = match &order.from {
            CopyFrom::Path { path, live } => (path, live),
            CopyFrom::Prefix(place) => return Self::in_bucket(context, order, place, now),
            CopyFrom::Command { file, .. } | CopyFrom::StandardInput { file } => {
                return Self::printed(order, file, now);
            }
        };
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
        if is_device(&read) {
            drop(DeviceSource::open(&read, now)?);
        } else {
            drop(TreeSource::open(&read, Vec::new())?);
        }
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
    /// Where it cannot be read or started, or a secret that it needs is not to be had.
    pub fn open(
        &self,
        context: &Context,
        order: &CopyOrder,
        within: Vec<(u64, u64)>,
        monitor: &dyn Monitor,
    ) -> Result<Box<dyn Source>> {
        match &order.from {
            CopyFrom::Path { .. } if is_device(&self.read) => {
                Ok(Box::new(DeviceSource::open(&self.read, self.taken_at)?))
            }
            CopyFrom::Path { .. } => Ok(Box::new(TreeSource::open(&self.read, within)?)),
            CopyFrom::Prefix(place) => {
                let prefix = Prefix::connect(place, &context.environment)?;
                Ok(Box::new(PrefixSource::open(prefix, || monitor.cancelled())?))
            }
            CopyFrom::Command { argv, env, .. } => {
                let resolve = |source: &SecretSource| source.resolve(&context.environment);
                let secret = env.iter().map(|(name, source)| Ok((name.clone(), resolve(source)?)));
                let plain = PLAIN
                    .iter()
                    .filter_map(|name| Some(((*name).to_owned(), context.environment.get(name)?.to_owned())));
                let command = CommandOrder {
                    argv: argv.clone(),
                    plain: plain.collect(),
                    secret: secret.collect::<Result<_>>()?,
                    longest: order.longest.unwrap_or(LONGEST),
                };
                Ok(Box::new(CommandSource::start(&command, self.taken_at)?))
            }
            CopyFrom::StandardInput { .. } => Ok(Box::new(StdinSource::new(std::io::stdin(), self.taken_at))),
        }
    }

    /// A prefix of a bucket. In which state its objects are is known only once they were read.
    fn in_bucket(context: &Context, order: &CopyOrder, place: &S3Place, now: Timestamp) -> Result<Self> {
        refuse_overlap(&order.vault, place, &context.environment)?;
        let prefix = Prefix::connect(place, &context.environment)?;
        PrefixSource::look(&prefix)?;
        let id = order.volume.clone().ok_or_else(|| {
            Problem::new(Kind::Usage, "a bucket has no name of its own here")
                .remedy("name a volume of outlive.toml")
        })?;
        let volume = Volume {
            name: printable(id.0.as_bytes()),
            asset: AssetId(format!("volume:{id}")),
            kind: VolumeKind::Directory,
            id,
        };
        let origin = Origin {
            host: this_host(),
            path: ByteName::from(prefix.place().as_bytes()),
            snapshot: None,
            consistency: Consistency::Live,
        };
        Ok(Self { volume, origin, taken_at: now, notices: Vec::new(), read: PathBuf::new() })
    }

    /// What is printed has no place that could be looked at.
    fn printed(order: &CopyOrder, file: &str, now: Timestamp) -> Result<Self> {
        let id = order.volume.clone().ok_or_else(|| {
            Problem::new(Kind::Usage, "a stream has no name of its own").remedy("name its volume with --name")
        })?;
        let volume = Volume {
            name: printable(id.0.as_bytes()),
            asset: AssetId(format!("volume:{id}")),
            kind: VolumeKind::Stream,
            id,
        };
        let origin = Origin {
            host: this_host(),
            path: ByteName::from(file.as_bytes()),
            snapshot: None,
            consistency: consistency_of(&order.from),
        };
        let mut notices = Vec::new();
        if let CopyFrom::StandardInput { .. } = order.from {
            notices.push(
                "whether all of standard input came cannot be told: a program that failed half-way ends it as well; \
                 a [[copy]] with a command sees its failure"
                    .to_owned(),
            );
        }
        Ok(Self { volume, origin, taken_at: now, notices, read: PathBuf::new() })
    }
}

/// Programs that write the data of their own application, of one moment, by their manuals; some of them only where they
/// are told to.
const DUMPERS: [(&str, Option<&str>); 5] = [
    ("pg_dump", None),
    ("sqlite3", None),
    ("mysqldump", Some("--single-transaction")),
    ("mariadb-dump", Some("--single-transaction")),
    ("mongodump", Some("--oplog")),
];

/// In which state what is printed shows the data: as somebody said, or as a program that is known for it. Of anything
/// else nobody knows more than that it was read.
fn consistency_of(from: &CopyFrom) -> Consistency {
    match from {
        CopyFrom::Command { consistency: Some(said), .. } => *said,
        CopyFrom::Command { argv, .. } => {
            let program = argv.first().and_then(|program| Path::new(program).file_name()?.to_str());
            let is_known = |(name, asked): &(&str, Option<&str>)| {
                program == Some(name)
                    && asked.is_none_or(|asked| argv.iter().any(|argument| argument == asked))
            };
            match DUMPERS.iter().any(is_known) {
                true => Consistency::Application,
                false => Consistency::Live,
            }
        }
        CopyFrom::Path { .. } | CopyFrom::Prefix(_) | CopyFrom::StandardInput { .. } => Consistency::Live,
    }
}

/// What a command gets of the environment.
const PLAIN: [&str; 3] = ["PATH", "HOME", "LANG"];
/// How long a command may take where nobody said.
const LONGEST: Duration = Duration::from_secs(6 * 3600);

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
