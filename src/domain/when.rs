//! A limit in time, as a person names one: a day, a minute, a second.

use super::{Kind, Problem, Result, Timestamp, printable};
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

/// Which recovery points are meant, by the moment whose state they hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum When {
    /// All.
    #[default]
    Any,
    /// Those of the named time, and all before it.
    At(Stretch),
    /// Those before the named time began.
    Before(Stretch),
}

impl When {
    /// Whether a point of this moment is one of them.
    pub fn admits(&self, moment: Timestamp) -> bool {
        match self {
            Self::Any => true,
            Self::At(stretch) => moment < stretch.end,
            Self::Before(stretch) => moment < stretch.start,
        }
    }

    /// The limit for people, behind a noun: ` at or before …`; nothing where there is none.
    pub fn say(&self) -> String {
        let of = |stretch: &Stretch| stretch.start.format("%Y-%m-%d %H:%M:%S UTC").to_string();
        match self {
            Self::Any => String::new(),
            // The last second of what was named: of a day, its evening.
            Self::At(stretch) => {
                format!(
                    " at or before {}",
                    of(&Stretch { start: stretch.end - TimeDelta::nanoseconds(1), ..*stretch })
                )
            }
            Self::Before(stretch) => format!(" before {}", of(stretch)),
        }
    }
}

/// What somebody named in whole days, minutes or seconds lasts as long as one of those.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// When it begins.
    pub start: Timestamp,
    /// When it is over.
    pub end: Timestamp,
}

impl Stretch {
    /// Reads a day, or a time to the minute, to the second or finer; without a zone it is UTC, as all times are printed.
    ///
    /// # Errors
    /// `Usage` for anything else.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = || {
            Problem::new(Kind::Usage, format!("`{}` is no time", printable(text.as_bytes()))).remedy(
                "write a day as 2026-12-31, or a time as 2026-12-31 02:00, 2026-12-31 02:00:00 or \
                 2026-12-31T02:00:00+01:00; without a zone it is UTC",
            )
        };
        let text = text.trim();
        let lasting = |start: Timestamp, length: TimeDelta| {
            start.checked_add_signed(length).map(|end| Self { start, end }).ok_or_else(wrong)
        };
        let second = if text.contains('.') { TimeDelta::nanoseconds(1) } else { TimeDelta::seconds(1) };
        if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
            return lasting(moment.into(), second);
        }
        let plain = text.strip_suffix(" UTC").or_else(|| text.strip_suffix('Z')).unwrap_or(text);
        let plain = plain.replacen('T', " ", 1);
        if let Ok(day) = NaiveDate::parse_from_str(&plain, "%Y-%m-%d") {
            return lasting(day.and_time(NaiveTime::MIN).and_utc(), TimeDelta::days(1));
        }
        if let Ok(moment) = NaiveDateTime::parse_from_str(&plain, "%Y-%m-%d %H:%M") {
            return lasting(moment.and_utc(), TimeDelta::minutes(1));
        }
        let moment = NaiveDateTime::parse_from_str(&plain, "%Y-%m-%d %H:%M:%S%.f").map_err(|_| wrong())?;
        lasting(moment.and_utc(), second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        DateTime::parse_from_rfc3339(text).unwrap().into()
    }

    #[test]
    fn what_is_named_lasts_as_long_as_it_is_named_exactly() {
        let cases = [
            ("2026-11-28", "2026-11-28T00:00:00Z", "2026-11-29T00:00:00Z"),
            ("2026-11-28 05:57", "2026-11-28T05:57:00Z", "2026-11-28T05:58:00Z"),
            ("2026-11-28T05:57Z", "2026-11-28T05:57:00Z", "2026-11-28T05:58:00Z"),
            ("2026-11-28 05:57:36 UTC", "2026-11-28T05:57:36Z", "2026-11-28T05:57:37Z"),
            ("2026-11-28 05:57:36Z", "2026-11-28T05:57:36Z", "2026-11-28T05:57:37Z"),
            ("2026-11-28T05:57:36+01:00", "2026-11-28T04:57:36Z", "2026-11-28T04:57:37Z"),
            ("2026-11-28 05:57:36.25", "2026-11-28T05:57:36.25Z", "2026-11-28T05:57:36.250000001Z"),
        ];
        for (text, start, end) in cases {
            assert_eq!(Stretch::parse(text).unwrap(), Stretch { start: at(start), end: at(end) }, "{text}");
        }
        for wrong in ["", "yesterday", "2026-13-01", "2026-11-28 25:00", "28.11.2026", "1e9"] {
            assert_eq!(Stretch::parse(wrong).unwrap_err().kind, Kind::Usage, "{wrong}");
        }
    }

    #[test]
    fn a_point_that_is_printed_to_the_second_is_found_by_what_was_printed() {
        let (second, point) = (Stretch::parse("2026-11-28 05:57:36Z").unwrap(), at("2026-11-28T05:57:36.9Z"));
        assert!(When::At(second).admits(point) && !When::Before(second).admits(point));
        assert!(When::Before(second).admits(at("2026-11-28T05:57:35.9Z")));
        assert!(!When::At(second).admits(at("2026-11-28T05:57:37Z")) && When::Any.admits(point));
        let day = Stretch::parse("2026-11-28").unwrap();
        assert_eq!(When::At(day).say(), " at or before 2026-11-28 23:59:59 UTC");
        assert_eq!(When::Before(day).say(), " before 2026-11-28 00:00:00 UTC");
    }
}
