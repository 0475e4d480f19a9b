//! Removing objects that nothing names any more: many by one request where the cluster takes that ("Bulk delete",
//! docs.openstack.org/api-ref/object-store; `swift.common.middleware.bulk`), elsewhere one by one.

use futures_util::{StreamExt, stream};
use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use serde::Deserialize;
use tandem_core::error::{Cause, Result, StorageError};

use super::client::{Call, Carried, Target, path_of};
use super::errors::bad_answer;
use super::store::SwiftStore;

/// Objects that are removed at once by requests of their own.
const AT_ONCE: usize = 8;

/// The most that one request removes: more would take longer than an answer is waited for.
const MOST: usize = 1_000;

/// What came of many removals. The answer's own status is 200 whatever it was.
#[derive(Debug, Deserialize)]
struct Removed {
    #[serde(rename = "Response Status")]
    status: String,
    /// Names and statuses. What was not there is none of them.
    #[serde(rename = "Errors")]
    errors: Vec<(String, String)>,
}

impl SwiftStore {
    /// Removes segments, given as `/container/key`. What cannot be removed stays behind.
    pub(super) async fn remove_segments(&self, operation: &'static str, segments: Vec<String>) {
        if let Err(error) = self.remove_all(operation, &segments).await {
            let count = segments.len();
            tracing::warn!(%error, count, "segments that nothing names any more were left behind");
        }
    }

    async fn remove_all(&self, operation: &'static str, segments: &[String]) -> Result<()> {
        // One is no more work by itself.
        let most = match segments.len() {
            0 | 1 => None,
            _ => self.cluster(operation).await?.deletes_at_once,
        };
        let Some(most) = most else {
            return self.remove_each(operation, segments).await;
        };
        for some in segments.chunks(most.min(MOST)) {
            if let Err(error) = self.remove_many(operation, some).await {
                tracing::debug!(%error, "not removed by one request");
                self.remove_each(operation, some).await?;
            }
        }
        Ok(())
    }

    async fn remove_many(&self, operation: &'static str, segments: &[String]) -> Result<()> {
        let lines = segments.iter().filter_map(|segment| named(segment));
        let lines: Vec<_> = lines
            .map(|(container, key)| path_of(container, key))
            .collect();
        let call = Call::new(operation, Method::POST, Target::Account)
            .query("bulk-delete", "")
            .header(CONTENT_TYPE, HeaderValue::from_static("text/plain"))
            .header(ACCEPT, HeaderValue::from_static("application/json"))
            .carrying(Carried::Text(lines.join("\n")));
        let said = self.account.read(&call).await?;
        let removed: Removed = serde_json::from_slice(&said)
            .map_err(|error| bad_answer(operation, format!("of a bulk delete: {error}")))?;
        match removed.errors.first() {
            None if removed.status.starts_with('2') => Ok(()),
            None => Err(bad_answer(operation, removed.status)),
            Some((name, status)) => Err(bad_answer(operation, format!("{name}: {status}"))),
        }
    }

    /// The first error, after all of them were tried.
    async fn remove_each(&self, operation: &'static str, segments: &[String]) -> Result<()> {
        let removals = stream::iter(segments.to_vec())
            .map(|segment| async move { self.remove_one(operation, &segment).await });
        let removals: Vec<Result<()>> = removals.buffer_unordered(AT_ONCE).collect().await;
        removals.into_iter().collect()
    }

    async fn remove_one(&self, operation: &'static str, segment: &str) -> Result<()> {
        let Some((container, key)) = named(segment) else {
            return Ok(());
        };
        let target = Target::Other(container, key);
        let call = Call::new(operation, Method::DELETE, target);
        let gone = |error: &StorageError| error.cause == Cause::NotFound;
        match self.account.send(&call).await {
            Err(error) if !gone(&error) => Err(error),
            _ => Ok(()),
        }
    }
}

/// The two names in `/container/key`.
fn named(segment: &str) -> Option<(&str, &str)> {
    segment.trim_start_matches('/').split_once('/')
}
