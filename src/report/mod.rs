//! Reports: one file a format and command. They return text and print nothing.

pub mod activity;
pub mod json;
pub mod text;
