//! Secrets: where they come from, and a type that does not print.

use crate::domain::{Kind, Problem, Result, printable};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A secret's value. It prints as `(secret)`, however it is printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the one call that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// Where a secret is found. The file never holds one itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// In a variable of the environment.
    Env(String),
    /// In a file: its content without the newline at the end.
    File(PathBuf),
    /// In a file of systemd's `$CREDENTIALS_DIRECTORY`.
    Credential(String),
    /// In what a program prints: the program and its arguments, never a shell.
    Command(Vec<String>),
}

/// The environment of the process, as an argument: no other code asks for it.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Takes variables; those that are no UTF-8 are left out, and so count as not set.
    pub fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let text =
            |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        Self(variables.into_iter().filter_map(text).collect())
    }

    /// One variable, unless it is not set or empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Any variable may hold a secret.
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl SecretSource {
    /// Fetches the secret, anew each time: it may have been rotated.
    ///
    /// # Errors
    /// `Usage` where there is none; the value is in no message.
    pub fn resolve(&self, environment: &Environment) -> Result<Secret> {
        match self {
            Self::Env(name) => environment.get(name).map(Secret::new).ok_or_else(|| {
                Problem::new(Kind::Usage, format!("the environment variable {name} is not set"))
                    .remedy("set it where outlive runs, or name another source of the secret")
            }),
            Self::File(path) => read(path),
            Self::Credential(name) => {
                let directory = environment.get("CREDENTIALS_DIRECTORY").ok_or_else(|| {
                    Problem::new(Kind::Usage, "there is no $CREDENTIALS_DIRECTORY")
                        .remedy("run this from a systemd service with LoadCredential=, or name another source of the secret")
                })?;
                read(&PathBuf::from(directory).join(name))
            }
            Self::Command(argv) => command(argv),
        }
    }
}

fn read(path: &Path) -> Result<Secret> {
    let place = printable(path.as_os_str().as_encoded_bytes());
    let failed = |error| Problem::io("reading a secret", error).at(&*place);
    let text = std::fs::read(path).map_err(failed)?;
    value(&text).map_err(|problem| problem.at(place))
}

fn command(argv: &[String]) -> Result<Secret> {
    let (program, arguments) =
        argv.split_first().ok_or_else(|| Problem::new(Kind::Usage, "an empty command gives no secret"))?;
    let place = printable(program.as_bytes());
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let output =
        output.map_err(|error| Problem::io("running the command for a secret", error).at(&*place))?;
    if !output.status.success() {
        let what = format!("the command for a secret failed: {}", output.status);
        return Err(Problem::new(Kind::Usage, what).at(place).remedy("run it by hand and see what it says"));
    }
    value(&output.stdout).map_err(|problem| problem.at(place))
}

fn value(bytes: &[u8]) -> Result<Secret> {
    let text =
        std::str::from_utf8(bytes).map_err(|_| Problem::new(Kind::Usage, "a secret that is no UTF-8"))?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(Problem::new(Kind::Usage, "an empty secret"));
    }
    Ok(Secret::new(text))
}
