//! Telling others: pings, webhooks, and files that monitoring reads.
//!
//! What could not be told is a notice of the run that wanted to tell it, never the run's own failure. Addresses are
//! secrets: whoever has one can report a success in our name. They are in no message.

mod http;
mod ping;
mod state;
mod textfile;
mod webhook;

pub use http::Patience;
pub use ping::Pings;
pub use state::{Change, NightState, Reasons, State, Subject, changes};
pub use textfile::write_textfile;
pub use webhook::{Webhook, payload};
