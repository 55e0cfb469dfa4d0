//! `outlive vault reader` and `outlive vault epoch`.

use super::Outcome;
use super::args::one_of;
use super::exit::Exit;
use super::failure::Failure;
use super::terminal::Terminal;
use super::vault::{agree, entry};
use crate::app::{self, AddReader, BeginEpoch};
use crate::domain::{Kind, Problem};
use crate::estate::ReaderRole;
use crate::report::activity::Told;
use clap::Subcommand;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub enum Readers {
    /// List the readers of each epoch; no private key is needed
    List {
        /// The vault: a directory, s3://bucket/prefix, or a vault of the estate file
        vault: OsString,
    },
    /// Let another private key read all that is in a vault; needs --identity of a reader, and nothing is written again
    Add {
        /// Its name in outlive.toml
        vault: String,
        /// The public key, as age-keygen -y prints it
        #[arg(value_name = "age1…")]
        reader: String,
        /// What its private key is for; what audits and drills go by is what outlive.toml says [default: what that says, or reader]
        #[arg(long, value_name = "ROLE", value_parser = one_of(ReaderRole::ALL, ReaderRole::word))]
        role: Option<ReaderRole>,
        /// Agree to it, without being asked
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum Epochs {
    /// Encrypt what is copied from now on with a new key, for the `readers` of the estate file; needs --identity of a reader
    New {
        /// Its name in outlive.toml
        vault: String,
        /// Write the key of those who copy into this file, which must not exist [default: into `epochs` in the state directory]
        #[arg(long, value_name = "FILE")]
        into: Option<PathBuf>,
        /// Agree to it, without being asked
        #[arg(long)]
        yes: bool,
    },
    /// Write the key of those who copy once more; needs --identity of a reader
    Key {
        /// Its name in outlive.toml
        vault: String,
        /// Write it into this file, which must not exist [default: into `epochs` in the state directory]
        #[arg(long, value_name = "FILE")]
        into: Option<PathBuf>,
    },
}

/// Lists readers, or adds one.
pub fn readers(terminal: &Terminal, command: &Readers) -> Result<Outcome, Failure> {
    match command {
        Readers::List { vault } => list(terminal, vault),
        Readers::Add { vault, reader, role, yes } => add(terminal, vault, (reader, *role), *yes),
    }
}

/// Begins an epoch, or writes its key.
pub fn epochs(terminal: &Terminal, command: &Epochs) -> Result<Outcome, Failure> {
    match command {
        Epochs::New { vault, into, yes } => new(terminal, vault, into.as_deref(), *yes),
        Epochs::Key { vault, into } => key(terminal, vault, into.as_deref()),
    }
}

fn failed(problem: Problem) -> Failure {
    // What the vault does not allow is a matter of the command, as with `vault init`.
    let exit = if problem.kind == Kind::Refused { Exit::Usage } else { Exit::CopyFailed };
    Failure::of_vault(problem, exit)
}

fn sound(terminal: &Terminal, told: &impl Told, notices: &[String]) -> Outcome {
    let exits = if notices.is_empty() { Vec::new() } else { vec![Exit::Undetermined] };
    Outcome { code: None, text: terminal.tell(told, &Exit::codes(&exits)), exits }
}

fn list(terminal: &Terminal, vault: &OsStr) -> Result<Outcome, Failure> {
    let place = terminal.place(vault)?;
    let estate = match vault.to_str().filter(|text| !text.contains('/')) {
        Some(_) => terminal.estate_if_any()?,
        None => None,
    };
    let entry = estate.as_ref().and_then(|estate| estate.vaults.iter().find(|entry| entry.place == place));
    let listed = app::list_readers(&terminal.context, &place, entry)
        .map_err(|problem| Failure::of_vault(problem, Exit::Internal))?;
    let mut exits = Vec::new();
    if !listed.wrong.is_empty() {
        exits.push(Exit::CopyFailed);
    }
    let unlisted = listed.epochs.iter().flat_map(|epoch| &epoch.readers).any(|reader| reader.unlisted);
    let is_open = !listed.missing.is_empty() || !listed.unsigned.is_empty() || listed.unread.is_some();
    if unlisted || is_open {
        exits.push(Exit::Undetermined);
    }
    Ok(Outcome { code: None, text: terminal.tell(&listed, &Exit::codes(&exits)), exits })
}

fn add(
    terminal: &Terminal,
    vault: &str,
    reader: (&str, Option<ReaderRole>),
    yes: bool,
) -> Result<Outcome, Failure> {
    let usage = |problem: Problem| Failure::new(problem, Exit::Usage);
    let estate = terminal.estate()?;
    let entry = entry(&estate, vault)?;
    let adding = AddReader::plan(&terminal.context, &estate, entry, reader).map_err(failed)?;
    let consequences = adding.consequences().map_err(failed)?;
    if !consequences.is_empty() {
        agree(vault, &consequences, yes, "the reader").map_err(usage)?;
    }
    let made = adding.perform().map_err(failed)?;
    Ok(sound(terminal, &made, &made.notices))
}

fn new(terminal: &Terminal, vault: &str, into: Option<&Path>, yes: bool) -> Result<Outcome, Failure> {
    let usage = |problem: Problem| Failure::new(problem, Exit::Usage);
    let estate = terminal.estate()?;
    let entry = entry(&estate, vault)?;
    let beginning = BeginEpoch::plan(&terminal.context, &estate, entry, into).map_err(failed)?;
    let consequences = beginning.consequences().map_err(failed)?;
    agree(vault, &consequences, yes, "the new epoch").map_err(usage)?;
    let made = beginning.perform().map_err(failed)?;
    Ok(sound(terminal, &made, &made.notices))
}

fn key(terminal: &Terminal, vault: &str, into: Option<&Path>) -> Result<Outcome, Failure> {
    let estate = terminal.estate()?;
    let entry = entry(&estate, vault)?;
    let kept = app::keep_present_epoch(&terminal.context, &estate, entry, into).map_err(failed)?;
    Ok(sound(terminal, &kept, &[]))
}
