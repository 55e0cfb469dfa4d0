//! Providers that are asked: what an audit says of the token that asks, on a local Railway. The estate is PocketOS's of the
//! night before (drills/incidents/pocketos), seen instead of declared.

use super::listener::{Answer, Listener};
use super::place::Place;
use super::railway::{Server, instance, uuid};
use super::run::Run;
use chrono::{DateTime, TimeDelta, Utc};
use outlive::providers::graphql::Operation;
use outlive::providers::railway::Question;
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::path::Path;
use std::time::{Duration, Instant};

pub const TOKEN: &str = "c0ffee00-7e57-4000-8000-ca9a97000002";
/// The hours before now at which production's backups were taken.
const BACKUPS: [i64; 6] = [19, 43, 67, 91, 115, 139];

/// One database in two environments, as one volume of the provider.
pub fn pocketos(now: DateTime<Utc>) -> Value {
    let environment = |id: u32, name: &str, own: u32, ages: &[i64]| json!({ "id": uuid(id), "name": name, "instances": [instance(&uuid(own), &uuid(30), ages, now)] });
    json!({
        "tokens": { TOKEN: { "kind": "account", "workspaces": [uuid(1)] } },
        "workspaces": [{ "id": uuid(1), "name": "PocketOS" }],
        "projects": [{
            "id": uuid(10), "name": "pocketos", "deletedAt": null, "workspaceId": uuid(1),
            "environments": [environment(20, "production", 40, &BACKUPS), environment(21, "staging", 41, &[30])],
            "volumes": [{ "id": uuid(30), "name": "postgres-data" }],
            "buckets": [],
        }],
    })
}

/// The estate file: the volume is seen, the older copy elsewhere is declared, and that nobody else administers this machine.
pub fn estate_file(servers: &[(&str, &Server)], now: DateTime<Utc>) -> String {
    let mut text = "[policy.default]\nrpo = \"26h\"\ndrill_every = \"never\"\nsurvive = [\"primary-deletion\", \"credential\"]\n".to_owned();
    for (id, server) in servers {
        text += &format!(
            "[[provider]]\nid = {id:?}\nkind = \"railway\"\ntoken = {{ env = \"RAILWAY_TOKEN\" }}\nendpoint = {:?}\n",
            server.endpoint
        );
    }
    let (old, review) = (now - TimeDelta::days(92), now + TimeDelta::days(30));
    text + &format!(
        "[[volume]]\nid = \"production-db\"\nowner = \"PocketOS\"\nis = \"pocketos:pocketos/production/postgres-data\"\n\
         [[asset]]\nkind = \"account\"\nname = \"archive\"\nowner = \"ops\"\nstored_on = []\ncascades_from = []\n\
         administered_by = []\nneeds = []\ndeletable_by = []\nyielded_by = []\n\
         [[asset]]\nkind = \"host\"\nname = \"localhost\"\nowner = \"ops\"\nstored_on = []\ncascades_from = []\n\
         administered_by = []\nneeds = []\ndeletable_by = []\n\
         [[recovery_point]]\nid = \"copy-of-january\"\nvolume = \"production-db\"\nkind = \"dump\"\nowner = \"ops\"\n\
         taken_at = {:?}\nreview_by = {:?}\nlock = {{ mode = \"none\" }}\nstored_on = [\"account:archive\"]\n\
         cascades_from = []\nadministered_by = []\nneeds = []\ndeletable_by = []\n",
        old.to_rfc3339(),
        review.to_rfc3339()
    )
}

pub fn audit(place: &Place, arguments: &[&str]) -> Run {
    let config = place.path("outlive.toml");
    let mut all: Vec<&dyn AsRef<OsStr>> = vec![&"--config", &config];
    all.extend(arguments.iter().map(|argument| argument as &dyn AsRef<OsStr>));
    place.outlive(&all).environment("RAILWAY_TOKEN", TOKEN)
}

/// A place with PocketOS's estate, seen at one server.
pub fn scene() -> (Place, Server, DateTime<Utc>) {
    let (place, now) = (Place::new(), Utc::now());
    let server = Server::start(&place.path("railway"), &pocketos(now), 0.0);
    place.file("outlive.toml", estate_file(&[("pocketos", &server)], now));
    (place, server, now)
}

/// The same with a bucket in the project.
pub fn scene_with_bucket() -> (Place, Server, DateTime<Utc>) {
    let (place, now) = (Place::new(), Utc::now());
    let mut estate = pocketos(now);
    estate["projects"][0]["buckets"] = json!([{ "id": uuid(50), "name": "pitr" }]);
    let server = Server::start(&place.path("railway"), &estate, 0.0);
    place.file("outlive.toml", estate_file(&[("pocketos", &server)], now));
    (place, server, now)
}

/// The same with a server that takes so many seconds for each answer.
pub fn slow_scene(seconds: f64) -> (Place, Server) {
    let (place, now) = (Place::new(), Utc::now());
    let server = Server::start(&place.path("railway"), &pocketos(now), seconds);
    place.file("outlive.toml", estate_file(&[("pocketos", &server)], now));
    (place, server)
}

/// Nothing but questions of the list ever came to the server.
#[track_caller]
pub fn only_questions(server: &Server) {
    let documents: Vec<&str> = Question::ALL.iter().map(|question| question.document()).collect();
    let asked = server.asked();
    assert!(!asked.is_empty());
    for one in asked {
        assert!(documents.contains(&one["document"].as_str().unwrap()), "{one}");
        assert_eq!(one["path"], "/graphql/v2");
    }
}

/// The token lies in no file below a directory.
pub fn in_no_file(directory: &Path) {
    for entry in std::fs::read_dir(directory).unwrap().map(Result::unwrap) {
        if entry.path().is_dir() {
            in_no_file(&entry.path());
        } else {
            let bytes = std::fs::read(entry.path()).unwrap();
            // Behind its head a kept answer is compressed.
            let is_kept = entry.path().extension().is_some_and(|kind| kind == "kept");
            let bytes = if is_kept {
                let size = u64::from_le_bytes(bytes[8..16].try_into().unwrap());
                zstd::decode_all(&bytes[48..48 + usize::try_from(size).unwrap()]).unwrap()
            } else {
                bytes
            };
            assert!(!is_kept || bytes.starts_with(b"{"), "{:?} is no kept answer", entry.path());
            let is_there = bytes.windows(TOKEN.len()).any(|window| window == TOKEN.as_bytes());
            assert!(!is_there, "the token is in {:?}", entry.path());
        }
    }
}

#[test]
fn the_night_before_one_call_takes_staging_and_production_with_every_recent_backup() {
    let (place, server, _) = scene();
    let ended = audit(&place, &["audit"])
        .end()
        .expect(10)
        .says("credential:pocketos.token is an account token. It reaches workspace PocketOS; project pocketos; environments pocketos/production, pocketos/staging; volume pocketos/postgres-data.")
        .says("No token of this provider is known that can only read, so the one that outlive asks with destroys too")
        .says("ONE CALL: volumeDelete of pocketos/postgres-data takes pocketos/production/postgres-data, pocketos/staging/postgres-data, with all 7 backups. It names no environment.");
    let told: Value =
        serde_json::from_str(&audit(&place, &["--format", "json", "audit"]).end().stdout).unwrap();
    let volume =
        told["volumes"].as_array().unwrap().iter().find(|volume| volume["id"] == "production-db").unwrap();
    for class in ["primary-deletion", "credential"] {
        let rows: Vec<&Value> =
            volume["survival"].as_array().unwrap().iter().filter(|row| row["class"] == class).collect();
        let row = rows.iter().find(|row| {
            row["asset"].as_str().unwrap_or_default().contains(match class {
                "credential" => "credential:pocketos.token",
                _ => "volume:",
            })
        });
        let row = row.unwrap_or_else(|| panic!("{class}: {rows:#?}"));
        assert_eq!(row["takes_primary"], "certain", "{row:#}");
        assert_eq!(row["dead"].as_array().unwrap().len(), BACKUPS.len(), "{row:#}");
        assert_eq!(row["survivor"]["recovery_point"], "declared:copy-of-january", "{row:#}");
        assert_eq!(row["survivor"]["age_seconds"].as_i64().unwrap() / 86_400, 92, "{row:#}");
    }
    let failed = |rule: &str| {
        let findings = volume["findings"].as_array().unwrap();
        findings.iter().any(|finding| finding["rule"] == rule && finding["verdict"] == "fail")
    };
    for rule in ["credential-reaches-both", "cascade-on-deletion", "rpo"] {
        assert!(failed(rule), "{rule}: {}", ended.stdout);
    }
    assert!(ended.stdout.contains("copy-of-january") && ended.stdout.contains("92 d"), "{}", ended.stdout);
    only_questions(&server);
    assert!(
        !ended.stdout.contains(TOKEN) && !ended.stderr.contains(TOKEN) && !told.to_string().contains(TOKEN)
    );
    in_no_file(&place.path("state"));
}

#[test]
fn deleting_what_people_call_the_volume_of_staging_deletes_production_s() {
    let (place, server, _) = scene();
    let asked = format!("deleted:volume:railway/{}", uuid(41));
    let ended = audit(&place, &["--format", "json", "audit", "--what-if", &asked]).end();
    let told: Value = serde_json::from_str(&ended.stdout).unwrap();
    let text = told.to_string();
    for hours in BACKUPS {
        assert!(text.contains(&format!("railway:{}/{}-{hours}h", uuid(40), uuid(40))), "{told:#}");
    }
    // The act itself, as anybody with the token sends it.
    let sent = server.send(TOKEN, &format!("mutation {{ volumeDelete(volumeId: \"{}\") }}", uuid(30)));
    assert_eq!(sent["data"]["volumeDelete"], true);
    let after = audit(&place, &["audit", "--max-age", "0s"]).end().expect(10);
    after.says("pocketos/production/postgres-data").says("it waits to be deleted for good");
    assert_eq!(server.asked().iter().filter(|asked| asked.to_string().contains("mutation")).count(), 1);
}

#[test]
fn a_night_tells_of_a_volume_that_nobody_named() {
    let (place, server, _) = scene();
    let night = audit(&place, &["nightly"]).end();
    assert!(night.code != Some(0), "{}", night.stdout);
    night.says("pocketos/staging/postgres-data: a provider has it and the estate file does not name it");
    only_questions(&server);
}

#[test]
fn an_answer_is_kept_for_a_while_and_its_age_is_told() {
    let (place, server, _) = scene();
    audit(&place, &["audit"]).end().expect(10).says("pocketos (railway): asked");
    let first = server.asked().len();
    assert!(first > 0);
    let kept = audit(&place, &["audit"]).end().expect(10);
    assert_eq!(server.asked().len(), first, "it was asked again");
    kept.says("ago: an answer that was kept (--max-age 0s asks again)").says("ONE CALL: volumeDelete");
    audit(&place, &["audit", "--max-age", "0s"]).end().expect(10);
    let second = server.asked().len();
    assert_eq!(second, 2 * first, "what was not to be kept was not asked");
    std::thread::sleep(Duration::from_millis(1100));
    audit(&place, &["audit", "--max-age", "1s"]).end().expect(10);
    assert_eq!(server.asked().len(), 3 * first, "an answer that is too old was believed");
    // Another token sees something else.
    audit(&place, &["audit"])
        .environment("RAILWAY_TOKEN", "another-token-of-somebody")
        .end()
        .says("this credential may not see");
    assert!(server.asked().len() > 3 * first);
    in_no_file(&place.path("state"));
    only_questions(&server);
}

#[test]
fn a_provider_that_is_down_or_a_token_that_is_gone_is_a_gap_and_no_crash() {
    let (place, server, now) = scene();
    // Nothing is declared either: what nobody saw is not "none".
    let (seen, _) = estate_file(&[("pocketos", &server)], now)
        .split_once("[[asset]]")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    place.file("outlive.toml", seen);
    audit(&place, &["audit"])
        .environment("RAILWAY_TOKEN", "")
        .end()
        .expect(11)
        .says("RAILWAY_TOKEN is not set");
    audit(&place, &["audit"])
        .environment("RAILWAY_TOKEN", "a token with blanks")
        .end()
        .expect(11)
        .says("which is not shown");
    drop(server);
    let down = audit(&place, &["audit"]).end().expect(11);
    down.says("provider pocketos")
        .says("could not be reached")
        .says("no volume of that id or name was seen there");
}

#[test]
fn no_proxy_of_the_environment_sees_what_is_asked_on_this_machine() {
    let (place, server, _) = scene();
    let proxy = Listener::new(vec![Answer::Status(502)]);
    let mut run = audit(&place, &["audit"]);
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        run = run.environment(name, proxy.url(""));
    }
    run.end().expect(10);
    assert_eq!(proxy.asked(), vec![], "a proxy saw the token");
    only_questions(&server);
}

#[test]
fn several_accounts_are_asked_at_once() {
    let (place, now) = (Place::new(), Utc::now());
    let slow = |name: &str| Server::start(&place.path(name), &pocketos(now), 0.3);
    let servers: Vec<Server> = ["a", "b", "c", "d"].map(slow).into();
    let timed = |servers: &[(&str, &Server)]| {
        place.file("outlive.toml", estate_file(servers, now));
        let began = Instant::now();
        audit(&place, &["audit", "--max-age", "0s"]).end().expect(10);
        began.elapsed()
    };
    let one = timed(&[("pocketos", &servers[0])]);
    let four =
        timed(&[("pocketos", &servers[0]), ("b", &servers[1]), ("c", &servers[2]), ("d", &servers[3])]);
    assert!(four < one * 2, "one took {one:?}, four {four:?}");
    // Each of the tokens reaches what all of them see, and any of them takes it.
    let told = audit(&place, &["audit"]).end().expect(10);
    for name in ["pocketos", "b", "c", "d"] {
        let words = format!("misuse of credential {name}.token");
        assert!(
            told.stdout.split_whitespace().collect::<Vec<_>>().join(" ").contains(&words),
            "{words}: {}",
            told.stdout
        );
    }
    servers.iter().for_each(only_questions);
}

#[test]
fn a_project_that_the_account_was_invited_to_is_reached_too() {
    let (place, now) = (Place::new(), Utc::now());
    let mut estate = pocketos(now);
    estate["workspaces"].as_array_mut().unwrap().push(json!({ "id": uuid(2), "name": "Client" }));
    let own = instance(&uuid(42), &uuid(31), &[5], now);
    estate["projects"].as_array_mut().unwrap().push(json!({
        "id": uuid(11), "name": "lent", "deletedAt": null, "workspaceId": uuid(2),
        "environments": [{ "id": uuid(22), "name": "live", "instances": [own] }],
        "volumes": [{ "id": uuid(31), "name": "ledger" }],
        "buckets": [],
    }));
    estate["tokens"][TOKEN]["invited"] = json!([uuid(11)]);
    let server = Server::start(&place.path("railway"), &estate, 0.0);
    place.file("outlive.toml", estate_file(&[("pocketos", &server)], now));
    let ended = audit(&place, &["audit"]).end().expect(10);
    ended
        .says("volumeDelete of lent/ledger takes lent/live/ledger, with 1 backup")
        .says("It reaches workspace PocketOS; project");
    only_questions(&server);
}
