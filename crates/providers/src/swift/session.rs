//! Being signed in: a token, and where the account is.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use reqwest::header::HeaderValue;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::time::Timestamp;
use tokio::sync::Mutex;
use url::Url;

/// A token is renewed so many seconds before it ends: an upload that began with it has to be let in.
const BEFORE_ITS_END: i64 = 60;

/// A token, and what it is good for.
pub(super) struct Session {
    pub(super) header: HeaderValue,
    /// The address of the account.
    pub(super) account: Url,
    /// When the token ends, if that was said.
    pub(super) until: Option<Timestamp>,
    token: String,
}

impl Session {
    pub(super) fn new(token: String, account: Url, until: Option<Timestamp>) -> Result<Self> {
        let mut header = HeaderValue::from_str(&token).map_err(|_| {
            StorageError::new("sign_in", Cause::BadResponse, "a token that is none")
        })?;
        header.set_sensitive(true);
        Ok(Self {
            header,
            account,
            until,
            token,
        })
    }

    fn is_good(&self, now: Timestamp) -> bool {
        self.until
            .is_none_or(|until| now.secs().saturating_add(BEFORE_ITS_END) < until.secs())
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("account", &self.account.as_str())
            .finish_non_exhaustive()
    }
}

/// The session that all requests of a storage share.
#[derive(Debug, Default)]
pub(super) struct Current {
    session: RwLock<Option<Arc<Session>>>,
    /// Held while signing in: many requests find a token expired at once, and clouds give out only so many.
    signing_in: Mutex<()>,
}

impl Current {
    /// A session that is good now; else the one that `sign_in` gets.
    pub(super) async fn get<Fut>(
        &self,
        now: Timestamp,
        sign_in: impl FnOnce() -> Fut + Send,
    ) -> Result<Arc<Session>>
    where
        Fut: Future<Output = Result<Session>> + Send,
    {
        if let Some(session) = self.good(now) {
            return Ok(session);
        }
        let _alone = self.signing_in.lock().await;
        if let Some(session) = self.good(now) {
            return Ok(session);
        }
        let session = Arc::new(sign_in().await?);
        *self.session.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&session));
        Ok(session)
    }

    fn good(&self, now: Timestamp) -> Option<Arc<Session>> {
        let session = self.session.read().unwrap_or_else(PoisonError::into_inner);
        session
            .as_ref()
            .filter(|session| session.is_good(now))
            .cloned()
    }

    /// `session` is of no use any more. One that came after it stays.
    pub(super) fn forget(&self, session: &Arc<Session>) {
        let mut current = self.session.write().unwrap_or_else(PoisonError::into_inner);
        if current
            .as_ref()
            .is_some_and(|current| Arc::ptr_eq(current, session))
        {
            *current = None;
        }
    }

    /// Takes the token out of `text`.
    pub(super) fn redact(&self, text: &str) -> String {
        let session = self.session.read().unwrap_or_else(PoisonError::into_inner);
        match session.as_ref() {
            Some(session) => text.replace(&session.token, "REDACTED"),
            None => text.to_owned(),
        }
    }
}
