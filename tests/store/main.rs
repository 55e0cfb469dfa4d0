//! Stores against their contract, and against everything that can go wrong on the way.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod blind;
mod contract;
mod dialects;
mod faults;
#[path = "../hand/mod.rs"]
mod hand;
mod locks;
mod mirror;
mod mirror_wrong;
mod probe;
mod proxy;
mod refusals;
#[path = "../servers/mod.rs"]
mod servers;
mod vaults;
