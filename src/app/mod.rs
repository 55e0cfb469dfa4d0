//! Use cases: what a command does. Nothing here prints, and nothing knows of arguments.

mod accounts;
mod asked;
mod audit;
mod check;
mod copy;
mod credentials;
mod damage;
mod doubt;
mod drill;
mod estate;
mod expiry;
mod found_tokens;
mod fresh;
mod incident;
mod init;
mod keys;
mod ledger;
mod locks;
mod named;
mod nightly;
mod points;
mod readers;
mod rehearse;
mod repair;
mod restore;
mod rights;
mod roles;
mod runbook;
mod share;
mod signers;
mod stopping;
mod stores;
mod survey;
mod vaults;
mod verify;

pub use accounts::AccountOrder;
pub use asked::{Asked, asked, explain, hazard_named, hazards_named, nearest, what_if};
pub use audit::{Audited, audit};
pub use check::check_vault;
pub use copy::{CopyOrder, copy};
pub use credentials::{credentials, judge_credentials};
pub use drill::{
    Afterwards, DrillOrder, DrillsOrder, Proving, Which, drill, drill_standings, due_drills, gone_drills,
    prove_escrow, run_drills,
};
pub use estate::{judge_all, judge_as_of, judge_estate, survey_estate};
pub use expiry::{ExpiryOrder, expiry_plan};
pub use found_tokens::{ask_found, found_at, told as told_tokens};
pub use incident::{BuiltIn, INCIDENTS, Replay, load_incident, parse_incident, replay_incident};
pub use init::{InitOrder, is_there as estate_is_there, propose, write_proposed};
pub use keys::Keyring;
pub use ledger::{make_key, show_ledger, sign_ledger, verify_ledger};
pub use locks::{LockPlan, LocksKept, cost_of_locks, keep_locks, make_vault};
pub use nightly::{Holder, Night, NightlyOrder, nightly};
pub use points::{PointsOrder, points};
pub use readers::{AddReader, BeginEpoch, keep_present_epoch, list_readers};
pub use rehearse::{FollowOrder, RehearseOrder, follow_runbook, rehearse};
pub use repair::{RepairOrder, repair};
pub use restore::{
    KeptOff, ListOrder, PostgresOrder, RestoreOrder, Rights, browse, restorable, restore, restore_postgres,
    restore_stream,
};
pub use rights::vault_policy;
pub use runbook::{
    KitOrder, check_runbooks, keep_runbooks, make_kit, make_runbooks, runbooks_of, write_runbooks,
};
pub use signers::Signers;
pub use stopping::unless_stopped;
pub use stores::{Opened, Purpose, RealStores, Stores, place_named};
pub use survey::{SeenVault, SurveyOrder, survey};
pub use vaults::list_vault;
pub use verify::verify;

use crate::domain::Timestamp;
use crate::estate::Environment;
use crate::providers::graphql::Stop;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How old an answer of a provider may be, where nobody says: a nightly run asks each of them once, and not at every step.
const MAX_AGE: Duration = Duration::from_secs(600);

/// What every use case needs of the world around it.
#[derive(Clone)]
pub struct Context {
    /// The directory that holds the ledger.
    pub state: PathBuf,
    /// The current time.
    pub clock: fn() -> Timestamp,
    /// The environment, for secrets.
    pub environment: Environment,
    /// Opens stores.
    pub stores: Arc<dyn Stores>,
    /// Vaults that were opened: a run opens each once.
    pub opened: Opened,
    /// Keys of encrypted vaults.
    pub keys: Keyring,
    /// Who signs, and whose signatures count.
    pub signers: Signers,
    /// How old an answer of a provider may be to stand for another one.
    pub max_age: Duration,
    /// Set once somebody asks to stop.
    pub stop: Stop,
}

impl Context {
    /// The world as it is.
    pub fn real(state: PathBuf, environment: Environment) -> Self {
        let stores = Arc::new(RealStores::new(environment.clone()));
        Self {
            state,
            clock: chrono::Utc::now,
            environment,
            stores,
            opened: Opened::default(),
            keys: Keyring::default(),
            signers: Signers::default(),
            max_age: MAX_AGE,
            stop: Stop::default(),
        }
    }

    /// The same world with another patience for answers of before.
    #[must_use]
    pub fn aged(&self, max_age: Duration) -> Self {
        Self { max_age, ..self.clone() }
    }
}
