//! Dumps that the databases' own programs made, found by what is in them.

use crate::found_lab::{cut, found, halve, look, said, script};
use crate::hand::fs;
use crate::lab::{Lab, now};
use outlive::domain::{Known, PointKind};

/// Makes one dump of each kind; everything of it lies in the directory, which belongs to the server's user.
const POSTGRES: &str = r#"
export PATH=$PATH:/usr/lib/postgresql/15/bin PGHOST=$PWD PGUSER=postgres
chown postgres . && chmod 755 . && cat > make.sh <<'END'
set -eu
initdb -A trust -U postgres db
pg_ctl -D db -w -o "-k $PGHOST -c listen_addresses=''" -l log start
trap 'pg_ctl -D db -w -m immediate stop' EXIT
createdb orders && createdb empty
psql -q orders -c "create table t as select g, md5(g::text) m from generate_series(1,2000) g"
pg_dump -Fc orders -f out/custom.bin
pg_dump -Fc --schema-only orders -f out/schema.bin
pg_dump -Fc orders | cat > out/piped.bin
pg_dump -Fc empty -f out/empty.bin
pg_dump -Fd orders -f out/as-directory
pg_dump -Ft orders -f out/as-tar
pg_dump orders -f out/plain.txt
pg_dump -v orders -f out/verbose.txt
pg_dumpall -f out/cluster.txt
END
mkdir out && chown postgres out && runuser -u postgres -- bash make.sh >/dev/null 2>make.log || { cat make.log log >&2; exit 1; }
gzip -k out/plain.txt && zstd -q out/plain.txt -o out/plain.txt.zst
"#;

#[test]
fn dumps_of_postgres_are_found_by_content_and_cut_ones_are_useless() {
    let lab = Lab::new();
    let (data, work) = (lab.directory("data"), lab.directory("work"));
    std::fs::set_permissions(lab.path(""), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    script(&work, POSTGRES, &[]);
    let out = work.join("out");
    for (whole, half) in
        [("custom.bin", "custom.half"), ("plain.txt", "plain.half"), ("cluster.txt", "cluster.half")]
    {
        halve(&out.join(whole), &out.join(half));
    }
    cut(&out.join("custom.bin"), &out.join("custom.header"), |_| 30);
    let text = std::fs::read_to_string(out.join("plain.txt")).unwrap();
    fs::write(out.join("talks-of-it.txt"), format!("How to restore:\n\n{text}")).unwrap();
    fs::write(out.join("starts-so.txt"), "PGDMP is the magic of pg_dump's custom format\n").unwrap();
    fs::write(out.join("talks-early.txt"), "Look for\n-- PostgreSQL database dump\n--\nat its start\n")
        .unwrap();
    let inventory = look(&[&data], &[&out]);
    assert_eq!(inventory.gaps, []);
    for (name, words) in [
        ("/custom.bin", "custom format 1.14, of the database orders, server 15"),
        ("/schema.bin", "of the database orders"),
        ("/piped.bin", "of the database orders"),
        ("/empty.bin", "of the database empty"),
        ("/as-directory", "directory format 1.14, of the database orders"),
        ("/plain.txt", "by pg_dump in plain SQL, server 15"),
        ("/verbose.txt", "by pg_dump in plain SQL, server 15"),
        ("/cluster.txt", "by pg_dumpall in plain SQL"),
        ("/plain.txt.gz", "plain SQL, server 15"),
        ("/plain.txt.zst", "compressed with zstd"),
    ] {
        let point = found(&inventory, name, PointKind::Dump);
        let (why, useless) = said(point);
        assert!(why.contains(words) && why.contains("never restored") && !useless, "{name}: {why}");
        let known = matches!(&point.of, Known::Declared(volume, _) if *volume == inventory.volumes[0].id);
        assert!(known, "{name}: {:?}", point.of);
    }
    let (why, useless) = said(found(&inventory, "/as-tar", PointKind::Archive));
    assert!(why.contains("a tar archive") && !useless, "{why}");
    for name in ["/custom.half", "/plain.half", "/cluster.half", "/custom.header"] {
        let (why, useless) = said(found(&inventory, name, PointKind::Dump));
        assert!(useless, "{name}: {why}");
    }
    let year = now().format("%Y").to_string();
    assert!(!said(found(&inventory, "/custom.bin", PointKind::Dump)).0.contains(&year), "it is of today");
    let names: Vec<_> = inventory.points.iter().map(|point| &*point.name).collect();
    assert!(!names.iter().any(|name| name.contains("talks") || name.contains("starts")), "{names:?}");
    assert_eq!(names.len(), 15, "{names:?}");
}

#[test]
fn what_a_dump_says_of_its_time_makes_it_older_and_never_newer() {
    let lab = Lab::new();
    let (data, copies) = (lab.directory("data"), lab.directory("copies"));
    let dump = |date: &str| {
        format!("-- MySQL dump 10.13  Distrib 8.0.36\n--\n-- Host: db\n\n-- Dump completed on {date}\n")
    };
    fs::write(copies.join("old"), dump("2001-02-03  4:05:06")).unwrap();
    fs::write(copies.join("future"), dump("2900-01-01  0:00:00")).unwrap();
    let inventory = look(&[&data], &[&copies]);
    let taken = |name: &str| *found(&inventory, name, PointKind::Dump).taken_at.value().unwrap();
    assert_eq!(taken("/old").to_rfc3339(), "2001-02-03T04:05:06+00:00");
    assert!(taken("/future") < chrono::Utc::now() + std::time::Duration::from_secs(60));
    assert!(
        said(found(&inventory, "/future", PointKind::Dump)).0.contains("which says that it is of 2900-01-01")
    );
}

/// A server for as long as its dump takes.
const MARIADB: &str = r#"
mariadb-install-db --no-defaults --user=root --auth-root-authentication-method=normal --datadir="$PWD/db" >install.log 2>&1
mariadbd --no-defaults --user=root --datadir="$PWD/db" --socket="$PWD/s" --pid-file="$PWD/pid" --skip-networking >server.log 2>&1 &
server=$!
trap 'kill $server; wait $server || true' EXIT
for _ in $(seq 300); do mariadb-admin --no-defaults --socket="$PWD/s" ping >/dev/null 2>&1 && break; sleep 0.1; done
mariadb --no-defaults --socket="$PWD/s" -e 'create database shop; create table shop.t (a int); insert into shop.t values (1),(2)'
mkdir out
mariadb-dump --no-defaults --socket="$PWD/s" shop > out/shop.txt
"#;

#[test]
fn a_dump_of_mariadb_is_found_by_content_and_a_cut_one_is_useless() {
    let lab = Lab::new();
    let (data, work) = (lab.directory("data"), lab.directory("work"));
    script(&work, MARIADB, &[]);
    let out = work.join("out");
    halve(&out.join("shop.txt"), &out.join("half.txt"));
    let text = std::fs::read_to_string(out.join("shop.txt")).unwrap();
    fs::write(out.join("talks-of-it.txt"), format!("My notes\n{text}")).unwrap();
    let inventory = look(&[&data], &[&out]);
    let (why, useless) = said(found(&inventory, "/shop.txt", PointKind::Dump));
    assert!(why.contains("mariadb-dump") && why.contains("Database: shop") && !useless, "{why}");
    assert!(said(found(&inventory, "/half.txt", PointKind::Dump)).1);
    assert_eq!(inventory.points.len(), 2);
}

const SQLITE: &str = r#"
sqlite3 one.sqlite 'create table t (a); insert into t values (1), (2)'
sqlite3 one.sqlite .dump > dump.txt
# A connection that is killed leaves its log beside the database.
(echo 'pragma journal_mode=wal; create table t (a); insert into t values (1);'; echo '.shell kill -9 $PPID') | sqlite3 hot.sqlite >/dev/null || true
test -s hot.sqlite-wal
"#;

#[test]
fn sqlite_is_found_and_one_with_a_log_beside_it_is_of_no_one_moment() {
    let lab = Lab::new();
    let (data, copies) = (lab.directory("data"), lab.directory("copies"));
    script(&copies, SQLITE, &[]);
    cut(&copies.join("one.sqlite"), &copies.join("half.sqlite"), |length| length / 2);
    halve(&copies.join("dump.txt"), &copies.join("half.txt"));
    fs::write(copies.join("page.txt"), "SQLite format 3 is a file format\n".repeat(40)).unwrap();
    let inventory = look(&[&data], &[&copies]);
    let said = |name, kind| said(found(&inventory, name, kind));
    let (why, useless) = said("/one.sqlite", PointKind::DatabaseFile);
    assert!(why.contains("pages of 4096 bytes") && !why.contains("log") && !useless, "{why}");
    let (why, useless) = said("/hot.sqlite", PointKind::DatabaseFile);
    assert!(why.contains("a log (-wal) lies beside it") && !useless, "{why}");
    let (why, useless) = said("/half.sqlite", PointKind::DatabaseFile);
    assert!(why.contains("2 pages") && useless, "{why}");
    assert!(!said("/dump.txt", PointKind::Dump).1);
    assert!(said("/half.txt", PointKind::Dump).1);
    assert_eq!(inventory.points.len(), 5);
}
