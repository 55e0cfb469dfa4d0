//! What is asked of a volume's recovery points.

use super::{HazardClass, Kind, Owner, Problem, Result, Timestamp, VolumeId};
use chrono::TimeDelta;
use std::collections::{BTreeMap, BTreeSet};

/// What must hold for a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Recovery point objective: how old the newest surviving point may be.
    pub rpo: TimeDelta,
    /// The classes of hazard that a recovery point must survive.
    pub survive: BTreeSet<HazardClass>,
    /// How long bad data may go unnoticed.
    pub detect_within: TimeDelta,
    /// The smallest size of a cut set that is acceptable.
    pub min_cut_order: usize,
    /// For how long a recovery point must be locked; `None` asks for no lock.
    pub locked_for: Option<TimeDelta>,
    /// How often a restore must be tried; `None` asks for no drill.
    pub drill_every: Option<TimeDelta>,
    /// When it was last changed how the volume is copied, where somebody says so: older drills prove nothing of that.
    pub plan_changed_at: Option<Timestamp>,
}

impl Default for Policy {
    /// 26 hours (a nightly copy with two hours to spare), and every class that a look at one machine settles.
    fn default() -> Self {
        Self {
            rpo: TimeDelta::hours(26),
            survive: HazardClass::LOCAL.into(),
            detect_within: TimeDelta::days(3),
            min_cut_order: 1,
            locked_for: None,
            drill_every: None,
            plan_changed_at: None,
        }
    }
}

/// How much longer than is needed something is locked, so that not every night has to make every lock longer.
pub const SLACK: TimeDelta = TimeDelta::days(7);

/// How much longer something is locked that is to be locked for so long: never for more than twice that.
pub fn slack_of(locked_for: TimeDelta) -> TimeDelta {
    SLACK.min(locked_for)
}

/// How many points are kept, beyond the time that each is locked for: the newest of so many hours, days, weeks, months and
/// years that have one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Keep {
    /// Of hours.
    pub hourly: usize,
    /// Of days.
    pub daily: usize,
    /// Of weeks, from Monday on.
    pub weekly: usize,
    /// Of months.
    pub monthly: usize,
    /// Of years.
    pub yearly: usize,
}

/// A rule's failure on one volume that somebody answers for, for a time; where it says so, also that it cannot be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleWaiver {
    /// The rule's id.
    pub rule: String,
    /// The volume.
    pub volume: VolumeId,
    /// Why it is accepted.
    pub reason: String,
    /// Who answers for it.
    pub owner: Owner,
    /// Until when; past that it waives nothing.
    pub until: Timestamp,
    /// Whether it also waives what cannot be said: who accepts a known failure has not accepted an unknown one.
    pub undetermined: bool,
}

/// What is asked of each volume.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policies {
    /// Holds for every volume that has none of its own.
    pub default: Policy,
    /// Policies of single volumes.
    pub of_volume: BTreeMap<VolumeId, Policy>,
    /// Failures that somebody answers for.
    pub waivers: Vec<RuleWaiver>,
}

impl Policies {
    /// The policy that holds for a volume.
    pub fn of(&self, volume: &VolumeId) -> &Policy {
        self.of_volume.get(volume).unwrap_or(&self.default)
    }
}

impl From<Policy> for Policies {
    /// One policy for all.
    fn from(default: Policy) -> Self {
        Self { default, of_volume: BTreeMap::new(), waivers: Vec::new() }
    }
}

/// Reads `90s`, `15m`, `26h`, `7d` or `2w`.
///
/// # Errors
/// Anything else, zero, and more than a hundred years.
pub fn parse_duration(text: &str) -> Result<TimeDelta> {
    let wrong = || {
        Problem::new(Kind::Usage, format!("`{}` is no duration", super::printable(text.as_bytes())))
            .remedy("write a whole number with a unit: 90s, 15m, 26h, 7d or 2w")
    };
    let unit = text.chars().last().ok_or_else(wrong)?;
    let number: i64 = text.strip_suffix(unit).and_then(|digits| digits.parse().ok()).ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return Err(wrong()),
    };
    let total =
        number.checked_mul(seconds).filter(|total| (1..=3_155_760_000).contains(total)).ok_or_else(wrong)?;
    TimeDelta::try_seconds(total).ok_or_else(wrong)
}

/// Says a duration in the two largest units that matter: `3 d 4 h`, `12 min`, `5 s`.
pub fn say_duration(span: TimeDelta) -> String {
    let seconds = span.num_seconds();
    if seconds < 0 {
        return format!("{} in the future", say_duration(-span));
    }
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, _, 0) => format!("{hours} h"),
        (0, _, _) => format!("{hours} h {minutes} min"),
        (_, 0, _) => format!("{days} d"),
        _ => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_say_themselves() {
        assert_eq!(parse_duration("26h").unwrap(), TimeDelta::hours(26));
        assert_eq!(parse_duration("2w").unwrap(), TimeDelta::days(14));
        for wrong in ["", "h", "26", "0h", "-1h", "1y", "1.5h", "99999999999999999999d", "9000000000w", "é"]
        {
            assert!(parse_duration(wrong).is_err(), "{wrong:?} was taken");
        }
        assert_eq!(say_duration(TimeDelta::hours(26)), "1 d 2 h");
        assert_eq!(say_duration(TimeDelta::seconds(59)), "59 s");
        assert_eq!(say_duration(TimeDelta::seconds(-60)), "1 min in the future");
    }
}
