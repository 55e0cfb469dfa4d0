//! `outlive credentials`.

use super::Outcome;
use super::args::{max_age, time_limit};
use super::audit::unless_stopped;
use super::exit::Exit;
use super::failure::Failure;
use super::terminal::Terminal;
use crate::app;
use crate::domain::{Problem, Timestamp};
use crate::providers::railway;
use crate::providers::tokens::{Reach, Searched, search};
use crate::report::activity::{CredentialsSaid, FoundToken, Scanned};
use clap::Args;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(Debug, Args)]
pub struct Credentials {
    /// Look for tokens in the files below this directory instead: path, line and kind, never the value
    #[arg(long, value_name = "DIR")]
    pub scan: Option<PathBuf>,
    /// Use the token of Railway at this place of --scan, and no other, to ask what it reaches
    #[arg(long, value_name = "PATH:LINE", requires = "scan")]
    pub ask: Option<OsString>,
    /// How long looking at one path may take
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = time_limit)]
    pub time_limit: Duration,
    /// How old an answer of a provider may be that stands for asking it again; 0s always asks
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = max_age)]
    pub max_age: Duration,
}

/// Says what each credential can destroy, or where tokens lie.
pub fn run(terminal: &Terminal, options: &Credentials) -> Result<Outcome, Failure> {
    let said = match &options.scan {
        None => configured(terminal, options)?,
        Some(directory) => scanned(terminal, options, directory)?,
    };
    let mut exits = Vec::new();
    exits.extend(said.has_failed().then_some(Exit::RuleFailed));
    exits.extend((!said.is_settled()).then_some(Exit::Undetermined));
    Ok(Outcome { code: None, text: terminal.tell(&said, &Exit::codes(&exits)), exits })
}

fn configured(terminal: &Terminal, options: &Credentials) -> Result<CredentialsSaid, Failure> {
    let (estate, limit) = (terminal.estate()?, options.time_limit);
    unless_stopped(terminal, &terminal.context.aged(options.max_age), move |context| {
        Ok(app::credentials(&app::judge_credentials(context, &estate, limit)?, &estate))
    })
}

fn scanned(terminal: &Terminal, options: &Credentials, directory: &Path) -> Result<CredentialsSaid, Failure> {
    let failed = |problem: Problem| Failure::new(problem, Exit::Internal);
    // From here on a wish to stop is heard.
    let _bars = terminal.monitor();
    let searched = search(directory, &Reach::default(), &terminal.context.stop).map_err(failed)?;
    let mut told = app::told_tokens(directory, &searched);
    let Some(place) = &options.ask else {
        return Ok(nothing_but(told, (terminal.context.clock)()));
    };
    let number = app::found_at(&searched, place.as_bytes()).map_err(failed)?;
    let mut said = asked(terminal, options, &searched, number)?;
    told.found[number].was_asked = true;
    let FoundToken { path, line, .. } = &told.found[number];
    let role = format!("found at {path}:{line}");
    said.credentials.iter_mut().filter(|one| one.id == "credential:found.token").for_each(|one| {
        one.role = format!("{role}: {}", one.role);
    });
    said.scanned = Some(told);
    Ok(said)
}

/// What one found token reaches. It is asked at the address that the estate file names for Railway, if it names one.
fn asked(
    terminal: &Terminal,
    options: &Credentials,
    searched: &Searched,
    number: usize,
) -> Result<CredentialsSaid, Failure> {
    let estate = terminal.estate_if_any()?;
    let of_railway =
        estate.iter().flat_map(|estate| &estate.providers).find(|entry| entry.kind == railway::KIND);
    let endpoint = of_railway.and_then(|entry| entry.endpoint.clone());
    let (found, limit) = (searched.found[number].clone(), options.time_limit);
    unless_stopped(terminal, &terminal.context, move |context| {
        let (audited, estate) = app::ask_found(context, &found, endpoint.as_deref(), limit)?;
        Ok(app::credentials(&audited, &estate))
    })
}

fn nothing_but(scanned: Scanned, at: Timestamp) -> CredentialsSaid {
    CredentialsSaid {
        at,
        credentials: Vec::new(),
        findings: Vec::new(),
        gaps: Vec::new(),
        volumes: 0,
        scanned: Some(scanned),
    }
}
