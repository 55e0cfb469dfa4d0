//! Whether what was copied is the prefix as it was at one moment: that at which the first list ended, or one just before it.

use super::content::Seen;
use super::keys::order;
use crate::domain::{Timestamp, printable};
use crate::store::Object;
use chrono::TimeDelta;

/// What a second list, made when all was read, shows of the objects of the first.
pub struct Compared<'a> {
    first: &'a [Object],
    /// How each of them was read.
    seen: &'a dyn Fn(usize) -> Seen,
    /// In which second the first list ended, by the store's clock: when that began.
    ended: Option<Timestamp>,
    /// When the newest object of the first list was stored; none where of one nobody says.
    newest: Option<Timestamp>,
    met: Vec<bool>,
    /// The first of what the copy cannot be of one moment because of, and how many.
    because: Option<String>,
    count: usize,
}

impl<'a> Compared<'a> {
    /// Nothing yet. `ended` is the store's clock at the end of the first list, in whole seconds.
    pub fn new(first: &'a [Object], ended: Option<Timestamp>, seen: &'a dyn Fn(usize) -> Seen) -> Self {
        let stored: Option<Vec<Timestamp>> = first.iter().map(|object| object.stored_at).collect();
        let newest = stored.and_then(|stored| stored.into_iter().max());
        Self { first, seen, ended, newest, met: vec![false; first.len()], because: None, count: 0 }
    }

    /// Whether an object was surely stored after the list, or within the second in which it ended and after all that is on it: then the copy is of the
    /// moment before.
    fn came_after(&self, now: &Object) -> bool {
        let (Some(stored), Some(ended)) = (now.stored_at, self.ended) else { return false };
        stored > ended + TimeDelta::seconds(1)
            || stored >= ended && self.newest.is_some_and(|newest| stored > newest)
    }

    /// An object of the second list.
    pub fn take(&mut self, now: &Object) {
        let came_after = self.came_after(now);
        let Ok(number) = self.first.binary_search_by(|object| order(&object.name, &now.name)) else {
            if !came_after {
                self.tell(&now.name, "may have come while the list was made");
            }
            return;
        };
        self.met[number] = true;
        // One that was fetched as it was listed was still so when the list had ended, whatever became of it since.
        let is_same = self.first[number] == *now;
        if !is_same && !came_after && (self.seen)(number) == Seen::Kept {
            self.tell(&now.name, "may have been replaced while the list was made");
        }
    }

    /// The second list has ended. Why the copy is of no one moment; none where it is.
    pub fn finish(mut self) -> Option<String> {
        for (number, object) in self.first.iter().enumerate() {
            match (self.seen)(number) {
                Seen::Other => self.tell(&object.name, "was replaced before it was read"),
                Seen::Kept if !self.met[number] => {
                    self.tell(&object.name, "may have gone while the list was made")
                }
                _ => {}
            }
        }
        let more = match self.count {
            0 | 1 => String::new(),
            count => format!(" (and {} more)", count - 1),
        };
        self.because.map(|because| because + &more)
    }

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
        because_of(&["a", "b", "c"].map(|name| object(name, "1", 50)), seen, second)
    }

    fn because_of(first: &[Object], seen: Seen, second: &[Object]) -> Option<String> {
        let seen = |number| if number == 1 { seen } else { Seen::Kept };
        let mut compared = Compared::new(first, Timestamp::from_timestamp(100, 0), &seen);
        second.iter().for_each(|object| compared.take(object));
        compared.finish()
    }

    #[test]
    fn a_copy_is_of_the_moment_its_list_ended_unless_something_may_have_changed_before() {
        let [a, b, c] = ["a", "b", "c"].map(|name| object(name, "1", 50));
        let same = [a.clone(), b, c.clone()];
        let with = |more| [&same[..], &[more]].concat();
        let without_b = [a.clone(), c.clone()];
        let replaced = |stored| [a.clone(), object("b", "2", stored), c.clone()];
        for seen in [Seen::Kept, Seen::AsListed] {
            assert_eq!(because(seen, &same), None);
            // What came, or was replaced, after the list had ended belongs to the next copy.
            assert_eq!(because(seen, &with(object("d", "1", 101))), None);
            assert_eq!(because(seen, &replaced(101)), None);
            // Within the second in which it ended: after all that is on it, the copy is of the moment before.
            assert_eq!(because(seen, &with(object("d", "1", 100))), None);
            let early = because(seen, &with(object("d", "1", 99))).unwrap();
            assert_eq!(early, "d may have come while the list was made");
        }
        let late = [a.clone(), object("b", "1", 50), object("c", "1", 100)];
        let with_late = [&late[..], &[object("d", "1", 100)]].concat();
        assert!(
            because_of(&late, Seen::AsListed, &with_late).is_some(),
            "d may be older than c, and c is on the list"
        );
        // Fetched after the list had ended, it was what was listed, whatever came then.
        assert_eq!(because(Seen::AsListed, &without_b), None);
        assert_eq!(because(Seen::AsListed, &replaced(99)), None);
        // Not fetched, nobody knows when.
        assert!(because(Seen::Kept, &without_b).unwrap().contains("b may have gone"));
        assert!(because(Seen::Kept, &replaced(99)).unwrap().contains("b may have been replaced"));
        assert!(because(Seen::Other, &same).unwrap().contains("b was replaced before it was read"));
        let both = because(Seen::Other, &with(object("d", "1", 99))).unwrap();
        assert_eq!(both, "d may have come while the list was made (and 1 more)");
    }

    #[test]
    fn without_a_clock_what_came_may_have_come_before() {
        let first = [object("a", "1", 50)];
        let mut compared = Compared::new(&first, None, &|_| Seen::Kept);
        compared.take(&first[0]);
        compared.take(&object("b", "1", 200));
        assert!(compared.finish().is_some());
    }
}
