//! One bucket as requests reach it: the SDK's client, the account's limiter, time limits, health.
//!
//! Every request of this provider goes through [`Bucket::call`]. The SDK retries nothing itself and follows no
//! redirect (its HTTP client has no such layer), so credentials never reach another host (P19).

use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::config::{
    AppName, BehaviorVersion, Credentials, Region, RequestChecksumCalculation,
    ResponseChecksumValidation, SharedHttpClient, StalledStreamProtectionConfig,
};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::{Client, Config};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::{Builder, Connector, tls};
use md5::{Digest, Md5};
use tandem_core::environment::SharedEnvironment;
use tandem_core::error::{Cause, Result, StorageError};
use tokio::sync::watch;

use super::answer_limit::AnswerLimit;
use super::errors;
use super::settings::Settings;
use crate::body::Outgoing;
use crate::health::HealthRecord;
use crate::retry::{Account, Attempt};
use crate::told::told;

/// How long a connection may take to come about.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// How long an answer may take that carries no file.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// The slowest line that is still waited for, in bytes per second.
const SLOWEST_LINE: u64 = 16 << 10;

/// A small fact that is found out once, from 0 for "not yet".
#[derive(Debug, Default)]
pub(super) struct Learnt(AtomicU8);

impl Learnt {
    pub(super) fn get(&self) -> Option<bool> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            value => Some(value == 2),
        }
    }

    pub(super) fn set(&self, value: bool) {
        self.0.store(if value { 2 } else { 1 }, Ordering::Relaxed);
    }

    /// What was thought to be learnt did not hold.
    pub(super) fn forget(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// How often a request is made while it fails for a reason that may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tries {
    /// As often as the account's limiter allows.
    Many,
    /// Once: it is a step of a request that is tried again as a whole.
    Once,
}

/// A bucket that requests can be sent to.
pub(super) struct Bucket {
    pub(super) client: Client,
    pub(super) settings: Settings,
    pub(super) environment: SharedEnvironment,
    pub(super) health: HealthRecord,
    /// Whether If-Match wants the ETag without quotes, as Ceph RGW 16 does.
    pub(super) bare_tags: Learnt,
    /// Whether a listing that was asked for url-encoded keys gives them as they are, as s3s-fs does.
    pub(super) raw_listing: Learnt,
    account: Arc<Account>,
    closed: watch::Sender<bool>,
}

impl Bucket {
    pub(super) fn new(
        settings: Settings,
        account: Arc<Account>,
        http: SharedHttpClient,
        environment: SharedEnvironment,
    ) -> Self {
        Self {
            client: Client::from_conf(config(&settings, http)),
            settings,
            environment,
            health: HealthRecord::default(),
            bare_tags: Learnt::default(),
            raw_listing: Learnt::default(),
            account,
            closed: watch::Sender::new(false),
        }
    }

    /// The bucket's name.
    pub(super) fn name(&self) -> &str {
        &self.settings.bucket
    }

    /// Sends the request that `send` makes, again while it fails for a reason that may pass.
    pub(super) async fn call<T, E, F, Fut>(
        &self,
        operation: &'static str,
        limit: Duration,
        mut send: F,
    ) -> Result<T>
    where
        F: FnMut() -> Fut + Send,
        Fut: Future<Output = std::result::Result<T, SdkError<E, HttpResponse>>> + Send,
        E: ProvideErrorMetadata + Error + Send + 'static,
        T: Send,
    {
        self.run(|_| {
            let sent = send();
            self.once(operation, limit, sent)
        })
        .await
    }

    /// Sends the request that `send` makes, as often as `tries` says.
    pub(super) async fn ask<T, E, F, Fut>(
        &self,
        tries: Tries,
        operation: &'static str,
        limit: Duration,
        mut send: F,
    ) -> Result<T>
    where
        F: FnMut() -> Fut + Send,
        Fut: Future<Output = std::result::Result<T, SdkError<E, HttpResponse>>> + Send,
        E: ProvideErrorMetadata + Error + Send + 'static,
        T: Send,
    {
        match tries {
            Tries::Many => self.call(operation, limit, send).await,
            Tries::Once => Box::pin(self.once(operation, limit, send())).await,
        }
    }

    /// Runs `request`, which makes one or more calls of [`Self::once`], under the account's limiter. Nothing in
    /// it may itself be tried several times: tries of tries would be too many for a server that is in trouble.
    pub(super) async fn run<T, F, Fut>(&self, request: F) -> Result<T>
    where
        F: FnMut(Attempt) -> Fut + Send,
        Fut: Future<Output = Result<T>> + Send,
        T: Send,
    {
        self.account.run(request).await
    }

    /// Sends one request once.
    pub(super) async fn once<T, E, Fut>(
        &self,
        operation: &'static str,
        limit: Duration,
        sent: Fut,
    ) -> Result<T>
    where
        Fut: Future<Output = std::result::Result<T, SdkError<E, HttpResponse>>> + Send,
        E: ProvideErrorMetadata + Error + Send + 'static,
        T: Send,
    {
        let started = self.environment.uptime();
        let answer = self
            .within(operation, limit, sent)
            .await
            .and_then(|answer| {
                answer.map_err(|error| {
                    let mut error =
                        errors::map(operation, self.name(), self.environment.now(), &error);
                    // In this order: of a secret that is cut through, half would be left.
                    error.detail = told(&self.settings.redact(&error.detail));
                    error
                })
            });
        let latency = self.environment.uptime().saturating_sub(started);
        match &answer {
            Ok(_) => self.health.answered(latency),
            Err(error) => self.health.failed(error, self.environment.now(), latency),
        }
        answer
    }

    /// Waits for `work`, but not longer than `limit` and not beyond the shutdown.
    pub(super) async fn within<T, Fut>(
        &self,
        operation: &'static str,
        limit: Duration,
        work: Fut,
    ) -> Result<T>
    where
        Fut: Future<Output = T> + Send,
        T: Send,
    {
        let mut closed = self.closed.subscribe();
        let work = Box::pin(work);
        tokio::select! {
            biased;
            _ = closed.wait_for(|closed| *closed) => {
                Err(StorageError::new(operation, Cause::Cancelled, "the storage was shut down"))
            }
            done = work => Ok(done),
            () = self.environment.sleep(limit) => {
                Err(StorageError::new(operation, Cause::Timeout, format!("no answer in {} s", limit.as_secs())))
            }
        }
    }

    /// The MD5 of what `body` brings; `None` if it breaks off. Not one piece of it may be waited for without end.
    pub(super) async fn md5_of(
        &self,
        operation: &'static str,
        mut body: ByteStream,
    ) -> Result<Option<[u8; 16]>> {
        let mut digest = Md5::new();
        while let Some(bytes) = self.within(operation, ANSWER_LIMIT, body.next()).await? {
            let Ok(bytes) = bytes else { return Ok(None) };
            digest.update(&bytes);
        }
        Ok(Some(digest.finalize().into()))
    }

    /// Ends every request, now and from now on.
    pub(super) fn close(&self) {
        self.closed.send_replace(true);
    }
}

impl std::fmt::Debug for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bucket")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl From<Outgoing> for ByteStream {
    fn from(body: Outgoing) -> Self {
        match body {
            Outgoing::Held(bytes) => bytes.into(),
            Outgoing::Flowing(sent) => Self::from_body_1_x(sent),
        }
    }
}

/// How long a request with a body of `bytes` may take.
pub(super) fn body_limit(bytes: u64) -> Duration {
    ANSWER_LIMIT + Duration::from_secs(bytes / SLOWEST_LINE)
}

/// The HTTP client: rustls with the system's root certificates, and the proxy that the environment names, except to
/// this computer itself.
pub(super) fn http_client(settings: &Settings) -> SharedHttpClient {
    let proxy = if settings.loopback {
        ProxyConfig::disabled()
    } else {
        ProxyConfig::from_env()
    };
    Builder::new().build_with_connector_fn(move |limits, components| {
        let mut builder = Connector::builder()
            .tls_provider(tls::Provider::Rustls(
                tls::rustls_provider::CryptoMode::Ring,
            ))
            .proxy_config(proxy.clone());
        builder.set_connector_settings(limits.cloned());
        if let Some(components) = components {
            builder.set_sleep_impl(components.sleep_impl());
        }
        builder.build()
    })
}

fn config(settings: &Settings, http: SharedHttpClient) -> Config {
    // Checksums in trailers are refused by stores other than Amazon's (Swift, Ceph RGW and Garage, as measured).
    let (sent, checked) = if settings.is_amazon() {
        (
            RequestChecksumCalculation::WhenSupported,
            ResponseChecksumValidation::WhenSupported,
        )
    } else {
        (
            RequestChecksumCalculation::WhenRequired,
            ResponseChecksumValidation::WhenRequired,
        )
    };
    let credentials = Credentials::new(
        settings.access_key_id.clone(),
        settings.secret_access_key.clone(),
        settings.session_token.clone(),
        None,
        "tandem",
    );
    let mut config = Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::new(settings.region.clone()))
        .credentials_provider(credentials)
        .force_path_style(settings.path_style)
        .request_checksum_calculation(sent)
        .response_checksum_validation(checked)
        .retry_config(RetryConfig::disabled())
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(CONNECT_LIMIT)
                .build(),
        )
        // Time limits of our own know how long a body is; this one takes a slow source for a slow line.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .interceptor(AnswerLimit)
        .http_client(http);
    config.set_endpoint_url(settings.endpoint.clone());
    config.set_app_name(AppName::new("tandem").ok());
    config.build()
}
