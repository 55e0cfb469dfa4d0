//! Words of a command line that a person pastes into a shell.

/// What is said of commands that stop where a variable is not set.
pub const ASKS: &str = "A line may say that something is missing, and what to type: type that, for each such line, then paste all lines of this step once more. Was something typed wrong? Type the same line again, and paste the step again.";

/// A word as a POSIX shell takes it for exactly this text. Control characters go through `printf`, so that a page
/// shows what they are and pasting a command begins nothing by itself; a text that ends in a line break loses it there.
pub fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:=@%,".contains(c);
    // A word that begins with `=` is a command's path in some shells.
    if !word.is_empty() && !word.starts_with('=') && word.chars().all(is_plain) {
        return word.to_owned();
    }
    if !word.chars().any(super::block::is_unseen) {
        return format!("'{}'", word.replace('\'', r"'\''"));
    }
    let mut format = String::new();
    for character in word.chars() {
        let mut bytes = [0; 4];
        match character {
            plain if plain.is_ascii_alphanumeric() || " /._-".contains(plain) => format.push(plain),
            other => {
                for byte in other.encode_utf8(&mut bytes).bytes() {
                    format.push_str(&format!("\\{byte:03o}"));
                }
            }
        }
    }
    format!("\"$(printf '{format}')\"")
}

/// What masks signs that a terminal obeys, and lets the letters of every language through (UTF-8).
pub const MASKED: &str = r"LC_ALL=C sed 's/\xc2[\x80-\x9f]/?/g; s/[\x01-\x08\x0b-\x1f\x7f]/?/g'";

/// Stands before `psql`. Otherwise what a dump has under the name of a function of the server would be called in its place; and what a dump brings
/// along may set what a session in its database begins with.
pub const OWN_NAMES: &str = "PGOPTIONS='-c search_path=pg_catalog -c role=none -c default_transaction_read_only=off -c client_encoding=UTF8 -c statement_timeout=0 -c lock_timeout=0'";

/// Counts every row of each table that whoever asks may read, as a restore counts them; without a quotation mark.
pub const EACH_COUNTED: &str = "select n.nspname || $$.$$ || c.relname, (xpath($$/row/c/text()$$, query_to_xml(format($$select count(*) as c from only %I.%I$$, \
    n.nspname, c.relname), false, true, $$$$)))[1] from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind = $$r$$ and n.nspname !~ $$^pg_$$ \
    and n.nspname <> $$information_schema$$ and has_schema_privilege(n.oid, $$usage$$) and has_table_privilege(c.oid, $$select$$) order by 1";

/// A program with its arguments.
pub fn command<S: AsRef<str>>(words: impl IntoIterator<Item = S>) -> String {
    words.into_iter().map(|word| quoted(word.as_ref())).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hand::by_hand;
    use std::process::Command;

    #[test]
    fn a_shell_reads_every_word_as_it_was_meant() {
        let words = [
            "plain/path_1.0",
            "",
            "two words",
            "it's",
            "$HOME `id` \"$(id)\" !! \\ \\n",
            "; rm -rf /",
            "-n",
            "*?[a]{b,c}~",
            "=ls",
            "line\nbreak\tand tab",
            "\u{1b}[31mred",
            "\u{202e}txt.exe ä",
            "100% %s\n\\x41.",
            "```\n# not a heading\n.",
        ];
        for word in words {
            let script = format!("printf '%s' {}", quoted(word));
            assert!(!script.contains('\n'), "{script}");
            let said = by_hand(|| Command::new("sh").args(["-c", &script]).output()).unwrap();
            assert_eq!(String::from_utf8(said.stdout).unwrap(), word, "{script}");
        }
    }

    #[test]
    fn only_what_needs_it_is_quoted() {
        assert_eq!(command(["outlive", "restore", "--to", "a b"]), "outlive restore --to 'a b'");
    }
}
