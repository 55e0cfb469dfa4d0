//! Reports for people: tables that wrap to a width, colour where it is asked for.

mod accounts;
mod audit;
mod calls;
mod cuts;
mod explain;
mod inventory;
pub(super) mod look;
mod trace;

pub(crate) use calls::call_that_deletes;

pub use audit::{as_of, audit, first, flag};
pub use explain::{explain, explain_kind, rules};
pub use inventory::inventory;
pub use look::Look;
pub use trace::{explain_volumes, what_if};
