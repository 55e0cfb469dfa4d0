//! For whom a policy is: roles that a dump of one database does not bring along.

use super::SUPERUSER;
use super::script::Statement;

/// No head of a policy that `pg_dump` writes is longer, in bytes.
const LONGEST: usize = 1 << 16;

/// The roles that a policy is for, as they are written in SQL, but for those that every server has; none where it is not as `pg_dump` writes
/// one.
pub(super) fn roles_of_policy(statement: &Statement) -> Vec<String> {
    std::str::from_utf8(&statement.sql).ok().and_then(roles).unwrap_or_default()
}

fn roles(text: &str) -> Option<Vec<String>> {
    let (_, rest) = name(text.strip_prefix("CREATE POLICY ")?)?;
    let (_, mut rest) = name(rest.strip_prefix(" ON ")?)?;
    while let Some(after) = rest.strip_prefix('.') {
        (_, rest) = name(after)?;
    }
    rest = rest.strip_prefix(" AS RESTRICTIVE").unwrap_or(rest);
    if let Some(after) = rest.strip_prefix(" FOR ") {
        (_, rest) = name(after)?;
    }
    rest = rest.strip_prefix(" TO ")?;
    let mut all = Vec::new();
    loop {
        let (written, after) = name(rest)?;
        let inner = written.trim_matches('"');
        let is_there = inner == SUPERUSER || inner.starts_with("pg_") || written == "PUBLIC";
        if !is_there {
            all.push(written.to_owned());
        }
        rest = after;
        match rest.strip_prefix(", ") {
            Some(after) => rest = after,
            None => break,
        }
    }
    let is_over = rest.is_empty() || rest.starts_with(" USING (") || rest.starts_with(" WITH CHECK (");
    (is_over && text.len() - rest.len() <= LONGEST).then_some(all)
}

/// A name, between quotation marks or of plain signs, and what stands behind it.
fn name(text: &str) -> Option<(&str, &str)> {
    let end = match text.strip_prefix('"') {
        Some(inner) => {
            let mut signs = inner.char_indices();
            loop {
                let (at, sign) = signs.next()?;
                let is_doubled = inner[at + sign.len_utf8()..].starts_with('"');
                match sign {
                    '"' if is_doubled => drop(signs.next()),
                    // No name is empty.
                    '"' => break (at > 0).then_some(at + 2)?,
                    '\0' => return None,
                    _ => {}
                }
            }
        }
        None => {
            let is_plain = |sign: char| sign.is_alphanumeric() || sign == '_';
            let end = text.find(|sign| !is_plain(sign)).unwrap_or(text.len());
            let is_one = text.starts_with(|sign: char| sign.is_alphabetic() || sign == '_');
            is_one.then_some(end)?
        }
    };
    Some(text.split_at(end))
}

#[cfg(test)]
mod tests {
    use super::super::script::{Piece, Script};
    use super::*;

    #[test]
    fn the_roles_of_a_policy_are_read_as_far_as_it_is_one() {
        let of = |sql: &str| {
            let sql = format!("{sql};");
            let mut script = Script::new(sql.as_bytes());
            match script.next().unwrap() {
                Some(Piece::Statement(statement)) => roles_of_policy(&statement),
                other => panic!("{other:?}"),
            }
        };
        for (sound, roles) in [
            ("CREATE POLICY p ON public.secret TO shop USING ((a = 'x TO y'::text))", vec!["shop"]),
            (
                "CREATE POLICY \"p q\" ON public.t AS RESTRICTIVE FOR SELECT TO a, \"B c\" USING (true) WITH CHECK (true)",
                vec!["a", "\"B c\""],
            ),
            (
                "CREATE POLICY \"Users can't see (own) TO x USING (y\" ON \"a.b\".\"it's für 日本\" TO postgres, \"a\"\"#b\", \"user\" USING (true)",
                vec!["\"a\"\"#b\"", "\"user\""],
            ),
            ("CREATE POLICY p ON public.t FOR INSERT TO a WITH CHECK (f('$ USING ('))", vec!["a"]),
        ] {
            assert_eq!(of(sound), roles, "{sound}");
        }
        for other in [
            "CREATE POLICY p ON public.t USING (true)",
            "CREATE POLICY p ON public.t TO postgres, pg_monitor, PUBLIC USING (true)",
            "CREATE POLICY p ON public.t TO a SUPERUSER USING (true)",
            "CREATE POLICY p ON public.t TO \"a\" \"b\" USING (true)",
            "CREATE ROLE p",
            "CREATE POLICY \"\" ON public.t TO a USING (true)",
        ] {
            assert_eq!(of(other), Vec::<String>::new(), "{other}");
        }
    }
}
