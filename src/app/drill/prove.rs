//! Does each check notice its damage, and do the others not? A check that cannot fail is no check.

use super::trial::empty_place;
use crate::domain::Result;
use crate::drill::checks::{COMMAND, Check, Checked, Damage, IMAGE, Outcome, Trial, asked};
use crate::drill::sandbox::{Scratch, damage};
use crate::report::activity::DrillProof;

/// Proves every check that the drill asks for.
///
/// # Errors
/// Where a damage could not be made or undone: nothing that was restored is sound then.
pub fn prove(trial: &Trial<'_>, scratch: &Scratch) -> Result<Vec<DrillProof>> {
    let all = asked(trial.drill, trial);
    let mut proofs = Vec::new();
    for check in &all {
        let Some(kind) = check.damage(trial) else {
            proofs.push(DrillProof {
                check: check.id().into(),
                damage: "none fits what was restored".into(),
                outcome: "no_damage_fits",
                because: Some("nothing is shown of this check here".into()),
            });
            continue;
        };
        let undo = damage(kind, &trial.restored.target, scratch)?;
        let looked = look(*check, &all, kind, trial, scratch);
        undo.undo()?;
        let because = unproved(&looked?);
        proofs.push(DrillProof {
            check: check.id().into(),
            damage: words(kind).into(),
            outcome: if because.is_none() { "proved" } else { "not_proved" },
            because,
        });
    }
    Ok(proofs)
}

/// What the check itself says, and what the others say.
struct Looked {
    own: Vec<Checked>,
    others: Vec<Checked>,
}

fn look(
    check: &'static dyn Check,
    all: &[&'static dyn Check],
    kind: Damage,
    trial: &Trial<'_>,
    scratch: &Scratch,
) -> Result<Looked> {
    let empty;
    let mut shown = Trial { ..*trial };
    if kind == Damage::Emptiness {
        empty = empty_place(scratch.path())?;
        shown.path = &empty;
    }
    // A program may notice what another check is there for: that is no flaw of either. Whoever compares all bytes of an
    // image notices that there are more of them.
    let may_notice =
        |id: &str| id == check.id() || id == COMMAND || (id == IMAGE && kind == Damage::ExtraByte);
    let others = all.iter().filter(|other| !may_notice(other.id()));
    Ok(Looked { own: check.look(&shown), others: others.flat_map(|other| other.look(&shown)).collect() })
}

fn unproved(looked: &Looked) -> Option<String> {
    for checked in &looked.own {
        match &checked.outcome {
            Outcome::Failed { .. } => {}
            Outcome::Passed => return Some(format!("{} passes all the same", checked.check)),
            Outcome::NotRun { because } => return Some(format!("{} did not run: {because}", checked.check)),
        }
    }
    if looked.own.is_empty() {
        return Some("it looked at nothing".into());
    }
    let other = looked.others.iter().find(|checked| checked.outcome != Outcome::Passed)?;
    Some(format!("{} notices it too, or did not run", other.check))
}

fn words(kind: Damage) -> &'static str {
    match kind {
        Damage::FlippedByte => "one byte inverted, with size and times as they were",
        Damage::ExtraFile => "one more file, with its directory's times as they were",
        Damage::ExtraByte => "one more byte at the end, with times as they were",
        Damage::Emptiness => "an empty place instead of what was restored",
    }
}
