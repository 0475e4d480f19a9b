//! What a store does natively, one request each.
//!
//! No method tries again, waits for its turn, limits its time, keeps health or looks at capabilities: the layer does.
//! Each maps what went wrong to the closed list of causes (DESIGN 6.6), with `operation` as the error's operation and
//! without any secret. Of causes the layer relies on these:
//! - `precondition_failed` or `already_exists`: a condition did not hold, and nothing was changed. Both are taken alike.
//! - `not_found`: there is no such key, version or upload. If the bucket itself is what is not there, by
//!   [`no_bucket`], so that nothing is taken for deleted.
//! - `unsupported`: the store has no such thing, and says so.
//! - a transient kind (`rate_limited`, `server`, `offline`, `timeout`, `locked`): the request is made again, as often as
//!   the account's limiter allows; with the wait that the server asked for in `Transient { retry_after }`.

use std::sync::Arc;

use async_trait::async_trait;
use tandem_core::capabilities::Capabilities;
use tandem_core::content::ByteStream;
use tandem_core::entry::ContentHash;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::storage::Quota;
use tandem_core::time::Timestamp;

use super::guard::Guard;
use super::metadata::TimeForm;
use super::object::{Headers, HistoryPage, Object, Page, Query, UserMetadata};
use super::parts::{Limits, Upload};
use crate::body::{Prepared, Progress};

/// What is known of a store before it is asked.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    /// What people call the service, as in "S3 does not say how full a bucket is".
    pub(crate) service: &'static str,
    /// What the service calls a bucket: one of [`WORDS`].
    pub(crate) word: &'static str,
    /// The bucket's name.
    pub(crate) name: String,
    /// The folder in it that was configured: empty, or ending in `/`.
    pub(crate) prefix: String,
    /// Whether requests are unprotected on their way, so that a hash has to be sent ahead of content.
    pub(crate) plain: bool,
    /// Longest key in bytes.
    pub(crate) longest_key: usize,
    /// Files of this many bytes and more are uploaded in parts.
    pub(crate) multipart_threshold: u64,
    /// The wanted size of a part, in bytes.
    pub(crate) part_size: u64,
    /// Parts of one file that may be on their way at once. With 1 they are sent in order.
    pub(crate) parts_at_once: usize,
    /// Above this many bytes a copy is made of parts, by [`ObjectStore::copy_part`].
    pub(crate) largest_copy: u64,
    /// What the service documents of parts.
    pub(crate) limits: Limits,
    /// How `mtime` is written into the metadata, as rclone does.
    pub(crate) time_form: TimeForm,
    /// Whether metadata can be set in place, by [`ObjectStore::set_metadata`]; else an object is copied onto itself.
    pub(crate) sets_metadata: bool,
    /// What can be said of the capabilities without a probe: no condition, no hash. The probe begins with these; what it
    /// does not try stays as it is here.
    pub(crate) declared: Capabilities,
}

/// Content to be written in one request.
pub(crate) struct Put<'a> {
    pub(crate) key: &'a str,
    /// The bytes, which can be sent more than once. A store sends [`Prepared::md5`], where that is known, in whatever
    /// makes the server check what arrives; if there is no such thing its answer must tell the content's hash.
    pub(crate) content: &'a Prepared,
    pub(crate) metadata: &'a UserMetadata,
    pub(crate) headers: &'a Headers,
    /// What must be at the key; [`Guard::Any`] where the store is not known to heed what is asked.
    pub(crate) guard: &'a Guard,
    /// To be handed to [`Prepared::body`].
    pub(crate) progress: Option<Arc<Progress>>,
}

/// What a store answered to content.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    /// As [`Object::tag`]; empty if the answer does not tell it.
    pub(crate) tag: String,
    /// As [`Object::version`].
    pub(crate) version: Option<String>,
    /// Hashes of the content as the store computed them.
    pub(crate) hashes: Vec<ContentHash>,
    /// The MD5 of what was sent, by [`crate::body::Flow::md5`].
    pub(crate) sent: Option<[u8; 16]>,
}

/// Content to be read.
#[derive(Debug)]
pub(crate) struct Get<'a> {
    pub(crate) key: &'a str,
    /// A version, if it is not to be the current object.
    pub(crate) version: Option<&'a str>,
    /// Offset and length, of at least one byte; the whole object with `None`.
    pub(crate) range: Option<(u64, u64)>,
}

/// The beginning of an answer with content.
pub(crate) struct Opened {
    /// The bytes. A connection that breaks off is an error of cause `offline`.
    pub(crate) body: ByteStream,
    /// As [`Object::tag`]: of the very object that the bytes are of.
    pub(crate) tag: String,
    /// As [`Object::written`].
    pub(crate) written: Option<Timestamp>,
    /// The bytes in this answer, where it says so.
    pub(crate) length: Option<u64>,
    /// The object's size, where the answer says so.
    pub(crate) total: Option<u64>,
}

/// Part of an upload that the store has.
#[derive(Debug, Clone)]
pub(crate) struct ListedPart {
    /// Counted from 1.
    pub(crate) number: i32,
    /// As [`super::parts::Part::etag`], where the store lists it.
    pub(crate) tag: Option<String>,
    /// Length in bytes.
    pub(crate) size: u64,
}

/// A copy that the store makes.
pub(crate) struct Copy<'a> {
    pub(crate) operation: &'static str,
    pub(crate) from: &'a str,
    /// The source as it was looked at; it must still be that, so its tag is sent as a condition where there is one.
    pub(crate) source: &'a Object,
    /// Which version of it, if not the current one. A version never changes.
    pub(crate) version: Option<&'a str>,
    pub(crate) to: &'a str,
    /// What must be at `to`. Only what the layer passes on beside it is to be asked of the store.
    pub(crate) guard: &'a Guard,
    /// Metadata to give instead of the source's. Headers stay the source's in either case.
    pub(crate) metadata: Option<UserMetadata>,
}

/// What a store says of a change that it made.
#[derive(Debug, Default)]
pub(crate) struct Answered {
    /// The tag of what there is now, if the answer tells it.
    pub(crate) tag: Option<String>,
    /// The id of the version that was made: of a delete that of its marker.
    pub(crate) version: Option<String>,
}

/// A bucket as requests reach it.
#[async_trait]
pub(crate) trait ObjectStore: Send + Sync + std::fmt::Debug {
    /// What is known of it.
    fn facts(&self) -> &Facts;

    /// Takes every secret out of what a server said (P16).
    fn redact(&self, text: &str) -> String;

    /// That it is something the layer can work with. Asked by the probe, after a listing.
    async fn check(&self, operation: &'static str) -> Result<()> {
        let _ = operation;
        Ok(())
    }

    /// One page of keys; `after` is what the page before said was next.
    async fn page(
        &self,
        operation: &'static str,
        query: &Query,
        after: Option<&str>,
    ) -> Result<Page>;

    /// The object at `key`, or a version of it; `None` if there is none. If that answer does not tell whether the bucket
    /// is there, `None` is fine as well: the layer lists where it matters.
    async fn head(
        &self,
        operation: &'static str,
        key: &str,
        version: Option<&str>,
    ) -> Result<Option<Object>>;

    /// Content. A range that the object does not have (416) is `precondition_failed`.
    async fn get(&self, operation: &'static str, get: &Get<'_>) -> Result<Opened>;

    /// Writes an object.
    async fn put(&self, operation: &'static str, put: &Put<'_>) -> Result<Stored>;

    /// Begins an upload of `len` bytes in parts of `part_size` and gives the id that goes into the resume token. What the
    /// store needs at the end only, such as metadata, may be part of that id.
    async fn begin(
        &self,
        operation: &'static str,
        key: &str,
        (len, part_size): (u64, u64),
        metadata: &UserMetadata,
        headers: &Headers,
    ) -> Result<String>;

    /// Sends the part `number`, counted from 1; it may have been sent before. [`Stored::tag`] is what completing needs,
    /// and never empty.
    async fn send_part(
        &self,
        operation: &'static str,
        upload: &Upload,
        number: i32,
        content: &Prepared,
    ) -> Result<Stored>;

    /// All parts that the store has; `None` if there is no such upload any more. `unsupported` or `bad_response` if it
    /// cannot list them: then the token is believed.
    async fn parts(
        &self,
        operation: &'static str,
        upload: &Upload,
    ) -> Result<Option<Vec<ListedPart>>>;

    /// Makes the parts, all of which are there, the object at their key, if `guard` holds.
    async fn complete(
        &self,
        operation: &'static str,
        upload: &Upload,
        guard: &Guard,
    ) -> Result<Answered>;

    /// Throws the parts away. An upload that is gone, completed or aborted, is fine.
    async fn abort(&self, operation: &'static str, upload: &Upload) -> Result<()>;

    /// The tag that the object made of these parts must have, where that is known beforehand.
    fn tag_of_parts(&self, upload: &Upload) -> Option<String> {
        let _ = upload;
        None
    }

    /// Makes a copy, if `guard` holds at its end; `copy.guard` is what is expected there in any case. Answers when the
    /// copy is complete.
    async fn copy(&self, copy: &Copy<'_>, guard: &Guard) -> Result<Answered>;

    /// Copies the range of the source that is the part `number` of `upload`.
    async fn copy_part(&self, copy: &Copy<'_>, upload: &Upload, number: i32) -> Result<Stored> {
        let _ = (upload, number);
        Err(StorageError::new(copy.operation, Cause::Unsupported, ""))
    }

    /// Gives the object at `key` other metadata in place, if `guard` holds; headers stay. Only with
    /// [`Facts::sets_metadata`].
    async fn set_metadata(
        &self,
        operation: &'static str,
        key: &str,
        metadata: &UserMetadata,
        guard: &Guard,
    ) -> Result<Answered> {
        let _ = (key, metadata, guard);
        Err(StorageError::new(operation, Cause::Unsupported, ""))
    }

    /// Removes the object at `key` if `guard` holds, or for ever one version of it. That nothing is there may be an
    /// answer or `not_found`. Never more than that one goes: not its snapshots, not other versions.
    async fn delete(
        &self,
        operation: &'static str,
        key: &str,
        version: Option<&str>,
        guard: &Guard,
    ) -> Result<Answered>;

    /// Whether the bucket keeps the content that a write or a delete replaces, under the id that
    /// [`Object::version`] had. `forbidden`, `unsupported` and the like are taken for no.
    async fn keeps_versions(&self) -> Result<bool> {
        Ok(false)
    }

    /// What more a person may want to know of what the store keeps, learnt while it was asked, as part of a sentence.
    fn remark(&self) -> Option<&'static str> {
        None
    }

    /// The longest key, in bytes, where that depends on how the bucket is set up.
    async fn longest_key_now(&self) -> Result<Option<u32>> {
        Ok(None)
    }

    /// Whether no other write has this version id, as those have that were made while a bucket kept no versions.
    fn names_one_write(&self, id: &str) -> bool {
        let _ = id;
        true
    }

    /// A page of the histories of all keys that begin with `prefix`. Only asked where versions are kept.
    async fn history(&self, prefix: &str, after: Option<&str>) -> Result<HistoryPage> {
        let _ = (prefix, after);
        Err(StorageError::new("versions", Cause::Unsupported, ""))
    }

    /// What of `headers` new content at the same key is given again.
    fn for_new_content(&self, headers: &Headers) -> Headers {
        headers.clone()
    }

    /// How full it is.
    async fn quota(&self) -> Result<Quota> {
        let Facts { service, word, .. } = self.facts();
        let why = format!("{service} does not say how full a {word} is");
        Err(StorageError::new("quota", Cause::Unsupported, why))
    }
}

const NO_BUCKET: &str = "there is no";

/// What services call a bucket.
const WORDS: [&str; 2] = ["bucket", "container"];

/// The bucket itself is not there: `word` as in [`Facts::word`].
pub(crate) fn no_bucket(operation: &'static str, word: &str, name: &str) -> StorageError {
    StorageError::new(
        operation,
        Cause::NotFound,
        format!("{NO_BUCKET} {word} {name}"),
    )
}

/// Whether the bucket itself is what was not found.
pub(crate) fn is_missing_bucket(error: &StorageError) -> bool {
    let names = |word: &&str| error.detail.starts_with(&format!("{NO_BUCKET} {word} "));
    error.cause == Cause::NotFound && WORDS.iter().any(names)
}
