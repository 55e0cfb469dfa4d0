//! Which roots repairs wrote, in place of others.

use super::{Event, History, Record, VaultRef};

impl History {
    /// Notes a root that stands in for another one, in this vault wherever it is.
    pub(super) fn take_repair(&mut self, record: &Record, here: &VaultRef) {
        if let Event::Repaired { vault, point, .. } = &record.event
            && vault.id == here.id
        {
            self.repaired.insert(point.id);
        }
    }

    /// True where a root with this key was recorded.
    pub fn knows_root(&self, key: &str) -> bool {
        self.points.iter().any(|point| point.key == key)
    }
}
