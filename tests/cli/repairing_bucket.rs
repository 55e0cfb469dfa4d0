//! A vault in a bucket under lock: what was damaged is whole again, and what was sent again is locked as long as the rest.

use super::locking::{block, estate, outlive};
use super::place::{Place, assert_same};
use super::repairing::{Harm, Objects, harms, lost};
use super::servers::{client, seaweedfs};
use aws_sdk_s3::Client;
use std::collections::BTreeMap;

/// A bucket as somebody sees it who may do everything.
struct Bucket {
    client: Client,
    name: String,
}

impl Bucket {
    /// The keys with their newest versions and sizes, without the vault's prefix.
    fn listed(&self) -> BTreeMap<String, (String, u64)> {
        let listed = block(self.client.list_object_versions().bucket(&self.name).send()).unwrap();
        let all = listed.versions().iter().filter(|version| version.is_latest() == Some(true));
        all.map(|version| {
            let key = version.key().unwrap().strip_prefix("night/").unwrap().to_owned();
            let size = u64::try_from(version.size().unwrap()).unwrap();
            (key, (version.version_id().unwrap().to_owned(), size))
        })
        .collect()
    }

    fn get(&self, key: &str) -> Vec<u8> {
        block(async {
            let got = self.client.get_object().bucket(&self.name).key(format!("night/{key}"));
            got.send().await.unwrap().body.collect().await.unwrap().to_vec()
        })
    }

    /// What a medium does, done with the right to bypass the lock.
    fn harm(&self, key: &str, harm: Harm) {
        let bytes = harm.of(self.get(key));
        let (version, _) = self.listed()[key].clone();
        let key = format!("night/{key}");
        block(async {
            let gone = self.client.delete_object().bucket(&self.name).key(&key).version_id(version);
            gone.bypass_governance_retention(true).send().await.unwrap();
            if let Some(bytes) = bytes {
                let put = self.client.put_object().bucket(&self.name).key(&key).body(bytes.into());
                put.send().await.unwrap();
            }
        });
    }

    fn locked_until(&self, key: &str) -> i64 {
        let asked = self.client.get_object_retention().bucket(&self.name).key(format!("night/{key}"));
        let lock = block(asked.send()).unwrap();
        lock.retention().unwrap().retain_until_date().unwrap().secs()
    }

    fn objects(&self) -> Objects {
        let listed = self.listed();
        let below = |folder: &'static str| {
            listed
                .iter()
                .filter_map(move |(key, (_, size))| Some((*size, key.strip_prefix(folder)?.to_owned())))
        };
        let (_, root) = below("roots/").next_back().unwrap();
        let bytes = self.get(&format!("roots/{root}"));
        Objects::named(root, &bytes, below("packs/").collect())
    }
}

#[test]
fn a_bucket_that_is_damaged_in_any_way_is_whole_again_and_all_of_it_is_locked() {
    let mut number = 0;
    loop {
        let place = Place::new();
        let name = estate(&place, "locked_for = \"2d\"", "lock = { mode = \"governance\" }");
        let bucket = Bucket { client: client(&seaweedfs().endpoint), name };
        outlive(&place, &["vault", "init", "offsite", "--yes"]).end().expect(0);
        outlive(&place, &["copy", "tree"]).end().expect(0);
        let all = harms(&bucket.objects());
        let Some((key, befell)) = all.into_iter().nth(number) else { break };
        number += 1;
        let before = bucket.listed();
        bucket.harm(&key, befell);
        outlive(&place, &["verify", "offsite"]).end().expect(14).says(&key);
        let done = outlive(&place, &["--format", "json", "vault", "repair", "offsite"]).end().expect(0);
        let done = done.json("repair");
        assert_eq!(
            (lost(&done).len(), done["points"][0]["outcome"].as_str()),
            (0, Some("whole")),
            "{done:#}"
        );
        let least = chrono::Utc::now().timestamp() + 2 * 86_400 - 60;
        let after = bucket.listed();
        let new: Vec<&String> = after.keys().filter(|key| !before.contains_key(*key)).collect();
        assert!(new.iter().any(|key| key.starts_with("roots/")), "{new:?}");
        for key in after.keys().filter(|kept| **kept != key && !kept.starts_with("canary/")) {
            assert!(bucket.locked_until(key) >= least, "{key} is not locked for long enough");
        }
        outlive(&place, &["verify", "offsite"]).end().expect(0).says("verified: ");
        let to = place.path("restored");
        let restore = ["restore", "tree", "--vault", "offsite", "--to", to.to_str().unwrap()];
        outlive(&place, &restore).end().expect(0);
        assert_same(&place.path("data"), &to);
        let plan = outlive(&place, &["--format", "json", "vault", "expiry-plan", "offsite"]).end();
        let plan = plan.expect(0).json("expiry-plan");
        assert_eq!(plan["points"].as_array().unwrap().len(), 0, "{plan:#}");
    }
    assert!(number > 9, "{number}");
}

#[test]
fn a_vault_under_lock_is_not_repaired_by_its_address_alone() {
    let place = Place::new();
    let name = estate(&place, "locked_for = \"2d\"", "lock = { mode = \"governance\" }");
    outlive(&place, &["vault", "init", "offsite", "--yes"]).end().expect(0);
    outlive(&place, &["copy", "tree"]).end().expect(0);
    let bucket = Bucket { client: client(&seaweedfs().endpoint), name };
    bucket.harm(&format!("packs/{}", bucket.objects().data[0]), Harm::Gone);
    let before = bucket.listed();
    let address = format!("s3://{}/night", bucket.name);
    let run = place.outlive(&[&"vault", &"repair", &address]);
    let run =
        run.environment("AWS_ENDPOINT_URL", &seaweedfs().endpoint).environment("AWS_REGION", "us-east-1");
    let run = run.environment("AWS_ACCESS_KEY_ID", super::servers::ID);
    let ended = run.environment("AWS_SECRET_ACCESS_KEY", super::servers::SECRET).end().expect(2);
    ended.complains("under lock");
    assert_eq!(bucket.listed(), before);
}
