//! Every command of a page that a night wrote, typed in a clean directory by somebody who has nothing but the page, the vault's credential
//! and, where one is needed, a private key.

use super::database::Postgres;
use super::encrypting::reader;
use super::hand::output;
use super::nightly_estate::{EstateFile, nightly};
use super::place::{Place, assert_same, noise, tool};
use super::run::binary;
use super::servers::{ID, SECRET, seaweedfs};
use outlive::report::runbook::ways;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A directory whose name means something to a shell, to Markdown and to HTML.
const HOSTILE: &str = "v $(touch pwned) `id` 'q' \"d\" <b>&|*_[x](y)";

/// The newest page of a volume.
pub fn page(place: &Place, name: &str) -> String {
    let folders = super::place::names(&place.path("state/runbooks"));
    let newest = place.path("state/runbooks").join(folders.last().unwrap());
    std::fs::read_to_string(newest.join(name)).unwrap()
}

/// Types the commands of one way, after what a person fills in, each only where the one before ended well. Way A starts outlive and is judged.
pub fn follow(
    place: &Place,
    (title, commands): &(String, Vec<String>),
    fill_in: &str,
    name: &str,
) -> PathBuf {
    let clean = place.directory(name);
    assert!(commands.len() > 4, "{commands:?}");
    let mut script = format!("{fill_in}\n");
    for (number, command) in commands.iter().enumerate() {
        script
            .push_str(&format!("{{\n{command}\n}} || {{ echo 'failed: command {number}' >&2; exit 99; }}\n"));
    }
    let own = binary().parent().unwrap().display();
    let tools = concat!(env!("CARGO_MANIFEST_DIR"), "/target/test-tools/venv/bin");
    let path = format!("{own}:{tools}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin");
    let world = [format!("PATH={path}"), format!("HOME={}", clean.display())];
    if title.contains("with outlive") {
        let mut program: Vec<std::ffi::OsString> =
            vec!["env".into(), "-C".into(), clean.clone().into(), "-i".into()];
        program.extend(world.map(Into::into));
        program.extend(["sh", "-c", &script].map(Into::into));
        place.recorded(program).end().expect(0).says("restored and compared");
    } else {
        let mut shell = Command::new("env");
        shell.arg("-C").arg(&clean).arg("-i").args(world).args(["sh", "-c", &script]);
        let done = output(&mut shell).unwrap();
        let said =
            format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
        assert!(done.status.success() && said.contains("restored: "), "{title}: {said}\n{script}");
    }
    let made = super::place::names(&clean);
    let made: Vec<_> = made.iter().filter(|name| name.to_str().unwrap().contains('@')).collect();
    assert_eq!(made.len(), 1, "{made:?}");
    clean.join(made[0])
}

fn volumes(place: &Place) {
    place.file("data/a/one", noise(1, 300_000));
    place.file("data/a/it's \"two\".txt", "two");
    std::os::unix::fs::symlink("a/one", place.path("data/link")).unwrap();
    std::fs::hard_link(place.path("data/a/one"), place.path("data/again")).unwrap();
    place.file("disk.img", noise(2, 1_000_000));
}

/// What the commands of part 6 print where a way was followed, which is one line of each where the ways differ.
fn seen_in_part_6(place: &Place, volume: &str, (number, made): (usize, &Path), fill_in: &str) -> [String; 2] {
    let all: serde_json::Value = serde_json::from_str(&page(place, "ALL.json")).unwrap();
    let runbooks = all["runbooks"].as_array().unwrap();
    let runbook = runbooks.iter().find(|runbook| runbook["volume"] == volume).unwrap();
    ["counted", "newest"].map(|what| {
        let lines: Vec<&str> = runbook[what]["command"].as_str().unwrap().lines().collect();
        let line = lines[if lines.len() == 1 { 0 } else { number }];
        let mut shell = Command::new("sh");
        let done = output(shell.args(["-ec", &format!("{fill_in}\n{line}")]).current_dir(made)).unwrap();
        assert!(done.status.success(), "{line}: {done:?}");
        String::from_utf8(done.stdout).unwrap()
    })
}

/// Follows every way of both pages, and compares what each gives with what was copied.
fn bring_back_both(place: &Place, fill_in: &str) {
    for (volume, original) in [("tree", "data"), ("image", "disk.img")] {
        let all = ways(&page(place, &format!("{volume}.md")));
        assert_eq!(all.len(), 2, "{all:?}");
        for (number, way) in all.iter().enumerate() {
            let made = follow(place, way, fill_in, &format!("clean-{volume}-{number}"));
            let (was, is) = (place.path(original), made.join(format!("restored-{volume}")));
            if was.is_dir() {
                let [counted, newest] = seen_in_part_6(place, volume, (number, &made), "");
                assert_eq!(
                    counted.split_whitespace().next(),
                    Some("2"),
                    "files with their own bytes: {counted}"
                );
                assert!(newest.contains("two\".txt"), "{newest}");
            }
            match (was.is_dir(), number) {
                (true, 0) => assert_same(&was, &is),
                (true, _) => drop(tool(
                    "diff",
                    &["-r".as_ref(), "--no-dereference".as_ref(), was.as_os_str(), is.as_os_str()],
                )),
                (false, _) => assert!(std::fs::read(was).unwrap() == std::fs::read(is).unwrap(), "{volume}"),
            }
        }
    }
    let pwned = tool("find", &[place.path("").as_os_str(), "-name".as_ref(), "pwned".as_ref()]);
    assert_eq!(pwned, "", "a name was executed");
}

#[test]
fn a_tree_and_an_image_come_back_from_a_directory_whatever_it_is_called() {
    let place = Place::new();
    volumes(&place);
    let file = EstateFile::new().vault("shelf", &place.path(HOSTILE));
    let file = file.tree("tree", &place.path("data"), &["shelf"]);
    file.tree("image", &place.path("disk.img"), &["shelf"]).write(&place);
    nightly(&place, &[]).end().expect(0);
    let html = page(&place, "tree.html");
    assert!(html.matches("<script").count() == 1 && !html.contains("<b>&|"), "{html}");
    bring_back_both(&place, "");
}

#[test]
fn a_tree_and_an_image_come_back_from_an_encrypted_vault_with_the_key_alone() {
    let place = Place::new();
    volumes(&place);
    let (key, to) = reader(&place, "one.key");
    let vault = place.path("vault");
    let text = format!("[[vault]]\nid = \"shelf\"\nkind = \"dir\"\npath = {vault:?}\nreaders = [{to:?}]");
    let file = EstateFile::new().with(&text).tree("tree", &place.path("data"), &["shelf"]);
    file.tree("image", &place.path("disk.img"), &["shelf"]).write(&place);
    place.outlive_by_file(&["vault", "init", "shelf"]).end().expect(0);
    nightly(&place, &[]).end();
    bring_back_both(&place, &format!("IDENTITY='{}'", key.display()));
    opens_as_the_page_says(&place, &vault, &key);
}

/// The page in the vault, opened as the vault's README.md says.
fn opens_as_the_page_says(place: &Place, vault: &Path, key: &Path) {
    let (_, text) = include_str!("../../docs/vault-format.md").split_once("\n### Runbooks\n").unwrap();
    let commands: Vec<&str> =
        text.lines().skip_while(|line| !line.starts_with("    ")).take(2).map(str::trim).collect();
    let sealed = super::place::names(&vault.join("runbooks"));
    let name =
        sealed.iter().map(|name| name.to_str().unwrap()).find(|name| name.ends_with(".html.age")).unwrap();
    let script = commands.join("\n").replace("NAME.html.age", name);
    let mut shell = Command::new("sh");
    shell
        .args(["-ec", &script])
        .env("VAULT", vault)
        .env("IDENTITY", key)
        .current_dir(place.directory("opened"));
    let done = output(&mut shell).unwrap();
    let opened = std::fs::read_to_string(place.path("opened/runbook.html")).unwrap_or_default();
    assert!(opened.contains("Runbook: tree") && opened.contains("Runbook: image"), "{script}: {done:?}");
}

#[test]
fn a_tree_and_an_image_come_back_from_a_bucket() {
    let place = Place::new();
    volumes(&place);
    let (bucket, vault) = bucket();
    let file = EstateFile::new().with(&vault).tree("tree", &place.path("data"), &["bucket"]);
    file.tree("image", &place.path("disk.img"), &["bucket"]).write(&place);
    let keys = format!("{ID}:{SECRET}");
    // The server is on this very host, and nobody says what it stores on: that is never sound.
    nightly(&place, &[]).environment("KEYS", &keys).end().expect(11);
    let page = page(&place, "tree.md");
    assert!(!page.contains(SECRET) && !page.contains(ID), "a page holds a secret");
    bring_back_both(&place, &typed_in());
    comes_back_without_rclone(&place, &bucket);
}

/// With curl alone, out of a list that has more than one page and names that would lead elsewhere.
fn comes_back_without_rclone(place: &Place, bucket: &str) {
    for number in 0..1_100 {
        place.file(&format!("junk/packs/{number}"), "j");
    }
    place.file("junk/packs/odd & <name>", "j");
    super::mirroring::upload(&place.path("junk"), bucket, "night/");
    let (title, mut commands) = ways(&page(place, "tree.md")).remove(1);
    let first = commands.iter().position(|command| command.contains("rclone copy")).unwrap();
    drop(commands.drain(first..first + 2));
    assert!(commands[first].starts_with("unset AWS_ENDPOINT_URL"), "{commands:?}");
    let made = follow(place, &(title, commands), &typed_in(), "clean-curl");
    let (was, is) = (place.path("data"), made.join("restored-tree"));
    tool("diff", &["-r".as_ref(), "--no-dereference".as_ref(), was.as_os_str(), is.as_os_str()]);
    let packs = super::place::names(&made.join("vault/packs"));
    assert!(packs.len() > 1_100 && !made.join("vault/packs/odd & <name>").exists(), "{}", packs.len());
}

/// A new bucket, and the table of a vault in it which is called `bucket`.
fn bucket() -> (String, String) {
    let (server, bucket) = (seaweedfs(), seaweedfs().new_bucket());
    let vault = format!(
        "[[vault]]\nid = \"bucket\"\nkind = \"s3\"\nendpoint = {:?}\nbucket = {bucket:?}\nprefix = \"night/\"\nwriter = {{ env = \"KEYS\" }}",
        server.endpoint
    );
    (bucket, vault)
}

/// What a person types in who comes to that.
fn typed_in() -> String {
    format!("AWS_ACCESS_KEY_ID={ID}\nAWS_SECRET_ACCESS_KEY={SECRET}")
}

#[test]
fn a_postgres_comes_back_into_another_server_with_all_its_rows() {
    let place = Place::new();
    let (old, new) = (Postgres::start(&place, "old"), Postgres::start(&place, "new"));
    old.ask("postgres", "create database shop");
    old.ask("shop", "create table orders as select n, md5(n::text) as said from generate_series(1, 4321) n");
    let from = format!(
        "command = [\"pg_dump\", \"--format=custom\", \"--host={}\", \"--username=postgres\", \"shop\"], file = \"shop.dump\"",
        old.run.display()
    );
    let copy = format!(
        "[[volume]]\nid = \"shop\"\n[[copy]]\nvolume = \"shop\"\nfrom = {{ {from} }}\nto = \"bucket\"\nevery = \"24h\""
    );
    EstateFile::new().with(&bucket().1).with(&copy).write(&place);
    let night = nightly(&place, &[]).environment("KEYS", format!("{ID}:{SECRET}")).end();
    assert!(night.stdout.contains("read back"), "{}", night.stdout);
    drop(old);
    let all = ways(&page(&place, "shop.md"));
    assert_eq!(all.len(), 3);
    for (number, way) in all.iter().enumerate() {
        let is_made = way.0.contains("into a new PostgreSQL");
        assert_eq!(is_made, number == 1, "{}", way.0);
        let server = format!("export PGHOST='{}' PGUSER=postgres\n{}", new.run.display(), typed_in());
        let made = follow(&place, way, &server, &format!("clean-{number}"));
        let question = "select count(*), md5(string_agg(said, '' order by n)) from orders";
        let counted = if is_made {
            let socket = made.join("server/socket");
            let script = |name: &str| tool("sh", &[made.join("server").join(name)]);
            script("start.sh");
            sees_its_rows(&place, (number, &made), &server);
            let counted = super::database::ask(&socket, "restored", question);
            script("stop.sh");
            counted
        } else {
            sees_its_rows(&place, (number, &made), &server);
            new.ask(["restored_shop", "", "restored_c_shop"][number], question)
        };
        assert!(counted.starts_with("4321|"), "{counted}");
    }
}

fn sees_its_rows(place: &Place, way: (usize, &Path), server: &str) {
    let [counted, newest] = seen_in_part_6(place, "shop", way, server);
    assert_eq!((&*counted, &*newest), ("public.orders|4321\n", "public.orders.n|4321\n"));
}
