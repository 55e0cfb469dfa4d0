//! Dumps of PostgreSQL: `pg_dump` in its custom, directory and plain formats, and `pg_dumpall`.
//!
//! Layout of the header: `WriteHead` and `WriteInt` in PostgreSQL's pg_backup_archiver.c; tried with
//! version 15 in `tests/survey`.

use super::kind::{Content, Sample, Whole, by_its_end, contains};
use super::text::{lines, value_after};
use crate::domain::{PointKind, Timestamp, printable};
use chrono::{NaiveDate, NaiveDateTime, NaiveTime};

const MAGIC: &[u8] = b"PGDMP";
/// `ArchiveFormat` in `pg_backup.h`.
const CUSTOM: u8 = 1;
/// What the table of contents of a dump in the directory format says, so that it can be packed into a tar archive.
const TAR: u8 = 3;
/// No name or version is longer.
const LONGEST: usize = 1 << 10;

/// A dump in one file.
pub(super) fn recognise(sample: &Sample) -> Option<Content> {
    match header(&sample.head) {
        Some(header) if header.format == CUSTOM => Some(custom(sample, &header)),
        // The contents of a dump in the directory format: the directory is the dump.
        Some(_) => None,
        None => plain(sample),
    }
}

/// A directory that `pg_dump` wrote, by the bytes of its `toc.dat`.
pub(super) fn directory(toc: &Sample) -> Option<Content> {
    let header = header(&toc.head).filter(|header| header.format == TAR)?;
    let whole = match header.told {
        Some(_) => Whole::Open("whether every file of it is there was not looked at".into()),
        None => Whole::Cut("its toc.dat ends within its header".into()),
    };
    Some(header.content("a dump by pg_dump in its directory format", whole))
}

fn custom(sample: &Sample, header: &Header) -> Content {
    let whole = match header.told {
        None => Whole::Cut("it ends within its header".into()),
        // The last thing written is a number that is zero: the end of data, or of a table of contents without data.
        Some(_) => by_its_end(sample, |tail| match tail.ends_with(&[0; 5]) {
            true => Whole::Ends,
            false => Whole::Cut("it does not end as pg_dump ends such a file: cut off".into()),
        }),
    };
    header.content("a dump by pg_dump in its custom format", whole)
}

struct Header {
    version: (u8, u8),
    format: u8,
    told: Option<Told>,
}

/// What the header tells of the dump.
struct Told {
    at: Option<Timestamp>,
    database: String,
    server: String,
}

impl Header {
    fn content(&self, what: &str, whole: Whole) -> Content {
        let (major, minor) = self.version;
        let mut what = format!("{what} {major}.{minor}");
        if let Some(told) = &self.told {
            what.push_str(&format!(", of the database {}, server {}", told.database, told.server));
        }
        Content {
            claims: self.told.as_ref().and_then(|told| told.at),
            ..Content::new(PointKind::Dump, what, whole)
        }
    }
}

fn header(head: &[u8]) -> Option<Header> {
    let rest = head.strip_prefix(MAGIC)?;
    let (&[major, minor, _revision, size, _offsets, format], rest) = rest.split_first_chunk::<6>()?;
    // What no version ever wrote is not a dump: the magic is only five letters.
    let is_known = major == 1 && (10..=40).contains(&minor) && (1..=8).contains(&size);
    is_known.then(|| Header {
        version: (major, minor),
        format,
        told: told(&mut Reader { rest, size: size.into() }, minor),
    })
}

fn told(reader: &mut Reader<'_>, minor: u8) -> Option<Told> {
    // Since 1.15 the way of compressing is one byte; before, a level.
    if minor >= 15 {
        reader.byte().map(drop)?
    } else {
        reader.int().map(drop)?
    }
    let [second, minute, hour, day, month, year, _summer] = reader.ints()?;
    let database = reader.text()?;
    let server = reader.text()?;
    Some(Told { at: moment([year, month, day, hour, minute, second]), database, server })
}

/// The fields of C's `tm`, in the time zone of the machine that made the dump, which is not told: taken as UTC.
fn moment([year, month, day, hour, minute, second]: [i64; 6]) -> Option<Timestamp> {
    let field = |value: i64| u32::try_from(value).ok();
    let year = i32::try_from(year.checked_add(1900)?).ok()?;
    let date = NaiveDate::from_ymd_opt(year, field(month)?.checked_add(1)?, field(day)?)?;
    let time = NaiveTime::from_hms_opt(field(hour)?, field(minute)?, field(second)?)?;
    Some(NaiveDateTime::new(date, time).and_utc())
}

struct Reader<'a> {
    rest: &'a [u8],
    size: usize,
}

impl Reader<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(first)
    }

    /// A byte for the sign, then the value with its lowest byte first.
    fn int(&mut self) -> Option<i64> {
        let negative = self.byte()? != 0;
        let mut value: u64 = 0;
        for place in 0..self.size {
            value |= u64::from(self.byte()?) << (8 * place);
        }
        let value = i64::try_from(value).ok()?;
        Some(if negative { -value } else { value })
    }

    fn ints<const N: usize>(&mut self) -> Option<[i64; N]> {
        let mut all = [0; N];
        for one in &mut all {
            *one = self.int()?;
        }
        Some(all)
    }

    fn text(&mut self) -> Option<String> {
        let length = usize::try_from(self.int()?).ok().filter(|&length| length <= LONGEST)?;
        let (text, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(printable(text))
    }
}

/// The two kinds of SQL: the comment that the file begins with, the one near its end, and words.
const PLAIN: [(&[u8], &[u8], &str); 2] = [
    (
        b"-- PostgreSQL database dump",
        b"\n-- PostgreSQL database dump complete",
        "a dump by pg_dump in plain SQL",
    ),
    (
        b"-- PostgreSQL database cluster dump",
        b"\n-- PostgreSQL database cluster dump complete",
        "a dump by pg_dumpall in plain SQL",
    ),
];

/// SQL that begins with the comment which `pg_dump` writes. Text that only mentions it is none.
fn plain(sample: &Sample) -> Option<Content> {
    let mut first = lines(&sample.head).filter(|line| !line.is_empty());
    let [opening, title, closing] = [first.next()?, first.next()?, first.next()?];
    if opening != b"--" || closing != b"--" {
        return None;
    }
    let (_, end, what) = PLAIN.into_iter().find(|(wanted, _, _)| title == *wanted)?;
    let whole = by_its_end(sample, |tail| match contains(tail, end) {
        true => Whole::Ends,
        false => Whole::Cut("the line that pg_dump ends with is missing: cut off".into()),
    });
    let server = value_after(&sample.head, b"-- Dumped from database version ");
    let what = match server {
        Some(server) => format!("{what}, server {server}"),
        None => what.to_owned(),
    };
    Some(Content::new(PointKind::Dump, what, whole))
}
