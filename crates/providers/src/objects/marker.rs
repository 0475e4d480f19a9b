//! What shows that a root is the one it was: the random id in `.tandem/root` (DESIGN 5.7).

use std::time::Duration;

use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::storage::OWN_FOLDER;

use super::root::BucketRoot;
use super::store::{Get, is_missing_bucket};

/// Longer than any id this program writes; more is not read.
const LONGEST: u64 = 256;

/// How long after writing it without a condition it is read: longer than another device takes from its look to its
/// write.
const SETTLING: Duration = Duration::from_secs(2);

impl BucketRoot {
    /// The id of this folder; with `create`, made if there is none. `None` if there is none and none was to be made.
    pub(super) async fn marker(&self, create: bool) -> Result<Option<String>> {
        let key = format!("{}{OWN_FOLDER}/root", self.prefix);
        if let Some(id) = self.read_marker(&key).await? {
            return Ok(Some(id));
        }
        // Asked by a listing, since that also says whether the bucket is there.
        let is_empty = self.bucket.first_below(&self.prefix, 1).await?.is_empty();
        if is_empty && self.can_be_missing() {
            return Err(StorageError::new(
                "identity",
                Cause::NotFound,
                format!(
                    "there is no such folder in the {}",
                    self.bucket.facts().word
                ),
            ));
        }
        if !create {
            return Ok(None);
        }
        self.write_marker(&key).await?;
        if !self.bucket.capabilities.conditions.create {
            // Of two devices that write it at once, the one that is first must not keep what the other replaced.
            self.bucket.environment.sleep(SETTLING).await;
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
        let bucket = &self.bucket;
        let get = Get {
            key,
            version: None,
            range: None,
        };
        let opened = match bucket
            .call("identity", || bucket.objects.get("identity", &get))
            .await
        {
            Ok(opened) => opened,
            Err(error) if error.cause == Cause::NotFound && !is_missing_bucket(&error) => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let bad = |detail: &str| StorageError::new("identity", Cause::BadResponse, detail);
        if opened.length.is_none_or(|len| len > LONGEST) {
            return Err(bad(".tandem/root is no marker of Tandem's"));
        }
        let bytes = bucket.collect("identity", opened.body).await;
        let bytes = bytes.map_err(|error| match error.cause {
            Cause::Offline => bad(&error.detail),
            _ => error,
        })?;
        let text = std::str::from_utf8(&bytes).map_err(|_| bad(".tandem/root is no text"))?;
        match text.trim() {
            "" => Err(bad(".tandem/root is empty")),
            id => Ok(Some(id.to_owned())),
        }
    }

    async fn write_marker(&self, key: &str) -> Result<()> {
        let random = || self.bucket.environment.random();
        let text = format!("{:016x}{:016x}\n", random(), random());
        self.bucket.put_once("identity", key, text.into()).await
    }
}
