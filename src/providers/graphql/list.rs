//! Lists, of which no more is kept than a survey can bear.

use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::marker::PhantomData;

/// How many entries of one list are kept.
pub(super) const MOST: usize = 100_000;

/// A list with what was left out of it.
#[derive(Debug, Clone)]
pub struct List<T> {
    /// The entries.
    pub items: Vec<T>,
    /// How many entries were null, or stood behind more entries than one list may have.
    pub missed: usize,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { items: Vec::new(), missed: 0 }
    }
}

struct ListVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
    type Value = List<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<List<T>, A::Error> {
        let mut list = List::default();
        while list.items.len() < MOST {
            match entries.next_element::<Option<T>>()? {
                Some(Some(item)) => list.items.push(item),
                Some(None) => list.missed += 1,
                None => return Ok(list),
            }
        }
        while entries.next_element::<IgnoredAny>()?.is_some() {
            list.missed += 1;
        }
        Ok(list)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ListVisitor(PhantomData))
    }
}
