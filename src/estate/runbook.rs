//! What the file says of runbooks: the pages for the night on which everything is gone.

use super::{Estate, VolumeEntry};
use crate::domain::VolumeId;
use chrono::TimeDelta;
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;

/// The pages, and how their readers come by the keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunbookEntry {
    /// The directory that gets a new folder of pages every night: `runbooks` in the state directory otherwise.
    pub into: Option<PathBuf>,
    /// For how long a page is believed after it was made.
    pub believe_for: TimeDelta,
    /// After how long pages are written into vaults again that tell people to do what those there tell them.
    pub vaults_every: TimeDelta,
    /// How somebody gets at the key in escrow; it may have several lines. None where nobody wrote it down.
    pub escrow: Option<String>,
}

impl Default for RunbookEntry {
    /// A page is believed until the next night's has been due for two hours.
    fn default() -> Self {
        let believe_for = TimeDelta::hours(26);
        Self { into: None, believe_for, vaults_every: believe_for / 2, escrow: None }
    }
}

impl Estate {
    /// The volumes in the order in which they are restored: each behind those that it waits for, otherwise as the file
    /// has them. What waits for itself, which the file may not say, comes last.
    pub fn restore_order(&self) -> Vec<&VolumeEntry> {
        let place: BTreeMap<&VolumeId, usize> =
            self.volumes.iter().enumerate().map(|(place, volume)| (&volume.id, place)).collect();
        let mut waits: Vec<usize> = vec![0; self.volumes.len()];
        let mut waiting: Vec<Vec<usize>> = vec![Vec::new(); self.volumes.len()];
        for (own, volume) in self.volumes.iter().enumerate() {
            for before in volume.after.iter().filter_map(|id| place.get(id)) {
                waits[own] += 1;
                waiting[*before].push(own);
            }
        }
        let mut ready: VecDeque<usize> = (0..waits.len()).filter(|own| waits[*own] == 0).collect();
        let mut order = Vec::new();
        let mut done = vec![false; waits.len()];
        while let Some(own) = ready.pop_front() {
            order.push(&self.volumes[own]);
            done[own] = true;
            for next in &waiting[own] {
                waits[*next] -= 1;
                if waits[*next] == 0 {
                    ready.push_back(*next);
                }
            }
        }
        order.extend((0..done.len()).filter(|own| !done[*own]).map(|own| &self.volumes[own]));
        order
    }
}
