//! What runs `outlive nightly` every night, as files for a person to look at and install. Nothing here installs.

mod cron;
mod kubernetes;
mod order;
mod systemd;

pub use cron::cron;
pub use kubernetes::kubernetes;
pub use order::{Night, STATE, Scheduled, ScheduledFile, TimeOfDay};
pub use systemd::systemd;
