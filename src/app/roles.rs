//! Who may do what with a vault: what the estate file declares, with what the ledger says was proved.

use super::survey::SeenVault;
use crate::domain::{Escrow, Inventory, Kind, Problem, Timestamp, Together, VaultRoles, VolumeId, printable};
use crate::estate::{Estate, ReaderRole, VaultEntry};
use crate::ledger::History;
use crate::vault::{Epochs, Vault};
use chrono::TimeDelta;
use std::collections::BTreeSet;

/// What an estate file says of the roles of one vault.
#[derive(Debug, Clone)]
pub struct DeclaredRoles {
    /// The volumes that are copied there.
    copied: BTreeSet<VolumeId>,
    /// Whether it names readers, so that the vault is encrypted.
    has_readers: bool,
    /// The public keys of readers that are for the worst day.
    escrows: Vec<String>,
    /// How long a proof of one of them counts; none where nobody asks.
    within: Option<TimeDelta>,
    /// What one machine has that should be apart.
    together: Together,
}

impl DeclaredRoles {
    /// Of a vault.
    pub fn of(estate: &Estate, entry: &VaultEntry) -> Self {
        let escrows = entry.readers.iter().filter(|reader| reader.role == ReaderRole::Escrow);
        let copied: BTreeSet<VolumeId> =
            estate.copies_to(&entry.id).map(|copy| copy.volume.clone()).collect();
        Self {
            has_readers: !entry.readers.is_empty(),
            escrows: escrows.map(|reader| reader.key.clone()).collect(),
            within: entry.escrow_within,
            together: entry.together(!copied.is_empty()),
            copied,
        }
    }
}

/// What is known of the roles of a vault that could be read, and of the volumes with points there; nothing of one that no estate file names.
pub(super) fn roles_of(
    seen: &SeenVault,
    vault: &Vault,
    (inventory, history): (&Inventory, &History),
    now: Timestamp,
) -> Option<VaultRoles> {
    let declared = seen.roles.as_ref()?;
    let found = inventory.points.iter().filter_map(|point| point.of.value().cloned());
    let escrow = match vault.epochs() {
        None => Escrow::NotAsked("it is not encrypted".into()),
        Some(epochs) => declared.asked().unwrap_or_else(|| declared.proved(epochs, history, now)),
    };
    Some(declared.told(seen, found, escrow))
}

/// The same of a vault that could not be read, or not in time.
pub(super) fn roles_unread(seen: &SeenVault, because: &str) -> Option<VaultRoles> {
    let declared = seen.roles.as_ref()?;
    let escrow = match declared.has_readers {
        false => Escrow::NotAsked("the estate file names no readers".into()),
        true => declared.asked().unwrap_or_else(|| Escrow::Unknown(because.to_owned())),
    };
    Some(declared.told(seen, std::iter::empty(), escrow))
}

impl DeclaredRoles {
    fn told(&self, seen: &SeenVault, found: impl Iterator<Item = VolumeId>, escrow: Escrow) -> VaultRoles {
        VaultRoles {
            vault: printable(seen.name.as_deref().unwrap_or_default().as_bytes()),
            volumes: self.copied.iter().cloned().chain(found).collect(),
            escrow,
            together: self.together.clone(),
        }
    }

    /// What needs no look at the vault.
    fn asked(&self) -> Option<Escrow> {
        match (self.within, self.escrows.is_empty()) {
            (None, _) => Some(Escrow::NotAsked("the estate file asks for no proof".into())),
            (Some(_), true) => Some(Escrow::NoReader),
            (Some(_), false) => None,
        }
    }

    /// What the ledger says of the last proof.
    fn proved(&self, epochs: &Epochs, history: &History, now: Timestamp) -> Escrow {
        if let Err(Problem { what, .. }) = epochs.check_read() {
            return Escrow::Unknown(what);
        }
        let Some(tried) = history.escrow(&self.escrows) else { return Escrow::Never };
        let at = tried.at;
        if !tried.passed {
            return Escrow::Failed { at, because: tried.because.clone() };
        }
        if epochs.current().any(|epoch| !tried.epochs.contains(&epoch.name)) {
            return Escrow::FormerEpoch { at };
        }
        match self.within.map(|within| at.checked_add_signed(within)) {
            Some(until) => Escrow::Proved { at, until: until.or(Some(now)) },
            None => Escrow::Proved { at, until: None },
        }
    }
}

/// That a vault could not be read, in a sentence.
pub(super) fn said(problem: &Problem) -> String {
    match problem.kind {
        Kind::NotFound => "there is no vault there".to_owned(),
        _ => problem.to_string(),
    }
}
