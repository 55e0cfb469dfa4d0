//! Whether what was copied is the prefix as it was at one moment: that at which the first list ended.

use super::content::Seen;
use super::keys::order;
use crate::domain::{Timestamp, printable};
use crate::store::Object;
use chrono::TimeDelta;

/// What a second list, made directly after the first and before anything is fetched, shows of the objects of the first.
pub struct Compared {
    /// From when on, by the store's clock, an object surely came after the first list and after all that is on it; none where nobody says.
    after: Option<Timestamp>,
    /// Which objects of the first list the second shows as they were.
    same: Vec<bool>,
    came: Doubts,
}

/// The first of what the copy cannot be of one moment because of, and how many.
#[derive(Clone, Default)]
struct Doubts {
    because: Option<String>,
    count: usize,
}

impl Compared {
    /// Nothing yet. `ended` is the store's clock at the end of the first list, in whole seconds.
    pub fn new(first: &[Object], ended: Option<Timestamp>) -> Self {
        let stored: Option<Vec<Timestamp>> = first.iter().map(|object| object.stored_at).collect();
        let newest = stored.and_then(|stored| stored.into_iter().max());
        // The list ended somewhen within that second.
        let ended = ended.and_then(|ended| ended.checked_add_signed(TimeDelta::seconds(1)));
        let after = ended.zip(newest).map(|(ended, newest)| ended.max(newest));
        Self { after, same: vec![false; first.len()], came: Doubts::default() }
    }

    /// An object of the second list.
    pub fn take(&mut self, first: &[Object], now: &Object) {
        match first.binary_search_by(|object| order(&object.name, &now.name)) {
            Ok(number) => self.same[number] = first[number] == *now,
            Err(_) => {
                let came_after = now.stored_at.zip(self.after).is_some_and(|(stored, after)| stored > after);
                if !came_after {
                    self.came.tell(&now.name, "may have come while the list was made");
                }
            }
        }
    }

    /// Why the copy is of no one moment, once all is read; none where it is. `seen` tells how each object was read.
    pub fn because(&self, first: &[Object], seen: &dyn Fn(usize) -> Seen) -> Option<String> {
        let mut doubts = self.came.clone();
        for (number, object) in first.iter().enumerate() {
            match seen(number) {
                Seen::Replaced => doubts.tell(&object.name, "was replaced before it was read"),
                Seen::Gone => doubts.tell(&object.name, "vanished before it was read"),
                // What was fetched as it was listed was still so when the list had ended; of what was not, only the second list tells.
                Seen::Kept if !self.same[number] => {
                    doubts.tell(&object.name, "may have changed or gone while the list was made");
                }
                Seen::Kept | Seen::AsListed | Seen::Missed => {}
            }
        }
        let more = match doubts.count {
            0 | 1 => String::new(),
            count => format!(" (and {} more)", count - 1),
        };
        doubts.because.map(|because| because + &more)
    }
}

impl Doubts {
    fn tell(&mut self, name: &str, what: &str) {
        self.count += 1;
        self.because.get_or_insert_with(|| format!("{} {what}", printable(name.as_bytes())));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Option<Timestamp> {
        Timestamp::from_timestamp(seconds, 500_000_000)
    }

    fn object(name: &str, etag: &str, stored: i64) -> Object {
        Object { name: name.into(), bytes: 1, etag: etag.into(), stored_at: at(stored) }
    }

    /// The first list is of `a`, `b` and `c`, and ended in second 100. Why the copy is of no one moment.
    fn because(seen: Seen, second: &[Object]) -> Option<String> {
        because_of(&["a", "b", "c"].map(|name| object(name, "1", 50)), 100, seen, second)
    }

    fn because_of(first: &[Object], ended: i64, seen: Seen, second: &[Object]) -> Option<String> {
        let mut compared = Compared::new(first, Timestamp::from_timestamp(ended, 0));
        second.iter().for_each(|object| compared.take(first, object));
        compared.because(first, &|number| if number == 1 { seen } else { Seen::Kept })
    }

    #[test]
    fn a_copy_is_of_the_moment_its_list_ended_unless_something_may_have_changed_before() {
        let [a, b, c] = ["a", "b", "c"].map(|name| object(name, "1", 50));
        let same = [a.clone(), b, c.clone()];
        let with = |more| [&same[..], &[more]].concat();
        let without_b = [a.clone(), c.clone()];
        let replaced = |stored| [a.clone(), object("b", "2", stored), c.clone()];
        for seen in [Seen::Kept, Seen::AsListed, Seen::Missed] {
            assert_eq!(because(seen, &same), None);
            // What came after the list had ended belongs to the next copy.
            assert_eq!(because(seen, &with(object("d", "1", 101))), None);
            // Within the second in which it ended, nobody knows.
            for stored in [99, 100] {
                let early = because(seen, &with(object("d", "1", stored))).unwrap();
                assert_eq!(early, "d may have come while the list was made");
            }
        }
        // Fetched after the list had ended, it was what was listed, whatever came then.
        assert_eq!(because(Seen::AsListed, &without_b), None);
        assert_eq!(because(Seen::AsListed, &replaced(99)), None);
        // Not fetched, nobody knows when; also not where what is there now came later: it may have taken the place of another.
        for second in [&without_b[..], &replaced(99), &replaced(101)] {
            assert!(because(Seen::Kept, second).unwrap().contains("b may have changed or gone"));
        }
        assert!(because(Seen::Replaced, &same).unwrap().contains("b was replaced before it was read"));
        assert!(because(Seen::Gone, &same).unwrap().contains("b vanished before it was read"));
        let both = because(Seen::Replaced, &with(object("d", "1", 99))).unwrap();
        assert_eq!(both, "d may have come while the list was made (and 1 more)");
    }

    #[test]
    fn what_came_counts_as_later_only_where_it_is_newer_than_all_that_was_listed() {
        // A clock of the list that lags behind that of the objects.
        let first = [object("a", "1", 50), object("c", "1", 120)];
        let with = |stored| [&first[..], &[object("d", "1", stored)]].concat();
        assert!(because_of(&first, 100, Seen::AsListed, &with(110)).is_some());
        assert_eq!(because_of(&first, 100, Seen::AsListed, &with(121)), None);
    }

    #[test]
    fn without_a_clock_or_past_its_end_what_came_may_have_come_before() {
        let first = [object("a", "1", 50)];
        for ended in [None, Some(Timestamp::MAX_UTC)] {
            let mut compared = Compared::new(&first, ended);
            compared.take(&first, &first[0]);
            compared.take(&first, &object("b", "1", 200));
            assert!(compared.because(&first, &|_| Seen::Kept).is_some());
        }
    }
}
