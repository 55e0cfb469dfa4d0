//! A nightly run: what was due, what became of it, and how every volume stands at its end.

use crate::domain::Timestamp;
use serde::Serialize;

/// The words by which a read-back that was done says what is damaged in its vault all the same.
pub const KNOWN_DAMAGE: &str = "are known to be damaged";

/// One nightly run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NightlyDone {
    /// The run's random id, a UUID.
    pub run: String,
    /// The version of outlive.
    pub version: &'static str,
    /// The configuration file.
    pub config: String,
    /// Its SHA-256.
    pub config_sha256: String,
    /// When the run began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// True where nothing was to be done, only shown.
    pub dry_run: bool,
    /// Everything that was due, in the order in which it was begun.
    pub tasks: Vec<TaskDone>,
    /// Every volume, sorted by name.
    pub volumes: Vec<VolumeNight>,
    /// What could not be seen.
    pub gaps: Vec<String>,
    /// What the configuration asks for and this version does not do.
    pub unhonoured: Vec<Unhonoured>,
    /// What else must be said.
    pub notices: Vec<String>,
    /// Where runbooks were written: the directory here, and vaults by name.
    pub runbooks: Vec<String>,
    /// What all of it comes to: empty where everything is sound. The exit code follows from it.
    pub verdicts: Vec<NightVerdict>,
}

/// Something that was asked for and is not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unhonoured {
    /// The key in the configuration.
    pub key: String,
    /// What is not done.
    pub because: String,
    /// Where it stands in the file.
    pub line: usize,
}

/// Why a night is not sound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NightVerdict {
    /// A copy failed or was not made, or stored objects are damaged or could not be read back.
    CopyFailed,
    /// A drill failed.
    DrillFailed,
    /// A rule failed.
    RuleFailed,
    /// A drill that was due did not run.
    DrillNotRun,
    /// Something that was asked for could not be seen or judged.
    Undetermined,
    /// The run could not be recorded.
    Unrecorded,
}

impl NightlyDone {
    /// The one exit code that the process ends with: the first of 1, 14, 12, 10, 13, 11 that applies, and 0
    /// where everything is sound.
    pub fn exit_code(&self) -> u8 {
        const ORDER: [NightVerdict; 6] = [
            NightVerdict::Unrecorded,
            NightVerdict::CopyFailed,
            NightVerdict::DrillFailed,
            NightVerdict::RuleFailed,
            NightVerdict::DrillNotRun,
            NightVerdict::Undetermined,
        ];
        let first = ORDER.into_iter().find(|verdict| self.verdicts.contains(verdict));
        first.map_or(0, NightVerdict::exit_code)
    }
}

impl NightVerdict {
    /// Its exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Unrecorded => 1,
            Self::RuleFailed => 10,
            Self::Undetermined => 11,
            Self::DrillFailed => 12,
            Self::DrillNotRun => 13,
            Self::CopyFailed => 14,
        }
    }

    /// The word in records.
    pub fn word(self) -> &'static str {
        match self {
            Self::CopyFailed => "copy failed",
            Self::DrillFailed => "drill failed",
            Self::RuleFailed => "rule failed",
            Self::DrillNotRun => "drill not run",
            Self::Undetermined => "undetermined",
            Self::Unrecorded => "unrecorded",
        }
    }

    /// What a night comes to.
    pub fn of(night: &NightlyDone) -> Vec<Self> {
        let mut all: Vec<Self> = night.tasks.iter().filter_map(Self::of_task).collect();
        all.extend(night.volumes.iter().flat_map(Self::of_volume));
        if !night.unhonoured.is_empty() || !night.gaps.is_empty() || night.volumes.is_empty() {
            all.push(Self::Undetermined);
        }
        all.sort();
        all.dedup();
        all
    }

    fn of_task(task: &TaskDone) -> Option<Self> {
        match (task.task, task.outcome) {
            (_, TaskOutcome::Done | TaskOutcome::Planned) => None,
            (TaskKind::Drill, TaskOutcome::Failed) => Some(Self::DrillFailed),
            (TaskKind::Drill, TaskOutcome::NotDone) => Some(Self::DrillNotRun),
            (TaskKind::Copy | TaskKind::ReadBack | TaskKind::Lock, _) => Some(Self::CopyFailed),
        }
    }

    fn of_volume(volume: &VolumeNight) -> Vec<Self> {
        let standing = match volume.standing {
            Standing::Sound => None,
            Standing::Undetermined => Some(Self::Undetermined),
            Standing::Failed => Some(Self::RuleFailed),
        };
        let drill = match volume.drill.outcome {
            DrillOutcome::Passed | DrillOutcome::Waived => None,
            DrillOutcome::Failed => Some(Self::DrillFailed),
            DrillOutcome::NotRun => Some(Self::DrillNotRun),
            DrillOutcome::NeverDrilled => volume.drill.asked.then_some(Self::DrillNotRun),
        };
        standing.into_iter().chain(drill).collect()
    }
}

/// Something that was due.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaskDone {
    /// What sort of work.
    pub task: TaskKind,
    /// The volume, where it is about one.
    pub volume: Option<String>,
    /// The vault, where it is about one.
    pub vault: Option<String>,
    /// The drill's name, for a drill.
    pub drill: Option<String>,
    /// Since when it is due.
    pub due_since: Option<Timestamp>,
    /// What became of it.
    pub outcome: TaskOutcome,
    /// Why, or what was done, in a sentence.
    pub detail: String,
    /// How long it took, in seconds.
    pub seconds: f64,
}

/// A sort of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// A copy into a vault, with its read-back.
    Copy,
    /// Reading a share of a vault back.
    ReadBack,
    /// Making the locks longer of what is still needed in a vault.
    Lock,
    /// A test restore.
    Drill,
}

impl TaskKind {
    /// The word in tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Copy => "copy",
            Self::ReadBack => "read back",
            Self::Lock => "lock",
            Self::Drill => "drill",
        }
    }
}

/// What became of something that was due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskOutcome {
    /// It was done, and what it had to show was shown.
    Done,
    /// It was tried and failed.
    Failed,
    /// It was not begun, or ended before its end: time was up, or the run was asked to stop.
    NotDone,
    /// It would be done: this was a dry run.
    Planned,
}

impl TaskOutcome {
    /// The word in tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "FAILED",
            Self::NotDone => "NOT DONE",
            Self::Planned => "would be done",
        }
    }
}

/// How a volume stands at the end of the run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VolumeNight {
    /// Its name.
    pub volume: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Its policy's name.
    pub policy: String,
    /// The policy's RPO, in seconds.
    pub rpo_seconds: i64,
    /// What its findings come to.
    pub standing: Standing,
    /// The reasons where it is not sound: a sentence each.
    pub because: Vec<String>,
    /// What survives which loss.
    pub survives: Vec<SurvivingCopy>,
    /// How its drills stand.
    pub drill: DrillStanding,
}

/// What the findings on a volume come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Every rule that was asked for holds.
    Sound,
    /// Something could not be said, and nothing failed.
    Undetermined,
    /// A rule failed.
    Failed,
}

/// The newest recovery point that survives one loss.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SurvivingCopy {
    /// The class of hazard: the word of policies.
    pub class: String,
    /// Whether the policy asks for it.
    pub asked: bool,
    /// The hazard in words.
    pub hazard: String,
    /// The age of the newest survivor, in seconds; none where nothing is known to survive, or its age is unknown.
    pub age_seconds: Option<i64>,
    /// The survivor in words, `NONE`, or why nothing can be said.
    pub survivor: String,
}

/// How the drills of a volume stand.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DrillStanding {
    /// Which of the five.
    pub outcome: DrillOutcome,
    /// Whether the policy asks for drills.
    pub asked: bool,
    /// The name of the drill that says so, where there is one.
    pub drill: Option<String>,
    /// When the last one passed.
    pub last_passed_at: Option<Timestamp>,
    /// How long that one took to restore, in seconds: the measured recovery time.
    pub last_restore_seconds: Option<f64>,
    /// Why, in a sentence.
    pub detail: String,
}

impl DrillStanding {
    /// Of drills that nobody could look at.
    pub fn unseen() -> Self {
        Self {
            outcome: DrillOutcome::NotRun,
            asked: true,
            drill: None,
            last_passed_at: None,
            last_restore_seconds: None,
            detail: "nobody could see how its drills stand".into(),
        }
    }
}

/// Every volume ends each run as one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DrillOutcome {
    /// The last drill passed, recently enough for the policy.
    Passed,
    /// The last drill failed.
    Failed,
    /// A drill is due and did not run.
    NotRun,
    /// Somebody decided that none is asked, until a date that has not come.
    Waived,
    /// It has never been drilled.
    NeverDrilled,
}

impl DrillOutcome {
    /// The word in tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "FAILED",
            Self::NotRun => "NOT RUN",
            Self::Waived => "waived",
            Self::NeverDrilled => "NEVER DRILLED",
        }
    }
}
