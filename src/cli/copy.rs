//! `outlive copy`.

use super::Outcome;
use super::args::Copy;
use super::exit::Exit;
use super::failure::Failure;
use super::terminal::Terminal;
use crate::app::{self, CopyOrder};
use crate::domain::{Kind, Problem, VolumeId};
use crate::estate::{CopyEntry, CopyFrom, Estate};

/// Copies a volume and reads it back.
pub fn run(terminal: &Terminal, options: &Copy) -> Result<Outcome, Failure> {
    let order = order(terminal, options)?;
    let copied = app::copy(&terminal.context, &order, &terminal.monitor());
    // What failed is in the ledger too.
    let unsigned = terminal.sign_ledger();
    let mut done = copied.map_err(|problem| Failure::new(problem, Exit::CopyFailed))?;
    done.notices.extend(unsigned);
    let mut exits = if done.is_sound() { vec![] } else { vec![Exit::CopyFailed] };
    if done.leaves_doubt() {
        exits.push(Exit::Undetermined);
    }
    Ok(Outcome { code: None, text: terminal.tell(&done, &Exit::codes(&exits)), exits })
}

/// What was asked for: a volume of the estate file, by its id, or a path.
fn order(terminal: &Terminal, options: &Copy) -> Result<CopyOrder, Failure> {
    let usage = |problem: Problem| Failure::new(problem, Exit::Usage);
    let named = options.path.to_str().filter(|text| !text.contains('/') && *text != "-");
    if let (Some(named), Some(estate)) = (named, terminal.estate_if_any()?) {
        let vault = options.vault.as_deref();
        let fits = |copy: &&CopyEntry| {
            copy.volume.0 == named && vault.is_none_or(|vault| vault.to_str() == Some(copy.to.as_str()))
        };
        let fitting: Vec<&CopyEntry> = estate.copies.iter().filter(fits).collect();
        if let [copy] = fitting.as_slice() {
            return configured(&estate, copy).map_err(usage);
        }
        if fitting.len() > 1 {
            let vaults: Vec<&str> = fitting.iter().map(|copy| copy.to.as_str()).collect();
            let what = format!("`{named}` is copied to several vaults: {}", vaults.join(", "));
            return Err(usage(Problem::new(Kind::Usage, what).remedy("name one of them with --vault")));
        }
        if vault.is_none() && estate.volume(&VolumeId(named.into())).is_some() {
            let what = format!("the estate file has no [[copy]] of `{named}`");
            return Err(usage(
                Problem::new(Kind::Usage, what).remedy("add one, or name a vault with --vault"),
            ));
        }
    }
    let vault = options.vault.as_ref().ok_or_else(|| {
        let what = "no vault is named, and no estate file names one for this";
        usage(
            Problem::new(Kind::Usage, what).remedy("name a vault with --vault, or a volume of outlive.toml"),
        )
    })?;
    // A path has no policy that says for how long.
    let id = vault.to_str().filter(|text| !text.contains('/'));
    if let (Some(id), Some(estate)) = (id, terminal.estate_if_any()?)
        && estate.vault(id).is_some_and(|vault| vault.lock.is_some())
    {
        let what = format!(
            "the vault `{id}` locks what it holds, and nothing says for how long this is to be locked"
        );
        return Err(usage(
            Problem::new(Kind::Usage, what)
                .remedy("make it a [[volume]] with a [[copy]], and copy it by its id"),
        ));
    }
    Ok(CopyOrder {
        volume: options.name.clone().map(VolumeId),
        from: match (options.path.to_str(), &options.name) {
            (Some("-"), Some(name)) => CopyFrom::StandardInput { file: name.clone() },
            (Some("-"), None) => {
                let what = "standard input has no name of its own";
                return Err(usage(Problem::new(Kind::Usage, what).remedy("name its volume with --name")));
            }
            _ => CopyFrom::Path { path: options.path.clone(), live: options.live },
        },
        vault: terminal.place(vault)?,
        vault_name: None,
        lock: None,
        longest: None,
    })
}

fn configured(estate: &Estate, copy: &CopyEntry) -> Result<CopyOrder, Problem> {
    let vault = estate
        .vault(&copy.to)
        .ok_or_else(|| Problem::new(Kind::Usage, format!("the estate file has no vault `{}`", copy.to)))?;
    Ok(CopyOrder {
        volume: Some(copy.volume.clone()),
        from: copy.from.clone(),
        vault: vault.place.clone(),
        vault_name: Some(vault.id.clone()),
        lock: estate.lock_order(vault, &copy.volume),
        longest: copy.longest.to_std().ok(),
    })
}
