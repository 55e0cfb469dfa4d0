//! The rights that a vault's credentials need in its store, and no more, written as the store takes them.
//!
//! What the store does with such a document is its own affair: only what a test has applied counts as tried.

mod words;

use crate::domain::{Kind, Problem, Result, printable};
use serde_json::{Value, json};
use words::applied_by;

pub use words::notes;

/// Whose words a document is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Amazon S3.
    Aws,
    /// SeaweedFS.
    Seaweedfs,
    /// MinIO.
    Minio,
    /// The gateway of Ceph.
    Ceph,
    /// Backblaze B2.
    B2,
    /// Wasabi.
    Wasabi,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Aws, Self::Seaweedfs, Self::Minio, Self::Ceph, Self::B2, Self::Wasabi];

    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Seaweedfs => "seaweedfs",
            Self::Minio => "minio",
            Self::Ceph => "ceph",
            Self::B2 => "b2",
            Self::Wasabi => "wasabi",
        }
    }

    /// Whether a test of this repository has applied its documents to a real server.
    pub fn is_tried(self) -> bool {
        self == Self::Seaweedfs
    }

    /// Whether a document may also forbid, whatever else is allowed to the same user.
    fn forbids(self) -> bool {
        // SeaweedFS refuses such a document: its users have what is allowed and nothing else.
        !matches!(self, Self::Seaweedfs | Self::B2)
    }
}

/// Who gets a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The credential that copies are written with.
    Writer,
    /// The credential that verifies, restores and drills.
    Reader,
    /// The credential of a machine that drills: it reads, and leaves copies of its ledger.
    Driller,
    /// The bucket itself, by whoever administers it: what becomes of uploads that were broken off.
    BrokenUploads,
}

impl Role {
    /// All, in the order in which they are told.
    pub const ALL: [Self; 4] = [Self::Writer, Self::Reader, Self::Driller, Self::BrokenUploads];

    /// Its name, which is also that of its file.
    pub fn word(self) -> &'static str {
        match self {
            Self::Writer => "writer",
            Self::Reader => "reader",
            Self::Driller => "driller",
            Self::BrokenUploads => "broken-uploads",
        }
    }
}

/// Where a vault lies, as far as rights go.
#[derive(Debug, Clone, Copy)]
pub struct Grounds<'v> {
    /// The bucket.
    pub bucket: &'v str,
    /// What its keys begin with: empty, or ends with `/`.
    pub prefix: &'v str,
    /// For how many days something may be locked at most; none of a vault without locks.
    pub most_days: Option<i64>,
    /// The folder of the vault that copies of ledgers lie in.
    pub ledgers: &'v str,
}

/// What one role needs, in the words of a store.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Whose it is.
    pub role: Role,
    /// What is given to the store.
    pub content: Value,
    /// The command that does so; upper-case words are for whoever runs it to fill in.
    pub applied_by: String,
}

/// After how many days an upload that was broken off is removed. A copy that lasts longer would lose what it is about to finish.
const BROKEN_AFTER_DAYS: u32 = 7;

/// The documents of a vault.
///
/// # Errors
/// `Usage` where the bucket or the prefix may mean something else in a policy.
pub fn documents(dialect: Dialect, grounds: Grounds<'_>) -> Result<Vec<Document>> {
    let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    if let Some(odd) = grounds.bucket.chars().chain(grounds.prefix.chars()).find(|c| !plain(c)) {
        let what = format!(
            "the vault's bucket or prefix has a {odd:?}, which may mean something else in a policy or a command"
        );
        return Err(Problem::new(Kind::Usage, what)
            .at(printable(format!("s3://{}/{}", grounds.bucket, grounds.prefix).as_bytes()))
            .remedy("keep the vault under a prefix of letters, digits, `-`, `_`, `.` and `/`"));
    }
    let of = |role| {
        let content = match (role, dialect) {
            (Role::BrokenUploads, Dialect::B2) => b2_lifecycle(grounds),
            (Role::BrokenUploads, _) => lifecycle(grounds),
            (_, Dialect::B2) => capabilities(role, grounds),
            _ => policy(dialect, role, grounds),
        };
        Document { role, applied_by: applied_by(dialect, role, grounds, &content), content }
    };
    Ok(Role::ALL.into_iter().map(of).collect())
}

/// What is done with objects, by role.
fn with_objects(role: Role, grounds: Grounds<'_>) -> Vec<&'static str> {
    let mut actions = vec!["s3:GetObject", "s3:GetObjectVersion"];
    let locked = grounds.most_days.is_some();
    // A legal hold is only asked for where a plan is made of what may go.
    actions.extend(["s3:GetObjectRetention", "s3:GetObjectLegalHold"].into_iter().filter(|_| locked));
    if role == Role::Writer {
        actions.extend(writes(grounds));
    }
    actions
}

/// What writes new objects.
fn writes(grounds: Grounds<'_>) -> Vec<&'static str> {
    // It also begins and finishes uploads in parts.
    ["s3:PutObject"].into_iter().chain(grounds.most_days.map(|_| "s3:PutObjectRetention")).collect()
}

/// A policy in the language of AWS, which most stores speak a part of.
fn policy(dialect: Dialect, role: Role, grounds: Grounds<'_>) -> Value {
    let bucket = format!("arn:aws:s3:::{}", grounds.bucket);
    let objects = format!("{bucket}/{}*", grounds.prefix);
    // Not of a prefix alone: the right to list decides between "not there" and "not allowed", and no prefix goes with that
    // question, nor with the one for the time.
    let lists = json!({
        "Sid": "OutliveLists",
        "Effect": "Allow",
        "Action": ["s3:ListBucket", "s3:ListBucketVersions"],
        "Resource": [bucket],
    });
    let mut of_bucket = vec!["s3:GetBucketVersioning"];
    of_bucket.extend((role == Role::Writer).then_some("s3:GetBucketObjectLockConfiguration"));
    let mut statements = vec![
        json!({
            "Sid": "OutliveObjects",
            "Effect": "Allow",
            "Action": with_objects(role, grounds),
            "Resource": [objects],
        }),
        lists,
        json!({ "Sid": "OutliveBucket", "Effect": "Allow", "Action": of_bucket, "Resource": [bucket] }),
    ];
    let ledgers = format!("{bucket}/{}{}/*", grounds.prefix, grounds.ledgers);
    statements.extend((role == Role::Driller).then(|| {
        json!({
            "Sid": "OutliveLedgers",
            "Effect": "Allow",
            "Action": writes(grounds),
            "Resource": [ledgers],
        })
    }));
    if dialect.forbids() {
        statements.push(json!({
            "Sid": "OutliveNever",
            "Effect": "Deny",
            "Action": never(role),
            "Resource": [bucket, format!("{bucket}/*")],
        }));
    }
    if dialect == Dialect::Aws {
        statements.extend(match role {
            Role::Writer => limits(&format!("{bucket}/*"), grounds),
            Role::Driller => {
                only_new(&ledgers).into_iter().chain(limits(&format!("{bucket}/*"), grounds)).collect()
            }
            _ => Vec::new(),
        });
    }
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// What no credential of a vault may do, whatever else it is allowed. The names are a list of their own, outside the
/// source, where no request is called so.
fn never(role: Role) -> Vec<&'static str> {
    let writes = ["s3:PutObject", "s3:PutObjectRetention"].into_iter().filter(|_| role == Role::Reader);
    include_str!("../../../docs/rights/never.txt").lines().chain(writes).collect()
}

/// What AWS can keep a thief of the writer's key from besides: to lock for a century at the owner's cost, and to write over
/// what is there, or among the statements of epochs, with a key that only the thief has.
fn limits(objects: &str, grounds: Grounds<'_>) -> Vec<Value> {
    // What is written here names no encryption, and gets the bucket's own: whoever names one may mean a key that the owner cannot use.
    let named = [
        ("OutliveNoForeignKeys", "s3:x-amz-server-side-encryption-customer-algorithm"),
        ("OutliveNoOtherEncryption", "s3:x-amz-server-side-encryption"),
        ("OutliveNoOtherKeys", "s3:x-amz-server-side-encryption-aws-kms-key-id"),
    ];
    let deny = |(sid, header): (&str, &str)| {
        json!({
            "Sid": sid,
            "Effect": "Deny",
            "Action": ["s3:PutObject"],
            "Resource": [objects],
            "Condition": { "Null": { header: "false" } },
        })
    };
    let mut limits: Vec<Value> = named.map(deny).into();
    limits.extend(grounds.most_days.map(|days| {
        json!({
            "Sid": "OutliveNoLongerLocks",
            "Effect": "Deny",
            "Action": ["s3:PutObjectRetention"],
            "Resource": [objects],
            "Condition": { "NumericGreaterThan": { "s3:object-lock-remaining-retention-days": days.to_string() } },
        })
    }));
    limits
}

/// What AWS keeps a machine that drills from: to write anywhere but among the copies of ledgers, and over what is there. To begin an upload in
/// parts, and a part, carry no condition.
fn only_new(ledgers: &str) -> [Value; 2] {
    let new = json!({
        "Sid": "OutliveOnlyNew",
        "Effect": "Deny",
        "Action": ["s3:PutObject"],
        "Resource": [ledgers],
        "Condition": {
            "Null": { "s3:if-none-match": "true" },
            "Bool": { "s3:ObjectCreationOperation": "true" },
        },
    });
    let nowhere_else = json!({
        "Sid": "OutliveNowhereElse",
        "Effect": "Deny",
        "Action": ["s3:PutObject", "s3:PutObjectRetention"],
        "NotResource": [ledgers],
    });
    [new, nowhere_else]
}

/// What removes uploads that were broken off: this program ends none.
fn lifecycle(grounds: Grounds<'_>) -> Value {
    json!({ "Rules": [{
        "ID": "outlive-broken-uploads",
        "Status": "Enabled",
        "Filter": { "Prefix": grounds.prefix },
        "AbortIncompleteMultipartUpload": { "DaysAfterInitiation": BROKEN_AFTER_DAYS },
    }] })
}

fn b2_lifecycle(grounds: Grounds<'_>) -> Value {
    json!({
        "fileNamePrefix": grounds.prefix,
        "daysFromStartingToCancelingUnfinishedLargeFiles": BROKEN_AFTER_DAYS,
    })
}

/// What an application key of B2 may do.
fn capabilities(role: Role, grounds: Grounds<'_>) -> Value {
    let locked = grounds.most_days.is_some();
    let mut all = vec!["listBuckets", "listFiles", "readFiles"];
    if role == Role::Writer {
        all.extend(["writeFiles", "readBucketRetentions"]);
    }
    all.extend(["readFileRetentions", "readFileLegalHolds"].into_iter().filter(|_| locked));
    all.extend((locked && role == Role::Writer).then_some("writeFileRetentions"));
    json!(all)
}
