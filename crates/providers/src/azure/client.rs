//! One container as requests reach it: addresses, signatures, answers.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, Response};
use tandem_core::environment::SharedEnvironment;
use tandem_core::error::{Cause, ErrorKind, Result, StorageError};
use url::Url;

use super::errors::{Refusal, refused};
use super::headers::value;
use super::settings::Settings;
use super::versions::Learnt;
use super::xml::{self, Element};
use crate::objects::guard::Guard;
use crate::objects::store::Facts;
use crate::rest::{self, Payload, Request};

/// The version of the interface: the newest of before 2024, with names that XML cannot hold (2021-02-12) and blocks of
/// 4,000 MiB (2019-12-12) ("Versioning for Azure Storage").
const VERSION: &str = "2023-11-03";

/// The largest answer that is held in memory: 5,000 blobs with their metadata, which has at most 8 KiB each ("List
/// Blobs" and "Setting and retrieving properties and metadata").
const LARGEST_ANSWER: usize = 64 << 20;

/// How much of a refusal is read for what it says.
const LARGEST_REFUSAL: usize = 16 << 10;

/// What stands in the path of an address as it is.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// A container that requests can be sent to.
pub(super) struct Container {
    pub(super) settings: Settings,
    pub(super) facts: Facts,
    pub(super) environment: SharedEnvironment,
    pub(super) learnt: Learnt,
    http: Client,
}

/// One request before it is signed.
pub(super) struct Call<'a> {
    pub(super) operation: &'static str,
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) payload: Payload<'a>,
}

/// An answer that is no refusal.
pub(super) struct Answer {
    pub(super) response: Response,
    /// The MD5 of the content that was sent.
    pub(super) sent: Option<[u8; 16]>,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// The id of the version that a write made, where the account keeps versions ("Blob versioning", Version ID).
    pub(super) fn version(&self) -> Option<String> {
        self.header("x-ms-version-id").map(str::to_owned)
    }

    /// The ETag without its quotes, or nothing.
    pub(super) fn tag(&self) -> String {
        unquoted(self.header("etag").unwrap_or_default()).to_owned()
    }
}

impl<'a> Call<'a> {
    pub(super) fn new(operation: &'static str, method: Method, url: Url) -> Self {
        Self {
            operation,
            method,
            url,
            headers: HeaderMap::new(),
            payload: Payload::Text(String::new()),
        }
    }

    pub(super) fn header(mut self, name: &'static str, text: &str) -> Result<Self> {
        let value = value(self.operation, text)?;
        self.headers.insert(HeaderName::from_static(name), value);
        Ok(self)
    }

    pub(super) fn carrying(mut self, payload: Payload<'a>) -> Self {
        self.payload = payload;
        self
    }

    /// What must be at the blob ("Specifying conditional headers for Blob service operations").
    pub(super) fn only_if(self, guard: &Guard) -> Result<Self> {
        match guard {
            Guard::Absent => self.header("if-none-match", "*"),
            Guard::Tag(tag) => self.header("if-match", &quoted(tag)),
            Guard::Any => Ok(self),
        }
    }
}

impl Container {
    pub(super) fn new(
        settings: Settings,
        facts: Facts,
        environment: SharedEnvironment,
    ) -> Result<Self> {
        Ok(Self {
            http: rest::http_client(settings.loopback)?,
            settings,
            facts,
            environment,
            learnt: Learnt::default(),
        })
    }

    /// The address of the container, with these parameters.
    pub(super) fn container(&self, query: &[(&str, &str)]) -> Result<Url> {
        self.address("", query)
    }

    /// The address of the blob with this key.
    pub(super) fn blob(&self, key: &str, query: &[(&str, &str)]) -> Result<Url> {
        self.address(&format!("/{}", utf8_percent_encode(key, IN_PATH)), query)
    }

    /// The address of a version of it, or of what is there now.
    pub(super) fn blob_as_of(&self, key: &str, version: Option<&str>) -> Result<Url> {
        match version {
            Some(id) => self.blob(key, &[("versionid", id)]),
            None => self.blob(key, &[]),
        }
    }

    fn address(&self, rest: &str, query: &[(&str, &str)]) -> Result<Url> {
        let Settings {
            endpoint,
            container,
            ..
        } = &self.settings;
        let mut url = Url::parse(&format!("{endpoint}/{container}{rest}"))
            .map_err(|error| StorageError::new("open", Cause::NameRefused, error.to_string()))?;
        if !query.is_empty() {
            let pair = |(name, value): &(&str, &str)| {
                format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC))
            };
            let pairs: Vec<String> = query.iter().map(pair).collect();
            url.set_query(Some(&pairs.join("&")));
        }
        Ok(url)
    }

    /// Signs and sends `call`.
    pub(super) async fn send(&self, call: Call<'_>) -> Result<Answer> {
        let Call {
            operation,
            method,
            mut url,
            mut headers,
            payload,
        } = call;
        let length = match &payload {
            Payload::Text(text) => text.len() as u64,
            Payload::Content(content, _) => content.len(),
        };
        let now = std::time::UNIX_EPOCH
            + std::time::Duration::from_secs(self.environment.now().secs().max(0).unsigned_abs());
        headers.insert(
            "x-ms-date",
            value(operation, &httpdate::fmt_http_date(now))?,
        );
        headers.insert("x-ms-version", HeaderValue::from_static(VERSION));
        headers.insert("content-length", length.into());
        let settings = &self.settings;
        let signature = settings
            .auth
            .sign(&settings.account, &method, &mut url, &headers);
        if let Some(signature) = signature {
            headers.insert(AUTHORIZATION, value(operation, &signature)?);
        }
        let request = Request {
            operation,
            method,
            url,
            headers,
            payload,
        };
        let (response, sent) = rest::send(&self.http, request).await?;
        if response.status().is_success() {
            return Ok(Answer { response, sent });
        }
        Err(self.refusal(operation, response).await)
    }

    async fn refusal(&self, operation: &'static str, response: Response) -> StorageError {
        let (status, headers) = (response.status(), response.headers().clone());
        let said = rest::read(operation, response, LARGEST_REFUSAL)
            .await
            .unwrap_or_default();
        let said = xml::read(&said).unwrap_or_default();
        let refusal = Refusal {
            status,
            headers: &headers,
            // Behind the first line are the id and the time of the request.
            message: said
                .text("Message")
                .and_then(|text| text.lines().next())
                .unwrap_or_default(),
        };
        let (settings, now) = (&self.settings, self.environment.now());
        refused(
            operation,
            &settings.container,
            &settings.auth,
            now,
            &refusal,
        )
    }

    /// Sends `call` and reads its answer.
    pub(super) async fn ask(&self, call: Call<'_>) -> Result<Element> {
        let operation = call.operation;
        let answer = self.send(call).await?;
        let body = rest::read(operation, answer.response, LARGEST_ANSWER).await?;
        // One that was cut on its way is worth another try.
        xml::read(&body).map_err(|why| {
            StorageError::new(operation, Cause::BadResponse, why)
                .of_kind(ErrorKind::Transient { retry_after: None })
        })
    }
}

impl std::fmt::Debug for Container {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Container")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// An ETag without its quotes: headers have them, listings do not.
pub(super) fn unquoted(tag: &str) -> &str {
    tag.trim().trim_matches('"')
}

/// An ETag as a condition names it.
pub(super) fn quoted(tag: &str) -> String {
    format!("\"{tag}\"")
}
