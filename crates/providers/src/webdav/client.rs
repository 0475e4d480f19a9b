//! One server as requests reach it: the HTTP client, who asks, the account's limiter, time limits, health.
//!
//! Every request of this provider goes through [`Server::once`]. No redirect is followed, so credentials never reach
//! another host (P19).

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Method, StatusCode};
use tandem_core::environment::SharedEnvironment;
use tandem_core::error::{Cause, ErrorKind, Result, StorageError};
use tokio::sync::watch;
use url::Url;

use super::auth::{Auth, Shown};
use super::errors::{bad_answer, refused};
use super::services::Flavour;
use super::settings::Settings;
use super::xml::{self, Response};
use crate::body::{Prepared, Progress};
use crate::health::HealthRecord;
use crate::http::chain;
use crate::rest::{http_client, unsent};
use crate::retry::{Account, Attempt};

/// How long an answer may take that carries no file.
pub(super) const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// The slowest line that is still waited for, in bytes per second.
const SLOWEST_LINE: u64 = 16 << 10;

/// The largest answer that is held in memory: a folder of some 200,000 files.
const LARGEST_ANSWER: usize = 128 << 20;

/// How much of a refusal is read for what it says.
const LARGEST_REFUSAL: usize = 16 << 10;

/// How often one request is sent because the server asks otherwise who it is: without a word, with an old nonce, with
/// the right one.
const MOST_CHALLENGES: u32 = 3;

/// What a request carries.
#[derive(Clone)]
pub(super) enum Payload<'a> {
    None,
    Xml(String),
    Upload(&'a Prepared, Option<Arc<Progress>>),
}

/// One request.
#[derive(Clone)]
pub(super) struct Call<'a> {
    pub(super) operation: &'static str,
    pub(super) method: &'static str,
    pub(super) url: Url,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) payload: Payload<'a>,
}

impl<'a> Call<'a> {
    pub(super) fn new(operation: &'static str, method: &'static str, url: Url) -> Self {
        Self {
            operation,
            method,
            url,
            headers: Vec::new(),
            payload: Payload::None,
        }
    }

    pub(super) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn carrying(mut self, payload: Payload<'a>) -> Self {
        self.payload = payload;
        self
    }

    fn limit(&self) -> Duration {
        let bytes = match &self.payload {
            Payload::Upload(prepared, _) => prepared.len(),
            _ => 0,
        };
        ANSWER_LIMIT + Duration::from_secs(bytes / SLOWEST_LINE)
    }
}

/// An answer that is no refusal.
pub(super) struct Answer {
    pub(super) response: reqwest::Response,
    /// The MD5 of the bytes that were uploaded for it, where all were.
    pub(super) sent: Option<[u8; 16]>,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    pub(super) fn status(&self) -> StatusCode {
        self.response.status()
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

/// A server that requests can be sent to.
pub(super) struct Server {
    pub(super) settings: Settings,
    pub(super) environment: SharedEnvironment,
    pub(super) health: Arc<HealthRecord>,
    http: Client,
    auth: Auth,
    account: Arc<Account>,
    closed: watch::Sender<bool>,
}

impl Server {
    pub(super) fn new(
        settings: Settings,
        account: Arc<Account>,
        environment: SharedEnvironment,
    ) -> Result<Self> {
        Ok(Self {
            http: http_client(settings.loopback)?,
            auth: Auth::new(&settings),
            settings,
            environment,
            health: Arc::default(),
            account,
            closed: watch::Sender::new(false),
        })
    }

    /// Sends `call`, again while it fails for a reason that may pass.
    pub(super) async fn call(&self, call: &Call<'_>) -> Result<Answer> {
        self.run(|_| self.once(call)).await
    }

    /// Sends `call`, as often as `tries` says.
    pub(super) async fn ask(&self, tries: Tries, call: &Call<'_>) -> Result<Answer> {
        match tries {
            Tries::Many => self.call(call).await,
            Tries::Once => Box::pin(self.once(call)).await,
        }
    }

    /// Runs `request`, which makes one or more calls of [`Self::once`], under the account's limiter. Nothing in it
    /// may itself be tried several times.
    pub(super) async fn run<T, F, Fut>(&self, request: F) -> Result<T>
    where
        F: FnMut(Attempt) -> Fut + Send,
        Fut: Future<Output = Result<T>> + Send,
        T: Send,
    {
        self.account.run(request).await
    }

    /// Sends one request once.
    pub(super) async fn once(&self, call: &Call<'_>) -> Result<Answer> {
        let started = self.environment.uptime();
        let answer = self
            .within(call.operation, call.limit(), self.send(call))
            .await
            .and_then(|answer| answer);
        let latency = self.environment.uptime().saturating_sub(started);
        match &answer {
            Ok(_) => self.health.answered(self.environment.now(), latency),
            Err(error) => self.health.failed(error, self.environment.now(), latency),
        }
        answer
    }

    async fn send(&self, call: &Call<'_>) -> Result<Answer> {
        let mut challenges = 0;
        loop {
            let shown = self.shown(call);
            let (response, sent) = self.exchange(call, shown.as_ref()).await?;
            let status = response.status();
            challenges += 1;
            let is_asked = status == StatusCode::UNAUTHORIZED && challenges < MOST_CHALLENGES;
            if is_asked && self.auth.is_news(shown.as_ref(), response.headers()) {
                continue;
            }
            if status != StatusCode::UNAUTHORIZED {
                self.auth.was_accepted(shown.as_ref());
            }
            if status.is_success() {
                return Ok(Answer { response, sent });
            }
            return Err(self.refusal(call, response).await);
        }
    }

    fn shown(&self, call: &Call<'_>) -> Option<Shown> {
        let mut target = call.url.path().to_owned();
        if let Some(query) = call.url.query() {
            target = format!("{target}?{query}");
        }
        let random = self.environment.random();
        self.auth.show(call.method, &target, random)
    }

    async fn exchange(
        &self,
        call: &Call<'_>,
        shown: Option<&Shown>,
    ) -> Result<(reqwest::Response, Option<[u8; 16]>)> {
        let mut request = reqwest::Request::new(method(call)?, call.url.clone());
        let headers = request.headers_mut();
        for (name, value) in &call.headers {
            let value = HeaderValue::from_str(value)
                .map_err(|error| bad_answer(call.operation, format!("{name}: {error}")))?;
            headers.insert(*name, value);
        }
        if let Some(shown) = shown {
            headers.insert(AUTHORIZATION, shown.value.clone());
        }
        let mut flow = None;
        match &call.payload {
            Payload::None => {}
            Payload::Xml(text) => {
                let xml = HeaderValue::from_static("application/xml; charset=utf-8");
                headers.insert(CONTENT_TYPE, xml);
                *request.body_mut() = Some(text.clone().into());
            }
            Payload::Upload(prepared, progress) => {
                let (outgoing, flowing) = prepared.body(progress.clone()).await?;
                request
                    .headers_mut()
                    .insert(CONTENT_LENGTH, prepared.len().into());
                *request.body_mut() = Some(outgoing.into());
                flow = Some(flowing);
            }
        }
        match self.http.execute(request).await {
            Ok(response) => Ok((response, flow.and_then(|flow| flow.md5()))),
            Err(error) => Err(flow
                .and_then(|flow| flow.take_error())
                .unwrap_or_else(|| self.redacted(unsent(call.operation, &error)))),
        }
    }

    async fn refusal(&self, call: &Call<'_>, response: reqwest::Response) -> StorageError {
        let (status, headers) = (response.status(), response.headers().clone());
        let said = self.read(call.operation, response, LARGEST_REFUSAL).await;
        let said = said.map(|said| spoken(&said)).unwrap_or_default();
        let method = method(call).unwrap_or(Method::GET);
        let now = self.environment.now();
        self.redacted(refused(
            call.operation,
            &method,
            status,
            &headers,
            &said,
            now,
        ))
    }

    fn redacted(&self, mut error: StorageError) -> StorageError {
        error.detail = self.settings.redact(&error.detail);
        error
    }

    /// The whole of an answer, which may have at most `most` bytes.
    pub(super) async fn read(
        &self,
        operation: &'static str,
        mut response: reqwest::Response,
        most: usize,
    ) -> Result<Vec<u8>> {
        let mut all = Vec::new();
        while let Some(bytes) = self.next_piece(operation, &mut response).await? {
            if all.len() + bytes.len() > most {
                return Err(bad_answer(operation, "the answer has no end"));
            }
            all.extend_from_slice(&bytes);
        }
        Ok(all)
    }

    /// The next bytes of an answer. Not one piece may be waited for without end.
    pub(super) async fn next_piece(
        &self,
        operation: &'static str,
        response: &mut reqwest::Response,
    ) -> Result<Option<Bytes>> {
        let piece = self
            .within(operation, ANSWER_LIMIT, response.chunk())
            .await?;
        piece.map_err(|error| StorageError::new(operation, Cause::Offline, chain(&error)))
    }

    /// What a server says about `url` and, with a depth of 1, what lies directly in it.
    pub(super) async fn propfind(
        &self,
        tries: Tries,
        operation: &'static str,
        url: Url,
        depth: u8,
    ) -> Result<Vec<Response>> {
        let wanted = match self.settings.flavour {
            Flavour::Plain => xml::PROPFIND,
            Flavour::Cloud => xml::PROPFIND_CLOUD,
        };
        self.properties(tries, operation, url, depth, wanted).await
    }

    /// The same for other properties than those of an entry.
    pub(super) async fn properties(
        &self,
        tries: Tries,
        operation: &'static str,
        url: Url,
        depth: u8,
        wanted: &str,
    ) -> Result<Vec<Response>> {
        let call = Call::new(operation, "PROPFIND", url)
            .header("depth", depth.to_string())
            .carrying(Payload::Xml(wanted.to_owned()));
        let ask = || async {
            let answer = Box::pin(self.once(&call)).await?;
            if answer.status() != StatusCode::MULTI_STATUS {
                let detail = format!(
                    "{} to a PROPFIND: this is no WebDAV folder",
                    answer.status()
                );
                return Err(bad_answer(operation, detail));
            }
            let body = self
                .read(operation, answer.response, LARGEST_ANSWER)
                .await?;
            let body = String::from_utf8(body)
                .map_err(|_| bad_answer(operation, "the answer is no UTF-8"))?;
            // One that was cut on its way, or could not be finished, is worth another try.
            xml::multistatus(&body).map_err(|what| {
                bad_answer(operation, what).of_kind(ErrorKind::Transient { retry_after: None })
            })
        };
        match tries {
            Tries::Many => self.run(|_| ask()).await,
            Tries::Once => ask().await,
        }
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

    /// Ends every request, now and from now on.
    pub(super) fn close(&self) {
        self.closed.send_replace(true);
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

fn method(call: &Call<'_>) -> Result<Method> {
    Method::from_bytes(call.method.as_bytes())
        .map_err(|error| bad_answer(call.operation, error.to_string()))
}

/// What a refusal says for people: sabre/dav, and all that is built on it, puts a sentence into its own element.
fn spoken(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    let between = |from: &str, to: &str| {
        let (_, rest) = said.split_once(from)?;
        rest.split_once(to).map(|(text, _)| text.trim().to_owned())
    };
    between("<s:message>", "</s:message>").unwrap_or_default()
}
