//! Addresses of buckets: endpoint, bucket, prefix and region.

use super::value::Value;
use super::words::shown;
use std::net::{IpAddr, Ipv6Addr};

/// Whether an address may be without encryption on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plain {
    /// Only to this machine itself.
    HereOnly,
    /// Somebody took the risk.
    Accepted,
    /// Only to this machine itself, whoever asks for more.
    NeverAway,
}

/// An endpoint, without a slash at its end.
pub(super) fn endpoint(value: &Value<'_>, plain: Plain) -> Option<String> {
    let remedy = "write it as \"https://s3.example\" or \"https://s3.example:9000\"";
    let text = value.text()?;
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    if scheme != "https" && scheme != "http" {
        value.complain("must begin with https:// (or http://)", remedy);
        return None;
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        // What stands before the sign may be a password, and is not repeated.
        value.complain(
            "holds a user or password",
            match plain {
                Plain::NeverAway => "leave them out, and name the credential in `token`",
                _ => "leave them out, and name the credential by itself: in `writer` and `reader` of a vault, in `reader` of what is copied",
            },
        );
        return None;
    }
    if rest.contains(['?', '#', ' ', '\\']) {
        value.complain("may not have a query, a fragment, spaces or backslashes", remedy);
        return None;
    }
    let Some(host) = host(authority) else {
        value.complain("has no valid host and port", remedy);
        return None;
    };
    if scheme == "http" && plain != Plain::Accepted && !is_loopback(host) {
        value.complain(
            "sends everything over the network for all to read and change",
            match plain {
                Plain::NeverAway => "use https://",
                _ => "use https://, or take the risk with `insecure = true` beside it",
            },
        );
        return None;
    }
    Some(text.trim_end_matches('/').to_owned())
}

/// The host of `host`, `host:port` or `[address]:port`, where all of it is valid.
fn host(authority: &str) -> Option<&str> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            host.parse::<Ipv6Addr>().ok()?;
            (host, if port.is_empty() { None } else { Some(port.strip_prefix(':')?) })
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let digits = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    if port.is_some_and(|port| !digits(port) || port.parse::<u16>().unwrap_or(0) == 0) {
        return None;
    }
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let named = !host.starts_with(['.', '-']) && !host.contains("..") && host.bytes().all(fits);
    (!host.is_empty() && (named || authority.starts_with('['))).then_some(host)
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A bucket's name, by the rules that S3 has for all regions.
pub(super) fn bucket(value: &Value<'_>) -> Option<String> {
    let text = value.text()?;
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
    let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let edges = edge(text.bytes().next()) && edge(text.bytes().next_back());
    let well_formed =
        (3..=63).contains(&text.len()) && text.bytes().all(fits) && edges && !text.contains("..");
    if well_formed && text.parse::<IpAddr>().is_err() {
        return Some(text.to_owned());
    }
    let what = format!("is {}, which no bucket can be called", shown(text));
    value.complain(
        what,
        "3 to 63 of a to z, 0 to 9, `.` and `-`, a letter or digit at both ends, and no IP address",
    );
    None
}

/// What all keys begin with, with a slash at its end.
pub(super) fn prefix(value: &Value<'_>) -> Option<String> {
    let text = value.text()?;
    let parts: Vec<&str> = text.trim_end_matches('/').split('/').collect();
    if text.len() > 512 || parts.iter().any(|part| matches!(*part, "" | "." | "..")) {
        value.complain(
            "is no prefix of keys",
            "write it as \"team/backups/\": no slash first, no empty part, no `.` or `..`, at most 512 bytes",
        );
        return None;
    }
    Some(format!("{}/", parts.join("/")))
}

/// A region's name.
pub(super) fn region(value: &Value<'_>) -> Option<String> {
    let text = value.text()?;
    if text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
        return Some(text.to_owned());
    }
    value.complain(
        format!("is {}, which is no region", shown(text)),
        "write its code, for example \"eu-central-1\"",
    );
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_and_port_are_told_from_what_is_none() {
        let fine = [
            ("a.example", "a.example"),
            ("a:9000", "a"),
            ("127.0.0.1:1", "127.0.0.1"),
            ("[::1]:9000", "::1"),
            ("[::1]", "::1"),
        ];
        for (authority, expected) in fine {
            assert_eq!(host(authority), Some(expected), "{authority}");
        }
        for authority in
            ["", ":9", "a:", "a:0", "a:65536", "a:+1", "[::1", "[a]:1", "[::1]9", "a..b", "-a", "ä"]
        {
            assert_eq!(host(authority), None, "{authority}");
        }
    }

    #[test]
    fn only_this_machine_is_loopback() {
        for host in ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["127.0.0.1.example", "localhost.example", "10.0.0.1", "0.0.0.0", "::2"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
