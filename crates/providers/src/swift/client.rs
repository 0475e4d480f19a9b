//! One account as requests reach it: the HTTP client and the session.
//!
//! No redirect is followed, so a token never reaches another host than the sign-in named (P19).

use std::fmt;
use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Response, StatusCode};
use tandem_core::environment::SharedEnvironment;
use tandem_core::error::{Cause, Result, StorageError};
use url::Url;

use super::errors::refused;
use super::session::{Current, Session};
use super::settings::Settings;
use super::sign_in;
use crate::body::{Prepared, Progress};
use crate::rest::{self, Payload, Request, http_client};

/// What stays as it is in the path of an address.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// The largest answer that is held in memory: a page of 10,000 objects with the longest names there can be.
const LARGEST_ANSWER: usize = 64 << 20;

/// How much of a refusal is read for what it says.
const LARGEST_REFUSAL: usize = 16 << 10;

/// What a request is about.
#[derive(Debug, Clone, Copy)]
pub(super) enum Target<'a> {
    /// What the cluster can do ("Discoverability", docs.openstack.org/api-ref/object-store).
    Info,
    Account,
    Container,
    Object(&'a str),
    /// An object of another container, by both names.
    Other(&'a str, &'a str),
}

/// What a request carries. It can be sent again.
pub(super) enum Carried<'a> {
    Text(String),
    Content(&'a Prepared, Option<Arc<Progress>>),
}

/// One request.
pub(super) struct Call<'a> {
    operation: &'static str,
    method: Method,
    target: Target<'a>,
    query: Vec<(&'static str, String)>,
    headers: HeaderMap,
    payload: Option<Carried<'a>>,
}

impl<'a> Call<'a> {
    pub(super) fn new(operation: &'static str, method: Method, target: Target<'a>) -> Self {
        Self {
            operation,
            method,
            target,
            query: Vec::new(),
            headers: HeaderMap::new(),
            payload: None,
        }
    }

    pub(super) fn query(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.query.push((key, value.into()));
        self
    }

    pub(super) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    pub(super) fn headers(mut self, headers: HeaderMap) -> Self {
        self.headers.extend(headers);
        self
    }

    pub(super) fn carrying(mut self, payload: Carried<'a>) -> Self {
        self.payload = Some(payload);
        self
    }
}

/// An answer that is no refusal.
pub(super) struct Answer {
    pub(super) response: Response,
    /// The MD5 of the content that was sent.
    pub(super) sent: Option<[u8; 16]>,
}

impl Answer {
    pub(super) fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }
}

/// An account that requests can be sent to.
pub(super) struct Account {
    pub(super) settings: Settings,
    environment: SharedEnvironment,
    http: reqwest::Client,
    current: Current,
}

impl Account {
    pub(super) fn new(settings: Settings, environment: SharedEnvironment) -> Result<Self> {
        Ok(Self {
            http: http_client(settings.loopback)?,
            settings,
            environment,
            current: Current::default(),
        })
    }

    pub(super) fn environment(&self) -> &SharedEnvironment {
        &self.environment
    }

    /// Takes every secret out of what a server said.
    pub(super) fn redact(&self, text: &str) -> String {
        self.current.redact(&self.settings.redact(text))
    }

    /// Sends one request; a second time with a new token if the first was refused for its token.
    pub(super) async fn send(&self, call: &Call<'_>) -> Result<Answer> {
        let mut is_renewed = false;
        loop {
            let now = self.environment.now();
            let session = self.current.get(now, || self.sign_in()).await;
            let session = session.map_err(|error| StorageError {
                operation: call.operation,
                ..error
            })?;
            let request = self.request(call, &session)?;
            let (response, sent) = match rest::send(&self.http, request).await {
                Ok(answered) => answered,
                Err(error) => {
                    // A server that refuses a token may hang up while content is still on its way.
                    self.current.forget(&session);
                    return Err(error);
                }
            };
            let status = response.status();
            if status == StatusCode::UNAUTHORIZED && !is_renewed {
                self.current.forget(&session);
                is_renewed = true;
                continue;
            }
            if status.is_success() {
                return Ok(Answer { response, sent });
            }
            return Err(self.refusal(call, response).await);
        }
    }

    async fn sign_in(&self) -> Result<Session> {
        let request = sign_in::request(&self.settings)?;
        let (response, _) = rest::send(&self.http, request).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let now = self.environment.now();
        if status.is_success() {
            let body = rest::read("sign_in", response, LARGEST_ANSWER).await?;
            return sign_in::session(&self.settings, &headers, &body, now);
        }
        let body = rest::read("sign_in", response, LARGEST_REFUSAL)
            .await
            .unwrap_or_default();
        let said =
            sign_in::spoken(&body).unwrap_or_else(|| String::from_utf8_lossy(&body).into_owned());
        let error = refused("sign_in", &Method::POST, status, &headers, &said, now);
        Err(match status.as_u16() {
            // Some answer so to a name or a key that they do not know.
            401 | 403 => sign_in::failed(Cause::AuthDenied, error.detail),
            _ if error.is_transient() => error,
            // Never a cause that says something of an object: one that is not found would look deleted.
            _ => sign_in::failed(Cause::Other, format!("auth_url: {}", error.detail)),
        })
    }

    fn request<'a>(&self, call: &Call<'a>, session: &Session) -> Result<Request<'a>> {
        let mut url = self.url(call.operation, session, call.target)?;
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        let mut headers = call.headers.clone();
        let token = HeaderName::from_static("x-auth-token");
        headers.insert(token, session.header.clone());
        let payload = match &call.payload {
            None => Payload::Text(String::new()),
            Some(Carried::Text(text)) => Payload::Text(text.clone()),
            Some(Carried::Content(content, progress)) => {
                Payload::Content(content, progress.clone())
            }
        };
        Ok(Request {
            operation: call.operation,
            method: call.method.clone(),
            url,
            headers,
            payload,
        })
    }

    fn url(&self, operation: &'static str, session: &Session, target: Target<'_>) -> Result<Url> {
        let mut url = session.account.clone();
        let account = url.path().trim_end_matches('/').to_owned();
        let own = &*self.settings.container;
        let path = match target {
            Target::Info => "/info".to_owned(),
            Target::Account => account,
            Target::Container => format!("{account}/{}", utf8_percent_encode(own, IN_PATH)),
            Target::Object(key) => format!("{account}{}", path_of(own, key)),
            Target::Other(container, key) => format!("{account}{}", path_of(container, key)),
        };
        url.set_path(&path);
        // Addresses are read as a browser reads them, which takes `..` for the folder above: it must not be asked there.
        if url.path() == path {
            return Ok(url);
        }
        let detail = "a key with such a segment cannot be asked for";
        Err(StorageError::new(operation, Cause::NameRefused, detail))
    }

    async fn refusal(&self, call: &Call<'_>, response: Response) -> StorageError {
        let (status, headers) = (response.status(), response.headers().clone());
        let said = rest::read(call.operation, response, LARGEST_REFUSAL).await;
        let said = said.map(|said| String::from_utf8_lossy(&said).into_owned());
        let now = self.environment.now();
        let said = said.unwrap_or_default();
        refused(call.operation, &call.method, status, &headers, &said, now)
    }

    /// Sends a request and reads the whole of what is answered.
    pub(super) async fn read(&self, call: &Call<'_>) -> Result<Vec<u8>> {
        let answer = self.send(call).await?;
        rest::read(call.operation, answer.response, LARGEST_ANSWER).await
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// `/container/key` as addresses and headers name an object.
pub(super) fn path_of(container: &str, key: &str) -> String {
    let encoded = |text| utf8_percent_encode(text, IN_PATH);
    format!("/{}/{}", encoded(container), encoded(key))
}
