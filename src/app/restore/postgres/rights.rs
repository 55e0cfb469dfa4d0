//! What a dump says of owners and rights, told from everything else.

use super::script::Statement;
use crate::domain::printable;

/// A statement that says who owns something or may use it, and has no sign by which `psql` could be made to do anything else.
pub(super) fn right(statement: &Statement) -> Option<String> {
    let text = std::str::from_utf8(&statement.sql).ok()?.trim();
    let is_plain = |c: char| c.is_alphanumeric() || " _,.()[]\"$-".contains(c);
    let is_one = text.chars().all(is_plain) && !text.contains("--") && text.matches('"').count() % 2 == 0;
    let says = match statement.words.first().map(String::as_str) {
        Some("GRANT") => text.split_once(" ON ").and_then(|(_, on)| on.rsplit_once(" TO ")),
        Some("REVOKE") => text.split_once(" ON ").and_then(|(_, on)| on.rsplit_once(" FROM ")),
        _ if statement.begins(&["ALTER", "DEFAULT", "PRIVILEGES"]) => {
            text.rsplit_once(" TO ").or_else(|| text.rsplit_once(" FROM "))
        }
        // What is changed of a table may be a list, and what stands in it may call something.
        kind => text.rsplit_once(" OWNER TO ").filter(|(of, _)| {
            let is_routine = ["FUNCTION", "PROCEDURE", "AGGREGATE"]
                .contains(&statement.words.get(1).map(String::as_str).unwrap_or_default());
            kind == Some("ALTER") && (is_routine || !of.contains(['(', ',']))
        }),
    };
    let says =
        says.is_some_and(|(_, role)| is_one_role(role.strip_suffix(" WITH GRANT OPTION").unwrap_or(role)));
    (is_one && says).then(|| text.to_owned())
}

/// Whether this is the name of one role, as it is written in SQL, and nothing besides.
pub(super) fn is_one_role(role: &str) -> bool {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '$';
    match role.strip_prefix('"').and_then(|role| role.strip_suffix('"')) {
        Some(inner) => !inner.is_empty() && !inner.contains('"'),
        None => role == "PUBLIC" || !role.is_empty() && role.chars().all(is_word),
    }
}

/// The role of `ALTER … OWNER TO role`.
pub(super) fn owner(statement: &Statement) -> Option<String> {
    let text = std::str::from_utf8(&statement.sql).ok()?.trim_end();
    let (_, role) = text.rsplit_once(" OWNER TO ").filter(|_| statement.begins(&["ALTER"]))?;
    let is_one = role.starts_with('"') && role.ends_with('"') || !role.contains(char::is_whitespace);
    is_one.then(|| printable(role.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::super::script::{Piece, Script};
    use super::*;

    #[test]
    fn what_is_kept_of_owners_and_rights_is_nothing_else() {
        let of = |sql: &str| {
            let mut script = Script::new(sql.as_bytes());
            match script.next().unwrap() {
                Some(Piece::Statement(statement)) => right(&statement),
                other => panic!("{other:?}"),
            }
        };
        for sound in [
            "ALTER TABLE public.t OWNER TO shop",
            "ALTER FUNCTION public.f(a integer, b character varying[]) OWNER TO \"a b\"",
            "GRANT SELECT,INSERT ON TABLE public.t TO clerk WITH GRANT OPTION",
            "REVOKE ALL ON SCHEMA public FROM PUBLIC",
            "ALTER DEFAULT PRIVILEGES FOR ROLE shop IN SCHEMA public GRANT SELECT ON TABLES  TO clerk",
        ] {
            assert_eq!(of(&format!("{sound};\n")).as_deref(), Some(sound));
        }
        for other in [
            "GRANT pg_execute_server_program TO shop;",
            "ALTER TABLE t OWNER TO \"\\! id\";",
            "ALTER TABLE t OWNER TO \"a\nb\";",
            "ALTER TABLE \"x'\" OWNER TO shop;",
            "ALTER TABLE \"--\" OWNER TO shop;",
            "ALTER TABLE \":x\" OWNER TO shop;",
            "ALTER ROLE shop SUPERUSER;",
            "ALTER TABLE t ADD COLUMN c integer DEFAULT f(), OWNER TO shop;",
            "ALTER TABLE t OWNER TO \"a\", DROP COLUMN \"b\";",
            "GRANT SELECT ON TABLE t TO \"a\" IN ROLE \"b\";",
            "GRANT SELECT ON TABLE t TO a, b;",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }

    #[test]
    fn an_owner_is_told_from_a_text_that_speaks_of_one() {
        let of = |sql: &str| {
            let mut script = Script::new(sql.as_bytes());
            match script.next().unwrap() {
                Some(Piece::Statement(statement)) => owner(&statement),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(of("ALTER TABLE public.t OWNER TO shop;"), Some("shop".into()));
        assert_eq!(of("ALTER FUNCTION f(a integer) OWNER TO \"a b\";"), Some("\"a b\"".into()));
        assert_eq!(of("SELECT 'x OWNER TO y';"), None);
        assert_eq!(of("ALTER TABLE t ADD CHECK (a <> ' OWNER TO b c');"), None);
    }
}
