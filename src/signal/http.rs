//! One bounded HTTP POST. Nothing of the address comes into a message.

use crate::domain::{Kind, Problem, Result};
use crate::estate::Secret;
use std::time::Duration;
use ureq::{Agent, Error};

/// How often a request is tried, besides the first time.
const RETRIES: u32 = 2;

/// How long somebody may keep us waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For one attempt, from looking up the name to the head of the answer.
    pub attempt: Duration,
    /// Before the second attempt; twice that before the third.
    pub pause: Duration,
}

impl Default for Patience {
    /// 10 s for an attempt, 1 s before the next: no request takes more than 33 s.
    fn default() -> Self {
        Self { attempt: Duration::from_secs(10), pause: Duration::from_secs(1) }
    }
}

/// An address that was found to be one.
pub(super) struct Endpoint {
    url: Secret,
    /// What messages call it, for example `the ping address of [nightly]`.
    name: &'static str,
    patience: Patience,
}

impl Endpoint {
    pub(super) fn new(url: Secret, name: &'static str, patience: Patience) -> Result<Self> {
        let is_address = ["http://", "https://"].iter().any(|scheme| {
            let rest = url.reveal().strip_prefix(scheme);
            rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['/', '?', '#']))
        });
        let is_clean = url.reveal().chars().all(|c| c.is_ascii_graphic());
        if !is_address || !is_clean {
            let what = format!("{name} is no address that begins with https:// or http://");
            return Err(Problem::new(Kind::Usage, what)
                .remedy("look at the secret that it comes from; the value is not shown"));
        }
        Ok(Self { url, name, patience })
    }

    /// The address with `path` after its own path and `query` after its own query. Both must be safe in an address.
    fn with(&self, path: &str, query: &str) -> String {
        let (address, _) = self.url.reveal().split_once('#').unwrap_or((self.url.reveal(), ""));
        let (base, own) = address.split_once('?').unwrap_or((address, ""));
        let base = base.trim_end_matches('/');
        let queries: Vec<&str> = [own, query].into_iter().filter(|part| !part.is_empty()).collect();
        let mark = if queries.is_empty() { "" } else { "?" };
        format!("{base}{path}{mark}{}", queries.join("&"))
    }

    /// Sends `body`. The answer's body is not read, and a redirect is not followed: it could lead to another host.
    /// What fails in a way that may pass (no connection, no answer, 429, 5xx) is tried again.
    ///
    /// # Errors
    /// Where no attempt was answered with a 2xx.
    pub(super) fn post(&self, path: &str, query: &str, kind: &str, body: &str) -> Result<()> {
        let address = self.with(path, query);
        let agent = agent(self.patience.attempt);
        let mut pause = self.patience.pause;
        let mut attempt = 0;
        loop {
            let failure = match agent.post(&address).content_type(kind).send(body) {
                Ok(answer) if answer.status().is_success() => return Ok(()),
                Ok(answer) => Failure::status(answer.status().as_u16()),
                Err(error) => Failure::of(&error),
            };
            if attempt == RETRIES || !failure.may_pass {
                let what = format!("{} {}", self.name, failure.what);
                return Err(Problem::new(Kind::Io, what).remedy(failure.remedy));
            }
            attempt += 1;
            std::thread::sleep(pause);
            pause *= 2;
        }
    }
}

fn agent(attempt: Duration) -> Agent {
    let config = Agent::config_builder()
        .timeout_global(Some(attempt))
        .timeout_connect(Some(attempt / 2))
        .max_redirects(0)
        .http_status_as_error(false)
        .max_idle_connections(0)
        .user_agent(concat!("outlive/", env!("CARGO_PKG_VERSION")))
        .build();
    Agent::new_with_config(config)
}

struct Failure {
    what: String,
    remedy: &'static str,
    may_pass: bool,
}

impl Failure {
    fn status(status: u16) -> Self {
        let remedy = match status {
            300..=399 => "redirects are not followed: write the address that it leads to",
            404 | 410 => "look whether the check still exists there",
            400..=499 => "look whether the address is still valid there",
            _ => "look at the service behind it",
        };
        Self { what: format!("answered {status}"), remedy, may_pass: status == 429 || status >= 500 }
    }

    /// In words of our own: those of the library may name the host or the whole address.
    fn of(error: &Error) -> Self {
        let network = "look whether this machine reaches the network";
        let (what, remedy, may_pass) = match error {
            Error::Timeout(_) => ("did not answer in time".to_owned(), network, true),
            Error::HostNotFound => ("names a host that is not found".to_owned(), network, true),
            Error::Io(error) => (format!("could not be reached: {}", error.kind()), network, true),
            Error::ConnectionFailed => ("could not be reached".to_owned(), network, true),
            Error::Tls(_) | Error::Rustls(_) | Error::Pem(_) => (
                "was refused: its certificate or its TLS is not acceptable".to_owned(),
                "look at the certificate of the service; certificates of private authorities are not known here",
                false,
            ),
            Error::BadUri(_) | Error::Http(_) => {
                ("is no valid address".to_owned(), "look at the secret that it comes from", false)
            }
            _ => ("did not answer as HTTP asks".to_owned(), "look at the service behind it", true),
        };
        Self { what, remedy, may_pass }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(url: &str) -> Result<Endpoint> {
        Endpoint::new(Secret::new(url), "the ping address of [nightly]", Patience::default())
    }

    #[test]
    fn what_is_added_goes_before_the_address_s_own_query() {
        let cases = [
            ("https://a.example/uuid", "https://a.example/uuid/start?rid=1"),
            ("https://a.example/uuid/", "https://a.example/uuid/start?rid=1"),
            ("https://a.example/key/slug?create=1", "https://a.example/key/slug/start?create=1&rid=1"),
            ("https://a.example/uuid?#part", "https://a.example/uuid/start?rid=1"),
        ];
        for (url, expected) in cases {
            assert_eq!(endpoint(url).unwrap().with("/start", "rid=1"), expected);
        }
        assert_eq!(endpoint("https://a.example/uuid").unwrap().with("", ""), "https://a.example/uuid");
    }

    #[test]
    fn what_is_no_address_is_refused_and_not_shown() {
        for wrong in
            ["", "ping-me-secret", "ftp://secret.example", "https://", "https:///secret", "http://a b/secret"]
        {
            let problem = endpoint(wrong).map(drop).unwrap_err();
            assert_eq!(problem.kind, Kind::Usage);
            assert!(
                !format!("{problem:?}").contains("secret.") && !format!("{problem:?}").contains("-secret")
            );
        }
    }
}
