//! Answers, read as they come in: what is not asked for is skipped without being kept, and one odd value spoils itself only.

use super::Complaint;
use super::list::List;
use crate::domain::Timestamp;
use chrono::DateTime;
use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// Data, with how many errors stood beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<T> {
    /// What was asked for, as far as it came.
    pub data: T,
    /// Errors beside it: then something of it may be missing.
    pub beside: Option<(Complaint, usize)>,
}

/// One value where one of a simple type is expected; whatever stands there, it is read.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Scalar {
    /// Not there at all, or null.
    #[default]
    None,
    /// Text.
    Text(String),
    /// A number.
    Number(f64),
    /// True or false.
    Bool(bool),
    /// Something else: a list or an object.
    Odd,
}

impl Scalar {
    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// True or false, if it is one.
    pub fn bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self { Some(*value) } else { None }
    }

    /// A whole number that is not negative.
    pub fn whole(&self) -> Option<u64> {
        match self {
            // Beyond that not every whole number is one of these.
            Self::Number(number) if *number >= 0.0 && *number < 9e15 && number.fract() == 0.0 => {
                format!("{number:.0}").parse().ok()
            }
            _ => None,
        }
    }

    /// A moment, as RFC 3339 writes it.
    pub fn moment(&self) -> Option<Timestamp> {
        DateTime::parse_from_rfc3339(self.text()?).ok().map(Into::into)
    }

    /// Whether nothing stands there.
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Scalar, E> {
        Ok(Scalar::None)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
        Ok(Scalar::Bool(value))
    }

    #[allow(
        clippy::cast_precision_loss,
        reason = "what is that large is none of the sizes and counts that are asked for"
    )]
    fn visit_i64<E>(self, value: i64) -> Result<Scalar, E> {
        Ok(Scalar::Number(value as f64))
    }

    #[allow(clippy::cast_precision_loss, reason = "as above")]
    fn visit_u64<E>(self, value: u64) -> Result<Scalar, E> {
        Ok(Scalar::Number(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Scalar, E> {
        Ok(Scalar::Number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Scalar, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Odd)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Scalar, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Odd)
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

/// A list of a connection: one page of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
pub struct Connection<T> {
    /// Its entries; none where it names none, which is not the same as an empty list.
    pub edges: Option<List<Edge<T>>>,
    /// Whether there is more.
    #[serde(rename = "pageInfo")]
    pub page: Option<PageInfo>,
}

/// An entry of a page.
#[derive(Debug, Clone, Deserialize)]
pub struct Edge<T> {
    /// What the list is of.
    pub node: Option<T>,
}

/// Whether there is more, and where.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct PageInfo {
    /// True, false, or something that says neither.
    #[serde(default, rename = "hasNextPage")]
    pub has_next: Scalar,
    /// The token of the next page.
    #[serde(default, rename = "endCursor")]
    pub end: Scalar,
}

/// What came in, before anybody looks at it.
#[derive(Deserialize)]
pub(super) struct Whole<T> {
    pub data: Option<T>,
    #[serde(default)]
    pub errors: Faults,
}

/// Errors: how many, and what the first of them come to.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Faults {
    pub count: usize,
    pub worst: Option<Complaint>,
}

/// Something where an object is expected; anything else is skipped, and counts.
struct Tolerant<T>(Option<T>);

/// One error of GraphQL.
#[derive(Default)]
struct Fault {
    message: Scalar,
    code: Scalar,
}

impl Fault {
    /// What the message comes to. It is compared, and never shown.
    fn complaint(&self) -> Complaint {
        let code = self.code.text().unwrap_or_default().to_ascii_lowercase();
        let message: String = self.message.text().unwrap_or_default().chars().take(1_000).collect();
        let said = format!("{code} {}", message.to_ascii_lowercase());
        let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
        if has(&["rate limit", "rate_limit", "too many requests"]) {
            Complaint::RateLimited
        } else if has(&["not authorized", "unauthorized", "unauthenticated", "forbidden", "permission"]) {
            Complaint::NotAuthorized
        } else if has(&["not found", "not_found", "does not exist"]) {
            Complaint::NotFound
        } else if has(&[
            "cannot query field",
            "unknown argument",
            "unknown type",
            "graphql_validation_failed",
        ]) {
            Complaint::Schema
        } else {
            Complaint::Other
        }
    }
}

struct FaultVisitor;

impl<'de> Visitor<'de> for FaultVisitor {
    type Value = Tolerant<Fault>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an error")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Tolerant(None))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Tolerant(None))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Tolerant(None))
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Tolerant(None))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Tolerant(None))
    }

    fn visit_str<E>(self, message: &str) -> Result<Self::Value, E> {
        Ok(Tolerant(Some(Fault { message: Scalar::Text(message.to_owned()), code: Scalar::None })))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Tolerant(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut fault = Fault::default();
        while let Some(key) = entries.next_key::<String>()? {
            match key.as_str() {
                "message" => fault.message = entries.next_value()?,
                "code" => fault.code = entries.next_value()?,
                // `extensions` is the one object of it that is looked into, for its code.
                "extensions" => {
                    if let Tolerant(Some(Fault { code, .. })) = entries.next_value()? {
                        fault.code = code;
                    }
                }
                _ => drop(entries.next_value::<IgnoredAny>()?),
            }
        }
        Ok(Tolerant(Some(fault)))
    }
}

impl<'de> Deserialize<'de> for Tolerant<Fault> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FaultVisitor)
    }
}

struct FaultsVisitor;

impl<'de> Visitor<'de> for FaultsVisitor {
    type Value = Faults;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of errors, or null")
    }

    fn visit_unit<E>(self) -> Result<Faults, E> {
        Ok(Faults::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Faults, A::Error> {
        let mut faults = Faults::default();
        while let Some(Tolerant(fault)) = items.next_element::<Tolerant<Fault>>()? {
            let complaint = fault.unwrap_or_default().complaint();
            faults.worst = Some(faults.worst.map_or(complaint, |worst| worst.min(complaint)));
            faults.count += 1;
        }
        Ok(faults)
    }
}

impl<'de> Deserialize<'de> for Faults {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FaultsVisitor)
    }
}

/// Reads an answer as it comes in.
pub(super) fn read<T: DeserializeOwned>(from: impl std::io::Read) -> serde_json::Result<Whole<T>> {
    serde_json::from_reader(std::io::BufReader::new(from))
}
