//! What lies in `epochs/`: statements, what is none, and what could not be read, so that nobody knows what it says.

use crate::domain::{Problem, Result};
use crate::store::{Key, Listed, Store};
use crate::vault::format::{Digest, EPOCHS, KeyLine, Statement};
use crate::vault::parallel::in_parallel;

/// A statement is at most so large.
const MOST: u64 = 64 * 1024;

/// So many objects are held at once. A vault has a few for each reader and epoch; what is beyond, somebody else put there, and it is read
/// all the same, since a statement of a reader may lie behind it.
const BATCH: usize = 1024;

/// So many are named of those that are no statements.
const MOST_NAMED: usize = 64;

/// What may count, should its signatures hold.
pub(super) type Found = (Key, Statement, KeyLine);

/// Objects, each with what is the matter with it.
type Told = Vec<(Key, Problem)>;

/// What lies among the statements, by its key.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// What is no statement, whoever wrote it: of many, the first ones.
    wrong: Told,
    /// How many there are besides.
    more: usize,
    /// What could not be read: all of it, since the owner may name each.
    unread: Told,
}

impl Gathered {
    /// Reads what lies there, so much at a time. `take` is given what may be statements, and gives back those that may count once more epochs are
    /// known, of which it says how many it knows.
    ///
    /// # Errors
    /// Where the folder cannot be listed; what `take` said.
    pub fn read(
        store: &dyn Store,
        vault: &str,
        mut take: impl FnMut(Vec<Found>, &mut Self) -> Result<(Vec<Key>, usize)>,
    ) -> Result<Self> {
        let mut found = Self::default();
        let mut waiting = found.candidates(store)?;
        // That of the marker.
        let mut known = 1;
        loop {
            let (mut later, mut knows) = (Vec::new(), 0);
            for batch in waiting.chunks(BATCH) {
                let statements = found.batch(store, vault, batch)?;
                let (left, epochs) = take(statements, &mut found)?;
                later.extend(left);
                knows = epochs;
            }
            // What one batch held was judged together, and what is left of it is nobody's. Of several, one may tell of an epoch that another needs.
            let is_over = waiting.len() <= BATCH || known == knows;
            if later.is_empty() || is_over {
                later.into_iter().for_each(|key| found.nobodys(key));
                return Ok(found);
            }
            (waiting, known) = (later, knows);
        }
    }

    /// What is small enough to be read.
    fn candidates(&mut self, store: &dyn Store) -> Result<Vec<Key>> {
        let listed = store.list(EPOCHS)?;
        let (mut small, large): (Vec<Listed>, Vec<Listed>) =
            listed.into_iter().partition(|listed| listed.bytes.is_none_or(|bytes| bytes <= MOST));
        for Listed { key, .. } in large {
            let problem = Problem::damaged(key.as_str(), format!("larger than {MOST} bytes"));
            self.note(key, problem);
        }
        // What is called like one first, and the oldest of that where the store says when it took each: one batch has them all then.
        small.sort_by_cached_key(|listed| (!is_named_so(&listed.key), listed.stored_at, listed.key.clone()));
        Ok(small.into_iter().map(|listed| listed.key).collect())
    }

    fn batch(&mut self, store: &dyn Store, vault: &str, keys: &[Key]) -> Result<Vec<Found>> {
        let read = in_parallel(store.at_once(), keys, |key| {
            Ok(store.get_bytes(key, MOST).map_err(super::super::gone))
        })?;
        let mut statements = Vec::new();
        for (key, read) in keys.iter().cloned().zip(read) {
            match read.map(|bytes| (Statement::read(&key, vault, &bytes), Digest::of(&bytes))) {
                Ok((Ok(statement), sha256)) => {
                    let line = KeyLine { key: key.as_str().to_owned(), sha256 };
                    statements.push((key, statement, line));
                }
                Ok((Err(problem), _)) => self.note(key, problem),
                Err(problem) => self.unread(key, problem),
            }
        }
        Ok(statements)
    }

    /// Notes what is no statement.
    pub fn note(&mut self, key: Key, problem: Problem) {
        if self.wrong.len() < MOST_NAMED {
            self.wrong.push((key, problem));
        } else {
            self.more += 1;
        }
    }

    /// Notes what looks like a statement, and is none of this vault's.
    pub fn nobodys(&mut self, key: Key) {
        let what = "not signed by any reader of this vault's epochs: it counts for nothing";
        self.note(key.clone(), Problem::damaged(key.as_str(), what));
    }

    /// What was not read is nobody knows what, unless its name says that no reader's program wrote it.
    fn unread(&mut self, key: Key, problem: Problem) {
        if is_named_so(&key) {
            self.unread.push((key, problem));
        } else {
            let what = format!("no statement is called like that, and it cannot be read: {}", problem.what);
            self.note(key.clone(), Problem::damaged(key.as_str(), what));
        }
    }

    /// What is no statement, of which the last says how many there are besides; and what could not be read.
    pub fn told(mut self) -> (Told, Told) {
        if let Some((_, last)) = self.wrong.last_mut().filter(|_| self.more > 0) {
            last.what = format!("{}; {} more objects there are none either", last.what, self.more);
        }
        (self.wrong, self.unread)
    }
}

/// Whether a reader's program calls a statement like that.
fn is_named_so(key: &Key) -> bool {
    let is_short = |text: &str| text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    key.name().split_once('-').is_some_and(|(epoch, own)| is_short(epoch) && is_short(own))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;

    #[test]
    fn however_much_lies_there_all_is_read_and_little_is_named() {
        let store = MemoryStore::default();
        let store: &dyn Store = &store;
        for number in 0..2 * BATCH + 300 {
            let key = Key::new(format!("{EPOCHS}/{number:016x}-{number:016x}")).unwrap();
            store.put_bytes(&key, b"junk").unwrap();
        }
        let mut batches = 0;
        let take = |found: Vec<Found>, _: &mut Gathered| {
            batches += 1;
            assert!(found.is_empty());
            Ok((Vec::new(), 1))
        };
        let (wrong, unread) = Gathered::read(store, "v", take).unwrap().told();
        assert_eq!((wrong.len(), unread.len(), batches), (MOST_NAMED, 0, 3));
        let last = &wrong.last().unwrap().1.what;
        assert!(last.contains(&format!("{} more objects", 2 * BATCH + 300 - MOST_NAMED)), "{last}");
    }
}
