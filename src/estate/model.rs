//! What `outlive.toml` says, after it was read and found to hold together.

use super::{GivenUp, ReaderEntry, RunbookEntry, SecretSource, SigningEntry, Waiver, WaiverEntry};
use crate::catalogue::Catalogue;
use crate::domain::{
    AssetKind, Bonds, Consistency, Keep, LockKind, LockMode, Owner, PointKind, Policy, Timestamp, VolumeId,
};
use chrono::TimeDelta;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A whole estate: what a team would miss, and what is to happen every night.
#[derive(Debug, Clone, PartialEq)]
pub struct Estate {
    /// The file it was read from, as it was named.
    pub path: PathBuf,
    /// SHA-256 of the file's bytes, as 64 hexadecimal digits: evidence names the configuration by it.
    pub digest: String,
    /// The moment it is judged at, where that is not the present: a replay. Then everything in it is declared.
    pub as_of: Option<Timestamp>,
    /// What this machine itself stands on, as somebody declared it.
    pub host: StandsOn,
    /// Policies by name; `default` is always there, and holds for volumes that name none.
    pub policies: BTreeMap<String, PolicyEntry>,
    /// Providers to be surveyed.
    pub providers: Vec<ProviderEntry>,
    /// Volumes, in the order of the file.
    pub volumes: Vec<VolumeEntry>,
    /// Vaults, in the order of the file.
    pub vaults: Vec<VaultEntry>,
    /// What is copied where, and when.
    pub copies: Vec<CopyEntry>,
    /// Assets that somebody declared.
    pub assets: Vec<DeclaredAsset>,
    /// Recovery points that somebody declared.
    pub points: Vec<DeclaredPoint>,
    /// Failures of rules that somebody answers for, also those that are over.
    pub waivers: Vec<WaiverEntry>,
    /// The nightly run, and whom it tells.
    pub nightly: NightlyEntry,
    /// The pages that say what to do once everything is gone.
    pub runbook: RunbookEntry,
    /// Whose signatures count, and with which key this machine signs; none where nothing is signed.
    pub signing: Option<SigningEntry>,
    /// The directory with `<name>/drill.toml`: `drills` beside the file unless it says otherwise.
    pub drills: PathBuf,
    /// Who says so: the usual place may be absent, one that was named may not.
    pub drills_by: NamedBy,
    /// What deletions take along: the compiled-in catalogue with the files that this one names.
    pub catalogue: Catalogue,
    /// What the file asks for and this version cannot do or judge yet. It is shown, and keeps results from being sound.
    pub unhonoured: Vec<Unhonoured>,
}

/// Who named a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamedBy {
    /// The file.
    File,
    /// Nobody: it is the usual one.
    Custom,
}

/// Something that was asked for and is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unhonoured {
    /// The key, for example `vault.offsite.lock`.
    pub key: String,
    /// What is not done, in a sentence.
    pub because: String,
    /// Where it stands in the file.
    pub line: Line,
}

/// A line of the file, from 1.
pub type Line = usize;

/// What a thing stands on, beyond the machine that can be looked at. What is absent is unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StandsOn {
    /// Each kind of asset with the name that was declared for it, for example `provider` with `hetzner`. Of the
    /// kinds host, site, region, project, account, organisation, provider, upstream provider and network.
    pub assets: BTreeMap<AssetKind, String>,
    /// Who says so.
    pub owner: Option<Owner>,
}

/// A policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyEntry {
    /// What is judged.
    pub judged: Policy,
    /// Recovery time objective: how long a restore may take.
    pub rto: TimeDelta,
    /// Within which time everything stored is read back again.
    pub verify_within: TimeDelta,
    /// Which recovery points stay longer than each is locked for.
    pub keep: Keep,
}

/// A provider that is asked what it holds.
#[derive(Debug, Clone, PartialEq)]
pub struct ProviderEntry {
    /// Its name in the file.
    pub id: String,
    /// `local`, `railway`, or another one that nothing here can ask.
    pub kind: String,
    /// Its credential.
    pub token: Option<SecretSource>,
    /// The address that is asked; the provider's own where there is none.
    pub endpoint: Option<String>,
    /// How long asking it may take as a whole.
    pub longest: TimeDelta,
    /// Where it stands in the file.
    pub line: Line,
}

/// A volume.
#[derive(Debug, Clone, PartialEq)]
pub struct VolumeEntry {
    /// Its name in the file, which is its identity: vaults name its recovery points by it.
    pub id: VolumeId,
    /// Where it is on this machine, if it can be looked at here.
    pub path: Option<PathBuf>,
    /// The name of its policy.
    pub policy: String,
    /// Who answers for it.
    pub owner: Option<Owner>,
    /// Directories in which copies of it are looked for by content.
    pub look_in: Vec<PathBuf>,
    /// What it stands on, where it cannot be looked at here.
    pub stands_on: StandsOn,
    /// What else is declared of why it goes. For a volume with a path, this joins what is found there.
    pub bonds: Bonds,
    /// Why no drill is asked of it, by whom and until when.
    pub waive_drill: Option<Waiver>,
    /// When it was last changed how it is copied.
    pub plan_changed_at: Option<Timestamp>,
    /// Which thing of a provider it is: the provider's name in the file, and that of the thing there, or its id.
    pub is: Option<(String, String)>,
    /// Volumes that must be back before this one is of use: the order of a restore.
    pub after: Vec<VolumeId>,
    /// Where it stands in the file.
    pub line: Line,
}

/// A vault.
#[derive(Debug, Clone, PartialEq)]
pub struct VaultEntry {
    /// Its name in the file.
    pub id: String,
    /// Where it is, and how it is reached.
    pub place: VaultPlace,
    /// What it stands on.
    pub stands_on: StandsOn,
    /// What is declared of all its points: who administers and who may delete them, and what they need.
    pub bonds: Bonds,
    /// Under which lock its objects are written; none where the file asks for none.
    pub lock: Option<LockEntry>,
    /// Those who may read it: it is encrypted where there are any.
    pub readers: Vec<ReaderEntry>,
    /// How long a proof counts that the key in the safe opens it; none where nobody asks.
    pub escrow_within: Option<TimeDelta>,
    /// Where the key is that copies are encrypted with; where none is named, in the state directory.
    pub epoch_key: Option<SecretSource>,
    /// Where a reader's private key is, for machines that read it.
    pub identity: Option<SecretSource>,
    /// Damaged objects that are given up, so that they fail no night.
    pub waive_damage: Option<GivenUp>,
    /// Objects among the statements of epochs that cannot be read, and are none of the owner's.
    pub waive_unread: Option<Box<GivenUp>>,
    /// Where it stands in the file.
    pub line: Line,
}

/// Under which lock a vault's objects are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockEntry {
    /// The kind.
    pub kind: LockKind,
    /// For how long something may be locked at most: nobody takes a lock back.
    pub most: TimeDelta,
    /// For how long it is believed that the store keeps locks, once it was seen to; none for ever.
    pub check_within: Option<TimeDelta>,
}

/// For how long copies of a volume are locked in a vault, and how they are kept beyond that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockOrder {
    /// The kind.
    pub kind: LockKind,
    /// For how long a recovery point is locked.
    pub locked_for: TimeDelta,
    /// For how long something may be locked at most.
    pub most: TimeDelta,
    /// Which points stay locked beyond that.
    pub keep: Keep,
}

/// Where a vault is.
#[derive(Debug, Clone, PartialEq)]
pub enum VaultPlace {
    /// In a directory.
    Dir(PathBuf),
    /// In a bucket.
    S3(Box<S3Place>),
}

/// A bucket, or a prefix of it, at any S3 endpoint.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct S3Place {
    /// The bucket.
    pub bucket: String,
    /// What all keys begin with: empty, or ends with `/`.
    pub prefix: String,
    /// The address, for example `https://s3.example:9000`; AWS's own where there is none.
    pub endpoint: Option<String>,
    /// The region that requests are signed for; `us-east-1` where there is none and an endpoint is named.
    pub region: Option<String>,
    /// How the bucket is addressed.
    pub addressing: Addressing,
    /// The credential that may write.
    pub writer: S3Access,
    /// The credential that may only read; the writer's where there is none.
    pub reader: Option<S3Access>,
    /// That of a machine which drills: it may read, and write copies of its ledger.
    pub driller: Option<S3Access>,
}

/// How a bucket is addressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Addressing {
    /// As a path at a named endpoint, as a host at AWS.
    #[default]
    Auto,
    /// `https://endpoint/bucket/key`.
    Path,
    /// `https://bucket.endpoint/key`.
    Host,
}

/// Which credential is used for a bucket.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum S3Access {
    /// What the environment gives, in the order that AWS's tools look: variables, profile, role of the machine.
    #[default]
    Environment,
    /// A profile of AWS's configuration files.
    Profile(String),
    /// A pair of keys.
    Keys {
        /// The access key's id.
        id: SecretSource,
        /// The secret access key.
        secret: SecretSource,
        /// The session token of temporary credentials.
        session: Option<SecretSource>,
    },
    /// One secret that holds `ID:SECRET`, or `ID:SECRET:SESSION`.
    Joined(SecretSource),
    /// A role, assumed with the environment's or a profile's credential.
    Role {
        /// Its ARN.
        arn: String,
        /// The profile that assumes it.
        profile: Option<String>,
    },
}

/// One copy, made again and again.
#[derive(Debug, Clone, PartialEq)]
pub struct CopyEntry {
    /// What is copied.
    pub volume: VolumeId,
    /// Where the bytes come from.
    pub from: CopyFrom,
    /// The id of the vault.
    pub to: String,
    /// The schedule: its slots are whole multiples of `every` since 1970, moved by `offset`.
    pub every: TimeDelta,
    /// Moves the slots, for example by 2 hours: at 02:00 UTC for `every = "24h"`.
    pub offset: TimeDelta,
    /// How long one copy may take before it is ended: the longest copy that the RPO has to allow for.
    pub longest: TimeDelta,
    /// Where it stands in the file.
    pub line: Line,
}

/// Where the bytes of a copy come from.
#[derive(Debug, Clone, PartialEq)]
pub enum CopyFrom {
    /// A directory, an image file or a block device.
    Path {
        /// Which.
        path: PathBuf,
        /// Read it as it is now, even where there is a snapshot.
        live: bool,
    },
    /// The standard output of a command. Never a shell: the program and its arguments.
    Command {
        /// The program and its arguments; never empty.
        argv: Vec<String>,
        /// The name of the file that the recovery point holds, for example `orders.dump`.
        file: String,
        /// Variables given to the command besides `PATH`, `HOME` and `LANG`, by name.
        env: BTreeMap<String, SecretSource>,
        /// What somebody says of the state that the output shows.
        consistency: Option<Consistency>,
    },
    /// All objects below a prefix that somebody else writes, as a tree of files. Its `reader` is the credential.
    Prefix(Box<S3Place>),
    /// Standard input: on the command line only, for a file has none.
    StandardInput {
        /// The name of the file that the recovery point holds.
        file: String,
    },
}

/// An asset that somebody declared.
#[derive(Debug, Clone, PartialEq)]
pub struct DeclaredAsset {
    /// Its identity: `<kind>:<name>`.
    pub id: crate::domain::AssetId,
    /// What it is.
    pub kind: AssetKind,
    /// What a person calls it.
    pub name: String,
    /// Its bonds, as declared.
    pub bonds: Bonds,
    /// Where it stands in the file.
    pub line: Line,
}

/// A recovery point that somebody declared.
#[derive(Debug, Clone, PartialEq)]
pub struct DeclaredPoint {
    /// Its name.
    pub id: String,
    /// Of which volume.
    pub volume: VolumeId,
    /// What it is.
    pub kind: PointKind,
    /// The name of its kind in a catalogue, where it is of one: `<provider>.<kind>`.
    pub catalogued: Option<String>,
    /// The moment whose state it holds, where that is known.
    pub taken_at: Option<Timestamp>,
    /// Its size in bytes, where that is known.
    pub bytes: Option<u64>,
    /// When a restore of it was last tried with success.
    pub drilled_at: Option<Timestamp>,
    /// Whether somebody says that no restore of it was ever tried.
    pub never_drilled: bool,
    /// Until when its owner answers for it.
    pub review_by: Option<Timestamp>,
    /// Why it is good for nothing, where it is.
    pub useless: Option<String>,
    /// Its lock, where that is known.
    pub lock: Option<(LockMode, Option<Timestamp>)>,
    /// Its bonds, as declared.
    pub bonds: Bonds,
    /// Who says so.
    pub owner: Owner,
    /// Where it stands in the file.
    pub line: Line,
}

/// The nightly run.
#[derive(Debug, Clone, PartialEq)]
pub struct NightlyEntry {
    /// How many copies run at once.
    pub concurrency: usize,
    /// How long the whole may take.
    pub deadline: TimeDelta,
    /// The base address of a check that follows the protocol of healthchecks.io. An address is a secret.
    pub ping: Option<SecretSource>,
    /// An address that gets a JSON document when a state changes.
    pub webhook: Option<SecretSource>,
    /// A file for the textfile collector of Prometheus's node exporter.
    pub textfile: Option<PathBuf>,
    /// A directory that gets a folder of evidence for each drill: `evidence` in the state directory otherwise.
    pub evidence: Option<PathBuf>,
}
