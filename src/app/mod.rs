//! Use cases: what a command does.
