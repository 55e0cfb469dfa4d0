//! `outlive restore`.

use super::Outcome;
use super::args::{Global, time_limit};
use super::exit::Exit;
use super::failure::Failure;
use super::terminal::Terminal;
use crate::app::{self, KeptOff, ListOrder, PostgresOrder, RestoreOrder, Rights};
use crate::domain::{Kind, Problem, Stretch, When};
use crate::report::activity::RestoreDone;
use crate::vault::{Only, RestoreOptions};
use clap::Args;
use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

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
    /// Make a PostgreSQL of it in this new directory, ready to be promoted, and stop it again: of a dump by pg_dump or pg_dumpall, or of a
    /// copied data directory
    #[arg(long, value_name = "NEWDIR", conflicts_with_all = ["to", "only", "list", "devices"])]
    pub to_postgres: Option<PathBuf>,
    #[command(flatten)]
    pub postgres: Postgres,
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

/// How the scratch server is made.
#[derive(Debug, Args)]
#[command(next_help_heading = "With --to-postgres")]
pub struct Postgres {
    /// Where PostgreSQL's programs are [default: the newest of /usr/lib/postgresql/N/bin or PATH; of a data directory, its version]
    #[arg(long, value_name = "DIR", requires = "to_postgres")]
    pub postgres_bin: Option<PathBuf>,
    /// The user that PostgreSQL runs as, where root restores [default: postgres]
    #[arg(long, value_name = "USER", requires = "to_postgres")]
    pub postgres_user: Option<String>,
    /// The locale of the new cluster that a dump is read into [default: C.UTF-8]
    #[arg(long, value_name = "LOCALE", requires = "to_postgres")]
    pub postgres_locale: Option<String>,
    /// How long recovering, or reading a dump, may take
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = time_limit)]
    pub postgres_limit: Duration,
    /// Read a dump as a superuser, who may run programs here: only a dump that you trust. One by pg_dumpall needs it
    #[arg(long, requires = "to_postgres")]
    pub postgres_superuser: bool,
}

impl Postgres {
    fn order(&self) -> PostgresOrder {
        PostgresOrder {
            bin: self.postgres_bin.clone(),
            user: self.postgres_user.clone(),
            locale: self.postgres_locale.clone(),
            longest: self.postgres_limit,
            rights: if self.postgres_superuser { Rights::Superuser } else { Rights::Owner },
        }
    }
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
        target: options.to.clone().or_else(|| options.to_postgres.clone()).unwrap_or_default(),
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
    if options.to.is_none() && options.to_postgres.is_none() {
        let command = |point: &str| command(global, options, point);
        let listed = app::restorable(&terminal.context, ListOrder { order: &order, command: &command });
        let listed = listed.map_err(failed)?;
        let exits = if listed.is_settled() { vec![] } else { vec![Exit::Undetermined] };
        return Ok(Outcome { code: None, text: terminal.tell(&listed, &Exit::codes(&exits)), exits });
    }
    let (context, monitor) = (&terminal.context, terminal.monitor());
    let done = match is_stream {
        true => stream(terminal, &order),
        false if options.to_postgres.is_some() => {
            app::restore_postgres(context, &order, &options.postgres.order(), &monitor)
        }
        false => app::restore(context, &order, &monitor),
    };
    let done = done.map_err(failed)?;
    let exits = exits(&done);
    let text = terminal.tell(&done, &Exit::codes(&exits));
    if is_stream {
        // Standard output has the data.
        drop(std::io::stderr().write_all(text.as_bytes()));
        return Ok(Outcome { code: None, text: String::new(), exits });
    }
    Ok(Outcome { code: None, text, exits })
}

fn exits(done: &RestoreDone) -> Vec<Exit> {
    // A part of the data came back, whether the rest was lost in the vault or never reached it.
    let is_whole = done.is_sound() && done.missed_when_stored == 0;
    let is_ready = done.postgres.as_ref().is_none_or(|postgres| postgres.ready);
    let (part, test) = ((!is_whole).then_some(Exit::CopyFailed), (!is_ready).then_some(Exit::DrillFailed));
    part.into_iter().chain(test).collect()
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
