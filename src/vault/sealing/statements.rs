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
        let mut candidates = Vec::new();
        for listed in store.list(EPOCHS)? {
            match no_statement(&listed) {
                Some(what) => {
                    found.wrong.push((listed.key.clone(), Problem::damaged(listed.key.as_str(), what)))
                }
                None => candidates.push(listed),
            }
        }
        // Somebody who adds many later comes after what was there, where the store says when it took each.
        candidates.sort_by(|a, b| (a.stored_at, &a.key).cmp(&(b.stored_at, &b.key)));
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
                Err(problem) => found.unread.push((key, problem)),
            }
        }
        for Listed { key, .. } in beyond {
            let what = format!("reading {key}: not tried, {MOST_READ} objects lie there before it");
            found.unread.push((key, Problem::new(Kind::Io, what).at(store.place())));
        }
        found.wrong = shortened(found.wrong);
        found.unread = shortened(found.unread);
        Ok(found)
    }
}

/// What shows already that no reader's program wrote it, so that it need not be read.
fn no_statement(listed: &Listed) -> Option<String> {
    let is_short = |text: &str| text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_named =
        listed.key.name().split_once('-').is_some_and(|(epoch, own)| is_short(epoch) && is_short(own));
    if !is_named {
        return Some("no statement is called like that: it counts for nothing".into());
    }
    listed.bytes.filter(|bytes| *bytes > MOST).map(|_| format!("larger than {MOST} bytes"))
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
