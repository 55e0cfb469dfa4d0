//! outlive proves that a team's backups outlive whatever kills the primary, and that they restore.
//!
//! The modules are listed in order: a module may import only modules listed above it
//! (`tests/tidy.rs` holds this). `docs/architecture.md` says what belongs in which.

#[cfg(test)]
#[path = "../tests/hand/mod.rs"]
mod hand;

pub mod domain;

pub mod catalogue;

pub mod estate;

pub mod isolation;

pub mod rules;

pub mod plan;

pub mod signing;

pub mod store;

pub mod vault;

pub mod ledger;

pub mod providers;

pub mod drill;

pub mod report;

pub mod signal;

pub mod app;

pub mod cli;
