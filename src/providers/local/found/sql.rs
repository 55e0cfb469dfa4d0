//! Dumps in SQL by `mysqldump`, `mariadb-dump` and the `.dump` of SQLite's shell.

use super::kind::{Content, Sample, Whole, by_its_end};
use super::text::{lines, value_after};
use crate::domain::{PointKind, Timestamp};
use chrono::NaiveDateTime;

/// SQL that begins as one of these programs begins it.
pub(super) fn recognise(sample: &Sample) -> Option<Content> {
    mysql(sample).or_else(|| sqlite(sample))
}

fn mysql(sample: &Sample) -> Option<Content> {
    // MariaDB's newer ones put a command before it that keeps the client from running others.
    let is_sandbox = |line: &&[u8]| line.starts_with(b"/*") && line.contains(&b'!');
    let first = lines(&sample.head).find(|line| !line.is_empty() && !is_sandbox(line))?;
    let by = match () {
        () if first.starts_with(b"-- MySQL dump ") => "mysqldump",
        () if first.starts_with(b"-- MariaDB dump ") => "mariadb-dump",
        () => return None,
    };
    let mut what = format!("a dump by {by} in SQL");
    if let Some(of) = value_after(&sample.head, b"-- Host: ") {
        what.push_str(&format!(", of the host {of}"));
    }
    let end = |tail: &[u8]| lines(tail).rev().find(|line| !line.is_empty()).map(<[u8]>::to_vec);
    let last = sample.tail.as_deref().and_then(end).unwrap_or_default();
    let whole = by_its_end(sample, |_| match last.starts_with(b"-- Dump completed") {
        true => Whole::Ends,
        false => Whole::Cut(format!("the line that {by} ends with is missing: cut off")),
    });
    let claims = last.strip_prefix(b"-- Dump completed on ").and_then(moment);
    Some(Content { claims, ..Content::new(PointKind::Dump, what, whole) })
}

/// The time of day is that of the machine that made the dump; its zone is not told: taken as UTC.
fn moment(text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?.split_whitespace().collect::<Vec<_>>().join(" ");
    Some(NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M:%S").ok()?.and_utc())
}

fn sqlite(sample: &Sample) -> Option<Content> {
    let mut first = lines(&sample.head);
    if first.next()? != b"PRAGMA foreign_keys=OFF;" || first.next()? != b"BEGIN TRANSACTION;" {
        return None;
    }
    let whole = by_its_end(sample, |tail| match lines(tail).rev().find(|line| !line.is_empty()) {
        Some(b"COMMIT;") => Whole::Ends,
        Some(b"ROLLBACK; -- due to errors") => {
            Whole::Cut("the program that made it met errors, and says so at its end".into())
        }
        _ => Whole::Cut("it does not end with COMMIT: cut off".into()),
    });
    Some(Content::new(PointKind::Dump, "a dump by sqlite3 in SQL", whole))
}
