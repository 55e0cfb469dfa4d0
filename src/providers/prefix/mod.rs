//! A prefix of a bucket as a source: what somebody else keeps there, as a tree of files. It is listed first, and each object is read
//! in the state that was listed; before that it is listed again (`docs/decisions/0034-a-prefix-of-one-moment.md`).

mod content;
mod entry;
mod keys;
mod moment;

use crate::domain::{ByteName, Consistency, Kind, Problem, Result};
use crate::store::Prefix;
use crate::vault::format::Missed;
use crate::vault::{Item, Source, Told};
use content::{ObjectContent, Seen, Shared};
use keys::{Step, Walk};
use moment::Compared;
use std::sync::Arc;

/// How many small objects are fetched at once. Each has at most a unit of bytes in memory.
const AHEAD: usize = 32;

/// The objects below a prefix.
pub struct PrefixSource {
    shared: Arc<Shared>,
    walk: Walk,
    /// What a second list showed, made directly after the first; or why there is none.
    compared: std::result::Result<Compared, String>,
    told: Told,
}

impl PrefixSource {
    /// Sees whether anything is there, and may be listed.
    ///
    /// # Errors
    /// Where nothing is there; otherwise what the store said.
    pub fn look(prefix: &Prefix) -> Result<()> {
        if prefix.has_any(keys::is_more_than_a_directory)? { Ok(()) } else { Err(empty(prefix)) }
    }

    /// Lists all objects, twice, unless somebody asks to end meanwhile.
    ///
    /// # Errors
    /// As [`PrefixSource::look`]; `Cancelled`.
    pub fn open(prefix: Prefix, is_over: impl Fn() -> bool) -> Result<Self> {
        let go_on = || match is_over() {
            true => Err(Problem::new(Kind::Cancelled, "stopped while what is to be copied was listed")
                .at(prefix.place())),
            false => Ok(()),
        };
        let mut objects = Vec::new();
        let listed_at = prefix.list(|object| {
            objects.push(object);
            go_on()
        })?;
        if !objects.iter().any(keys::is_more_than_a_directory) {
            return Err(empty(&prefix));
        }
        keys::sort(&mut objects).map_err(|problem| problem.at(prefix.place()))?;
        let mut compared = Compared::new(&objects, listed_at);
        let again = prefix.list(|object| {
            compared.take(&objects, &object);
            go_on()
        });
        // That it was stopped is no list that could not be had.
        go_on()?;
        let compared = again.map(|_| compared).map_err(|problem| problem.what);
        let shared = Arc::new(Shared::new(prefix, objects));
        Ok(Self { shared, walk: Walk::default(), compared, told: Told::default() })
    }

    /// Why what was read is of no one moment; none where it is.
    fn changed(&self) -> Option<String> {
        match &self.compared {
            Ok(compared) => compared.because(&self.shared.objects, &|number| self.shared.seen(number)),
            Err(because) => Some(format!("it could not be listed a second time: {because}")),
        }
    }
}

/// Nothing under a name of a prefix is what a mistyped one shows too.
fn empty(prefix: &Prefix) -> Problem {
    Problem::new(Kind::Refused, "there is no object below this prefix, and an empty copy is none")
        .at(prefix.place())
        .remedy("check bucket and prefix; where everything was deleted, older recovery points still have it")
}

impl Source for PrefixSource {
    fn next(&mut self) -> Result<Option<Item>> {
        if let Some(problem) = self.shared.failed() {
            return Err(problem);
        }
        let objects = &self.shared.objects;
        Ok(self.walk.next(objects).map(|step| match step {
            Step::Directory(path) => Item::Plain(entry::directory(&path)),
            Step::File(number) => {
                let content = ObjectContent::new(self.shared.clone(), number);
                Item::File(entry::of(&objects[number]), Box::new(content))
            }
            Step::Odd(number, because) => {
                self.shared.note(number, Seen::Missed);
                let path = ByteName::from(objects[number].name.as_bytes());
                Item::Missed(Missed { path, because })
            }
        }))
    }

    fn expected_bytes(&self) -> Option<u64> {
        Some(self.shared.objects.iter().fold(0, |sum, object| object.bytes.saturating_add(sum)))
    }

    fn finish(&mut self) -> Result<()> {
        if let Some(problem) = self.shared.failed().or_else(|| self.shared.nothing_was_read()) {
            return Err(problem);
        }
        self.told = match self.changed() {
            None => Told { consistency: Some(Consistency::Crash), notices: Vec::new() },
            Some(because) => {
                let notice = format!(
                    "the prefix changed while it was copied, so that the copy is of no one moment and its parts may not fit each \
                     other: {because}. The next copy may be of one; copy while nothing is deleted or replaced there"
                );
                Told { consistency: Some(Consistency::Live), notices: vec![notice] }
            }
        };
        Ok(())
    }

    fn ahead(&self) -> usize {
        AHEAD
    }

    fn told(&mut self) -> Told {
        std::mem::take(&mut self.told)
    }
}
