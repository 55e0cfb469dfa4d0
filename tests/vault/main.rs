//! What a vault stores comes back exactly, costs little the second time, and every damage is noticed.

#![allow(clippy::unwrap_used, clippy::expect_used)] // in tests a panic is the message

#[macro_use]
mod forward;

mod adopted;
mod agreed;
mod bits;
mod bits_sealed;
mod bounded;
mod by_hand;
mod by_hand_hostile;
mod by_hand_wanting;
mod changes;
mod compared;
mod conflicting;
mod damage;
mod despite;
mod device;
mod early;
mod epochs;
mod expiring;
mod foreign;
mod forge;
mod gallery;
mod golden;
mod golden_bytes;
#[path = "../hand/mod.rs"]
mod hand;
mod histories;
mod hostile;
mod inheriting;
#[allow(dead_code, reason = "the survey uses the rest of it")]
#[path = "../survey/lab.rs"]
mod lab;
mod limits;
mod missed;
mod newer;
mod parts;
mod places;
mod places_btrfs;
mod places_qcow2;
mod places_random;
mod present;
mod racing;
mod readers;
mod recorder;
mod roundtrip;
mod sealed;
mod signed_by_hand;
mod source;
mod standing_in;
mod strangers;
mod stream;
mod support;
mod unchanged;
mod unreadable;
mod usurping;
mod years;
mod years_world;
