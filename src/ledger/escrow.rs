//! When the key in the safe was last tried on a vault, and what came of it.

use super::{DrillEnd, Event, History, Record, VaultRef};
use crate::domain::Timestamp;

/// One proof of an escrow key that was tried to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriedEscrow {
    /// When it ended.
    pub at: Timestamp,
    /// The reader's public key.
    pub reader: String,
    /// Whether it opened the vault.
    pub passed: bool,
    /// In a sentence.
    pub because: String,
    /// The epochs that it opened.
    pub epochs: Vec<String>,
}

impl History {
    /// Notes a proof. What could not be tried says nothing, and takes nothing back.
    pub(super) fn take_escrow(&mut self, record: &Record, here: &VaultRef) {
        if let Event::EscrowTried { vault, reader, outcome, because, epochs, .. } = &record.event
            && vault == here
            && *outcome != DrillEnd::NotRun
        {
            self.escrows.push(TriedEscrow {
                at: record.at,
                reader: reader.clone(),
                passed: *outcome == DrillEnd::Passed,
                because: because.clone(),
                epochs: epochs.clone(),
            });
        }
    }

    /// The last proof that was tried with this public key. What another key did says nothing of it.
    pub fn escrow(&self, reader: &str) -> Option<&TriedEscrow> {
        self.escrows.iter().rev().find(|tried| tried.reader == reader)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_proof_of_a_key_counts_here_and_what_was_not_run_is_none() {
        let here = VaultRef { id: "v".into(), place: "here".into() };
        let there = VaultRef { place: "there".into(), ..here.clone() };
        let tried = |at: i64, vault: &VaultRef, reader: &str, outcome| {
            let event = Event::EscrowTried {
                vault: vault.clone(),
                reader: reader.into(),
                outcome,
                because: String::new(),
                epochs: vec!["e".into()],
                point: None,
                packs: 0,
                bytes: 0,
            };
            Record::unchained(Timestamp::from_timestamp(at, 0).unwrap(), event)
        };
        let last = |records: &[Record], reader: &str| {
            let history = History::of(records, &here);
            history.escrow(reader).map(|tried| (tried.at.timestamp(), tried.passed))
        };
        let all = [
            tried(1, &here, "one", DrillEnd::Passed),
            tried(2, &here, "two", DrillEnd::Failed),
            tried(3, &there, "one", DrillEnd::Failed),
            tried(4, &here, "one", DrillEnd::NotRun),
        ];
        assert_eq!(last(&all, "one"), Some((1, true)));
        assert_eq!(last(&all, "two"), Some((2, false)));
        assert_eq!(last(&all, "three"), None);
    }
}
