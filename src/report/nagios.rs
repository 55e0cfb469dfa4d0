//! One line for a person in a hurry, and the same as the result of a Nagios plugin.

use super::activity::{NightlyDone, Standing, TaskOutcome};

/// How many volumes a line names.
const NAMED: usize = 3;

/// A run in a line, without names: what may go to somebody else's machine.
pub fn headline(done: &NightlyDone, exit_code: u8) -> String {
    let count = |outcome| done.tasks.iter().filter(|task| task.outcome == outcome).count();
    let sound = done.volumes.iter().filter(|volume| volume.standing == Standing::Sound).count();
    let (failed, not_done) = (count(TaskOutcome::Failed), count(TaskOutcome::NotDone));
    let dry = if done.dry_run { "dry run, nothing was done; " } else { "" };
    format!(
        "{}: {dry}{sound} of {} volumes sound; {} tasks done, {failed} failed, {not_done} not done",
        meaning(exit_code),
        done.volumes.len(),
        count(TaskOutcome::Done),
    )
}

/// What the exit code says first.
fn meaning(exit_code: u8) -> &'static str {
    match exit_code {
        0 => "sound",
        2 => "usage or configuration is wrong",
        10 => "a rule failed",
        11 => "undetermined",
        12 => "a drill failed",
        13 => "a drill that was due did not run",
        14 => "a copy failed",
        15 => "another run holds the lock",
        _ => "outlive or the operating system failed",
    }
}

/// The line of a Nagios plugin, with performance data, and its exit code: 0 is OK; a rule, a drill or a copy that
/// failed and a drill that was due and did not run are CRITICAL (2); another run that holds the lock is WARNING (1);
/// everything that could not be judged is UNKNOWN (3), and so is a run that saw no volume.
pub fn nagios(exit_code: u8, done: &NightlyDone) -> (String, u8) {
    let (word, code) = match exit_code {
        0 if done.volumes.is_empty() => ("UNKNOWN", 3),
        0 => ("OK", 0),
        10 | 12 | 13 | 14 => ("CRITICAL", 2),
        15 => ("WARNING", 1),
        _ => ("UNKNOWN", 3),
    };
    let mut names: Vec<&str> = done
        .volumes
        .iter()
        .filter(|volume| volume.standing != Standing::Sound)
        .map(|volume| &*volume.volume)
        .collect();
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    let mut line = format!("OUTLIVE {word} - {}", headline(done, exit_code));
    if !names.is_empty() {
        line.push_str(&format!("; not sound: {}", names.join(", ")));
    }
    if more > 0 {
        line.push_str(&format!(" and {more} more"));
    }
    (format!("{} | {}\n", one_line(&line), performance(done)), code)
}

/// Labels are fixed: a volume's name could end the list.
fn performance(done: &NightlyDone) -> String {
    let count = |outcome| done.tasks.iter().filter(|task| task.outcome == outcome).count();
    let standing = |standing| done.volumes.iter().filter(|volume| volume.standing == standing).count();
    let all = done.volumes.len();
    let seconds = (done.finished_at - done.started_at).num_milliseconds();
    // cannot lose what matters: milliseconds of a run are far below 2^52
    let seconds = seconds.max(0) as f64 / 1000.0;
    format!(
        "sound={};;;0;{all} undetermined={};;;0;{all} failed={};;;0;{all} tasks_done={};;;0 tasks_failed={};;;0 \
         tasks_not_done={};;;0 time={seconds}s;;;0",
        standing(Standing::Sound),
        standing(Standing::Undetermined),
        standing(Standing::Failed),
        count(TaskOutcome::Done),
        count(TaskOutcome::Failed),
        count(TaskOutcome::NotDone),
    )
}

/// `|` begins the performance data, and a line feed the long output.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c == '|' || c.is_control() { ' ' } else { c }).collect()
}
