//! What shows that a root is the one it was: the random id in `.tandem/root` (DESIGN 5.7).

use std::time::Duration;

use tandem_core::error::{Cause, Result, StorageError};

use super::client::ANSWER_LIMIT;
use super::keys::OWN_FOLDER;
use super::root::S3Root;
use crate::hashes::content_md5;

/// Longer than any id this program writes; more is not read.
const LONGEST: i64 = 256;

/// How long after writing it without a condition it is read: longer than another device takes from its look to its
/// write.
const SETTLING: Duration = Duration::from_secs(2);

impl S3Root {
    /// The id of this folder; with `create`, made if there is none. `None` if there is none and none was to be made.
    pub(super) async fn marker(&self, create: bool) -> Result<Option<String>> {
        let key = format!("{}{OWN_FOLDER}/root", self.prefix);
        if let Some(id) = self.read_marker(&key).await? {
            return Ok(Some(id));
        }
        // Asked by a listing, since that also says whether the bucket is there.
        let is_empty = self
            .store
            .bucket
            .first_below(&self.prefix, 1)
            .await?
            .is_empty();
        if is_empty && self.can_be_missing() {
            return Err(StorageError::new(
                "identity",
                Cause::NotFound,
                "there is no such folder in the bucket",
            ));
        }
        if !create {
            return Ok(None);
        }
        self.write_marker(&key).await?;
        if !self.store.capabilities.conditions.create {
            // Of two devices that write it at once, the one that is first must not keep what the other replaced.
            self.store.bucket.environment.sleep(SETTLING).await;
        }
        // What counts is what is there: another device may have been first.
        let id = self.read_marker(&key).await?;
        let gone = || {
            StorageError::new(
                "identity",
                Cause::BadResponse,
                "the marker that was written is not there",
            )
        };
        id.map(Some).ok_or_else(gone)
    }

    async fn read_marker(&self, key: &str) -> Result<Option<String>> {
        let bucket = &self.store.bucket;
        let reply = bucket
            .call("identity", ANSWER_LIMIT, || {
                bucket
                    .client
                    .get_object()
                    .bucket(bucket.name())
                    .key(key)
                    .send()
            })
            .await;
        let reply = match reply {
            Ok(reply) => reply,
            Err(error)
                if error.cause == Cause::NotFound && !super::errors::is_missing_bucket(&error) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let bad = |detail: &str| StorageError::new("identity", Cause::BadResponse, detail);
        if reply.content_length().is_none_or(|len| len > LONGEST) {
            return Err(bad(".tandem/root is no marker of Tandem's"));
        }
        let bytes = bucket
            .within("identity", ANSWER_LIMIT, reply.body.collect())
            .await?;
        let bytes = bytes.map_err(|error| bad(&error.to_string()))?.to_vec();
        let text = String::from_utf8(bytes).map_err(|_| bad(".tandem/root is no text"))?;
        match text.trim() {
            "" => Err(bad(".tandem/root is empty")),
            id => Ok(Some(id.to_owned())),
        }
    }

    async fn write_marker(&self, key: &str) -> Result<()> {
        let bucket = &self.store.bucket;
        let random = || bucket.environment.random();
        let text = format!("{:016x}{:016x}\n", random(), random());
        let if_absent = self
            .store
            .capabilities
            .conditions
            .create
            .then(|| "*".to_owned());
        let written = bucket
            .call("identity", ANSWER_LIMIT, || {
                bucket
                    .client
                    .put_object()
                    .bucket(bucket.name())
                    .key(key)
                    .content_md5(content_md5(text.as_bytes()))
                    .set_if_none_match(if_absent.clone())
                    .body(text.clone().into_bytes().into())
                    .send()
            })
            .await;
        match written {
            Err(error) if error.cause != Cause::PreconditionFailed => Err(error),
            _ => Ok(()),
        }
    }
}
