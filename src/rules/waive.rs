//! Waivers: what somebody answers for, for a time.

use super::by_id;
use crate::domain::{
    Gap, GapReason, GapScope, Inventory, Policies, RuleWaiver, Timestamp, Verdict, VolumeId, printable,
};

/// A rule's verdict on a volume, as its waivers leave it: a failure is waived until the waiver ends, and what could not
/// be said where the waiver says so. One that has ended waives nothing, and the sentence says so.
pub(super) fn waive(
    policies: &Policies,
    rule: &str,
    volume: &VolumeId,
    verdict: Verdict,
    now: Timestamp,
) -> Verdict {
    let ours = policies.waivers.iter().filter(|waiver| waiver.rule == rule && waiver.volume == *volume);
    // Of several the one that holds longest; all parts are compared, so that their order never shows.
    let last = ours.max_by_key(|waiver| (waiver.until, &waiver.owner, &waiver.reason));
    let Some(waiver) = last else { return verdict };
    match verdict {
        Verdict::Fail(severity, why) if waiver.until > now => {
            waived(waiver, format!("{}: {why}", severity.word()))
        }
        Verdict::Undetermined(why) if waiver.until > now && waiver.undetermined => {
            waived(waiver, format!("undetermined: {why}"))
        }
        Verdict::Undetermined(why) if waiver.until > now => Verdict::Undetermined(format!(
            "{why} (the waiver of {} is of failures only: see `undetermined` of [[waiver]])",
            printable(waiver.owner.0.as_bytes())
        )),
        Verdict::Fail(severity, why) => Verdict::Fail(severity, expired(waiver, &why)),
        Verdict::Undetermined(why) => Verdict::Undetermined(expired(waiver, &why)),
        other => other,
    }
}

fn waived(waiver: &RuleWaiver, because: String) -> Verdict {
    let (owner, reason) = (waiver.owner.clone(), waiver.reason.clone());
    Verdict::Waived { because, owner, reason, until: waiver.until }
}

fn expired(waiver: &RuleWaiver, why: &str) -> String {
    let until = waiver.until.format("%Y-%m-%d %H:%M UTC");
    format!("{why} (the waiver of {} expired at {until})", printable(waiver.owner.0.as_bytes()))
}

/// Waivers that waive nothing, because no rule or no volume has that name: each one a gap, so that it shows.
pub fn idle_waivers(policies: &Policies, inventory: &Inventory) -> Vec<Gap> {
    let known = |volume: &VolumeId| inventory.volumes.iter().any(|known| known.id == *volume);
    let idle = policies.waivers.iter().filter_map(|waiver| {
        let (rule, volume) = (printable(waiver.rule.as_bytes()), printable(waiver.volume.0.as_bytes()));
        let detail = match (by_id(&waiver.rule), known(&waiver.volume)) {
            (None, _) => format!("there is no rule `{rule}`: `outlive explain` lists them"),
            (Some(_), false) => format!("there is no volume `{volume}`"),
            (Some(_), true) => return None,
        };
        let scope = GapScope::Asked(format!("waiver of {rule} on {volume}"));
        let place = format!("the waiver of {rule} on {volume}");
        Some(Gap { scope, place, reason: GapReason::Unsupported, detail })
    });
    idle.collect()
}
