//! What a runbook says: facts, each with its unit and where it comes from. What is not known is absent, never guessed.

use crate::domain::Timestamp;
use crate::report::activity::DrillStanding;
use crate::report::runbook::Clock;
use serde::{Deserialize, Serialize};

/// The contract of a set of runbooks.
pub const SCHEMA: &str = "outlive/runbook/v0";

/// The runbooks of an estate, or of one volume of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Runbooks {
    /// The version of the program that made them.
    pub version: &'static str,
    /// The estate file.
    pub config: String,
    /// SHA-256 of the estate file.
    pub config_sha256: String,
    /// When they were made.
    pub generated_at: Timestamp,
    /// Until when they are to be believed.
    pub believe_until: Timestamp,
    /// What they were made from: as long as this stays, they say the same.
    pub made_from: Vec<MadeFrom>,
    /// SHA-256 over what they tell people to do: a newer point alone does not change it.
    pub acts_sha256: String,
    /// Where other copies of these pages are, as the ledger knows it.
    pub elsewhere: Vec<PagesAt>,
    /// Where a night will put a copy, and none was when this was made.
    pub to_come: Vec<String>,
    /// How the private key is had where nobody has it at hand, as the estate file says; none where it does not.
    pub escrow: Option<String>,
    /// How a credential that reads the vaults is had, as the estate file says; none where it does not.
    pub reading: Option<String>,
    /// The order in which volumes come back, all of the estate.
    pub order: Vec<Outline>,
    /// The vaults.
    pub vaults: Vec<RunbookVault>,
    /// The runbooks, in that order.
    pub runbooks: Vec<Runbook>,
    /// Whom the law wants to hear of it, and how soon.
    pub clocks: Vec<Clock>,
    /// What could not be seen when they were made.
    pub gaps: Vec<String>,
}

/// A place with a copy of pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PagesAt {
    /// The place in words.
    pub place: String,
    /// When the newest of them were written there.
    pub written_at: Timestamp,
    /// Until when those are to be believed.
    pub believe_until: Timestamp,
}

/// One thing that pages were made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MadeFrom {
    /// What it is, in words.
    pub of: String,
    /// SHA-256 over it.
    pub sha256: String,
}

/// A volume in the order of restores.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outline {
    /// The volume.
    pub volume: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// What must be back before it.
    pub after: Vec<String>,
    /// How long it may take, in seconds.
    pub rto_seconds: i64,
    /// How long a restore took that was measured, in seconds.
    pub measured_seconds: Option<f64>,
}

/// A vault, as somebody reaches it who has nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunbookVault {
    /// Its name in the estate file.
    pub name: String,
    /// Its address on the command line: a directory, or `s3://bucket/prefix`.
    pub address: String,
    /// The S3 endpoint, where it is not AWS's own.
    pub endpoint: Option<String>,
    /// The region that requests are signed for.
    pub region: Option<String>,
    /// How the bucket is addressed, `path` or `host`; none where that follows from the endpoint.
    pub addressing: Option<String>,
    /// Its random identity, where it could be opened.
    pub id: Option<String>,
    /// Public keys of those who can read it; none where it is not encrypted.
    pub readers: Vec<String>,
    /// Where the credential that reads is found on this machine; never the credential.
    pub reader_credential: Option<String>,
    /// Where a private key is found on this machine; never the key.
    pub identity: Option<String>,
    /// Its lock in words.
    pub lock: String,
    /// Who declared what it stands on, and what that is.
    pub stands_on: Vec<String>,
    /// Public keys whose signatures on its points count.
    pub trust: Vec<String>,
}

/// The runbook of one volume.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Runbook {
    /// The volume's name in the estate file.
    pub volume: String,
    /// Where it was.
    pub path: Option<String>,
    /// On which machine it was read, as the vault or this machine knows it.
    pub host: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Its policy.
    pub policy: String,
    /// How old the newest surviving point may be, in seconds.
    pub rpo_seconds: i64,
    /// How long a restore may take, in seconds.
    pub rto_seconds: i64,
    /// The worst that any rule says of it: `critical`, `high`, `medium`, `undetermined` or `sound`.
    pub severity: String,
    /// What fails or cannot be said, rule by rule.
    pub because: Vec<String>,
    /// What must be back before it.
    pub after: Vec<String>,
    /// What waits for it.
    pub needed_by: Vec<String>,
    /// Credentials, identities and hosts that reach it or its copies, the worst first.
    pub reaching: Vec<Reaching>,
    /// How many more there are, none of which takes more.
    pub reaching_more: usize,
    /// Where copies are, the newest first.
    pub places: Vec<PlaceOfCopies>,
    /// What is left after each loss.
    pub hazards: Vec<HazardLine>,
    /// How its drills stand.
    pub drill: DrillStanding,
    /// The last restore whose time was measured.
    pub measured: Option<Measured>,
    /// How it is brought back, the best way first.
    pub procedures: Vec<Procedure>,
    /// How it is seen that what came back is good.
    pub checks: Vec<Acceptance>,
    /// What the copy that is proposed counted of what it read; none where that is not known here.
    pub counted: Option<Acceptance>,
    /// How the newest is seen that came back; none where no command is known that tells.
    pub newest: Option<Acceptance>,
    /// Whom of the providers to call, and what they can undo.
    pub providers: Vec<Escalation>,
}

/// Something that reaches a volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reaching {
    /// What it is called.
    pub name: String,
    /// What kind of asset it is.
    pub kind: String,
    /// Whether it takes the primary: `yes`, `perhaps`, `no` or `unknown`.
    pub takes_primary: String,
    /// How many recovery points it takes along for certain.
    pub points: usize,
    /// Of how many recovery points nobody can say.
    pub open: usize,
}

/// Copies that are in one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlaceOfCopies {
    /// The place: a vault's name, or what the copies lie on.
    pub place: String,
    /// Which failure domains it stands on.
    pub domains: Vec<String>,
    /// How many copies there are.
    pub count: usize,
    /// The newest of them.
    pub points: Vec<PointLine>,
    /// Which hazards the newest of them survives, of those in the table, for as long as the page is believed.
    pub survives: Vec<String>,
    /// Which of them it survives only until its lock ends, which is before the page does.
    pub ending: Vec<String>,
    /// Of which of them that cannot be said.
    pub open: Vec<String>,
}

/// One recovery point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PointLine {
    /// What a person calls it.
    pub name: String,
    /// Its id in a vault, as `--point` takes it.
    pub id: Option<String>,
    /// The moment whose state it holds.
    pub taken_at: Option<Timestamp>,
    /// Its age when the page was made, in seconds: the RPO that it comes to.
    pub age_seconds: Option<i64>,
    /// Its size in bytes.
    pub bytes: Option<u64>,
    /// How far it was proved.
    pub state: String,
    /// Its lock in words.
    pub lock: String,
    /// When that lock ends, where the page is believed for longer.
    pub lock_ends_at: Option<Timestamp>,
    /// When a restore of it was last tried with success; none where none is known.
    pub restored_at: Option<Timestamp>,
    /// Why it may be good for nothing.
    pub doubt: Option<String>,
}

/// A loss and what is left after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HazardLine {
    /// The loss in words.
    pub hazard: String,
    /// Whether it takes the primary for certain.
    pub takes_primary: bool,
    /// What is left: a recovery point, `NONE`, or `unknown: …`.
    pub left: String,
    /// How old that is, in seconds.
    pub age_seconds: Option<i64>,
    /// Until when that is certain, where a lock ends before the page does.
    pub until: Option<Timestamp>,
    /// What is left after that: a recovery point, or `NONE`.
    pub then: Option<String>,
}

/// A restore that was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measured {
    /// The drill.
    pub drill: String,
    /// When it began.
    pub at: Timestamp,
    /// From its beginning until the data was restored and checked, in seconds.
    pub seconds: f64,
    /// The moment of the point that was restored.
    pub of: Option<Timestamp>,
}

/// One way to bring a volume back.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Procedure {
    /// What it is, in a few words.
    pub title: String,
    /// Where it is the way to take: the end of a sentence that begins with "where".
    pub when: String,
    /// The vault.
    pub vault: String,
    /// The recovery point's id.
    pub point: String,
    /// `outlive`, or `standard tools`.
    pub with: &'static str,
    /// What was restored stands under this name when it is done, in the directory that it begins with.
    pub target: String,
    /// What the person fills in before, by the name of the shell's variable.
    pub fill_in: Vec<String>,
    /// What is done, in order.
    pub steps: Vec<Step>,
}

/// One step.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Step {
    /// What is done, and why.
    pub what: String,
    /// Commands, one a line, each to be pasted as it stands; none where a person has to decide.
    pub commands: Vec<String>,
    /// What must be seen before going on.
    pub expect: Option<String>,
    /// How long it took when it was last measured, in seconds; none where nobody measured it.
    pub seconds: Option<f64>,
}

/// A check of what came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Acceptance {
    /// What is looked at.
    pub what: String,
    /// Where the check is defined.
    pub from: String,
    /// The command, where one does it.
    pub command: Option<String>,
}

/// A provider, and what it says that it can undo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Escalation {
    /// The provider.
    pub provider: String,
    /// What of the volume's is there: the primary, a vault.
    pub holds: String,
    /// What the catalogue states; empty where it knows nothing of this provider.
    pub statements: Vec<Statement>,
}

/// What the catalogue states of one kind of recovery point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Statement {
    /// The kind.
    pub kind: String,
    /// What it is about, for example `deleting the volume`.
    pub about: String,
    /// What it says.
    pub says: String,
    /// For how long it can be undone, in seconds; none where no window is counted.
    pub undelete_seconds: Option<u64>,
    /// The conditions.
    pub note: String,
    /// How it is known: executed, documented, or believed.
    pub certainty: String,
    /// Where it was read or tried, and when.
    pub source: String,
}
