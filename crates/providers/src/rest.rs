//! HTTP for providers that have no SDK: the client, one request, and what is read of its answer.
//!
//! No redirect is followed, so credentials never reach another host (P19). Nothing is tried again, and only the answer's
//! pieces are limited in time: both is the caller's business.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use reqwest::header::{CONTENT_LENGTH, HeaderMap};
use reqwest::redirect::Policy;
use reqwest::{Body, Client, Method, Response};
use tandem_core::content::ByteStream;
use tandem_core::error::{Cause, Result, StorageError};
use url::Url;

use crate::body::{Outgoing, Prepared, Progress};
use crate::http::{chain, is_tls};
use crate::tls::client_config;

/// How long a connection may take to come about.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// What a request carries.
pub(crate) enum Payload<'a> {
    /// A short text, or nothing.
    Text(String),
    /// Content.
    Content(&'a Prepared, Option<Arc<Progress>>),
}

/// One request, signed and complete but for the length of what it carries.
pub(crate) struct Request<'a> {
    pub(crate) operation: &'static str,
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) payload: Payload<'a>,
}

/// The HTTP client: rustls with the system's root certificates, and the proxy that the environment names, except to
/// this computer itself.
pub(crate) fn http_client(is_loopback: bool) -> Result<Client> {
    let failed = |error: String| StorageError::new("open", Cause::Tls, error);
    let tls = client_config().map_err(|error| failed(error.to_string()))?;
    let mut client = Client::builder()
        .use_preconfigured_tls(tls)
        .redirect(Policy::none())
        .connect_timeout(CONNECT_LIMIT)
        .user_agent(concat!("tandem/", env!("CARGO_PKG_VERSION")))
        .http1_only();
    if is_loopback {
        client = client.no_proxy();
    }
    client.build().map_err(|error| failed(chain(&error)))
}

/// Sends `request`. Also the MD5 of content that was sent. Any status is an answer.
pub(crate) async fn send(
    client: &Client,
    request: Request<'_>,
) -> Result<(Response, Option<[u8; 16]>)> {
    let operation = request.operation;
    let mut sent = reqwest::Request::new(request.method, request.url);
    *sent.headers_mut() = request.headers;
    let mut flow = None;
    let length = match request.payload {
        Payload::Text(text) => {
            let length = text.len() as u64;
            *sent.body_mut() = Some(text.into());
            length
        }
        Payload::Content(content, progress) => {
            let (outgoing, flowing) = content.body(progress).await?;
            *sent.body_mut() = Some(outgoing.into());
            flow = Some(flowing);
            content.len()
        }
    };
    sent.headers_mut().insert(CONTENT_LENGTH, length.into());
    match client.execute(sent).await {
        Ok(response) => Ok((response, flow.and_then(|flow| flow.md5()))),
        Err(error) => Err(flow
            .and_then(|flow| flow.take_error())
            .unwrap_or_else(|| unsent(operation, &error))),
    }
}

/// What went wrong before there was an answer.
pub(crate) fn unsent(operation: &'static str, error: &reqwest::Error) -> StorageError {
    // Without the address: it says nothing that the operation and the path do not, and a key may be in it.
    let said = std::error::Error::source(error).map_or_else(|| error.to_string(), chain);
    let cause = if error.is_timeout() {
        Cause::Timeout
    } else if error.is_connect() && is_tls(&said) {
        Cause::Tls
    } else if error.is_builder() {
        Cause::Other
    } else {
        Cause::Offline
    };
    StorageError::new(operation, cause, said)
}

/// The whole of an answer, which may have at most `most` bytes.
pub(crate) async fn read(
    operation: &'static str,
    response: Response,
    most: usize,
) -> Result<Vec<u8>> {
    let mut body = body(operation, response);
    let mut all = Vec::new();
    while let Some(bytes) = body.try_next().await? {
        if all.len() + bytes.len() > most {
            let why = "the answer has no end";
            return Err(StorageError::new(operation, Cause::BadResponse, why));
        }
        all.extend_from_slice(&bytes);
    }
    Ok(all)
}

/// The content that an answer brings.
pub(crate) fn body(operation: &'static str, response: Response) -> ByteStream {
    let pieces = futures_util::stream::try_unfold(response, |mut response| async move {
        let piece = response.chunk().await?;
        Ok(piece.map(|piece| (piece, response)))
    });
    let broken =
        move |error: reqwest::Error| StorageError::new(operation, Cause::Offline, chain(&error));
    pieces.map_err(broken).boxed()
}

impl From<Outgoing> for Body {
    fn from(body: Outgoing) -> Self {
        match body {
            Outgoing::Held(bytes) => bytes.into(),
            Outgoing::Flowing(sent) => Self::wrap(sent),
        }
    }
}
