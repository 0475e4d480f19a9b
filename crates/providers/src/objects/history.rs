//! What a bucket with versions keeps of its keys.

use std::collections::BTreeMap;

use tandem_core::error::Result;

use super::follow::{Follow, check_held};
use super::object::{ListedObject, Past};
use super::root::BucketRoot;

/// How far a history reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// One key.
    Key,
    /// Every key that begins so.
    Below,
}

impl BucketRoot {
    /// Whether the version `id` is what a reader of `key` gets now.
    pub(super) async fn is_current(&self, key: &str, id: &str) -> Result<bool> {
        let Some(found) = self.bucket.head(key, None).await? else {
            return Ok(false);
        };
        match found.version {
            Some(current) => Ok(current == id),
            // A store that does not name the version tells by its history.
            None => Ok(self
                .history_of(key)
                .await?
                .iter()
                .any(|past| past.is_latest && past.id == id)),
        }
    }

    /// The history of one key, newest line first.
    pub(super) async fn history_of(&self, key: &str) -> Result<Vec<Past>> {
        let mut histories = self.history(key, Reach::Key).await?;
        Ok(histories.remove(key.as_bytes()).unwrap_or_default())
    }

    /// The history of `key`, or of every key that begins with it; newest line first.
    pub(super) async fn history(
        &self,
        key: &str,
        reach: Reach,
    ) -> Result<BTreeMap<Vec<u8>, Vec<Past>>> {
        let mut histories: BTreeMap<Vec<u8>, Vec<Past>> = BTreeMap::new();
        let mut after: Option<String> = None;
        let (mut follow, mut held) = (Follow::default(), 0);
        loop {
            let bucket = &self.bucket;
            let asked = bucket.call("versions", || bucket.objects.history(key, after.as_deref()));
            let page = asked.await?;
            let brought = page.lines.len();
            held += brought;
            for past in page.lines {
                histories
                    .entry(past.object.key.clone())
                    .or_default()
                    .push(past);
            }
            // Keys come in order and the key itself before all that only begin with it, of which there may be
            // a whole bucket.
            let is_past_it = histories.keys().any(|found| found != key.as_bytes());
            if reach == Reach::Key && is_past_it {
                histories.retain(|found, _| found == key.as_bytes());
                break;
            }
            let Some(next) = page.next else { break };
            check_held(held, "versions")?;
            follow.to(&next, brought, "versions")?;
            after = Some(next);
        }
        for history in histories.values_mut() {
            // Stable: lines of one second keep the server's order, newest first.
            history.sort_by(|a, b| {
                b.is_latest
                    .cmp(&a.is_latest)
                    .then(b.object.written.cmp(&a.object.written))
            });
            if let Some(deleted) = deleted(history) {
                history.insert(0, deleted);
            }
        }
        Ok(histories)
    }
}

/// The line of a delete, for a store that marks none: then no version is the current one. When it was deleted such a store
/// does not tell; not before the newest version was written.
fn deleted(history: &[Past]) -> Option<Past> {
    let newest = history.first().filter(|newest| !newest.is_latest)?;
    Some(Past {
        object: ListedObject {
            size: 0,
            tag: None,
            hashes: Vec::new(),
            metadata: None,
            ..newest.object.clone()
        },
        id: format!("deleted {}", newest.id),
        is_latest: true,
        is_marker: true,
    })
}
