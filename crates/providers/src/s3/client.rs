//! One bucket as the SDK reaches it. The SDK retries nothing itself and follows no redirect (its HTTP client has no such
//! layer), so credentials never reach another host (P19).

use std::collections::BTreeMap;
use std::error::Error;
use std::future::Future;
use std::sync::Mutex;
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
use tandem_core::environment::SharedEnvironment;
use tandem_core::error::Result;

use super::answer_limit::AnswerLimit;
use super::errors;
use super::facts::facts;
use super::settings::Settings;
use crate::body::Outgoing;
use crate::objects::store::Facts;

/// How long a connection may take to come about.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

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

/// Where a page begins: the prefix of its keys, and what the page before said.
pub(super) type Place = (String, Option<String>);

/// A bucket that requests can be sent to.
pub(super) struct S3Bucket {
    pub(super) client: Client,
    pub(super) settings: Settings,
    pub(super) facts: Facts,
    /// Whether If-Match wants the ETag without quotes, as Ceph RGW 16 does.
    pub(super) bare_tags: Learnt,
    /// Whether a listing that was asked for url-encoded keys gives them as they are, as s3s-fs does.
    pub(super) raw_listing: Learnt,
    /// How often in a row a page could not be listed unless it is encoded, by its prefix and its token.
    pub(super) unlisted: Mutex<BTreeMap<Place, u32>>,
    environment: SharedEnvironment,
}

impl S3Bucket {
    pub(super) fn new(
        settings: Settings,
        http: SharedHttpClient,
        environment: SharedEnvironment,
    ) -> Self {
        Self {
            client: Client::from_conf(config(&settings, http)),
            facts: facts(&settings),
            settings,
            environment,
            bare_tags: Learnt::default(),
            raw_listing: Learnt::default(),
            unlisted: Mutex::default(),
        }
    }

    /// The bucket's name.
    pub(super) fn name(&self) -> &str {
        &self.settings.bucket
    }

    /// The answer to a request, or what its failure means.
    pub(super) async fn answer<T, E, Fut>(&self, operation: &'static str, sent: Fut) -> Result<T>
    where
        Fut: Future<Output = std::result::Result<T, SdkError<E, HttpResponse>>> + Send,
        E: ProvideErrorMetadata + Error + Send + 'static,
        T: Send,
    {
        let now = self.environment.now();
        let answer = Box::pin(sent).await;
        answer.map_err(|error| errors::map(operation, self.name(), now, &error))
    }
}

impl std::fmt::Debug for S3Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("S3Bucket")
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
