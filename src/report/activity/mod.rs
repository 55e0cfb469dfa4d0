//! What was done, one file a command: the structures are the JSON contract, and each says itself as text.

mod amounts;
mod checked;
mod copy;
mod credentials;
mod drill;
mod escrow;
mod expiry;
mod failed;
mod followed;
mod incident;
mod init;
mod kit;
mod ledger;
mod listing;
mod locks;
mod night_text;
mod nightly;
mod points;
mod policy;
mod postgres;
mod readers;
mod rehearsal;
mod repair;
mod restorable;
mod restore;
mod verify;

pub use amounts::{say_bytes, say_seconds, say_some};
pub use checked::{CheckedOf, VaultChecked};
pub use copy::CopyDone;
pub use credentials::{
    CredentialFinding, CredentialSaid, CredentialsSaid, FoundToken, NewestLeft, OfVolume, PointsTaken,
    Scanned, StepSaid, TakenSaid,
};
pub use drill::{
    Budget, DrillCheck, DrillDone, DrillNotBegun, DrillPhase, DrillProof, DrillRecord, DrillScratch,
    DrillSelection, DrillVault, DrilledPoint, DrillsDone, NotKnown, RECORD_SCHEMA, Restored, VolumeDrills,
};
pub use escrow::{EscrowDone, EscrowsDone};
pub use expiry::{ExpiringPoint, ExpiryPlan, LeftAlone, PlanFile, StayingPoint};
pub use failed::Failed;
pub use followed::{FollowedWay, RunbookFollowed, WayOutcome};
pub use incident::{
    IncidentAct, IncidentCut, IncidentDone, IncidentFailure, IncidentFate, IncidentLeft, IncidentMorning,
    IncidentNight, IncidentSaid, IncidentSurvivor,
};
pub use init::InitDone;
pub use kit::KitMade;
pub use ledger::{CopyOfLedger, KeyMade, LedgerShown, LedgerVerified, ShownRecord};
pub use listing::{ListedPoint, VaultListed};
pub use locks::{VaultMade, say_lock};
pub use nightly::{
    DrillOutcome, DrillStanding, KNOWN_DAMAGE, NightVerdict, NightlyDone, Standing, SurvivingCopy, TaskDone,
    TaskKind, TaskOutcome, Unhonoured, VolumeNight,
};
pub use points::{ChangeSaid, Counted, FateSaid, PointSaid, PointsListed};
pub use policy::{PolicyDocument, VaultPolicy};
pub use postgres::{NotReady, PostgresDatabase, PostgresDone, PostgresStep, PostgresTable};
pub use readers::{EpochKept, EpochMade, ListedEpoch, ListedReader, ReaderMade, ReadersListed};
pub use rehearsal::{LostAndFound, RehearsalDone, SurvivalLine};
pub use repair::{ChunksFrom, LostPath, PointOutcome, RepairDone, RepairedPoint};
pub use restorable::{ListedEntry, PassedOver, PointListed, ProposedPoint, Restorable, RestorableVolume};
pub use restore::RestoreDone;
pub use verify::{VerifiedPoint, VerifyDone};

use super::text::Look;
use super::text::look::Tone;
use serde::Serialize;

/// Something that was done and can be told.
pub trait Told: Serialize {
    /// The JSON contract's name, for example `outlive/copy/v0`.
    fn schema(&self) -> &'static str;

    /// For people.
    fn text(&self, look: Look) -> String;

    /// For programs; `exit_codes` are all that apply.
    fn json(&self, exit_codes: &[u8]) -> String
    where
        Self: Sized,
    {
        super::json::render(&Contract {
            schema: self.schema(),
            exit_codes: exit_codes.to_vec(),
            content: self,
        })
    }
}

#[derive(Serialize)]
struct Contract<'a, T: Serialize> {
    schema: &'static str,
    exit_codes: Vec<u8>,
    #[serde(flatten)]
    content: &'a T,
}

/// A path with what happened to it; both safe to print.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MissedPath {
    /// The path below the volume's root.
    pub path: String,
    /// Why.
    pub because: String,
}

/// A damaged object with the recovery points it takes along.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DamagedObject {
    /// The object's key.
    pub object: String,
    /// What is wrong with it.
    pub because: String,
    /// The recovery points, named for people.
    pub points: Vec<String>,
}

/// An object that could not be read, with the recovery points of which nothing can be said without it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnreadObject {
    /// The object's key.
    pub object: String,
    /// Why it could not be read.
    pub because: String,
    /// The recovery points, named for people.
    pub points: Vec<String>,
}

/// The damage, object by object.
fn say_damage(look: Look, damage: &[DamagedObject]) -> String {
    let mut out = String::new();
    for damaged in damage {
        out.push_str(&look.say(&format!("DAMAGED  {}: {}", damaged.object, damaged.because), 0, Tone::Bad));
        for point in &damaged.points {
            out.push_str(&look.say(&format!("takes along recovery point {point}"), 9, Tone::Plain));
        }
        if damaged.points.is_empty() {
            out.push_str(&look.say("takes no recovery point along", 9, Tone::Plain));
        }
    }
    out
}

/// Paths with their reasons, the first twenty; the rest is counted.
fn say_paths(look: Look, heading: &str, paths: &[MissedPath], count: u64) -> String {
    const SHOWN: usize = 20;
    if count == 0 {
        return String::new();
    }
    let mut out = look.say(heading, 0, Tone::Bad);
    for missed in paths.iter().take(SHOWN) {
        out.push_str(&look.say(&format!("{}: {}", missed.path, missed.because), 2, Tone::Plain));
    }
    if count > SHOWN as u64 {
        out.push_str(&look.say(&format!("and {} more", count - SHOWN as u64), 2, Tone::Plain));
    }
    out
}

fn say_notices(look: Look, notices: &[String]) -> String {
    notices.iter().map(|notice| look.say(&format!("Note: {notice}."), 0, Tone::Open)).collect()
}
