//! A dump in plain SQL, cut into statements and rows as `psql` would cut it, and without what `psql` does besides.
//!
//! Lexical structure: PostgreSQL's documentation, section 4.1, and its `psqlscan.l`. Where a dump is cut otherwise than it was meant, the
//! server complains; no program is ever run by it.

use super::lexer::{Lexer, Read};
use crate::domain::{Kind, Problem, Result, printable};
use std::io::BufRead;

/// No statement, and no row of a table, is longer.
const LONGEST: usize = 128 << 20;

/// A piece of a dump.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    /// Something for the server.
    Statement(Statement),
    /// Go on in this database.
    Connect {
        /// Its name.
        database: String,
        /// Where it is said.
        line: u64,
    },
}

/// A statement, without its semicolon.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Statement {
    /// As it is sent.
    pub sql: Vec<u8>,
    /// The line on which it begins, from 1.
    pub line: u64,
    /// Its first words, in upper case.
    pub words: Vec<String>,
}

impl Statement {
    /// Whether it begins with these words.
    pub fn begins(&self, words: &[&str]) -> bool {
        words.len() <= self.words.len() && words.iter().zip(&self.words).all(|(wanted, word)| wanted == word)
    }

    /// Its beginning, for people.
    pub fn shown(&self) -> String {
        let line = self.sql.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let cut = &line[..line.len().min(100)];
        format!("{}{}", printable(cut), if cut.len() < self.sql.len() { " …" } else { "" })
    }
}

/// Which of the comments came that `pg_dump` and `pg_dumpall` write last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Ends {
    /// Of a database.
    pub database: bool,
    /// Of all of them.
    pub cluster: bool,
}

/// Reads a dump.
pub(super) struct Script<R> {
    input: R,
    /// The present line with its end, and how far it was read.
    row: Vec<u8>,
    at: usize,
    line: u64,
    /// False once the dump said that a backslash means something in its strings.
    is_standard: bool,
    ends: Ends,
    has_ended: bool,
}

impl<R: BufRead> Script<R> {
    pub fn new(input: R) -> Self {
        Self {
            input,
            row: Vec::new(),
            at: 0,
            line: 0,
            is_standard: true,
            ends: Ends::default(),
            has_ended: false,
        }
    }

    /// Which ends were seen.
    pub fn ends(&self) -> Ends {
        self.ends
    }

    /// Whether the end of the input was seen.
    pub fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// `Refused` for a command to `psql` that no dump needs; `Io` where it ends within a statement.
    pub fn next(&mut self) -> Result<Option<Piece>> {
        let mut statement = Statement::default();
        let mut lexer = Lexer::new(self.is_standard);
        loop {
            if self.at >= self.row.len() && !self.advance()? {
                return if statement.sql.is_empty() { Ok(None) } else { Err(self.cut("a statement")) };
            }
            if statement.sql.is_empty() {
                let rest = self.row[self.at..].trim_ascii_start();
                if rest.is_empty() || rest.starts_with(b"--") {
                    self.note_end();
                    self.at = self.row.len();
                    continue;
                }
                if rest.starts_with(b"\\") {
                    if let Some(piece) = self.command()? {
                        return Ok(Some(piece));
                    }
                    continue;
                }
                self.at = self.row.len() - rest.len();
                statement.line = self.line;
            }
            let read = lexer.read(&self.row, &mut self.at, &mut statement.sql);
            if statement.sql.len() > LONGEST {
                return Err(self.too_long());
            }
            match read {
                Read::On => {}
                Read::Backslash => return Err(self.refused()),
                Read::End => {
                    statement.words = lexer.words();
                    if statement.begins(&["SET", "STANDARD_CONFORMING_STRINGS"]) {
                        self.is_standard = statement.words.get(2).is_none_or(|word| word != "OFF");
                    }
                    return Ok(Some(Piece::Statement(statement)));
                }
            }
        }
    }

    /// The next row of a table; `None` after the last.
    ///
    /// # Errors
    /// `Io` where the dump ends before.
    pub fn next_row(&mut self) -> Result<Option<&[u8]>> {
        let rest = self.row[self.at..].trim_ascii();
        if !rest.is_empty() && !rest.starts_with(b"--") {
            let what = "something stands behind a statement that rows follow, on its line, where pg_dump writes nothing";
            return Err(Problem::new(Kind::Refused, what).at(format!("line {}", self.line)));
        }
        if !self.advance()? {
            return Err(self.cut("the rows of a table"));
        }
        self.at = self.row.len();
        let is_last = matches!(&self.row[..], b"\\.\n" | b"\\.\r\n" | b"\\.");
        Ok((!is_last).then_some(&self.row))
    }

    /// The next line; false at the end.
    fn advance(&mut self) -> Result<bool> {
        (self.at, self.line) = (0, self.line + 1);
        self.row.clear();
        loop {
            let there = match self.input.fill_buf() {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                there => there.map_err(unread)?,
            };
            self.has_ended |= there.is_empty();
            let end = there.iter().position(|byte| *byte == b'\n').map(|end| end + 1);
            let length = end.unwrap_or(there.len());
            self.row.extend(&there[..length]);
            self.input.consume(length);
            if self.row.len() > LONGEST {
                return Err(self.too_long());
            }
            if end.is_some() || length == 0 {
                return Ok(!self.row.is_empty());
            }
        }
    }

    fn note_end(&mut self) {
        match self.row.trim_ascii() {
            b"-- PostgreSQL database dump complete" => self.ends.database = true,
            b"-- PostgreSQL database cluster dump complete" => self.ends.cluster = true,
            _ => {}
        }
    }

    /// A line for `psql` itself: what `pg_dump` and `pg_dumpall` write is obeyed, or needs no obeying.
    fn command(&mut self) -> Result<Option<Piece>> {
        let text = String::from_utf8_lossy(self.row[self.at..].trim_ascii()).into_owned();
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((&text, ""));
        // They only tell psql that it may obey nothing else, which is so here anyhow.
        let is_fence = matches!(word, "\\restrict" | "\\unrestrict")
            && !rest.is_empty()
            && rest.bytes().all(|byte| byte.is_ascii_alphanumeric());
        // So pg_dump begins to name a database whose name has odd signs; what it says is said to the server anyhow.
        if is_fence || text == "\\encoding SQL_ASCII" {
            self.at = self.row.len();
            return Ok(None);
        }
        let database = if word == "\\connect" { database_of(rest) } else { None };
        let database = database.ok_or_else(|| self.refused())?;
        self.at = self.row.len();
        Ok(Some(Piece::Connect { database, line: self.line }))
    }

    fn refused(&self) -> Problem {
        let shown = self.row.trim_ascii();
        let shown = printable(&shown[..shown.len().min(100)]);
        Problem::new(Kind::Refused, format!("the dump has a command to psql, which no dump needs: {shown}"))
            .at(format!("line {}", self.line))
            .remedy("such a command can run any program: find out who wrote it into the dump. This line was not obeyed")
    }

    fn cut(&self, within: &str) -> Problem {
        Problem::new(Kind::Io, format!("the dump ends within {within}: cut short when it was made"))
            .at(format!("line {}", self.line))
            .remedy("choose another recovery point; `outlive points` lists them")
    }

    fn too_long(&self) -> Problem {
        Problem::new(Kind::Io, format!("a statement or row is longer than {} MiB", LONGEST >> 20))
            .at(format!("line {}", self.line))
            .remedy("read this dump with psql yourself: it is where the restore put it")
    }
}

/// Whoever reads for us may say in the error itself why nothing more comes.
fn unread(error: std::io::Error) -> Problem {
    error.downcast().unwrap_or_else(|error| Problem::io("reading the dump", error))
}

/// The database of a `\connect`, as `pg_dump` and `pg_dumpall` write it.
fn database_of(rest: &str) -> Option<String> {
    let rest = rest.trim();
    if rest.contains('\0') {
        return None;
    }
    if let Some(quoted) = rest.strip_prefix("-reuse-previous=on ") {
        let info = unquoted(quoted.trim())?;
        let value = info.strip_prefix("dbname='")?.strip_suffix('\'')?;
        return Some(value.replace("\\'", "'").replace("\\\\", "\\"));
    }
    if rest.starts_with('"') {
        return unquoted(rest);
    }
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80;
    (!rest.is_empty() && rest.bytes().all(is_plain)).then(|| rest.to_owned())
}

/// What stands between quotation marks, if that is one name.
pub(super) fn unquoted(text: &str) -> Option<String> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    let once = inner.replace("\"\"", "");
    (!inner.is_empty() && !once.contains('"')).then(|| inner.replace("\"\"", "\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> Result<Vec<String>> {
        let mut script = Script::new(text.as_bytes());
        let mut all = Vec::new();
        while let Some(piece) = script.next()? {
            match piece {
                Piece::Connect { database, line } => all.push(format!("{line} to {database}")),
                Piece::Statement(statement) => {
                    all.push(String::from_utf8(statement.sql.clone()).unwrap());
                    if statement.begins(&["COPY"]) {
                        while let Some(row) = script.next_row()? {
                            all.push(String::from_utf8_lossy(row).into_owned());
                        }
                    }
                }
            }
        }
        Ok(all)
    }

    #[test]
    fn a_dump_is_cut_where_its_statements_end_and_nowhere_else() {
        let text = "--\n-- PostgreSQL database dump\n--\n\n\\restrict aB3\nSET a = 'x;''y\\';\n\
            CREATE FUNCTION f() RETURNS int AS $_$ select ';' $_$;select E'it\\'s; ';\n\
            /* ; /* ; */ \\! */ insert into \"a;\"\"b\" values ($1);\n\
            COPY public.t (a) FROM stdin;\n1\t\\\\!\n\\!\n\\.\n\
            CREATE FUNCTION g() BEGIN ATOMIC select 1; select case when true then 1 end; END;\n\
            CREATE FUNCTION begin() RETURNS int AS 'select 1';select 2;\n\
            CREATE RULE r AS ON INSERT TO t DO (select 1; select 2);\n\\connect \"a \"\"b\"\n\\connect shop\n\
            \\encoding SQL_ASCII\n\\connect -reuse-previous=on \"dbname='it\\'s'\"\nselect 1 -- one; two\n;\n\\unrestrict aB3\n";
        let all = pieces(text).unwrap();
        let wanted = [
            "SET a = 'x;''y\\'",
            "CREATE FUNCTION f() RETURNS int AS $_$ select ';' $_$",
            "select E'it\\'s; '",
            "/* ; /* ; */ \\! */ insert into \"a;\"\"b\" values ($1)",
            "COPY public.t (a) FROM stdin",
            "1\t\\\\!\n",
            "\\!\n",
            "CREATE FUNCTION g() BEGIN ATOMIC select 1; select case when true then 1 end; END",
            "CREATE FUNCTION begin() RETURNS int AS 'select 1'",
            "select 2",
            "CREATE RULE r AS ON INSERT TO t DO (select 1; select 2)",
            "16 to a \"b",
            "17 to shop",
            "19 to it's",
            "select 1 \n",
        ];
        assert_eq!(all, wanted);
    }

    #[test]
    fn a_command_to_psql_is_refused_by_its_line_wherever_it_stands() {
        for text in [
            "select 1;\n\\! touch /tmp/pwned\n",
            "\\copy t from program 'id'\n",
            "\\i /etc/passwd\n",
            "select 1 \\! id\n;\n",
            "select 1 \\gexec\n",
            "select 'a\\'; \\! id\n",
            "\\connect shop evil\n",
            "\\connect host=elsewhere\n",
            "\\connect \"postgres\0user\0postgres\"\n",
            "\\connect -reuse-previous=on \"dbname='postgres\0user\0postgres'\"\n",
            "\\encoding UTF8\n",
            "\\restrict a; \\! id\n",
            "\\.\n",
            "select $a$ ; $b$ $a$ \\! id\n",
            "SET standard_conforming_strings = off;\nselect 'a\\'' \\! id\n",
        ] {
            let problem = pieces(text).unwrap_err();
            assert_eq!(problem.kind, Kind::Refused, "{text}: {problem}");
            assert!(problem.place.starts_with("line "), "{text}: {problem}");
        }
    }

    #[test]
    fn a_dump_that_is_cut_short_is_told_from_a_whole_one() {
        assert!(pieces("select 1").unwrap_err().what.contains("ends within a statement"));
        assert!(pieces("COPY t FROM stdin;\n1\n").unwrap_err().what.contains("ends within the rows"));
        let mut script = Script::new(&b"select 1;\n--\n-- PostgreSQL database dump complete\n--\n"[..]);
        assert!(script.next().unwrap().is_some() && !script.ends().database);
        assert!(script.next().unwrap().is_none() && script.ends().database && !script.ends().cluster);
    }
}
