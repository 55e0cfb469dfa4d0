//! Rehearsing: the whole job once, on a made-up volume that is really lost, or on the user's own data.

use super::{Audited, Context, CopyOrder, RestoreOrder, SurveyOrder, audit, copy, restore, verify};
use crate::domain::{Kind, Monitor, Policy, Problem, Result, Verdict, printable, say_duration};
use crate::drill::checks::{Comparison, same_tree};
use crate::drill::sandbox::{MadeVolume, Scratch};
use crate::isolation::{Cell, Row};
use crate::providers::local::{System, newest_snapshot_view};
use crate::report::activity::{CopyDone, LostAndFound, MissedPath, RehearsalDone, RestoreDone, SurvivalLine};
use crate::rules::Judged;
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
    if order.keep {
        let place = printable(scratch.path().as_os_str().as_bytes());
        return done.map(|mut done| {
            done.left.push(format!(
                "Kept as asked: {place} (the vault is in vault, what was restored in restored)."
            ));
            done
        });
    }
    let removal = scratch.remove();
    let left = removal
        .left
        .map(|why| format!("Scratch space is still there: {} ({why}). Remove it yourself.", removal.path));
    match done {
        Ok(mut done) => {
            done.left.extend(left);
            Ok(done)
        }
        Err(problem) => {
            let remedy = [problem.remedy.clone()].into_iter().chain(left).filter(|text| !text.is_empty());
            let remedy = remedy.collect::<Vec<_>>().join(". ");
            Err(Problem { remedy, ..problem })
        }
    }
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
    fn vault(&self) -> PathBuf {
        self.scratch.path().join("vault")
    }

    fn restored(&self) -> PathBuf {
        self.scratch.path().join("restored")
    }

    /// Loses a volume that was made for it.
    fn made_up(&self) -> Result<RehearsalDone> {
        let began = Instant::now();
        let volume = MadeVolume::create(self.scratch.path())?;
        let done = self.lose_and_restore(&volume, began);
        let unmounted = volume.unmount();
        let done = done?;
        unmounted.map(|()| done)
    }

    fn lose_and_restore(&self, volume: &MadeVolume, began: Instant) -> Result<RehearsalDone> {
        let writer = volume.start_writing()?;
        for name in ["hourly-1", "hourly-2", "hourly-3"] {
            let enough = writer.writes() + 200;
            while writer.writes() < enough && began.elapsed() < Duration::from_secs(20) {
                std::thread::sleep(Duration::from_millis(10));
            }
            volume.snapshot(name)?;
        }
        // Without snapshots the live data must hold still, or nothing could be compared afterwards.
        let writer = if volume.has_snapshots() { Some(writer) } else { writer.stop().map(|_| None)? };
        let made = began.elapsed().as_secs_f64();
        let primary = volume.primary();
        let mut prepared = self.prepare(&primary, &volume.copies())?;
        prepared.seconds.insert(0, ("make".into(), made));
        let reference = self.scratch.path().join("reference");
        let read_from = newest_snapshot_view(&primary, &System::default())?.map_or(primary, |view| view.path);
        volume.keep_reference(&read_from, &reference)?;
        let writes = match writer {
            Some(writer) => format!(" while it was being written to ({} writes)", writer.stop()?),
            None => String::new(),
        };
        volume.delete()?;
        let whole = printable(volume.whole().as_os_str().as_bytes());
        let act = format!("{whole} is deleted, with the data and every snapshot in it");
        let rehearsed = |row: &Row| match volume.has_snapshots() {
            true => row.title.contains(&whole),
            false => row.class == crate::domain::HazardClass::PrimaryDeletion,
        };
        let description =
            format!("a made-up database volume: {}; snapshots were taken{writes}", volume.description());
        self.finish(prepared, &reference, None, Story { description, act, carried_out: true }, &rehearsed)
    }

    /// Reads the user's own data; restoring elsewhere stands for its loss.
    fn own(&self, path: &Path) -> Result<RehearsalDone> {
        let prepared = self.prepare(path, &[])?;
        let view = newest_snapshot_view(path, &System::default()).ok().flatten();
        let (original, copied_at) = match view {
            Some(view) => (view.path, None),
            None => (path.to_path_buf(), Some(prepared.copy.taken_at.timestamp())),
        };
        let place = printable(path.as_os_str().as_bytes());
        let story = Story {
            description: format!("{place}, only read"),
            act: format!("{place} is restored elsewhere, as if it were lost"),
            carried_out: false,
        };
        let rehearsed = |row: &Row| row.class == crate::domain::HazardClass::PrimaryDeletion;
        self.finish(prepared, &original, copied_at, story, &rehearsed)
    }

    /// Audits, copies, verifies, audits again.
    fn prepare(&self, path: &Path, copies: &[PathBuf]) -> Result<Prepared> {
        let mut seconds = Vec::new();
        let mut survey = SurveyOrder {
            paths: vec![path.to_path_buf()],
            copies: copies.to_vec(),
            vaults: Vec::new(),
            limit: Duration::from_secs(30),
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
        let order = CopyOrder { path: path.to_path_buf(), vault: self.vault(), live: false };
        let copied = timed("copy", &mut seconds, || copy(&self.context, &order, self.monitor))?;
        if !copied.is_sound() {
            let first = copied.missed.first().map(|missed| format!("{} ({})", missed.path, missed.because));
            let first = first.or_else(|| {
                copied.damage.first().map(|damage| format!("{} ({})", damage.object, damage.because))
            });
            let what = format!("the copy is {}: {}", copied.state, first.unwrap_or_default());
            return Err(Problem::new(Kind::Damaged, what)
                .at(printable(path.as_os_str().as_bytes()))
                .remedy("make those paths readable, or rehearse with a directory below"));
        }
        let verified = timed("verify", &mut seconds, || verify(&self.context, &self.vault(), self.monitor))?;
        if let Some(damage) = verified.damage.first() {
            return Err(Problem::damaged(damage.object.clone(), damage.because.clone()));
        }
        survey.vaults.push(self.vault());
        let after = audit(&self.context, &survey, self.policy)?;
        Ok(Prepared { before, after, copy: CopyDone { state: "verified", ..copied }, seconds })
    }

    fn finish(
        &self,
        prepared: Prepared,
        original: &Path,
        copied_at: Option<i64>,
        story: Story,
        rehearsed: &dyn Fn(&Row) -> bool,
    ) -> Result<RehearsalDone> {
        let Prepared { before, after, copy, mut seconds } = prepared;
        let order = RestoreOrder {
            vault: self.vault(),
            volume: None,
            point: None,
            target: self.restored(),
            options: Default::default(),
        };
        let restored: RestoreDone =
            timed("restore", &mut seconds, || restore(&self.context, &order, self.monitor))?;
        let compared = timed("compare", &mut seconds, || {
            same_tree(original, &self.restored(), copied_at, restored.bytes, self.monitor)
        })?;
        let loss = lost_and_found(story.act, story.carried_out, &compared);
        Ok(RehearsalDone {
            succeeded: loss.differing == 0 && restored.compared && compared.entries > 0,
            volume: story.description,
            table: table(&before, &after, rehearsed),
            flags: before
                .judged
                .iter()
                .filter_map(|judged| crate::report::text::flag(&judged.survival.rows))
                .collect(),
            failed_rules: failed_rules(&before, &after),
            copy,
            loss,
            restore: restored,
            claim: claim(&after, rehearsed),
            seconds,
            left: Vec::new(),
            at: before.at,
        })
    }
}

struct Story {
    description: String,
    act: String,
    carried_out: bool,
}

fn timed<T>(phase: &str, seconds: &mut Vec<(String, f64)>, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let began = Instant::now();
    let done = work();
    seconds.push((phase.into(), began.elapsed().as_secs_f64()));
    done
}

fn lost_and_found(act: String, carried_out: bool, compared: &Comparison) -> LostAndFound {
    LostAndFound {
        act,
        carried_out,
        entries: compared.entries,
        bytes: compared.bytes,
        differing: compared.differing,
        differences: compared
            .differences
            .iter()
            .map(|(path, how)| MissedPath { path: path.to_string(), because: how.clone() })
            .collect(),
        changed_since: compared.changed_since,
    }
}

fn rows(audited: &Audited) -> impl Iterator<Item = &Row> {
    audited.judged.iter().flat_map(|judged| &judged.survival.rows)
}

fn table(before: &Audited, after: &Audited, rehearsed: &dyn Fn(&Row) -> bool) -> Vec<SurvivalLine> {
    rows(after)
        .map(|row| SurvivalLine {
            hazard: row.title.clone(),
            before: rows(before)
                .find(|earlier| earlier.title == row.title)
                .map_or_else(|| "UNKNOWN (not judged)".into(), |row| cell(before, row)),
            after: cell(after, row),
            rehearsed: rehearsed(row),
        })
        .collect()
}

fn cell(audited: &Audited, row: &Row) -> String {
    match &row.cell {
        Cell::None => "NONE".into(),
        Cell::Unknown { because } => format!("UNKNOWN ({because})"),
        Cell::Survivor { point, age, state, .. } => {
            let name = audited.graph.point(point).map_or("a recovery point", |point| point.kind.word());
            let age = age.map_or_else(|| "age unknown".into(), |age| format!("{} old", say_duration(age)));
            let state = state.map_or_else(String::new, |state| format!(", {}", state.word()));
            format!("{name}, {age}{state}")
        }
    }
}

fn failed_rules(before: &Audited, after: &Audited) -> Vec<(String, bool, bool)> {
    let fails = |judged: &[Judged], rule: &str| {
        judged
            .iter()
            .flat_map(|judged| &judged.findings)
            .any(|finding| finding.rule == rule && matches!(finding.verdict, Verdict::Fail(..)))
    };
    crate::rules::ALL
        .iter()
        .map(|rule| (rule.id().to_owned(), fails(&before.judged, rule.id()), fails(&after.judged, rule.id())))
        .filter(|(_, before, after)| *before || *after)
        .collect()
}

/// What is true, and no more: which acts the copy survives, and which it does not.
fn claim(after: &Audited, rehearsed: &dyn Fn(&Row) -> bool) -> String {
    let titles = |wanted: &dyn Fn(&Row) -> bool| {
        rows(after).filter(|row| wanted(row)).map(|row| row.title.clone()).collect::<Vec<_>>().join("; ")
    };
    let survived = titles(&|row| rehearsed(row) && matches!(row.cell, Cell::Survivor { .. }));
    let deadly = titles(&|row| row.cell == Cell::None);
    let open = titles(&|row| matches!(row.cell, Cell::Unknown { .. }));
    let mut claim = format!("The copy survives: {survived}.");
    if !deadly.is_empty() {
        claim.push_str(&format!(
            " It still shares this machine with the original, and does not survive: {deadly}. A vault on another machine would."
        ));
    }
    if !open.is_empty() {
        claim.push_str(&format!(" Not known: {open}."));
    }
    claim
}
