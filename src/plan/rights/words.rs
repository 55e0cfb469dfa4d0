//! How a document is given to a store, and what has to be known of it.

use super::{Dialect, Grounds, Role};
use serde_json::Value;

/// The command that gives a document to a store. What is in capitals is filled in by whoever runs it.
pub fn applied_by(dialect: Dialect, role: Role, grounds: Grounds<'_>, content: &Value) -> String {
    let (name, bucket) = (role.word(), grounds.bucket);
    let user = name.to_uppercase();
    let put = |at: &str| {
        format!(
            "aws iam put-user-policy{at} --user-name {user} --policy-name outlive-{name} --policy-document file://{name}.json"
        )
    };
    match (role, dialect) {
        (Role::BrokenUploads, Dialect::B2) => {
            format!("b2 bucket update {bucket} --lifecycle-rule '{content}'")
        }
        (Role::BrokenUploads, _) => {
            let at = if dialect == Dialect::Aws { "" } else { " --endpoint-url ENDPOINT" };
            format!(
                "aws s3api put-bucket-lifecycle-configuration{at} --bucket {bucket} --lifecycle-configuration file://{name}.json"
            )
        }
        (_, Dialect::B2) => {
            let all = content.as_array().into_iter().flatten().filter_map(Value::as_str);
            let within = if grounds.prefix.is_empty() {
                String::new()
            } else {
                format!(" --name-prefix '{}'", grounds.prefix)
            };
            let all: Vec<&str> = all.collect();
            format!("b2 key create --bucket {bucket}{within} outlive-{name} {}", all.join(","))
        }
        (_, Dialect::Aws) => put(""),
        (_, Dialect::Seaweedfs | Dialect::Ceph) => put(" --endpoint-url ENDPOINT"),
        (_, Dialect::Wasabi) => put(" --endpoint-url https://iam.wasabisys.com"),
        (_, Dialect::Minio) => format!(
            "mc admin policy create ALIAS outlive-{name} {name}.json && mc admin policy attach ALIAS outlive-{name} --user {user}"
        ),
    }
}

/// What has to be known of a store's documents, in sentences.
pub fn notes(dialect: Dialect, grounds: Grounds<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    let mut say = |note: &str| notes.push(note.to_owned());
    if dialect.is_tried() {
        say("A test of outlive applies these to a real server of this kind.");
    } else {
        say(
            "Written after this store's documents, and not tried against it: run `outlive vault check` with the writer's key.",
        );
    }
    match dialect {
        Dialect::Aws => {}
        Dialect::Seaweedfs => say(
            "SeaweedFS takes no policy that forbids: give the user no other one. It has to run with -s3.iam.readOnly=false.",
        ),
        Dialect::B2 => say(
            "Whoever may write to B2 may hide a file, which puts a marker on top of it and takes nothing away. A key cannot be kept from locking for long.",
        ),
        Dialect::Minio | Dialect::Ceph | Dialect::Wasabi if grounds.most_days.is_some() => {
            say(
                "A thief of the writer's key can lock for as long as the store allows: that costs, and destroys nothing.",
            );
        }
        Dialect::Minio | Dialect::Ceph | Dialect::Wasabi => {}
    }
    match grounds.most_days {
        None => say(
            "The vault has no lock: whoever may write over an object makes it unreadable where the bucket keeps no versions.",
        ),
        Some(_) => say(
            "Whoever writes can still put a newer version or a marker on top of what is there: that is seen, and hides nothing.",
        ),
    }
    match dialect {
        Dialect::B2 => say(
            "A key of B2 has one prefix for all that it may do: the driller's is a reader's, and its ledger has to be copied by other means.",
        ),
        Dialect::Aws => {
            say(
                "The driller's key writes new copies of its ledger and nothing else; a thief of it can add to those, at your cost.",
            );
        }
        _ => say(
            "The driller's key writes among the copies of ledgers alone. A thief of it can add to those, put newer versions on top of them, and make their locks longer.",
        ),
    }
    if dialect != Dialect::B2 && !grounds.prefix.is_empty() {
        say(
            "The names of all keys in the bucket are shown to all three: give the vault a bucket of its own.",
        );
    }
    if dialect != Dialect::B2 {
        say("The rule for broken uploads takes the place of all rules that the bucket has: add it to those.");
    }
    notes
}
