//! One bucket as requests reach it: addresses, the token, answers.

use std::sync::Arc;

use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Body, Client, Method, Response, StatusCode};
use serde_json::Value;
use tandem_core::environment::SharedEnvironment;
use tandem_core::error::{Cause, ErrorKind, Result, StorageError};
use url::Url;

use super::carried::{Carried, SentCrc};
use super::errors::{Refusal, refused};
use super::settings::Settings;
use super::token::Token;
use crate::body::{Prepared, Progress};
use crate::objects::store::Facts;
use crate::rest::{self, unsent};

/// The largest answer that is held in memory: 1,000 objects with 8 KiB of metadata each ("Quotas & limits").
const LARGEST_ANSWER: usize = 32 << 20;

/// How much of a refusal is read for what it says.
const LARGEST_REFUSAL: usize = 16 << 10;

/// What stands in one segment of a path as it is ("Encoding URI path parts", request-endpoints#encoding).
const IN_SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// A bucket that requests can be sent to.
pub(super) struct GcsBucket {
    pub(super) settings: Settings,
    pub(super) facts: Facts,
    pub(super) environment: SharedEnvironment,
    http: Client,
    token: Token,
}

/// What a request carries.
pub(super) enum Payload<'a> {
    Nothing,
    Json(Value),
    /// Content, and what stands before and after it.
    Content {
        before: Bytes,
        content: &'a Prepared,
        after: Bytes,
        progress: Option<Arc<Progress>>,
    },
}

/// One request before it has its token.
pub(super) struct Call<'a> {
    operation: &'static str,
    method: Method,
    url: Url,
    headers: HeaderMap,
    payload: Payload<'a>,
}

/// An answer that is no refusal.
pub(super) struct Answer {
    pub(super) response: Response,
    /// MD5 and CRC-32C of the content that was sent.
    pub(super) sent: Option<([u8; 16], u32)>,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// Whether an upload is not at its end ("Resumable uploads", performing-resumable-uploads).
    pub(super) fn is_incomplete(&self) -> bool {
        self.response.status() == StatusCode::PERMANENT_REDIRECT
    }
}

impl<'a> Call<'a> {
    pub(super) fn new(operation: &'static str, method: Method, url: Url) -> Self {
        Self {
            operation,
            method,
            url,
            headers: HeaderMap::new(),
            payload: Payload::Nothing,
        }
    }

    pub(super) fn with(mut self, parameters: &[(&str, String)]) -> Self {
        if !parameters.is_empty() {
            self.url.query_pairs_mut().extend_pairs(parameters);
        }
        self
    }

    pub(super) fn header(mut self, name: &'static str, text: &str) -> Result<Self> {
        let value = HeaderValue::from_str(text).map_err(|error| {
            StorageError::new(self.operation, Cause::BadResponse, error.to_string())
        })?;
        self.headers.insert(HeaderName::from_static(name), value);
        Ok(self)
    }

    pub(super) fn carrying(mut self, payload: Payload<'a>) -> Self {
        self.payload = payload;
        self
    }
}

impl GcsBucket {
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
            token: Token::default(),
        })
    }

    /// An address below the API's own, such as that of the bucket with `""`.
    pub(super) fn bucket(&self, rest: &str) -> Result<Url> {
        let bucket = segment(&self.settings.bucket);
        self.address(&format!("/storage/v1/b/{bucket}{rest}"))
    }

    /// The address of the object with this key.
    pub(super) fn object(&self, key: &str) -> Result<Url> {
        self.bucket(&format!("/o/{}", segment(key)))
    }

    /// The address for new content.
    pub(super) fn upload(&self) -> Result<Url> {
        let bucket = segment(&self.settings.bucket);
        self.address(&format!("/upload/storage/v1/b/{bucket}/o"))
    }

    /// The address at which this path and query lie.
    pub(super) fn address(&self, path: &str) -> Result<Url> {
        Url::parse(&format!("{}{path}", self.settings.endpoint))
            .map_err(|error| StorageError::new("open", Cause::NameRefused, error.to_string()))
    }

    /// What a server said, without any secret.
    pub(super) fn redacted(&self, text: &str) -> String {
        let text = self.settings.redact(text);
        match self.token.known() {
            Some(token) => text.replace(&token, "REDACTED"),
            None => text,
        }
    }

    /// Sends `call`. Where the token is not taken although it should be good, once more with another: rights are given
    /// and taken away, and keys deleted, at any time.
    pub(super) async fn send(&self, mut call: Call<'_>) -> Result<Answer> {
        let operation = call.operation;
        let key = &self.settings.key;
        let mut is_first = true;
        loop {
            let token = self
                .token
                .get(operation, &self.http, key, &self.environment);
            let token = token.await?;
            let shown = HeaderValue::from_str(&format!("Bearer {token}"));
            let mut shown = shown.map_err(|_| {
                StorageError::new(operation, Cause::BadResponse, "a token that is none")
            })?;
            shown.set_sensitive(true);
            call.headers.insert(AUTHORIZATION, shown);
            let (response, sent) = self.exchange(&call).await?;
            let status = response.status();
            if status.is_success() || status == StatusCode::PERMANENT_REDIRECT {
                return Ok(Answer { response, sent });
            }
            if status == StatusCode::UNAUTHORIZED && std::mem::take(&mut is_first) {
                self.token.refused(&token).await;
                continue;
            }
            return Err(self.refusal(operation, response).await);
        }
    }

    async fn exchange(&self, call: &Call<'_>) -> Result<(Response, Option<([u8; 16], u32)>)> {
        let mut request = reqwest::Request::new(call.method.clone(), call.url.clone());
        *request.headers_mut() = call.headers.clone();
        let crc = SentCrc::default();
        let mut flow = None;
        let length = match &call.payload {
            Payload::Nothing => 0,
            Payload::Json(value) => {
                let text = value.to_string();
                let length = text.len() as u64;
                *request.body_mut() = Some(text.into());
                length
            }
            Payload::Content {
                before,
                content,
                after,
                progress,
            } => {
                let (outgoing, flowing) = content.body(progress.clone()).await?;
                let body = Carried::new(before.clone(), outgoing, after.clone(), crc.clone());
                *request.body_mut() = Some(Body::wrap(body));
                flow = Some(flowing);
                before.len() as u64 + content.len() + after.len() as u64
            }
        };
        request.headers_mut().insert(CONTENT_LENGTH, length.into());
        match self.http.execute(request).await {
            Ok(response) => {
                let md5 = flow.and_then(|flow| flow.md5());
                Ok((response, md5.zip(crc.value())))
            }
            Err(error) => Err(flow
                .and_then(|flow| flow.take_error())
                .unwrap_or_else(|| unsent(call.operation, &error))),
        }
    }

    async fn refusal(&self, operation: &'static str, response: Response) -> StorageError {
        let (status, headers) = (response.status(), response.headers().clone());
        let body = rest::read(operation, response, LARGEST_REFUSAL).await;
        let refusal = Refusal {
            status,
            headers: &headers,
            body: &body.unwrap_or_default(),
        };
        let now = self.environment.now();
        refused(operation, &self.settings.bucket, now, &refusal)
    }

    /// Sends `call` and reads its answer.
    pub(super) async fn ask(&self, call: Call<'_>) -> Result<Value> {
        let operation = call.operation;
        let answer = self.send(call).await?;
        self.read(operation, answer).await
    }

    /// The resource in an answer.
    pub(super) async fn read(&self, operation: &'static str, answer: Answer) -> Result<Value> {
        let body = rest::read(operation, answer.response, LARGEST_ANSWER).await?;
        // One that was cut on its way is worth another try.
        serde_json::from_slice(&body).map_err(|error| {
            StorageError::new(operation, Cause::BadResponse, error.to_string())
                .of_kind(ErrorKind::Transient { retry_after: None })
        })
    }
}

impl std::fmt::Debug for GcsBucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GcsBucket")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// One segment of a path.
pub(super) fn segment(text: &str) -> String {
    utf8_percent_encode(text, IN_SEGMENT).to_string()
}
