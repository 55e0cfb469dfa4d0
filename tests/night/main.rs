//! Nightly runs through the library: many nights on an injected clock, stores that fail, two runs at once.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in tests a panic is the message

mod blink;
mod estate;
mod faulty;
#[path = "../hand/mod.rs"]
mod hand;
mod quarter;
mod random;
mod together;
