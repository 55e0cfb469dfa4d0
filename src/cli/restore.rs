//! `outlive restore`.

use super::Outcome;
use super::args::Global;
use super::exit::Exit;
use super::failure::Failure;
use super::terminal::Terminal;
use crate::app::{self, KeptOff, ListOrder, RestoreOrder};
use crate::domain::{Kind, Problem, Stretch, When};
use crate::report::activity::RestoreDone;
use crate::vault::{Only, RestoreOptions};
use clap::Args;
use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub struct Restore {
    /// The volume, by its path or id; not needed where the vault holds one volume
    pub volume: Option<OsString>,
    /// The vault: a directory, or s3://bucket/prefix
    #[arg(long, value_name = "VAULT")]
    pub vault: OsString,
    /// Where to: a path that does not exist yet, an empty directory, for one file also an empty block device, or `-` for
    /// standard output. Without it, nothing is written: the recovery points
    /// are listed, and the command that restores the proposed one is printed
    #[arg(long, value_name = "TARGET")]
    pub to: Option<PathBuf>,
    /// The recovery point, by the beginning of its id [default: the newest complete one]
    #[arg(long, value_name = "ID", conflicts_with_all = ["at", "before"])]
    pub point: Option<String>,
    /// The newest recovery point taken at or before this time: 2026-12-31, '2026-12-31 02:00', with seconds or a zone; UTC
    /// where none is named
    #[arg(long, value_name = "TIME", value_parser = stretch)]
    pub at: Option<Stretch>,
    /// The newest recovery point taken before this time
    #[arg(long, value_name = "TIME", value_parser = stretch, conflicts_with = "at")]
    pub before: Option<Stretch>,
    /// Restore only what this names below the volume's root, with the directories that lead there: 'etc/*.conf', 'etc/**', or
    /// '*.conf' anywhere; a directory stands for all in it. May be repeated
    #[arg(long, value_name = "GLOB", requires = "to")]
    pub only: Vec<String>,
    /// List what is in a recovery point, all or what a glob names, and write nothing
    #[arg(long, value_name = "GLOB", num_args = 0..=1, default_missing_value = "**", conflicts_with = "to")]
    pub list: Option<String>,
    /// Make device nodes too
    #[arg(long)]
    pub devices: bool,
    /// Where objects are damaged, restore what is sound and list what is lost
    #[arg(long)]
    pub despite_damage: bool,
}

fn stretch(text: &str) -> Result<Stretch, String> {
    Stretch::parse(text).map_err(|problem| format!("{}; {}", problem.what, problem.remedy))
}

fn only(globs: &[String]) -> Result<Option<Only>, Failure> {
    let made = (!globs.is_empty()).then(|| Only::new(globs)).transpose();
    made.map_err(|problem| Failure::new(problem, Exit::Usage))
}

/// Restores a recovery point, or says what could be restored.
pub fn run(terminal: &Terminal, global: &Global, options: &Restore) -> Result<Outcome, Failure> {
    let is_stream = options.to.as_ref().is_some_and(|to| to.as_os_str() == "-");
    let ran = asked(terminal, global, options, is_stream);
    ran.map_err(|failure| if is_stream { failure.beside_data() } else { failure })
}

fn asked(
    terminal: &Terminal,
    global: &Global,
    options: &Restore,
    is_stream: bool,
) -> Result<Outcome, Failure> {
    let order = RestoreOrder {
        vault: terminal.place(&options.vault)?,
        volume: options.volume.clone(),
        point: options.point.clone(),
        when: options.at.map_or_else(|| options.before.map_or(When::Any, When::Before), When::At),
        target: options.to.clone().unwrap_or_default(),
        only: only(&options.only)?,
        options: RestoreOptions { devices: options.devices, despite_damage: options.despite_damage },
        kept_off: kept_off(terminal),
    };
    let failed = |problem: Problem| Failure::of_vault(problem, Exit::Internal);
    if let Some(glob) = &options.list {
        // All of it needs no glob, so that the root is listed too.
        let only = if glob == "**" { None } else { only(std::slice::from_ref(glob))? };
        let listed = app::browse(&terminal.context, &order, only.as_ref(), &terminal.monitor());
        let listed = listed.map_err(failed)?;
        let exits = if listed.lost.is_none() { vec![] } else { vec![Exit::Undetermined] };
        return Ok(Outcome { code: None, text: terminal.tell(&listed, &Exit::codes(&exits)), exits });
    }
    if options.to.is_none() {
        let command = |point: &str| command(global, options, point);
        let listed = app::restorable(&terminal.context, ListOrder { order: &order, command: &command });
        let listed = listed.map_err(failed)?;
        let exits = if listed.is_settled() { vec![] } else { vec![Exit::Undetermined] };
        return Ok(Outcome { code: None, text: terminal.tell(&listed, &Exit::codes(&exits)), exits });
    }
    let done = if is_stream {
        stream(terminal, &order)
    } else {
        app::restore(&terminal.context, &order, &terminal.monitor())
    };
    let done = done.map_err(failed)?;
    // A part of the data came back, whether the rest was lost in the vault or never reached it.
    let whole = done.is_sound() && done.missed_when_stored == 0;
    let exits = if whole { vec![] } else { vec![Exit::CopyFailed] };
    let text = terminal.tell(&done, &Exit::codes(&exits));
    if is_stream {
        // Standard output has the data.
        drop(std::io::stderr().write_all(text.as_bytes()));
        return Ok(Outcome { code: None, text: String::new(), exits });
    }
    Ok(Outcome { code: None, text, exits })
}

fn stream(terminal: &Terminal, order: &RestoreOrder) -> Result<RestoreDone, Problem> {
    let out = std::io::stdout();
    if out.is_terminal() {
        return Err(Problem::new(Kind::Usage, "standard output is a terminal, and data is no text")
            .remedy("let it go to a file or a program: `… --to - | program`"));
    }
    app::restore_stream(&terminal.context, order, &mut out.lock(), &terminal.monitor())
}

/// What the estate has here. Where its file cannot be used, a restore goes on without it.
fn kept_off(terminal: &Terminal) -> KeptOff {
    match terminal.estate_if_any() {
        Ok(estate) => estate.as_ref().map(KeptOff::of).unwrap_or_default(),
        Err(failure) => KeptOff { unknown: Some(failure.line()), ..KeptOff::default() },
    }
}

/// The words that restore a point, with what was given to find it: copied as they are, they do it.
fn command(global: &Global, options: &Restore, point: &str) -> Vec<String> {
    let said = |path: &Path| path.to_string_lossy().into_owned();
    let mut words = vec!["outlive".to_owned()];
    let paths = [("--config", &global.config), ("--state", &global.state), ("--identity", &global.identity)];
    for (flag, path) in paths {
        words.extend(path.iter().flat_map(|path| [flag.to_owned(), said(path)]));
    }
    words.extend(global.trust.iter().flat_map(|key| ["--trust".to_owned(), key.clone()]));
    let vault = options.vault.to_string_lossy().into_owned();
    let rest = ["restore".to_owned(), "--vault".into(), vault, "--point".into(), point.to_owned()];
    words.extend(rest);
    words.extend(["--to".to_owned(), format!("./restored-{point}")]);
    words
}
