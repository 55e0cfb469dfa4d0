//! Reports: one file a format and command. They return text and print nothing.

pub mod activity;
pub mod estate_file;
mod explained;
pub mod json;
mod nagios;
mod prometheus;
pub mod runbook;
pub mod schedule;
pub mod text;

pub use explained::Explained;
pub use nagios::{headline, nagios};
pub use prometheus::{TEXTFILE_HEADER, prometheus};
