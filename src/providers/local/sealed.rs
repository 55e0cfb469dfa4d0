//! Recognises copies that are of no use by themselves: they need a key or the files of other copies.

use super::place::{Form, Place};
use super::system::entries;
use std::path::Path;

/// How encrypted files are commonly called.
const ENCRYPTED: &[&str] = &["age", "gpg", "pgp", "asc", "enc", "aes"];

/// What lies at the top of a repository of restic, borg and kopia; the password is elsewhere.
const REPOSITORIES: &[&[&str]] =
    &[&["config", "data", "keys"], &["config", "data", "README"], &["kopia.repository.f"]];

/// True where the copy visibly needs something that is not in it, and that cannot be found from here.
pub(super) fn needs_more(place: &Place) -> bool {
    match place.form {
        Form::Directory => is_repository(&place.path),
        _ => place
            .path
            .extension()
            .is_some_and(|end| ENCRYPTED.iter().any(|known| end.eq_ignore_ascii_case(known))),
    }
}

fn is_repository(path: &Path) -> bool {
    let found = entries(path).unwrap_or_default();
    let has = |name: &str| found.iter().any(|entry| entry.file_name().is_some_and(|have| have == name));
    REPOSITORIES.iter().any(|names| names.iter().all(|name| has(name)))
}
