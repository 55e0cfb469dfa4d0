//! Where a secret stands among the arguments of a command: so that no such file is taken, and no page repeats it.

use std::ops::Range;

/// What options and variables are called whose value is a secret.
const NAMES: [&str; 4] = ["password", "passwd", "secret", "token"];
/// The same where it is better to hide one too many.
const MORE_NAMES: [&str; 6] = ["pass", "pwd", "apikey", "api-key", "api_key", "access_key"];

/// Programs that call another one, which is named next.
const CALLERS: [&str; 5] = ["env", "exec", "nice", "sudo", "time"];

/// A secret among arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretIn {
    /// The argument's place.
    pub argument: usize,
    /// Where it stands in the argument, in bytes.
    pub at: Range<usize>,
}

/// A password in an address, or given to an option or variable that is called after one.
pub(super) fn tells_a_secret(argument: &str) -> bool {
    in_address(argument).is_some() || assigned(argument, &NAMES).is_some()
}

/// Everything in a command that looks like a secret, in order; also in the text that a shell is given. A program may take one in a way
/// that nobody here knows of.
pub fn secrets_in(argv: &[String]) -> Vec<SecretIn> {
    let is_text = |argument: usize| argument > 0 && argv[argument].contains(char::is_whitespace);
    let words = argv.iter().enumerate().flat_map(|(argument, text)| {
        let words = if is_text(argument) { words_of(text) } else { std::iter::once(0..text.len()).collect() };
        words.into_iter().map(move |at| (argument, at))
    });
    let (mut found, mut program, mut before) = (Vec::new(), "", None);
    for (argument, at) in words {
        let word = &argv[argument][at.clone()];
        let begins = match before {
            None => true,
            Some((last, before)) => (is_text(argument) && last != argument) || is_joint(before),
        };
        if begins || program.is_empty() {
            let name = word.rsplit('/').next().unwrap_or(word);
            program = if is_assignment(word) || CALLERS.contains(&name) { "" } else { name };
        }
        if let Some(inner) = in_word(program, before.map(|(_, before)| before), word) {
            found.push(SecretIn { argument, at: at.start + inner.start..at.start + inner.end });
        }
        before = Some((argument, word));
    }
    found
}

/// The words of a text as a shell splits it, with their quotes.
fn words_of(text: &str) -> Vec<Range<usize>> {
    let (mut words, mut begun, mut quote) = (Vec::new(), None, None);
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (Some(open), close) if open == close => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => {
                quote = Some(character);
                begun.get_or_insert(at);
            }
            (None, space) if space.is_whitespace() => words.extend(begun.take().map(|from| from..at)),
            (None, _) => {
                begun.get_or_insert(at);
            }
        }
    }
    words.extend(begun.map(|from| from..text.len()));
    words
}

/// Whether another command begins behind a word of a shell.
fn is_joint(word: &str) -> bool {
    word.ends_with([';', '|', '&', '(', '{']) || ["then", "do", "else", "!"].contains(&word)
}

fn is_assignment(word: &str) -> bool {
    let fits = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    word.split_once('=').is_some_and(|(name, _)| !name.is_empty() && fits(name))
}

fn in_word(program: &str, before: Option<&str>, word: &str) -> Option<Range<usize>> {
    in_address(word)
        .or_else(|| assigned(word, &NAMES))
        .or_else(|| assigned(word, &MORE_NAMES))
        .or_else(|| in_question(word))
        .or_else(|| of_program(program, before?, word))
}

/// The password of `scheme://user:password@host`.
fn in_address(word: &str) -> Option<Range<usize>> {
    let from = word.find("://")? + 3;
    let authority = word[from..].split(['/', '?', '#']).next().unwrap_or_default();
    let (user, _) = authority.rsplit_once('@')?;
    let (name, password) = user.split_once(':')?;
    let from = from + name.len() + 1;
    (!password.is_empty()).then_some(from..from + password.len())
}

/// The value of `name=value`. A path, or what a shell is still to fill in, is none.
fn assigned(word: &str, names: &[&str]) -> Option<Range<usize>> {
    let (name, value) = word.split_once('=')?;
    let from = name.len() + 1;
    let name = name.trim_start_matches('-').to_lowercase();
    let is_secret = is_value(value) && names.iter().any(|word| name.ends_with(word));
    is_secret.then_some(from..word.len())
}

fn is_value(value: &str) -> bool {
    !value.is_empty() && !value.starts_with(['/', '$', '{']) && !value.starts_with("\"$")
}

/// The value of `?password=value&…` in an address.
fn in_question(word: &str) -> Option<Range<usize>> {
    let mut from = word.find('?')? + 1;
    for part in word[from..].split('&') {
        if let Some(at) = assigned(part, &NAMES).or_else(|| assigned(part, &MORE_NAMES)) {
            return Some(from + at.start..from + at.end);
        }
        from += part.len() + 1;
    }
    None
}

/// How programs take one by the option before, or joined to its letter.
fn of_program(program: &str, before: &str, word: &str) -> Option<Range<usize>> {
    let all = Some(0..word.len()).filter(|_| is_value(word) && !word.starts_with('-'));
    let joined = |letter: &str| {
        let rest = word.strip_prefix(letter).filter(|rest| is_value(rest))?;
        Some(letter.len()..letter.len() + rest.len())
    };
    let behind_colon = |from: usize| {
        let (name, password) = word[from..].split_once(':').filter(|(_, password)| is_value(password))?;
        let from = from + name.len() + 1;
        Some(from..from + password.len())
    };
    let asks = program.starts_with("pg_")
        || program.starts_with("mysql")
        || program.starts_with("mariadb")
        || ["psql", "createdb", "dropdb", "vacuumdb"].contains(&program);
    let by_letter = match program {
        "sshpass" | "7z" | "7za" | "7zr" => joined("-p"),
        sql if sql.starts_with("mysql") || sql.starts_with("mariadb") => joined("-p"),
        mongo if mongo.starts_with("mongo") => joined("-p").or(all.clone().filter(|_| before == "-p")),
        "redis-cli" => all.clone().filter(|_| before == "-a"),
        "sqlcmd" => all.clone().filter(|_| before == "-P"),
        ldap if ldap.starts_with("ldap") => all.clone().filter(|_| before == "-w"),
        "curl" if ["-u", "--user"].contains(&before) => behind_colon(0),
        "curl" if word.starts_with("-u") => behind_colon(2),
        _ => None,
    };
    let name = before.strip_prefix("--").filter(|name| !name.contains('=') && !name.starts_with("no-"));
    let is_named = name.is_some_and(|name| NAMES.iter().any(|word| name.to_lowercase().ends_with(word)));
    // Some ask for it where they are given no value, and what follows is something else.
    by_letter.or_else(|| all.filter(|_| is_named && !asks))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_among_arguments_is_seen_and_an_ordinary_argument_is_not() {
        for argument in
            ["postgres://u:pw@db/x", "--password=pw", "PGPASSWORD=pw", "--api-token=t", "https://u:p@h?x"]
        {
            assert!(tells_a_secret(argument), "{argument}");
        }
        for argument in [
            "postgres://u@db/x",
            "--password=",
            "--token=/run/token",
            "--format=custom",
            "a:b@c",
            "https://h/a:b@c",
        ] {
            assert!(!tells_a_secret(argument), "{argument}");
        }
    }

    fn secrets(argv: &[&str]) -> Vec<String> {
        let argv: Vec<String> = argv.iter().map(|word| (*word).to_owned()).collect();
        secrets_in(&argv).into_iter().map(|one| argv[one.argument][one.at].to_owned()).collect()
    }

    #[test]
    fn a_secret_is_found_however_a_program_takes_it() {
        let hidden = [
            (&["psql", "postgres://u:hunter2@db/x", "-c", "select 1"][..], &["hunter2"][..]),
            (&["psql", "host=db password=hunter2 user=u"], &["hunter2"]),
            (&["psql", "postgres://db/x?user=u&password=hunter2"], &["hunter2"]),
            (&["/usr/bin/mysql", "-uroot", "-phunter2", "shop"], &["hunter2"]),
            (&["mongosh", "-u", "u", "-p", "hunter2"], &["hunter2"]),
            (&["redis-cli", "-a", "hunter2", "ping"], &["hunter2"]),
            (&["curl", "-u", "u:hunter2", "https://h"], &["hunter2"]),
            (&["check", "--token", "hunter2", "--api-key=hunter3"], &["hunter2", "hunter3"]),
            (&["sh", "-c", "PGPASSWORD='hun ter2' psql -c 'select 1'"], &["'hun ter2'"]),
            (&["sh", "-c", "cd x; mysql -phunter2 <{restored}"], &["hunter2"]),
            (&["env", "PGPASSWORD=hunter2", "psql"], &["hunter2"]),
        ];
        for (argv, found) in hidden {
            assert_eq!(secrets(argv), found, "{argv:?}");
        }
        for argv in [
            &["psql", "-p5432", "--password", "shop"][..],
            &["psql", "--no-password", "shop"],
            &["mkdir", "-p", "a"],
            &["mysql", "-p", "shop"],
            &["curl", "-u", "u", "https://h:8443/a"],
            &["sh", "-c", "PGPASSWORD=$SAFE psql -p5432"],
            &["check", "--token", "/run/token", "--token=/run/token"],
            &["pg_restore", "--list", "{restored}/shop.dump"],
        ] {
            assert_eq!(secrets(argv), [""; 0], "{argv:?}");
        }
    }
}
