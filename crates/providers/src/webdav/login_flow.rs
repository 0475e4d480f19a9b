//! Nextcloud's login flow v2 (docs.nextcloud.com/server/latest/developer_manual/client_apis/LoginFlow/index.html, "Login
//! flow v2"): the server is asked for an address that the person opens in the browser, and then asked again and again
//! whether they have let Tandem in. It answers once, with a password for Tandem alone.
//!
//! Every address that the server names must be one of its own, as protected as the one that was typed: whatever else it
//! says leads nowhere (P19). Tokens and passwords are in no error.

use std::time::Duration;

use async_trait::async_trait;
use percent_encoding::percent_encode;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT};
use reqwest::{Client, Response, StatusCode};
use serde::Deserialize;
use tandem_core::environment::SharedEnvironment;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::storage::{Config, Credentials, SignIn, SignedIn};
use url::Url;

use super::address::IN_A_NAME;
use super::auth::basic;
use super::errors::bad_answer;
use crate::http::{self, is_loopback};
use crate::rest::{http_client, read, unsent};

const OPERATION: &str = "sign_in";

/// So long the server waits for a person (nextcloud/server, core/Db/LoginFlowV2Mapper.php, `lifetime`).
const LONGEST: Duration = Duration::from_secs(20 * 60);

/// The pause between two questions, which grows up to the longest; after an error it grows further.
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
const LONGEST_AFTER_ERROR: Duration = Duration::from_secs(30);

/// How long one answer may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// The largest answer that is read: three short texts.
const LARGEST_ANSWER: usize = 64 << 10;

/// The name that the password gets in the settings of the account.
const CALLED: &str = "Tandem";

/// What begins a sign-in.
#[derive(Deserialize)]
struct Begun {
    poll: Poll,
    login: String,
}

#[derive(Deserialize)]
struct Poll {
    token: String,
    endpoint: String,
}

/// What ends one.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Granted {
    server: String,
    login_name: String,
    app_password: String,
}

/// What the account is called in addresses, which may differ from the name that one signs in with.
#[derive(Deserialize)]
struct Account {
    ocs: Ocs,
}

#[derive(Deserialize)]
struct Ocs {
    data: User,
}

#[derive(Deserialize)]
struct User {
    id: String,
}

/// A sign-in that is under way.
pub(super) struct LoginFlow {
    /// The address of the server, without a slash at its end.
    server: Url,
    login: Url,
    endpoint: Url,
    token: String,
    http: Client,
    environment: SharedEnvironment,
}

impl LoginFlow {
    /// Asks the server of `config` for a sign-in.
    pub(super) async fn begin(config: &Config, environment: SharedEnvironment) -> Result<Self> {
        let text = config.get("url").unwrap_or_default();
        let typed = http::address("url", text, "they go into username and password")
            .map_err(|detail| StorageError::new(OPERATION, Cause::Other, detail))?;
        let server = server_of(typed);
        let http = http_client(is_loopback(&server))?;
        let mut start = server.clone();
        start.set_path(&format!(
            "{}/index.php/login/v2",
            server.path().trim_end_matches('/')
        ));
        let answer = post(&http, start, String::new()).await?;
        if matches!(
            answer.status(),
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED
        ) {
            let detail = "this server has no sign-in by the browser";
            return Err(StorageError::new(OPERATION, Cause::Unsupported, detail));
        }
        let begun: Begun = parsed(answer).await?;
        Ok(Self {
            login: of_server(&server, &begun.login)?,
            endpoint: of_server(&server, &begun.poll.endpoint)?,
            token: begun.poll.token,
            server,
            http,
            environment,
        })
    }

    /// Asks whether the person is done; `None` if not yet.
    async fn ask(&self) -> Result<Option<Granted>> {
        let token = percent_encode(self.token.as_bytes(), IN_A_NAME);
        let answer = post(&self.http, self.endpoint.clone(), format!("token={token}")).await?;
        match answer.status() {
            // Until they are, and when the time is over.
            StatusCode::NOT_FOUND => Ok(None),
            StatusCode::OK => parsed(answer).await.map(Some),
            status => Err(of_status(status)),
        }
    }

    /// What follows from a password: the name goes with it, and where the files of the account are called otherwise, so
    /// does their address.
    async fn take(&self, granted: Granted) -> Result<SignedIn> {
        of_server(&self.server, &granted.server)?;
        let mut config = Config::default();
        config
            .0
            .insert("username".to_owned(), granted.login_name.clone());
        let id = self.account_id(&granted).await.unwrap_or_default();
        if !id.is_empty() && id != granted.login_name {
            let mut files = self.server.clone();
            let before = self.server.path().trim_end_matches('/');
            let id = percent_encode(id.as_bytes(), IN_A_NAME);
            files.set_path(&format!("{before}/remote.php/dav/files/{id}"));
            config.0.insert("url".to_owned(), files.into());
        }
        let password = ("password".to_owned(), granted.app_password);
        Ok(SignedIn {
            config,
            credentials: Credentials([password].into()),
        })
    }

    async fn account_id(&self, granted: &Granted) -> Option<String> {
        let mut url = self.server.clone();
        let before = self.server.path().trim_end_matches('/');
        url.set_path(&format!("{before}/ocs/v2.php/cloud/user"));
        url.set_query(Some("format=json"));
        let mut authorization =
            HeaderValue::from_str(&basic(&granted.login_name, &granted.app_password)).ok()?;
        authorization.set_sensitive(true);
        let request = self
            .http
            .get(url)
            .timeout(ANSWER_LIMIT)
            .header("ocs-apirequest", "true")
            .header(AUTHORIZATION, authorization);
        let answer = request.send().await.ok()?;
        let account: Account = parsed(answer).await.ok()?;
        Some(account.ocs.data.id)
    }
}

#[async_trait]
impl SignIn for LoginFlow {
    fn address(&self) -> &str {
        self.login.as_str()
    }

    async fn finished(&self) -> Result<SignedIn> {
        let until = self.environment.uptime() + LONGEST;
        let (mut pause, mut last) = (PAUSE, None);
        while self.environment.uptime() < until {
            self.environment.sleep(pause).await;
            match self.ask().await {
                Ok(Some(granted)) => return self.take(granted).await,
                Ok(None) => {
                    last = None;
                    pause = (pause * 3 / 2).min(LONGEST_PAUSE);
                }
                Err(error) if error.is_transient() => {
                    last = Some(error);
                    pause = (pause * 2).min(LONGEST_AFTER_ERROR);
                }
                Err(error) => return Err(error),
            }
        }
        let detail = "nobody finished the sign-in in the browser within 20 minutes";
        Err(last.unwrap_or_else(|| StorageError::new(OPERATION, Cause::Timeout, detail)))
    }
}

/// The address of the server in one that a person typed: that of a page, of the files, or of the server itself.
fn server_of(mut typed: Url) -> Url {
    let path = typed.path().to_owned();
    let ends = ["/index.php", "/remote.php", "/login"];
    let end = ends.iter().filter_map(|part| path.find(part)).min();
    let kept = path[..end.unwrap_or(path.len())].trim_end_matches('/');
    typed.set_path(kept);
    typed.set_query(None);
    typed.set_fragment(None);
    typed
}

/// An address that the server named, if it is one of its own.
fn of_server(server: &Url, named: &str) -> Result<Url> {
    let url = Url::parse(named).map_err(|_| bad_answer(OPERATION, "no address to sign in at"))?;
    if url.origin() == server.origin() && url.username().is_empty() && url.password().is_none() {
        return Ok(url);
    }
    let detail = format!(
        "the server names {} for its own address, and {} was given",
        url.origin().ascii_serialization(),
        server.origin().ascii_serialization()
    );
    Err(bad_answer(OPERATION, detail))
}

async fn post(http: &Client, url: Url, form: String) -> Result<Response> {
    let request = http
        .post(url)
        .timeout(ANSWER_LIMIT)
        .header(USER_AGENT, CALLED)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(form);
    request
        .send()
        .await
        .map_err(|error| unsent(OPERATION, &error))
}

async fn parsed<T: serde::de::DeserializeOwned>(answer: Response) -> Result<T> {
    if !answer.status().is_success() {
        return Err(of_status(answer.status()));
    }
    let text = read(OPERATION, answer, LARGEST_ANSWER).await?;
    // What it says stays out of the error: a password may be in it.
    serde_json::from_slice(&text).map_err(|_| bad_answer(OPERATION, "not the answer of a sign-in"))
}

fn of_status(status: StatusCode) -> StorageError {
    let cause = match status {
        StatusCode::TOO_MANY_REQUESTS => Cause::RateLimited,
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => Cause::AuthDenied,
        status if status.is_server_error() => Cause::Server,
        _ => Cause::BadResponse,
    };
    StorageError::new(
        OPERATION,
        cause,
        format!("the server answers {}", status.as_u16()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn the_server_is_found_in_whatever_address_was_typed() {
        for (typed, server) in [
            ("https://cloud.example.org", "https://cloud.example.org/"),
            ("https://h/nc/index.php/apps/files/?dir=/", "https://h/nc"),
            ("https://h/nc/remote.php/dav/files/me/", "https://h/nc"),
            ("https://h/login#x", "https://h/"),
        ] {
            assert_eq!(server_of(url(typed)).as_str(), server);
        }
    }

    #[test]
    fn an_address_of_another_server_or_less_protected_is_not_opened() {
        let server = url("https://cloud.example.org/nc");
        assert!(of_server(&server, "https://cloud.example.org/nc/login/v2/flow/t").is_ok());
        for named in [
            "https://evil.example.org/login/v2/flow/t",
            "http://cloud.example.org/login/v2/flow/t",
            "https://cloud.example.org:8443/login",
            "https://me@cloud.example.org/login",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "no address",
        ] {
            assert!(of_server(&server, named).is_err(), "{named}");
        }
    }
}
