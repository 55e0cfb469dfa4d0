//! What a directory stands on, to the bottom.

use super::place::{Form, Machine};
use super::stack::Stack;
use super::system::{System, shown};
use super::unseen::Unseen;
use crate::domain::{Asset, AssetId, Gap, GapReason, GapScope, Timestamp};
use std::path::Path;
use std::time::Duration;

/// A directory and the assets below it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// The directory itself, as an asset; `None` where it could not be looked at.
    pub on: Option<AssetId>,
    /// It and everything below it.
    pub assets: Vec<Asset>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

/// What the directory `path`, for example a vault, stands on.
pub fn stand(path: &Path, system: &System, now: Timestamp) -> Standing {
    let machine = Machine::look(system, now);
    let mut stack = Stack::new(&machine, Duration::from_secs(10));
    let place = machine.place(path).and_then(|place| match place.form {
        Form::Directory => Ok(place),
        _ => Err(Unseen::new(GapReason::Failed, "it is no directory")),
    });
    match place {
        Ok(place) => {
            let on = Some(stack.directory(&place));
            Standing { on, assets: stack.assets, gaps: stack.gaps }
        }
        Err(unseen) => {
            let gaps = vec![unseen.gap(GapScope::Points, shown(path))];
            Standing { gaps, ..Standing::default() }
        }
    }
}
