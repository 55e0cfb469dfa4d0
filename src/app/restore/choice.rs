//! Which recovery point is meant, and why the newest is not given without a word.

use super::super::damage::stand_in;
use super::super::doubt::doubts;
use super::super::fresh::Freshness;
use super::super::vaults::unread_epochs;
use super::RestoreOrder;
use crate::domain::{Kind, Problem, Result, Timestamp, When, printable};
use crate::ledger::History;
use crate::vault::{Epochs, FoundRoot, Roots, Vault, names};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// The roots that are meant, by the moment whose state they hold. What is damaged may be one of them.
pub(super) fn within(all: &Roots, when: When) -> Roots {
    let sound = all.sound.iter().filter(|found| when.admits(found.root.taken_at)).cloned();
    Roots { sound: sound.collect(), damaged: all.damaged.clone() }
}

/// The point that an order names, of those within its limit.
pub(super) fn chosen<'r>(order: &RestoreOrder, within: &'r Roots, all: &Roots) -> Result<&'r FoundRoot> {
    let volume = order.volume.as_ref().map(|given| as_recorded(given, all));
    let found = within.choose(volume.as_deref(), order.point.as_deref());
    let Err(problem) = found else { return found };
    // Where the limit is why there is none, the limit is what has to be told.
    let of_volume =
        |found: &&FoundRoot| volume.as_deref().is_none_or(|wanted| names(&found.root.volume, wanted));
    let is_empty = !within.sound.iter().any(|found| of_volume(&found));
    match all.sound.iter().find(of_volume) {
        Some(oldest) if is_empty && order.when != When::Any => {
            let what = format!("no recovery point was taken{}", order.when.say());
            Err(Problem::new(Kind::NotFound, what).remedy(format!(
                "the oldest there is, {}, is of {}",
                oldest.short(),
                oldest.root.taken_at.format("%Y-%m-%d %H:%M:%SZ")
            )))
        }
        _ => Err(order.point.as_deref().and_then(|point| of_another(point, all)).unwrap_or(problem)),
    }
}

/// Why a point that is there is none of the volume's: it is closed here, or of another one.
fn of_another(point: &str, all: &Roots) -> Option<Problem> {
    let mut fits = all.sound.iter().filter(|found| found.id.to_string().starts_with(point));
    let (Some(found), None) = (fits.next(), fits.next()) else { return None };
    Some(if found.root.is_closed() {
        let what = format!(
            "the recovery point {} is encrypted, and no private key that opens it was given",
            found.short()
        );
        Problem::new(Kind::Refused, what)
            .remedy("give the private key of a reader: --identity FILE, or OUTLIVE_IDENTITY=FILE")
    } else {
        let of = printable(found.root.volume.0.as_bytes());
        Problem::new(Kind::NotFound, format!("the recovery point {} is of the volume {of}", found.short()))
            .remedy("name that volume, or none; `outlive vault list VAULT` shows which points are of which")
    })
}

/// What a person calls a volume, as the vault records it: ids hold paths as they are printed.
pub(super) fn as_recorded(given: &OsStr, roots: &Roots) -> String {
    match given.to_str() {
        Some(text) if roots.choose(Some(text), None).is_ok() => text.to_owned(),
        _ => printable(given.as_bytes()),
    }
}

/// Without an explicit choice the newest point is meant. Where a newer one was recorded, or may have been,
/// and cannot be read, an older one is not given instead without a word.
pub(super) fn refuse_silent_fallback(
    found: &FoundRoot,
    roots: &Roots,
    when: When,
    history: &History,
) -> Result<()> {
    let gone = history.awaited().find(|record| {
        record.volume == found.root.volume
            && record.taken_at > found.root.taken_at
            && when.admits(record.taken_at)
            && !roots.sound.iter().any(|sound| sound.id == record.id)
            && stand_in(&record.key, roots, history).is_none()
    });
    let damaged = roots.damaged.iter().find(|(key, _)| stand_in(key.as_str(), roots, history).is_none());
    let object = match (gone, damaged) {
        (Some(record), _) => format!(
            "{}: recovery point {} of {}, recorded in the ledger, is damaged or gone",
            printable(record.key.as_bytes()),
            &record.id.to_string()[..12],
            record.taken_at.format("%Y-%m-%d %H:%M:%SZ")
        ),
        (None, Some((_, problem))) => format!("{problem}; its recovery point may be a newer one"),
        (None, None) => return Ok(()),
    };
    Err(Problem::new(Kind::Damaged, object).remedy(format!(
        "the newest sound recovery point is {} of {}: restore it with --point {}",
        found.short(),
        found.root.taken_at.format("%Y-%m-%d %H:%M:%SZ"),
        found.short()
    )))
}

/// Nor where a newer one is of an epoch that nothing here opens, and may be of the same volume.
pub(super) fn refuse_closed(found: &FoundRoot, roots: &Roots) -> Result<()> {
    let Some(newer) = roots.newer_closed(found).last() else { return Ok(()) };
    let what = format!(
        "a newer recovery point, {} of {}, was made in an epoch that nothing here opens, and may be of this volume",
        newer.short(),
        newer.root.taken_at.format("%Y-%m-%d %H:%M:%SZ")
    );
    Err(Problem::new(Kind::Refused, what).remedy(format!(
        "give the private key of a reader of that epoch (--identity FILE), or restore this one of {} with --point {}",
        found.root.taken_at.format("%Y-%m-%d %H:%M:%SZ"),
        found.short()
    )))
}

/// What may be a copy of an unmounted mount point is given only to whoever names it.
pub(super) fn refuse_doubted(
    found: &FoundRoot,
    roots: &Roots,
    history: &History,
    now: Timestamp,
) -> Result<()> {
    let Some(because) = doubts(roots, history, now).remove(&found.id) else { return Ok(()) };
    let what = format!("the newest recovery point, {}, may not be what it seems: {because}", found.short());
    Err(Problem::new(Kind::Refused, what)
        .remedy("choose this one or one before it with --point; `outlive vault list VAULT` shows them"))
}

/// Where it cannot be told which of two epochs is the true one, the newest point may be of the other.
pub(super) fn refuse_forked(found: &FoundRoot, vault: &Vault) -> Result<()> {
    if !vault.epochs().is_some_and(Epochs::is_forked) {
        return Ok(());
    }
    let what = format!(
        "two epochs of the vault began after the same one, and one of them may be somebody else's: so may the newest recovery point, {}",
        found.short()
    );
    Err(Problem::new(Kind::Refused, what).remedy(
        "see `outlive vault reader list`, and choose a point with --point that a ledger or a report knows",
    ))
}

/// What could not be read may say that the epoch of the newest point had ended before it was made, or tell of a newer epoch. Where this
/// machine stored the point itself, as the last one, it knows both.
pub(super) fn refuse_unread(
    found: &FoundRoot,
    vault: &Vault,
    roots: &Roots,
    history: &History,
) -> Result<()> {
    let of_volume = roots.sound.iter().filter(|other| other.root.volume == found.root.volume);
    let Some(what) = unread_epochs(vault).filter(|_| Freshness::of(of_volume, history).proven.is_empty())
    else {
        return Ok(());
    };
    let what = format!(
        "{what}; so whether {} is the newest recovery point, and yours, cannot be said",
        found.short()
    );
    Err(Problem::new(Kind::Refused, what).remedy(format!(
        "run it again once the object can be read, or restore this point of {} with --point {}",
        found.root.taken_at.format("%Y-%m-%d %H:%M:%SZ"),
        found.short()
    )))
}

/// A newer point that is incomplete is not taken by itself, but whoever restores must know that it is there.
pub(super) fn newer_incomplete(found: &FoundRoot, roots: &Roots) -> Option<String> {
    let of_volume = |other: &&FoundRoot| other.root.volume == found.root.volume && other.signed.is_trusted();
    let newest = roots.sound.iter().rev().find(of_volume).filter(|newest| newest.id != found.id)?;
    Some(format!(
        "a newer recovery point, {} of {}, is incomplete ({} paths missed): --point {} restores it",
        newest.short(),
        newest.root.taken_at.format("%Y-%m-%d %H:%M:%SZ"),
        newest.root.totals.missed,
        newest.short()
    ))
}

/// Newer points that are not taken for ours: whoever restores may know better.
pub(super) fn newer_unsigned(found: &FoundRoot, roots: &Roots) -> Option<String> {
    let is_newer = |other: &&FoundRoot| {
        other.root.volume == found.root.volume && other.root.taken_at > found.root.taken_at
    };
    let newest = roots.sound.iter().rev().filter(is_newer).find(|other| !other.signed.is_trusted())?;
    let (at, why) = (newest.root.taken_at.format("%Y-%m-%d %H:%M:%SZ"), newest.signed.doubt()?);
    Some(format!("a newer recovery point, {} of {at}, is not taken for yours: {why}", newest.short()))
}
