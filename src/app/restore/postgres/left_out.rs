//! What a dump of one database says that is not done when it is read: who owns what, and what its database is like.

use super::script::{Statement, unquoted};
use crate::domain::printable;

/// The role of `ALTER kind name OWNER TO role`, which is no text that speaks of one: nothing but a name stands before it.
pub(super) fn owner(statement: &Statement) -> Option<String> {
    const TO: &[u8] = b" OWNER TO ";
    let sql = statement.sql.trim_ascii_end();
    let mut is_name = false;
    for (at, byte) in sql.iter().enumerate().filter(|_| statement.begins(&["ALTER"])) {
        match byte {
            b'"' => is_name = !is_name,
            b'\'' | b'$' if !is_name => return None,
            b' ' if !is_name && sql.get(at..).is_some_and(|rest| rest.starts_with(TO)) => {
                let role = &sql[at + TO.len()..];
                let is_quoted = unquoted(&String::from_utf8_lossy(role)).is_some();
                let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80;
                let is_one = is_quoted || !role.is_empty() && role.iter().all(is_plain);
                return is_one.then(|| printable(role));
            }
            _ => {}
        }
    }
    None
}

/// What makes the dump's own database, and what is about it: all of the dump is read into another one.
pub(super) fn is_of_database(statement: &Statement) -> bool {
    let acts = ["CREATE", "ALTER", "DROP"].iter().any(|act| statement.begins(&[act, "DATABASE"]));
    let says =
        |word: &str| statement.words.windows(2).any(|words| words[0] == word && words[1] == "DATABASE");
    acts || statement.begins(&["ALTER", "ROLE"]) && says("IN")
        || statement.begins(&["COMMENT", "ON", "DATABASE"])
        || statement.begins(&["SECURITY", "LABEL"]) && says("ON")
}

#[cfg(test)]
mod tests {
    use super::super::script::{Piece, Script};
    use super::*;

    #[test]
    fn an_owner_is_told_from_a_text_that_speaks_of_one() {
        let of = |sql: &[u8]| {
            let mut script = Script::new(sql);
            match script.next().unwrap() {
                Some(Piece::Statement(statement)) => owner(&statement),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(of(b"ALTER TABLE public.t OWNER TO shop;"), Some("shop".into()));
        assert_eq!(of(b"ALTER TABLE public.\"k\xe4tzchen\" OWNER TO shop;"), Some("shop".into()));
        assert_eq!(of(b"ALTER FUNCTION f(a integer) OWNER TO \"a b\";"), Some("\"a b\"".into()));
        assert_eq!(
            of(b"ALTER TABLE public.\"it's\" OWNER TO \"x OWNER TO y\";"),
            Some("\"x OWNER TO y\"".into())
        );
        assert_eq!(
            of(b"ALTER OPERATOR public.= (integer, \"a\"\"b\") OWNER TO \"a\"\"b\";"),
            Some("\"a\"\"b\"".into())
        );
        assert_eq!(of(b"ALTER TABLE t ALTER c SET DEFAULT 'OWNER changed OWNER TO x';"), None);
        assert_eq!(of(b"ALTER TABLE t RENAME TO \"a OWNER TO b\";"), None);
        assert_eq!(of(b"ALTER TABLE t OWNER TO x, ADD c text DEFAULT 'OWNER TO y';"), None);
        assert_eq!(of(b"ALTER TABLE t OWNER TO \"x\", ADD \"y\";"), None);
        assert_eq!(of(b"SELECT 'x OWNER TO y';"), None);
        assert_eq!(of(b"ALTER TABLE t ADD CHECK (a <> ' OWNER TO b c');"), None);
    }
}
