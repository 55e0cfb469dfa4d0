//! Roots that a repair wrote: for which others they stand in, and whether they say the same.

use super::findings::Findings;
use super::format::{Chunk, Digest, Entry, PageKind, Root, is_of_same_point};
use super::roots::{FoundRoot, Roots};
use super::tree::runs;
use super::verify::Known;
use super::{Entries, Vault};
use crate::domain::Result;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// How far two roots say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Same {
    /// They do not.
    No,
    /// They do as far as the first can be read.
    AsFarAsRead,
    /// Of each path, and each byte of it.
    Yes,
}

/// The roots that damage takes along, by their keys, in whose place sound ones stand, and which those are. That it says the same is seen in the trees. Where
/// those cannot be read any more, the word of the ledger is needed, unless it does not know the one that was replaced either:
/// whoever writes to the vault could excuse a removal otherwise.
pub(super) fn replaced(
    vault: &Vault,
    roots: &Roots,
    findings: &Findings,
    known: &Known<'_>,
) -> BTreeMap<String, BTreeSet<Digest>> {
    let is_sound = |found: &&FoundRoot| {
        let key = found.key.as_str();
        found.root.repairs().is_some()
            && found.signed.is_trusted()
            && !findings.breaks(key)
            && !findings.leaves_open(key)
    };
    let repaired: Vec<&FoundRoot> = roots.sound.iter().filter(is_sound).collect();
    let stands_in = |key: &str, by: &FoundRoot| {
        let before = roots.sound.iter().find(|found| found.key.as_str() == key);
        let same = match before {
            Some(before) => says_the_same(vault, before, by),
            None if by.root.is_complete() => Same::AsFarAsRead,
            None => Same::No,
        };
        let is_believed = || {
            known.repaired.contains(&by.id) || !known.points.iter().any(|record| record.key.as_str() == key)
        };
        same == Same::Yes || same == Same::AsFarAsRead && is_believed()
    };
    let by = |key: &str| -> BTreeSet<Digest> {
        let of_it = repaired.iter().filter(|by| is_of_same_point(key, by.key.as_str()));
        of_it.filter(|by| stands_in(key, by)).map(|by| by.id).collect()
    };
    let all = findings.broken().into_iter().map(|key| (key.to_owned(), by(key)));
    all.filter(|(_, by)| !by.is_empty()).collect()
}

/// Compares what two roots of one point hold. The second can be read whole.
pub(super) fn says_the_same(vault: &Vault, before: &FoundRoot, after: &FoundRoot) -> Same {
    let (a, b) = (&before.root, &after.root);
    let stream = |root: &Root| root.lid.as_ref().map(|lid| lid.stream);
    let outside = (a.taken_at, a.started_at, a.counter) == (b.taken_at, b.started_at, b.counter)
        && (&a.vault, stream(a)) == (&b.vault, stream(b))
        && b.totals.missed <= a.totals.missed;
    let inside = (&a.volume, a.volume_kind, &a.origin) == (&b.volume, b.volume_kind, &b.origin);
    let (one, other) = match (a.tree(), b.tree()) {
        // Of what is closed, the outside alone can be compared; memory of its inside proves nothing of what is stored.
        _ if outside && !vault.is_readable() => return Same::AsFarAsRead,
        (Ok(one), Ok(other)) if outside && inside => (one, other),
        _ => return Same::No,
    };
    let mut before =
        Reading { entries: Entries::new(vault, PageKind::Entries, one), ahead: None, gap: false };
    let mut same = Same::Yes;
    for entry in Entries::new(vault, PageKind::Entries, other) {
        let Ok(entry) = entry else { return Same::No };
        let order = before.peek().map(|one| Entry::compare_paths(&one.path, &entry.path));
        match order {
            Some(Ordering::Equal) => {
                let Some(one) = before.take() else { return Same::No };
                same = same.min(compare(vault, &one, &entry));
            }
            // What the first does not have must lie where it cannot be read.
            None | Some(Ordering::Greater) if before.gap => same = same.min(Same::AsFarAsRead),
            _ => return Same::No,
        }
        if same == Same::No {
            return same;
        }
    }
    match (before.peek().is_some(), before.gap) {
        (true, _) => Same::No,
        (false, true) => same.min(Same::AsFarAsRead),
        (false, false) => same,
    }
}

/// Entries of which some may be unreadable.
struct Reading {
    entries: Entries,
    ahead: Option<Entry>,
    /// Before the one that is ahead, some could not be read.
    gap: bool,
}

impl Reading {
    fn peek(&mut self) -> Option<&Entry> {
        while self.ahead.is_none() {
            match self.entries.next_line() {
                Ok(Some(entry)) => self.ahead = Some(entry),
                Ok(None) => break,
                Err(_) => self.gap = true,
            }
        }
        self.ahead.as_ref()
    }

    fn take(&mut self) -> Option<Entry> {
        self.gap = false;
        self.ahead.take()
    }
}

fn compare(vault: &Vault, one: &Entry, other: &Entry) -> Same {
    let bare = |entry: &Entry| Entry { content: None, ..entry.clone() };
    if bare(one) != bare(other) {
        return Same::No;
    }
    let (mut a, mut b) = (chunks(vault, one), chunks(vault, other));
    loop {
        match (a.next(), b.next()) {
            (None, None) => return Same::Yes,
            (Some(Ok(one)), Some(Ok(other))) if one == other => {}
            (Some(Err(_)), _) => return Same::AsFarAsRead,
            _ => return Same::No,
        }
    }
}

/// The chunks of a file with their offsets, wherever they are stored.
fn chunks(vault: &Vault, entry: &Entry) -> impl Iterator<Item = Result<(u64, Chunk)>> + use<> {
    runs(vault, entry.content.as_ref()).flat_map(|run| match run {
        Ok(run) => run.pieces().map(|(offset, _, chunk)| Ok((offset, chunk))).collect::<Vec<_>>(),
        Err(problem) => vec![Err(problem)],
    })
}
