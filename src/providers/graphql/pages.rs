//! Lists that come in pages, read to their end: what was missed of one is told, never taken for all.

use super::list::MOST;
use super::{Complaint, Connection, Operation, Transport, Unanswered, Variables};
use serde::de::DeserializeOwned;
use std::collections::HashSet;

/// A list, as far as it was read.
#[derive(Debug)]
pub struct Pages<T> {
    /// Its entries.
    pub nodes: Vec<T>,
    /// Why more of them may be missing, if so.
    pub open: Option<Unanswered>,
}

impl<T> Pages<T> {
    /// Nothing of a list.
    pub fn none(open: Unanswered) -> Self {
        Self { nodes: Vec::new(), open: Some(open) }
    }
}

/// The first page of a list, where it came with something else, and what stood beside it.
pub type First<T> = (Connection<T>, Option<(Complaint, usize)>);

/// Reads a list from its first page, or from where `first` ends, if that was had already. `variables` are those of every
/// page; `take` finds the list in the answer.
pub fn pages<O: Operation, D: DeserializeOwned, T>(
    transport: &Transport<O>,
    operation: O,
    variables: &Variables,
    first: Option<First<T>>,
    take: impl Fn(D) -> Option<Connection<T>>,
) -> Pages<T> {
    let (mut nodes, mut open) = (Vec::new(), None);
    let mut seen: HashSet<String> = HashSet::new();
    let mut page = first.map(|(list, beside)| (Some(list), beside));
    let mut after: Option<String> = None;
    for number in 1.. {
        let (list, beside) = match page.take() {
            Some(page) => page,
            None => {
                let mut asked = variables.clone();
                asked.insert("after", after.as_deref());
                match transport.ask::<D>(operation, &asked) {
                    Ok(answer) => (take(answer.data), answer.beside),
                    Err(why) => return Pages { nodes, open: Some(why) },
                }
            }
        };
        // The list goes on behind what is missing of this page.
        if let Some((complaint, count)) = beside {
            open = Some(Unanswered::Errors(complaint, count));
        }
        let Some(list) = list else {
            return Pages {
                nodes,
                open: open.or(Some(Unanswered::NotUnderstood("there is no such list in it"))),
            };
        };
        let Some(edges) = list.edges else {
            return Pages { nodes, open: Some(Unanswered::NotUnderstood("a list without entries is in it")) };
        };
        let missed = edges.missed;
        for edge in edges.items {
            match edge.node {
                Some(node) => nodes.push(node),
                None => open = open.or(Some(Unanswered::NotUnderstood("an entry of a list is empty"))),
            }
        }
        if missed > 0 {
            open = open.or(Some(Unanswered::NotUnderstood("entries of a list are empty, or too many")));
        }
        let page_info = list.page.unwrap_or_default();
        match (page_info.has_next.bool(), page_info.end.text()) {
            (Some(false), _) => return Pages { nodes, open },
            (Some(true), Some(next)) => {
                if after.as_deref() == Some(next) || !seen.insert(next.to_owned()) {
                    return Pages { nodes, open: Some(Unanswered::RepeatedPage) };
                }
                after = Some(next.to_owned());
            }
            _ => return Pages { nodes, open: Some(Unanswered::NoNextPage) },
        }
        if nodes.len() >= MOST {
            return Pages { nodes, open: Some(Unanswered::Entries(MOST)) };
        }
        if number >= transport.limits().pages {
            return Pages { nodes, open: Some(Unanswered::Pages(number)) };
        }
    }
    Pages { nodes, open }
}
