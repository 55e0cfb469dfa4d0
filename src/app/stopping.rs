//! Looking around, as long as nobody asks to stop.

use super::Context;
use super::survey::Waiting;
use crate::domain::{Kind, Problem, Result};
use std::time::Duration;

/// Each look within has a limit of its own; this is none.
const NO_LIMIT: Duration = Duration::from_secs(365 * 86_400);

/// Does work that only looks. Where somebody asks to stop, it is left behind at once: it may be waiting for a server that
/// never answers, and leaves nothing half done.
///
/// # Errors
/// `Cancelled` where somebody asked to stop; those of the work.
pub fn unless_stopped<T: Send + 'static>(
    context: &Context,
    work: impl FnOnce(&Context) -> Result<T> + Send + 'static,
) -> Result<T> {
    let world = context.clone();
    let waiting = Waiting::start(NO_LIMIT, move || work(&world));
    waiting.end_unless_stopped(&context.stop, Duration::ZERO).unwrap_or_else(|(_, why)| {
        Err(match context.stop.is_asked() {
            true => Problem::new(Kind::Cancelled, "stopped as asked; nothing was judged"),
            false => Problem::new(Kind::Internal, why),
        })
    })
}
