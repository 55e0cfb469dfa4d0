//! Which recovery points of a volume have to stay, and why: all others may go once their locks are over.
//!
//! Whatever is in doubt stays. A point goes only where its policy lets it go, and where what is left without it is as good as
//! before: what was proved, what doubts are measured by, and what a copy may be building on.

use super::live::{kept, later};
use crate::domain::{Keep, Timestamp};
use chrono::TimeDelta;

/// How far others can rest on a point, from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trust {
    /// It lacks something that its volume had.
    Lacking,
    /// It may be of something else than its volume.
    Doubted,
    /// Something that it needs is known to be damaged.
    Broken,
    /// Nothing speaks against it, and nobody here read it back.
    Unproven,
    /// It was read back here, whole.
    Proven,
}

/// What is known of one point of a volume.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    /// The moment whose state it holds: a copy builds on the newest by this.
    pub taken_at: Timestamp,
    /// When the store took it, by the store's clock where it has one.
    pub stored_at: Timestamp,
    /// How far others can rest on it.
    pub trust: Trust,
}

/// For how long points of a volume stay.
#[derive(Debug, Clone, Copy)]
pub struct Stay {
    /// Each at least so long from when the store took it.
    pub least: TimeDelta,
    /// Which ones stay beyond that.
    pub keep: Keep,
    /// How long bad data may go unnoticed: the newest from before that stays.
    pub detect_within: TimeDelta,
    /// How long one copy may take, which builds all that time on what was the newest when it began.
    pub longest_copy: TimeDelta,
}

/// Why a point stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stays {
    /// It claims to be of the future.
    Future,
    /// Its own time is not over.
    Young,
    /// `keep` keeps it, or it is the newest: of all, of those that nothing speaks against, or of those that were proved.
    Kept,
    /// It is the newest that is older than bad data may go unnoticed.
    Clean,
    /// A copy may still be building on it.
    BuiltUpon,
    /// A point that stays is doubted because of what this one holds: without it, nothing would say so.
    Measure,
    /// No point of the volume was proved here, so that none of them is known to be good.
    NothingProved,
}

impl Stays {
    /// The reason for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Future => "it claims to be of the future",
            Self::Young => "its own time is not over",
            Self::Kept => "the policy keeps it, or it is the newest that is good",
            Self::Clean => "it is the newest from before the time in which bad data may go unnoticed",
            Self::BuiltUpon => "a copy may be building on it",
            Self::Measure => "another point is doubted because of what this one holds",
            Self::NothingProved => "no point of its volume was read back here: run `outlive verify`",
        }
    }
}

/// How far apart clocks may be: that of a store counts whole seconds, for one.
const CLOCKS_DIFFER: TimeDelta = TimeDelta::minutes(5);

/// Why each of a volume's points stays; `None` of one that may go. The points are in the order in which a copy takes the last for the
/// newest.
///
/// One goes only where it may by both of its moments: what a writer claims could push others out, and there are stores (SeaweedFS
/// 4.48) that tell of an object whose lock was made longer that it was stored just then.
pub fn stays(points: &[Standing], stay: &Stay, now: Timestamp) -> Vec<Option<Stays>> {
    let claimed: Vec<Standing> =
        points.iter().map(|point| Standing { stored_at: point.taken_at, ..*point }).collect();
    let both = by_store(points, stay, now).into_iter().zip(by_store(&claimed, stay, now));
    both.map(|(stored, claimed)| stored.or(claimed)).collect()
}

/// The same by the moments that the store tells.
fn by_store(points: &[Standing], stay: &Stay, now: Timestamp) -> Vec<Option<Stays>> {
    let mut stays: Vec<Option<Stays>> = vec![None; points.len()];
    let mut note = |place: usize, why: Stays| {
        stays[place].get_or_insert(why);
    };
    let is_of_the_future = |point: &Standing| point.stored_at.max(point.taken_at) > later(now, CLOCKS_DIFFER);
    for (place, point) in points.iter().enumerate() {
        if is_of_the_future(point) {
            note(place, Stays::Future);
        } else if later(point.stored_at, stay.least) > now {
            note(place, Stays::Young);
        }
    }
    // What nobody can believe of its time takes nobody's place, nor does what lacks something.
    let of = |trust: Trust| -> Vec<usize> {
        let is_one = |place: &usize| points[*place].trust >= trust && !is_of_the_future(&points[*place]);
        (0..points.len()).filter(is_one).collect()
    };
    for trust in [Trust::Doubted, Trust::Unproven, Trust::Proven] {
        let some = of(trust);
        let stored: Vec<Timestamp> = some.iter().map(|place| points[*place].stored_at).collect();
        kept(&stored, stay.keep).into_iter().for_each(|place| note(some[place], Stays::Kept));
        let clean = some.iter().filter(|place| later(points[**place].stored_at, stay.detect_within) <= now);
        if let Some(newest) = clean.max_by_key(|place| points[**place].stored_at) {
            note(*newest, Stays::Clean);
        }
    }
    for place in 0..points.len() {
        // It was the newest until another one came, and a copy that had begun by then may run so much longer.
        let since = points[place + 1..].iter().map(|after| after.stored_at).min();
        if since.is_none_or(|since| later(since, stay.longest_copy) > now) {
            note(place, Stays::BuiltUpon);
        }
    }
    if of(Trust::Proven).is_empty() {
        (0..points.len()).for_each(|place| note(place, Stays::NothingProved));
    }
    measures(points, |place| stays[place].is_some()).into_iter().for_each(|place| {
        stays[place].get_or_insert(Stays::Measure);
    });
    stays
}

/// What the doubted points that stay are measured by: the last point before each that is whole and not doubted.
pub fn measures(points: &[Standing], stays: impl Fn(usize) -> bool) -> Vec<usize> {
    let mut measures = Vec::new();
    let mut last = None;
    for (place, point) in points.iter().enumerate() {
        match point.trust {
            Trust::Lacking => {}
            Trust::Doubted if stays(place) => measures.extend(last),
            Trust::Doubted => {}
            Trust::Broken | Trust::Unproven | Trust::Proven => last = Some(place),
        }
    }
    measures
}

/// How long something that no point needs is left alone: a copy may be at work on it, or the next one may build on it.
pub const LEFT_ALONE: TimeDelta = TimeDelta::days(30);

/// What becomes of an object beside the points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leftover {
    /// Nothing needs it, and nothing will.
    MayGo,
    /// It came so lately that a copy may be at work on it.
    Young,
    /// Nobody says since when it is there.
    Ageless,
}

/// What becomes of an object that no point needs; `planned` where an earlier plan named it.
pub fn leftover(there_since: Option<Timestamp>, planned: bool, now: Timestamp) -> Leftover {
    match there_since {
        _ if planned => Leftover::MayGo,
        None => Leftover::Ageless,
        Some(since) if later(since, LEFT_ALONE) <= now => Leftover::MayGo,
        Some(_) => Leftover::Young,
    }
}

#[cfg(test)]
mod tests {
    use super::Stays::*;
    use super::*;

    const DAY: TimeDelta = TimeDelta::days(1);

    fn now() -> Timestamp {
        "2026-11-29T03:00:00Z".parse().unwrap()
    }

    /// A point of so many days ago.
    fn point(days: i64, trust: Trust) -> Standing {
        let at = now() - DAY * i32::try_from(days).unwrap();
        Standing { taken_at: at, stored_at: at, trust }
    }

    fn stay() -> Stay {
        Stay {
            least: DAY * 7,
            keep: Keep::default(),
            detect_within: DAY * 3,
            longest_copy: TimeDelta::hours(6),
        }
    }

    /// Why points stay, by their ages in days and what can rest on each; oldest first.
    fn of(points: &[(i64, Trust)], stay: &Stay) -> Vec<Option<Stays>> {
        let points: Vec<Standing> = points.iter().map(|(days, trust)| point(*days, *trust)).collect();
        stays(&points, stay, now())
    }

    #[test]
    fn what_the_policy_does_not_keep_goes_once_its_time_is_over() {
        use Trust::Proven;
        let points = [(40, Proven), (20, Proven), (9, Proven), (8, Proven), (2, Proven)];
        assert_eq!(of(&points, &stay()), [None, None, None, Some(Clean), Some(Young)]);
        let keep = Keep { weekly: 3, ..Keep::default() };
        assert_eq!(of(&points, &Stay { keep, ..stay() })[1..], [Some(Kept), None, Some(Kept), Some(Young)]);
        let none_is_young = of(&points[..3], &stay());
        assert_eq!(none_is_young, [None, None, Some(Kept)], "the newest stays however old it is");
    }

    #[test]
    fn the_newest_good_one_stays_whatever_came_after_it() {
        use Trust::*;
        for bad in [Lacking, Doubted, Broken] {
            let points = [(60, Proven), (40, Proven), (20, bad), (10, bad)];
            let found = of(&points, &stay());
            assert_eq!((found[0], found[1]), (None, Some(Kept)), "{bad:?}");
            assert!(found[3].is_some(), "{bad:?}: a copy builds on the newest, whatever it is");
        }
        let points = [(60, Proven), (40, Unproven), (20, Unproven)];
        assert_eq!(of(&points, &stay()), [Some(Kept), None, Some(Kept)]);
    }

    #[test]
    fn of_a_volume_of_which_nothing_was_proved_nothing_goes() {
        use Trust::*;
        let found = of(&[(60, Unproven), (40, Unproven), (20, Broken)], &stay());
        assert!(found.iter().all(Option::is_some), "{found:?}");
        assert_eq!(found[0], Some(NothingProved));
    }

    #[test]
    fn what_a_doubt_is_measured_by_stays_as_long_as_the_doubted_does() {
        use Trust::*;
        let keep = Keep { daily: 3, ..Keep::default() };
        let points = [(60, Proven), (50, Proven), (40, Doubted), (30, Proven), (20, Proven)];
        let with_keep = of(&points, &Stay { keep, ..stay() });
        assert_eq!(with_keep[..3], [None, Some(Kept), Some(Kept)]);
        // By the policy the doubted one stays for another day, and what it is doubted by for none of its own.
        let points = [(60, Proven), (6, Doubted), (5, Proven), (4, Proven)];
        assert_eq!(of(&points, &stay())[0], Some(Measure));
    }

    #[test]
    fn what_is_doubted_and_cannot_go_yet_keeps_what_it_is_doubted_by() {
        use Trust::*;
        let points = [(40, Proven), (30, Doubted), (20, Proven), (9, Proven)];
        let points = points.map(|(days, trust)| point(days, trust));
        assert_eq!(stays(&points, &stay(), now())[..2], [None, None]);
        assert_eq!(measures(&points, |place| place > 0), [0], "its root is locked: it stays");
        assert!(measures(&points, |place| place > 1).is_empty());
    }

    #[test]
    fn a_point_that_was_the_newest_while_a_copy_may_have_begun_stays() {
        use Trust::Proven;
        let mut points = [point(40, Proven), point(30, Proven), point(0, Proven)];
        points[2].stored_at = now() - TimeDelta::hours(5);
        assert_eq!(stays(&points, &stay(), now())[..2], [None, Some(Clean)]);
        let stay = Stay { detect_within: DAY * 35, ..stay() };
        assert_eq!(stays(&points, &stay, now()), [Some(Clean), Some(BuiltUpon), Some(Young)]);
        points[2].stored_at = now() - TimeDelta::hours(6);
        points[2].taken_at = points[2].stored_at;
        assert_eq!(stays(&points, &stay, now())[1], None);
    }

    #[test]
    fn a_point_goes_only_where_it_may_by_the_stores_moment_and_by_its_own() {
        use Trust::Proven;
        let keep = Keep { daily: 2, ..Keep::default() };
        let stay = Stay { keep, detect_within: DAY, ..stay() };
        let mut points = [40, 30, 20, 10].map(|days| point(days, Proven));
        assert_eq!(stays(&points, &stay, now()), [None, None, Some(Kept), Some(Kept)]);
        // The lock of the oldest was made longer a moment ago, and the store says that it was stored then.
        points[0].stored_at = now();
        assert_eq!(stays(&points, &stay, now())[2..], [Some(Kept), Some(Kept)]);
        // A writer claims for one what would take the place of another.
        let mut points = [40, 30, 20, 10].map(|days| point(days, Proven));
        points[3].taken_at = points[2].taken_at;
        assert_eq!(stays(&points, &stay, now())[2..], [Some(Kept), Some(Kept)]);
    }

    #[test]
    fn what_claims_to_be_of_the_future_stays_and_takes_nobodys_place() {
        use Trust::Proven;
        let points = [(40, Proven), (20, Proven), (-300, Proven)];
        assert_eq!(of(&points, &stay()), [None, Some(Kept), Some(Future)]);
    }

    #[test]
    fn what_no_point_needs_is_left_alone_for_a_time_unless_it_was_planned_before() {
        let since = |days: i64| Some(point(days, Trust::Proven).stored_at);
        assert_eq!(leftover(since(29), false, now()), Leftover::Young);
        assert_eq!(leftover(since(30), false, now()), Leftover::MayGo);
        assert_eq!(leftover(None, false, now()), Leftover::Ageless);
        assert_eq!(leftover(since(1), true, now()), Leftover::MayGo);
    }
}
