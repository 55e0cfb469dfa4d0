//! What went wrong with a request, and what that means for trying again.

use super::answers;
use crate::domain::{Kind, Problem, Timestamp, printable};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::http::Response;
use chrono::TimeDelta;
use std::time::Duration;

/// What a failure means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Class {
    /// There is no such object.
    Missing,
    /// There is no such bucket.
    NoBucket,
    /// There is no such multipart upload, or no more.
    NoUpload,
    /// A condition does not hold: the key is taken, or the object is another by now.
    Condition,
    /// Somebody else writes this key at this moment.
    Conflict,
    /// The credential is no longer, or not yet, valid here.
    Credential,
    /// The credential may not do this.
    Denied,
    /// One of these two: an answer to HEAD has no room to say which.
    Unsaid,
    /// The clocks differ by more than the store allows.
    Skewed,
    /// The store does not know something of the request.
    Unsupported,
    /// The range begins behind the end of the object.
    Range,
    /// Worth another attempt.
    Passing,
    /// Another attempt would get the same answer.
    Lasting,
    /// Something before the request.
    Given(Problem),
}

/// A request that failed.
#[derive(Debug, Clone)]
pub struct Failure {
    /// What it means.
    pub class: Class,
    /// What the store or the connection said, safe to print.
    pub says: String,
    /// How long the store asks to wait.
    pub after: Option<Duration>,
    /// How far this machine's clock is ahead of the store's, where the answer told.
    pub ahead: Option<TimeDelta>,
    /// True where this attempt or one before may have had its effect all the same.
    pub doubtful: bool,
    /// True where the store does not know the condition of a write: it says so, or that it lacks something.
    pub of_condition: bool,
}

/// Codes that say that the credential ended, was replaced, or is not known yet where it is checked.
const CREDENTIAL: [&str; 7] = [
    "ExpiredToken",
    "ExpiredTokenException",
    "TokenRefreshRequired",
    "InvalidAccessKeyId",
    "InvalidToken",
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
];
/// Codes that ask for another attempt, whatever the status.
const PASSING: [&str; 11] = [
    "SlowDown",
    "RequestTimeout",
    "InternalError",
    "ServiceUnavailable",
    "RequestLimitExceeded",
    "Throttling",
    "IncompleteBody",
    // The bytes did not arrive as they were sent.
    "BadDigest",
    "XAmzContentSHA256Mismatch",
    "XAmzContentChecksumMismatch",
    "InvalidDigest",
];
const UNSUPPORTED: [&str; 3] = ["NotImplemented", "InvalidArgument", "InvalidRequest"];

impl Failure {
    /// One that the answer itself does not tell.
    pub fn new(class: Class, says: impl Into<String>) -> Self {
        let doubtful = class == Class::Passing;
        Self { class, says: says.into(), after: None, ahead: None, doubtful, of_condition: false }
    }

    /// An answer that says success and is none.
    pub fn odd(says: impl Into<String>) -> Self {
        Self::new(Class::Passing, says)
    }

    /// From what the library says. `now` tells how far the clocks differ.
    pub fn from_sdk<E>(error: SdkError<E, Response>, now: Timestamp) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let code = error.code().unwrap_or_default().to_owned();
        let message = error.message().unwrap_or_default().to_owned();
        let Some(raw) = error.raw_response() else {
            return Self { doubtful: may_have_arrived(&error), ..Self::new(Class::Passing, chain(&error)) };
        };
        let (status, headers) = (raw.status().as_u16(), raw.headers());
        let ahead = headers.get("date").and_then(answers::date).map(|date| now - date);
        let after = headers.get("retry-after").and_then(|text| text.trim().parse().ok());
        let class = class(status, &code, ahead);
        let says = match (code.is_empty(), message.is_empty()) {
            _ if (200..300).contains(&status) => {
                format!("an answer {status} that cannot be read: {}", chain(&error))
            }
            (true, _) => format!("answered {status}"),
            (false, true) => format!("answered {status} {code}"),
            (false, false) => format!("answered {status} {code}: {message}"),
        };
        let doubtful = matches!(class, Class::Passing | Class::Conflict);
        let of_condition = class == Class::Unsupported && is_of_condition(status, &message);
        let after = after.map(Duration::from_secs);
        Self { class, says: shorten(&says), after, ahead, doubtful, of_condition }
    }

    /// The problem it is, for whoever asked. `doing` says what was asked, `place` of whom.
    pub fn problem(self, doing: &str, place: &str) -> Problem {
        let Self { class, says, ahead, .. } = self;
        let told = |kind, what: String, remedy: &str| Problem::new(kind, what).at(place).remedy(remedy);
        match class {
            Class::Given(problem) => problem,
            Class::Missing => told(Kind::NotFound, format!("{doing}: there is no such object"), ""),
            Class::NoBucket => told(
                Kind::Io,
                format!("{doing}: {says}"),
                "check the name of the bucket, and the endpoint or region",
            ),
            Class::Skewed => {
                let minutes = ahead.map_or(0, |ahead| ahead.num_minutes());
                let side = if minutes < 0 { "behind" } else { "ahead of" };
                let by = format!("the clock of this machine is {} min {side} the store's", minutes.abs());
                told(
                    Kind::Io,
                    format!("{doing}: {by}; {says}"),
                    "set the clock, and see that it is kept (NTP)",
                )
            }
            Class::Credential => told(
                Kind::Io,
                format!("{doing}: the credential is not valid (any more): {says}"),
                "look whether key id and secret are typed right, or renew the credential; then run it again: it goes on where it was",
            ),
            Class::Unsaid => told(
                Kind::Io,
                format!("{doing}: the credential is not valid (any more), or may not do this: {says}"),
                "renew the credential, or give it the rights that docs/stores.md names",
            ),
            Class::Denied => told(
                Kind::Io,
                format!("{doing}: the credential may not do this: {says}"),
                "see docs/stores.md for the rights that a credential needs",
            ),
            Class::Passing | Class::Conflict => told(
                Kind::Io,
                format!("{doing}: {says}"),
                "look whether the address is right; or run it again later: it goes on where it was",
            ),
            _ => told(Kind::Io, format!("{doing}: {says}"), ""),
        }
    }
}

/// How far the clocks may differ before the store's refusal is put down to that.
const SKEW: TimeDelta = TimeDelta::minutes(5);

fn class(status: u16, code: &str, ahead: Option<TimeDelta>) -> Class {
    let skewed = ahead.is_some_and(|ahead| ahead.abs() > SKEW);
    match (status, code) {
        (_, "RequestTimeTooSkewed") => Class::Skewed,
        (_, "SignatureDoesNotMatch" | "AccessDenied" | "RequestExpired") if skewed => Class::Skewed,
        (_, code) if CREDENTIAL.contains(&code) => Class::Credential,
        (_, code) if PASSING.contains(&code) => Class::Passing,
        (_, "NoSuchBucket") => Class::NoBucket,
        (_, "NoSuchUpload") => Class::NoUpload,
        (400 | 403, "") => Class::Unsaid,
        (401 | 403, _) => Class::Denied,
        (404, _) => Class::Missing,
        (409, _) => Class::Conflict,
        (412 | 304, _) => Class::Condition,
        (416, _) => Class::Range,
        (_, code) if UNSUPPORTED.contains(&code) => Class::Unsupported,
        (501, _) => Class::Unsupported,
        (507, _) => Class::Lasting,
        // Success that cannot be read is none.
        (200..=299 | 408 | 425 | 429 | 500..=599, _) => Class::Passing,
        _ => Class::Lasting,
    }
}

fn is_of_condition(status: u16, message: &str) -> bool {
    status == 501 || message.to_ascii_lowercase().contains("if-none-match")
}

/// False only where the connection never came up, or nothing was sent.
fn may_have_arrived<E>(error: &SdkError<E, Response>) -> bool {
    match error {
        SdkError::ConstructionFailure(_) => false,
        SdkError::DispatchFailure(failure) => {
            !failure.as_connector_error().is_some_and(|error| error.is_user())
                && !chain_of(failure.as_connector_error()).contains("connect error")
        }
        _ => true,
    }
}

fn chain_of(error: Option<&(impl std::error::Error + 'static)>) -> String {
    error.map_or_else(String::new, |error| chain(error))
}

/// An error with all that it was caused by: the outermost says little.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let (mut said, mut next) = (error.to_string(), error.source());
    while let Some(cause) = next {
        let text = cause.to_string();
        if !said.contains(&text) {
            said.push_str(": ");
            said.push_str(&text);
        }
        next = cause.source();
    }
    shorten(&said)
}

fn shorten(text: &str) -> String {
    const MOST: usize = 300;
    let text = printable(text.as_bytes());
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_answer_gets_the_meaning_that_s3_gives_it() {
        let cases = [
            (404, "NoSuchKey", Class::Missing),
            (404, "", Class::Missing),
            (404, "NoSuchBucket", Class::NoBucket),
            (404, "NoSuchUpload", Class::NoUpload),
            (412, "PreconditionFailed", Class::Condition),
            (409, "ConditionalRequestConflict", Class::Conflict),
            (400, "ExpiredToken", Class::Credential),
            (403, "InvalidAccessKeyId", Class::Credential),
            (403, "", Class::Unsaid),
            (400, "", Class::Unsaid),
            (403, "AccessDenied", Class::Denied),
            (403, "RequestTimeTooSkewed", Class::Skewed),
            (501, "NotImplemented", Class::Unsupported),
            (400, "InvalidArgument", Class::Unsupported),
            (400, "BadDigest", Class::Passing),
            (503, "SlowDown", Class::Passing),
            (500, "", Class::Passing),
            (200, "", Class::Passing),
            (301, "PermanentRedirect", Class::Lasting),
            (416, "InvalidRange", Class::Range),
        ];
        for (status, code, wanted) in cases {
            assert_eq!(class(status, code, None), wanted, "{status} {code}");
        }
        let minutes = |minutes| class(403, "SignatureDoesNotMatch", Some(TimeDelta::minutes(minutes)));
        assert_eq!((minutes(-6), minutes(4)), (Class::Skewed, Class::Credential));
    }

    #[test]
    fn an_answer_without_words_is_said_to_mean_either() {
        let problem = Failure::new(Class::Unsaid, "answered 403").problem("looking for a", "s3://b");
        assert!(problem.what.contains("is not valid (any more), or may not do this"), "{}", problem.what);
        assert!(problem.remedy.contains("docs/stores.md"), "{}", problem.remedy);
    }

    #[test]
    fn a_clock_that_differs_is_named_with_its_minutes() {
        let mut failure = Failure::new(Class::Skewed, "answered 403 RequestTimeTooSkewed");
        failure.ahead = Some(TimeDelta::minutes(-17));
        let problem = failure.problem("writing a", "s3://b");
        assert!(problem.what.contains("17 min behind"), "{}", problem.what);
    }
}
