//! How everything stood at the end of a run, why, and what of it is not as it was.

use crate::report::activity::{
    DrillOutcome, KNOWN_DAMAGE, NightlyDone, Standing, TaskDone, TaskKind, TaskOutcome, VolumeNight,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How something stood at the end of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Everything that was asked of it holds.
    Sound,
    /// Something failed, could not be judged, or was not done.
    NotSound,
}

/// What a state is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The run as a whole.
    Run,
    /// A volume, by its name.
    Volume(String),
    /// A vault, by its name.
    Vault(String),
}

/// Why something is not sound, a sentence each; sound where there is none.
pub type Reasons = BTreeSet<String>;

/// How everything stood at the end of a run: the reasons without what changes by itself, such as ages and dates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NightState {
    /// The run as a whole: sound only with exit code 0.
    pub run: Reasons,
    /// Each volume, by its name.
    pub volumes: BTreeMap<String, Reasons>,
    /// Each vault that the run had something to say of, by its name.
    pub vaults: BTreeMap<String, Reasons>,
}

impl NightState {
    /// How a run left things. A volume is sound where its findings are, its drill neither failed nor was left out, and
    /// everything of it that was due was done.
    pub fn of(done: &NightlyDone, exit_code: u8) -> Self {
        let steady = |reasons: Reasons| reasons.iter().map(|reason| steady(reason)).collect();
        let vaults =
            done.tasks.iter().filter(|task| task.volume.is_none()).filter_map(|t| t.vault.as_deref());
        let vaults: BTreeSet<&str> = vaults.collect();
        Self {
            run: steady(of_run(done, exit_code)),
            volumes: done
                .volumes
                .iter()
                .map(|volume| (volume.volume.clone(), steady(of_volume(done, volume))))
                .collect(),
            vaults: vaults.into_iter().map(|name| (name.to_owned(), steady(of_vault(done, name)))).collect(),
        }
    }

    /// Vaults of the estate that this run had nothing to say of stand as they did before: that nothing was read back
    /// makes none sound again.
    pub fn carry<'n>(&mut self, before: Option<&Self>, vaults: impl IntoIterator<Item = &'n str>) {
        for name in vaults {
            let earlier = before.and_then(|before| before.vaults.get(name));
            if let (Some(earlier), false) = (earlier, self.vaults.contains_key(name)) {
                self.vaults.insert(name.to_owned(), earlier.clone());
            }
        }
    }

    fn all(&self) -> BTreeMap<Subject, &Reasons> {
        let volumes = self.volumes.iter().map(|(name, why)| (Subject::Volume(name.clone()), why));
        let vaults = self.vaults.iter().map(|(name, why)| (Subject::Vault(name.clone()), why));
        std::iter::once((Subject::Run, &self.run)).chain(volumes).chain(vaults).collect()
    }
}

/// The reasons in full, as a person reads them.
pub(super) fn reasons(done: &NightlyDone, exit_code: u8, subject: &Subject) -> Reasons {
    match subject {
        Subject::Run => of_run(done, exit_code),
        Subject::Volume(name) => {
            let volume = done.volumes.iter().find(|volume| volume.volume == *name);
            volume.map(|volume| of_volume(done, volume)).unwrap_or_default()
        }
        Subject::Vault(name) => of_vault(done, name),
    }
}

/// The verdicts, and what belongs to no volume and no vault.
fn of_run(done: &NightlyDone, exit_code: u8) -> Reasons {
    let mut all: Reasons = done.verdicts.iter().map(|verdict| verdict.word().to_owned()).collect();
    let of_none = done.tasks.iter().filter(|task| task.volume.is_none() && task.vault.is_none());
    all.extend(of_none.filter_map(unlucky));
    all.extend(done.gaps.iter().map(|gap| format!("unseen: {gap}")));
    all.extend(done.unhonoured.iter().map(|asked| format!("not done: {}: {}", asked.key, asked.because)));
    if all.is_empty() && exit_code != 0 {
        all.insert(format!("exit code {exit_code}"));
    }
    all
}

fn of_volume(done: &NightlyDone, volume: &VolumeNight) -> Reasons {
    let mut all: Reasons = volume.because.iter().cloned().collect();
    if volume.standing != Standing::Sound && all.is_empty() {
        all.insert("its findings are not sound".into());
    }
    let drill = &volume.drill;
    let is_open = match drill.outcome {
        DrillOutcome::Passed | DrillOutcome::Waived => false,
        DrillOutcome::Failed | DrillOutcome::NotRun => true,
        DrillOutcome::NeverDrilled => drill.asked,
    };
    if is_open {
        let name = drill.drill.as_deref().map(|name| format!(" {name}")).unwrap_or_default();
        all.insert(format!("drill{name}: {}: {}", drill.outcome.word(), drill.detail));
    }
    let tasks = done.tasks.iter().filter(|task| task.volume.as_ref() == Some(&volume.volume));
    all.extend(tasks.filter_map(unlucky));
    all
}

fn of_vault(done: &NightlyDone, name: &str) -> Reasons {
    let of_it = |task: &&TaskDone| task.volume.is_none() && task.vault.as_deref() == Some(name);
    let tasks = done.tasks.iter().filter(of_it);
    let known = |task: &TaskDone| {
        let part = task.detail.split("; ").find(|part| part.contains(KNOWN_DAMAGE));
        part.map(str::to_owned)
    };
    tasks.flat_map(|task| unlucky(task).into_iter().chain(known(task))).collect()
}

/// What became of a task that was not done, without how far it came.
fn unlucky(task: &TaskDone) -> Option<String> {
    if !matches!(task.outcome, TaskOutcome::Failed | TaskOutcome::NotDone) {
        return None;
    }
    let detail = match task.task {
        TaskKind::Drill => task.detail.split("; evidence: ").next(),
        TaskKind::ReadBack => match task.detail.split_once("; DAMAGED") {
            Some((_, what)) => Some(what),
            // How far it came is no news; what is known of damage is told beside this.
            None => task.detail.split_once(", read back").and(Some("")),
        },
        TaskKind::Copy | TaskKind::Lock => None,
    };
    let what = match (&task.drill, &task.volume, &task.vault) {
        (Some(drill), ..) => format!(" {drill}"),
        (None, Some(_), Some(vault)) => format!(" to {vault}"),
        _ => String::new(),
    };
    let damaged =
        if task.detail.contains("; DAMAGED") && task.task == TaskKind::ReadBack { "DAMAGED" } else { "" };
    let detail = detail.unwrap_or(&task.detail);
    Some(format!("{}{what}: {}: {damaged}{detail}", task.task.word(), task.outcome.word()))
}

/// A reason without what is another every night though nothing changed: ages, sizes, dates and random names. What lies
/// in a vault keeps its name: another damaged object is news.
fn steady(reason: &str) -> String {
    const UNITS: [&str; 14] =
        ["s", "min", "h", "d", "B", "bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "UTC", "files", "packs"];
    // How much is known to be damaged does not change by itself.
    if reason.contains(KNOWN_DAMAGE) {
        return reason.to_owned();
    }
    let mut out: Vec<String> = Vec::new();
    for word in reason.split_whitespace() {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        if out.last().is_some_and(|last| last == "…") && (UNITS.contains(&bare) || bare.is_empty()) {
            continue;
        }
        let said = if word.contains('/') && !word.contains(":/") && !word.starts_with(['/', '`', '"']) {
            word.to_owned()
        } else {
            blanked(word)
        };
        if said != "…" || out.last().is_none_or(|last| last != "…") {
            out.push(said);
        }
    }
    out.join(" ")
}

/// A word without numbers and random names; a number alone with its signs becomes `…`.
fn blanked(word: &str) -> String {
    let is_number =
        word.trim_start_matches(|c: char| !c.is_alphanumeric()).starts_with(|c: char| c.is_ascii_digit());
    if is_number && !word.contains('/') {
        return "…".into();
    }
    let mut out = String::new();
    for part in word.split_inclusive(|c: char| !c.is_ascii_alphanumeric()) {
        let run = part.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
        let is_random = run.len() >= 8
            && run.contains(|c: char| c.is_ascii_digit())
            && run.bytes().all(|b| b.is_ascii_hexdigit());
        out.push_str(if is_random { "…" } else { run });
        out.push_str(&part[run.len()..]);
    }
    if out.contains(char::is_alphanumeric) || !out.contains('…') { out } else { "…".into() }
}

/// Something that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What it is about.
    pub subject: Subject,
    /// How it stood before; none where nothing is known of it.
    pub was: Option<State>,
    /// How it stands now; none where the estate no longer has it.
    pub is: Option<State>,
}

/// What changed, the run as a whole first, then volumes and vaults by name: also another reason is a change. What was never
/// told of counts as sound before: a first run tells of what is not sound, and of nothing else. A volume that left the
/// estate is told, since it left the watch too.
pub fn changes(before: Option<&NightState>, after: &NightState) -> Vec<Change> {
    let (earlier, now) = (before.map(NightState::all).unwrap_or_default(), after.all());
    let state = |why: &&Reasons| if why.is_empty() { State::Sound } else { State::NotSound };
    let subjects: BTreeSet<&Subject> = earlier.keys().chain(now.keys()).collect();
    let change = |subject: &&Subject| {
        let (was, is) = (earlier.get(*subject), now.get(*subject));
        let is_news = match (was, is) {
            (None, is) => is.is_some_and(|why| !why.is_empty()),
            (was, is) => was != is,
        };
        let (was, is) = (was.map(state), is.map(state));
        is_news.then(|| Change { subject: (*subject).clone(), was, is })
    };
    subjects.iter().filter_map(change).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_dates_and_random_names_are_no_reason_and_what_is_damaged_is() {
        let same = [
            ("rpo: high: host leaves a point 3 d 4 h old", "rpo: high: host leaves a point 4 d old"),
            ("passed at 2026-11-28 03:00 UTC: x", "passed at 2026-11-29 03:10 UTC: x"),
            (
                "recovery point 0a1b2c3d4e5f: 3 files, 900 KiB",
                "recovery point ffeedd00aa11: 12 files, 1.1 MiB",
            ),
            ("at /tmp/outlive-0a1b2c3d4e5f/x", "at /tmp/outlive-1a1b2c3d4e5f/x"),
        ];
        for (one, other) in same {
            assert_eq!(steady(one), steady(other));
        }
        let unlike = [
            ("DAMAGED packs/0a1b2c3d4e5f: x", "DAMAGED packs/1a1b2c3d4e5f: x"),
            ("host leaves a point 3 d old", "site leaves a point 3 d old"),
            ("rpo: high: x", "rpo: undetermined: x"),
            ("No space left", "Permission denied"),
        ];
        for (one, other) in unlike {
            assert_ne!(steady(one), steady(other));
        }
    }
}
