//! How text looks: width, colour, tables, folded sentences.

use crate::domain::{Timestamp, Volume};
use crate::isolation::Link;
use anstyle::{AnsiColor, Style as Paint};
use tabled::builder::Builder;
use tabled::grid::util::string::get_string_width;
use tabled::settings::object::Cell;
use tabled::settings::peaker::Priority;
use tabled::settings::{Color, Style, Width};

/// How wide the output is, and whether it may hold colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Columns that fit; less than 40 counts as 40.
    pub width: usize,
    /// Whether escape sequences for colour are wanted.
    pub colour: bool,
}

impl Default for Look {
    /// A hundred columns without colour: a file or a pipe.
    fn default() -> Self {
        Self { width: 100, colour: false }
    }
}

/// What stands before commands to be copied, up to the end of the line.
const COMMANDS: &str = "to remove it: ";

/// What a piece of text says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum Tone {
    Plain,
    Strong,
    Good,
    Bad,
    Open,
}

impl Tone {
    fn paint(self) -> Paint {
        match self {
            Self::Plain => Paint::new(),
            Self::Strong => Paint::new().bold(),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Bad => AnsiColor::Red.on_default().bold(),
            Self::Open => AnsiColor::Yellow.on_default(),
        }
    }
}

/// A table's cell.
pub(in crate::report) type Toned = (String, Tone);

pub(in crate::report) fn plain(text: impl Into<String>) -> Toned {
    (text.into(), Tone::Plain)
}

impl Look {
    fn columns(self) -> usize {
        self.width.max(40)
    }

    /// Text in a tone; folded first, so that the escape sequences do not count as columns.
    pub(in crate::report) fn say(self, text: &str, indent: usize, tone: Tone) -> String {
        let mut out = String::new();
        for line in fold(text, self.columns().saturating_sub(indent)) {
            out.push_str(&" ".repeat(indent));
            if self.colour && tone != Tone::Plain {
                let paint = tone.paint();
                out.push_str(&format!("{}{line}{}", paint.render(), paint.render_reset()));
            } else {
                out.push_str(&line);
            }
            out.push('\n');
        }
        out
    }

    /// A sentence behind its label, as errors are printed: what does not fit on a line stands below the sentence. No
    /// word is broken, and no commands that remove something: both are there to be copied.
    pub fn labelled(self, label: &str, text: &str) -> String {
        let indent = get_string_width(label) + 2;
        let lines: Vec<String> = text.lines().flat_map(|line| self.words(line, indent)).collect();
        format!("{label}: {}\n", lines.join(&format!("\n{}", " ".repeat(indent))))
    }

    /// Lines as somebody else wrote them, with what does not fit on the next one, indented further.
    pub fn wrapped(self, text: &str) -> String {
        let mut out = String::new();
        for line in text.lines() {
            let own = line.len() - line.trim_start_matches(' ').len();
            for (number, part) in self.words(line.trim_start_matches(' '), own + 4).into_iter().enumerate() {
                let indent = if number == 0 { own } else { own + 4 };
                out.push_str(&format!("{}{part}\n", " ".repeat(indent)));
            }
        }
        out
    }

    /// A line as several that fit behind an indent, broken between words only.
    fn words(self, line: &str, indent: usize) -> Vec<String> {
        let (sentence, commands) =
            line.find(COMMANDS).map_or((line, None), |at| (line[..at].trim_end(), Some(&line[at..])));
        let mut lines = vec![String::new()];
        let mut used = 0;
        for word in sentence.split(' ').chain(commands) {
            let width = get_string_width(word);
            if used > 0 && indent + used + 1 + width > self.columns() {
                lines.push(String::new());
                used = 0;
            } else if used > 0 {
                used += push(&mut lines, " ");
            }
            used += push(&mut lines, word);
        }
        lines
    }

    /// An item of a list: a hyphen, and what does not fit on the line below the text.
    pub(in crate::report) fn item(self, text: &str, indent: usize, tone: Tone) -> String {
        let said = self.say(text, indent + 2, tone);
        format!("{}- {}", " ".repeat(indent), said.get(indent + 2..).unwrap_or_default())
    }

    /// A table with a heading, wrapped to the width.
    pub(in crate::report) fn table(self, heading: &[&str], rows: &[Vec<Toned>]) -> String {
        let mut builder = Builder::default();
        builder.push_record(heading.iter().copied());
        for row in rows {
            builder.push_record(row.iter().map(|(text, _)| harmless(text)));
        }
        let mut table = builder.build();
        table.with(Style::rounded());
        table.with(Width::wrap(self.columns()).priority(Priority::max(true)).keep_words(true));
        if self.colour {
            for (line, row) in rows.iter().enumerate() {
                for (column, (_, tone)) in
                    row.iter().enumerate().filter(|(_, (_, tone))| *tone != Tone::Plain)
                {
                    let paint = tone.paint();
                    let colour = Color::new(paint.render().to_string(), paint.render_reset().to_string());
                    table.modify(Cell::new(line + 1, column), colour);
                }
            }
        }
        format!("{table}\n")
    }
}

/// Names come safe from the survey. Should one not, no control character reaches a terminal.
fn harmless(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}

/// Breaks a text into lines at spaces, and within a word only where it is longer than a line.
fn fold(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in harmless(text).split(' ') {
        if used > 0 && used + 1 + get_string_width(word) > width {
            lines.push(String::new());
            used = 0;
        }
        if used > 0 {
            used += push(&mut lines, " ");
        }
        for character in word.chars() {
            let character = character.to_string();
            if used + get_string_width(&character) > width {
                lines.push(String::new());
                used = 0;
            }
            used += push(&mut lines, &character);
        }
    }
    lines
}

fn push(lines: &mut [String], text: &str) -> usize {
    if let Some(line) = lines.last_mut() {
        line.push_str(text);
    }
    get_string_width(text)
}

/// A moment to the minute.
pub(in crate::report) fn moment(at: Timestamp) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// The way from a volume down to the bottom in one line; `+` joins what stands side by side.
pub(super) fn chain_line(volume: &Volume, chain: &[Link]) -> String {
    let mut line = volume.name.clone();
    for (place, link) in chain.iter().enumerate() {
        if place == 0 && link.label.ends_with(&volume.name) {
            continue;
        }
        line.push_str(if place == 0 || link.below_previous { " \u{203a} " } else { " + " });
        line.push_str(&link.label);
    }
    if chain.last().is_none_or(|bottom| bottom.open.is_some()) {
        line.push_str(" \u{203a} ?");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_folded_and_what_is_to_be_copied_is_not() {
        let look = Look { width: 60, colour: false };
        let commands = format!("to remove it: umount {}; rm -r {}", "/a".repeat(30), "/b".repeat(30));
        let said = look.labelled("error", &format!("{}; {commands}", "word ".repeat(20).trim_end()));
        let lines: Vec<&str> = said.lines().collect();
        assert!(lines[0].starts_with("error: word") && lines[1].starts_with("       word"), "{said}");
        assert_eq!(lines.last(), Some(&format!("       {commands}").as_str()));
        assert!(lines[..lines.len() - 1].iter().all(|line| line.len() <= 60), "{said}");
        let listed = look.wrapped(&format!("a\n  {}", "word ".repeat(20).trim_end()));
        assert!(listed.starts_with("a\n  word ") && listed.contains("\n      word"), "{listed}");
        assert!(listed.lines().all(|line| line.len() <= 60), "{listed}");
        assert_eq!(look.labelled("to do", "one\ntwo  three"), "to do: one\n       two  three\n");
    }

    #[test]
    fn nothing_is_cut_off_and_no_line_is_too_wide() {
        let long = format!("a {} b {}", "x".repeat(130), "word ".repeat(40));
        let look = Look { width: 60, colour: false };
        let said = look.say(&long, 2, Tone::Bad);
        let table = look.table(&["one", "two"], &[vec![plain(long.clone()), plain("short")]]);
        for text in [&said, &table] {
            assert!(text.lines().all(|line| get_string_width(line) <= 60), "{text}");
            assert_eq!(text.matches('x').count(), 130, "{text}");
        }
        assert_eq!(said.matches("word").count(), 40);
    }
}
