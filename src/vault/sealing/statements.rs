//! What lies in `epochs/`: statements, what is none, and what could not be read, so that nobody knows what it says.

use crate::domain::{Kind, Problem, Result};
use crate::store::{Key, Listed, Store};
use crate::vault::format::{Digest, EPOCHS, KeyLine, Statement};
use crate::vault::parallel::in_parallel;

/// A statement is at most so large.
const MOST: u64 = 64 * 1024;

/// So many objects are read. A vault has a few for each reader and epoch; what is beyond, somebody else put there.
const MOST_READ: usize = 1024;

/// So many are named of those that are no statements, or were not read.
const MOST_NAMED: usize = 64;

/// What lies among the statements, by its key.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// What may count, should its signatures hold.
    pub statements: Vec<(Key, Statement, KeyLine)>,
    /// What is no statement, whoever wrote it.
    pub wrong: Vec<(Key, Problem)>,
    /// What could not be read.
    pub unread: Vec<(Key, Problem)>,
}

impl Gathered {
    /// Reads what lies there.
    ///
    /// # Errors
    /// Where the folder cannot be listed.
    pub fn read(store: &dyn Store, vault: &str) -> Result<Self> {
        let mut found = Self::default();
        let (mut candidates, large): (Vec<Listed>, Vec<Listed>) = store
            .list(EPOCHS)?
            .into_iter()
            .partition(|listed| listed.bytes.is_none_or(|bytes| bytes <= MOST));
        for Listed { key, .. } in large {
            let problem = Problem::damaged(key.as_str(), format!("larger than {MOST} bytes"));
            found.wrong.push((key, problem));
        }
        // Somebody who adds many later comes after what was there, where the store says when it took each.
        let order = |listed: &Listed| (!is_named_so(&listed.key), listed.stored_at, listed.key.clone());
        candidates.sort_by_cached_key(order);
        let beyond = candidates.split_off(candidates.len().min(MOST_READ));
        let read = in_parallel(store.at_once(), &candidates, |listed| {
            Ok(store.get_bytes(&listed.key, MOST).map_err(super::super::gone))
        })?;
        for (Listed { key, .. }, read) in candidates.into_iter().zip(read) {
            match read.map(|bytes| (Statement::read(&key, vault, &bytes), Digest::of(&bytes))) {
                Ok((Ok(statement), sha256)) => {
                    let line = KeyLine { key: key.as_str().to_owned(), sha256 };
                    found.statements.push((key, statement, line));
                }
                Ok((Err(problem), _)) => found.wrong.push((key, problem)),
                Err(problem) => found.unread(key, problem),
            }
        }
        for Listed { key, .. } in beyond {
            let what = format!("reading {key}: not tried, {MOST_READ} objects lie there before it");
            found.unread(key, Problem::new(Kind::Io, what).at(store.place()));
        }
        found.wrong = shortened(found.wrong);
        found.unread = shortened(found.unread);
        Ok(found)
    }

    /// What was not read is nobody knows what, unless its name says that no reader's program wrote it.
    fn unread(&mut self, key: Key, problem: Problem) {
        if is_named_so(&key) {
            self.unread.push((key, problem));
        } else {
            let what = format!("no statement is called like that, and it cannot be read: {}", problem.what);
            self.wrong.push((key.clone(), Problem::damaged(key.as_str(), what)));
        }
    }
}

/// Whether a reader's program calls a statement like that.
fn is_named_so(key: &Key) -> bool {
    let is_short = |text: &str| text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    key.name().split_once('-').is_some_and(|(epoch, own)| is_short(epoch) && is_short(own))
}

/// The first ones; the last of them says how many there are besides.
fn shortened(mut found: Vec<(Key, Problem)>) -> Vec<(Key, Problem)> {
    let more = found.len().saturating_sub(MOST_NAMED);
    found.truncate(MOST_NAMED);
    if let Some((_, last)) = found.last_mut().filter(|_| more > 0) {
        last.what = format!("{}; {more} more objects there are like it", last.what);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;

    #[test]
    fn however_many_lie_there_few_are_read_and_fewer_named_and_the_first_count() {
        let store = MemoryStore::default();
        let store: &dyn Store = &store;
        for number in 0..MOST_READ + 300 {
            let key = Key::new(format!("{EPOCHS}/{number:016x}-{number:016x}")).unwrap();
            store.put_bytes(&key, b"junk").unwrap();
        }
        let found = Gathered::read(store, "v").unwrap();
        assert_eq!(
            (found.statements.len(), found.wrong.len(), found.unread.len()),
            (0, MOST_NAMED, MOST_NAMED)
        );
        let last = |all: &[(Key, Problem)]| all.last().unwrap().1.what.clone();
        assert!(last(&found.wrong).contains(&format!("{} more objects", MOST_READ - MOST_NAMED)));
        assert!(last(&found.unread).contains(&format!("{} more objects", 300 - MOST_NAMED)));
        assert!(found.unread[0].1.what.contains("not tried"));
    }
}
