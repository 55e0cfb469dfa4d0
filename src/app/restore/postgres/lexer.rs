//! Where a statement of SQL ends: what is quoted, and what is not.

/// Words of a statement that are kept, to tell what it is.
const WORDS: usize = 12;

/// What came of reading a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    /// The statement goes on behind the line.
    On,
    /// It ended: what follows in the line is something else.
    End,
    /// A backslash stands outside of all quotes.
    Backslash,
}

/// What the present byte is in.
#[derive(Debug)]
enum Inside {
    Nothing,
    /// Comments hold comments.
    Comment(u32),
    /// A string, and whether a backslash means something in it.
    Text(bool),
    Name,
    /// A string between two of these.
    Dollars(Vec<u8>),
}

/// Reads one statement.
#[derive(Debug)]
pub(super) struct Lexer {
    inside: Inside,
    brackets: u32,
    /// Blocks of a function's body that is no string.
    blocks: u32,
    words: Vec<String>,
    /// Whether the last word was `BEGIN`.
    after_begin: bool,
    is_standard: bool,
}

impl Lexer {
    /// `is_standard` where a backslash means nothing in an ordinary string.
    pub fn new(is_standard: bool) -> Self {
        Self {
            inside: Inside::Nothing,
            brackets: 0,
            blocks: 0,
            words: Vec::new(),
            after_begin: false,
            is_standard,
        }
    }

    /// The first words that are not quoted, in upper case.
    pub fn words(self) -> Vec<String> {
        self.words
    }

    /// Reads a line from `at` on, as far as the statement goes, into `sql`.
    pub fn read(&mut self, row: &[u8], at: &mut usize, sql: &mut Vec<u8>) -> Read {
        let from = *at;
        while *at < row.len() {
            if !matches!(self.inside, Inside::Nothing) {
                *at = self.quoted(row, *at);
                continue;
            }
            match row[*at] {
                b';' if self.brackets == 0 && self.blocks == 0 => {
                    sql.extend(&row[from..*at]);
                    *at += 1;
                    return Read::End;
                }
                b'\\' => return Read::Backslash,
                b'-' if row[*at..].starts_with(b"--") => {
                    sql.extend(&row[from..*at]);
                    sql.push(b'\n');
                    *at = row.len();
                    return Read::On;
                }
                _ => *at = self.open(row, *at),
            }
        }
        *at = row.len();
        sql.extend(&row[from..]);
        Read::On
    }

    /// What is quoted from here on, or one byte or word that is not.
    fn open(&mut self, row: &[u8], at: usize) -> usize {
        match row[at] {
            b'\'' => self.inside = Inside::Text(!self.is_standard),
            b'"' => self.inside = Inside::Name,
            b'(' => self.brackets += 1,
            b')' => self.brackets = self.brackets.saturating_sub(1),
            b'/' if row[at..].starts_with(b"/*") => {
                self.inside = Inside::Comment(1);
                return at + 2;
            }
            b'$' => {
                let tag =
                    row[at + 1..].iter().take_while(|byte| is_in_word(**byte) && **byte != b'$').count();
                let is_tag = row.get(at + 1 + tag) == Some(&b'$');
                if is_tag && !row[at + 1].is_ascii_digit() {
                    self.inside = Inside::Dollars(row[at..at + tag + 2].to_vec());
                    return at + tag + 2;
                }
            }
            byte if is_in_word(byte) => {
                let length = row[at..].iter().take_while(|byte| is_in_word(**byte)).count();
                let word = &row[at..at + length];
                if word.eq_ignore_ascii_case(b"e") && row.get(at + length) == Some(&b'\'') {
                    self.inside = Inside::Text(true);
                    return at + length + 1;
                }
                self.word(word);
                return at + length;
            }
            _ => {}
        }
        at + 1
    }

    /// The rest of what is quoted, or a part of it.
    fn quoted(&mut self, row: &[u8], at: usize) -> usize {
        let (rest, byte) = (&row[at..], row[at]);
        let (ends, length) = match &mut self.inside {
            Inside::Nothing => (false, 0),
            Inside::Comment(depth) if rest.starts_with(b"/*") => {
                *depth += 1;
                (false, 2)
            }
            Inside::Comment(depth) if rest.starts_with(b"*/") => {
                *depth -= 1;
                (*depth == 0, 2)
            }
            Inside::Text(true) if byte == b'\\' => (false, 2),
            Inside::Text(_) if rest.starts_with(b"''") => (false, 2),
            Inside::Text(_) => (byte == b'\'', 1),
            // What is doubled ends and begins again.
            Inside::Name => (byte == b'"', 1),
            Inside::Dollars(tag) if rest.starts_with(tag) => (true, tag.len()),
            Inside::Comment(_) | Inside::Dollars(_) => (false, 1),
        };
        if ends {
            self.inside = Inside::Nothing;
        }
        (at + length).min(row.len())
    }

    fn word(&mut self, word: &[u8]) {
        let word = String::from_utf8_lossy(word).to_ascii_uppercase();
        // A function may be called so; a body begins with both words.
        let begins = self.after_begin && word == "ATOMIC";
        self.after_begin = word == "BEGIN";
        if self.words.len() < WORDS {
            self.words.push(word.clone());
        }
        if self.brackets > 0 || !self.makes_routine() {
            return;
        }
        match word.as_str() {
            "ATOMIC" if begins => self.blocks += 1,
            "CASE" if self.blocks > 0 => self.blocks += 1,
            "END" => self.blocks = self.blocks.saturating_sub(1),
            _ => {}
        }
    }

    /// Only there, a body may stand that is no string.
    fn makes_routine(&self) -> bool {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        matches!(
            words.as_slice(),
            ["CREATE", "FUNCTION" | "PROCEDURE", ..]
                | ["CREATE", "OR", "REPLACE", "FUNCTION" | "PROCEDURE", ..]
        )
    }
}

fn is_in_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}
