//! The page for the night on which everything is gone: its facts, and how they are written down.
//!
//! The facts are made in `app`, from what was just seen; writing them reads nothing and knows no clock.

mod block;
mod checked;
mod clocks;
mod facts;
mod html;
mod kit;
mod markdown;
mod page;
mod plan;
mod shell;
mod stop;

pub use checked::RunbookChecked;
pub use clocks::{Clock, clocks};
pub use facts::{
    Acceptance, Escalation, HazardLine, MadeFrom, Measured, Outline, PagesAt, PlaceOfCopies, PointLine,
    Procedure, Reaching, Runbook, RunbookVault, Runbooks, SCHEMA, Statement, Step,
};
pub use kit::{escrow_page, kit_page};
pub use markdown::ways;
pub use shell::{ASKS, EACH_COUNTED, MASKED, OWN_NAMES, command, quoted};

use super::activity::Told;
use super::text::Look;
use html::html;
use markdown::markdown;

/// How pages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageFormat {
    /// Markdown.
    Markdown,
    /// HTML.
    Html,
}

impl PageFormat {
    /// The end of a file's name.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Markdown => "md",
            Self::Html => "html",
        }
    }
}

impl Runbooks {
    /// All pages in one, with the order in which volumes come back where there are several.
    pub fn page(&self, format: PageFormat) -> String {
        let all: Vec<&Runbook> = self.runbooks.iter().collect();
        self.written(&all, format, None)
    }

    /// All pages in as few pieces as have at most `most` bytes each, in the order in which volumes come back; each says which it has. A
    /// volume whose own page has more stands alone.
    pub fn pieces(&self, format: PageFormat, most: usize) -> Vec<String> {
        let whole = self.page(format);
        if whole.len() <= most || self.runbooks.len() < 2 {
            return vec![whole];
        }
        let first = self.written(&[], format, Some((1, 1))).len();
        let (mut pieces, mut length): (Vec<Vec<&Runbook>>, usize) = (Vec::new(), 0);
        for runbook in &self.runbooks {
            let own = self.page_of(runbook, format).len();
            match pieces.last_mut().filter(|_| length + own <= most) {
                Some(piece) => piece.push(runbook),
                None => {
                    pieces.push(vec![runbook]);
                    length = first;
                }
            }
            length += own;
        }
        let all = pieces.len();
        let written =
            |(place, piece): (usize, Vec<&Runbook>)| self.written(&piece, format, Some((place + 1, all)));
        pieces.into_iter().enumerate().map(written).collect()
    }

    /// The page of one volume.
    pub fn page_of(&self, runbook: &Runbook, format: PageFormat) -> String {
        self.written(&[runbook], format, None)
    }

    fn written(&self, runbooks: &[&Runbook], format: PageFormat, piece: Option<(usize, usize)>) -> String {
        let blocks = page::blocks(self, runbooks, piece);
        let title = match runbooks {
            [one] if piece.is_none() => format!("Runbook: {}", one.volume),
            _ => "Runbooks".to_owned(),
        };
        match format {
            PageFormat::Markdown => markdown(&blocks),
            PageFormat::Html => html(&title, &blocks, self.believe_until),
        }
    }
}

impl Told for Runbooks {
    fn schema(&self) -> &'static str {
        SCHEMA
    }

    /// As Markdown, which is read as it stands.
    fn text(&self, _: Look) -> String {
        self.page(PageFormat::Markdown)
    }
}
