//! Stores against their contract, and against everything that can go wrong on the way.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod contract;
#[path = "../hand/mod.rs"]
mod hand;
#[path = "../servers/mod.rs"]
mod servers;
