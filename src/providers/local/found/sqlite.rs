//! Database files of SQLite (<https://www.sqlite.org/fileformat2.html>, section 1.3).

use super::kind::{Content, Sample, Whole, at};
use crate::domain::PointKind;

/// A database file. Whether a log lies beside it is for the survey to see.
pub(super) fn recognise(sample: &Sample) -> Option<Content> {
    let head = sample.head.strip_prefix(b"SQLite format 3\0").and(Some(&sample.head))?;
    let page = match u16::from_be_bytes(at(head, 16)?) {
        1 => 65_536,
        size if size.is_power_of_two() && size >= 512 => u64::from(size),
        _ => return None,
    };
    let number = |offset| at(head, offset).map(u32::from_be_bytes);
    let (changes, pages, valid_for) = (number(24)?, number(28)?, number(92)?);
    // Versions before 3.7.0 did not write the count, or left an older one: then the counters differ.
    let whole = match (pages, changes == valid_for) {
        (0, _) | (_, false) => Whole::Open("its header does not say how long it is".into()),
        (pages, true) => match sample.size.cmp(&(u64::from(pages) * page)) {
            std::cmp::Ordering::Equal => Whole::Ends,
            std::cmp::Ordering::Less => {
                Whole::Cut(format!("it has less than the {pages} pages that its header says: cut off"))
            }
            std::cmp::Ordering::Greater => {
                Whole::Open(format!("it is longer than the {pages} pages that its header says"))
            }
        },
    };
    let what = format!("an SQLite database with pages of {page} bytes");
    Some(Content::new(PointKind::DatabaseFile, what, whole))
}
