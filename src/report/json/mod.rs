//! Reports for programs: versioned structures of their own. A field is added freely; one that changes its
//! meaning or goes needs another schema.

mod accounts;
mod audit;
mod cuts;
mod explain;
mod inventory;
mod parts;
mod trace;

pub use audit::audit;
pub use explain::{explain, explain_kind, rules};
pub use inventory::inventory;
pub use trace::{explain_volumes, what_if};

use serde::{Serialize, Serializer};
use std::io::{self, Write};

/// Indented, with a line feed at the end. Control characters that JSON would let through raw are escaped:
/// programs read the same text, and a terminal obeys nothing.
pub(super) fn render(report: &impl Serialize) -> String {
    let mut text = Vec::new();
    // The structures hold texts, numbers and lists only, which always serialise, and memory takes what it gets.
    let written = write(report, &mut text);
    written.ok().and_then(|()| String::from_utf8(text).ok()).unwrap_or_default()
}

/// The same, piece by piece as it is made.
///
/// # Errors
/// What `out` said.
pub(super) fn write(report: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(Tame(out), report)?;
    out.write_all(b"\n")
}

/// Writes on what a terminal does not obey. It gets whole characters: the serialiser writes pieces of texts.
struct Tame<'o>(&'o mut dyn Write);

impl Write for Tame<'_> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let is_tame = |text: &str| text.chars().all(|character| character == '\n' || !character.is_control());
        match std::str::from_utf8(piece) {
            Ok(text) if !is_tame(text) => {
                for character in text.chars() {
                    match character {
                        '\n' => self.0.write_all(b"\n")?,
                        control if control.is_control() => write!(self.0, "\\u{:04x}", u32::from(control))?,
                        other => self.0.write_all(other.encode_utf8(&mut [0; 4]).as_bytes())?,
                    }
                }
            }
            _ => self.0.write_all(piece)?,
        }
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A list of which each entry is made when it is written.
pub(super) struct Each<F>(pub F);

impl<F, I> Serialize for Each<F>
where
    F: Fn() -> I,
    I: Iterator,
    I::Item: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_control_character_gets_out_raw_wherever_it_stands() {
        let texts = ["\u{9b}31m", "a\u{7f}\u{85}b\nc\te\u{1b}", "ü\u{9f}\u{202e}"];
        let text = render(&Each(|| texts.iter()));
        assert!(text.chars().all(|one| one == '\n' || !one.is_control()), "{text:?}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&text).unwrap(), texts);
    }
}
