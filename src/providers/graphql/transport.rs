//! Sends one of the fixed questions to the one configured address, and reads the answer within bounds.

use super::answer::{self, Answer, Whole};
use super::reading::{Counted, of_error, retry_after};
use super::{Complaint, Limits, Operation, Stop, Unanswered, Variables, is_only_a_query};
use crate::estate::Secret;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use ureq::http::{HeaderMap, Response};
use ureq::{Agent, Body, Error};

/// How often a request is tried again that failed in a way that may pass.
const RETRIES: u32 = 2;
/// After how many refusals in a row nothing more is asked.
const REFUSALS: usize = 3;
/// The share of a provider's limit that is left to others: one in so many.
const RESERVE: u64 = 10;
/// How large the head of an answer may be, in bytes.
const HEAD: usize = 64 << 10;

/// How a credential is shown to the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bearer {
    /// `Authorization: Bearer …`.
    Authorization,
    /// In a header of this name.
    Header(&'static str),
}

#[derive(Serialize)]
struct Question<'q> {
    query: &'static str,
    #[serde(rename = "operationName")]
    name: &'static str,
    variables: &'q Variables,
}

/// The way to one address with one credential.
pub struct Transport<O> {
    agent: Agent,
    endpoint: String,
    secret: Secret,
    bearer: Bearer,
    limits: Limits,
    stop: Stop,
    began: Instant,
    sent: AtomicUsize,
    read: AtomicU64,
    refusals: AtomicUsize,
    /// Why nothing more is asked, once that is so.
    closed: Mutex<Option<Unanswered>>,
    /// How long was waited because the provider asked for it.
    waited: Mutex<Duration>,
    questions: std::marker::PhantomData<O>,
}

impl<O: Operation> Transport<O> {
    /// To `endpoint`, which the configuration names and which was found to be an address; the time for all begins.
    ///
    /// # Errors
    /// `NoToken` where the secret cannot stand in a header.
    pub fn new(
        endpoint: &str,
        secret: Secret,
        bearer: Bearer,
        limits: Limits,
        stop: Stop,
    ) -> Result<Self, Unanswered> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
        if !(8..=4096).contains(&secret.reveal().len()) || !secret.reveal().bytes().all(fits) {
            return Err(Unanswered::NoToken);
        }
        let is_encrypted = endpoint.starts_with("https://");
        let mut config = Agent::config_builder()
            .https_only(is_encrypted)
            .max_redirects(0)
            .http_status_as_error(false)
            .max_response_header_size(HEAD)
            .max_idle_connections(limits.at_once)
            .max_idle_connections_per_host(limits.at_once)
            .user_agent(concat!("outlive/", env!("CARGO_PKG_VERSION")));
        if !is_encrypted {
            // A proxy of the environment would see the credential.
            config = config.proxy(None);
        }
        let agent = Agent::new_with_config(config.build());
        Ok(Self {
            agent,
            endpoint: endpoint.to_owned(),
            secret,
            bearer,
            limits,
            stop,
            began: Instant::now(),
            sent: AtomicUsize::new(0),
            read: AtomicU64::new(0),
            refusals: AtomicUsize::new(0),
            closed: Mutex::new(None),
            waited: Mutex::new(Duration::ZERO),
            questions: std::marker::PhantomData,
        })
    }

    /// The same way, with the credential shown in another manner. Counts go on.
    #[must_use]
    pub fn shown_as(mut self, bearer: Bearer) -> Self {
        self.bearer = bearer;
        self.refusals = AtomicUsize::new(0);
        self
    }

    /// The bounds.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The credential, for leaving it out of what is shown.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// How many requests were sent.
    pub fn sent(&self) -> usize {
        self.sent.load(Ordering::Relaxed)
    }

    /// Asks one question. What fails in a way that may pass is tried again; where the provider asks to wait, that is done as
    /// far as there is patience.
    ///
    /// # Errors
    /// Where no data came; errors beside data are in the answer.
    pub fn ask<T: DeserializeOwned>(
        &self,
        operation: O,
        variables: &Variables,
    ) -> Result<Answer<T>, Unanswered> {
        let question = Question { query: operation.document(), name: operation.name(), variables };
        if !is_only_a_query(question.query) {
            return Err(Unanswered::NotAQuery);
        }
        let Ok(body) = serde_json::to_string(&question) else { return Err(Unanswered::NotAQuery) };
        let (mut attempt, mut pause) = (0, self.limits.pause);
        loop {
            let why = match self.once(&body) {
                Ok(answer) => return Ok(answer),
                Err(why) => why,
            };
            match why {
                Unanswered::RateLimited(wait) => self.wait_as_asked(wait)?,
                why if why.may_pass() && attempt < RETRIES => {
                    attempt += 1;
                    if !self.stop.sleep(pause.min(self.left()?)) {
                        return Err(Unanswered::Stopped);
                    }
                    pause *= 2;
                }
                why => return Err(why),
            }
        }
    }

    /// Waits because the provider asks for it, if that is within patience; else nothing more is asked.
    fn wait_as_asked(&self, wait: Option<Duration>) -> Result<(), Unanswered> {
        let asked = wait.unwrap_or(Duration::from_secs(1)).max(self.limits.pause);
        let left = self.left()?;
        let fits = {
            let mut waited = self.waited.lock().unwrap_or_else(PoisonError::into_inner);
            let sum = waited.checked_add(asked).filter(|sum| *sum <= self.limits.patience && asked < left);
            *waited = sum.unwrap_or(*waited);
            sum.is_some()
        };
        if !fits {
            return Err(self.close(Unanswered::RateLimited(wait)));
        }
        if self.stop.sleep(asked) { Ok(()) } else { Err(Unanswered::Stopped) }
    }

    /// From now on, this is the answer to everything.
    fn close(&self, why: Unanswered) -> Unanswered {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(why).clone()
    }

    /// How much of the time for all is left.
    fn left(&self) -> Result<Duration, Unanswered> {
        let left = self.limits.whole.saturating_sub(self.began.elapsed());
        if left.is_zero() { Err(Unanswered::Late) } else { Ok(left) }
    }

    /// Whether something may be sent now, and how long it may take.
    fn may_go(&self) -> Result<Duration, Unanswered> {
        if self.stop.is_asked() {
            return Err(Unanswered::Stopped);
        }
        if let Some(why) = self.closed.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            return Err(why);
        }
        let left = self.left()?;
        if self.sent.fetch_add(1, Ordering::Relaxed) >= self.limits.requests {
            self.sent.fetch_sub(1, Ordering::Relaxed);
            return Err(self.close(Unanswered::Requests(self.limits.requests)));
        }
        Ok(left.min(self.limits.call))
    }

    fn once<T: DeserializeOwned>(&self, body: &str) -> Result<Answer<T>, Unanswered> {
        let time = self.may_go()?;
        let (name, value) = match self.bearer {
            Bearer::Authorization => ("Authorization", format!("Bearer {}", self.secret.reveal())),
            Bearer::Header(name) => (name, self.secret.reveal().to_owned()),
        };
        let request = self.agent.post(&self.endpoint).config().timeout_global(Some(time)).build();
        let request =
            request.header(name, value).content_type("application/json").header("Accept", "application/json");
        let mut response = request.send(body).map_err(|error| self.of_error(&error))?;
        self.count_limits(response.headers());
        self.check_status(&response)?;
        self.refusals.store(0, Ordering::Relaxed);
        self.body(response.body_mut())
    }

    fn check_status(&self, response: &Response<Body>) -> Result<(), Unanswered> {
        match response.status().as_u16() {
            // Servers say with 400 what is wrong with the question, in the form of an answer.
            200 | 400 => Ok(()),
            status @ (401 | 403) => {
                let refused = Unanswered::Refused(status);
                if self.refusals.fetch_add(1, Ordering::Relaxed) + 1 >= REFUSALS {
                    self.close(refused.clone());
                }
                Err(refused)
            }
            429 => Err(Unanswered::RateLimited(retry_after(response.headers()))),
            503 if response.headers().contains_key("retry-after") => {
                Err(Unanswered::RateLimited(retry_after(response.headers())))
            }
            status @ 300..=399 => Err(Unanswered::Redirected(status)),
            status => Err(Unanswered::Status(status)),
        }
    }

    fn body<T: DeserializeOwned>(&self, body: &mut Body) -> Result<Answer<T>, Unanswered> {
        let mut counted =
            Counted { from: body.as_reader(), left: self.limits.answer, over: false, broke: None };
        let read = answer::read::<T>(&mut counted);
        let size = self.limits.answer - counted.left;
        let all = self.read.fetch_add(size, Ordering::Relaxed) + size;
        if counted.over {
            return Err(Unanswered::TooLarge(self.limits.answer));
        }
        if all > self.limits.answers {
            return Err(self.close(Unanswered::TooMuch(self.limits.answers)));
        }
        if let Some(broke) = counted.broke {
            return Err(broke);
        }
        let Ok(Whole { data, errors }) = read else {
            return Err(Unanswered::NotUnderstood("it is no answer of the expected form"));
        };
        let beside = errors.worst.map(|worst| (worst, errors.count));
        match (data, beside) {
            (Some(data), beside) => Ok(Answer { data, beside }),
            (None, Some((Complaint::RateLimited, _))) => Err(Unanswered::RateLimited(None)),
            (None, Some((complaint, count))) => Err(Unanswered::Errors(complaint, count)),
            (None, None) => Err(Unanswered::NotUnderstood("it holds neither data nor errors")),
        }
    }

    /// Leaves others their share of what the provider allows.
    fn count_limits(&self, headers: &HeaderMap) {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
        let (left, of) = (number("x-ratelimit-remaining"), number("x-ratelimit-limit"));
        if let (Some(left), Some(of)) = (left, of)
            && left < of / RESERVE
        {
            self.close(Unanswered::Reserved { left, of });
        }
    }

    fn of_error(&self, error: &Error) -> Unanswered {
        match error {
            Error::Timeout(_) if self.left().is_err() => Unanswered::Late,
            Error::Timeout(_) => Unanswered::TimedOut,
            other => of_error(other),
        }
    }
}
