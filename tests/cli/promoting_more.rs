//! What a copied server, or a program of PostgreSQL, does that nobody expects of it.

use super::*;
use std::os::unix::fs::{FileExt, symlink};

/// Settings of the role that looks through the databases, and of one of them.
#[test]
fn no_setting_of_a_role_or_a_database_decides_what_is_seen_of_a_copied_server() {
    let place = Place::new();
    let old = Postgres::start(&place, "old");
    old.fill();
    old.ask("shop", "create schema evil");
    old.ask("shop", "create function evil.count() returns bigint language sql as 'select 7::bigint'");
    let file = old.ask("shop", "select pg_relation_filepath('pgbench_accounts')");
    for (name, value) in [
        ("zero_damaged_pages", "on"),
        ("ignore_checksum_failure", "on"),
        ("enable_seqscan", "off"),
        ("search_path", "evil, pg_catalog"),
        ("row_security", "off"),
        ("jit_above_cost", "0"),
        // From here on none of its sessions writes by itself.
        ("default_transaction_read_only", "on"),
    ] {
        old.ask("postgres", &format!("alter role postgres set {name} = {value}"));
    }
    // Each of them would end a session of itself, or have it see less: none may begin after these.
    let more = "alter database shop set session_preload_libraries = 'nothing_such'; \
        alter database postgres set role = 'clerk'; alter database template1 set role = 'clerk'; \
        alter role postgres set local_preload_libraries = 'nothing_such'; \
        alter role postgres set role = 'clerk'; alter role postgres set statement_timeout = '1ms'";
    old.ask("postgres", &format!("begin read write; {more}; commit"));
    old.stop("fast");
    let vault = vault_of(&place, &old.data());
    let new = place.path("new");
    let made = ready(to_postgres(&place, &vault, &new, &[]).end(), &new);
    assert!(told_rows(&made, "shop").contains(&("public.pgbench_accounts".into(), ACCOUNTS)), "{made:#}");
    // The head of a page in the middle of a table that an index counts as well.
    let table = std::fs::File::options().write(true).open(old.data().join(file.trim())).unwrap();
    table.write_all_at(&[0xff; 24], 5 * 8192).unwrap();
    drop(table);
    let (vault, new) = (place.path("vault-damaged"), place.path("new-damaged"));
    place.outlive(&[&"copy", &old.data(), &"--vault", &vault]).end().expect(0);
    let why = not_ready(to_postgres(&place, &vault, &new, &[]).end(), &new);
    assert!(why.contains("invalid page in block 5"), "{why}");
}

#[test]
fn a_copied_server_starts_with_all_its_replication_slots_and_sends_nothing_to_who_had_them() {
    let place = Place::new();
    let old = Postgres::start(&place, "old");
    old.ask("postgres", "alter system set wal_level = logical");
    old.ask("postgres", "alter system set max_replication_slots = 40");
    old.ask("postgres", "alter system set track_commit_timestamp = on");
    old.stop("fast");
    old.go_on();
    old.ask("postgres", "create table stamped as select 1 as n");
    old.ask("postgres", "select pg_create_logical_replication_slot('logical', 'pgoutput')");
    old.ask(
        "postgres",
        "select pg_create_physical_replication_slot('physical_' || n, true) from generate_series(1, 14) n",
    );
    old.ask("postgres", "select pg_replication_origin_create('origin_' || n) from generate_series(1, 12) n");
    let advance = "select pg_replication_origin_advance('origin_' || n, '0/1') from generate_series(1, 12) n";
    old.ask("postgres", advance);
    old.ask("postgres", "checkpoint");
    let stamp = "select pg_xact_commit_timestamp(xmin) is not null from stamped";
    assert_eq!(old.ask("postgres", stamp), "t\n");
    old.stop("immediate");
    let vault = vault_of(&place, &old.data());
    let new = place.path("new");
    let made = ready(to_postgres(&place, &vault, &new, &[]).end(), &new);
    follow(&made, &[1]);
    let socket = new.join("socket");
    for (question, answer) in [
        ("select count(*) from pg_replication_slots", "15\n"),
        ("select count(*) from pg_replication_origin_status", "12\n"),
        ("show max_wal_senders", "0\n"),
        (stamp, "t\n"),
    ] {
        assert_eq!(ask(&socket, "postgres", question), answer, "{question}");
    }
    follow(&made, &[3]);
}

/// Programs of PostgreSQL of which one says what a script does.
fn programs_with(place: &Place, restoring: &str) -> PathBuf {
    let bin = place.directory("bin");
    for name in ["postgres", "initdb", "pg_controldata"] {
        symlink(Path::new(BIN).join(name), bin.join(name)).unwrap();
    }
    let program = place.file("bin/pg_restore", format!("#!/bin/sh\n{restoring}\n"));
    super::super::place::chmod(&program, 0o755);
    bin
}

#[test]
fn a_pg_restore_that_falls_silent_is_ended_in_time_and_with_us() {
    let place = Place::new();
    let notes = place.directory("notes");
    super::super::place::chmod(&notes, 0o777);
    let run = notes.join("run");
    let script = format!(
        "printf -- '--\\n-- PostgreSQL database dump\\n--\\n\\nselect 1;\\n'; mkdir {0}; [ -e {0}.alone ] && exec sleep 600; sleep 600 & sleep 600",
        run.display()
    );
    let bin = programs_with(&place, &script);
    let bin = ["--postgres-bin", bin.to_str().unwrap()];
    let vault = vault_of(&place, &place.file("silent.dump", "PGDMP\x01\x0e and nothing else"));
    let new = place.path("new");
    let limit = [&bin[..], &["--postgres-limit", "15s"]].concat();
    let why = not_ready(to_postgres(&place, &vault, &new, &limit).end(), &new);
    assert!(why.contains("took longer than it may") && run.exists(), "{why}");
    // Whoever is killed cannot end what it started.
    std::fs::remove_dir(&run).unwrap();
    place.file("notes/run.alone", "");
    let new = place.path("new-killed");
    let mut killed = to_postgres(&place, &vault, &new, &bin).start();
    wait(|| run.exists(), "pg_restore is run");
    assert!(killed.signal(rustix::process::Signal::KILL));
    wait(|| at_work_below(&new).is_empty(), "all that it started ends");
    killed.end_unjudged();
}

#[test]
fn a_locale_that_is_not_there_is_told_with_what_to_do_and_one_that_is_there_is_taken() {
    let place = Place::new();
    let old = Postgres::start(&place, "old");
    old.ask("postgres", "create database shop");
    old.ask("shop", "create table one as select 1 as n");
    old.by_its_user(&format!("{BIN}/pg_dump -h $PWD -d shop -f shop.sql"));
    let vault = vault_of(&place, &old.run.join("shop.sql"));
    let refused = place.path("refused");
    let why = ["--postgres-locale", "tlh_QO.UTF-8"];
    let why = not_ready(to_postgres(&place, &vault, &refused, &why).end(), &refused);
    assert!(why.contains("locale") && why.contains("`locale -a`") && why.contains("C.UTF-8"), "{why}");
    let new = place.path("new");
    let made = ready(to_postgres(&place, &vault, &new, &["--postgres-locale", "C"]).end(), &new);
    follow(&made, &[1]);
    let asked = "select datcollate from pg_database where datname = 'restored'";
    assert_eq!(ask(&new.join("socket"), "restored", asked).trim(), "C");
    follow(&made, &[3]);
}

/// What a dump can bring along that runs as whoever looks: the planner calls what an index is made by, for a count of rows as well.
const TRAP: &str = "
create schema trap;
create function trap.g() returns integer language plpgsql as $$ begin
  copy (select 1) to program 'touch /tmp/outlive-pwned'; return 0;
exception when insufficient_privilege then
  alter role restored password 'known'; alter role restored set search_path = trap;
  alter database restored set default_transaction_read_only = on;
  begin alter database restored set role = 'restored'; exception when others then null; end;
  return 0;
end $$;
create function trap.evil(integer) returns integer language plpgsql immutable as $$ begin return trap.g(); end $$;
create table trap.set (a integer);
insert into trap.set values (1), (2);
create index on trap.set ((trap.evil(1) + a));
create table trap.hides (a integer);
insert into trap.hides values (1), (2), (3);
alter table trap.hides enable row level security;
alter table trap.hides force row level security;
alter role restored password 'known';
alter role restored set search_path = trap;
alter database restored set default_transaction_read_only = on;
";

/// Puts it before what a dump says itself.
fn set_trap(dump: &Path) {
    let text = std::fs::read_to_string(dump).unwrap();
    let (heading, rest) = text.split_at(text.find("SET statement_timeout").unwrap());
    std::fs::write(dump, [heading, TRAP, rest].concat()).unwrap();
}

/// The tables whose rows were not counted one by one; all others have as many as were put into them.
fn estimated(made: &Value) -> Vec<String> {
    let told = told_rows(made, "restored");
    assert!(told.contains(&("public.pgbench_accounts".into(), ACCOUNTS)), "{told:?}");
    let of_trap = told.iter().filter(|(name, _)| name.starts_with("trap."));
    assert!(of_trap.clone().all(|(name, rows)| *rows == if name == "trap.set" { 2 } else { 3 }), "{told:?}");
    let databases = made["databases"].as_array().unwrap().iter();
    let tables = databases.flat_map(|database| database["tables"].as_array().unwrap());
    let estimated = tables.filter(|table| table["counted"] == false);
    estimated.map(|table| table["name"].as_str().unwrap().to_owned()).collect()
}

/// What the steps behind the last look have typed, for the database `shop` and the role `clerk`, at the socket of the scratch server.
fn typed(made: &Value, new: &Path) -> Vec<String> {
    let socket = format!("psql -X -h {}", new.join("socket").display());
    let steps = made["steps"].as_array().unwrap().iter();
    (steps.map(|step| step["command"].as_str().unwrap()))
        .filter(|command| ["create role", "ROLE", "NAME"].iter().any(|word| command.contains(word)))
        .filter(|command| !command.contains("-h localhost"))
        .map(|command| command.replace("psql -X", &socket).replace("ROLE", "clerk").replace("NAME", "shop"))
        .map(|command| command.replace(" -c '\\password clerk'", ""))
        .collect()
}

/// The steps are typed at the socket of the scratch server: which port a promoted one takes is this machine's.
#[test]
fn a_promoted_database_gets_its_name_its_owners_and_its_rights_back_by_the_steps_that_are_told() {
    let place = Place::new();
    let old = Postgres::start(&place, "old");
    old.fill();
    for sql in [
        "create role \"odd role\"",
        "grant select on pgbench_branches to \"odd role\" with grant option",
        "alter default privileges for role clerk grant select on tables to \"odd role\"",
        // What a reader of lines would take for a statement.
        "create table said as select 'ALTER ROLE clerk SUPERUSER;' as words",
        "alter table said owner to \"odd role\"",
        // What a superuser would call who does not say whose names are meant.
        "create function public.format(text, name, name) returns text language plpgsql as $$ begin copy (select 1) to program 'touch /tmp/outlive-pwned'; return 'select 1'; end $$",
        "create function public.has_table_privilege(name, text, text) returns boolean language plpgsql as $$ begin copy (select 1) to program 'touch /tmp/outlive-pwned'; return true; end $$",
    ] {
        old.ask("shop", sql);
    }
    let asked = "select relname, pg_get_userbyid(relowner), relacl from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' order by 1";
    let was = old.ask("shop", asked);
    assert!(was.contains("odd role") && was.contains("clerk"), "{was}");
    let pwned = Path::new("/tmp/outlive-pwned");
    assert!(!pwned.exists());
    for format in ["plain", "custom"] {
        old.by_its_user(&format!("{BIN}/pg_dump -h $PWD -d shop -F {format} -f {format}.dump"));
        let dump = old.run.join(format!("{format}.dump"));
        if format == "plain" {
            set_trap(&dump);
        }
        let vault = vault_of(&place, &dump);
        let new = place.path(&format!("new-{format}"));
        let made = ready(to_postgres(&place, &vault, &new, &[]).end(), &new);
        assert!(!pwned.exists(), "the count called a function of the dump as a superuser");
        let hides: &[&str] = if format == "plain" { &["hides"] } else { &[] };
        assert_eq!(estimated(&made), hides, "a policy hides its rows");
        follow(&made, &[1]);
        let who =
            "select rolsuper, rolcreatedb, rolpassword is null from pg_authid where rolname = 'restored'";
        assert_eq!(ask(&new.join("socket"), "restored", who), "f|f|t\n");
        let set = "select count(*) from pg_db_role_setting";
        assert_eq!(ask(&new.join("socket"), "restored", set), "0\n");
        let typed = typed(&made, &new);
        assert_eq!(typed.len(), 5, "{typed:#?}");
        for command in &typed {
            let done =
                output(Command::new("sh").args(["-c", command]).stdin(std::process::Stdio::null())).unwrap();
            assert!(done.status.success(), "{command}: {done:?}");
        }
        assert!(!pwned.exists(), "a function of the dump was called by a superuser");
        // What a superuser owned stays with whoever read the dump.
        let is = ask(&new.join("socket"), "shop", asked);
        assert!(!pwned.exists(), "what was asked here called it");
        assert_eq!(is.replace("restored", "postgres"), was, "{format}");
        let owner = "select pg_get_userbyid(datdba), rolcanlogin, rolsuper from pg_database, pg_roles where datname = 'shop' and rolname = 'clerk'";
        assert_eq!(ask(&new.join("socket"), "shop", owner), "clerk|t|f\n");
        follow(&made, &[3]);
        let unit = new.join("postgres.service");
        let verified = output(Command::new("systemd-analyze").arg("verify").arg(&unit)).unwrap();
        assert!(verified.status.success() && verified.stderr.is_empty(), "{verified:?}");
    }
}

/// A database, roles and a text with odd names; a policy for one role; settings; and a dump that makes the database itself.
fn odd_dump(old: &Postgres) -> PathBuf {
    old.ask("postgres", "create database \"My-Shop\"");
    old.ask("postgres", "create role \"Shop-App\"; alter database \"My-Shop\" set work_mem = '5MB'");
    old.ask("postgres", "alter role \"Shop-App\" in database \"My-Shop\" set work_mem = '6MB'");
    for sql in [
        "create table secret (a integer, note text default 'OWNER changed OWNER TO x')",
        "insert into secret values (1), (2), (3)",
        "alter table secret owner to \"Shop-App\"",
        "create policy \"Users can't see (all): USING (x\" on secret to pg_monitor, \"Shop-App\" using (a > 1)",
        "create table serial (n serial)",
        "select lo_create(77777)",
        "alter table secret enable row level security; alter table secret force row level security",
        "create table plain as select n from generate_series(1, 5) n",
    ] {
        old.ask("My-Shop", sql);
    }
    old.by_its_user(&format!("{BIN}/pg_dump -C --clean -h $PWD -d My-Shop -f odd.dump"));
    old.run.join("odd.dump")
}

/// What a person types for a name that has to be quoted in SQL.
fn with_names(command: &str) -> String {
    let quoted = [("owner to ROLE", "owner to \"Shop-App\""), ("rename to NAME", "rename to \"My-Shop\"")];
    let quoted = quoted.into_iter().chain([("alter role ROLE", "alter role \"Shop-App\"")]);
    let command = quoted.fold(command.to_owned(), |command, (from, to)| command.replace(from, to));
    command
        .replace("ROLE", "Shop-App")
        .replace("NAME", "My-Shop")
        .replace("\\password Shop-App", r#"alter role "Shop-App" password $$x$$"#)
}

#[test]
fn a_dump_that_makes_its_own_database_with_odd_names_is_promoted_by_a_user_of_its_own() {
    let place = Place::new();
    let old = Postgres::start(&place, "old");
    let vault = vault_of(&place, &odd_dump(&old));
    let new = place.path("new");
    let made = ready(to_postgres(&place, &vault, &new, &["--postgres-user", "games"]).end(), &new);
    assert_eq!(
        told_rows(&made, "restored"),
        [("public.plain".into(), 5), ("public.secret".into(), 3), ("public.serial".into(), 0)]
    );
    let notices = made["notices"].to_string();
    assert!(made["owners_left_out"].to_string().contains("Shop-App"), "{made:#}");
    assert!(notices.contains("1 roles that policies are for were made"), "{notices}");
    assert!(notices.contains("2 statements about the database itself"), "{notices}");
    let port = super::super::servers::free_port();
    let configuration = new.join("data/postgresql.conf");
    let text = std::fs::read_to_string(&configuration).unwrap();
    std::fs::write(&configuration, format!("{text}port = {port}\n")).unwrap();
    let steps: Vec<&str> =
        made["steps"].as_array().unwrap().iter().map(|step| step["command"].as_str().unwrap()).collect();
    let first = steps.iter().position(|command| command.contains("pg_isready")).unwrap();
    let is_here = |command: &&str| !command.contains("systemctl") && !command.contains("pg_isready");
    let said: Vec<String> = (steps[first..].iter().copied().filter(is_here))
        .map(|command| {
            let mut shell = Command::new("sh");
            shell.args(["-c", &with_names(command)]).env("PGPORT", port.to_string()).env("PGPASSWORD", "x");
            let done = output(shell.stdin(std::process::Stdio::null())).unwrap();
            assert!(done.status.success() && done.stderr.is_empty(), "{command}: {done:?}");
            String::from_utf8(done.stdout).unwrap()
        })
        .collect();
    assert_eq!(said.len(), 10, "{said:#?}");
    assert!(said[1].trim() == new.join("data").to_str().unwrap(), "{said:#?}");
    assert!(said[6].contains("public|secret|Shop-App|t\n"), "{said:#?}");
    assert!(said[6].contains("public|plain|restored|f\n"), "{said:#?}");
    assert_eq!(said[7..9], ["Shop-App|My-Shop\n", "public.secret|2\n"], "a policy hides one of its rows");
    assert_eq!(at_work_below(&new), Vec::<String>::new());
}

#[test]
fn rights_of_which_none_could_be_kept_are_told_and_a_key_that_failed_is_not_called_dropped() {
    let place = Place::new();
    let dump = dump_of(&place, "odd.sql", "GRANT SELECT ON TABLE public.fine TO \"a#b\";", END);
    let new = place.path("new");
    let made = ready(to_postgres(&place, &vault_of(&place, &dump), &new, &[]).end(), &new);
    let steps = std::fs::read_to_string(new.join("promote.txt")).unwrap();
    assert!(
        steps.contains("No file says who owned what") && steps.contains(" 1 more are not in it"),
        "{steps}"
    );
    assert!(!new.join("owners.sql").exists() && made["steps"].as_array().unwrap().len() > 5);
    // A column may be called so, and what it refers to is missing.
    let sql = "create table t (drop int);\nALTER TABLE ONLY public.t ADD CONSTRAINT c FOREIGN KEY (drop) REFERENCES gone(a);";
    let new = place.path("new-key");
    let vault = vault_of(&place, &dump_of(&place, "key.sql", sql, END));
    assert!(not_ready(to_postgres(&place, &vault, &new, &[]).end(), &new).contains("(42P01)"));
}
