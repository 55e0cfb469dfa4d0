//! Asking a provider's GraphQL API, and nothing else: what may be sent is a list of documents that are compiled in, and
//! each of them is a query. Whoever calls names one of them and gives it ids; no text of a caller, of the configuration
//! or of an answer ever becomes part of a document.

mod answer;
mod limits;
mod list;
mod pages;
mod question;
mod reading;
mod said;
mod transport;
mod unanswered;

pub use answer::{Answer, Connection, Scalar};
pub use limits::{Limits, Stop};
pub use list::List;
pub use pages::{Pages, pages};
pub use question::{Operation, Variables, is_only_a_query};
pub use said::Says;
pub use transport::{Bearer, Transport};
pub use unanswered::{Complaint, Unanswered};
