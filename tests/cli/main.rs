//! The real binary, run as a user runs it: what it prints, how it ends, and, in a recording of its system
//! calls, that it and the programs it starts delete and overwrite nothing.
//!
//! Needs root, strace, btrfs-progs, e2fsprogs, qemu-utils, rsync, systemd, prometheus and yq: `scripts/test` installs
//! them. Without them the tests fail.
#![allow(clippy::unwrap_used, clippy::expect_used)] // in tests a panic is the message

mod asking;
mod asking_again;
mod auditing;
mod choosing;
mod clean_machine;
mod cloning;
mod contract;
mod credentials;
mod cutting;
mod cutting_sealed;
mod damaged;
mod database;
mod deep;
mod doubting;
mod drilling;
mod drilling_due;
mod drilling_sealed;
mod drilling_trust;
mod durable;
mod encrypting;
mod escrow;
mod expiring;
mod expiring_dir;
mod exporting;
mod following;
mod going_astray;
mod going_on;
mod granting;
mod granting_driller;
#[path = "../hand/mod.rs"]
mod hand;
mod init;
mod judge;
mod killing;
mod listener;
mod locking;
mod many;
mod medium;
mod mirroring;
mod morning_after;
mod naming;
mod night;
mod nightly;
mod nightly_bucket;
mod nightly_estate;
mod nightly_failing;
mod nightly_killing;
mod nightly_secrets;
mod nightly_telling;
mod once;
mod pinging;
mod place;
mod points;
mod promoting;
mod proving;
#[allow(dead_code, reason = "the trials of the stores use the rest of it")]
#[path = "../store/proxy.rs"]
mod proxy;
#[path = "../railway/mod.rs"]
mod railway;
mod railway_recipes;
mod reaching;
mod readers;
mod recording;
mod refusing;
mod rehearsing;
mod rehearsing_incidents;
mod rehearsing_own;
mod remembering;
mod repairing;
mod repairing_bucket;
mod repairing_cut;
mod repairing_from;
mod repairing_sealed;
mod repairing_signed;
mod rescue;
mod run;
mod runbook;
mod runbook_kept;
mod runbook_lasting;
mod runbook_ways;
mod scheduling;
#[path = "../servers/mod.rs"]
mod servers;
mod signing;
mod sources;
mod space;
mod stopping;
mod strace;
mod suite;
mod targets;
mod thieving;
mod tutorial;
mod unread;
mod unread_epochs;
mod unreadable;
mod unreading;
mod vouching;
mod webhook;
