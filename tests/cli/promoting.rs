//! A dump, or a copied data directory, becomes a PostgreSQL that is ready to be promoted; and whatever is wrong with it reaches nothing.

use super::database::{ACCOUNTS, BIN, Postgres, ask, at_work_below, rows};
use super::hand::output;
use super::place::{Place, tool};
use super::run::{Ended, Run};
use serde_json::Value;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

#[path = "promoting_more.rs"]
mod more;

/// A vault that holds this alone.
fn vault_of(place: &Place, volume: &Path) -> PathBuf {
    let vault = place.path(&format!("vault-{}", volume.file_name().unwrap().to_str().unwrap()));
    place.outlive(&[&"copy", &volume, &"--vault", &vault]).end().expect(0);
    vault
}

fn to_postgres(place: &Place, vault: &Path, new: &Path, more: &[&str]) -> Run {
    let mut all: Vec<&dyn AsRef<OsStr>> =
        vec![&"--format", &"json", &"restore", &"--vault", &vault, &"--to-postgres", &new];
    all.extend(more.iter().map(|word| word as &dyn AsRef<OsStr>));
    place.outlive(&all)
}

/// What is told of the server, which must be over.
#[track_caller]
fn made(ended: &Ended, new: &Path) -> Value {
    assert_eq!(at_work_below(new), Vec::<String>::new(), "a server was left running");
    let told = ended.json("restore");
    assert_eq!(told["compared"], true, "{told:#}");
    told["postgres"].clone()
}

#[track_caller]
fn ready(ended: Ended, new: &Path) -> Value {
    let made = made(&ended, new);
    assert!(ended.code == Some(0) && made["ready"] == true, "{made:#}\n{}", ended.stderr);
    made
}

/// Why there is no server: the restore itself is sound.
#[track_caller]
fn not_ready(ended: Ended, new: &Path) -> String {
    let made = made(&ended, new);
    assert!(ended.code == Some(12) && made["ready"] == false, "{made:#}\n{}", ended.stderr);
    assert_eq!(made["steps"].as_array().unwrap().len(), 0, "what is not ready is not promoted: {made:#}");
    let parts =
        ["what", "place", "what_to_do"].map(|part| made["problem"][part].as_str().unwrap().to_owned());
    parts.join("; ")
}

/// Runs the commands of the steps that were told.
fn follow(made: &Value, numbers: &[usize]) {
    for number in numbers {
        let command = made["steps"][number - 1]["command"].as_str().unwrap();
        let done =
            output(Command::new("sh").args(["-c", command]).stdin(std::process::Stdio::null())).unwrap();
        assert!(done.status.success(), "{command}: {done:?}");
    }
}

/// The rows that are told, table by table.
fn told_rows(made: &Value, database: &str) -> Vec<(String, u64)> {
    let databases = made["databases"].as_array().unwrap();
    let found =
        databases.iter().find(|found| found["name"] == database).unwrap_or_else(|| panic!("{made:#}"));
    let table = |table: &Value| {
        let name = format!("{}.{}", table["schema"].as_str().unwrap(), table["name"].as_str().unwrap());
        (name, table["rows"].as_u64().unwrap())
    };
    found["tables"].as_array().unwrap().iter().map(table).collect()
}

#[test]
fn a_dump_in_every_format_becomes_a_server_with_all_its_rows_that_can_be_started_and_promoted() {
    let place = Place::new();
    let old = Postgres::start(&place, "old");
    old.fill();
    let expected = rows(&old.run, "shop");
    assert!(expected.len() >= 9, "{expected:?}");
    for format in ["custom", "tar", "plain"] {
        old.by_its_user(&format!("{BIN}/pg_dump -h $PWD -d shop -F {format} -f {format}.dump"));
        let vault = vault_of(&place, &old.run.join(format!("{format}.dump")));
        let new = place.path(&format!("new-{format}"));
        let made = ready(to_postgres(&place, &vault, &new, &[]).end(), &new);
        let told = told_rows(&made, "restored");
        assert!(told.contains(&("public.pgbench_accounts".into(), ACCOUNTS)), "{told:?}");
        assert_eq!(made["rows"], told.iter().map(|(_, rows)| rows).sum::<u64>());
        if format == "plain" {
            let owners = made["owners_left_out"].as_array().unwrap();
            assert!(owners.contains(&"clerk".into()), "{made:#}");
        }
        follow(&made, &[1, 2]);
        assert_eq!(rows(&new.join("socket"), "restored"), expected, "{format}");
        assert_eq!(ask(&new.join("socket"), "restored", "show listen_addresses"), "\n");
        follow(&made, &[3]);
        assert_eq!(at_work_below(&new), Vec::<String>::new());
        let listed = place.outlive(&[&"vault", &"list", &vault]).end().expect(0);
        listed.says(" restored");
    }
    // The last steps: by its own configuration, where a peer's name is asked for.
    let new = place.path("new-plain");
    let script = std::fs::read_to_string(new.join("start.sh")).unwrap();
    assert!(script.contains("archive_mode=off"), "{script}");
}

#[test]
fn a_dump_of_a_whole_server_is_read_by_a_superuser_only_where_that_is_asked_for() {
    let place = Place::new();
    let old = Postgres::start(&place, "old");
    old.fill();
    old.ask("postgres", "create database second owner clerk");
    old.ask("second", "create table one as select 1 as n");
    old.by_its_user(&format!("{BIN}/pg_dumpall -h $PWD -f all.sql"));
    let vault = vault_of(&place, &old.run.join("all.sql"));
    let refused = place.path("refused");
    let why = not_ready(to_postgres(&place, &vault, &refused, &[]).end(), &refused);
    assert!(why.contains("only a superuser may") && why.contains("--postgres-superuser"), "{why}");
    assert!(refused.join("dump").is_file());
    let new = place.path("new");
    let made = ready(to_postgres(&place, &vault, &new, &["--postgres-superuser"]).end(), &new);
    assert_eq!(told_rows(&made, "second"), [("public.one".to_owned(), 1)]);
    follow(&made, &[1, 2]);
    let socket = new.join("socket");
    for database in ["shop", "second"] {
        assert_eq!(rows(&socket, database), rows(&old.run, database), "{database}");
    }
    let owner = "select pg_get_userbyid(relowner) from pg_class where relname = 'big'";
    assert_eq!(ask(&socket, "shop", owner), "clerk\n");
    follow(&made, &[3]);
}

/// SQL with the heading and the end that pg_dump writes.
fn dump_of(place: &Place, name: &str, sql: &str, end: &str) -> PathBuf {
    let heading = "--\n-- PostgreSQL database dump\n--\n\nSET client_encoding = 'UTF8';\n";
    let text = format!("{heading}create table fine as select 1 as n;\n{sql}\n{end}");
    place.file(name, text)
}

const END: &str = "--\n-- PostgreSQL database dump complete\n--\n";

#[test]
fn a_hostile_dump_runs_no_program_and_one_that_was_cut_short_is_not_called_whole() {
    let place = Place::new();
    let pwned = place.path("tmp/pwned");
    let touch = format!("touch {}", pwned.display());
    let cases = [
        (
            "meta",
            format!("\\! {touch}"),
            END,
            "a command to psql, which no dump needs: \\\\! touch",
            "line 7",
        ),
        ("hidden", format!("select 'a' \\! {touch}\n;"), END, "a command to psql", "line 7"),
        ("program", format!("copy fine from program '{touch}';"), END, "(42501)", "line 7"),
        ("file", "copy fine from '/etc/passwd';".into(), END, "(42501)", "line 7"),
        ("role", "create role evil superuser;".into(), END, "--postgres-superuser", "line 7"),
        ("wrong", "select nonsense;".into(), END, "(42703)", "line 7"),
        ("elsewhere", "\\connect host=192.0.2.1".into(), END, "a command to psql", "line 7"),
        // What stands behind a zero byte would be another parameter of the connection.
        (
            "zero",
            format!("\\connect \"postgres\0user\0postgres\"\ncopy fine from program '{touch}';"),
            END,
            "a command to psql",
            "line 7",
        ),
        // No database but the one that was made for it.
        ("other", format!("\\connect postgres\ncopy fine from program '{touch}';"), END, "(42501)", "line 8"),
        ("open", "begin; insert into fine values (2);".into(), END, "leaves a transaction open", ""),
        (
            "behind",
            "copy fine from stdin; select 1;\n1\n\\.".into(),
            END,
            "something stands behind",
            "line 7",
        ),
        ("cut", "create table more (n int);".into(), "", "cut short", ""),
        ("cut-rows", "copy fine from stdin;\n7".into(), "", "ends within the rows of a table", ""),
    ];
    for (name, sql, end, because, line) in cases {
        let vault = vault_of(&place, &dump_of(&place, &format!("{name}.sql"), &sql, end));
        let new = place.path(&format!("new-{name}"));
        let why = not_ready(to_postgres(&place, &vault, &new, &[]).end(), &new);
        assert!(why.contains(because) && why.contains(line), "{name}: {why}");
        assert!(!pwned.exists(), "{name}: it ran");
        assert!(new.join("dump").is_file());
    }
    // What a superuser's dump may do it does: the flag says so.
    let sql = format!("copy fine from program '{touch}; echo 2';");
    let vault = vault_of(&place, &dump_of(&place, "trusted.sql", &sql, END));
    let new = place.path("new-trusted");
    let run = to_postgres(&place, &vault, &new, &["--postgres-superuser"]).start();
    let made = ready(run.end_unjudged(), &new);
    assert_eq!(told_rows(&made, "restored"), [("public.fine".to_owned(), 2)]);
    assert!(pwned.exists());
}

#[test]
fn a_data_directory_recovers_and_neither_archives_nor_follows_nor_loads_anything() {
    let place = Place::new();
    let old = Postgres::start(&place, "old");
    old.fill();
    let expected = rows(&old.run, "shop");
    let archived = place.path("tmp/archived");
    old.ask("postgres", &format!("alter system set archive_command = 'touch {}; true'", archived.display()));
    for (name, value) in [
        ("archive_mode", "always"),
        ("primary_conninfo", "host=192.0.2.1"),
        ("listen_addresses", "*"),
        ("port", "54329"),
        ("synchronous_standby_names", "nobody"),
        ("log_directory", "/nowhere"),
        ("max_connections", "177"),
    ] {
        old.ask("postgres", &format!("alter system set {name} = '{value}'"));
    }
    old.by_its_user("echo \"shared_preload_libraries = 'nothing_such'\" >>db/postgresql.conf");
    old.by_its_user("echo \"include '/nowhere/at/all.conf'\" >>db/postgresql.conf");
    old.stop("immediate");
    let vault = vault_of(&place, &old.data());
    let new = place.path("new");
    let made = ready(to_postgres(&place, &vault, &new, &[]).end(), &new);
    assert!(made["notices"].to_string().contains("recovered as after a crash"), "{made:#}");
    assert!(made["notices"].to_string().contains("not copied from a snapshot"), "{made:#}");
    assert!(told_rows(&made, "shop").contains(&("public.pgbench_accounts".into(), ACCOUNTS)));
    follow(&made, &[1, 2]);
    let socket = new.join("socket");
    assert_eq!(rows(&socket, "shop"), expected);
    for (name, value) in [
        ("archive_mode", "off"),
        ("primary_conninfo", ""),
        ("listen_addresses", ""),
        ("max_connections", "100"),
    ] {
        assert_eq!(ask(&socket, "postgres", &format!("show {name}")), format!("{value}\n"), "{name}");
    }
    ask(&socket, "postgres", "select pg_switch_wal()");
    follow(&made, &[3, 5]);
    assert!(!archived.exists(), "it archived over the old archive");
}

/// A data directory that something is wrong with, and what is said of it.
#[test]
fn a_data_directory_that_would_reach_elsewhere_stays_restored_and_is_not_started() {
    let place = Place::new();
    let old = Postgres::start(&place, "old");
    old.stop("fast");
    let live = place.directory("live-tablespace");
    let cases = [
        ("version", "echo 14 >db/PG_VERSION", "echo 15 >db/PG_VERSION", "apt install postgresql-14"),
        ("standby", "touch db/standby.signal", "rm db/standby.signal", "follows another server"),
        ("label", "touch db/backup_label", "rm db/backup_label", "it is a base backup"),
        (
            "map",
            &format!("echo '16400 {}' >db/tablespace_map", live.display()),
            "rm db/tablespace_map",
            "where the map says",
        ),
        (
            "old",
            "touch db/recovery.conf; echo 11 >db/PG_VERSION",
            "rm db/recovery.conf; echo 15 >db/PG_VERSION",
            "old version",
        ),
        (
            "tablespace",
            &format!("ln -s {} db/pg_tblspc/16400", live.display()),
            "rm db/pg_tblspc/16400",
            "a link in it leads to",
        ),
        (
            "include",
            "cp db/postgresql.auto.conf kept; echo \"include 'x'\" >>db/postgresql.auto.conf",
            "cp kept db/postgresql.auto.conf",
            "reads another file",
        ),
        (
            "broken",
            "mv db/global/pg_control control",
            "mv control db/global/pg_control",
            "pg_controldata failed",
        ),
    ];
    for (name, spoil, mend, because) in cases {
        old.by_its_user(spoil);
        let vault = place.path(&format!("vault-{name}"));
        place.outlive(&[&"copy", &old.data(), &"--vault", &vault]).end().expect(0);
        old.by_its_user(mend);
        let new = place.path(&format!("new-{name}"));
        let why = not_ready(to_postgres(&place, &vault, &new, &[]).end(), &new);
        assert!(why.contains(because), "{name}: {why}");
        assert!(new.join("data/base").is_dir(), "{name}: what was restored is gone");
        let is_told_how = new.join("start.sh").exists();
        assert!(!is_told_how || ["version", "broken"].contains(&name), "{name}: a script starts it");
    }
    assert_eq!(super::place::names(&live).len(), 0, "the live tablespace was touched");
    refused_before_anything_is_written(&place);
}

fn refused_before_anything_is_written(place: &Place) {
    // Below a directory of somebody else's, root makes nothing.
    let theirs = place.directory("theirs");
    tool("chown", &["postgres".as_ref(), theirs.as_os_str()]);
    let below = theirs.join("new");
    let refused = to_postgres(place, &place.path("vault-map"), &below, &[]).end().expect(2);
    refused.complains("not root's alone");
    assert!(!below.exists());
    // A directory that is none, and a file that is none, are refused before anything is written.
    let (tree, file) = (place.file("tree/a", "a").parent().unwrap().to_owned(), place.file("some.img", "x"));
    for (volume, because) in [(tree, "no PG_VERSION"), (file, "no dump of PostgreSQL")] {
        let (vault, new) = (vault_of(place, &volume), place.path("never"));
        to_postgres(place, &vault, &new, &[]).end().expect(2).complains(because);
        assert!(!new.exists());
    }
}

#[test]
fn whoever_is_killed_leaves_no_server_and_who_has_no_postgres_is_told_at_once() {
    let place = Place::new();
    let dump = dump_of(&place, "slow.sql", "select pg_sleep(600);", END);
    let vault = vault_of(&place, &dump);
    for signal in [rustix::process::Signal::KILL, rustix::process::Signal::TERM] {
        let new = place.path(&format!("new-{}", signal.as_raw()));
        let mut run = to_postgres(&place, &vault, &new, &[]).start();
        wait(|| new.join("socket/.s.PGSQL.5432").exists() && is_asleep(&new), "the dump is read");
        assert!(run.signal(signal));
        // The recorder would wait for what it left.
        wait(|| at_work_below(&new).is_empty(), "the server ends");
        let ended = run.end();
        if signal == rustix::process::Signal::TERM {
            assert!(not_ready(ended, &new).contains("stopped as asked"));
        }
    }
    let (never, empty) = (place.path("never"), place.directory("empty"));
    for (more, because) in [
        (["--postgres-bin", empty.to_str().unwrap()], "does not hold PostgreSQL's programs"),
        (["--postgres-user", "nobody-such"], "there is no user nobody-such"),
        (["--postgres-user", "root"], "does not run as root"),
        (["--to", "elsewhere"], "cannot be used with"),
        (["--only", "a"], "cannot be used with"),
    ] {
        to_postgres(&place, &vault, &never, &more).end().expect(2).complains(because);
        assert!(!never.exists(), "{because}");
    }
    let deep = place.directory(&"long-".repeat(20)).join("new");
    to_postgres(&place, &vault, &deep, &[]).end().expect(2).complains("too long for the socket");
    let closed = place.directory("closed");
    super::place::chmod(&closed, 0o700);
    to_postgres(&place, &vault, &closed.join("new"), &[]).end().expect(2).complains("cannot come to");
    assert!(!deep.exists() && !closed.join("new").exists());
}

#[test]
fn a_restore_that_was_killed_goes_on_and_becomes_a_server() {
    let place = Place::new();
    let filler: String = super::place::noise(9, 12_000_000)
        .chunks(60)
        .map(|line| format!("-- {}\n", line.iter().map(|byte| format!("{byte:02x}")).collect::<String>()))
        .collect();
    let vault = vault_of(&place, &dump_of(&place, "long.sql", &filler, END));
    let new = place.path("new");
    let mut run = to_postgres(&place, &vault, &new, &[]).start();
    wait(|| std::fs::metadata(new.join("dump")).is_ok_and(|dump| dump.len() > 0), "something is written");
    assert!(run.signal(rustix::process::Signal::KILL));
    run.end_unjudged();
    // What is not of that restore is not gone into.
    let note = place.file("new/precious", "p");
    to_postgres(&place, &vault, &new, &[]).end().expect(2).complains("the directory is not empty");
    std::fs::remove_file(note).unwrap();
    let made = ready(to_postgres(&place, &vault, &new, &[]).end(), &new);
    assert_eq!(told_rows(&made, "restored"), [("public.fine".to_owned(), 1)]);
    to_postgres(&place, &vault, &new, &[]).end().expect(2).complains("the directory is not empty");
}

fn is_asleep(new: &Path) -> bool {
    let host = format!("--host={}", new.join("socket").display());
    let asked = ["-X", "-At", &host, "-U", "postgres", "-d", "postgres", "-c"];
    let sleeping =
        "select count(*) from pg_stat_activity where query like 'select pg_sleep%' and state = 'active'";
    let done = output(Command::new(format!("{BIN}/psql")).args(asked).arg(sleeping)).unwrap();
    done.stdout.starts_with(b"1")
}

#[track_caller]
fn wait(until: impl Fn() -> bool, what: &str) {
    let patience = Instant::now() + Duration::from_secs(90);
    while !until() {
        assert!(Instant::now() < patience, "never: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
