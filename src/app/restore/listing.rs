//! What could be restored, without restoring it: the points there are, which one is proposed, and what is in it.

use super::super::Context;
use super::super::doubt::doubts;
use super::super::fresh::Freshness;
use super::super::stores::open_vault;
use super::super::vaults::{listed_point, state_of, what_to_know};
use super::RestoreOrder;
use super::choice::{
    as_recorded, chosen, refuse_closed, refuse_forked, refuse_silent_fallback, refuse_unread, within,
};
use crate::domain::{CopyState, Kind, Monitor, Problem, Result, When, printable};
use crate::ledger::{History, Ledger, PATIENCE, VaultRef};
use crate::report::activity::{
    ListedEntry, PassedOver, PointListed, ProposedPoint, Restorable, RestorableVolume,
};
use crate::vault::format::{Digest, Entry, EntryKind, Moment, PageKind};
use crate::vault::{Entries, FoundRoot, Only, Picker, Present, Roots, Vault, names};
use std::collections::{BTreeMap, BTreeSet};

/// Entries that are listed at most: more is nothing that a person reads.
const MOST_ENTRIES: usize = 50_000;

/// What is to be listed.
pub struct ListOrder<'a> {
    /// The vault, volume, point and limit.
    pub order: &'a RestoreOrder,
    /// The words of a command that restores the point with this short name.
    pub command: &'a dyn Fn(&str) -> Vec<String>,
}

/// What is known here of a vault's points.
struct Known {
    vault: Vault,
    /// All of them.
    all: Roots,
    /// Those within the limit.
    roots: Roots,
    history: History,
    doubts: BTreeMap<Digest, String>,
    notices: Vec<String>,
}

impl Known {
    fn of(context: &Context, order: &RestoreOrder) -> Result<Self> {
        let vault = open_vault(context, &order.vault)?;
        let here = VaultRef::of(&vault)?;
        let all = Roots::read(&vault)?;
        let mut notices = what_to_know(&vault)?;
        // Looking must work where there is no ledger, and no place for one.
        let history = match Ledger::look(&context.state, PATIENCE) {
            Ok(records) => History::of(&records, &here),
            Err(problem) => {
                notices.push(format!("no ledger: {problem}; nothing here says how far a point was proved"));
                History::default()
            }
        };
        let (roots, doubts) = (within(&all, order.when), doubts(&all, &history));
        Ok(Self { vault, all, roots, history, doubts, notices })
    }

    /// Why a point is not proposed; `None` where nothing speaks against it.
    fn against(&self, found: &FoundRoot, present: &Present) -> Option<String> {
        if found.root.is_closed() {
            return Some("encrypted, and nothing here opens it (--identity FILE)".into());
        }
        match state_of(&self.vault, found, &self.history) {
            CopyState::Damaged => return Some("an object it needs is damaged".into()),
            CopyState::Incomplete => {
                return Some(format!("incomplete: {} paths could not be read", found.root.totals.missed));
            }
            _ => {}
        }
        let doubt = self.doubts.get(&found.id).map(|why| format!("doubted: {why}"));
        let gone = || present.check_point(&self.vault, found).err();
        doubt.or_else(|| gone().map(|problem| format!("cannot be restored: {problem}")))
    }

    /// The newest point against which nothing speaks and whose bytes came back, or else the newest that is only stored; and what is newer.
    fn proposed<'k>(
        &'k self,
        points: impl DoubleEndedIterator<Item = &'k FoundRoot>,
        present: &Present,
    ) -> (Option<&'k FoundRoot>, Vec<(&'k FoundRoot, String)>) {
        let (mut newer, mut stored) = (Vec::new(), None);
        for found in points.rev() {
            match self.against(found, present) {
                Some(why) => newer.push((found, why)),
                None if state_of(&self.vault, found, &self.history) >= CopyState::ReadBack => {
                    return (Some(found), newer);
                }
                None => {
                    stored.get_or_insert((found, newer.len()));
                    let why = "only stored: nothing here has read it back".to_owned();
                    newer.push((found, why));
                }
            }
        }
        // Where nothing came back here, the newest is as good as any: a restore reads it back before it writes.
        match stored {
            Some((found, count)) => (Some(found), newer.into_iter().take(count).collect()),
            None => (None, newer),
        }
    }
}

/// Lists the points of a volume, or of all, and proposes one of each.
///
/// # Errors
/// `NotFound` where there is none of the volume; what the store said.
pub fn restorable(context: &Context, list: ListOrder<'_>) -> Result<Restorable> {
    let mut known = Known::of(context, list.order)?;
    let wanted = list.order.volume.as_ref().map(|given| as_recorded(given, &known.all));
    // What nothing here opens has no name by which it could be told.
    let unfiltered = known.roots.clone();
    if let Some(wanted) = &wanted {
        known.roots.sound.retain(|found| names(&found.root.volume, wanted));
        known.all.sound.retain(|found| names(&found.root.volume, wanted));
    }
    if known.roots.sound.is_empty() && (wanted.is_some() || !known.all.sound.is_empty()) {
        chosen(list.order, &known.roots, &known.all)?;
    }
    let present = Present::list(&known.vault)?;
    let volumes: BTreeSet<_> = known.roots.sound.iter().map(|found| &found.root.volume).collect();
    let mut notices = std::mem::take(&mut known.notices);
    let (mut said, mut is_doubtful) = (Vec::new(), false);
    for volume in volumes {
        let points = known.roots.sound.iter().filter(|found| found.root.volume == *volume);
        let (proposed, newer) = known.proposed(points, &present);
        let command = |found: &FoundRoot| {
            (list.command)(&found.short()).iter().map(|word| shown(word)).collect::<Vec<_>>().join(" ")
        };
        let state = |found: &FoundRoot| state_of(&known.vault, found, &known.history).word();
        let as_newer = |(found, because): (&FoundRoot, String)| PassedOver {
            point: found.short(),
            taken_at: found.root.taken_at,
            because,
            command: command(found),
        };
        let open = proposed.map(|found| left_open(found, &known, list.order.when, &unfiltered));
        is_doubtful |= open.as_ref().is_some_and(|open| !open.is_empty());
        notices.extend(open.into_iter().flatten());
        said.push(RestorableVolume {
            volume: printable(volume.0.as_bytes()),
            proposed: proposed.map(|found| ProposedPoint {
                point: found.short(),
                id: found.id.to_string(),
                taken_at: found.root.taken_at,
                state: state(found),
                bytes: found.root.totals.bytes,
                command: command(found),
            }),
            newer: newer.into_iter().map(as_newer).collect(),
        });
    }
    notices.extend(Freshness::of(known.all.sound.iter(), &known.history).notice());
    notices.sort();
    notices.dedup();
    let listed = |found| listed_point(&known.vault, found, &known.history, known.doubts.get(&found.id));
    Ok(Restorable {
        place: known.vault.place(),
        vault: printable(known.vault.id().as_bytes()),
        volumes: said,
        is_doubtful,
        points: known.roots.sound.iter().map(listed).collect(),
        damaged: known.roots.damaged.iter().map(|(_, problem)| problem.to_string()).collect(),
        notices,
        at: (context.clock)(),
    })
}

/// Why the point that is proposed may not be the one that is meant, or not ours. `unfiltered` holds also what nothing here opens, which has no name.
fn left_open(found: &FoundRoot, known: &Known, when: When, unfiltered: &Roots) -> Vec<String> {
    let open = [
        refuse_silent_fallback(found, &known.all, when, &known.history).err(),
        refuse_closed(found, unfiltered).err(),
        refuse_forked(found, &known.vault).err(),
        refuse_unread(found, &known.vault, &known.all, &known.history).err(),
    ];
    open.into_iter().flatten().map(|problem| problem.to_string()).collect()
}

/// A word of a command for `sh`, and safe to print.
fn shown(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_./:=@%+,-".contains(&byte);
    match word {
        plain_word if !word.is_empty() && plain_word.bytes().all(plain) => word.to_owned(),
        other => printable(format!("'{}'", other.replace('\'', "'\\''")).as_bytes()).replace("\\\\", "\\"),
    }
}

/// Lists what is in a point: the one that is named, or the one that would be proposed.
///
/// # Errors
/// `NotFound` where there is no such point, or nothing in it that is asked for; what the store said.
pub fn browse(
    context: &Context,
    order: &RestoreOrder,
    only: Option<&Only>,
    monitor: &dyn Monitor,
) -> Result<PointListed> {
    let known = Known::of(context, order)?;
    let by_name = chosen(order, &known.roots, &known.all);
    let found = match (&order.point, by_name) {
        (None, Ok(found)) => {
            let present = Present::list(&known.vault)?;
            let volume = &found.root.volume;
            let points = known.roots.sound.iter().filter(|other| other.root.volume == *volume);
            known.proposed(points, &present).0.unwrap_or(found)
        }
        (_, by_name) => by_name?,
    };
    let mut picker = only.map(Picker::new);
    let (mut entries, mut more, mut bytes) = (Vec::new(), 0, 0);
    let mut lost: Option<Problem> = None;
    for entry in Entries::new(&known.vault, PageKind::Entries, found.root.tree()?) {
        let entry = match entry {
            Err(problem) if matches!(problem.kind, Kind::Damaged | Kind::Io) => {
                lost.get_or_insert(problem);
                continue;
            }
            entry => entry?,
        };
        if monitor.cancelled() {
            return Err(Problem::new(Kind::Cancelled, "stopped as asked"));
        }
        if picker.as_mut().is_some_and(|picker| !picker.picks(&entry)) {
            continue;
        }
        bytes += entry.size;
        if entries.len() < MOST_ENTRIES { entries.push(listed_entry(entry)) } else { more += 1 }
    }
    if let Some(problem) = lost.take_if(|_| entries.is_empty()) {
        return Err(problem);
    }
    if entries.is_empty() {
        let globs: Vec<String> =
            only.iter().flat_map(|only| only.given()).map(|glob| printable(glob.as_bytes())).collect();
        let what = format!("recovery point {} holds nothing like {}", found.short(), globs.join(", "));
        return Err(Problem::new(Kind::NotFound, what)
            .remedy("paths begin below the volume's root; `--list` without a glob shows all"));
    }
    Ok(PointListed {
        place: known.vault.place(),
        volume: printable(found.root.volume.0.as_bytes()),
        point: found.short(),
        taken_at: found.root.taken_at,
        state: state_of(&known.vault, found, &known.history).word(),
        entries,
        more,
        bytes,
        lost: lost.map(|problem| problem.to_string()),
        notices: known.notices,
    })
}

fn listed_entry(entry: Entry) -> ListedEntry {
    let kind = match entry.kind {
        EntryKind::File => "file",
        EntryKind::Dir => "directory",
        EntryKind::Symlink => "symlink",
        EntryKind::Hardlink => "hard link",
        EntryKind::Fifo => "pipe",
        EntryKind::Socket => "socket",
        EntryKind::CharDevice => "character device",
        EntryKind::BlockDevice => "block device",
    };
    let Moment { seconds, nanoseconds } = entry.meta.mtime;
    ListedEntry {
        path: entry.path.to_string(),
        kind,
        bytes: (entry.kind == EntryKind::File).then_some(entry.size),
        modified_at: chrono::DateTime::from_timestamp(seconds, nanoseconds),
        mode: printable(entry.meta.mode.as_bytes()),
        target: entry.target.map(|target| printable(target.as_bytes())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_of_a_command_is_read_by_a_shell_as_it_was_meant() {
        assert_eq!(shown("/mnt/vault"), "/mnt/vault");
        assert_eq!(
            (shown("a b"), shown("it's"), shown("")),
            ("'a b'".into(), r"'it'\''s'".into(), "''".into())
        );
        assert_eq!(shown("a\n\u{1b}[2J"), "'a\\n\\e[2J'");
    }
}
