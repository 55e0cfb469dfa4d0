//! Errors a user can meet: what happened, where, and what to do.

use std::fmt;

/// What sort of problem it is; the command line maps it to an exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The command or its arguments make no sense.
    Usage,
    /// Something asked for is not there.
    NotFound,
    /// Refused on purpose: a target that is not empty, a vault of another format.
    Refused,
    /// Stored bytes are not what was written.
    Damaged,
    /// The operating system or a store failed.
    Io,
    /// The user asked to stop.
    Cancelled,
    /// A defect of outlive itself.
    Internal,
}

/// What happened, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The sort.
    pub kind: Kind,
    /// What happened, one sentence without a full stop.
    pub what: String,
    /// Where: a path, an object, an argument. Empty where there is no place.
    pub place: String,
    /// What to do about it. Empty where nobody knows.
    pub remedy: String,
}

/// A result with a [`Problem`].
pub type Result<T> = std::result::Result<T, Problem>;

impl Problem {
    /// A problem that happened nowhere in particular.
    pub fn new(kind: Kind, what: impl Into<String>) -> Self {
        Self { kind, what: what.into(), place: String::new(), remedy: String::new() }
    }

    /// An error of the operating system while doing `what`.
    pub fn io(what: impl fmt::Display, error: impl Into<std::io::Error>) -> Self {
        let error: std::io::Error = error.into();
        // A store hands its own problem through the traits of the standard library.
        if let Some(problem) = error.get_ref().and_then(|inner| inner.downcast_ref::<Self>()) {
            return problem.clone();
        }
        let kind = if error.kind() == std::io::ErrorKind::NotFound { Kind::NotFound } else { Kind::Io };
        let remedy = match error.kind() {
            std::io::ErrorKind::StorageFull => "free space there, or choose another place; then run it again",
            std::io::ErrorKind::PermissionDenied => "run as a user who may read and write there",
            std::io::ErrorKind::NotFound => "check the path",
            _ => "",
        };
        Self::new(kind, format!("{what}: {error}")).remedy(remedy)
    }

    /// Stored bytes that are not what was written.
    pub fn damaged(object: impl Into<String>, what: impl Into<String>) -> Self {
        Self::new(Kind::Damaged, what).at(object)
    }

    /// Says where.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.place = place.into();
        self
    }

    /// Says what to do.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.place.is_empty() {
            f.write_str(&self.what)
        } else {
            write!(f, "{}: {}", self.place, self.what)
        }
    }
}

impl std::error::Error for Problem {}
