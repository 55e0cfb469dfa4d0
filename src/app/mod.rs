//! Use cases: what a command does. Nothing here prints, and nothing knows of arguments.

mod audit;
mod copy;
mod damage;
mod doubt;
mod rehearse;
mod restore;
mod survey;
mod vaults;
mod verify;

pub use audit::{Audited, audit};
pub use copy::{CopyOrder, copy};
pub use rehearse::{RehearseOrder, rehearse};
pub use restore::{RestoreOrder, restore};
pub use survey::{SurveyOrder, survey};
pub use vaults::list_vault;
pub use verify::verify;

use crate::domain::Timestamp;
use std::path::PathBuf;

/// What every use case needs of the world around it.
#[derive(Clone)]
pub struct Context {
    /// The directory that holds the ledger.
    pub state: PathBuf,
    /// The current time.
    pub clock: fn() -> Timestamp,
}
