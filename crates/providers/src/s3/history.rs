//! What a bucket with versions keeps of its keys.

use std::collections::BTreeMap;

use aws_sdk_s3::types::EncodingType;
use tandem_core::error::{Cause, Result, StorageError};

use super::client::ANSWER_LIMIT;
use super::follow::{Follow, check_held};
use super::keys::decoded;
use super::pages::ListedObject;
use super::revision::unquoted;
use super::root::S3Root;

/// The version id of what was written while the bucket kept no versions.
pub(super) const NO_VERSION: &str = "null";

/// A line of the bucket's history.
#[derive(Debug, Clone)]
pub(super) struct Past {
    pub(super) object: ListedObject,
    pub(super) id: String,
    pub(super) is_latest: bool,
    pub(super) is_marker: bool,
}

/// How far a history reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// One key.
    Key,
    /// Every key that begins so.
    Below,
}

/// Where the next page of a history begins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Marker {
    key: Option<String>,
    id: Option<String>,
}

/// A page of the bucket's history.
#[derive(Debug)]
struct HistoryPage {
    lines: Vec<Past>,
    next: Option<Marker>,
}

impl S3Root {
    /// Whether the version `id` is what a reader of `key` gets now.
    pub(super) async fn is_current(&self, key: &str, id: &str) -> Result<bool> {
        let Some(found) = self.store.bucket.head(key, None).await? else {
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
        let mut after = Marker::default();
        let (mut follow, mut held) = (Follow::default(), 0);
        loop {
            let page = self.history_page(key, &after).await?;
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
            if next.key.is_none() {
                let why = "a page with more to come and no way to ask for it";
                return Err(StorageError::new("versions", Cause::BadResponse, why));
            }
            check_held(held, "versions")?;
            follow.to(&next, brought, "versions")?;
            after = next;
        }
        for history in histories.values_mut() {
            // Stable: lines of one second keep the server's order, newest first.
            history.sort_by(|a, b| {
                b.is_latest
                    .cmp(&a.is_latest)
                    .then(b.object.written.cmp(&a.object.written))
            });
        }
        Ok(histories)
    }

    async fn history_page(&self, prefix: &str, after: &Marker) -> Result<HistoryPage> {
        let bucket = &self.store.bucket;
        let page = bucket
            .call("versions", ANSWER_LIMIT, || {
                bucket
                    .client
                    .list_object_versions()
                    .bucket(bucket.name())
                    .prefix(prefix)
                    .encoding_type(EncodingType::Url)
                    .set_key_marker(after.key.clone())
                    .set_version_id_marker(after.id.clone())
                    .send()
            })
            .await?;
        let is_encoded = page.encoding_type() == Some(&EncodingType::Url);
        let key_of = |key: &str| {
            if is_encoded {
                decoded(key)
            } else {
                key.as_bytes().to_vec()
            }
        };
        let versions = page.versions().iter().map(|version| Past {
            object: ListedObject {
                key: key_of(version.key().unwrap_or_default()),
                size: version
                    .size()
                    .and_then(|size| u64::try_from(size).ok())
                    .unwrap_or_default(),
                tag: version.e_tag().map(|tag| unquoted(tag).to_owned()),
                written: version.last_modified().copied(),
            },
            id: version.version_id().unwrap_or(NO_VERSION).to_owned(),
            is_latest: version.is_latest() == Some(true),
            is_marker: false,
        });
        let markers = page.delete_markers().iter().map(|marker| Past {
            object: ListedObject {
                key: key_of(marker.key().unwrap_or_default()),
                size: 0,
                tag: None,
                written: marker.last_modified().copied(),
            },
            id: marker.version_id().unwrap_or(NO_VERSION).to_owned(),
            is_latest: marker.is_latest() == Some(true),
            is_marker: true,
        });
        let next = (page.is_truncated() == Some(true)).then(|| Marker {
            key: page
                .next_key_marker()
                .map(|key| String::from_utf8_lossy(&key_of(key)).into_owned()),
            id: page.next_version_id_marker().map(str::to_owned),
        });
        Ok(HistoryPage {
            lines: versions.chain(markers).collect(),
            next,
        })
    }
}
