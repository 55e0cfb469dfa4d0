//! Surveying: this machine, and the vaults that were named.

use super::Context;
use super::vaults::vault_inventory;
use crate::domain::{Gap, GapReason, GapScope, Inventory};
use crate::ledger::{Ledger, Record};
use crate::providers::Provider;
use crate::providers::local::{Local, System, nest};
use std::path::PathBuf;
use std::time::Duration;

/// What is to be looked at.
#[derive(Debug, Clone, Default)]
pub struct SurveyOrder {
    /// Volumes, by path.
    pub paths: Vec<PathBuf>,
    /// Directories that hold copies.
    pub copies: Vec<PathBuf>,
    /// Vaults, by directory.
    pub vaults: Vec<PathBuf>,
    /// How long looking at one path may take.
    pub limit: Duration,
}

/// Looks at everything. What could not be seen is a gap of the result.
pub fn survey(context: &Context, order: &SurveyOrder) -> Inventory {
    let now = (context.clock)();
    let provider = Local::new(order.paths.clone(), order.copies.clone(), order.limit, now);
    let mut inventory = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(provider.survey()),
        Err(error) => no_survey(order, &error.to_string()),
    };
    let records = records(context, &mut inventory);
    for vault in &order.vaults {
        inventory.merge(vault_inventory(vault, &records, now));
    }
    nest(&mut inventory, &order.paths, &order.vaults, &System::default(), now);
    inventory.sort();
    inventory
}

/// The ledger's records; a ledger that cannot be read leaves open how far copies were proved.
fn records(context: &Context, inventory: &mut Inventory) -> Vec<Record> {
    match Ledger::look(&context.state) {
        Ok(records) => records,
        Err(problem) => {
            inventory.gaps.push(Gap {
                scope: GapScope::Points,
                place: problem.place.clone(),
                reason: GapReason::Failed,
                detail: format!(
                    "the ledger cannot be read, so that no copy counts as proved: {}",
                    problem.what
                ),
            });
            Vec::new()
        }
    }
}

fn no_survey(order: &SurveyOrder, because: &str) -> Inventory {
    let gaps = order.paths.iter().map(|path| {
        let place = crate::domain::printable(path.as_os_str().as_encoded_bytes());
        let detail = format!("nothing could be looked at: {because}");
        Gap { scope: GapScope::Volume(place.clone()), place, reason: GapReason::Failed, detail }
    });
    Inventory { gaps: gaps.collect(), ..Inventory::default() }
}
