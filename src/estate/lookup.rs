//! Finding things of an estate by their names.

use super::{
    CopyEntry, Estate, Line, LockEntry, LockOrder, PolicyEntry, ProviderEntry, VaultEntry, VolumeEntry,
};
use crate::domain::{AssetId, RuleWaiver, Timestamp, VolumeId};
use std::collections::BTreeSet;
use std::sync::LazyLock;

impl VaultEntry {
    /// The keys of damaged objects that are given up at this moment.
    pub fn given_up(&self, now: Timestamp) -> BTreeSet<String> {
        let given_up = self.waive_damage.as_ref().filter(|given_up| given_up.waiver.until > now);
        given_up.map(|given_up| given_up.objects.clone()).unwrap_or_default()
    }

    /// The keys of objects that cannot be read and that the owner says at this moment are none of theirs.
    pub fn none_of_ours(&self, now: Timestamp) -> BTreeSet<String> {
        let waived = self.waive_unread.as_ref().filter(|waived| waived.waiver.until > now);
        waived.map(|waived| waived.objects.clone()).unwrap_or_default()
    }
}

impl VolumeEntry {
    /// Whether there is somewhere to look at it: a path on this machine, or a provider that can be asked.
    pub fn is_looked_at(&self) -> bool {
        self.path.is_some() || self.is.is_some()
    }
}

impl ProviderEntry {
    /// The asset that its credential is.
    pub fn credential(&self) -> AssetId {
        super::own::credential(&self.id, "token")
    }
}

impl Estate {
    /// The volume of this id.
    pub fn volume(&self, id: &VolumeId) -> Option<&VolumeEntry> {
        self.volumes.iter().find(|volume| volume.id == *id)
    }

    /// The vault of this id.
    pub fn vault(&self, id: &str) -> Option<&VaultEntry> {
        self.vaults.iter().find(|vault| vault.id == id)
    }

    /// The policy of a volume; `default` for one that nobody listed.
    pub fn policy_of(&self, id: &VolumeId) -> &PolicyEntry {
        let named = self.volume(id).and_then(|volume| self.policies.get(&volume.policy));
        named.unwrap_or_else(|| self.default_policy())
    }

    /// The policy `default`.
    pub fn default_policy(&self) -> &PolicyEntry {
        static BUILT_IN: LazyLock<PolicyEntry> = LazyLock::new(PolicyEntry::default);
        self.policies.get("default").unwrap_or(&BUILT_IN)
    }

    /// For how long copies of a volume are locked in a vault; `None` where the vault locks nothing. Where the policy does
    /// not say for how long, the file is refused.
    pub fn lock_order(&self, vault: &VaultEntry, volume: &VolumeId) -> Option<LockOrder> {
        let LockEntry { kind, most, .. } = vault.lock?;
        let policy = self.policy_of(volume);
        Some(LockOrder { kind, most, locked_for: policy.judged.locked_for?, keep: policy.keep })
    }

    /// Every failure of a rule that somebody answers for, with its line.
    pub fn waivers(&self) -> impl Iterator<Item = (&RuleWaiver, Line)> {
        self.waivers.iter().map(|entry| (&entry.waiver, entry.line))
    }

    /// What is copied of a volume, in the order of the file.
    pub fn copies_of(&self, id: &VolumeId) -> impl Iterator<Item = &CopyEntry> {
        self.copies.iter().filter(move |copy| copy.volume == *id)
    }

    /// What is copied to a vault, in the order of the file.
    pub fn copies_to(&self, vault: &str) -> impl Iterator<Item = &CopyEntry> {
        self.copies.iter().filter(move |copy| copy.to == vault)
    }
}
