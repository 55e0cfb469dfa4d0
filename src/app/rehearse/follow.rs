//! Following a runbook: a made-up volume is copied by a night of its own and lost; then the commands of the page that the night wrote are
//! typed as a person would, and what comes back is compared.

use super::{kept, left_by_others, take_down};
use crate::app::Context;
use crate::app::incident::{Replay, replay_incident};
use crate::app::nightly::{Night, NightlyOrder, nightly};
use crate::app::runbook::newest_runbooks;
use crate::domain::{ByteName, Kind, Monitor, Problem, Result, VolumeId, printable};
use crate::drill::checks::{LeftOut, Original, same_tree};
use crate::drill::sandbox::{MadeVolume, Scratch, type_in};
use crate::estate::Estate;
use crate::report::activity::{FollowedWay, RunbookFollowed, TaskOutcome, WayOutcome};
use crate::report::runbook::ways;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What is to be rehearsed.
#[derive(Debug, Clone)]
pub struct FollowOrder {
    /// The incident, which is replayed first.
    pub replay: Replay,
    /// Where scratch space is made.
    pub scratch: PathBuf,
    /// Leave the scratch space.
    pub keep: bool,
    /// The program that the page calls `outlive`: the running one.
    pub program: PathBuf,
}

/// How long the made-up database is written to before it is copied.
const WRITES: u64 = 200;

/// Replays the incident, loses a made-up volume, and brings it back by its runbook.
///
/// # Errors
/// Where a part of it could not be done at all. A way that fails is in the result.
pub fn follow_runbook(
    context: &Context,
    order: &FollowOrder,
    monitor: &dyn Monitor,
) -> Result<RunbookFollowed> {
    let incident = replay_incident(&order.replay)?;
    let named = order.replay.estate.volumes.first().map(|volume| volume.id.clone());
    let volume = named.unwrap_or_else(|| VolumeId("volume".into()));
    let scratch = Scratch::create(&order.scratch)?;
    let room = Room { context: context.clone(), scratch: &scratch, volume, program: &order.program, monitor };
    let done = room.lose_and_follow();
    let others = left_by_others(&scratch);
    let (removed, left) = if order.keep { (None, Some(kept(&scratch))) } else { take_down(scratch) };
    let left: Vec<String> = left.into_iter().chain(others).collect();
    match done {
        Ok((volume, page, ways)) => Ok(RunbookFollowed { incident, volume, page, ways, removed, left }),
        Err(problem) => {
            let remedy = [vec![problem.remedy.clone()], left].concat();
            let remedy = remedy.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(". ");
            Err(Problem { remedy, ..problem })
        }
    }
}

struct Room<'a> {
    context: Context,
    scratch: &'a Scratch,
    volume: VolumeId,
    program: &'a Path,
    monitor: &'a dyn Monitor,
}

impl Room<'_> {
    fn lose_and_follow(&self) -> Result<(String, String, Vec<FollowedWay>)> {
        let volume = MadeVolume::create(self.scratch.path())?;
        let done = self.with(&volume);
        match (done, volume.unmount()) {
            (done, Ok(())) => done,
            (Ok(_), Err(unmounting)) => Err(unmounting),
            (Err(problem), Err(unmounting)) => {
                let remedy = format!("{}; still mounted: {}", problem.remedy, unmounting.remedy);
                Err(Problem { remedy: remedy.trim_start_matches("; ").into(), ..problem })
            }
        }
    }

    fn with(&self, volume: &MadeVolume) -> Result<(String, String, Vec<FollowedWay>)> {
        let began = Instant::now();
        let writer = volume.start_writing()?;
        while writer.writes() < WRITES
            && began.elapsed() < Duration::from_secs(20)
            && !self.monitor.cancelled()
        {
            std::thread::sleep(Duration::from_millis(10));
        }
        writer.stop()?;
        volume.snapshot("hourly-1")?;
        let primary = volume.primary();
        self.night(&primary)?;
        let reference = self.scratch.path().join("reference");
        volume.keep_reference(&primary, &reference)?;
        let folder = newest_runbooks(&self.state().join("runbooks"), (self.context.clock)())?;
        let page = folder.join(format!("{}.md", self.volume));
        let text =
            std::fs::read_to_string(&page).map_err(|error| Problem::io("reading the runbook", error))?;
        volume.delete()?;
        let path = self.program_in_path()?;
        let mut followed = Vec::new();
        for (place, (title, commands)) in ways(&text).into_iter().enumerate() {
            followed.push(self.follow(place, title, commands, (&path, &reference))?);
        }
        let said = format!("{}, with the data and every snapshot in it", volume.description());
        Ok((said, printable(page.as_os_str().as_bytes()), followed))
    }

    fn state(&self) -> PathBuf {
        self.scratch.path().join("state")
    }

    /// A night that copies the volume, reads the copy back, and writes the page.
    fn night(&self, primary: &Path) -> Result<()> {
        let vault = self.scratch.path().join("vault");
        let (primary, vault) = (in_toml(primary)?, in_toml(&vault)?);
        let text = format!(
            "[policy.default]\nrpo = \"26h\"\ndrill_every = \"never\"\nsurvive = [\"primary-deletion\"]\n\
             [[volume]]\nid = \"{0}\"\npath = {primary}\n[[vault]]\nid = \"kept-apart\"\nkind = \"dir\"\npath = {vault}\n\
             [[copy]]\nvolume = \"{0}\"\nto = \"kept-apart\"\nevery = \"24h\"\n",
            self.volume
        );
        let estate = Estate::parse(&self.scratch.path().join("outlive.toml"), &text)?;
        let context = Context { state: self.state(), ..self.context.clone() };
        let (limit, grace) = (Duration::from_secs(30), Duration::from_secs(30));
        let order = NightlyOrder { estate, dry_run: false, until: None, limit, grace };
        let Night::Done(done) = nightly(&context, &order, self.monitor)? else {
            return Err(Problem::new(Kind::Internal, "another run in scratch space that is new"));
        };
        let failed = done.tasks.iter().find(|task| task.outcome != TaskOutcome::Done);
        match failed {
            Some(task) => {
                Err(Problem::new(Kind::Io, format!("the night could not copy the volume: {}", task.detail)))
            }
            None => Ok(()),
        }
    }

    /// Where a shell finds the program, before everything else.
    fn program_in_path(&self) -> Result<String> {
        let bin = self.scratch.path().join("bin");
        let failed = |error: std::io::Error| Problem::io("preparing the clean directory", error);
        std::fs::create_dir(&bin).map_err(failed)?;
        std::os::unix::fs::symlink(self.program, bin.join("outlive")).map_err(failed)?;
        Ok(format!("{}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", bin.display()))
    }

    fn follow(
        &self,
        place: usize,
        title: String,
        commands: Vec<String>,
        (path, reference): (&str, &Path),
    ) -> Result<FollowedWay> {
        let clean = self.scratch.path().join(format!("clean-{place}"));
        std::fs::create_dir(&clean).map_err(|error| Problem::io("making a clean directory", error))?;
        let began = Instant::now();
        let typed = type_in(&commands, &clean, path)?;
        let seconds = began.elapsed().as_secs_f64();
        let way = |outcome, because: String, (entries, bytes)| FollowedWay {
            title: title.clone(),
            outcome,
            because,
            commands: commands.clone(),
            done: typed.done,
            seconds,
            entries,
            bytes,
        };
        if typed.done < commands.len() {
            // A tool that is missing here may be there where it counts; that it would work was not shown.
            let is_missing = typed.words.contains("not found") && !typed.words.contains("outlive");
            let outcome = if is_missing { WayOutcome::NotRun } else { WayOutcome::Failed };
            return Ok(way(
                outcome,
                format!("command {} of {}: {}", typed.done + 1, commands.len(), typed.words),
                (0, 0),
            ));
        }
        let Some(restored) = restored(&clean, &self.volume) else {
            return Ok(way(
                WayOutcome::Failed,
                "its commands ended well, and nothing was restored".into(),
                (0, 0),
            ));
        };
        let compared =
            same_tree(&Original::still(reference), &restored, LeftOut::default(), 0, self.monitor)?;
        let amounts = (compared.entries, compared.bytes);
        let excused =
            |(path, how): &(ByteName, String)| by_hand(&title) && lies_outside(&restored, path, how);
        let (excused, differs): (Vec<_>, Vec<_>) = compared.differences.iter().partition(|one| excused(one));
        let differing = compared.differing - excused.len() as u64;
        if differing == 0 && compared.entries > 0 && compared.bytes > 0 {
            return Ok(way(WayOutcome::Passed, "what came back is what was lost".into(), amounts));
        }
        let first = differs.first().map(|(path, how)| format!("; {path}: {how}"));
        let because = format!("{differing} paths differ{}", first.unwrap_or_default());
        Ok(way(WayOutcome::Failed, because, amounts))
    }
}

fn by_hand(title: &str) -> bool {
    title.contains("by hand")
}

/// What the vault's page says that it does not give back: the time of the new directory itself, and those of symbolic links.
fn lies_outside(restored: &Path, path: &ByteName, how: &str) -> bool {
    let is_link = || restored.join(OsStr::from_bytes(path.as_bytes())).is_symlink();
    how == "another modification time" && (path.as_bytes().is_empty() || is_link())
}

/// What a page restored, in the directory that it made.
fn restored(clean: &Path, volume: &VolumeId) -> Option<PathBuf> {
    let made = std::fs::read_dir(clean).ok()?;
    let target = format!("restored-{volume}");
    made.filter_map(|entry| Some(entry.ok()?.path().join(&target))).find(|path| path.is_dir())
}

fn in_toml(path: &Path) -> Result<String> {
    let text = path.to_str().filter(|text| !text.chars().any(char::is_control));
    let text = text.ok_or_else(|| {
        Problem::new(Kind::Usage, "the scratch space has a name that no estate file can hold")
            .at(printable(path.as_os_str().as_bytes()))
            .remedy("name another directory with --scratch")
    })?;
    Ok(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}
