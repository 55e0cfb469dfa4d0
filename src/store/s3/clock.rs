//! The store's own clock, as its answers tell it.

use crate::domain::Timestamp;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::BeforeDeserializationInterceptorContextRef;
use chrono::{DateTime, Utc};
use std::sync::{Arc, Mutex, PoisonError};

/// Reads a `Date` header.
pub fn parse(text: &str) -> Option<Timestamp> {
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
        let date = context.response().headers().get("date").and_then(parse);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = date;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_date_of_an_answer_is_read_and_nonsense_is_none() {
        let read = super::parse("Sat, 28 Nov 2026 04:30:54 GMT").unwrap();
        assert_eq!(read.to_rfc3339(), "2026-11-28T04:30:54+00:00");
        assert_eq!(super::parse("yesterday"), None);
    }
}
