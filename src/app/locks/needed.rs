//! Which points' locks are made longer, and until when.

use crate::domain::{Keep, Timestamp};
use crate::estate::LockOrder;
use crate::plan::{needed_until, own_time};
use crate::vault::format::Digest;
use crate::vault::{FoundRoot, LockTerms, Needed};
use std::collections::BTreeMap;

/// Which of a volume's points are still needed, and until when.
///
/// What is doubted takes nobody's place: who can write to the vault could push true points out of `keep` with such. It is kept
/// beside them, as what it might be.
pub(super) fn needed_of(
    points: &[&FoundRoot],
    doubted: &BTreeMap<Digest, String>,
    order: &LockOrder,
    terms: LockTerms,
) -> Vec<Needed> {
    let store_now = terms.least - order.locked_for;
    // A point that lacks something takes nobody's place: it stays for its own time.
    let (whole, partial): (Vec<&FoundRoot>, Vec<&FoundRoot>) =
        points.iter().copied().partition(|found| found.root.is_complete());
    let until_of = |points: &[&FoundRoot], keep: Option<Keep>| {
        let stored: Vec<Timestamp> =
            points.iter().map(|found| found.stored_at.unwrap_or(found.root.taken_at)).collect();
        match keep {
            Some(keep) => needed_until(&stored, keep, order.locked_for, store_now),
            None => stored.iter().map(|at| own_time(*at, order.locked_for, store_now)).collect(),
        }
    };
    let sound: Vec<&FoundRoot> =
        whole.iter().copied().filter(|found| !doubted.contains_key(&found.id)).collect();
    let of_sound: BTreeMap<Digest, Option<Timestamp>> =
        sound.iter().map(|found| found.id).zip(until_of(&sound, Some(order.keep))).collect();
    let of_whole = whole.iter().zip(until_of(&whole, Some(order.keep))).map(|(found, until)| {
        let among_sound = of_sound.get(&found.id).copied().flatten();
        (found, until.max(among_sound))
    });
    let both = of_whole.chain(partial.iter().zip(until_of(&partial, None)));
    // Nothing is needed for longer than what is written now: a point that claims to be of the future is not believed.
    both.filter_map(|(found, until)| Some(Needed { point: (*found).clone(), until: until?.min(terms.least) }))
        .collect()
}
