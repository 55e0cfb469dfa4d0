//! What came back: databases, tables, rows.

use super::server::Server;
use super::wire::Link;
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

/// All databases with their tables and rows. `template1` is told only where something is in it.
///
/// # Errors
/// What the server said: a table that cannot be read is none that came back.
pub(super) fn count(server: &Server<'_>, superuser: &str) -> Result<Vec<PostgresDatabase>> {
    let mut all = Vec::new();
    for row in asked(&mut server.oversee(superuser, "template1")?, DATABASES)? {
        let name = text(&row, 0)?;
        let tables = tables(server, superuser, name)?;
        if name == "template1" && tables.is_empty() {
            continue;
        }
        all.push(PostgresDatabase {
            name: printable(name.as_bytes()),
            bytes: number(&row, 1)?.unsigned_abs(),
            rows: tables.iter().map(|table| table.rows).sum(),
            tables,
        });
    }
    Ok(all)
}

fn tables(server: &Server<'_>, superuser: &str, database: &str) -> Result<Vec<PostgresTable>> {
    let mut link = server.oversee(superuser, database)?;
    let mut all = Vec::new();
    for row in asked(&mut link, TABLES)? {
        let is_counted = number(&row, 3)? <= COUNTED;
        let rows = match is_counted {
            true => asked(&mut link, text(&row, 5)?)?.first().map_or(Ok(0), |row| number(row, 0))?,
            false => number(&row, 4)?.max(0),
        };
        all.push(PostgresTable {
            schema: printable(text(&row, 1)?.as_bytes()),
            name: printable(text(&row, 2)?.as_bytes()),
            rows: rows.unsigned_abs(),
            counted: is_counted,
            unlogged: text(&row, 6)? == "u",
        });
    }
    Ok(all)
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
    link.ask(sql)
        .map_err(|trouble| trouble.into_problem(&format!("counting, at `{}`", printable(sql.as_bytes()))))
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
