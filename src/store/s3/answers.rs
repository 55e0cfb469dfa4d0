//! What an answer says that the library does not hand on: the store's clock, and its text.

use crate::domain::Timestamp;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use aws_smithy_runtime_api::http::Response;
use chrono::{DateTime, Utc};
use std::sync::{Arc, Mutex, PoisonError};

/// Reads a `Date` header.
pub fn date(text: &str) -> Option<Timestamp> {
    DateTime::parse_from_rfc2822(text.trim()).ok().map(|date| date.with_timezone(&Utc))
}

/// Keeps the `Date` of the one answer it is put beside.
#[derive(Debug, Clone, Default)]
pub struct DateOfAnswer(Arc<Mutex<Option<Timestamp>>>);

impl DateOfAnswer {
    /// What it was, should the answer have had one.
    pub fn get(&self) -> Option<Timestamp> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intercept for DateOfAnswer {
    fn name(&self) -> &'static str {
        "DateOfAnswer"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let told = context.response().headers().get("date").and_then(date);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = told;
        Ok(())
    }
}

/// An ETag without its quotes and without the `W/` of a weak one: stores write it one way in a list and another in an answer.
pub fn bare(etag: &str) -> &str {
    let text = etag.trim();
    let text = text.strip_prefix("W/").unwrap_or(text);
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text)
}

/// What stands in the first XML element of this name, in an answer of success that the library did not take.
/// Names and ids of S3 need no unescaping.
pub fn element(answer: &Response, name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(answer.body().bytes().filter(|_| answer.status().is_success())?);
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (found, _) = rest.split_once(&format!("</{name}>"))?;
    (!found.contains(['<', '&'])).then(|| found.trim().to_owned())
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_etag_is_the_same_with_and_without_quotes() {
        for written in ["\"a-2\"", "a-2", "W/\"a-2\"", " \"a-2\" "] {
            assert_eq!(super::bare(written), "a-2", "{written}");
        }
        assert_eq!((super::bare("\"\""), super::bare("\"")), ("", "\""));
    }

    #[test]
    fn the_date_of_an_answer_is_read_and_nonsense_is_none() {
        let read = super::date("Sat, 28 Nov 2026 04:30:54 GMT").unwrap();
        assert_eq!(read.to_rfc3339(), "2026-11-28T04:30:54+00:00");
        assert_eq!(super::date("yesterday"), None);
    }
}
