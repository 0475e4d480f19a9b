//! A bucket together with what is known of it: what its roots share.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_s3::types::BucketVersioningStatus;
use tandem_core::capabilities::Capabilities;
use tandem_core::entry::{Entry, HashKind, Kind};
use tandem_core::error::{Cause, Result};
use tandem_core::path::Name;

use super::answers::RootElement;
use super::client::{ANSWER_LIMIT, Bucket};
use super::object::server_time;
use super::pages::ListedObject;
use super::revision::{Marks, md5_of_tag};
use crate::hashes::md5_hash;
use crate::known::KnownFolders;

/// How long an answer about versioning is believed: someone may switch it at any time.
const VERSIONING_BELIEVED: Duration = Duration::from_secs(300);

/// A bucket, its capabilities, and what was learnt about it since it was opened.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) bucket: Bucket,
    pub(super) capabilities: Capabilities,
    pub(super) marks: Marks,
    pub(super) known: KnownFolders,
    versioning: Mutex<Option<(Duration, bool)>>,
}

impl Store {
    pub(super) fn new(bucket: Bucket, capabilities: Capabilities) -> Self {
        // The probe tells by the granularity that listings carry no ETags.
        let marks = if capabilities.revision_granularity == 0 {
            Marks::Tags
        } else {
            Marks::Times
        };
        let known = KnownFolders::default();
        Self {
            bucket,
            capabilities,
            marks,
            known,
            versioning: Mutex::new(None),
        }
    }

    /// Whether the bucket keeps the content that a write replaces.
    pub(super) async fn keeps_versions(&self) -> Result<bool> {
        let now = self.bucket.environment.uptime();
        let believed = *self
            .versioning
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some((at, keeps)) = believed
            && now.saturating_sub(at) < VERSIONING_BELIEVED
        {
            return Ok(keeps);
        }
        let bucket = &self.bucket;
        let answer = bucket
            .call("versions", ANSWER_LIMIT, || {
                let get = bucket.client.get_bucket_versioning().bucket(bucket.name());
                get.customize().interceptor(RootElement::VERSIONING).send()
            })
            .await;
        let keeps = match answer {
            Ok(answer) => answer.status() == Some(&BucketVersioningStatus::Enabled),
            // Who may not ask, or asks a store that has none, keeps versions by copying.
            Err(error)
                if matches!(
                    error.cause,
                    Cause::Forbidden | Cause::Unsupported | Cause::BadResponse | Cause::Other
                ) =>
            {
                false
            }
            Err(error) => return Err(error),
        };
        *self
            .versioning
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some((now, keeps));
        Ok(keeps)
    }

    /// Whether an ETag that looks like an MD5 is one here, as the probe found: it wrote an object as the bucket's
    /// default encryption has it, which was not by a key of KMS, and got its MD5.
    pub(super) fn etags_are_md5(&self) -> bool {
        self.capabilities.hashes.contains(&HashKind::Md5)
    }

    /// An object of a listing as an entry called `name`. Listings carry no metadata: neither mtime nor mode.
    ///
    /// Nor do they say how an object is encrypted. Where the probe found that ETags are MD5s, one that another
    /// program wrote with a key of KMS or of its own still looks like one and is not. Such an entry seems to differ
    /// from equal content, never to equal another; `stat` knows better, as a HEAD names the encryption.
    pub(super) fn listed_entry(&self, name: Name, object: &ListedObject) -> Entry {
        let md5 = object
            .tag
            .as_deref()
            .filter(|_| self.etags_are_md5())
            .and_then(md5_of_tag);
        Entry {
            name,
            kind: Kind::File,
            size: object.size,
            mtime: object.written.as_ref().and_then(server_time),
            executable: None,
            id: None,
            revision: self.marks.revision(
                object.tag.as_deref(),
                object.written.as_ref(),
                object.size,
            ),
            hashes: md5.map(md5_hash).into_iter().collect(),
            target: None,
        }
    }
}
