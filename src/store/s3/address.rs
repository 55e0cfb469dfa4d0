//! Where a bucket is: the endpoint in one form, and how it is reached.

use super::Limits;
use crate::domain::{Kind, Problem, Result, printable};
use crate::estate::{Addressing, Environment, S3Place};
use crate::store::Identity;
use aws_sdk_s3::config::{Region, SharedHttpClient};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

/// What requests of one bucket are sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The endpoint without a path, or none for AWS's own.
    pub endpoint: Option<String>,
    /// The region that requests are signed for.
    pub region: String,
    /// The bucket.
    pub bucket: String,
    /// What all keys begin with: empty, or ends with `/`.
    pub prefix: String,
    /// True for `https://endpoint/bucket/key`.
    pub path_style: bool,
}

impl Address {
    /// Checks a place and completes it.
    ///
    /// # Errors
    /// `Usage` where the place makes no sense.
    pub fn new(place: &S3Place, environment: &Environment) -> Result<Self> {
        let wrong = |what: &str, remedy: &str| {
            Problem::new(Kind::Usage, what).at(printable(place.bucket.as_bytes())).remedy(remedy)
        };
        let sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if place.bucket.is_empty() || !place.bucket.chars().all(sound) {
            return Err(wrong(
                "no name of a bucket",
                "give the bucket's name alone, without s3:// or a path",
            ));
        }
        let prefix = place.prefix.trim_matches('/');
        if !prefix.chars().all(|c| sound(c) || c == '/')
            || prefix.split('/').any(|part| part == "..")
            || prefix.contains("//")
        {
            return Err(wrong(
                "no prefix of keys",
                "use letters, digits, '.', '-', '_' and '/' in the prefix",
            ));
        }
        let endpoint = place.endpoint.as_deref().map(normalised).transpose()?;
        let told = |name| environment.get(name).map(str::to_owned);
        let region =
            place.region.clone().or_else(|| told("AWS_REGION")).or_else(|| told("AWS_DEFAULT_REGION"));
        let region = region.or_else(|| endpoint.is_some().then(|| "us-east-1".to_owned()));
        let region = region
            .ok_or_else(|| wrong("there is neither an endpoint nor a region", "name the bucket's region"))?;
        let path_style = match place.addressing {
            Addressing::Auto => endpoint.is_some(),
            Addressing::Path => true,
            Addressing::Host => false,
        };
        let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
        Ok(Self { endpoint, region, bucket: place.bucket.clone(), prefix, path_style })
    }

    /// For people.
    pub fn place(&self) -> String {
        let host = self.endpoint.clone().unwrap_or_else(|| format!("AWS {}", self.region));
        format!("s3://{}/{} at {host}", self.bucket, self.prefix)
    }

    /// What tells the place from others. The names of AWS's own buckets are unique whatever the region.
    pub fn identity(&self) -> Identity {
        Identity::remote(format!("s3 {} bucket {} prefix {}", self.host(), self.bucket, self.prefix))
    }

    fn host(&self) -> &str {
        match &self.endpoint {
            Some(endpoint) if !is_aws(endpoint) => endpoint,
            _ => "aws",
        }
    }

    /// True where something may lie below both, as far as the names say.
    pub fn overlaps(&self, other: &Self) -> bool {
        let within = self.prefix.starts_with(&other.prefix) || other.prefix.starts_with(&self.prefix);
        self.host() == other.host() && self.bucket == other.bucket && within
    }

    /// True where nothing but the signature guards what is sent: over a network, without TLS. To this machine itself nobody is on
    /// the way, and a checksum goes along.
    pub fn is_exposed(&self) -> bool {
        let plain = self.endpoint.as_deref().and_then(|endpoint| endpoint.strip_prefix("http://"));
        plain.is_some_and(|authority| !is_own(authority))
    }
}

/// Whether `host[:port]` is this machine by its name or address alone: nobody is asked what a name means.
fn is_own(authority: &str) -> bool {
    match authority.parse::<std::net::SocketAddr>() {
        Ok(address) => address.ip().is_loopback(),
        Err(_) => {
            let host = authority.split(':').next().unwrap_or_default();
            host == "localhost" || host.parse::<std::net::Ipv4Addr>().is_ok_and(|host| host.is_loopback())
        }
    }
}

/// `https://host[:port]`, in small letters, without what says nothing.
fn normalised(endpoint: &str) -> Result<String> {
    let wrong = || {
        // It may hold a password: not printed.
        Problem::new(Kind::Usage, "the endpoint is not of the form https://host or https://host:port")
            .remedy("credentials, paths and questions do not belong into the endpoint; the bucket and its prefix are given apart")
    };
    let (scheme, rest) = endpoint.trim().split_once("://").ok_or_else(wrong)?;
    let scheme = scheme.to_ascii_lowercase();
    let default = match scheme.as_str() {
        "https" => ":443",
        "http" => ":80",
        _ => return Err(wrong()),
    };
    let host = rest.trim_end_matches('/').to_ascii_lowercase();
    let host = host.strip_suffix(default).unwrap_or(&host);
    let sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']' | '_');
    if host.is_empty() || !host.chars().all(sound) {
        return Err(wrong());
    }
    Ok(format!("{scheme}://{host}"))
}

fn is_aws(endpoint: &str) -> bool {
    let host = endpoint.trim_start_matches("https://");
    host.starts_with("s3") && host.ends_with(".amazonaws.com")
}

/// The HTTP client for buckets and for the services that give credentials. It follows no redirect.
pub fn http_client() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}

/// The client of one bucket. Retries and deadlines are ours: see `docs/decisions/0009-s3-by-our-own-rules.md`.
pub fn client(
    address: &Address,
    http: SharedHttpClient,
    keyring: std::sync::Arc<super::access::Keyring>,
    limits: &Limits,
) -> aws_sdk_s3::Client {
    use aws_sdk_s3::config::retry::RetryConfig;
    use aws_sdk_s3::config::timeout::TimeoutConfig;
    use aws_sdk_s3::config::{
        BehaviorVersion, IdentityCache, RequestChecksumCalculation, ResponseChecksumValidation,
        SharedCredentialsProvider, StalledStreamProtectionConfig,
    };
    let mut config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http)
        .region(Region::new(address.region.clone()))
        .credentials_provider(SharedCredentialsProvider::new(super::access::Shared(keyring)))
        // The keyring remembers, and can forget.
        .identity_cache(IdentityCache::no_cache())
        .force_path_style(address.path_style)
        .retry_config(RetryConfig::disabled())
        .timeout_config(TimeoutConfig::builder().connect_timeout(limits.connect).build())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    config.set_endpoint_url(address.endpoint.clone());
    aws_sdk_s3::Client::from_conf(config.build())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(endpoint: &str, prefix: &str) -> S3Place {
        S3Place {
            bucket: "vault".into(),
            prefix: prefix.into(),
            endpoint: (!endpoint.is_empty()).then(|| endpoint.to_owned()),
            ..S3Place::default()
        }
    }

    #[test]
    fn one_place_written_in_many_ways_has_one_identity() {
        let identity = |endpoint: &str, prefix: &str| {
            Address::new(&place(endpoint, prefix), &Environment::default()).unwrap().identity()
        };
        let wanted = identity("https://s3.example", "a/b/");
        for (endpoint, prefix) in [("HTTPS://S3.Example/", "a/b"), ("https://s3.example:443", "/a/b/")] {
            assert_eq!(identity(endpoint, prefix), wanted);
        }
        for (endpoint, prefix) in
            [("http://s3.example", "a/b"), ("https://s3.example:9", "a/b"), ("https://s3.example", "a")]
        {
            assert_ne!(identity(endpoint, prefix), wanted);
        }
    }

    #[test]
    fn places_overlap_where_one_lies_in_the_other_and_not_beside_it() {
        let overlap = |one: (&str, &str), other: (&str, &str)| {
            let address =
                |(endpoint, prefix)| Address::new(&place(endpoint, prefix), &Environment::default());
            address(one).unwrap().overlaps(&address(other).unwrap())
        };
        let host = "https://s3.example";
        assert!(overlap((host, "a/"), (host, "a")) && overlap((host, ""), ("https://S3.example:443/", "a")));
        assert!(overlap((host, "a/b"), (host, "a")) && overlap((host, "a"), (host, "a/b")));
        assert!(!overlap((host, "a"), (host, "ab")) && !overlap((host, "a/b"), (host, "a/c")));
        assert!(!overlap((host, "a"), ("https://s3.example:9", "a")));
    }

    #[test]
    fn only_what_leaves_this_machine_without_tls_is_exposed() {
        let exposed = |endpoint: &str| {
            Address::new(&place(endpoint, ""), &Environment::default()).unwrap().is_exposed()
        };
        for endpoint in [
            "http://s3.example",
            "http://10.0.0.1:9000",
            "http://localhost.example",
            "http://127.0.0.1.example:80",
        ] {
            assert!(exposed(endpoint), "{endpoint}");
        }
        for endpoint in [
            "https://s3.example",
            "http://127.0.0.1:8333",
            "http://127.9.9.9",
            "http://LocalHost:1",
            "http://[::1]:8333",
        ] {
            assert!(!exposed(endpoint), "{endpoint}");
        }
    }

    #[test]
    fn an_endpoint_with_a_password_is_refused_and_not_shown() {
        let wrong = [
            "https://u:hunter2@host",
            "host:9000",
            "ftp://host",
            "https://",
            "https://host/bucket",
            "https://h?x=hunter2",
        ];
        for endpoint in wrong {
            let problem = Address::new(&place(endpoint, ""), &Environment::default()).unwrap_err();
            assert_eq!(problem.kind, Kind::Usage, "{endpoint}");
            assert!(!format!("{problem:?}").contains("hunter2"));
        }
    }

    #[test]
    fn without_an_endpoint_a_region_is_asked_for() {
        assert_eq!(Address::new(&place("", ""), &Environment::default()).unwrap_err().kind, Kind::Usage);
        let told = Environment::new([("AWS_REGION".into(), "eu-central-1".into())]);
        let address = Address::new(&place("", ""), &told).unwrap();
        assert_eq!((address.region.as_str(), address.path_style), ("eu-central-1", false));
    }
}
