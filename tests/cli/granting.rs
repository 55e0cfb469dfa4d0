//! The rights that `vault policy` prints, given to users of a real store: they are enough, and no more than that.

use super::nightly_estate::{EstateFile, assert_task, nightly};
use super::place::{Place, assert_same, noise};
use super::run::Run;
use super::servers::{client, client_of, seaweedfs, user_with};
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::*;
use std::path::PathBuf;

const STORES: [&str; 6] = ["aws", "seaweedfs", "minio", "ceph", "b2", "wasabi"];

/// A tree to be copied under lock into a prefix of a new bucket, by keys in two variables; the bucket's name.
fn estate(place: &Place, prefix: &str, lock: &str) -> String {
    let server = seaweedfs();
    let bucket = server.new_locked_place("").bucket;
    place.file("data/file", noise(1, 9_000_000));
    let vault = format!(
        "[[vault]]\nid = \"offsite\"\nkind = \"s3\"\nendpoint = {:?}\nbucket = {bucket:?}\nprefix = {prefix:?}\n\
         writer = {{ env = \"WRITER\" }}\nreader = {{ env = \"READER\" }}\n{lock}",
        server.endpoint,
    );
    let policy = "locked_for = \"2d\"";
    EstateFile::new().with(policy).with(&vault).tree("tree", &place.path("data"), &["offsite"]).write(place);
    bucket
}

fn outlive(place: &Place, arguments: &[&str]) -> Run {
    place.outlive_by_file(arguments)
}

/// A document as it is printed, in a file.
fn document(place: &Place, store: &str, role: &str) -> PathBuf {
    let printed =
        outlive(place, &["vault", "policy", "offsite", "--for", store, "--only", role]).end().expect(0);
    place.file(&format!("{role}.json"), printed.stdout)
}

#[test]
fn the_rights_are_enough_for_each_role_and_a_thief_of_the_writer_destroys_nothing() {
    let place = Place::new();
    let bucket = estate(&place, "night/", "lock = { mode = \"compliance\" }");
    let [writer, reader] =
        ["writer", "reader"].map(|role| user_with(seaweedfs(), &document(&place, "seaweedfs", role)));
    let keys = |(id, secret): &(String, String)| format!("{id}:{secret}");
    let with = |run: Run| run.environment("WRITER", keys(&writer)).environment("READER", keys(&reader));
    // A store takes a moment to know a new user.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    let mut made = with(outlive(&place, &["vault", "init", "offsite", "--yes"])).end();
    while made.code != Some(0) && std::time::Instant::now() < deadline {
        std::thread::sleep(std::time::Duration::from_millis(300));
        made = with(outlive(&place, &["vault", "init", "offsite", "--yes"])).end();
    }
    made.expect(0);
    with(outlive(&place, &["vault", "check", "offsite"])).end().expect(0);
    let night = with(nightly(&place, &["--format", "json"])).end();
    assert_task(&night.json("nightly"), ("tree", "offsite"), "done", "read back");
    let copied = with(outlive(&place, &["--format", "json", "copy", "tree"])).end().expect(0);
    assert_eq!(copied.json("copy")["lock"]["mode"], "compliance");
    // What reads has the reader's key alone: the writer's is not even there.
    let reading = |run: Run| run.environment("READER", keys(&reader)).end();
    reading(outlive(&place, &["verify", "offsite"])).expect(0);

    block(thief(client_of(&seaweedfs().endpoint, &writer.0, &writer.1), &bucket));
    block(bystander(client_of(&seaweedfs().endpoint, &reader.0, &reader.1), &bucket));
    let target = place.path("restored");
    let to = target.to_str().unwrap();
    reading(outlive(&place, &["restore", "tree", "--vault", "offsite", "--to", to])).expect(0);
    assert_same(&place.path("data"), &target);
}

fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Whoever has the writer's key tries what would destroy: all of it is refused, by the store's own rights.
async fn thief(client: aws_sdk_s3::Client, bucket: &str) {
    let listed = client.list_object_versions().bucket(bucket).prefix("night/").send().await.unwrap();
    assert!(listed.versions().len() >= 7, "{}", listed.versions().len());
    for version in listed.versions() {
        let (key, id) = (version.key().unwrap(), version.version_id().unwrap());
        let one = client.delete_object().bucket(bucket).key(key).version_id(id);
        assert_denied(one.bypass_governance_retention(true).send().await, key);
        assert_denied(client.delete_object().bucket(bucket).key(key).send().await, key);
        // A canary without a lock may be given one.
        if key.starts_with("night/canary/") {
            continue;
        }
        let sooner = ObjectLockRetention::builder().mode(ObjectLockRetentionMode::Governance);
        let sooner = sooner.retain_until_date(DateTime::from_secs(chrono::Utc::now().timestamp() + 60));
        let asked = client.put_object_retention().bucket(bucket).key(key).version_id(id);
        assert_denied(asked.retention(sooner.build()).bypass_governance_retention(true).send().await, key);
    }
    let all = listed.versions().iter().map(|version| {
        let one = ObjectIdentifier::builder().key(version.key().unwrap());
        one.version_id(version.version_id().unwrap()).build().unwrap()
    });
    let all = Delete::builder().set_objects(Some(all.collect())).build().unwrap();
    let batch = client.delete_objects().bucket(bucket).delete(all).send().await.unwrap();
    assert_eq!((batch.deleted().len(), batch.errors().len()), (0, listed.versions().len()));
    let expire = LifecycleExpiration::builder().days(1).build();
    let rule = LifecycleRule::builder().status(ExpirationStatus::Enabled).expiration(expire);
    let rule = rule.filter(LifecycleRuleFilter::builder().prefix("").build()).build().unwrap();
    let rules = BucketLifecycleConfiguration::builder().rules(rule).build().unwrap();
    let asked = client.put_bucket_lifecycle_configuration().bucket(bucket).lifecycle_configuration(rules);
    assert_denied(asked.send().await, "lifecycle");
    let open = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::{bucket}/*"}}]}}"#
    );
    assert_denied(client.put_bucket_policy().bucket(bucket).policy(open).send().await, "policy");
    let suspended = VersioningConfiguration::builder().status(BucketVersioningStatus::Suspended).build();
    let asked = client.put_bucket_versioning().bucket(bucket).versioning_configuration(suspended);
    assert_denied(asked.send().await, "versioning");
    assert_denied(client.delete_bucket().bucket(bucket).send().await, "the bucket");
    let put =
        |key: &str| client.put_object().bucket(bucket).key(key).body(ByteStream::from_static(b"x")).send();
    assert_denied(put("elsewhere/x").await, "another prefix");
    // What cannot be kept from whoever may write: a newer version on top. It hides nothing.
    put(listed.versions()[0].key().unwrap()).await.unwrap();
}

/// Whoever has the reader's key changes nothing at all.
async fn bystander(client: aws_sdk_s3::Client, bucket: &str) {
    let put = client.put_object().bucket(bucket).key("night/new").body(ByteStream::from_static(b"x"));
    assert_denied(put.send().await, "a new object");
    let begun = client.create_multipart_upload().bucket(bucket).key("night/parts").send().await;
    assert_denied(begun, "an upload in parts");
    let listed = client.list_objects_v2().bucket(bucket).prefix("night/").send().await.unwrap();
    let key = listed.contents()[0].key().unwrap();
    assert_denied(client.delete_object().bucket(bucket).key(key).send().await, key);
    let hold = ObjectLockLegalHold::builder().status(ObjectLockLegalHoldStatus::On).build();
    let asked = client.put_object_legal_hold().bucket(bucket).key(key).legal_hold(hold);
    assert_denied(asked.send().await, "a hold");
}

pub fn assert_denied<T, E, R>(answer: Result<T, aws_sdk_s3::error::SdkError<E, R>>, what: &str)
where
    aws_sdk_s3::error::SdkError<E, R>: aws_sdk_s3::error::ProvideErrorMetadata,
{
    let code = match answer {
        Ok(_) => panic!("{what} was allowed"),
        Err(refused) => refused.code().map(str::to_owned),
    };
    assert_eq!(code.as_deref(), Some("AccessDenied"), "{what}");
}

/// The rule that removes broken uploads is one that a real store takes.
#[test]
fn a_bucket_takes_the_rule_for_broken_uploads() {
    let place = Place::new();
    let bucket = estate(&place, "night/", "");
    let file = document(&place, "seaweedfs", "broken-uploads");
    let rules: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let of = &rules["Rules"][0];
    let days = of["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"].as_i64().unwrap();
    let abort = AbortIncompleteMultipartUpload::builder().days_after_initiation(days as i32).build();
    let rule = LifecycleRule::builder().id(of["ID"].as_str().unwrap()).status(ExpirationStatus::Enabled);
    let prefix = LifecycleRuleFilter::builder().prefix(of["Filter"]["Prefix"].as_str().unwrap()).build();
    let rule = rule.filter(prefix).abort_incomplete_multipart_upload(abort).build().unwrap();
    let rules = BucketLifecycleConfiguration::builder().rules(rule).build().unwrap();
    let client = client(&seaweedfs().endpoint);
    block(client.put_bucket_lifecycle_configuration().bucket(&bucket).lifecycle_configuration(rules).send())
        .unwrap();
    let kept = block(client.get_bucket_lifecycle_configuration().bucket(&bucket).send()).unwrap();
    let kept = kept.rules()[0].abort_incomplete_multipart_upload().unwrap().days_after_initiation();
    assert_eq!(kept, Some(7));
}

#[test]
fn each_store_is_told_in_its_own_words_and_no_role_may_destroy() {
    let place = Place::new();
    estate(&place, "night/", "lock = { mode = \"compliance\", most = \"10d\" }");
    for store in STORES {
        let run = outlive(&place, &["--format", "json", "vault", "policy", "offsite", "--for", store]);
        let told = run.end().expect(0).json("vault-policy");
        let documents = told["documents"].as_array().unwrap();
        assert_eq!(documents.len(), 4, "{told}");
        assert_eq!(told["tried"], store == "seaweedfs");
        for document in &documents[..3] {
            let role = document["role"].as_str().unwrap();
            for action in allowed(&document["content"]) {
                let destroys = ["Delete", "delete", "Bypass", "bypass", "Abort", "*"];
                assert!(!destroys.iter().any(|word| action.contains(word)), "{store} {role}: {action}");
                let writes = action.contains("Put") || action.contains("write");
                let may_write = role == "writer" || role == "driller" && store != "b2";
                assert!(may_write || !writes, "{store} {role}: {action}");
            }
        }
        for statement in documents[2]["content"]["Statement"].as_array().into_iter().flatten() {
            if statement["Effect"] == "Allow" && statement["Action"].to_string().contains("Put") {
                let within = statement["Resource"].as_array().unwrap();
                let is_ledgers = |of: &serde_json::Value| of.as_str().unwrap().ends_with("/night/ledger/*");
                assert!(within.iter().all(is_ledgers), "{statement:#}");
            }
        }
        let text = outlive(&place, &["vault", "policy", "offsite", "--for", store]).end().expect(0);
        let applied = documents[0]["applied_by"].as_str().unwrap();
        assert!(text.stdout.contains(applied), "a command stays in one line: {}", text.stdout);
    }
    let writer = std::fs::read_to_string(document(&place, "aws", "writer")).unwrap();
    assert!(writer.contains(r#""s3:object-lock-remaining-retention-days": "11""#), "{writer}");
    for role in ["writer", "driller"] {
        assert_forbids(&document(&place, "aws", role), role);
    }
    assert!(
        !writer.contains("s3:prefix"),
        "no prefix goes with the question whether something is there: {writer}"
    );
}

/// What AWS forbids to whoever stole a key that writes: all that destroys, locks that are too long, keys that the owner may not have; and a
/// machine that drills writes new objects among the copies of ledgers and nothing else.
fn assert_forbids(document: &std::path::Path, role: &str) {
    let content: serde_json::Value = serde_json::from_slice(&std::fs::read(document).unwrap()).unwrap();
    let statements = content["Statement"].as_array().unwrap();
    let denied = |sid: &str| {
        let found = statements.iter().find(|statement| statement["Sid"] == sid);
        let found = found.unwrap_or_else(|| panic!("{role}: no {sid} in {content:#}"));
        assert_eq!(found["Effect"], "Deny", "{role}: {found:#}");
        found
    };
    let never = denied("OutliveNever");
    for action in include_str!("../../docs/rights/never.txt").lines() {
        assert!(never["Action"].as_array().unwrap().contains(&action.into()), "{role}: {action}");
    }
    assert_eq!(never["Resource"].as_array().unwrap().len(), 2, "the bucket and all in it");
    let everywhere = never["Resource"][1].clone();
    for (sid, header) in [
        ("OutliveNoForeignKeys", "s3:x-amz-server-side-encryption-customer-algorithm"),
        ("OutliveNoOtherEncryption", "s3:x-amz-server-side-encryption"),
        ("OutliveNoOtherKeys", "s3:x-amz-server-side-encryption-aws-kms-key-id"),
    ] {
        let statement = denied(sid);
        assert_eq!(statement["Condition"], serde_json::json!({ "Null": { header: "false" } }), "{role}");
        assert_eq!(statement["Action"], serde_json::json!(["s3:PutObject"]), "{role}");
        assert_eq!(statement["Resource"], serde_json::json!([everywhere]), "{role}: {sid}");
    }
    assert_eq!(denied("OutliveNoLongerLocks")["Action"], serde_json::json!(["s3:PutObjectRetention"]));
    if role == "driller" {
        let new = denied("OutliveOnlyNew");
        assert!(new["Condition"].to_string().contains("s3:if-none-match"), "{new:#}");
        let elsewhere = denied("OutliveNowhereElse");
        let puts = serde_json::json!(["s3:PutObject", "s3:PutObjectRetention"]);
        assert_eq!(elsewhere["Action"], puts);
        assert!(elsewhere["NotResource"][0].as_str().unwrap().ends_with("/night/ledger/*"), "{elsewhere:#}");
        assert!(elsewhere.get("Resource").is_none() && elsewhere.get("Condition").is_none());
    }
}

/// What a policy allows, or a list of capabilities gives.
fn allowed(content: &serde_json::Value) -> Vec<String> {
    let words = |list: &serde_json::Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect()
    };
    match content["Statement"].as_array() {
        None => words(content),
        Some(statements) => {
            let allow = statements.iter().filter(|statement| statement["Effect"] == "Allow");
            allow.flat_map(|statement| words(&statement["Action"])).collect()
        }
    }
}

#[test]
fn where_a_policy_cannot_say_it_that_is_told() {
    let place = Place::new();
    estate(&place, "night/", "");
    let unlocked = std::fs::read_to_string(document(&place, "minio", "writer")).unwrap();
    assert!(!unlocked.contains("PutObjectRetention"), "nothing is locked there: {unlocked}");
    let text = outlive(&place, &["vault", "policy", "offsite", "--for", "minio"]).end().expect(0);
    assert!(text.stdout.contains("The vault has no lock"), "{}", text.stdout);
    let (file, here) =
        (std::fs::read_to_string(place.path("outlive.toml")).unwrap(), place.path("vault-here"));
    let odd = file.replace("prefix = \"night/\"", "prefix = \"night*/\"");
    place.file("outlive.toml", format!("{odd}\n[[vault]]\nid = \"here\"\nkind = \"dir\"\npath = {here:?}\n"));
    let refused = outlive(&place, &["vault", "policy", "offsite", "--for", "aws"]).end().expect(2);
    assert!(refused.stderr.contains("may mean something else in a policy"), "{}", refused.stderr);
    let refused = outlive(&place, &["vault", "policy", "here", "--for", "aws"]).end().expect(2);
    assert!(refused.stderr.contains("no credentials"), "{}", refused.stderr);
    outlive(&place, &["vault", "policy", "nowhere", "--for", "aws"]).end().expect(2);
}
