//! The same of an encrypted vault under lock in a bucket, whose points are signed and which gets the signed ledger: the copy is stopped after
//! each request that writes, and after each thing that is made durable on the machine that copies.

use super::cutting::{
    assert_what_is_recorded_is_there, cut_power, cut_requests, cut_run, is_campaign, is_effect, make_data,
};
use super::encrypting::reader;
use super::killing::seed;
use super::locking::{block, with_keys};
use super::nightly_estate::EstateFile;
use super::place::{Place, assert_same};
use super::proxy::Proxy;
use super::run::{Ended, Run};
use super::servers::{client, seaweedfs};
use super::signing;
use super::strace::calls;
use serde_json::Value;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::PathBuf;

/// A bucket with Object Lock, the machine that copies into it, and another that reads.
struct Scene {
    place: Place,
    data: PathBuf,
    proxy: Proxy,
    bucket: String,
    /// The reader's private key.
    identity: PathBuf,
    public: String,
    /// `[signing]` of the estate file.
    signing: String,
    /// Where in the bucket the vault is that is tried now.
    prefix: String,
}

impl Scene {
    fn new() -> Self {
        let place = Place::new();
        let (data, (identity, public)) = (make_data(&place, 1), reader(&place, "reader.key"));
        let signing = signing::key(&place, "signing.key");
        let (proxy, bucket) = (Proxy::start(&seaweedfs().endpoint), seaweedfs().new_locked_place("").bucket);
        Self { place, data, proxy, bucket, identity, public, signing, prefix: String::new() }
    }

    /// A new vault, agreed to and made, and two machines that know nothing yet.
    fn begin(&mut self, prefix: &str) {
        self.prefix = format!("{prefix}/");
        let estate = |readers: &str, signing: &str| {
            let vault = format!(
                "[[vault]]\nid = \"offsite\"\nkind = \"s3\"\nendpoint = {:?}\nbucket = {:?}\nprefix = {:?}\n\
                 writer = {{ env = \"KEYS\" }}\nlock = {{ mode = \"compliance\" }}\n{readers}",
                self.proxy.endpoint, self.bucket, self.prefix,
            );
            let file = EstateFile::new().with("locked_for = \"2d\"").with(&vault);
            file.tree("tree", &self.data, &["offsite"]).with(signing)
        };
        // Who reads has no secret of who copies, and knows whose signature counts.
        let trust = self.signing.lines().filter(|line| !line.starts_with("key"));
        let trust = trust.collect::<Vec<_>>().join("\n");
        estate("", &trust).write(&self.place);
        std::fs::rename(self.place.path("outlive.toml"), self.place.path("reader.toml")).unwrap();
        estate(&format!("readers = [{:?}]", self.public), &self.signing).write(&self.place);
        self.outlive(&["vault", "init", "offsite", "--yes"]).end().expect(0);
    }

    /// On the machine that copies.
    fn outlive(&self, arguments: &[&str]) -> Run {
        with_keys(self.place.outlive_by_file(arguments))
    }

    /// On the machine that reads.
    fn reads(&self, arguments: &[&dyn AsRef<OsStr>]) -> Ended {
        let config = self.place.path("reader.toml");
        let given: [&dyn AsRef<OsStr>; 6] =
            [&"--config", &config, &"--identity", &self.identity, &"--format", &"json"];
        let all: Vec<_> = given.into_iter().chain(arguments.iter().copied()).collect();
        with_keys(self.place.outlive_with_state(&self.place.path("reader"), &all)).end()
    }

    /// All that lies there is locked for as long as the policy says; the keys.
    fn locked(&self) -> BTreeSet<String> {
        let client = client(&seaweedfs().endpoint);
        let least = chrono::Utc::now().timestamp() + 2 * 86_400 - 300;
        block(async {
            let listed =
                client.list_objects_v2().bucket(&self.bucket).prefix(&self.prefix).send().await.unwrap();
            let mut keys = BTreeSet::new();
            for key in listed.contents().iter().filter_map(|object| object.key()) {
                let own = key.strip_prefix(&self.prefix).unwrap();
                if own.starts_with("canary/") {
                    continue;
                }
                let asked = client.get_object_retention().bucket(&self.bucket).key(key).send().await;
                let asked = asked.unwrap_or_else(|error| panic!("{key} has no lock: {error:?}"));
                let lock = asked.retention().unwrap();
                assert_eq!(lock.mode().unwrap().as_str(), "COMPLIANCE", "{key}");
                let until = lock.retain_until_date().unwrap().secs();
                assert!(until >= least, "{key} is not locked for long enough");
                keys.insert(own.to_owned());
            }
            keys
        })
    }

    /// Nothing false is claimed: by the vault, to whoever reads it, and by the ledger, here and there. Gives how many points there are.
    fn check(&self, what: &str) -> usize {
        let none = |told: &Value, lists: &[&str]| {
            lists
                .iter()
                .for_each(|list| assert_eq!(told[list].as_array().unwrap().len(), 0, "{what}: {told:#}"));
        };
        let verified = self.reads(&[&"verify", &"offsite"]).json("verify");
        none(&verified, &["damage", "unread", "broken", "open", "closed", "unsigned", "replaced"]);
        let points = verified["points"].as_array().unwrap().len();
        let keys = self.locked();
        assert_eq!(keys.iter().filter(|key| key.starts_with("roots/")).count(), points, "{what}: {keys:?}");
        assert_what_is_recorded_is_there(&self.place.path("state"), |key| keys.contains(key));
        let copied = self.reads(&[&"ledger", &"verify", &"--vault", &"offsite"]).json("ledger-verify");
        none(&copied, &["wrong"]);
        none(&self.own_ledger().json("ledger-verify"), &["wrong"]);
        points
    }

    /// What the machine that copies says of its ledger and of the copy of it, with a reader's key at hand.
    fn own_ledger(&self) -> Ended {
        let identity = self.identity.to_str().unwrap();
        let asked = ["--format", "json", "--identity", identity, "ledger", "verify", "--vault", "offsite"];
        self.outlive(&asked).end()
    }

    /// After a copy that was stopped: the next one is whole, signed, under lock and in the copy of the ledger, and all comes back.
    fn goes_on(&self, what: &str) {
        let points = self.check(what);
        let next = self.outlive(&["--format", "json", "copy", "tree"]).end().expect(0);
        let done = next.json("copy");
        assert_eq!(
            (&done["state"], &done["lock"]["mode"]),
            (&"read back".into(), &"compliance".into()),
            "{done:#}"
        );
        assert!(!next.stderr.contains("ledger"), "{what}: {}", next.stderr);
        assert_eq!(self.check(what), points + 1, "{what}");
        let proved = self.own_ledger().expect(0).json("ledger-verify");
        assert_eq!(proved["copies"][0]["checkpoints"], proved["checkpoints"], "{proved:#}");
        let target = self.place.path("restored");
        self.reads(&[&"restore", &"tree", &"--vault", &"offsite", &"--to", &target]).expect(0);
        assert_same(&self.data, &target);
        for done in [target, self.place.path("state"), self.place.path("reader")] {
            std::fs::remove_dir_all(done).unwrap();
        }
    }
}

#[test]
fn a_copy_into_a_sealed_and_locked_vault_that_is_stopped_after_any_put_claims_nothing_and_the_next_continues()
{
    let (seed, step) = (seed(), if is_campaign() { 1 } else { 6 });
    println!("OUTLIVE_SEED={seed}");
    let mut scene = Scene::new();
    let (mut stopped, mut requests) = (0, 0);
    for after in (1 + seed as usize % step..).step_by(step) {
        scene.begin(&format!("put-{after}"));
        let was_stopped = cut_requests(&scene.proxy, scene.outlive(&["copy", "tree"]), after);
        scene.proxy.instead(|_| None);
        scene.goes_on(&format!("put {after}"));
        if !was_stopped {
            requests = after;
            break;
        }
        stopped += 1;
    }
    println!(
        "{stopped} copies were stopped; an undisturbed one sends fewer than {requests} requests that write"
    );
    assert!(requests > 10 && stopped > 0, "{stopped} of {requests}");
}

#[test]
fn a_copy_into_a_sealed_and_locked_vault_that_is_stopped_after_any_effect_here_claims_nothing_and_the_next_continues()
 {
    let (seed, step) = (seed(), if is_campaign() { 1 } else { 9 });
    println!("OUTLIVE_SEED={seed}");
    let mut scene = Scene::new();
    scene.begin("whole");
    let whole = cut_run(scene.outlive(&["copy", "tree"]), usize::MAX).expect(0);
    let effects = calls(&whole.log).iter().filter(|call| is_effect(call)).count();
    scene.goes_on("whole");
    assert!(effects > 15, "{effects}");
    let (mut tried, mut stopped, mut lost) = (0, 0, 0);
    for after in (1 + seed as usize % step..effects).step_by(step) {
        // Two kinds of end, by turns: of the process, and of the power.
        let both = [after % 2 == 0, after % 2 != 0];
        for power in both.into_iter().take(if is_campaign() { 2 } else { 1 }) {
            let what = format!("effect-{after}-{}", if power { "power" } else { "kill" });
            scene.begin(&what);
            let killed = cut_run(scene.outlive(&["copy", "tree"]), after);
            (tried, stopped) = (tried + 1, stopped + usize::from(killed.code.is_none()));
            if power {
                lost += cut_power(&killed.log, &scene.place.path("state"));
            }
            // What the dead process sent is on its way for a moment yet.
            std::thread::sleep(std::time::Duration::from_millis(300));
            scene.goes_on(&what);
        }
    }
    println!(
        "{stopped} of {tried} copies were stopped among {effects} effects, {lost} names were lost with the power"
    );
    // After the very last ones a run may end before it is killed.
    assert!(stopped > 0 && stopped + 4 >= tried, "{stopped} of {tried} were stopped");
    assert!(lost > 0 || !is_campaign(), "no name was lost with the power");
}
