//! A real PostgreSQL for tests: with tables to count, ended with the test.

use super::hand::output;
use super::place::{Place, tool};
use std::path::{Path, PathBuf};
use std::process::Command;

pub const BIN: &str = "/usr/lib/postgresql/15/bin";

/// A PostgreSQL of its own, ended with the test.
pub struct Postgres {
    pub run: PathBuf,
}

/// Accounts as `pgbench -i` makes them for one unit of scale.
pub const ACCOUNTS: u64 = 100_000;

impl Postgres {
    pub fn start(place: &Place, name: &str) -> Self {
        let run = place.directory(name);
        tool("chown", &["postgres".as_ref(), run.as_os_str()]);
        let server = Self { run };
        server.by_its_user(&format!("{BIN}/initdb -D db --auth=trust >/dev/null"));
        server.go_on();
        server
    }

    /// Starts what was stopped.
    pub fn go_on(&self) {
        let run = self.run.display();
        self.by_its_user(&format!(
            "{BIN}/pg_ctl -D db -w -s -l log -o \"-k {run} -c listen_addresses=''\" start"
        ));
    }

    /// Ends it: `fast` as one should, `immediate` as a power cut does.
    pub fn stop(&self, how: &str) {
        self.by_its_user(&format!("{BIN}/pg_ctl -D db -m {how} -s stop"));
    }

    /// Runs a script in its directory, as the user that it runs as.
    pub fn by_its_user(&self, script: &str) {
        let script = format!("cd {} && {script}", self.run.display());
        let done =
            output(Command::new("runuser").args(["-u", "postgres", "--", "sh", "-c", &script])).unwrap();
        assert!(done.status.success(), "{done:?}");
    }

    pub fn data(&self) -> PathBuf {
        self.run.join("db")
    }

    pub fn ask(&self, database: &str, question: &str) -> String {
        ask(&self.run, database, question)
    }

    /// A database `shop` with what pgbench makes, and tables of several types, owners and privileges.
    pub fn fill(&self) {
        self.ask("postgres", "create database shop");
        self.ask("postgres", "create role clerk login; create role auditor");
        let run = self.run.display();
        self.by_its_user(&format!("{BIN}/pgbench -h {run} -i -s 1 -q shop 2>/dev/null"));
        self.ask("shop", FILLED);
    }
}

/// Names that mean something to SQL and to a shell, big values, blocks that no string holds, a trigger.
const FILLED: &str = r#"
    create schema "Odd; Schema";
    create table "Odd; Schema"."it's a ""table""" (id bigserial primary key, said text, at timestamptz default now(),
        price numeric(12,2), tags text[], doc jsonb, raw bytea, ok boolean);
    insert into "Odd; Schema"."it's a ""table""" (said, price, tags, doc, raw, ok)
        select E'line\n\\. ; \t' || n, n * 1.37, array['a', E'\\' || n], jsonb_build_object('n', n), sha256(n::text::bytea), n % 2 = 0
        from generate_series(1, 4321) n;
    create table big (id int, body text);
    insert into big select n, repeat(md5(n::text), 2000) from generate_series(1, 200) n;
    create table parts (id int, year int) partition by range (year);
    create table parts_2025 partition of parts for values from (2025) to (2026);
    create table parts_2026 partition of parts for values from (2026) to (2027);
    insert into parts select n, 2025 + n % 2 from generate_series(1, 999) n;
    create table empty (id int);
    create function twice(n int) returns int language sql begin atomic select n * 2; end;
    create function noted() returns trigger language plpgsql as $$ begin raise notice 'a; b'; return new; end $$;
    create trigger noting before update on big for each row execute function noted();
    create rule doing as on delete to empty do also (select 1; select 2);
    create view totals as select count(*) from big;
    alter table big owner to clerk;
    grant select on parts to auditor;
"#;

impl Drop for Postgres {
    fn drop(&mut self) {
        let stop = format!("cd / && {BIN}/pg_ctl -D {}/db -m immediate -s stop", self.run.display());
        drop(output(Command::new("runuser").args(["-u", "postgres", "--", "sh", "-c", &stop])));
    }
}

/// What a server answers that has its socket there.
pub fn ask(socket: &Path, database: &str, question: &str) -> String {
    let host = format!("--host={}", socket.display());
    let program = format!("{BIN}/psql");
    let options = ["-X", "-qAt", "-v", "ON_ERROR_STOP=1", &host, "-U", "postgres", "-d", database];
    tool(&program, &[&options[..], &["-c", "set timezone = 'UTC'", "-c", question]].concat())
}

/// Every table of a database with its rows, and a digest of all of them in an order of their own.
pub fn rows(socket: &Path, database: &str) -> Vec<String> {
    const EACH: &str = "select format('select %L || chr(9) || count(*) || chr(9) || \
        coalesce(md5(string_agg(t::text, chr(10) order by t::text collate \"C\")), %L) from only %I.%I t', \
        nspname || '.' || relname, '-', nspname, relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace \
        where relkind = 'r' and nspname not in ('pg_catalog', 'information_schema') order by nspname, relname";
    let questions = ask(socket, database, EACH);
    questions.lines().map(|question| ask(socket, database, question).trim_end().to_owned()).collect()
}

/// Processes of PostgreSQL that work below a directory.
pub fn at_work_below(directory: &Path) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let of = |path: PathBuf| {
        let works = std::fs::read_link(path.join("cwd")).ok()?;
        let name = std::fs::read_to_string(path.join("comm")).ok()?;
        works.starts_with(directory).then(|| format!("{} {}", name.trim(), path.display()))
    };
    processes.filter_map(|process| of(process.path())).collect()
}
