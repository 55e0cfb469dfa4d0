//! Copies: from what, to where, when; and whether that can meet the RPO.

use super::super::{CopyEntry, CopyFrom, PolicyEntry, VaultEntry, VaultPlace, VolumeEntry};
use super::Known;
use super::secrets::{argv, variables};
use super::value::{Table, Value};
use super::vault::bucket;
use super::words::shown;
use crate::domain::{VolumeId, say_duration, slack_of};
use chrono::TimeDelta;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// What a copy may take at most where the file does not say.
const LONGEST: TimeDelta = TimeDelta::hours(6);
const DAY: i64 = 86_400;

/// What else was read, and copies are checked against.
pub(super) struct Around<'e> {
    known: &'e Known<'e>,
    volumes: BTreeMap<&'e VolumeId, &'e VolumeEntry>,
    policies: &'e BTreeMap<String, PolicyEntry>,
}

impl<'e> Around<'e> {
    /// Of what was read before the copies.
    pub(super) fn new(
        known: &'e Known<'e>,
        volumes: &'e [VolumeEntry],
        policies: &'e BTreeMap<String, PolicyEntry>,
    ) -> Self {
        let volumes = volumes.iter().map(|volume| (&volume.id, volume)).collect();
        Self { known, volumes, policies }
    }

    fn volume(&self, id: &VolumeId) -> Option<&VolumeEntry> {
        self.volumes.get(id).copied()
    }

    fn policy(&self, id: &VolumeId) -> Option<&PolicyEntry> {
        self.policies.get(&self.volume(id)?.policy)
    }

    fn rpo(&self, id: &VolumeId) -> Option<TimeDelta> {
        Some(self.policy(id)?.judged.rpo)
    }
}

/// All copies, in the order of the file.
pub(super) fn copies(tables: &[Table<'_>], around: &Around<'_>, vaults: &[VaultEntry]) -> Vec<CopyEntry> {
    let mut pairs = BTreeMap::new();
    let mut copies: Vec<(CopyEntry, usize)> = Vec::new();
    let mut broken = BTreeSet::new();
    for table in tables {
        let volume =
            table.required("volume").and_then(|value| around.known.volumes.used_by(&value)).map(VolumeId);
        let to = table.required("to").and_then(|value| around.known.vaults.used_by(&value));
        if let (Some(volume), Some(to)) = (&volume, &to)
            && let Some(at) = pairs.insert((volume.clone(), to.clone()), table.at)
        {
            let what = format!("`{volume}` is copied to `{to}` on line {} already", table.file.line(at));
            table.file.complain(
                table.at,
                what,
                "leave one out, or copy to another vault; what has two sources is two volumes",
            );
        }
        match one(table, volume.clone(), to, around) {
            Some(copy) => copies.push((copy, table.place_of("every"))),
            None => broken.extend(volume),
        }
    }
    meet_their_rpo(tables, &copies, &broken, around);
    say_how_long_they_are_locked(tables, &copies, around, vaults);
    keep_apart(tables, &copies, vaults);
    copies.into_iter().map(|(copy, _)| copy).collect()
}

fn one(
    table: &Table<'_>,
    volume: Option<VolumeId>,
    to: Option<String>,
    around: &Around<'_>,
) -> Option<CopyEntry> {
    let from = from(table, volume.as_ref(), around);
    let every = table.required("every").and_then(|value| value.duration());
    let offset = match table.get("at") {
        Some(at) => offset(&at, every),
        None => Some(TimeDelta::zero()),
    };
    let longest = table.get("longest").map(|value| value.duration());
    let (volume, every) = (volume?, every?);
    let longest = match longest {
        Some(longest) => longest?,
        None => usual(every, around.rpo(&volume)),
    };
    Some(CopyEntry {
        volume,
        from: from?,
        to: to?,
        every,
        offset: offset?,
        longest,
        line: table.file.line(table.at),
    })
}

/// What the RPO leaves beside `every`, and at most six hours; where it leaves nothing, that or `every`.
fn usual(every: TimeDelta, rpo: Option<TimeDelta>) -> TimeDelta {
    let left = rpo.map(|rpo| rpo - every).filter(|left| *left > TimeDelta::zero());
    LONGEST.min(left.unwrap_or(every))
}

/// The slots' offset for a time of day; `None` where there is none that stays at that time.
fn offset(at: &Value<'_>, every: Option<TimeDelta>) -> Option<TimeDelta> {
    let time = at.time_of_day()?;
    let seconds = every?.num_seconds();
    if seconds % DAY != 0 && DAY % seconds != 0 {
        let what = format!(
            "cannot hold for a copy every {}: its time of day would wander",
            say_duration(TimeDelta::seconds(seconds))
        );
        at.complain(what, "with `at`, choose whole days (\"24h\", \"7d\"), or a part of a day that divides it (\"12h\", \"6h\", \"30m\")");
        return None;
    }
    Some(TimeDelta::seconds(time.num_seconds() % seconds))
}

fn from(table: &Table<'_>, volume: Option<&VolumeId>, around: &Around<'_>) -> Option<CopyFrom> {
    let Some(value) = table.get("from") else {
        let volume = around.volume(volume?)?;
        let path = volume.path.clone();
        if path.is_none() {
            let what = format!("`{}` has no `from`, and the volume `{}` has no path", table.key, volume.id);
            table.file.complain(
                table.at,
                what,
                "say `from = { path = \"…\" }`, `from = { command = [\"…\"] }` or `from = { s3 = { … } }`",
            );
        }
        return Some(CopyFrom::Path { path: path?, live: false });
    };
    let table = value.table("from")?;
    let of_paths = table.present(&["path", "live"]);
    let of_commands = table.present(&["command", "file", "env", "consistency"]);
    let of_buckets = table.present(&["s3"]);
    let kinds = [&of_paths, &of_commands, &of_buckets];
    if kinds.iter().filter(|keys| !keys.is_empty()).count() > 1 {
        let what = format!("`{}` has keys of more than one of: a path, a command, a bucket", table.key);
        let remedy = "either path and live, or command, file, env and consistency, or s3";
        table.file.complain(table.at, what, remedy);
        return None;
    }
    if let Some(value) = table.get("s3") {
        return prefix(&value, volume, around);
    }
    if of_commands.is_empty() {
        let path: Option<PathBuf> = match table.get("path") {
            Some(path) => path.path(),
            None => volume
                .and_then(|id| around.volume(id)?.path.clone())
                .or_else(|| table.required("path")?.path()),
        };
        let live = table.get("live").map(|live| live.boolean());
        return Some(CopyFrom::Path { path: path?, live: live.unwrap_or(Some(false))? });
    }
    let argv = table.required("command").and_then(|value| argv(&value));
    let file = match table.get("file") {
        Some(file) => file_name(&file),
        None => volume.map(|id| format!("{id}.dump")),
    };
    let env = table.get("env").and_then(|value| variables(&value)).unwrap_or_default();
    let consistency = match table.get("consistency") {
        Some(value) => Some(value.variant()?),
        None => None,
    };
    Some(CopyFrom::Command { argv: argv?, file: file?, env, consistency })
}

/// A prefix of a bucket. Its credential is named, so that one that may write elsewhere is not used without anybody having said so.
fn prefix(value: &Value<'_>, volume: Option<&VolumeId>, around: &Around<'_>) -> Option<CopyFrom> {
    let table = value.table("s3")?;
    let reader = table.required("reader");
    let place = bucket(&table);
    if let Some(entry) = volume.and_then(|id| around.volume(id)) {
        let complain = |has: &str, remedy: &str| {
            let what = format!("`{}` is a bucket, and the volume `{}` has {has}", table.key, entry.id);
            table.file.complain(table.at, what, remedy);
        };
        if entry.path.is_some() {
            complain("a path", "leave one out: what is in a bucket is no directory of this machine");
        }
        if entry.is.is_some() {
            complain(
                "`is`",
                "copy the bucket as a volume of its own, with `stands_on` and without `is`: so the bucket and its credential are in the audit",
            );
        }
    }
    (reader.is_some()).then_some(CopyFrom::Prefix(Box::new(place?)))
}

/// Complains of each copy of a bucket into itself, as far as the names say.
fn keep_apart(tables: &[Table<'_>], copies: &[(CopyEntry, usize)], vaults: &[VaultEntry]) {
    let Some(file) = tables.first().map(|table| table.file) else { return };
    for (copy, at) in copies {
        let vault = vaults.iter().find(|vault| vault.id == copy.to).map(|vault| &vault.place);
        let (CopyFrom::Prefix(from), Some(VaultPlace::S3(to))) = (&copy.from, vault) else { continue };
        let within = from.prefix.starts_with(&to.prefix) || to.prefix.starts_with(&from.prefix);
        if within && (&from.endpoint, &from.bucket) == (&to.endpoint, &to.bucket) {
            let what =
                format!("`{}` is copied to `{}`, which lies where it is copied from", copy.volume, copy.to);
            file.complain(*at, what, "keep the vault in another bucket, best with another provider");
        }
    }
}

fn file_name(value: &Value<'_>) -> Option<String> {
    let text = value.text()?;
    if text.contains('/') || matches!(text, "." | "..") || text.len() > 255 {
        value.complain(
            format!("is {}, which is no file name", shown(text)),
            "name a file without a folder, for example \"orders.dump\"",
        );
        return None;
    }
    Some(text.to_owned())
}

/// Complains of each volume whose fastest copy cannot be young enough, just before the next one is done.
fn meet_their_rpo(
    tables: &[Table<'_>],
    copies: &[(CopyEntry, usize)],
    broken: &BTreeSet<VolumeId>,
    around: &Around<'_>,
) {
    let Some(file) = tables.first().map(|table| table.file) else { return };
    let mut volumes: BTreeMap<&VolumeId, Vec<&(CopyEntry, usize)>> = BTreeMap::new();
    copies.iter().for_each(|copy| volumes.entry(&copy.0.volume).or_default().push(copy));
    for (id, of_it) in volumes.into_iter().filter(|(id, _)| !broken.contains(*id)) {
        let fastest = of_it.into_iter().min_by_key(|(copy, _)| copy.every + copy.longest);
        let (Some((copy, at)), Some(rpo)) = (fastest, around.rpo(id)) else { continue };
        let sum = copy.every + copy.longest;
        if sum > rpo {
            let what = format!(
                "`{id}` cannot meet its RPO of {}: its fastest copy is made every {} and may take {}, together {}",
                written(rpo),
                written(copy.every),
                written(copy.longest),
                written(sum),
            );
            let remedy = format!(
                "copy more often, give it a shorter `longest`, or set rpo = \"{}\" in its policy",
                written(sum)
            );
            file.complain(*at, what, remedy);
        }
    }
}

/// Complains of each copy into a vault that locks, of which the policy does not say for how long, or for too long.
fn say_how_long_they_are_locked(
    tables: &[Table<'_>],
    copies: &[(CopyEntry, usize)],
    around: &Around<'_>,
    vaults: &[VaultEntry],
) {
    let Some(file) = tables.first().map(|table| table.file) else { return };
    for (copy, at) in copies {
        let lock = vaults.iter().find(|vault| vault.id == copy.to).and_then(|vault| vault.lock);
        let (Some(lock), Some(policy)) = (lock, around.policy(&copy.volume)) else { continue };
        let (volume, vault) = (&copy.volume, &copy.to);
        let Some(locked_for) = policy.judged.locked_for else {
            let what = format!(
                "`{volume}` is copied to `{vault}`, which locks what it holds, and no policy says for how long"
            );
            file.complain(*at, what, "say it in the volume's policy: locked_for = \"35d\"");
            continue;
        };
        let whole = locked_for.checked_add(&slack_of(locked_for)).unwrap_or(TimeDelta::MAX);
        if whole > lock.most {
            let what = format!(
                "`{volume}` is to be locked in `{vault}` for {} and {} to spare, and {} is the most that is allowed there",
                written(locked_for),
                written(slack_of(locked_for)),
                written(lock.most),
            );
            let remedy = "nobody takes a lock back: lower `locked_for`, or raise `most` of the vault's lock";
            file.complain(*at, what, remedy);
        }
    }
}

/// A duration as the file writes it, in the largest unit that divides it.
fn written(span: TimeDelta) -> String {
    let seconds = span.num_seconds();
    let units = [(86_400, "d"), (3600, "h"), (60, "m")];
    let unit =
        units.iter().find(|(length, _)| seconds % length == 0 && (*length < DAY || seconds >= 3 * DAY));
    unit.map_or_else(|| format!("{seconds}s"), |(length, letter)| format!("{}{letter}", seconds / length))
}
