//! `outlive credentials` on a local Railway, and tokens that lie in files: no value of any of them comes out.

use super::asking::{TOKEN, audit, in_no_file, only_questions, scene};
use super::place::{Place, chmod};
use super::railway::{Server, uuid};
use super::run::Ended;
use serde_json::Value;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::Path;

/// A token of somebody else, and others of each sort that matters here; none of use to anybody.
const OTHER: &str = "0ddba11e-7e57-4000-8000-ca9a97000003";
const SECRETS: [(&str, &str); 9] = [
    ("AWS access key", "AKIAQ7CANARY0000AAAA"),
    ("GitHub personal access token", "ghp_CANARY7CANARY7CANARY7CANARY7CANARY7c"),
    (
        "DigitalOcean personal access token",
        "dop_v1_c0ffeec0ffeec0ffeec0ffeec0ffeec0ffeec0ffeec0ffeec0ffeec0ffee7e57",
    ),
    ("Fly.io token", "fm2_CANARY7CANARY7CANARY7CANARY7CANARY7+/="),
    ("Supabase access token", "sbp_c0ffeec0ffeec0ffeec0ffeec0ffeec0ffee7e57"),
    ("PlanetScale service token", "pscale_tkn_CANARY7CANARY7CANARY7CANARY7CANARY7"),
    ("Slack bot token", "xoxb-7777777777-CANARY7CANARY7"),
    ("age private key", "AGE-SECRET-KEY-1CANARY7CANARY7CANARY7CANARY7CANARY7CANARY7CANARY7CANARY7CA"),
    ("AWS secret access key", "CANARY7/CANARY7+CANARY7/CANARY7+CANARY7x"),
];

/// Nothing that was said, recorded or kept holds a token or a part of one.
#[track_caller]
fn tells_no_secret(place: &Place, ended: &Ended) {
    for secret in SECRETS.iter().map(|(_, secret)| *secret).chain([TOKEN, OTHER]) {
        for text in [&ended.stdout, &ended.stderr] {
            assert!(
                !text.contains(secret) && !text.contains(&secret[..secret.len() - 8]),
                "{secret}: {text}"
            );
        }
        // Which programs were started with which arguments, and every file that was opened; the recorder itself names the
        // variables that it sets.
        let called = ended.log.lines().skip(1).any(|line| line.contains(secret));
        assert!(!called, "{secret} is in a system call");
    }
    if place.path("state").exists() {
        in_no_file(&place.path("state"));
    }
}

fn told(ended: &Ended) -> Value {
    ended.json("credentials")
}

#[test]
fn the_token_is_named_with_the_call_and_what_it_leaves() {
    let (place, server, _) = scene();
    let ended = audit(&place, &["credentials"])
        .end()
        .expect(10)
        .says("credential:pocketos.token: token of pocketos (railway, account)")
        .says("ONE CALL: volumeDelete takes pocketos/production/postgres-data, and 6 of its 7 recovery points: the newest left is")
        .says("ONE CALL: volumeDelete takes pocketos/staging/postgres-data, and 1 of its 1 recovery points: nothing is left.")
        .says("92 d")
        .says("FAIL credential-reaches-both on production-db");
    tells_no_secret(&place, &ended);
    let ended = audit(&place, &["credentials", "--format", "json"]).end().expect(10);
    let told = told(&ended);
    let one =
        told["credentials"].as_array().unwrap().iter().find(|one| one["id"] == "credential:pocketos.token");
    let of = |id: &str| {
        let volumes = one.unwrap()["volumes"].as_array().unwrap();
        volumes.iter().find(|volume| volume["id"] == id).unwrap_or_else(|| panic!("{id}: {told:#}")).clone()
    };
    let production = of("production-db");
    assert_eq!(production["primary"]["call"], "volumeDelete");
    assert_eq!(production["primary"]["fate"], "dies");
    assert_eq!(production["newest_left"]["id"], "declared:copy-of-january");
    let gone = production["recovery_points"]
        .as_array()
        .unwrap()
        .iter()
        .find(|points| points["fate"] == "dies")
        .unwrap();
    assert_eq!((gone["ids"].as_array().unwrap().len(), &gone["call"]), (6, &"volumeDelete".into()));
    assert!(
        gone["chain"].as_array().unwrap().iter().any(|step| step["verb"] == "can be deleted by"),
        "{gone:#}"
    );
    // The same words as the audit has for its misuse.
    let audited =
        audit(&place, &["--format", "json", "audit", "--what-if", "compromised:credential:pocketos.token"])
            .end();
    let audited: Value = serde_json::from_str(&audited.stdout).unwrap();
    for volume in audited["volumes"].as_array().unwrap() {
        let own = of(volume["id"].as_str().unwrap());
        for key in ["dies", "may_die", "stays"] {
            assert_eq!(own[key], volume[key], "{key}");
        }
    }
    tells_no_secret(&place, &ended);
    only_questions(&server);
}

#[test]
fn a_token_that_yields_keys_reaches_what_they_delete() {
    let (place, server, now) = super::asking::scene_with_bucket();
    let ended = audit(&place, &["credentials", "--format", "json"]).end();
    let told = told(&ended);
    let all = told["credentials"].as_array().unwrap();
    let token = all.iter().find(|one| one["id"] == "credential:pocketos.token").unwrap();
    let keys = format!("credential:railway/{}.s3-keys", uuid(50));
    assert_eq!(token["yields"], serde_json::json!([keys]), "{now}");
    let keys = all.iter().find(|one| one["id"] == keys.as_str()).unwrap();
    assert_eq!(keys["role"], "handed out by a provider");
    let point = format!("railway:{}/bucket:railway/{}", uuid(40), uuid(50));
    for one in [token, keys] {
        let volumes = one["volumes"].as_array().unwrap().iter();
        let gone = volumes.flat_map(|volume| volume["recovery_points"].as_array().unwrap());
        let gone: Vec<&Value> = gone
            .filter(|points| points["fate"] == "dies" && points["ids"].to_string().contains(&point))
            .collect();
        assert_eq!(gone.len(), 1, "{one:#}");
    }
    only_questions(&server);
}

/// Files with secrets: plain, among others, in a binary, under names that would do something to a terminal.
fn files(place: &Place) {
    let lines: Vec<String> = SECRETS[..8].iter().map(|(_, secret)| format!("key: \"{secret}\"")).collect();
    place.file("repo/all.txt", lines.join("\n"));
    place.file("repo/.aws/credentials", format!("[default]\naws_secret_access_key = {}\n", SECRETS[8].1));
    place.file("repo/deep/er/.env", format!("A=1\n\nRAILWAY_TOKEN={TOKEN}\n"));
    place.file(
        "repo/other.env",
        format!("export RAILWAY_API_TOKEN='{OTHER}'\nRAILWAY_TOKEN={TOKEN} RAILWAY_B_TOKEN={OTHER}\n"),
    );
    place.file("repo/blob", [b"\0\x01\n", SECRETS[0].1.as_bytes(), b"\0"].concat());
    let hostile = place.path("repo").join(OsStr::from_bytes(b"a\x1b[2Jb\nc\xff\xe2\x80\xae"));
    std::fs::write(hostile, "-----BEGIN OPENSSH PRIVATE KEY-----\nCANARY7\n").unwrap();
}

#[test]
fn tokens_in_files_are_told_by_place_and_kind_and_by_no_value() {
    let place = Place::new();
    files(&place);
    let ended = place
        .outlive(&[&"credentials", &"--scan", &place.path("repo"), &"--format", &"json"])
        .end()
        .expect(11);
    tells_no_secret(&place, &ended);
    let told = told(&ended);
    let found = told["scanned"]["found"].as_array().unwrap();
    let has = |name: &str, line: usize, kind: &str| {
        let is_it = |one: &&Value| {
            one["path"].as_str().unwrap().ends_with(name) && one["line"] == line && one["kind"] == kind
        };
        assert_eq!(found.iter().filter(is_it).count(), 1, "{name}:{line} {kind}: {found:#?}");
    };
    for (number, (kind, _)) in SECRETS[..8].iter().enumerate() {
        has("/all.txt", number + 1, kind);
    }
    has("/.aws/credentials", 2, "AWS secret access key");
    has("/deep/er/.env", 3, "Railway token");
    has("/other.env", 1, "Railway token");
    has("/blob", 2, "AWS access key");
    has("a\\e[2Jb\\nc\\xff\\u{202e}", 1, "private key (PEM)");
    assert_eq!(found.len(), 8 + 1 + 1 + 3 + 1 + 1, "{found:#?}");
    let text = place
        .outlive(&[&"credentials", &"--scan", &place.path("repo")])
        .end()
        .expect(11)
        .says("Railway token");
    assert!(!text.stdout.contains('\u{1b}') && !text.stdout.contains('\u{202e}'));
    tells_no_secret(&place, &text);
}

#[test]
fn one_file_is_searched_too_and_so_is_what_a_named_link_leads_to() {
    let place = Place::new();
    let file = place.file("repo/.env", format!("RAILWAY_TOKEN={TOKEN}"));
    symlink(&file, place.path("link")).unwrap();
    symlink(place.path("repo"), place.path("directory")).unwrap();
    for name in ["repo/.env", "link", "directory"] {
        let ended = place
            .outlive(&[&"credentials", &"--scan", &place.path(name), &"--format", &"json"])
            .end()
            .expect(11);
        let scanned = told(&ended)["scanned"].clone();
        assert_eq!(
            (scanned["found"].as_array().unwrap().len(), &scanned["gaps"]),
            (1, &serde_json::json!([])),
            "{name}"
        );
        tells_no_secret(&place, &ended);
    }
}

#[test]
fn what_is_not_looked_into_is_said() {
    let mut place = Place::new();
    let repo = place.directory("repo");
    place.file("repo/fine.txt", "nothing here");
    let scan = |place: &Place, code: i32| {
        let ended =
            place.outlive(&[&"credentials", &"--scan", &repo, &"--format", &"json"]).end().expect(code);
        told(&ended)["scanned"].clone()
    };
    assert_eq!(scan(&place, 0)["gaps"], serde_json::json!([]));
    let outside = place.file("outside/.env", format!("RAILWAY_TOKEN={TOKEN}"));
    symlink(&outside, repo.join("link")).unwrap();
    symlink(repo.join("fine.txt"), repo.join("link-within")).unwrap();
    symlink("..", repo.join("up")).unwrap();
    super::place::tool("mkfifo", &[repo.join("pipe")]);
    place.file("repo/packed.gz", b"\x1f\x8b\x08\0");
    place.file("repo/binary", b"a\0b");
    let large = std::fs::File::create_new(repo.join("large")).unwrap();
    large.set_len((16 << 20) + 1).unwrap();
    std::fs::create_dir_all(repo.join("d/".repeat(70))).unwrap();
    place.file(&format!("repo/{}/.env", "d/".repeat(70)), format!("RAILWAY_TOKEN={TOKEN}"));
    let elsewhere = place.tmpfs("repo/elsewhere", "1m");
    std::fs::write(elsewhere.join(".env"), format!("RAILWAY_TOKEN={TOKEN}")).unwrap();
    let scanned = scan(&place, 11);
    assert_eq!(scanned["found"], serde_json::json!([]), "it went where it should not");
    let gaps = scanned["gaps"].to_string();
    for (words, name) in [
        ("links lead to elsewhere: 2 of them", "link"),
        ("pipes, sockets and devices: ", "pipe"),
        ("what is packed: ", "packed.gz"),
        ("are no text", "binary"),
        ("first 16 MiB of a larger file: ", "large"),
        ("more than 64 directories deep: ", "d/d/d"),
        ("other filesystems", "elsewhere"),
    ] {
        let said =
            scanned["gaps"].as_array().unwrap().iter().find(|gap| gap.as_str().unwrap().contains(words));
        assert!(said.is_some_and(|gap| gap.as_str().unwrap().contains(name)), "{words} {name}: {gaps}");
    }
    assert_eq!(scanned["files"], 4);
}

#[test]
fn what_may_not_be_read_is_said_and_a_place_that_is_not_there_is_an_error() {
    let place = Place::new();
    place.file("repo/closed/.env", format!("RAILWAY_TOKEN={TOKEN}"));
    place.file("repo/secret.env", format!("RAILWAY_TOKEN={TOKEN}"));
    chmod(&place.path("repo/closed"), 0o700);
    chmod(&place.path("repo/secret.env"), 0o600);
    let ended = place
        .outlive_as_nobody(&[&"credentials", &"--scan", &place.path("repo"), &"--format", &"json"])
        .end()
        .expect(11);
    let scanned = told(&ended)["scanned"].clone();
    assert!(scanned["gaps"].to_string().contains("could not be read: 2 of them"), "{scanned:#}");
    assert_eq!(scanned["found"], serde_json::json!([]));
    place.outlive(&[&"credentials", &"--scan", &place.path("nowhere")]).end().expect(2).complains("nowhere");
}

/// The repository's files, with the local Railway as the configured address.
fn asked(place: &Place, at: &Path, line: &str) -> super::run::Run {
    let (config, repo) = (place.path("outlive.toml"), place.path("repo"));
    let ask = format!("{}:{line}", at.display());
    place.outlive(&[&"--config", &config, &"credentials", &"--scan", &repo, &"--ask", &ask])
}

fn asked_with(server: &Server) -> Vec<String> {
    let mut all: Vec<String> =
        server.asked().iter().map(|one| one["shown"].as_str().unwrap_or_default().to_owned()).collect();
    all.sort();
    all.dedup();
    all
}

#[test]
fn a_found_token_is_used_only_where_it_is_allowed_and_no_other_is() {
    let (place, server, _) = scene();
    files(&place);
    let config = place.path("outlive.toml");
    place.outlive(&[&"--config", &config, &"credentials", &"--scan", &place.path("repo")]).end().expect(11);
    assert_eq!(server.asked().len(), 0, "a token was used without leave");
    let ended = asked(&place, &place.path("repo/deep/er/.env"), "3").end().expect(10);
    let ended = ended
        .says("credential:found.token: found at")
        .says("token of found (railway, account)")
        .says("ONE CALL: volumeDelete takes pocketos/production/postgres-data, and 6 of its 6 recovery points: nothing is left.")
        .says("FAIL credential-reaches-both");
    tells_no_secret(&place, &ended);
    only_questions(&server);
    assert_eq!(asked_with(&server), [TOKEN], "another token was used");
    let before = server.asked().len();
    for (name, line, why) in [
        ("repo/other.env", "2", "2 tokens are on that line"),
        ("repo/all.txt", "1", "something else: AWS access key"),
        ("repo/all.txt", "99", "no token was found there"),
        ("outside.env", "1", "no token was found there"),
        ("repo/other.env", "one", "this names no place"),
    ] {
        let ended = asked(&place, &place.path(name), line).end().expect(2).complains(why);
        tells_no_secret(&place, &ended);
    }
    assert_eq!(server.asked().len(), before);
    // One that the provider does not know: nothing is known of it, and that is said.
    let ended = asked(&place, &place.path("repo/other.env"), "1").end().expect(11);
    tells_no_secret(&place, &ended);
    assert_eq!(asked_with(&server), [OTHER, TOKEN]);
}

#[test]
fn what_the_command_of_a_copy_gets_is_one_of_the_credentials_and_what_it_may_do_stays_open() {
    let place = Place::new();
    let estate = format!(
        "[[vault]]\nid = \"shelf\"\nkind = \"dir\"\npath = {:?}\n[[volume]]\nid = \"orders\"\npath = {:?}\n\
         [[copy]]\nvolume = \"orders\"\nto = \"shelf\"\nevery = \"24h\"\nfrom = {{ command = [\"printenv\", \"PGUSER\"], \
         file = \"orders.dump\", env = {{ PGPASSWORD = {{ env = \"CANARY\" }}, PGUSER = {{ env = \"CANARY\" }} }} }}",
        place.path("vault"),
        place.directory("data")
    );
    place.file("outlive.toml", &estate);
    let run = |words: &[&str]| place.outlive_by_file(words).environment("CANARY", OTHER).end();
    run(&["copy", "orders"]).expect(0);
    let ended = run(&["credentials", "--format", "json"]).expect(11);
    tells_no_secret(&place, &ended);
    let told = told(&ended);
    let id = "credential:orders.command";
    let one = told["credentials"].as_array().unwrap().iter().find(|one| one["id"] == id);
    let one = one.unwrap_or_else(|| panic!("{told:#}"));
    assert_eq!(one["role"], "of the command that orders is copied by: PGPASSWORD, PGUSER");
    assert_eq!(one["volumes"][0]["primary"]["fate"], "undetermined", "{one:#}");
    assert!(one["yielded_by"][0].as_str().is_some_and(|on| !on.is_empty()), "this machine has it: {one:#}");
    // Where the file says who may delete it, that is known.
    let id = "\"credential:orders.command\"";
    let known = estate.replace("id = \"orders\"", &format!("id = \"orders\"\ndeletable_by = [{id}]"));
    place.file("outlive.toml", known);
    let told = self::told(&run(&["credentials", "--format", "json"]));
    let one =
        told["credentials"].as_array().unwrap().iter().find(|one| one["id"] == "credential:orders.command");
    assert_eq!(one.unwrap()["volumes"][0]["primary"]["fate"], "dies", "{told:#}");
}
