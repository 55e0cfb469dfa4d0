//! `outlive runbook`.

use super::Outcome;
use super::args::{Format, time_limit};
use super::exit::Exit;
use super::failure::Failure;
use super::terminal::Terminal;
use crate::app;
use crate::domain::{Kind, Problem, VolumeId, printable};
use crate::estate::Estate;
use crate::report::runbook::{PageFormat, Runbooks};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What `outlive runbook` is asked.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("of").required(true).args(["volume", "all"]))]
pub struct Runbook {
    /// The volume, by its name in the estate file
    pub volume: Option<String>,
    /// All volumes, with the order in which they come back
    #[arg(long)]
    pub all: bool,
    /// Write into this new directory, or into a new file that ends in .md or .html; with --check, the directory that is looked at
    #[arg(long, value_name = "NEWDIR|FILE")]
    pub into: Option<PathBuf>,
    /// One HTML file that needs nothing else [default: Markdown on a terminal, both in a directory]
    #[arg(long)]
    pub html: bool,
    /// Markdown
    #[arg(long)]
    pub markdown: bool,
    /// Write nothing: see that the newest runbooks that were written still hold, and name what changed
    #[arg(long)]
    pub check: bool,
    /// How long looking at one path or vault may take
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = time_limit)]
    pub time_limit: Duration,
}

/// Makes runbooks, or compares those that were written with the estate.
pub fn run(terminal: &Terminal, options: &Runbook) -> Result<Outcome, Failure> {
    let failed = |problem: Problem| Failure::new(problem, Exit::Undetermined);
    let estate = terminal.estate()?;
    let volume = options.volume.as_ref().map(|name| named(&estate, name)).transpose().map_err(failed)?;
    if options.check {
        let (context, into) = (&terminal.context, options.into.as_deref());
        let checked = app::check_runbooks(context, &estate, volume.as_ref(), into, options.time_limit)
            .map_err(|problem| Failure::ending(problem, Exit::Undetermined))?;
        let mut exits = Vec::new();
        if !checked.holds() {
            exits.push(Exit::RuleFailed);
        }
        if !checked.is_seen() {
            exits.push(Exit::Undetermined);
        }
        return Ok(Outcome { code: None, text: terminal.tell(&checked, &Exit::codes(&exits)), exits });
    }
    let made = app::make_runbooks(&terminal.context, &estate, volume.as_ref(), options.time_limit)
        .map_err(failed)?;
    // What could not be seen is on the page; whoever runs this in a script must know too.
    let exits = if made.gaps.is_empty() { Vec::new() } else { vec![Exit::Undetermined] };
    let text = match (&options.into, terminal.format) {
        (Some(into), _) => {
            write(&made, options, into).map_err(failed)?;
            match terminal.format {
                Format::Json => terminal.tell(&made, &Exit::codes(&exits)),
                Format::Text => format!("Written: {}\n", printable(into.as_os_str().as_bytes())),
            }
        }
        (None, Format::Json) => terminal.tell(&made, &Exit::codes(&exits)),
        (None, Format::Text) => made.page(if options.html { PageFormat::Html } else { PageFormat::Markdown }),
    };
    Ok(Outcome { code: None, text, exits })
}

fn named(estate: &Estate, name: &str) -> Result<VolumeId, Problem> {
    let id = VolumeId(name.to_owned());
    if estate.volume(&id).is_some() {
        return Ok(id);
    }
    let names = estate.volumes.iter().map(|volume| volume.id.0.as_str());
    let near = app::nearest(name, names.clone()).first().map(|near| format!("did you mean `{near}`? "));
    let what = format!("the estate file has no volume `{}`", printable(name.as_bytes()));
    let some: Vec<&str> = names.take(20).collect();
    Err(Problem::new(Kind::Usage, what).remedy(format!(
        "{}there are: {}",
        near.unwrap_or_default(),
        some.join(", ")
    )))
}

/// One page into a new file, or all into a new directory.
fn write(made: &Runbooks, options: &Runbook, into: &Path) -> Result<(), Problem> {
    let ends = into.extension().and_then(|end| end.to_str());
    let of_file = match ends {
        Some("html" | "htm") => Some(PageFormat::Html),
        Some("md") => Some(PageFormat::Markdown),
        _ => None,
    };
    let asked: Vec<PageFormat> = match (options.html, options.markdown) {
        (true, false) => vec![PageFormat::Html],
        (false, true) => vec![PageFormat::Markdown],
        _ => vec![PageFormat::Markdown, PageFormat::Html],
    };
    let Some(format) = of_file else { return app::write_runbooks(made, into, &asked).map(drop) };
    if !asked.contains(&format) {
        return Err(Problem::new(Kind::Usage, "the name of the file ends otherwise than what it is to hold")
            .remedy("name it .html or .md, or leave --html and --markdown out"));
    }
    let place = printable(into.as_os_str().as_bytes());
    let mut file = OpenOptions::new().write(true).create_new(true).open(into).map_err(|error| {
        let is_there = error.kind() == std::io::ErrorKind::AlreadyExists;
        let problem = Problem::io("writing the runbook", error).at(&*place);
        if is_there { problem.remedy("name a new file: nothing is written over") } else { problem }
    })?;
    file.write_all(made.page(format).as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|error| Problem::io("writing the runbook", error).at(place))
}
