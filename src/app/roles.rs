//! Who may do what with a vault: what the estate file declares, with what the ledger says was proved.

use super::stores::say_place;
use super::survey::SeenVault;
use crate::domain::{
    Escrow, Inventory, Kind, Problem, RecoveryPoint, Timestamp, Together, VaultRoles, VolumeId, printable,
};
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

/// What is known of the roles of a vault that could be read, and of the volumes with points there; of one that no estate file names only that
/// its readers are not known, where it has some.
pub(super) fn roles_of(
    seen: &SeenVault,
    vault: &Vault,
    (inventory, history): (&Inventory, &History),
    now: Timestamp,
) -> Option<VaultRoles> {
    let (escrow, together) = match (&seen.roles, vault.epochs()) {
        (None, None) => return None,
        (None, Some(_)) => {
            let why = "no estate file names its readers, nor what this machine has of it";
            (Escrow::Unknown(why.into()), Together::Unknown(why.into()))
        }
        (Some(declared), None) => {
            let together = match &declared.together {
                Together::Apart => Together::Plain,
                known => known.clone(),
            };
            (Escrow::NotAsked("it is not encrypted".into()), together)
        }
        (Some(declared), Some(epochs)) => {
            let escrow = declared.asked().unwrap_or_else(|| declared.proved(epochs, history, now));
            (escrow, declared.together.clone())
        }
    };
    Some(told(seen, &inventory.points, escrow, together))
}

/// The same of a vault that could not be read, or not in time. Whether it is encrypted is not known then, unless the estate file names readers.
pub(super) fn roles_unread(seen: &SeenVault, because: &str) -> Option<VaultRoles> {
    let declared = seen.roles.as_ref()?;
    let unknown = || Escrow::Unknown(because.to_owned());
    let escrow = match (declared.asked(), declared.has_readers) {
        (Some(Escrow::NoReader), false) => unknown(),
        (asked, _) => asked.unwrap_or_else(unknown),
    };
    let together = match (&declared.together, declared.has_readers) {
        (Together::Apart, false) => {
            Together::Unknown(format!("whether it is encrypted is not known: {because}"))
        }
        (known, _) => known.clone(),
    };
    Some(told(seen, &[], escrow, together))
}

/// With the points that lie there.
fn told(seen: &SeenVault, points: &[RecoveryPoint], escrow: Escrow, together: Together) -> VaultRoles {
    let name = seen.name.clone().unwrap_or_else(|| say_place(&seen.place));
    let copied = seen.roles.iter().flat_map(|declared| declared.copied.iter().cloned());
    VaultRoles {
        vault: printable(name.as_bytes()),
        volumes: copied.chain(points.iter().filter_map(|point| point.of.value().cloned())).collect(),
        points: points.iter().map(|point| point.id.clone()).collect(),
        escrow,
        together,
    }
}

impl DeclaredRoles {
    /// What needs no look at the vault.
    fn asked(&self) -> Option<Escrow> {
        match (self.within, self.escrows.is_empty()) {
            (None, _) => Some(Escrow::NotAsked("the estate file asks for no proof".into())),
            (Some(_), true) => Some(Escrow::NoReader),
            (Some(_), false) => None,
        }
    }

    /// What the ledger says of the keys, each by its own last proof: the poorest of them.
    fn proved(&self, epochs: &Epochs, history: &History, now: Timestamp) -> Escrow {
        if let Err(Problem { what, .. }) = epochs.check_read() {
            return Escrow::Unknown(what);
        }
        let each = self.escrows.iter().map(|reader| self.proved_of(reader, epochs, history, now));
        Escrow::poorest(each, now).unwrap_or(Escrow::NoReader)
    }

    fn proved_of(&self, reader: &str, epochs: &Epochs, history: &History, now: Timestamp) -> Escrow {
        let Some(tried) = history.escrow(reader) else { return Escrow::Never };
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
