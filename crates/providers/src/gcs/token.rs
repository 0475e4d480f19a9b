//! The access token: asked for when one is needed, and used for as long as it is good.

use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, Method};
use serde::Deserialize;
use tandem_core::environment::SharedEnvironment;
use tandem_core::error::{Cause, ErrorKind, Result, StorageError};
use tokio::sync::Mutex;

use super::errors::no_token;
use super::key::Key;
use crate::rest::{self, Payload, Request};

/// The largest answer with a token.
const LARGEST_ANSWER: usize = 64 << 10;

/// A token is not used in the last minutes of its life: a request takes a while.
const MARGIN: Duration = Duration::from_secs(300);

/// One that was given out.
#[derive(Debug, Clone)]
struct Given {
    token: String,
    /// On the clock that only runs forward.
    until: Duration,
}

/// What lets requests in.
#[derive(Debug, Default)]
pub(super) struct Token(Mutex<Option<Given>>);

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    #[serde(default)]
    expires_in: u64,
}

impl Token {
    /// One that is good for now.
    pub(super) async fn get(
        &self,
        operation: &'static str,
        http: &Client,
        key: &Key,
        environment: &SharedEnvironment,
    ) -> Result<String> {
        // Held while it is asked for: of many requests one asks.
        let mut given = self.0.lock().await;
        let now = environment.uptime();
        if let Some(given) = given.as_ref().filter(|given| given.until > now) {
            return Ok(given.token.clone());
        }
        let answer = ask(operation, http, key, environment).await?;
        let life = Duration::from_secs(answer.expires_in).saturating_sub(MARGIN);
        *given = Some(Given {
            token: answer.access_token.clone(),
            until: now.saturating_add(life),
        });
        Ok(answer.access_token)
    }

    /// The service did not take `token`: it is not shown again.
    pub(super) async fn refused(&self, token: &str) {
        let mut given = self.0.lock().await;
        given.take_if(|given| given.token == token);
    }

    /// The token, if there is one that nobody is asking for just now.
    pub(super) fn known(&self) -> Option<String> {
        let given = self.0.try_lock().ok()?;
        given.as_ref().map(|given| given.token.clone())
    }
}

async fn ask(
    operation: &'static str,
    http: &Client,
    key: &Key,
    environment: &SharedEnvironment,
) -> Result<Answer> {
    let claim = key.claim(environment.now()).ok_or_else(|| {
        let why = "the private key of the service account cannot sign";
        StorageError::new(operation, Cause::AuthDenied, why)
    })?;
    let mut headers = HeaderMap::new();
    let form = HeaderValue::from_static("application/x-www-form-urlencoded");
    headers.insert(CONTENT_TYPE, form);
    // A claim has no character that a form would write differently.
    let body = format!(
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={claim}"
    );
    let request = Request {
        operation,
        method: Method::POST,
        url: key.token_uri.clone(),
        headers,
        payload: Payload::Text(body),
    };
    let (response, _) = rest::send(http, request).await?;
    let status = response.status();
    let body = rest::read(operation, response, LARGEST_ANSWER).await?;
    if !status.is_success() {
        return Err(no_token(operation, &key.email, status.as_u16(), &body));
    }
    serde_json::from_slice(&body).map_err(|_| {
        StorageError::new(operation, Cause::BadResponse, "an answer without a token")
            .of_kind(ErrorKind::Transient { retry_after: None })
    })
}
