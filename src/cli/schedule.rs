//! `outlive schedule`.

use super::Outcome;
use super::args::{Global, Schedule, Scheduler};
use super::exit::Exit;
use super::failure::Failure;
use super::terminal::Terminal;
use crate::domain::{Kind, Problem, Result, printable};
use crate::estate::Estate;
use crate::report::schedule::{Night, Scheduled, cron, kubernetes, systemd};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Where the configuration is expected once the schedule runs.
const CONFIG: &str = "/etc/outlive/outlive.toml";

/// Prints what starts a nightly run, or writes it to new files.
pub fn run(
    terminal: &Terminal,
    global: &Global,
    options: &Schedule,
) -> std::result::Result<Outcome, Failure> {
    let scheduled = schedule(global, options).map_err(|problem| Failure::new(problem, Exit::Internal))?;
    Ok(Outcome { code: None, text: terminal.tell(&scheduled, &Exit::codes(&[])), exits: Vec::new() })
}

fn schedule(global: &Global, options: &Schedule) -> Result<Scheduled> {
    let config = config(global);
    let estate = config.as_deref().map(Estate::read).transpose()?;
    let night = Night {
        at: options.at,
        binary: binary(options)?,
        config: absolute(config.as_deref().unwrap_or(Path::new(CONFIG)))?,
        state: global.state.as_deref().map(absolute).transpose()?,
        user: options.user.clone(),
        estate: estate.as_ref(),
    };
    let mut scheduled = match (options.under, &options.image) {
        (Scheduler::Systemd, _) => systemd(&night)?,
        (Scheduler::Cron, _) => cron(&night)?,
        (Scheduler::Kubernetes, Some(image)) => kubernetes(&night, image)?,
        (Scheduler::Kubernetes, None) => {
            return Err(Problem::new(Kind::Usage, "a CronJob needs an image, and none was named")
                .remedy("add --image registry.example/outlive:0.1.0"));
        }
    };
    if let Some(folder) = &options.to {
        write(&scheduled, folder)?;
        scheduled.written_to = Some(place(folder));
    }
    Ok(scheduled)
}

/// The estate file that was named, or the first of the usual ones that is there: a schedule can be had before the file.
fn config(global: &Global) -> Option<PathBuf> {
    let usual = || ["outlive.toml", CONFIG].map(PathBuf::from).into_iter().find(|path| path.is_file());
    global.config.clone().or_else(usual)
}

fn binary(options: &Schedule) -> Result<PathBuf> {
    match (&options.binary, options.under) {
        (Some(path), Scheduler::Kubernetes) => Ok(path.clone()),
        (Some(path), _) => absolute(path),
        (None, Scheduler::Kubernetes) => Ok("outlive".into()),
        (None, _) => std::env::current_exe().map_err(|error| {
            Problem::io("finding out where this program is", error).remedy("name it with --binary")
        }),
    }
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|error| Problem::io("making the path absolute", error).at(place(path)))
}

/// All of them or, where one is there already, none.
fn write(scheduled: &Scheduled, folder: &Path) -> Result<()> {
    let there = scheduled.files.iter().map(|file| folder.join(&file.name));
    if let Some(path) = there.into_iter().find(|path| path.symlink_metadata().is_ok()) {
        return Err(Problem::new(Kind::Refused, "there is a file of this name, and nothing is overwritten")
            .at(place(&path))
            .remedy("name another directory, or remove the file by hand"));
    }
    for file in &scheduled.files {
        let path = folder.join(&file.name);
        let failed = |error| Problem::io("writing the schedule", error).at(place(&path));
        let mut new = File::create_new(&path).map_err(failed)?;
        new.write_all(file.content.as_bytes()).and_then(|()| new.sync_all()).map_err(failed)?;
    }
    Ok(())
}

fn place(path: &Path) -> String {
    printable(path.as_os_str().as_encoded_bytes())
}
