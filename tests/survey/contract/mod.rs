//! The contract of connectors: what each of them must do whatever a provider answers. A connector passes it by an
//! [`Adapter`]; `connector_passes!` makes a test of each case.

pub mod cases;
pub mod odd;
pub mod railway;
mod railway_large;
pub mod raw;

use outlive::domain::{Inventory, PointId, VolumeId};
use outlive::providers::graphql::{Limits, Stop};
use raw::{Asked, Raw, Reply};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// The credential that every case asks with. It may be in no result.
pub const TOKEN: &str = "c0ffee00-7e57-4000-8000-ca9a97000001";

/// A connector, as the contract needs it. The estate behind it has a token that may see everything, two environments or
/// regions, and at least two volumes with two recovery points each.
pub trait Adapter: Sync {
    /// Surveys what answers at this address, with [`TOKEN`].
    fn look(&self, endpoint: &str, limits: Limits, stop: Stop) -> Inventory;

    /// What the provider answers to a question; lists come in pages of so many entries.
    fn answer(&self, asked: &Asked, page: usize) -> Value;

    /// Every document that may be sent.
    fn documents(&self) -> Vec<&'static str>;

    /// The names of questions for lists that come in pages, each of which the small estate needs.
    fn paged(&self) -> Vec<&'static str>;

    /// Makes the page in an answer name this token of a next page, with or without its entries.
    fn with_next(&self, answer: Value, next: &str, keep: Keep) -> Value;

    /// The name of the question for recovery points.
    fn points(&self) -> &'static str;

    /// An answer to that with so many recovery points.
    fn many_points(&self, count: usize) -> Value;
}

/// A connector under test: a value that lives as long as the process.
pub type Connector = &'static dyn Adapter;

/// What stays of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    Entries,
    Nothing,
}

/// Bounds that let a case end soon.
pub fn brisk() -> Limits {
    Limits {
        call: Duration::from_millis(400),
        whole: Duration::from_secs(20),
        patience: Duration::from_secs(3),
        pause: Duration::from_millis(5),
        ..Limits::default()
    }
}

/// What a connector saw, and how long that took.
pub struct Looked {
    pub seen: Inventory,
    pub took: Duration,
}

/// Surveys what answers there.
pub fn look(adapter: Connector, server: &Raw, limits: Limits) -> Looked {
    let began = Instant::now();
    let seen = adapter.look(&server.endpoint(), limits, Stop::default());
    Looked { seen, took: began.elapsed() }
}

impl Looked {
    pub fn volumes(&self) -> BTreeSet<&VolumeId> {
        self.seen.volumes.iter().map(|volume| &volume.id).collect()
    }

    pub fn points(&self) -> BTreeSet<&PointId> {
        self.seen.points.iter().map(|point| &point.id).collect()
    }

    /// Fails unless all was seen that the small estate has.
    #[track_caller]
    pub fn whole(self, adapter: Connector) -> Self {
        let sound = sound(adapter);
        assert_eq!(self.seen.gaps, [], "nothing is missing");
        assert_eq!((self.volumes(), self.points()), (sound.volumes(), sound.points()));
        self
    }

    /// Fails unless something is said to be missing, by a gap that counts; gives what is said.
    #[track_caller]
    pub fn open(&self) -> String {
        assert!(self.seen.has_open_gaps(), "it is taken for all: {:?}", self.seen);
        self.said()
    }

    /// Everything that it says of gaps.
    pub fn said(&self) -> String {
        self.seen
            .gaps
            .iter()
            .map(|gap| format!("{}: {}: {}\n", gap.place, gap.reason.word(), gap.detail))
            .collect()
    }

    /// Everything that it says at all, in each way of saying it.
    pub fn everything(&self) -> String {
        format!("{:?}\n{}", self.seen, serde_json::to_string(&self.seen).unwrap())
    }
}

/// What the small estate is when everything goes well.
pub fn sound(adapter: Connector) -> Looked {
    let answered = server(adapter, |_, answer| Reply::Json(answer));
    let looked = look(adapter, &answered, brisk());
    assert!(looked.seen.volumes.len() >= 2 && looked.seen.points.len() >= 4, "{:?}", looked.seen);
    looked
}

/// A server of the small estate; `change` may answer otherwise.
pub fn server(adapter: Connector, change: impl Fn(&Asked, Value) -> Reply + Send + Sync + 'static) -> Raw {
    server_with_pages(adapter, 100, change)
}

/// The same with pages of so many entries.
pub fn server_with_pages(
    adapter: Connector,
    page: usize,
    change: impl Fn(&Asked, Value) -> Reply + Send + Sync + 'static,
) -> Raw {
    Raw::new(move |asked| change(asked, adapter.answer(asked, page)))
}

/// Makes a test of each case of the contract for one connector.
macro_rules! connector_passes {
    ($adapter:expr) => {
        connector_passes!($adapter, cases:
            lists_are_read_to_their_end,
            an_empty_page_is_no_end,
            a_repeated_page_token_is_an_error,
            a_list_that_begins_again_is_a_gap,
            a_page_that_does_not_say_whether_it_is_the_last_is_an_error,
            a_list_without_end_ends,
            the_provider_s_wait_is_waited_for,
            a_wait_that_is_too_long_is_a_gap_at_once,
            what_is_left_of_a_limit_is_left_to_others,
            errors_beside_data_are_a_gap_and_the_data_is_kept,
            errors_alone_are_a_gap,
            a_server_that_fails_for_a_moment_is_asked_again,
            a_silent_server_is_a_gap_in_time,
            an_answer_that_drips_is_a_gap_in_time,
            the_time_for_all_holds,
            an_answer_without_end_is_a_gap,
            a_redirect_is_not_followed,
            only_what_is_on_the_list_is_sent,
            the_credential_is_in_no_result,
            a_survey_that_is_stopped_ends_soon,
            a_token_that_is_revoked_in_the_middle_is_a_gap,
            as_many_requests_as_allowed_and_no_more,
            a_hundred_thousand_points_are_borne,
        );

        #[test]
        fn odd_answers_are_gaps_and_never_green() {
            let (_, own) = module_path!().split_once("::").unwrap();
            $crate::contract::odd::odd_answers_are_gaps_and_never_green(&$adapter, &format!("{own}::asks_for_odd_answers"));
        }

        #[test]
        #[ignore = "the other half of the test of odd answers, which starts it"]
        fn asks_for_odd_answers() {
            $crate::contract::odd::ask_for_odd_answers(&$adapter);
        }
    };
    ($adapter:expr, $group:ident: $($case:ident),* $(,)?) => {
        $(
            #[test]
            fn $case() {
                $crate::contract::$group::$case(&$adapter);
            }
        )*
    };
}
pub(crate) use connector_passes;
