//! Reading stored objects back: the bytes in the store against the digests taken while writing.

use super::findings::Unread;
use super::format::{Digest, ENDED, EPOCHS, Hasher, KEYS, PACKS, PackLine, README_KEY, SIDECARS};
use super::parallel::{cores, in_parallel};
use super::{Vault, gone, object_of};
use crate::domain::{Kind, Monitor, Phase, Problem, Result};
use crate::store::Key;
use std::collections::BTreeSet;
use std::io::Read;

/// One object that is not what was written, and the recovery points it takes along.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Damage {
    /// The object's key.
    pub object: String,
    /// What is wrong with it.
    pub because: String,
    /// The keys of the roots that need it.
    pub points: BTreeSet<String>,
}

impl Damage {
    /// What a problem says of a stored object that recovery point `point` needs; `None` where it is no damage of
    /// the vault, but of something else.
    pub(super) fn said_by(problem: &Problem, point: &str) -> Option<Self> {
        let object = &problem.place;
        (problem.kind == Kind::Damaged && is_stored(object, point)).then(|| Self {
            object: object.clone(),
            because: problem.what.clone(),
            points: [point.to_owned()].into(),
        })
    }
}

impl Unread {
    /// The same of an object that could not be read.
    pub(crate) fn said_by(problem: &Problem, point: &str) -> Option<Self> {
        let object = object_of(problem);
        (problem.kind == Kind::Io && is_stored(&object, point)).then(|| Self {
            object,
            because: problem.what.clone(),
            points: [point.to_owned()].into(),
        })
    }
}

/// True for the key of an object that recovery point `point` may need.
fn is_stored(object: &str, point: &str) -> bool {
    object == point
        || object == README_KEY
        || matches!(object.split_once('/'), Some((PACKS | SIDECARS | KEYS | EPOCHS | ENDED, name)) if !name.contains('/'))
}

/// What ended work on a vault, and what was found until then: that is known whatever ended it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stopped {
    /// What ended it.
    pub problem: Problem,
    /// What is not as it was written.
    pub damage: Vec<Damage>,
    /// What could not be read.
    pub unread: Vec<Unread>,
}

impl Stopped {
    /// A problem with what it says of the objects that this recovery point needs.
    pub fn of(problem: Problem, point: &str) -> Self {
        let damage = Damage::said_by(&problem, point).into_iter().collect();
        let unread = Unread::said_by(&problem, point).into_iter().collect();
        Self { problem, damage, unread }
    }
}

impl From<Problem> for Stopped {
    fn from(problem: Problem) -> Self {
        Self { problem, damage: Vec::new(), unread: Vec::new() }
    }
}

impl From<Stopped> for Problem {
    fn from(stopped: Stopped) -> Self {
        stopped.problem
    }
}

/// What reading back found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadBack {
    /// Objects read.
    pub objects: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Objects that are not what was written.
    pub damage: Vec<Damage>,
}

/// Reads the given packs and their sidecars back, whole, on every core.
///
/// # Errors
/// When the store fails otherwise than by damaged or missing objects, or the user stops it; with the damage
/// that was found all the same.
pub fn read_back(
    vault: &Vault,
    packs: &[PackLine],
    point: &str,
    monitor: &dyn Monitor,
) -> std::result::Result<ReadBack, Stopped> {
    monitor.begin(Phase::ReadBack, Some(packs.iter().map(|line| line.bytes + line.sidecar_bytes).sum()));
    let found = in_parallel(cores(), packs, |line| both_of(vault, line, monitor));
    monitor.end();
    let mut result = ReadBack::default();
    let (mut failed, mut unread) = (None, Vec::new());
    for checked in found?.into_iter().flatten() {
        result.objects += 1;
        match checked {
            Ok(bytes) => result.bytes += bytes,
            Err(problem) if problem.kind == Kind::Damaged => result.damage.push(Damage {
                object: problem.place,
                because: problem.what,
                points: [point.to_owned()].into(),
            }),
            Err(problem) => {
                unread.extend(Unread::said_by(&problem, point));
                failed.get_or_insert(problem);
            }
        }
    }
    match failed {
        None => Ok(result),
        Some(problem) => Err(Stopped { problem, damage: result.damage, unread }),
    }
}

/// A pack and its sidecar, each from the medium to its end.
fn both_of(vault: &Vault, line: &PackLine, monitor: &dyn Monitor) -> Result<[Result<u64>; 2]> {
    let pack = digest_of(vault, &line.pack.pack()?, (line.bytes, line.sha256), monitor);
    let sidecar = digest_of(vault, &line.pack.sidecar()?, (line.sidecar_bytes, line.sidecar_sha256), monitor);
    Ok([pack, sidecar])
}

/// Reads one pack and its sidecar back; how many bytes they have.
///
/// # Errors
/// Whatever keeps them from being what was written.
pub(super) fn pack_read_back(vault: &Vault, line: &PackLine, monitor: &dyn Monitor) -> Result<u64> {
    both_of(vault, line, monitor)?.into_iter().sum()
}

/// Reads one object from the medium to its end and compares size and SHA-256.
pub(super) fn digest_of(
    vault: &Vault,
    key: &Key,
    expected: (u64, Digest),
    monitor: &dyn Monitor,
) -> Result<u64> {
    let store = vault.store();
    let mut reader = store.forget(key).and_then(|()| store.get(key, 0)).map_err(gone)?;
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; 256 * 1024];
    let mut bytes = 0;
    loop {
        let read =
            reader.read(&mut buffer).map_err(|error| crate::store::read_failed(key, vault.store(), error))?;
        if read == 0 {
            break;
        }
        if monitor.cancelled() {
            return Err(Problem::new(Kind::Cancelled, "stopped as asked"));
        }
        hasher.update(&buffer[..read]);
        bytes += read as u64;
        monitor.advance(read as u64, 0);
    }
    if bytes != expected.0 {
        let what = format!("{bytes} bytes long instead of {}", expected.0);
        return Err(Problem::damaged(key.as_str(), what));
    }
    if hasher.finish() != expected.1 {
        return Err(Problem::damaged(key.as_str(), "does not match its SHA-256"));
    }
    Ok(bytes)
}
