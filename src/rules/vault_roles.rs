//! `escrow-not-proved` and `role-all`: does the key in the safe open the vault, and does one machine both write and read it?

use super::{Case, Rule};
use crate::domain::{
    Escrow, Nature, PointKind, RecoveryPoint, Severity, Timestamp, Together, VaultRoles, Verdict,
    say_duration,
};

/// Fails where nothing shows that the key which is kept for the worst day opens an encrypted vault.
pub(super) struct EscrowNotProved;

/// Fails where one machine has what writes a vault and what reads it.
pub(super) struct RoleAll;

const FRAMEWORKS: &[&str] =
    &["NIST SP 800-53r5 SC-12(1)", "NIST SP 800-53r5 CP-9(8)", "ISO 27001:2022 A.8.24"];

impl Rule for EscrowNotProved {
    fn id(&self) -> &'static str {
        "escrow-not-proved"
    }

    fn title(&self) -> &'static str {
        "the key in the safe was seen to open the vault"
    }

    fn page(&self) -> &'static str {
        include_str!("../../docs/rules/escrow-not-proved.md")
    }

    fn severity(&self) -> Severity {
        Severity::Medium
    }

    fn remedy(&self) -> &'static str {
        "declare a reader with role = \"escrow\", and prove its key where it lies: outlive drill --escrow --identity FILE"
    }

    fn frameworks(&self) -> &'static [&'static str] {
        FRAMEWORKS
    }

    fn judge(&self, case: Case<'_>) -> Verdict {
        let mut said: Vec<Verdict> = vaults(case).filter_map(|roles| of_vault(roles, case.now)).collect();
        said.extend(undeclared(case).map(Verdict::Undetermined));
        let nothing =
            || Verdict::NotApplicable("it is copied to no encrypted vault of which that is asked".into());
        green(case, said.into_iter().min_by_key(rank).unwrap_or_else(nothing))
    }
}

impl Rule for RoleAll {
    fn id(&self) -> &'static str {
        "role-all"
    }

    fn title(&self) -> &'static str {
        "the estate file gives this machine what writes the vault or what reads it, not both"
    }

    fn page(&self) -> &'static str {
        include_str!("../../docs/rules/role-all.md")
    }

    fn severity(&self) -> Severity {
        Severity::Medium
    }

    fn remedy(&self) -> &'static str {
        "verify, restore and drill on another machine, with a reader's credential and key, and take both from the one that copies"
    }

    fn frameworks(&self) -> &'static [&'static str] {
        &["NIST SP 800-53r5 AC-5", "NIST SP 800-53r5 AC-6"]
    }

    fn judge(&self, case: Case<'_>) -> Verdict {
        let said = vaults(case).map(|roles| self.of_machine(roles)).min_by_key(rank);
        let nothing = || Verdict::NotApplicable("it is copied to no vault of the estate file".into());
        green(case, said.unwrap_or_else(nothing))
    }
}

impl RoleAll {
    /// What is said of one vault.
    fn of_machine(&self, VaultRoles { vault, together, .. }: &VaultRoles) -> Verdict {
        match together {
            Together::Both(what) => Verdict::Fail(self.severity(), format!("{vault}: {}", what.join("; "))),
            Together::Unknown(why) => Verdict::Undetermined(format!("{vault}: {why}")),
            Together::Plain => Verdict::NotApplicable(format!("{vault}: {}", Together::IS_PLAIN)),
            Together::Apart => Verdict::Pass(
                "as far as the estate file tells, this machine has one role in each vault; what the environment or the command line gives it is not seen"
                    .into(),
            ),
        }
    }
}

/// The vaults that the volume is copied to.
fn vaults<'a>(case: Case<'a>) -> impl Iterator<Item = &'a VaultRoles> {
    case.graph.inventory().roles.iter().filter(move |roles| roles.volumes.contains(&case.volume.id))
}

/// That a copy in a vault needs a key, and nothing tells of that vault's readers: what is known of another vault says nothing of this one.
fn undeclared(case: Case<'_>) -> Option<String> {
    let needs_key = |point: &&RecoveryPoint| {
        let mut needed = point.bonds.of(Nature::Needs).flat_map(|bond| bond.on.iter());
        point.kind == PointKind::VaultCopy && needed.any(|asset| asset.0.starts_with("key:"))
    };
    let roles = &case.graph.inventory().roles;
    let is_told = |point: &RecoveryPoint| roles.iter().any(|roles| roles.points.contains(&point.id));
    let point = case.points().filter(needs_key).find(|point| !is_told(point))?;
    Some(format!("nothing tells of the readers of the vault that holds {}", case.label(point)))
}

/// What is said of one vault; nothing where nobody asks.
fn of_vault(roles: &VaultRoles, now: Timestamp) -> Option<Verdict> {
    let VaultRoles { vault, escrow, .. } = roles;
    let fail = |because: String| Some(Verdict::Fail(Severity::Medium, because));
    let ago = |at: &Timestamp| say_duration(now - *at);
    if escrow.tried_at().is_some_and(|at| at > now) {
        return Some(Verdict::Undetermined(format!(
            "{vault}: its escrow key is said to be tried in the future"
        )));
    }
    match escrow {
        Escrow::NotAsked(_) => None,
        Escrow::Unknown(why) => Some(Verdict::Undetermined(format!(
            "{vault}: whether its escrow key opens it is not known: {why}"
        ))),
        Escrow::NoReader => fail(format!("{vault} is encrypted, and no reader of it is declared as escrow")),
        Escrow::Never => fail(format!("{vault}: that its escrow key opens it was never proved")),
        Escrow::Failed { at, because } => {
            fail(format!("{vault}: its escrow key was tried {} ago: {because}", ago(at)))
        }
        Escrow::FormerEpoch { at } => fail(format!(
            "{vault}: its escrow key was proved {} ago, and an epoch began since that it was not seen to open",
            ago(at)
        )),
        Escrow::Proved { at, until: Some(until) } if *until < now => fail(format!(
            "{vault}: its escrow key was last proved {} ago, too long for that to count",
            ago(at)
        )),
        Escrow::Proved { at, .. } => {
            Some(Verdict::Pass(format!("{vault}: its escrow key opened it {} ago", ago(at))))
        }
    }
}

/// The same verdict, unless it is green for want of recovery points.
fn green(case: Case<'_>, verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Pass(_) | Verdict::NotApplicable(_) => case.no_points().unwrap_or(verdict),
        verdict => verdict,
    }
}

/// What counts first: a failure, then what is not known, then what does not apply.
fn rank(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::Fail(..) => 0,
        Verdict::Undetermined(_) => 1,
        Verdict::NotApplicable(_) => 2,
        _ => 3,
    }
}
