//! Which providers were asked, with which credential, and what one call with it takes.

use super::look::{Look, Tone, moment};
use crate::domain::{
    AccountSeen, Answer, Inventory, MayDelete, OneAct, ReachedKind, Timestamp, TokenKind, say_duration,
};

/// How many names or calls are told of each sort.
const TOLD: usize = 8;

/// What every credential that was asked with reaches.
pub(super) fn accounts(inventory: &Inventory, now: Timestamp, look: Look) -> String {
    inventory.accounts.iter().map(|account| format!("\n{}", one(account, now, look))).collect()
}

fn one(account: &AccountSeen, now: Timestamp, look: Look) -> String {
    let asked = match account.answer {
        Answer::Fresh => format!("asked {}", moment(account.asked_at)),
        Answer::Kept => format!(
            "asked {}, {} ago: an answer that was kept (--max-age 0s asks again)",
            moment(account.asked_at),
            say_duration((now - account.asked_at).max(chrono::TimeDelta::zero()))
        ),
    };
    let mut out = look.say(&format!("{} ({}): {asked}", account.provider, account.kind), 0, Tone::Strong);
    let sort = match account.token {
        TokenKind::Unknown => "a token of which it is not known what sort it is".to_owned(),
        TokenKind::Account => "an account token".to_owned(),
        other => format!("a {} token", other.word()),
    };
    let credential = &account.credential;
    if account.reaches.is_empty() {
        let what = format!("{credential} is {sort}. What it reaches is not known.");
        out.push_str(&look.item(&what, 2, Tone::Open));
        return out;
    }
    let reaches: Vec<String> =
        ReachedKind::ALL.into_iter().filter_map(|kind| of_kind(account, kind)).collect();
    let what = format!("{credential} is {sort}. It reaches {}.", reaches.join("; "));
    out.push_str(&look.item(&what, 2, Tone::Plain));
    let power = match account.may_delete {
        MayDelete::Yes => {
            "It may delete what it reaches. No token of this provider is known that can only read, so the one that outlive \
             asks with destroys too, for whoever gets hold of it."
        }
        MayDelete::Unknown => {
            "Whether it may delete volumes is not known, so it counts as if it might. No token of this provider is known that \
             can only read."
        }
    };
    out.push_str(&look.item(power, 2, Tone::Bad));
    for act in account.acts.iter().take(TOLD) {
        out.push_str(&look.item(&call(act), 2, Tone::Bad));
    }
    let more = account.acts.len().saturating_sub(TOLD);
    if more > 0 {
        out.push_str(&look.item(
            &format!("and {more} calls more, which --format json tells"),
            2,
            Tone::Plain,
        ));
    }
    out
}

/// `environments production, staging`, with how many more there are.
fn of_kind(account: &AccountSeen, kind: ReachedKind) -> Option<String> {
    // An instance is a volume in an environment: both are told already.
    let names: Vec<&str> = (account.reaches.iter())
        .filter(|reached| reached.what == kind && kind != ReachedKind::Instance)
        .map(|reached| reached.name.as_str())
        .collect();
    let word = kind.word();
    let some = names.iter().take(TOLD).copied().collect::<Vec<_>>().join(", ");
    match names.len() {
        0 => None,
        1 => Some(format!("{word} {some}")),
        count if count <= TOLD => Some(format!("{word}s {some}")),
        count => Some(format!("{count} {word}s, among them {some}")),
    }
}

fn call(act: &OneAct) -> String {
    let some = act.takes.iter().take(TOLD).cloned().collect::<Vec<_>>().join(", ");
    let more = match act.takes.len().saturating_sub(TOLD) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let points = match act.points {
        0 => "with no backup there".to_owned(),
        1 => "with 1 backup".to_owned(),
        points => format!("with all {points} backups"),
    };
    let note = act.note.as_ref().map_or_else(String::new, |note| format!(" {note}."));
    format!("ONE CALL: {} of {} takes {some}{more}, {points}.{note}", act.call, act.name)
}
