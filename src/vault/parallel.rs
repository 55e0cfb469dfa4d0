//! The same work on many items at once.

use crate::domain::Result;
use std::sync::{Mutex, PoisonError};

/// How many cores there are to compute on.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

/// Does the same for each item, `width` at once; results in the order of the items.
///
/// # Errors
/// The first error that `each` returns.
pub(crate) fn in_parallel<T: Sync, R: Send>(
    width: usize,
    items: &[T],
    each: impl Fn(&T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let next = Mutex::new(items.iter().enumerate());
    let done = Mutex::new(Vec::with_capacity(items.len()));
    let take = || next.lock().unwrap_or_else(PoisonError::into_inner).next();
    let workers = width.min(items.len());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some((number, item)) = take() {
                    let result = each(item);
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((number, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}
