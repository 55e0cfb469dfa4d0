//! What came back: databases, tables, rows.

use super::DATABASE;
use super::load::NOT_ALLOWED;
use super::server::Server;
use super::wire::{Link, Trouble};
use crate::domain::{Kind, Problem, Result, printable};
use crate::report::activity::{PostgresDatabase, PostgresTable};

/// Rows of a larger table are not counted one by one: the planner's estimate is told.
const COUNTED: i64 = 1 << 30;
/// What belongs to the system, and what lasts no longer than a session. The table of a view or a foreign table holds nothing.
const TABLES: &str = "select c.oid, n.nspname, c.relname, pg_relation_size(c.oid), c.reltuples::bigint, \
    format('select count(*) from only %I.%I', n.nspname, c.relname), c.relpersistence \
    from pg_class c join pg_namespace n on n.oid = c.relnamespace \
    where c.relkind = 'r' and c.relpersistence <> 't' and n.nspname <> 'information_schema' \
    and n.nspname !~ '^pg_' order by 2, 3";
const DATABASES: &str =
    "select datname, pg_database_size(oid) from pg_database where datallowconn order by 1";

/// Who counts.
///
/// To count a table is to plan a query on it, and the planner calls the functions that the table's indexes are made by, as whoever asks.
#[derive(Debug, Clone, Copy)]
pub(super) enum Counting<'r> {
    /// The role that a dump of one database was read by: what the dump brought along may no more than when it was read.
    Reader,
    /// A superuser, of what is trusted wholly.
    Superuser(&'r str),
}

impl Counting<'_> {
    fn link<'a>(self, server: &Server<'a>, database: &str) -> Result<Link<'a>> {
        match self {
            Self::Superuser(role) => server.oversee(role, database),
            Self::Reader => server.look(DATABASE, database),
        }
    }
}

/// All databases with their tables and rows. `template1` is told only where something is in it.
///
/// # Errors
/// What the server said: a table that cannot be read is none that came back.
pub(super) fn count(server: &Server<'_>, by: Counting<'_>) -> Result<Vec<PostgresDatabase>> {
    let mut all = Vec::new();
    for row in asked(&mut by.link(server, "template1")?, DATABASES)? {
        let name = text(&row, 0)?;
        let tables = tables(&mut by.link(server, name)?)?;
        if name == "template1" && tables.is_empty() {
            continue;
        }
        all.push(PostgresDatabase {
            name: printable(name.as_bytes()),
            bytes: number(&row, 1)?.unsigned_abs(),
            rows: tables.iter().filter_map(|table| table.rows).sum(),
            tables,
        });
    }
    Ok(all)
}

fn tables(link: &mut Link<'_>) -> Result<Vec<PostgresTable>> {
    let mut all = Vec::new();
    for row in asked(link, TABLES)? {
        // Less than zero where the planner has never looked.
        let estimate = number(&row, 4)?;
        let counted = match number(&row, 3)? <= COUNTED || estimate < 0 {
            true => rows(link, text(&row, 5)?)?,
            false => None,
        };
        let is_counted = counted.is_some();
        let rows = counted.unwrap_or(estimate);
        all.push(PostgresTable {
            schema: printable(text(&row, 1)?.as_bytes()),
            name: printable(text(&row, 2)?.as_bytes()),
            rows: u64::try_from(rows).ok(),
            counted: is_counted,
            unlogged: text(&row, 6)? == "u",
        });
    }
    Ok(all)
}

/// How many rows there are; none where whoever asks may not see all of them, as where a policy hides some from the table's owner too.
fn rows(link: &mut Link<'_>, sql: &str) -> Result<Option<i64>> {
    match link.ask(sql) {
        Ok(rows) => rows.first().map_or(Ok(0), |row| number(row, 0)).map(Some),
        Err(Trouble::Server(complaint)) if complaint.code == NOT_ALLOWED => Ok(None),
        Err(trouble) => Err(failed(trouble, sql)),
    }
}

type Row = Vec<Option<String>>;

/// The version, once the server is no longer in recovery: what is, cannot be promoted as it is.
///
/// # Errors
/// `Refused` where it is.
pub(super) fn version(server: &Server<'_>, superuser: &str) -> Result<String> {
    let mut link = server.oversee(superuser, "template1")?;
    let rows = asked(&mut link, "select current_setting('server_version'), pg_is_in_recovery()::text")?;
    let row = rows.first().ok_or_else(none)?;
    if text(row, 1)? != "false" {
        return Err(Problem::new(Kind::Refused, "the server is in recovery, as a standby is"));
    }
    Ok(printable(text(row, 0)?.as_bytes()))
}

fn asked(link: &mut Link<'_>, sql: &str) -> Result<Vec<Row>> {
    link.ask(sql).map_err(|trouble| failed(trouble, sql))
}

fn failed(trouble: Trouble, sql: &str) -> Problem {
    trouble.into_problem(&format!("counting, at `{}`", printable(sql.as_bytes())))
}

fn text(row: &Row, place: usize) -> Result<&str> {
    row.get(place).and_then(Option::as_deref).ok_or_else(none)
}

fn number(row: &Row, place: usize) -> Result<i64> {
    text(row, place)?.parse().map_err(|_| none())
}

fn none() -> Problem {
    Problem::new(Kind::Internal, "the server answers something else than it was asked")
}
