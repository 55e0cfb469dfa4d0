//! Why a question was not answered, in words of our own: a provider's message may hold anything, a secret too.

use crate::domain::GapReason;
use std::time::Duration;

/// What a provider's errors come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Complaint {
    /// This credential may not.
    NotAuthorized,
    /// There is no such thing, or not any more.
    NotFound,
    /// The provider does not know a field, an argument or a type of the question.
    Schema,
    /// Too many questions.
    RateLimited,
    /// Anything else.
    Other,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unanswered {
    /// The credential was refused (401 or 403).
    Refused(u16),
    /// The provider asks to wait, longer than this survey can; for how long, where it says so.
    RateLimited(Option<Duration>),
    /// What is left of the provider's limit is for others.
    Reserved {
        /// How many requests are left.
        left: u64,
        /// Of how many.
        of: u64,
    },
    /// This survey sent as many requests as it may.
    Requests(usize),
    /// No whole answer within the time for one.
    TimedOut,
    /// The time for the whole survey is over.
    Late,
    /// Somebody asked to stop.
    Stopped,
    /// The answer is larger than one may be, in bytes.
    TooLarge(u64),
    /// All answers together are larger than they may be, in bytes.
    TooMuch(u64),
    /// It leads elsewhere, and nobody goes there.
    Redirected(u16),
    /// Another status.
    Status(u16),
    /// No connection, or it broke off; why.
    Unreachable(String),
    /// The answer is not what GraphQL answers.
    NotUnderstood(&'static str),
    /// Errors in the place of an answer, and how many.
    Errors(Complaint, usize),
    /// A page has the same token as one before: this list has no end.
    RepeatedPage,
    /// A page says that there is a next one, and not which; or not whether there is.
    NoNextPage,
    /// The list has more pages than one may have.
    Pages(usize),
    /// The list has more entries than one may have.
    Entries(usize),
    /// The credential holds something that no header can.
    NoToken,
    /// A document that is no query: a defect of outlive.
    NotAQuery,
}

impl Unanswered {
    /// The reason of the gap.
    pub fn reason(&self) -> GapReason {
        match self {
            Self::Refused(_) | Self::Errors(Complaint::NotAuthorized, _) | Self::NoToken => {
                GapReason::Permission
            }
            Self::TimedOut | Self::Late | Self::Stopped | Self::RateLimited(_) | Self::Reserved { .. } => {
                GapReason::TimedOut
            }
            Self::Requests(_) | Self::Errors(Complaint::RateLimited, _) => GapReason::TimedOut,
            Self::Errors(Complaint::NotFound, _) => GapReason::Vanished,
            Self::Errors(Complaint::Schema, _) => GapReason::Unsupported,
            _ => GapReason::Failed,
        }
    }

    /// Whether trying again may help.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Status(status) => *status >= 500,
            Self::Unreachable(_) => true,
            _ => false,
        }
    }

    /// Whether it is of no use to ask anything else in this survey.
    pub fn ends_all(&self) -> bool {
        matches!(
            self,
            Self::RateLimited(_)
                | Self::Reserved { .. }
                | Self::Requests(_)
                | Self::Late
                | Self::Stopped
                | Self::TooMuch(_)
                | Self::NoToken
        )
    }

    /// What happened, and what would help, in a sentence.
    pub fn say(&self) -> String {
        match self {
            Self::Refused(status) => {
                format!("the credential was refused ({status}): was it revoked, or has it ended?")
            }
            Self::RateLimited(Some(wait)) => {
                format!(
                    "too many requests; the provider asks to wait {} s: try again after that",
                    wait.as_secs()
                )
            }
            Self::RateLimited(None) => "too many requests: try again later".to_owned(),
            Self::Reserved { left, of } => format!(
                "{left} of {of} requests are left until the provider counts anew, and those are left to others: try again later"
            ),
            Self::Requests(most) => format!("the survey took {most} requests, and sends no more"),
            Self::TimedOut => "no whole answer within the time for one; is the provider down?".to_owned(),
            Self::Late => "the time for the whole survey is over: give it more with `longest`".to_owned(),
            Self::Stopped => "it was asked to stop before that".to_owned(),
            Self::TooLarge(most) => {
                format!("the answer is larger than {} MiB, and was not read to its end", most >> 20)
            }
            Self::TooMuch(most) => format!("all answers together are larger than {} MiB", most >> 20),
            Self::Redirected(status) => format!(
                "it answered {status}, which leads elsewhere: the credential goes to the configured address only"
            ),
            Self::Status(status) => format!("it answered {status}"),
            Self::Unreachable(why) => format!("it could not be reached: {why}"),
            Self::NotUnderstood(what) => format!("the answer could not be understood: {what}"),
            Self::Errors(complaint, count) => {
                let what = match complaint {
                    Complaint::NotAuthorized => "this credential may not see that",
                    Complaint::NotFound => "there is no such thing, or not any more",
                    Complaint::Schema => {
                        "the provider no longer knows what is asked: this version of outlive is too old, or too new, for it"
                    }
                    Complaint::RateLimited => "too many requests: try again later",
                    Complaint::Other => "it answered with errors",
                };
                if *count > 1 { format!("{what} ({count} errors)") } else { what.to_owned() }
            }
            Self::RepeatedPage => "a page leads back to one before, so that the list never ends".to_owned(),
            Self::NoNextPage => "a page does not say whether and where the list goes on".to_owned(),
            Self::Pages(most) => format!("the list has more than {most} pages"),
            Self::Entries(most) => format!("the list has more than {most} entries"),
            Self::NoToken => {
                "the credential holds characters that no token has: look at the secret, which is not shown"
                    .to_owned()
            }
            Self::NotAQuery => {
                "what was to be sent is no query: this is a defect of outlive, report it".to_owned()
            }
        }
    }
}
