//! What databases are called, and how their rows are counted.

use super::dump::{OF_PG_DUMP, is_archive, is_of_one_database, is_of_one_postgres, name_of, value};
use super::restore::{Case, Thing};
use crate::estate::VolumeEntry;
use crate::report::runbook::{EACH_COUNTED, MASKED, OWN_NAMES, Step, command};

/// What a database is called that a dump of it is read into; none where the dump says that itself, or nobody knows.
/// Whether owners and rights are left out when it is read, too.
pub(super) fn restored(thing: &Thing<'_>, volume: &str) -> Option<(String, bool)> {
    let Thing::Dump(argv) = thing else { return None };
    is_of_one_database(thing).then(|| (name_of(volume), is_archive(argv)))
}

/// Long options of `pg_dump` that take no value.
const FLAGS: [&str; 12] = [
    "--blobs",
    "--column-inserts",
    "--data-only",
    "--inserts",
    "--large-objects",
    "--no-acl",
    "--no-owner",
    "--no-password",
    "--no-privileges",
    "--schema-only",
    "--serializable-deferrable",
    "--verbose",
];

/// What the database was called, where the command of the copy names it.
pub(super) fn was_called(thing: &Thing<'_>) -> Option<String> {
    let Thing::Dump(argv) = thing else { return None };
    let mut last = None;
    // Whether the word behind it is its value, only who knows the option can say.
    let is_open =
        |word: &&String| word.starts_with("--") && !word.contains('=') && !FLAGS.contains(&word.as_str());
    let is_known = !argv.iter().skip(1).any(|word| is_open(&word));
    let mut words = argv.iter().skip(1).map(String::as_str);
    while let Some(word) = words.next() {
        let takes_next = word.strip_prefix('-').is_some_and(|letters| {
            let at = letters.find(|letter| OF_PG_DUMP.contains(letter));
            !letters.starts_with('-') && at.is_some_and(|at| at + 1 == letters.len())
        });
        match word.starts_with('-') {
            true if takes_next => drop(words.next()),
            true => {}
            false => last = Some(word),
        }
    }
    let named = value(argv, 'd', "--dbname").or(last.filter(|_| is_known))?;
    // An address may name a user and a secret too; and what is quoted in SQL is for a person to write.
    let is_plain = named.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    (is_plain && named.starts_with(|c: char| c.is_ascii_lowercase())).then(|| named.to_owned())
}

/// How a database gets its owner and its name back.
pub(super) fn promote_database(case: &Case<'_, '_>, database: &str, is_archive: bool) -> Step {
    let ask = |statements: &[&str]| {
        let mut words = vec!["psql", "-X", "-d", "postgres"];
        words.extend(statements.iter().flat_map(|statement| ["-c", statement]));
        command(words)
    };
    let known = was_called(&case.thing);
    let name = known.as_deref().unwrap_or("NAME");
    let named = if known.is_some() { "" } else { "NAME for the name that the services know, and " };
    let (owner, renamed) = (
        format!("alter database {database} owner to ROLE"),
        format!("alter database {database} rename to {name}"),
    );
    Step {
        what: format!(
            "Check it (part 6) before anybody uses it. {} is the dump, which has been read: leave it until the data is accepted. The database is called {database}, so that it can stand beside the lost one. \
             Once somebody has decided that it serves, and nobody is logged in on it, type, with {named}ROLE for the role that owned it (a dump does not tell which; the one that owns its tables, and where these have several owners, the one that its services log in as: the same command sets another later, and no data hangs on it): \
             `{}`. From then on {name} stands in the place of {database} in every command. {} For each role that a service logs in as: `{}`, which asks for a new password; tell it to the service. \
             Last of all, where root was made a superuser for tonight: `{}`; from then on only `runuser -u postgres -- psql` asks.",
            case.target,
            ask(&[&owner, &renamed]),
            match is_archive {
                true =>
                    "All in it belongs to whoever read it: owners and rights of the dump were left out, and are given anew, by `grant` and `alter table … owner to`.",
                false => "What is in it belongs to whom the dump says.",
            },
            ask(&["alter role ROLE login", "\\password ROLE"]),
            ask(&["alter role root nosuperuser nologin"]),
        ),
        ..Step::default()
    }
}

/// Every way of the first vault to a database of a dump, by its letter, and how `psql` comes to what it makes.
fn databases(thing: &Thing<'_>, entry: &VolumeEntry) -> Vec<(char, String)> {
    let by_name = |name: &str| format!("-d {}", command([name_of(name)]));
    let mut all = vec![('A', by_name(&entry.id.0))];
    if is_of_one_postgres(thing) {
        all.push(('B', "-h \"$PWD\"/server/socket -U restored -d restored".to_owned()));
    }
    let letter = if all.len() == 1 { 'B' } else { 'C' };
    all.push((letter, by_name(&format!("{}_{}", letter.to_ascii_lowercase(), entry.id))));
    all
}

/// The command that counts every row of a restored database, which `psql` comes to so.
pub(super) fn count(on: &str) -> String {
    format!("{OWN_NAMES} psql -X {on} -Atc {}", command([EACH_COUNTED]))
}

/// The command that lists the highest number and the newest moment in each column of a restored database that has one.
fn newest(on: &str) -> String {
    let each = "select table_schema || $$.$$ || table_name || $$.$$ || column_name, (xpath($$/row/m/text()$$, query_to_xml(format($$select max(%I)::text as m from %I.%I$$, \
                column_name, table_schema, table_name), false, true, $$$$)))[1] from information_schema.columns join information_schema.tables using (table_schema, table_name) \
                where table_type = $$BASE TABLE$$ and table_schema not in ($$pg_catalog$$, $$information_schema$$) \
                and (data_type in ($$smallint$$, $$integer$$, $$bigint$$, $$date$$) or data_type like $$timestamp%$$) order by 1";
    format!("{OWN_NAMES} psql -X {on} -Atc {}", command([each]))
}

/// The same of what comes back by every way of the first vault, a line each; of files, the newest.
pub(super) fn newest_of(thing: &Thing<'_>, entry: &VolumeEntry, target: &str) -> Option<String> {
    match thing {
        Thing::Tree => {
            let find = command(["find", target, "-type", "f", "-printf", "%T+ %p\\n"]);
            Some(format!("{find} | LC_ALL=C sort | tail -n 10 | {MASKED}"))
        }
        Thing::Dump(_) => is_of_one_database(thing).then(|| by_way(thing, entry, newest)),
        Thing::Image | Thing::Stream => None,
    }
}

/// What is typed for each way of the first vault, a line each.
pub(super) fn by_way(thing: &Thing<'_>, entry: &VolumeEntry, typed: fn(&str) -> String) -> String {
    let line = |(letter, on): (char, String)| format!("{} 2>&1 | {MASKED} # way {letter}", typed(&on));
    databases(thing, entry).into_iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_database_was_called_is_known_from_the_command_of_its_copy() {
        let called = |text: &str| {
            let argv: Vec<String> = text.split(' ').map(str::to_owned).collect();
            was_called(&Thing::Dump(&argv))
        };
        for text in [
            "pg_dump shop",
            "pg_dump -h /run -U postgres -Fc shop",
            "pg_dump --host=/run -d shop",
            "pg_dump shop -Z 9",
            "pg_dump --dbname shop --format=custom",
        ] {
            assert_eq!(called(text).as_deref(), Some("shop"), "{text}");
        }
        for text in [
            "pg_dump shop --port 5432",
            "pg_dump --host db",
            "pg_dump 1shop",
            "pg_dump",
            "pg_dump -h /run",
            "pg_dump -d postgresql://u:secret@db/shop",
            "pg_dump Odd\"Name",
        ] {
            assert_eq!(called(text), None, "{text}");
        }
    }
}
