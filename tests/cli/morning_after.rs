//! PocketOS with the real things: the night before, the act, the morning after. A local Railway is asked, a PostgreSQL is dumped into a
//! locked vault, one call takes the volume with all its backups, and the page that was printed before brings the rows back.

use super::asking::{TOKEN, estate_file, in_no_file, pocketos};
use super::database::{Postgres, rows};
use super::encrypting::reader;
use super::following::follow;
use super::hand::output;
use super::nightly_estate::Granted;
use super::place::{Place, tool};
use super::railway::{Server, uuid};
use super::run::Ended;
use super::servers::seaweedfs;
use chrono::Utc;
use outlive::providers::graphql::Operation;
use outlive::providers::railway::Question;
use outlive::report::runbook::ways;
use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;

/// The store's host.
const ELSEWHERE: &str = "store-1.example";
/// Where the private key is: apart from all the rest.
const KEPT: &str = r#"
[[asset]]
kind = "site"
name = "bank-vault"
owner = "ops"
stored_on = []
cascades_from = []
needs = []
administered_by = []
deletable_by = []
[[asset]]
kind = "key"
name = "offsite.reader-1"
owner = "ops"
stored_on = ["site:bank-vault"]
cascades_from = []
needs = []
administered_by = []
deletable_by = []
yielded_by = []
"#;
const VOLUME: &str = "production-db";
/// What the token destroys, and what the policy asks for beside it.
const HAZARDS: [&str; 3] = ["cascade-on-deletion", "credential-reaches-both", "rpo"];

struct Scene {
    place: Place,
    railway: Server,
    vault: Granted,
    old: Postgres,
    /// The private key in the safe.
    key: PathBuf,
}

impl Scene {
    /// The estate as its owner found it.
    fn new() -> Self {
        let (place, now) = (Place::new(), Utc::now());
        let railway = Server::start(&place.path("railway"), &pocketos(now), 0.0);
        let old = Postgres::start(&place, "railway-postgres");
        old.fill();
        place.file("outlive.toml", estate_file(&[("pocketos", &railway)], now));
        let (key, _) = reader(&place, "safe.key");
        Self { place, railway, vault: Granted::new(), old, key }
    }

    /// A vault elsewhere, and a dump that goes there each day.
    fn add_vault(&mut self) {
        let readers = tool("age-keygen", &["-y".as_ref(), self.key.as_os_str()]);
        let stands_on = "stands_on = { provider = \"backblaze\", upstream_provider = \"backblaze\", account = \"pocketos-dr\", region = \"eu\", owner = \"ops\" }";
        let from = format!(
            "command = [\"pg_dump\", \"--format=custom\", \"--host={}\", \"--username=postgres\", \"shop\"], file = \"shop.dump\"",
            self.old.run.display()
        );
        // A lock needs to know for how long.
        let before = std::fs::read_to_string(self.place.path("outlive.toml")).unwrap();
        let text = format!(
            "{}{}\ninsecure = true\nadministered_by = []\ndeletable_by = []\nreaders = [{:?}]\n{stands_on}\n\
             {KEPT}\n{}\n\
             [[copy]]\nvolume = {VOLUME:?}\nfrom = {{ {from} }}\nto = \"offsite\"\nevery = \"24h\"\n",
            before.replacen('\n', "\nlocked_for = \"35d\"\n", 1),
            self.vault.table.replace("http://127.0.0.1:", &format!("http://{ELSEWHERE}:")),
            readers.trim(),
            self.store(),
        );
        self.place.file("outlive.toml", text);
        self.vault.make_users(&self.place);
    }

    /// What the store stands on: nobody who has anything to do with Railway deletes or administers any of it.
    fn store(&self) -> String {
        let address = seaweedfs().endpoint.rsplit(':').next().unwrap();
        let asset = |(kind, name): (&str, &str)| {
            format!(
                "[[asset]]\nkind = {kind:?}\nname = {name:?}\nowner = \"ops\"\ncascades_from = []\nneeds = []\n\
                 administered_by = []\ndeletable_by = []\n"
            )
        };
        let bucket = format!("{ELSEWHERE}:{address}/{}", self.vault.bucket);
        let all = [
            ("bucket", bucket.as_str()),
            ("account", "backblaze/pocketos-dr"),
            ("region", "backblaze/eu"),
            ("provider", "backblaze"),
        ];
        all.map(asset).concat()
    }

    fn outlive(&self, arguments: &[&str]) -> Ended {
        self.vault.outlive(&self.place, arguments).environment("RAILWAY_TOKEN", TOKEN).end()
    }

    /// What an audit says of the database's volume.
    fn audited(&self, code: i32) -> Value {
        let told: Value =
            serde_json::from_str(&self.outlive(&["--format", "json", "audit"]).expect(code).stdout).unwrap();
        let volumes = told["volumes"].as_array().unwrap();
        volumes.iter().find(|volume| volume["id"] == VOLUME).unwrap().clone()
    }

    /// Nothing that was written down holds the token, and no program was started with it.
    fn tells_no_token(&self, ended: &Ended) {
        assert!(!ended.stdout.contains(TOKEN) && !ended.stderr.contains(TOKEN));
        assert!(!ended.log.lines().skip(1).any(|line| line.contains(TOKEN)), "the token is in a system call");
        in_no_file(&self.place.path("state"));
    }
}

/// The verdict of a rule on a volume.
fn verdict<'a>(volume: &'a Value, rule: &str) -> &'a str {
    let findings = volume["findings"].as_array().unwrap();
    let found = findings.iter().find(|finding| finding["rule"] == rule);
    found.unwrap_or_else(|| panic!("{rule}: {volume:#}"))["verdict"].as_str().unwrap()
}

/// What the acts leave that the token is good for: its misuse, and the deletion of the volume where all its environments are.
fn rows_of_the_call(volume: &Value) -> Vec<&Value> {
    let all = format!("volume:railway/{}", uuid(30));
    let of = |row: &&Value| {
        [&*all, "credential:pocketos.token"].contains(&row["asset"].as_str().unwrap_or_default())
    };
    let found: Vec<&Value> = volume["survival"].as_array().unwrap().iter().filter(of).collect();
    assert!(found.len() >= 2, "{volume:#}");
    found
}

/// A store at an address of this machine is on this machine, whatever is declared. Here a name means that address, for this test and
/// what it starts: it has a hosts file of its own.
fn is_in_a_world_with_another_host(name: &str) -> bool {
    if std::env::var_os("OUTLIVE_TEST_ELSEWHERE").is_some() {
        return true;
    }
    let place = Place::new();
    let hosts = std::fs::read_to_string("/etc/hosts").unwrap();
    let hosts = place.file("hosts", format!("{hosts}\n127.0.0.1 {ELSEWHERE}\n"));
    let mut inside = Command::new("unshare");
    let script = "mount --bind \"$1\" /etc/hosts && exec \"$2\" --exact \"$3\" --nocapture";
    inside.args(["-m", "--", "sh", "-ec", script, "sh"]).arg(hosts).arg(std::env::current_exe().unwrap());
    let done = output(inside.arg(name).env("OUTLIVE_TEST_ELSEWHERE", "1")).unwrap();
    let (said, errors) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success() && said.contains("1 passed"), "{said}\n{errors}");
    false
}

#[test]
fn the_night_before_the_act_and_the_morning_after() {
    let name = "morning_after::the_night_before_the_act_and_the_morning_after";
    if !is_in_a_world_with_another_host(name) {
        return;
    }
    let mut scene = Scene::new();
    let had = rows(&scene.old.run, "shop");
    assert!(had.len() > 6, "{had:?}");
    the_night_before(&scene);
    scene.add_vault();
    let page = the_copy(&scene);
    the_act(&scene);
    let Scene { place, old, railway, vault, key } = scene;
    // The provider is gone too, from here on.
    let asked = railway.asked();
    drop(railway);
    // All that the volume held is gone with it.
    drop(old);
    tool("rm", &["-rf".as_ref(), place.path("railway-postgres").as_os_str()]);
    let (id, secret) = vault.reader.split_once(':').unwrap();
    let fill_in =
        format!("AWS_ACCESS_KEY_ID={id}\nAWS_SECRET_ACCESS_KEY={secret}\nIDENTITY='{}'", key.display());
    let new = Postgres::start(&place, "elsewhere");
    let all = ways(&page);
    assert_eq!(all.len(), 3, "{all:?}");
    for (number, way) in all.iter().enumerate() {
        let server = format!("export PGHOST='{}' PGUSER=postgres\n{fill_in}", new.run.display());
        let made = follow(&place, way, &server, &format!("clean-{number}"));
        let is = if way.0.contains("into a new PostgreSQL") {
            let restored = made.join("server");
            tool("sh", &[restored.join("start.sh")]);
            let is = rows(&restored.join("socket"), "restored");
            tool("sh", &[restored.join("stop.sh")]);
            is
        } else {
            rows(&new.run, ["restored_production_db", "", "restored_c_production_db"][number])
        };
        assert_eq!(is, had, "{}", way.0);
    }
    // Whatever was asked of Railway, but for the act itself, is a question of the list.
    let documents: Vec<&str> = Question::ALL.iter().map(|question| question.document()).collect();
    let others = asked.into_iter().filter(|one| !documents.contains(&one["document"].as_str().unwrap()));
    assert_eq!(others.count(), 1);
}

/// One call takes the volume and every recent backup, and it is said which token makes it, and what it leaves.
fn the_night_before(scene: &Scene) {
    let audit = scene
        .outlive(&["audit"])
        .expect(10)
        .says("credential:pocketos.token is an account token. It reaches workspace PocketOS; project pocketos; environments pocketos/production, pocketos/staging")
        .says("ONE CALL: volumeDelete of pocketos/postgres-data takes pocketos/production/postgres-data, pocketos/staging/postgres-data, with all 7 backups.")
        .says("copy-of-january")
        .says("92 d");
    scene.tells_no_token(&audit);
    let credentials = scene
        .outlive(&["credentials"])
        .expect(10)
        .says("credential:pocketos.token: token of pocketos (railway, account)")
        .says(
            "ONE CALL: volumeDelete takes pocketos/production/postgres-data, and 6 of its 7 recovery points",
        );
    scene.tells_no_token(&credentials);
    let volume = scene.audited(10);
    for rule in HAZARDS {
        assert_eq!(verdict(&volume, rule), "fail", "{rule}");
    }
    for row in rows_of_the_call(&volume) {
        assert_eq!(row["takes_primary"], "certain", "{row:#}");
        assert_eq!(row["survivor"]["recovery_point"], "declared:copy-of-january", "{row:#}");
    }
}

/// A dump is copied into the locked vault and drilled: the same audit is green for what the token could do. The page for the night.
fn the_copy(scene: &Scene) -> String {
    let place = &scene.place;
    let drill = format!(
        "volume = {VOLUME:?}\nrestore_to = \"../../scratch\"\nchecks = [\"counts\", \"command\"]\n\
         [[command]]\nname = \"opens\"\nargv = [\"pg_restore\", \"--list\", \"{{restored}}\"]\n"
    );
    place.file("drills/weekly/drill.toml", drill);
    place.directory("scratch");
    scene.outlive(&["vault", "init", "offsite", "--yes"]).expect(0);
    scene.outlive(&["vault", "check", "offsite"]).expect(0);
    scene.outlive(&["copy", VOLUME]).expect(0).says("read back");
    let identity = scene.key.to_str().unwrap();
    let drilled = scene.outlive(&["drill", "weekly", "--identity", identity]).expect(0);
    scene.tells_no_token(&drilled);
    let volume = scene.audited(10);
    // What else may take all of it is unknown where Railway does not tell; of this call nothing is.
    for rule in HAZARDS {
        assert_ne!(verdict(&volume, rule), "fail", "{rule}: {volume:#}");
    }
    for rule in ["lock-missing", "lock-governance-only", "lock-shorter-than-policy"] {
        assert_eq!(verdict(&volume, rule), "pass", "{rule}: {volume:#}");
    }
    for row in rows_of_the_call(&volume) {
        assert_eq!(
            (&row["result"], row["undetermined"].as_array().unwrap().len()),
            (&"survivor".into(), 0),
            "{row:#}"
        );
        let left = &row["survivor"];
        assert!(left["recovery_point"].as_str().unwrap().starts_with("vault:"), "{row:#}");
        assert!(left["age_seconds"].as_i64().unwrap() < 3600 && left["state"] == "restored", "{row:#}");
    }
    let page = scene.outlive(&["runbook", VOLUME]).stdout;
    let secrets = [&scene.vault.reader, &scene.vault.writer].map(|keys| keys.split_once(':').unwrap().1);
    assert!(secrets.iter().all(|secret| !page.contains(secret)) && !page.contains(TOKEN));
    page
}

/// What the agent sent.
fn the_act(scene: &Scene) {
    let sent = scene.railway.send(TOKEN, &format!("mutation {{ volumeDelete(volumeId: \"{}\") }}", uuid(30)));
    assert_eq!(sent["data"]["volumeDelete"], true);
    let after =
        scene.outlive(&["audit", "--max-age", "0s"]).expect(10).says("it waits to be deleted for good");
    scene.tells_no_token(&after);
}
