//! Rehearsing: the whole job once, on a made-up volume that is really lost, or on the user's own data.

mod follow;
mod reference;
mod room;
mod told;

pub use follow::{FollowOrder, follow_runbook};

use super::{Audited, Context, CopyOrder, RestoreOrder, SurveyOrder};
use super::{SeenVault, audit, copy, list_vault, restore, verify};
use crate::domain::{Kind, Monitor, Policy, Problem, Result, When, printable};
use crate::drill::checks::{Comparison, LeftOut, Original, same_tree};
use crate::drill::sandbox::{MadeVolume, Scratch, removal_commands};
use crate::estate::{CopyFrom, VaultPlace};
use crate::isolation::Row;
use crate::providers::local::{System, newest_snapshot_view};
use crate::report::activity::{CopyDone, RehearsalDone, RestoreDone};
use crate::vault::metadata::Kept;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What is to be rehearsed.
#[derive(Debug, Clone)]
pub struct RehearseOrder {
    /// The user's own data, which is only read; without it, a made-up volume is lost.
    pub path: Option<PathBuf>,
    /// Where scratch space is made.
    pub scratch: PathBuf,
    /// Leave the scratch space, with the vault and what was restored.
    pub keep: bool,
    /// What the audit asks.
    pub policy: Policy,
}

/// Does the whole job once.
///
/// # Errors
/// When a part of it could not be done at all. A restore that differs is in the result.
pub fn rehearse(context: &Context, order: &RehearseOrder, monitor: &dyn Monitor) -> Result<RehearsalDone> {
    let scratch = Scratch::create(&order.scratch)?;
    let stage = Stage {
        context: Context { state: scratch.path().join("state"), ..context.clone() },
        scratch: &scratch,
        policy: &order.policy,
        monitor,
    };
    let done = match &order.path {
        Some(path) => stage.own(path),
        None => stage.made_up(),
    };
    let others = left_by_others(&scratch);
    let (removed, left) = if order.keep { (None, Some(kept(&scratch))) } else { take_down(scratch) };
    match done {
        Ok(mut done) => {
            done.removed = removed;
            done.left.extend(left.into_iter().chain(others));
            Ok(done)
        }
        Err(problem) => {
            let remedy = [problem.remedy.clone()].into_iter().chain(left).filter(|text| !text.is_empty());
            let remedy = remedy.collect::<Vec<_>>().join(". ");
            Err(Problem { remedy, ..problem })
        }
    }
}

fn kept(scratch: &Scratch) -> String {
    let place = printable(scratch.path().as_os_str().as_bytes());
    let commands = scratch.removal_commands();
    format!(
        "Kept as asked: {place} (the vault is in vault, what was restored in restored); to remove it: {commands}"
    )
}

/// What was removed, or why it was not.
fn take_down(scratch: Scratch) -> (Option<String>, Option<String>) {
    let removal = scratch.remove();
    match removal.left {
        None => (Some(removal.path), None),
        Some(why) => (None, Some(format!("Scratch space is still there: {} ({why})", removal.path))),
    }
}

fn left_by_others(scratch: &Scratch) -> Vec<String> {
    let told = scratch.left_by_others().into_iter().map(|path| {
        let (place, commands) = (printable(path.as_os_str().as_bytes()), removal_commands(&path));
        format!("Left by a rehearsal that was stopped, or told to keep it: {place}; to remove it: {commands}")
    });
    told.collect()
}

struct Stage<'a> {
    context: Context,
    scratch: &'a Scratch,
    policy: &'a Policy,
    monitor: &'a dyn Monitor,
}

/// What both kinds of rehearsal come to before anything is lost.
struct Prepared {
    before: Audited,
    after: Audited,
    copy: CopyDone,
    seconds: Vec<(String, f64)>,
}

impl Stage<'_> {
    fn vault(&self) -> VaultPlace {
        VaultPlace::Dir(self.scratch.path().join("vault"))
    }

    fn restored(&self) -> PathBuf {
        self.scratch.path().join("restored")
    }

    /// Loses a volume that was made for it.
    fn made_up(&self) -> Result<RehearsalDone> {
        let began = Instant::now();
        let volume = MadeVolume::create(self.scratch.path())?;
        let done = self.lose_and_restore(&volume, began);
        match (done, volume.unmount()) {
            (done, Ok(())) => done,
            (Ok(_), Err(unmounting)) => Err(unmounting),
            (Err(problem), Err(unmounting)) => {
                let (what, command) = (unmounting.what, unmounting.remedy);
                let remedy = format!("{}; still mounted ({what}): {command}", problem.remedy);
                Err(Problem { remedy: remedy.trim_start_matches("; ").into(), ..problem })
            }
        }
    }

    fn lose_and_restore(&self, volume: &MadeVolume, began: Instant) -> Result<RehearsalDone> {
        let writer = volume.start_writing()?;
        for name in ["hourly-1", "hourly-2", "hourly-3"] {
            let enough = writer.writes() + 200;
            while writer.writes() < enough && began.elapsed() < Duration::from_secs(20) {
                self.go_on()?;
                std::thread::sleep(Duration::from_millis(10));
            }
            self.go_on()?;
            volume.snapshot(name)?;
        }
        // Without snapshots the live data must hold still, or nothing could be compared afterwards.
        let writer = if volume.has_snapshots() { Some(writer) } else { writer.stop().map(|_| None)? };
        let made = began.elapsed().as_secs_f64();
        let primary = volume.primary();
        let mut prepared = self.prepare(&primary, &volume.copies())?;
        prepared.seconds.insert(0, ("make".into(), made));
        let reference = self.scratch.path().join("reference");
        volume.keep_reference(&self.copied_from(&volume.primary(), &prepared.copy)?, &reference)?;
        let writes = match writer {
            Some(writer) => format!(" while it was being written to ({} writes)", writer.stop()?),
            None => String::new(),
        };
        self.go_on()?;
        volume.delete()?;
        let whole = printable(volume.whole().as_os_str().as_bytes());
        let act = format!("{whole} is deleted, with the data and every snapshot in it");
        let rehearsed = |row: &Row| match volume.has_snapshots() {
            true => row.title.contains(&whole),
            false => row.class == crate::domain::HazardClass::PrimaryDeletion,
        };
        let description =
            format!("a made-up database volume: {}; snapshots were taken{writes}", volume.description());
        let with = "a copy of it that was kept aside".into();
        let story = Story { description, act, carried_out: true, with };
        self.finish(prepared, &Original::still(reference), story, &rehearsed)
    }

    /// Where the copy read from: the snapshot, or the data itself.
    fn copied_from(&self, primary: &Path, copy: &CopyDone) -> Result<PathBuf> {
        let Some(snapshot) = &copy.snapshot else { return Ok(primary.to_path_buf()) };
        match newest_snapshot_view(primary, &System::default())? {
            Some(view) if view.name == *snapshot => Ok(view.path),
            _ => Err(Problem::new(Kind::Io, "the snapshot that was copied is not the newest any more")
                .at(snapshot.clone())
                .remedy("take no snapshots of the made-up volume; then rehearse again")),
        }
    }

    /// # Errors
    /// Once the user has asked to stop.
    fn go_on(&self) -> Result<()> {
        if self.monitor.cancelled() {
            return Err(Problem::new(Kind::Cancelled, "stopped as asked")
                .remedy("nothing is left to do: start it again when it suits"));
        }
        Ok(())
    }

    /// Reads the user's own data; restoring elsewhere stands for its loss.
    fn own(&self, path: &Path) -> Result<RehearsalDone> {
        let prepared = self.prepare(path, &[])?;
        let view = newest_snapshot_view(path, &System::default());
        let (original, with) = reference::original(path, &prepared.copy, view, self.context.clock);
        let place = printable(path.as_os_str().as_bytes());
        let story = Story {
            description: format!("{place}, only read"),
            act: format!("{place} is restored elsewhere, as if it were lost"),
            carried_out: false,
            with,
        };
        let rehearsed = |row: &Row| row.class == crate::domain::HazardClass::PrimaryDeletion;
        self.finish(prepared, &original, story, &rehearsed)
    }

    /// Audits, copies, verifies, audits again.
    fn prepare(&self, path: &Path, copies: &[PathBuf]) -> Result<Prepared> {
        let mut seconds = Vec::new();
        let mut survey = SurveyOrder {
            paths: vec![path.to_path_buf()],
            copies: copies.to_vec(),
            limit: Duration::from_secs(30),
            ..SurveyOrder::default()
        };
        let before = timed("survey", &mut seconds, || audit(&self.context, &survey, self.policy))?;
        if before.judged.is_empty() {
            let gap = before.graph.inventory().gaps.first();
            let why = gap.map_or_else(
                || "no volume was found".to_owned(),
                |gap| format!("{} ({})", gap.detail, gap.reason.word()),
            );
            return Err(Problem::new(Kind::NotFound, why)
                .at(printable(path.as_os_str().as_bytes()))
                .remedy("check the path"));
        }
        self.go_on()?;
        room::refuse_too_little(self.scratch, path, self.monitor)?;
        let order = CopyOrder {
            vault_name: None,
            volume: None,
            from: CopyFrom::Path { path: path.to_path_buf(), live: false },
            vault: self.vault(),
            lock: None,
            longest: None,
        };
        let copied = timed("copy", &mut seconds, || copy(&self.context, &order, self.monitor))?;
        if !copied.is_sound() {
            return Err(unsound(path, &copied));
        }
        let verified = timed("verify", &mut seconds, || verify(&self.context, &self.vault(), self.monitor))?;
        if let Some(damage) = verified.damage.first() {
            return Err(Problem::damaged(damage.object.clone(), damage.because.clone()));
        }
        if !verified.was_read_whole() {
            let unread =
                verified.unread.first().map(|unread| format!("{}: {}", unread.object, unread.because));
            let why = unread.or(verified.stopped).unwrap_or_default();
            return Err(Problem::new(Kind::Io, format!("the vault was not verified whole: {why}")));
        }
        survey.vaults.push(SeenVault::undeclared(self.vault())?);
        let after = audit(&self.context, &survey, self.policy)?;
        Ok(Prepared { before, after, copy: self.as_proved(copied)?, seconds })
    }

    /// The copy with the word that the ledger has for it.
    fn as_proved(&self, copied: CopyDone) -> Result<CopyDone> {
        let listed = list_vault(&self.context, &self.vault())?;
        match listed.points.iter().find(|point| point.id == copied.id) {
            Some(point) => Ok(CopyDone { state: point.state, ..copied }),
            None => Err(Problem::damaged(copied.id, "the recovery point is not in the vault any more")),
        }
    }

    fn finish(
        &self,
        prepared: Prepared,
        original: &Original,
        story: Story,
        rehearsed: &dyn Fn(&Row) -> bool,
    ) -> Result<RehearsalDone> {
        let Prepared { before, after, copy, mut seconds } = prepared;
        let order = RestoreOrder {
            vault: self.vault(),
            volume: None,
            point: None,
            when: When::Any,
            target: self.restored(),
            only: None,
            options: Default::default(),
            kept_off: Default::default(),
        };
        let restored: RestoreDone =
            timed("restore", &mut seconds, || restore(&self.context, &order, self.monitor))?;
        let compared = timed("compare", &mut seconds, || {
            same_tree(original, &self.restored(), left_out(&restored), restored.bytes, self.monitor)
        })?;
        let succeeded = proves(&restored, &compared);
        Ok(RehearsalDone {
            succeeded,
            volume: story.description,
            table: told::table(&before, &after, rehearsed),
            flags: before
                .judged
                .iter()
                .filter_map(|judged| crate::report::text::flag(&judged.survival.rows))
                .collect(),
            failed_rules: told::failed_rules(&before, &after),
            copy,
            loss: told::lost_and_found(story.act, story.carried_out, story.with, &compared),
            restore: restored,
            claim: told::claim(succeeded, &after, rehearsed),
            gaps: told::gaps(&after),
            perhaps: told::perhaps(&after),
            seconds,
            left: Vec::new(),
            removed: None,
            at: before.at,
        })
    }
}

struct Story {
    description: String,
    act: String,
    carried_out: bool,
    /// What it was compared with.
    with: String,
}

fn timed<T>(phase: &str, seconds: &mut Vec<(String, f64)>, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let began = Instant::now();
    let done = work();
    seconds.push((phase.into(), began.elapsed().as_secs_f64()));
    done
}

fn unsound(path: &Path, copied: &CopyDone) -> Problem {
    let missed = copied.missed.first().map(|missed| format!("{} ({})", missed.path, missed.because));
    let first = missed
        .or_else(|| copied.damage.first().map(|damage| format!("{} ({})", damage.object, damage.because)));
    let what = format!("the copy is {}: {}", copied.state, first.unwrap_or_default());
    Problem::new(Kind::Damaged, what)
        .at(printable(path.as_os_str().as_bytes()))
        .remedy("make those paths readable, or rehearse with a directory below")
}

/// What the restore said that it left out.
fn left_out(restored: &RestoreDone) -> LeftOut {
    let not_given = Kept { ownership: restored.ownership_not_given, xattrs: restored.xattrs_not_given };
    LeftOut { not_given, devices: restored.devices_left_out }
}

/// Whether a rehearsal showed anything: something was compared, bytes too where there are any, and nothing
/// differs.
fn proves(restored: &RestoreDone, compared: &Comparison) -> bool {
    let something = compared.entries > 0 && (compared.bytes > 0 || restored.bytes == 0);
    restored.compared && something && compared.differing == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rehearsal_in_which_nothing_was_compared_did_not_succeed() {
        let restored = |bytes| RestoreDone { compared: true, bytes, ..RestoreDone::default() };
        let compared = |entries, bytes| Comparison { entries, bytes, ..Comparison::default() };
        assert!(proves(&restored(7), &compared(2, 3)));
        assert!(proves(&restored(0), &compared(1, 0)));
        assert!(!proves(&restored(0), &compared(0, 0)));
        assert!(!proves(&restored(7), &compared(1, 0)));
        assert!(!proves(&RestoreDone::default(), &compared(1, 0)));
        assert!(!proves(&restored(7), &Comparison { differing: 1, ..compared(2, 3) }));
    }
}
