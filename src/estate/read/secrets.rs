//! Where secrets are found, commands, and what must never stand in the file itself.

use super::super::telling::tells_a_secret;
use super::super::{S3Access, SecretSource};
use super::value::{Table, Value};
use super::words::listed;
use std::collections::BTreeMap;

const SOURCES: [&str; 4] = ["env", "file", "credential", "command"];
const INLINE: &str = "take it out of the file, replace it with its issuer if others could read the file, and say where \
    it is found: { env = \"NAME\" }, { file = \"/path\" }, { credential = \"name\" } of systemd, or \
    { command = [\"program\", \"argument\"] }";

/// A secret's source. The secret itself is refused, and no message repeats what stands there.
pub(super) fn source(value: &Value<'_>) -> Option<SecretSource> {
    if !value.is_table() {
        value.complain("must say where the secret is found, and never hold it", INLINE);
        return None;
    }
    source_in(&value.table("a secret")?)
}

fn source_in(table: &Table<'_>) -> Option<SecretSource> {
    let present = table.present(&SOURCES);
    let [key] = present[..] else {
        let what = format!("`{}` must have exactly one of: {}", table.key, listed(SOURCES));
        table.file.complain(table.at, what, "name one source of the secret");
        return None;
    };
    let value = table.get(key)?;
    match key {
        "env" => variable(&value).map(SecretSource::Env),
        "file" => value.path().map(SecretSource::File),
        "credential" => credential(&value).map(SecretSource::Credential),
        _ => argv(&value).map(SecretSource::Command),
    }
}

/// A name of an environment's variable. What is none may be a secret, and is not repeated.
fn variable(value: &Value<'_>) -> Option<String> {
    let text = value.text()?;
    if is_variable(text) {
        return Some(text.to_owned());
    }
    value.complain(
        "is no name of an environment variable",
        "name the variable, for example \"RAILWAY_API_TOKEN\"; never its value",
    );
    None
}

fn is_variable(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.bytes().all(fits) && !text.starts_with(|first: char| first.is_ascii_digit()) && text.len() <= 200
}

fn credential(value: &Value<'_>) -> Option<String> {
    let text = value.text()?;
    if text.contains('/') || text.starts_with('.') || text.len() > 200 {
        value.complain(
            "is no name of a systemd credential",
            "name a file of $CREDENTIALS_DIRECTORY, without a path",
        );
        return None;
    }
    Some(text.to_owned())
}

/// A program and its arguments. No message repeats an argument.
pub(super) fn argv(value: &Value<'_>) -> Option<Vec<String>> {
    let remedy = "write the program and its arguments one by one: [\"pg_dump\", \"--format=custom\"]; no shell reads them";
    if value.is_text() {
        value.complain("must be a list of the program and its arguments", remedy);
        return None;
    }
    let items = value.list()?;
    let Some(program) = items.first() else {
        value.complain("is an empty command", remedy);
        return None;
    };
    let name = program.text()?;
    if items.len() == 1 && name.contains(char::is_whitespace) {
        program.complain("holds a whole command line in one word", remedy);
        return None;
    }
    let mut argv = vec![if name.contains('/') || name.starts_with(['~', '$']) {
        program.path()?.to_string_lossy().into_owned()
    } else {
        name.to_owned()
    }];
    for item in &items[1..] {
        let argument = item.any_text()?;
        if tells_a_secret(argument) {
            item.complain("seems to hold a password", "every user of this machine can read a command's arguments: give it in `env`, or in a file that the program reads");
        }
        argv.push(argument.to_owned());
    }
    Some(argv)
}

/// Variables with where their values are found.
pub(super) fn variables(value: &Value<'_>) -> Option<BTreeMap<String, SecretSource>> {
    let mut variables = BTreeMap::new();
    for (at, name, entry) in value.named_tables() {
        if !is_variable(name) {
            value.file.complain(
                at,
                format!("`{}` has a key that is no name of a variable", value.key),
                "use letters, digits and `_`, first a letter",
            );
        }
        if let Some(source) = source(&entry) {
            variables.insert(name.to_owned(), source);
        }
    }
    Some(variables)
}

/// A credential for a bucket.
pub(super) fn access(value: &Value<'_>) -> Option<S3Access> {
    if !value.is_table() {
        value.complain("must say where the credential is found, and never hold it", INLINE);
        return None;
    }
    let table = value.table("writer or reader")?;
    let joined = table.present(&SOURCES);
    let keys = table.present(&["access_key_id", "secret_access_key", "session_token"]);
    let roles = table.present(&["role", "profile"]);
    let ways =
        usize::from(!joined.is_empty()) + usize::from(!keys.is_empty()) + usize::from(!roles.is_empty());
    if ways != 1 {
        let what = format!("`{}` must name its credential in one way", table.key);
        table.file.complain(
            table.at,
            what,
            "one of env, file, credential or command with `ID:SECRET`; access_key_id with \
            secret_access_key; profile; role",
        );
        return None;
    }
    if !joined.is_empty() {
        return source_in(&table).map(S3Access::Joined);
    }
    if !keys.is_empty() {
        let id = table.required("access_key_id").and_then(|id| source(&id));
        let secret = table.required("secret_access_key").and_then(|secret| source(&secret));
        let session = table.get("session_token").map(|session| source(&session));
        return Some(S3Access::Keys { id: id?, secret: secret?, session: session.flatten() });
    }
    let profile = table.get("profile").and_then(|profile| profile.text()).map(str::to_owned);
    match table.get("role") {
        Some(role) => Some(S3Access::Role { arn: arn(&role)?, profile }),
        None => profile.map(S3Access::Profile),
    }
}

fn arn(value: &Value<'_>) -> Option<String> {
    let text = value.text()?;
    if text.starts_with("arn:") && text.contains(":role/") {
        return Some(text.to_owned());
    }
    value.complain("is no ARN of a role", "write it as \"arn:aws:iam::123456789012:role/name\"");
    None
}
