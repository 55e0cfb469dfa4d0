//! A page as blocks, before it is Markdown or HTML: what is said is decided once, and each writer escapes in its own way.

use crate::domain::printable;

/// One piece of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// A heading, from 1.
    Heading(u8, String),
    /// A sentence or several.
    Say(Line),
    /// What must be read before anything else.
    Warn(Line),
    /// A list in which the order says nothing.
    List(Vec<Line>),
    /// What is done one after the other.
    Steps(Vec<StepBlock>),
    /// A table.
    Table(Vec<&'static str>, Vec<Vec<Line>>),
    /// Another page begins here, on paper too.
    NewPage,
}

/// A step with the commands that carry it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepBlock {
    /// What is done, and what must be seen after it.
    pub says: Vec<Line>,
    /// Commands for a shell, one a line, as they are pasted.
    pub commands: Vec<String>,
}

/// A line of text in which some words look different.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line(pub Vec<Span>);

/// Words that look alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Span {
    /// As the rest.
    Plain(String),
    /// What is typed or was typed.
    Code(String),
    /// What must not be missed.
    Strong(String),
}

impl Line {
    /// These words behind the rest.
    pub fn and(mut self, text: impl Into<String>) -> Self {
        self.0.push(Span::Plain(text.into()));
        self
    }

    /// Something to be typed behind the rest.
    pub fn code(mut self, text: impl Into<String>) -> Self {
        self.0.push(Span::Code(text.into()));
        self
    }

    /// Something that must not be missed behind the rest.
    pub fn strong(mut self, text: impl Into<String>) -> Self {
        self.0.push(Span::Strong(text.into()));
        self
    }
}

impl Line {
    /// Words in which what stands between two backticks is typed.
    pub fn told(text: &str) -> Self {
        let parts: Vec<&str> = text.split('`').collect();
        if parts.len().is_multiple_of(2) {
            return text.into();
        }
        let part = |line: Self, (place, part): (usize, &str)| match (part, place % 2) {
            ("", _) => line,
            (part, 0) => line.and(part),
            (part, _) => line.code(part),
        };
        parts.into_iter().enumerate().fold(Self::default(), part)
    }
}

impl From<&str> for Line {
    fn from(text: &str) -> Self {
        Self::default().and(text)
    }
}

impl From<String> for Line {
    fn from(text: String) -> Self {
        Self::default().and(text)
    }
}

/// Whether a reader would not see a character, or see others in another order because of it.
pub fn is_unseen(character: char) -> bool {
    let mut bytes = [0; 4];
    character != '\\' && printable(character.encode_utf8(&mut bytes).as_bytes()) != character.to_string()
}

/// Text in which nothing is unseen; line breaks too are shown as what they are.
pub fn tame(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if is_unseen(character) {
            let mut bytes = [0; 4];
            out.push_str(&printable(character.encode_utf8(&mut bytes).as_bytes()));
        } else {
            out.push(character);
        }
    }
    out
}
