//! The survey of this machine, against real loop devices and filesystems. Needs root, btrfs-progs,
//! xfsprogs, e2fsprogs and qemu-utils: `scripts/test` installs them. Without them the tests fail.
// Clippy sees what is not in a `#[test]` function itself as no test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod btrfs_facts;
mod btrfs_points;
mod contract;
mod copies;
mod found_bounds;
mod found_dumps;
mod found_estate;
mod found_files;
mod found_lab;
mod found_repositories;
mod found_tied;
#[path = "../hand/mod.rs"]
mod hand;
mod images;
mod lab;
mod paths;
#[path = "../railway/mod.rs"]
mod railway;
mod recorded;
mod stacks;
