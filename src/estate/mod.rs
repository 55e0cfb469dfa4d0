//! The estate: `outlive.toml`, read strictly into volumes, policies, vaults, copies and declared facts.

mod as_of;
mod command;
mod dangling;
mod declared;
mod incident;
mod lookup;
mod model;
mod own;
mod place;
mod read;
mod reader;
mod runbook;
mod secret;
mod signing;
mod stand;
mod telling;
mod waiver;

pub use incident::{ExpectedFate, ExpectedFinding, ExpectedLeft, ExpectedVerdict, Incident};
pub use model::{
    Addressing, CopyEntry, CopyFrom, DeclaredAsset, DeclaredPoint, Estate, Line, LockEntry, LockOrder,
    NamedBy, NightlyEntry, PolicyEntry, ProviderEntry, S3Access, S3Place, StandsOn, Unhonoured, VaultEntry,
    VaultPlace, VolumeEntry,
};
pub use read::{INCIDENT_KEYS, KEYS};
pub use reader::{ReaderEntry, ReaderRole};
pub use runbook::RunbookEntry;
pub use secret::{Environment, Secret, SecretSource};
pub use signing::SigningEntry;
pub use stand::ThisHost;
pub use telling::{SecretIn, secrets_in};
pub use waiver::{GivenUp, Waiver, WaiverEntry};
