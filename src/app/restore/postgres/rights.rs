//! What a dump says of owners and rights, told from everything else.
//!
//! A superuser runs what is kept of it, through `psql`. So it is no text that is searched: a statement is cut into words, and kept only
//! where these are one of a few forms as `pg_dump` writes them, about one thing in the database itself and one role that is no superuser.

use super::SUPERUSER;
use super::script::Statement;
use super::words::{Word, words};

/// No statement about rights that `pg_dump` writes is longer, in bytes, but for odd names.
const LONGEST: usize = 4096;

/// Words that mean somebody else than a role of that name.
const NO_ROLES: [&str; 6] = ["public", "none", "user", "current_user", "current_role", "session_user"];

/// Reads the forms.
struct Form<'s> {
    words: std::slice::Iter<'s, Word<'s>>,
    roles: Vec<String>,
}

impl<'s> Form<'s> {
    fn next(&mut self) -> Option<&'s Word<'s>> {
        self.words.next()
    }

    fn peek(&self) -> Option<&'s Word<'s>> {
        self.words.clone().next()
    }

    fn is_next(&self, keyword: &str) -> bool {
        self.peek() == Some(&Word::Plain(keyword))
    }

    /// These keywords, one after the other.
    fn says(&mut self, keywords: &[&str]) -> Option<()> {
        keywords.iter().all(|keyword| self.next() == Some(&Word::Plain(keyword))).then_some(())
    }

    fn is_over(&self) -> Option<()> {
        self.peek().is_none().then_some(())
    }

    /// A role that is neither a superuser of every server nor one that a server brings along.
    fn role(&mut self) -> Option<()> {
        let (name, written) = match self.next()? {
            Word::Plain(name) if !name.contains(|c: char| c.is_ascii_uppercase()) => {
                (*name, (*name).to_owned())
            }
            Word::Quoted(name) => (*name, format!("\"{name}\"")),
            _ => return None,
        };
        if name == SUPERUSER || name.starts_with("pg_") || NO_ROLES.contains(&name) {
            return None;
        }
        self.roles.push(written);
        Some(())
    }

    /// The same, or everybody.
    fn role_or_all(&mut self) -> Option<()> {
        if self.is_next("PUBLIC") {
            return self.next().map(|_| ());
        }
        self.role()
    }

    fn ident(&mut self) -> Option<&'s str> {
        match self.next()? {
            Word::Plain(name) if !name.contains(|c: char| c.is_ascii_uppercase()) => Some(name),
            Word::Quoted(name) => Some(name),
            _ => None,
        }
    }

    /// A name with its schema, which is none of the server's own; the name of a schema alone.
    fn name(&mut self, is_schema: bool) -> Option<()> {
        let schema = self.ident()?;
        if schema.starts_with("pg_") || schema == "information_schema" {
            return None;
        }
        if is_schema {
            return Some(());
        }
        (self.next()? == &Word::Sign('.')).then_some(())?;
        self.ident().map(|_| ())
    }

    /// What stands between parentheses: types, or columns.
    fn parentheses(&mut self) -> Option<()> {
        let mut depth = 0;
        loop {
            match self.next()? {
                Word::Sign('(') => depth += 1,
                Word::Sign(')') => depth -= 1,
                _ if depth == 0 => return None,
                _ => {}
            }
            if depth == 0 {
                return Some(());
            }
        }
    }

    /// What it is about.
    fn thing(&mut self, kinds: &[&str]) -> Option<()> {
        let Word::Plain(kind) = self.next()? else { return None };
        match *kind {
            "LARGE" => {
                self.says(&["OBJECT"])?;
                return (self.next()? == &Word::Number).then_some(());
            }
            "MATERIALIZED" => self.says(&["VIEW"])?,
            "TEXT" => {
                self.says(&["SEARCH"])?;
                let Word::Plain(what) = self.next()? else { return None };
                ["CONFIGURATION", "DICTIONARY"].contains(what).then_some(())?;
            }
            kind => kinds.contains(&kind).then_some(())?,
        }
        self.name(*kind == "SCHEMA")?;
        if ["FUNCTION", "PROCEDURE", "AGGREGATE"].contains(kind) {
            self.parentheses()?;
        }
        Some(())
    }

    /// Rights, with columns where some are named.
    fn rights(&mut self) -> Option<()> {
        const RIGHTS: [&str; 11] = [
            "SELECT",
            "INSERT",
            "UPDATE",
            "DELETE",
            "TRUNCATE",
            "REFERENCES",
            "TRIGGER",
            "USAGE",
            "CREATE",
            "EXECUTE",
            "ALL",
        ];
        loop {
            let Word::Plain(right) = self.next()? else { return None };
            RIGHTS.contains(right).then_some(())?;
            if *right == "ALL" && self.is_next("PRIVILEGES") {
                self.next();
            }
            if self.peek() == Some(&Word::Sign('(')) {
                self.parentheses()?;
            }
            if self.peek() != Some(&Word::Sign(',')) {
                return Some(());
            }
            self.next();
        }
    }

    /// What is given or taken, of what, and to or from whom.
    fn given(&mut self, of: impl FnOnce(&mut Self) -> Option<()>) -> Option<()> {
        let Word::Plain(act) = self.next()? else { return None };
        let gives = match *act {
            "GRANT" => true,
            "REVOKE" => false,
            _ => return None,
        };
        if !gives && self.is_next("GRANT") {
            self.says(&["GRANT", "OPTION", "FOR"])?;
        }
        self.rights()?;
        self.says(&["ON"])?;
        of(self)?;
        self.says(&[if gives { "TO" } else { "FROM" }])?;
        self.role_or_all()?;
        if gives && self.is_next("WITH") {
            self.says(&["WITH", "GRANT", "OPTION"])?;
        }
        self.is_over()
    }

    fn whole(&mut self) -> Option<()> {
        if !self.is_next("ALTER") {
            let kinds = ["TABLE", "SEQUENCE", "SCHEMA", "FUNCTION", "PROCEDURE", "TYPE"];
            return self.given(|form| form.thing(&kinds));
        }
        self.says(&["ALTER"])?;
        if self.is_next("DEFAULT") {
            self.says(&["DEFAULT", "PRIVILEGES", "FOR", "ROLE"])?;
            self.role()?;
            if self.is_next("IN") {
                self.says(&["IN", "SCHEMA"])?;
                self.name(true)?;
            }
            return self.given(|form| {
                let Word::Plain(things) = form.next()? else { return None };
                ["TABLES", "SEQUENCES", "FUNCTIONS", "TYPES"].contains(things).then_some(())
            });
        }
        let kinds = [
            "TABLE",
            "SEQUENCE",
            "VIEW",
            "SCHEMA",
            "TYPE",
            "DOMAIN",
            "FUNCTION",
            "PROCEDURE",
            "AGGREGATE",
            "COLLATION",
            "STATISTICS",
        ];
        self.thing(&kinds)?;
        self.says(&["OWNER", "TO"])?;
        self.role()?;
        self.is_over()
    }
}

/// A statement that says who owns something or may use it and nothing else, and the roles that it names, as they are written in SQL.
pub(super) fn right(statement: &Statement) -> Option<(String, Vec<String>)> {
    let text = std::str::from_utf8(&statement.sql).ok().filter(|text| text.len() <= LONGEST)?.trim();
    let words = words(text)?;
    let mut form = Form { words: words.iter(), roles: Vec::new() };
    form.whole()?;
    Some((text.to_owned(), form.roles))
}

#[cfg(test)]
mod tests {
    use super::super::script::{Piece, Script};
    use super::*;

    fn kept(sql: &str) -> Option<(String, Vec<String>)> {
        let mut script = Script::new(sql.as_bytes());
        match script.next().unwrap() {
            Some(Piece::Statement(statement)) => right(&statement),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_kept_of_owners_and_rights_is_nothing_else() {
        for (sound, roles) in [
            ("ALTER TABLE public.t OWNER TO shop", vec!["shop"]),
            ("ALTER MATERIALIZED VIEW \"Odd Schema\".t OWNER TO shop", vec!["shop"]),
            ("ALTER TABLE public.\"bestellungen_für\" OWNER TO shop", vec!["shop"]),
            ("ALTER SCHEMA sales OWNER TO \"svc@project.iam\"", vec!["\"svc@project.iam\""]),
            (
                "ALTER FUNCTION public.f(a integer, b character varying[], c numeric(3,2)) OWNER TO \"a b\"",
                vec!["\"a b\""],
            ),
            ("ALTER TEXT SEARCH CONFIGURATION public.plain OWNER TO shop", vec!["shop"]),
            ("ALTER COLLATION public.german OWNER TO shop", vec!["shop"]),
            ("ALTER LARGE OBJECT 77777 OWNER TO shop", vec!["shop"]),
            ("GRANT SELECT ON LARGE OBJECT 77777 TO clerk", vec!["clerk"]),
            ("GRANT SELECT,INSERT ON TABLE public.t TO clerk WITH GRANT OPTION", vec!["clerk"]),
            ("GRANT SELECT(a,b),UPDATE(b) ON TABLE public.t TO clerk", vec!["clerk"]),
            ("REVOKE ALL ON SCHEMA public FROM PUBLIC", vec![]),
            ("REVOKE GRANT OPTION FOR ALL ON FUNCTION public.f() FROM clerk", vec!["clerk"]),
            (
                "ALTER DEFAULT PRIVILEGES FOR ROLE shop IN SCHEMA public GRANT SELECT ON TABLES  TO clerk",
                vec!["shop", "clerk"],
            ),
            ("ALTER DEFAULT PRIVILEGES FOR ROLE shop REVOKE ALL ON FUNCTIONS FROM PUBLIC", vec!["shop"]),
        ] {
            let roles = roles.into_iter().map(str::to_owned).collect();
            assert_eq!(kept(&format!("{sound};\n")), Some((sound.to_owned(), roles)));
        }
    }

    #[test]
    fn what_could_be_anything_else_is_not_kept() {
        for other in [
            "GRANT pg_execute_server_program TO shop;",
            "GRANT postgres, \"a ON b\" TO clerk;",
            "GRANT SELECT ON TABLE public.t TO pg_monitor;",
            "GRANT SELECT ON TABLE public.t TO a, b;",
            "GRANT SELECT ON TABLE public.t TO \"a\" IN ROLE \"b\";",
            "GRANT SELECT ON TABLE public.t TO clerk GRANTED BY postgres;",
            "GRANT SELECT ON TABLE t TO clerk;",
            "GRANT SELECT ON TABLE pg_catalog.pg_authid TO PUBLIC;",
            "GRANT EXECUTE ON FUNCTION pg_catalog.lo_export(oid,text) TO clerk;",
            "GRANT ALTER SYSTEM ON PARAMETER archive_command TO clerk;",
            "GRANT ALL ON DATABASE postgres TO clerk;",
            "GRANT USAGE ON LANGUAGE plpgsql TO clerk;",
            "ALTER LARGE OBJECT t OWNER TO shop;",
            "ALTER TEXT SEARCH PARSER public.t OWNER TO shop;",
            "ALTER TEXT SEARCH CONFIGURATION pg_catalog.simple OWNER TO shop;",
            "ALTER TABLE public.t OWNER TO postgres;",
            "ALTER TABLE public.t OWNER TO \"postgres\";",
            "ALTER TABLE public.t OWNER TO current_user;",
            "ALTER TABLE public.t OWNER TO \"\\! id\";",
            "ALTER TABLE public.t OWNER TO \"a\nb\";",
            "ALTER TABLE public.\"x'\" OWNER TO shop;",
            "ALTER TABLE public.\"--\" OWNER TO shop;",
            "ALTER TABLE public.\":x\" OWNER TO shop;",
            "ALTER TABLE public.\"a\"\"b\" OWNER TO shop;",
            "ALTER TABLE public.t ADD COLUMN c integer DEFAULT f(), OWNER TO shop;",
            "ALTER TABLE public.t OWNER TO \"a\", DROP COLUMN \"b\";",
            "ALTER TABLE public.t ALTER c SET DEFAULT $$ OWNER TO $$;",
            "ALTER ROLE shop SUPERUSER LOGIN PASSWORD $$ OWNER TO $$;",
            "ALTER ROLE shop SUPERUSER;",
            "ALTER SYSTEM SET ssl_passphrase_command TO $a$touch x OWNER TO $a$;",
            "ALTER FUNCTION public.f() SECURITY DEFINER SET x TO $$ OWNER TO $$;",
            "ALTER DATABASE template1 OWNER TO shop;",
            "ALTER TABLESPACE pg_default OWNER TO shop;",
            "ALTER SCHEMA pg_catalog OWNER TO shop;",
            "ALTER DEFAULT PRIVILEGES FOR ROLE postgres GRANT ALL ON TABLES TO PUBLIC;",
            "ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC;",
        ] {
            assert_eq!(kept(other), None, "{other}");
        }
        let long = format!("GRANT SELECT ON TABLE public.{} TO clerk;", "a".repeat(LONGEST));
        assert_eq!(kept(&long), None);
    }
}
