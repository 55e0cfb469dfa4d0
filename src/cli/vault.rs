//! `outlive vault`.

use super::Outcome;
use super::args::Vault;
use super::exit::Exit;
use super::failure::Failure;
use super::readers;
use super::terminal::Terminal;
use crate::app::{self, ExpiryOrder, LockPlan, RepairOrder};
use crate::domain::{Kind, Problem};
use crate::estate::{Estate, VaultEntry};
use crate::plan::{Dialect, Role};
use crate::report::activity::PolicyDocument;
use crate::store::Found;
use crate::vault::RepairMode;
use std::ffi::{OsStr, OsString};
use std::io::{BufRead, IsTerminal, Write};
use std::path::Path;

/// Looks into a vault, or makes one.
pub fn run(terminal: &Terminal, command: &Vault) -> Result<Outcome, Failure> {
    match command {
        Vault::List { vault } => list(terminal, vault),
        Vault::Init { vault, yes } => init(terminal, vault, *yes),
        Vault::Check { vault } => check(terminal, vault),
        Vault::Repair { vault, from, volume, source, plan } => {
            let mode = if *plan { RepairMode::Plan } else { RepairMode::Write };
            repair(terminal, vault, (from, volume.as_ref(), source.as_deref()), mode)
        }
        Vault::ExpiryPlan { vault, into } => expiry_plan(terminal, vault, into.as_deref()),
        Vault::Kit { into, vault } => super::kit::run(terminal, into, vault),
        Vault::Reader(command) => readers::readers(terminal, command),
        Vault::Epoch(command) => readers::epochs(terminal, command),
        Vault::Policy { vault, store, only } => policy(terminal, vault, *store, *only),
    }
}

fn policy(terminal: &Terminal, vault: &str, store: Dialect, only: Option<Role>) -> Result<Outcome, Failure> {
    let estate = terminal.estate()?;
    let policy = app::vault_policy(entry(&estate, vault)?, store)
        .map_err(|problem| Failure::of_vault(problem, Exit::Usage))?;
    let alone = only.and_then(|role| policy.documents.iter().find(|of| of.role == role.word()));
    let text = alone.map_or_else(|| terminal.tell(&policy, &Exit::codes(&[])), PolicyDocument::text);
    Ok(Outcome { code: None, text, exits: Vec::new() })
}

fn expiry_plan(terminal: &Terminal, vault: &str, into: Option<&Path>) -> Result<Outcome, Failure> {
    let estate = terminal.estate()?;
    let order = ExpiryOrder { estate: &estate, entry: entry(&estate, vault)?, into };
    let plan = app::expiry_plan(&terminal.context, order)
        .map_err(|problem| Failure::of_vault(problem, Exit::Internal))?;
    let exits = if plan.unknown.is_empty() { Vec::new() } else { vec![Exit::Undetermined] };
    Ok(Outcome { code: None, text: terminal.tell(&plan, &Exit::codes(&exits)), exits })
}

fn repair(
    terminal: &Terminal,
    vault: &OsStr,
    (from, volume, source): (&[OsString], Option<&OsString>, Option<&Path>),
    mode: RepairMode,
) -> Result<Outcome, Failure> {
    let place = terminal.place(vault)?;
    let estate = terminal.estate_if_any()?;
    let named = estate.as_ref().and_then(|estate| {
        let entry = estate.vaults.iter().find(|entry| entry.place == place)?;
        Some((entry.id.clone(), LockPlan::of(estate, entry)))
    });
    let (name, locks) = named.unzip();
    let order = RepairOrder {
        vault: place,
        name,
        locks: locks.flatten(),
        from: from.iter().map(|named| terminal.place(named)).collect::<Result<_, _>>()?,
        volume: volume.cloned(),
        source: source.map(Path::to_path_buf),
        mode,
    };
    let repaired = app::repair(&terminal.context, &order, &terminal.monitor());
    let unsigned = terminal.sign_ledger();
    let mut done = repaired.map_err(|problem| Failure::of_vault(problem, Exit::Internal))?;
    done.notices.extend(unsigned);
    let mut exits = Vec::new();
    if !done.left.is_empty() {
        exits.push(Exit::CopyFailed);
    } else if !done.unread.is_empty() {
        exits.push(Exit::Internal);
    }
    if done.is_open() {
        exits.push(Exit::Undetermined);
    }
    Ok(Outcome { code: None, text: terminal.tell(&done, &Exit::codes(&exits)), exits })
}

fn check(terminal: &Terminal, vault: &str) -> Result<Outcome, Failure> {
    let estate = terminal.estate()?;
    let entry = entry(&estate, vault)?;
    let checked = app::check_vault(&terminal.context, entry);
    // What was found counts as long as it says: it is signed like the rest of what happened.
    let unsigned = terminal.sign_ledger();
    let mut checked = checked.map_err(|problem| {
        let exit = if problem.kind == Kind::Usage { Exit::Usage } else { Exit::Undetermined };
        Failure::of_vault(problem, exit)
    })?;
    checked.notices = unsigned;
    let mut exits = Vec::new();
    if checked.count(Found::Fails) > 0 {
        exits.push(Exit::RuleFailed);
    }
    if checked.count(Found::Open) > 0 {
        exits.push(Exit::Undetermined);
    }
    Ok(Outcome { code: None, text: terminal.tell(&checked, &Exit::codes(&exits)), exits })
}

/// A vault of the estate file, by its name.
pub fn entry<'e>(estate: &'e Estate, vault: &str) -> Result<&'e VaultEntry, Failure> {
    estate.vault(vault).ok_or_else(|| {
        let what = format!("the estate file has no vault `{vault}`");
        let problem = Problem::new(Kind::Usage, what).remedy("name one of its [[vault]] tables by its id");
        Failure::new(problem, Exit::Usage)
    })
}

fn list(terminal: &Terminal, vault: &OsStr) -> Result<Outcome, Failure> {
    let listed = app::list_vault(&terminal.context, &terminal.place(vault)?)
        .map_err(|problem| Failure::of_vault(problem, Exit::Internal))?;
    let mut exits = Vec::new();
    if !listed.damaged.is_empty() {
        exits.push(Exit::CopyFailed);
    }
    if listed.points.is_empty() || listed.unread.is_some() {
        exits.push(Exit::Undetermined);
    }
    Ok(Outcome { code: None, text: terminal.tell(&listed, &Exit::codes(&exits)), exits })
}

fn init(terminal: &Terminal, vault: &str, yes: bool) -> Result<Outcome, Failure> {
    let usage = |problem: Problem| Failure::new(problem, Exit::Usage);
    let estate = terminal.estate()?;
    let entry = entry(&estate, vault)?;
    let plan = LockPlan::of(&estate, entry);
    if let Some(plan) = &plan {
        let cost = app::cost_of_locks(plan);
        if cost.is_empty() {
            let what = format!("`{vault}` is to be locked, and no policy says for how long");
            return Err(usage(
                Problem::new(Kind::Usage, what).remedy("write locked_for = \"35d\" in [policy.default]"),
            ));
        }
        agree(vault, &cost, yes, "the lock").map_err(usage)?;
    }
    let made = app::make_vault(&terminal.context, entry, plan.as_ref()).map_err(|problem| {
        // A place that does not offer what the file asks for is a matter of the file.
        let exit = if problem.kind == Kind::Refused { Exit::Usage } else { Exit::CopyFailed };
        Failure::of_vault(problem, exit)
    })?;
    Ok(Outcome { code: None, text: terminal.tell(&made, &Exit::codes(&[])), exits: Vec::new() })
}

/// Shows what something means that nobody can take back, and sees that somebody agrees to it.
pub fn agree(vault: &str, cost: &[String], yes: bool, to: &str) -> Result<(), Problem> {
    let mut out = std::io::stderr().lock();
    let failed = |error| Problem::io(format!("asking whether you agree to {to}"), error);
    for sentence in cost {
        writeln!(out, "{sentence}").map_err(failed)?;
    }
    if yes {
        return Ok(());
    }
    let refused = |what: String| {
        Problem::new(Kind::Usage, what)
            .remedy("nothing was made or locked; `--yes` agrees without being asked")
    };
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return Err(refused(format!("nobody is there to agree to {to}")));
    }
    write!(out, "To agree, type the vault's name ({vault}): ").and_then(|()| out.flush()).map_err(failed)?;
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer).map_err(failed)?;
    if answer.trim() == vault { Ok(()) } else { Err(refused(format!("nobody agreed to {to}"))) }
}
