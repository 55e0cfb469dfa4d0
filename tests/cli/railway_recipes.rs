//! `docs/railway.md`: each block is read, and run with PostgreSQL and SeaweedFS in the place of Railway.

use super::database::{ACCOUNTS, BIN, Postgres};
use super::mirroring::{assert_same_bytes, repository, upload};
use super::place::{Place, chmod, tool};
use super::run::Run;
use super::servers::{ID, SECRET, seaweedfs};
use outlive::app::judge_as_of;
use outlive::domain::{Nature, Timestamp};
use outlive::estate::{CopyFrom, Estate, VaultPlace};
use outlive::rules::Overall;
use std::net::TcpListener;
use std::path::Path;

const PAGE: &str = include_str!("../../docs/railway.md");

/// The blocks of the page: by the public proxy, through a tunnel, and the archive.
fn blocks() -> [&'static str; 3] {
    let blocks: Vec<&str> =
        PAGE.split("```toml\n").skip(1).map(|block| block.split_once("```").unwrap().0).collect();
    blocks.try_into().expect("three blocks")
}

fn parsed(block: &str) -> Estate {
    Estate::parse(Path::new("/etc/outlive/outlive.toml"), block).unwrap()
}

#[test]
fn each_block_is_read_asks_for_nothing_that_is_not_done_and_is_judged() {
    let now: Timestamp = "2026-11-30T12:00:00Z".parse().unwrap();
    for block in blocks() {
        let estate = parsed(block);
        assert_eq!(estate.unhonoured, []);
        assert_eq!((estate.volumes.len(), estate.vaults.len(), estate.copies.len()), (1, 1, 1));
        let audited = judge_as_of(&estate, now).unwrap();
        // Nothing was copied yet: that is said, and is not sound.
        assert!(audited.overall != Overall::Sound, "{block}");
    }
    let sources = blocks().map(|block| parsed(block).copies[0].from.clone());
    assert!(matches!(&sources[2], CopyFrom::Prefix(place) if place.reader.is_some()));
    for source in &sources[..2] {
        let CopyFrom::Command { argv, env, .. } = source else { panic!("{source:?}") };
        assert!(
            argv.iter().all(|argument| !argument.contains("pass") || argument == "--no-password"),
            "{argv:?}"
        );
        assert_eq!(env.keys().collect::<Vec<_>>(), ["PGPASSWORD"]);
    }
}

#[test]
fn the_archive_on_the_page_lies_in_its_bucket_and_dies_with_the_account() {
    let estate = parsed(blocks()[2]);
    let now = "2026-11-30T12:00:00Z".parse().unwrap();
    let audited = judge_as_of(&estate, now).unwrap();
    let inventory = audited.graph.inventory();
    let has = |id: &str| inventory.assets.iter().any(|asset| asset.id.0 == id);
    assert!(has("bucket:storage.railway.app/postgres-pitr-jdhhd8oe18xi"), "{:#?}", inventory.assets);
    assert!(has("credential:orders-archive.source") && has("account:railway/acme"));
    let on = |id: &str, nature: Nature| -> Vec<String> {
        let asset = inventory.assets.iter().find(|asset| asset.id.0 == id).unwrap();
        asset.bonds.of(nature).flat_map(|bond| &bond.on).map(|on| on.0.clone()).collect()
    };
    let bucket = "bucket:storage.railway.app/postgres-pitr-jdhhd8oe18xi";
    assert_eq!(on("volume:orders-archive", Nature::StoredOn), [bucket]);
    assert_eq!(on("volume:orders-archive", Nature::DeletableBy), ["credential:orders-archive.source"]);
    assert!(on(bucket, Nature::StoredOn).contains(&"account:railway/acme".to_owned()));
}

/// A server with a password, reached by TCP and TLS as a proxy gives it; its port.
fn listening(place: &Place) -> (Postgres, u16) {
    let server = Postgres::start(place, "railway");
    server.fill();
    server.ask("postgres", "alter role postgres password 'canary-of-the-recipe'");
    server.ask("postgres", "create database railway template shop");
    server.stop("fast");
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let run = server.run.display().to_string();
    server.by_its_user(&format!(
        "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=localhost -keyout db/server.key -out db/server.crt -days 2 2>/dev/null && \
         chmod 600 db/server.key && printf 'local all all trust\\nhost all all 127.0.0.1/32 scram-sha-256\\n' > db/pg_hba.conf && \
         {BIN}/pg_ctl -D db -w -s -l log -o \"-k {run} -c listen_addresses=127.0.0.1 -c port={port} -c ssl=on\" start"
    ));
    (server, port)
}

/// A block of the page with this machine's places in it.
fn here(place: &Place, block: &str, port: u16) -> String {
    let vault = "\n[[vault]]\n";
    let (before, rest) = block.split_once(vault).unwrap();
    let (_, after) = rest.split_once("\n[[copy]]\n").unwrap();
    let id = parsed(block).vaults[0].id.clone();
    let own = format!("id = {id:?}\nkind = \"dir\"\npath = {:?}\n", place.path("vault"));
    let is = "is = \"railway:shop/production/postgres-data\"\n";
    let (asked, _) = before.split_once("[[provider]]").map_or((before, ""), |parts| parts);
    let (_, volume) = before.split_once("[[volume]]\n").unwrap();
    let volume = volume.replace(is, "");
    let text = format!(
        "{}\n[[volume]]\n{volume}{vault}{own}\n[[copy]]\n{after}",
        asked.split("[[volume]]").next().unwrap()
    );
    let text = text.replace("--host=viaduct.proxy.rlwy.net", "--host=127.0.0.1");
    let text = text.replace("--port=23456", &format!("--port={port}"));
    let text = text.replace("--port=15432", &format!("--port={port}"));
    let text = text.replace("\"pg_dump\"", &format!("\"{BIN}/pg_dump\""));
    text.replace("/etc/outlive", place.path("etc").to_str().unwrap())
}

fn outlive(place: &Place, arguments: &[&str]) -> Run {
    place.outlive_by_file(arguments)
}

#[test]
fn the_dumps_of_the_page_are_made_over_tcp_with_a_password_from_a_file_and_hold_every_row() {
    let place = Place::new();
    let (server, port) = listening(&place);
    let secret = place.file("etc/orders-password", "canary-of-the-recipe\n");
    chmod(&secret, 0o600);
    for (number, block) in blocks()[..2].iter().enumerate() {
        place.file("outlive.toml", here(&place, block, port));
        let ended = outlive(&place, &["--format", "json", "copy", "orders"]).end();
        assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
        assert_eq!(ended.json("copy")["state"], "read back");
        assert!(!ended.log.contains("\"--password") && !argued(&ended.log, "canary-of-the-recipe"));
        let target = place.path(&format!("dump-{number}"));
        let vault = parsed(block).vaults[0].id.clone();
        let restore = ["restore", "--vault", &vault, "orders", "--to", target.to_str().unwrap()];
        outlive(&place, &restore).end().expect(0);
        let listed = tool(&format!("{BIN}/pg_restore"), &["--list".as_ref(), target.as_os_str()]);
        assert!(listed.contains("TABLE DATA public pgbench_accounts"), "{listed}");
        let data = [
            "--data-only".as_ref(),
            "--table=pgbench_accounts".as_ref(),
            "--file=-".as_ref(),
            target.as_os_str(),
        ];
        let data = tool(&format!("{BIN}/pg_restore"), &data);
        assert_eq!(data.lines().filter(|line| line.split('\t').count() == 4).count() as u64, ACCOUNTS);
        super::hand::fs::remove_dir_all(place.path("vault")).unwrap();
        super::hand::fs::remove_dir_all(place.path("state")).unwrap();
    }
    place.file("etc/orders-password", "another\n");
    let wrong = outlive(&place, &["copy", "orders"]).end().expect(14);
    assert!(wrong.stderr.contains("password authentication failed"), "{}", wrong.stderr);
    drop(server);
}

/// Whether any program was started with this among its arguments.
fn argued(log: &str, word: &str) -> bool {
    log.lines().filter(|line| line.contains("execve(")).any(|line| line.contains(word))
}

#[test]
fn the_archive_of_the_page_is_mirrored_and_comes_back_byte_for_byte() {
    let place = Place::new();
    let (server, repository) = (seaweedfs(), repository(&place));
    let bucket = server.new_bucket();
    upload(&repository, &bucket, "");
    place.file("etc/archive-id", ID);
    place.file("etc/archive-key", SECRET);
    let text = here(&place, blocks()[2], 0);
    // No name of a machine leads to a bucket here, as it does at Railway.
    let text = text.replace("addressing = \"host\"", "addressing = \"path\"");
    let text = text.replace("https://storage.railway.app", &server.endpoint);
    let text = text.replace("postgres-pitr-jdhhd8oe18xi", &bucket);
    place.file("outlive.toml", text);
    let copied =
        outlive(&place, &["--format", "json", "copy", "orders-archive"]).end().expect(0).json("copy");
    assert_eq!(copied["state"], "read back", "{copied:#}");
    let target = place.path("srv-repository");
    // The command as the page has it, with another target.
    let (_, command) = PAGE.split_once("\noutlive restore ").unwrap();
    let command = command.lines().next().unwrap().replace("/srv/repository", target.to_str().unwrap());
    let words: Vec<&str> = ["restore"].into_iter().chain(command.split(' ')).collect();
    outlive(&place, &words).end().expect(0);
    assert_same_bytes(&repository, &target);
    assert!(matches!(parsed(blocks()[2]).vaults[0].place, VaultPlace::S3(_)));
}
