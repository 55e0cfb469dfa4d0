//! Secrets: where they come from, and a type that does not print.

use super::command::{DEADLINE, LARGEST, printed_by};
use crate::domain::{Kind, Problem, Result, printable};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io::Read;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

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
    /// Where it is looked for, to be printed.
    pub fn place(&self) -> String {
        match self {
            Self::Env(name) => format!("${}", printable(name.as_bytes())),
            Self::File(path) => shown(path),
            Self::Credential(name) => format!("$CREDENTIALS_DIRECTORY/{}", printable(name.as_bytes())),
            Self::Command(argv) => {
                format!(
                    "what {} prints",
                    argv.first().map(|one| printable(one.as_bytes())).unwrap_or_default()
                )
            }
        }
    }

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

/// A path, to be printed. Who pastes a key where its path is asked for does not want that printed.
fn shown(path: &Path) -> String {
    let is_key = path.to_string_lossy().to_ascii_uppercase().contains("AGE-SECRET-KEY-");
    if is_key {
        return "a private key, given in the place of the path of its file".to_owned();
    }
    printable(path.as_os_str().as_encoded_bytes())
}

/// What a file holds. Containers mount secrets that everybody may read, so that is no mistake; one that everybody may
/// write is: anybody could have put another credential there.
fn read(path: &Path) -> Result<Secret> {
    let place = shown(path);
    let failed = |error| Problem::io("reading a secret", error).at(&*place);
    let refused = |what: &str, remedy: &str| Err(Problem::new(Kind::Usage, what).at(&*place).remedy(remedy));
    // What is looked at is what is read, whoever moves another file there meanwhile; a pipe would keep the run waiting for ever.
    let without_waiting = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file =
        std::fs::OpenOptions::new().read(true).custom_flags(without_waiting).open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return refused("a secret's file that is no regular file", "name a regular file");
    }
    if metadata.permissions().mode() & 0o002 != 0 {
        return refused(
            "a secret's file that every user may write",
            "chmod o-w it, and see that it holds what it should",
        );
    }
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > LARGEST {
        return refused(
            "a secret's file that is larger than 64 KiB",
            "name the file that holds the secret alone",
        );
    }
    value(&bytes).map_err(|problem| problem.at(place))
}

fn command(argv: &[String]) -> Result<Secret> {
    let printed = printed_by(argv, DEADLINE)?;
    let place = argv.first().map(|program| printable(program.as_bytes())).unwrap_or_default();
    value(&printed).map_err(|problem| problem.at(place))
}

fn value(bytes: &[u8]) -> Result<Secret> {
    let text =
        std::str::from_utf8(bytes).map_err(|_| Problem::new(Kind::Usage, "a secret that is no UTF-8"))?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.contains('\0') {
        return Err(Problem::new(Kind::Usage, "a secret with a zero byte"));
    }
    if text.is_empty() {
        return Err(Problem::new(Kind::Usage, "an empty secret")
            .remedy("write the secret where it is looked for, or name another place"));
    }
    Ok(Secret::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hand::{TempDir, fs};

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        Environment::new(pairs.iter().map(|(name, value)| (name.into(), value.into())))
    }

    fn file(content: &[u8]) -> (TempDir, SecretSource) {
        let directory = TempDir::new();
        let path = directory.path().join("secret");
        fs::write(&path, content).unwrap();
        (directory, SecretSource::File(path))
    }

    fn said(source: &SecretSource) -> String {
        format!("{:?}", source.resolve(&Environment::default()).unwrap_err())
    }

    #[test]
    fn each_source_gives_its_secret() {
        let (directory, source) = file(b"in a file\r\n");
        assert_eq!(source.resolve(&Environment::default()).unwrap().reveal(), "in a file");
        let set = environment(&[
            ("TOKEN", "in a variable"),
            ("CREDENTIALS_DIRECTORY", directory.path().to_str().unwrap()),
        ]);
        let secret = |source: SecretSource| source.resolve(&set).unwrap().reveal().to_owned();
        assert_eq!(secret(SecretSource::Env("TOKEN".into())), "in a variable");
        assert_eq!(secret(SecretSource::Credential("secret".into())), "in a file");
        assert_eq!(secret(SecretSource::Command(["echo", "printed"].map(str::to_owned).to_vec())), "printed");
    }

    #[test]
    fn a_source_without_a_secret_says_so() {
        let empty = environment(&[("EMPTY", "")]);
        for name in ["EMPTY", "UNSET"] {
            assert!(SecretSource::Env(name.into()).resolve(&empty).unwrap_err().what.contains(name));
        }
        assert!(said(&SecretSource::Credential("a".into())).contains("CREDENTIALS_DIRECTORY"));
        assert!(said(&SecretSource::File("/nowhere/at/all".into())).contains("NotFound"));
        for command in ["true", "false"] {
            assert!(said(&SecretSource::Command(vec![command.into()])).contains(command));
        }
        let (_directory, source) = file(b"\r\n");
        assert!(said(&source).contains("an empty secret"));
    }

    #[test]
    fn a_file_that_is_no_secret_is_refused_without_being_repeated() {
        let large = vec![b'x'; (LARGEST + 1) as usize];
        for (content, what) in
            [(&large[..], "larger than 64 KiB"), (b"Canary7\xff", "no UTF-8"), (b"Canary7\0", "zero byte")]
        {
            let (_directory, source) = file(content);
            let said = said(&source);
            assert!(said.contains(what) && !said.contains("Canary7"), "{said}");
        }
        let (_directory, source) = file(&large[1..]);
        assert_eq!(source.resolve(&Environment::default()).unwrap().reveal().len() as u64, LARGEST);
    }

    #[test]
    fn a_file_that_everybody_may_write_is_refused_and_one_that_everybody_may_read_is_not() {
        let (_directory, source) = file(b"s");
        let SecretSource::File(path) = &source else { panic!() };
        let mode = |mode| {
            crate::hand::by_hand(|| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap())
        };
        mode(0o646);
        assert!(said(&source).contains("every user may write"));
        mode(0o644);
        assert!(source.resolve(&Environment::default()).is_ok());
    }

    #[test]
    fn a_pipe_is_refused_at_once() {
        let directory = TempDir::new();
        let path = directory.path().join("pipe");
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        crate::hand::by_hand(|| {
            rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0)
        })
        .unwrap();
        assert!(said(&SecretSource::File(path)).contains("no regular file"));
    }

    #[test]
    fn a_secret_and_an_environment_do_not_print() {
        let secret = Secret::new("Canary7");
        let set = environment(&[("NAME", "Canary7")]);
        assert_eq!(format!("{secret:?} {:?}", Some(&secret)), "(secret) Some((secret))");
        assert_eq!(format!("{set:?}"), "{\"NAME\"}");
    }
}
