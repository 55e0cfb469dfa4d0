//! Pages: the nodes and leaves of a point's trees, as JSON lines below a header line.

use super::{Digest, PageRef, parse, parse_as, render};
use crate::domain::{Problem, Result};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

const SCHEMA: &str = "outlive/page/v0";

/// What the lines of a tree's leaves are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageKind {
    /// Entries.
    Entries,
    /// Runs of one file's content.
    Runs,
    /// Packs.
    Packs,
}

/// The first line of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageHeader {
    /// The format.
    pub schema: String,
    /// What the leaves of this tree hold.
    pub kind: PageKind,
    /// 0 for a leaf; otherwise the lines are children one level below.
    pub level: u8,
}

/// One line of an inner page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Child {
    /// The page below.
    #[serde(flatten)]
    pub page: PageRef,
}

/// The decoded lines of one page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Page<T> {
    /// A leaf's lines.
    Leaf(Vec<T>),
    /// An inner page's children.
    Inner(Vec<PageRef>),
}

impl PageHeader {
    /// The header line, with its newline.
    ///
    /// # Errors
    /// None in practice.
    pub fn line(kind: PageKind, level: u8) -> Result<Vec<u8>> {
        let mut line = render(&Self { schema: SCHEMA.into(), kind, level })?;
        line.push(b'\n');
        Ok(line)
    }
}

impl PageRef {
    /// Checks that these are the bytes of the page.
    ///
    /// # Errors
    /// `Damaged`, naming `object`.
    pub fn verify(&self, object: &str, bytes: &[u8]) -> Result<()> {
        if bytes.len() as u64 != u64::from(self.bytes) || Digest::of(bytes) != self.sha256 {
            return Err(Problem::damaged(object, "a page does not match its SHA-256"));
        }
        Ok(())
    }
}

/// The lines below the header of a page that was verified, not parsed yet.
///
/// # Errors
/// `Damaged`, naming `object`, where it is of another kind or level.
pub fn lines<'a>(
    object: &str,
    page: &PageRef,
    kind: PageKind,
    bytes: &'a [u8],
) -> Result<impl Iterator<Item = &'a [u8]>> {
    let mut lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let header: PageHeader = parse_as(SCHEMA, object, lines.next().unwrap_or_default())?;
    if (header.kind, header.level) != (kind, page.level) {
        return Err(Problem::damaged(object, "a page is of another kind or level than its parent says"));
    }
    Ok(lines)
}

impl<T: DeserializeOwned> Page<T> {
    /// Reads a page whose reference is `page`, checking digest, kind and level first.
    ///
    /// # Errors
    /// `Damaged`, naming `object`.
    pub fn open(object: &str, page: &PageRef, kind: PageKind, bytes: &[u8]) -> Result<Self> {
        page.verify(object, bytes)?;
        Self::of_verified(object, page, kind, bytes)
    }

    /// The same of bytes that were verified.
    ///
    /// # Errors
    /// `Damaged`, naming `object`.
    pub fn of_verified(object: &str, page: &PageRef, kind: PageKind, bytes: &[u8]) -> Result<Self> {
        let lines = lines(object, page, kind, bytes)?;
        if page.level == 0 {
            Ok(Self::Leaf(lines.map(|line| parse(object, line)).collect::<Result<_>>()?))
        } else {
            let children = lines.map(|line| parse::<Child>(object, line).map(|child| child.page));
            let children = children.collect::<Result<Vec<_>>>()?;
            // Levels fall strictly, so that no tree, however it was made, is endless.
            if children.iter().any(|child| child.level.checked_add(1) != Some(page.level)) {
                return Err(Problem::damaged(object, "a page's level does not fit its parent's"));
            }
            Ok(Self::Inner(children))
        }
    }
}
