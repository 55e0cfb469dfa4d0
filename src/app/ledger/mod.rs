//! The ledger as evidence: signed, copied into the vaults, shown and verified.

mod key;
mod send;
mod show;
mod sign;
mod verify;

pub use key::make_key;
pub use send::{keep_ledger_locked, open_to_send};
pub use show::show_ledger;
pub use sign::sign_ledger;
pub use verify::verify_ledger;
