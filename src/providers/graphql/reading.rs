//! Reading an answer within bounds, and what went wrong with one.

use super::Unanswered;
use std::io::Read;
use std::time::Duration;
use ureq::Error;
use ureq::http::HeaderMap;

/// In words of our own: those of the library may name more than is meant to be shown.
pub(super) fn of_error(error: &Error) -> Unanswered {
    let unreachable = |what: &str| Unanswered::Unreachable(what.to_owned());
    match error {
        Error::Timeout(_) => Unanswered::TimedOut,
        Error::HostNotFound => unreachable("its name is not found"),
        Error::Io(error) if error.kind() == std::io::ErrorKind::TimedOut => Unanswered::TimedOut,
        Error::Io(error) => Unanswered::Unreachable(error.kind().to_string()),
        Error::ConnectionFailed | Error::ConnectProxyFailed(_) => unreachable("no connection"),
        Error::Tls(_) | Error::Rustls(_) | Error::Pem(_) => {
            unreachable("its certificate or its TLS is not acceptable")
        }
        Error::LargeResponseHeader(..) => Unanswered::NotUnderstood("the head of it is too large"),
        _ => Unanswered::NotUnderstood("it is no HTTP"),
    }
}

/// In how many seconds to ask again; as a date it is compared with the provider's own clock.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let after = text("retry-after")?;
    if let Ok(seconds) = after.parse::<u64>() {
        return Some(Duration::from_secs(seconds.min(86_400)));
    }
    let moment = |text: &str| chrono::DateTime::parse_from_rfc2822(text).ok();
    let (then, now) = (moment(after)?, moment(text("date")?)?);
    (then - now).to_std().ok().map(|wait| wait.min(Duration::from_secs(86_400)))
}

/// Counts what is read, and ends where an answer is too large.
pub(super) struct Counted<R> {
    pub from: R,
    /// How many bytes may still come.
    pub left: u64,
    /// Whether there were more.
    pub over: bool,
    /// Why the answer broke off, if it did.
    pub broke: Option<Unanswered>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.left == 0 {
            self.over = true;
            return Err(std::io::ErrorKind::InvalidData.into());
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(into.len());
        match self.from.read(&mut into[..most]) {
            Ok(count) => {
                self.left -= count as u64;
                Ok(count)
            }
            Err(error) => {
                let kind = error.kind();
                self.broke = Some(match error.downcast::<Error>() {
                    Ok(error) => of_error(&error),
                    Err(_) if kind == std::io::ErrorKind::TimedOut => Unanswered::TimedOut,
                    Err(_) => Unanswered::Unreachable(kind.to_string()),
                });
                Err(kind.into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_read_as_seconds_or_by_the_provider_s_clock() {
        let headers = |pairs: &[(&'static str, &'static str)]| {
            pairs
                .iter()
                .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
                .collect::<HeaderMap>()
        };
        assert_eq!(retry_after(&headers(&[("retry-after", "7")])), Some(Duration::from_secs(7)));
        let date =
            [("retry-after", "Mon, 30 Nov 2026 10:00:09 GMT"), ("date", "Mon, 30 Nov 2026 10:00:00 GMT")];
        assert_eq!(retry_after(&headers(&date)), Some(Duration::from_secs(9)));
        assert_eq!(retry_after(&headers(&date[..1])), None);
        for odd in ["", "-1", "soon", "99999999999999999999"] {
            assert_eq!(retry_after(&headers(&[("retry-after", odd)])), None, "{odd}");
        }
    }
}
