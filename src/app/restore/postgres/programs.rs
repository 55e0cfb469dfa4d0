//! Where PostgreSQL's programs are, and of which version.

use super::account::{Account, run};
use super::patience::Patience;
use crate::domain::{Kind, Problem, Result, printable};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What is needed of them.
const NEEDED: [&str; 4] = ["postgres", "initdb", "pg_controldata", "pg_restore"];
/// Where systems put them, one directory for each major version.
const OF_SYSTEMS: [(&str, &str); 3] =
    [("/usr/lib/postgresql", ""), ("/usr", "pgsql-"), ("/opt/homebrew/opt", "postgresql@")];

/// The programs of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Programs {
    /// Where they are.
    pub bin: PathBuf,
    /// As the server says it: `15.13`.
    pub version: String,
    /// The number before the first point.
    pub major: u32,
}

impl Programs {
    /// Every version that is here, the highest last. Of a directory that is named, only what is there.
    ///
    /// # Errors
    /// `NotFound` where there is none.
    pub fn all(
        named: Option<&Path>,
        path: Option<&str>,
        account: &Account,
        patience: Patience<'_>,
    ) -> Result<Vec<Self>> {
        let directories = named.map_or_else(|| directories(path), |named| vec![named.to_path_buf()]);
        let mut all: Vec<Self> = Vec::new();
        for bin in directories {
            let here = NEEDED.iter().all(|name| bin.join(name).is_file());
            let is_known = all.iter().any(|known| known.bin == bin);
            all.extend(if here && !is_known { Self::of(&bin, account, patience)? } else { None });
        }
        all.sort_by_key(|found| found.major);
        if !all.is_empty() {
            return Ok(all);
        }
        let what = match named {
            Some(_) => {
                "this directory does not hold PostgreSQL's programs: postgres, initdb, pg_controldata and pg_restore"
            }
            None => "PostgreSQL is not installed here",
        };
        let problem = Problem::new(Kind::NotFound, what);
        Err(match named {
            Some(named) => problem.at(printable(named.as_os_str().as_encoded_bytes())),
            None => problem,
        }
        .remedy("install it (on Debian: apt install postgresql), or say where its programs are with --postgres-bin DIR; `--to` restores the files alone"))
    }

    fn of(bin: &Path, account: &Account, patience: Patience<'_>) -> Result<Option<Self>> {
        let mut command = account.command(&bin.join("postgres"), Path::new("/"));
        let said = run(command.arg("--version"), patience);
        let said = match said {
            Ok(said) if said.status.success() => String::from_utf8_lossy(&said.out).into_owned(),
            Err(problem) if problem.kind == Kind::Cancelled => return Err(problem),
            // What does not even say its version is none.
            _ => return Ok(None),
        };
        let version = said.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
        let major = version.and_then(major);
        Ok(version.zip(major).map(|(version, major)| Self {
            bin: bin.to_path_buf(),
            version: printable(version.as_bytes()),
            major,
        }))
    }

    /// The path of one of them.
    pub fn path(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }
}

fn major(version: &str) -> Option<u32> {
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn directories(path: Option<&str>) -> Vec<PathBuf> {
    let mut all = BTreeSet::new();
    for (above, prefix) in OF_SYSTEMS {
        for entry in std::fs::read_dir(above).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let number =
                name.to_str().and_then(|name| name.strip_prefix(prefix)).and_then(|rest| rest.parse().ok());
            if number.is_some_and(|number: u32| number >= 9) {
                all.insert(entry.path().join("bin"));
            }
        }
    }
    let of_path = path.unwrap_or_default().split(':').map(PathBuf::from).filter(|path| path.is_absolute());
    all.into_iter().chain(of_path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_what_stands_before_its_first_point() {
        assert_eq!((major("15.13"), major("17beta1"), major("x")), (Some(15), Some(17), None));
    }
}
