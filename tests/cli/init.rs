//! `outlive init` on this machine: what it proposes can be used as it is, and nothing is written over.

use super::database::Postgres;
use super::place::{Place, tool};
use outlive::estate::Estate;
use std::fs;
use std::path::Path;

const SECRET: &str = "c0ffee00-7e57-4000-8000-ca9a97000002";

/// A btrfs with a subvolume and a snapshot of it, and a real PostgreSQL beside.
fn machine(place: &mut Place) -> Postgres {
    let pool = place.filesystem("btrfs", "pool", 128);
    let (data, taken) = (pool.join("data"), pool.join("taken"));
    tool("btrfs", &["subvolume".as_ref(), "create".as_ref(), data.as_os_str()]);
    fs::write(data.join("orders"), "orders").unwrap();
    tool(
        "btrfs",
        &["subvolume".as_ref(), "snapshot".as_ref(), "-r".as_ref(), data.as_os_str(), taken.as_os_str()],
    );
    place.directory("srv");
    Postgres::start(place, "srv/pg")
}

#[test]
fn what_it_proposes_of_a_machine_is_read_and_audited() {
    let mut place = Place::new();
    let server = machine(&mut place);
    let (file, data, srv) = (place.path("first.toml"), place.path("pool/data"), place.path("srv"));
    let run = || {
        let run = place.outlive(&[&"--config", &file, &"init", &data, &srv]);
        run.environment("RAILWAY_API_TOKEN", SECRET).environment("AWS_ACCESS_KEY_ID", "AKIAQ7CANARY0000AAAA")
    };
    let shown = run().end().expect(0).complains("nothing was written");
    assert!(!file.exists());
    let proposed = &shown.stdout;
    assert!(!proposed.contains(SECRET) && !proposed.contains("CANARY"), "{proposed}");
    for words in
        ["token = { env = \"RAILWAY_API_TOKEN\" }", "$AWS_ACCESS_KEY_ID", "PostgreSQL 15", "\"pg_dumpall\""]
    {
        assert!(proposed.contains(words), "{words}: {proposed}");
    }
    assert!(proposed.contains("Seen of it here: 1 × btrfs snapshot, the newest of "), "{proposed}");
    let estate = Estate::parse(Path::new("first.toml"), proposed).unwrap();
    let paths: Vec<&Path> = estate.volumes.iter().filter_map(|volume| volume.path.as_deref()).collect();
    assert_eq!(paths, [data.as_path(), srv.as_path(), server.data().as_path()]);
    // The same is written where somebody agrees, and never twice.
    let written = place
        .outlive(&[&"--config", &file, &"init", &"--yes", &data, &srv])
        .end()
        .expect(0)
        .complains("written to");
    assert_eq!(fs::read_to_string(&file).unwrap(), written.stdout);
    let before = fs::read(&file).unwrap();
    run().end().expect(0).complains("is there already, and stays as it is");
    place
        .outlive(&[&"--config", &file, &"init", &"--yes", &data])
        .end()
        .expect(2)
        .complains("is not written over");
    assert_eq!(fs::read(&file).unwrap(), before);
    // It loads: rules fail, since there is no copy elsewhere, and nothing is wrong with the file.
    let audited = place.outlive(&[&"--config", &file, &"audit"]).end().expect(10);
    let audited = audited.says("no-recovery-point");
    assert!(audited.stdout.contains("srv/pg/db (directory)"), "{}", audited.stdout);
    place.outlive(&[&"--config", &file, &"nightly", &"--dry-run"]).end();
    server.stop("fast");
}

#[test]
fn an_odd_name_is_no_way_into_the_file() {
    let place = Place::new();
    let odd = place.directory("a\"\n[[volume]]\nid = \"b");
    let file = place.path("first.toml");
    let shown = place.outlive(&[&"--config", &file, &"init", &odd]).end().expect(0);
    let estate = Estate::parse(Path::new("first.toml"), &shown.stdout).unwrap();
    assert!(estate.volumes.len() <= 1);
    assert!(estate.volumes.iter().all(|volume| volume.path.as_deref() == Some(&*odd)), "{}", shown.stdout);
    let shown = place.outlive(&[&"--config", &file, &"init", &place.path("nowhere")]).end().expect(11);
    assert!(shown.stdout.contains("# Not seen: "), "{}", shown.stdout);
}

#[test]
fn without_a_path_it_proposes_what_this_machine_has() {
    let place = Place::new();
    let file = place.path("first.toml");
    let shown = place.outlive(&[&"--config", &file, &"init", &"--format", &"json"]).end();
    let told = shown.json("init");
    assert_eq!(told["written"], false);
    Estate::parse(Path::new("first.toml"), told["toml"].as_str().unwrap()).unwrap();
}
