//! Credentials of a bucket: fetched when they are needed, and again when the store says that they ended.

use super::Limits;
use crate::domain::{Kind, Problem, Result};
use crate::estate::{Environment, S3Access, Secret, SecretSource};
use aws_config::BehaviorVersion;
use aws_config::sts::AssumeRoleProvider;
use aws_config::timeout::TimeoutConfig;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::future;
use aws_sdk_s3::config::{
    Credentials, ProvideCredentials, Region, SharedCredentialsProvider, SharedHttpClient,
};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// Credentials that end within this time are fetched anew.
const MARGIN: Duration = Duration::from_secs(60);

/// Holds the credential of a bucket.
pub struct Keyring {
    access: S3Access,
    environment: Environment,
    http: SharedHttpClient,
    region: Region,
    limits: Limits,
    current: Mutex<Option<Credentials>>,
    chain: tokio::sync::OnceCell<SharedCredentialsProvider>,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyring").field("access", &self.access).finish_non_exhaustive()
    }
}

impl Keyring {
    /// A keyring that has fetched nothing yet.
    pub fn new(
        access: S3Access,
        environment: Environment,
        http: SharedHttpClient,
        region: Region,
        limits: Limits,
    ) -> Self {
        let (current, chain) = (Mutex::default(), tokio::sync::OnceCell::new());
        Self { access, environment, http, region, limits, current, chain }
    }

    /// Fetches the credential, unless it is there and lasts.
    ///
    /// # Errors
    /// Where it cannot be had, or is not given in time; no part of a secret is in the message.
    pub async fn ready(&self) -> Result<Credentials> {
        let lasts = |held: &Credentials| held.expiry().is_none_or(|end| end > SystemTime::now() + MARGIN);
        if let Some(held) = self.held().filter(lasts) {
            return Ok(held);
        }
        let within = self.limits.credential;
        let fetched = tokio::time::timeout(within, self.fetch()).await.unwrap_or_else(|_| {
            let seconds = within.as_secs_f32();
            let what = format!("the credential for the bucket was not given within {seconds} s");
            Err(Problem::new(Kind::Io, what).remedy(
                "see why what gives it hangs: the profile's credential_process, or the service that is asked; then run it again",
            ))
        })?;
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(fetched.clone());
        Ok(fetched)
    }

    /// Lets go of the credential: the next request fetches it anew.
    pub fn forget(&self) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The text without what an answer may have repeated of the credential.
    pub fn scrub(&self, mut text: String) -> String {
        let Some(held) = self.held() else { return text };
        let parts = [Some(held.secret_access_key()), held.session_token(), Some(held.access_key_id())];
        for part in parts.into_iter().flatten().filter(|part| !part.is_empty()) {
            text = text.replace(part, "(secret)");
        }
        text
    }

    fn held(&self) -> Option<Credentials> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn fetch(&self) -> Result<Credentials> {
        match &self.access {
            S3Access::Keys { id, secret, session } => {
                let session = match session {
                    Some(session) => Some(self.resolve(session).await?),
                    None => None,
                };
                Ok(credentials(self.resolve(id).await?, self.resolve(secret).await?, session))
            }
            S3Access::Joined(source) => split(&self.resolve(source).await?),
            S3Access::Environment => {
                let variable = |name| self.environment.get(name).map(Secret::new);
                match (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")) {
                    (Some(id), Some(secret)) => Ok(credentials(id, secret, variable("AWS_SESSION_TOKEN"))),
                    _ => self.by_chain(None, None).await,
                }
            }
            S3Access::Profile(name) => self.by_chain(Some(name), None).await,
            S3Access::Role { arn, profile } => self.by_chain(profile.as_deref(), Some(arn)).await,
        }
    }

    /// A secret may come from a program that takes its time.
    async fn resolve(&self, source: &SecretSource) -> Result<Secret> {
        let (source, environment) = (source.clone(), self.environment.clone());
        let fetched = tokio::task::spawn_blocking(move || source.resolve(&environment)).await;
        fetched.unwrap_or_else(|_| Err(Problem::new(Kind::Internal, "fetching a secret failed unexpectedly")))
    }

    /// As AWS's own tools find credentials.
    async fn by_chain(&self, profile: Option<&str>, role: Option<&str>) -> Result<Credentials> {
        let failed = |because: &str| {
            Problem::new(Kind::Usage, format!("there is no credential for the bucket: {because}"))
                .remedy("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile, a role or a pair of keys")
        };
        let found = self.chain.get_or_try_init(|| async {
            let mut loader = aws_config::defaults(BehaviorVersion::latest());
            loader = loader.http_client(self.http.clone()).region(self.region.clone());
            // One request that hangs is given up while there is time for another.
            let timeouts = TimeoutConfig::builder().connect_timeout(self.limits.connect);
            let timeouts = timeouts.operation_timeout(self.limits.credential);
            let timeouts = timeouts.operation_attempt_timeout(self.limits.credential / 3);
            loader = loader.timeout_config(timeouts.build());
            if let Some(profile) = profile {
                loader = loader.profile_name(profile);
            }
            let config = loader.load().await;
            match role {
                None => config.credentials_provider().ok_or_else(|| failed("nothing provides one")),
                Some(arn) => {
                    let role = AssumeRoleProvider::builder(arn).session_name("outlive").configure(&config);
                    Ok(SharedCredentialsProvider::new(role.build().await))
                }
            }
        });
        let provided = found.await?.provide_credentials().await;
        provided.map_err(|error| failed(&super::failure::chain(&error)))
    }
}

/// The keyring as the library asks it: for each request.
#[derive(Debug)]
pub struct Shared(pub Arc<Keyring>);

impl ProvideCredentials for Shared {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            self.0.ready().await.map_err(|problem| CredentialsError::not_loaded(problem.to_string()))
        })
    }
}

fn credentials(id: Secret, secret: Secret, session: Option<Secret>) -> Credentials {
    let session = session.map(|session| session.reveal().to_owned());
    Credentials::new(id.reveal(), secret.reveal(), session, None, "outlive")
}

/// `ID:SECRET`, or `ID:SECRET:SESSION`.
fn split(joined: &Secret) -> Result<Credentials> {
    let mut parts = joined.reveal().splitn(3, ':').map(Secret::new);
    match (parts.next(), parts.next(), parts.next()) {
        (Some(id), Some(secret), session) if !id.reveal().is_empty() && !secret.reveal().is_empty() => {
            Ok(credentials(id, secret, session))
        }
        _ => Err(Problem::new(
            Kind::Usage,
            "the secret for the bucket is not of the form ID:SECRET or ID:SECRET:SESSION",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_joined_secret_is_split_and_a_wrong_one_is_not_printed() {
        let held = split(&Secret::new("id:key/with+signs=")).unwrap();
        assert_eq!((held.access_key_id(), held.secret_access_key()), ("id", "key/with+signs="));
        assert_eq!(split(&Secret::new("id:key:a:b")).unwrap().session_token(), Some("a:b"));
        for wrong in ["hunter2", ":hunter2", "hunter2:"] {
            assert!(!format!("{:?}", split(&Secret::new(wrong)).unwrap_err()).contains("hunter2"));
        }
    }
}
