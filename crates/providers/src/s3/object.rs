//! What a HEAD shows of an object, and asking for it.

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use aws_sdk_s3::types::{ServerSideEncryption, StorageClass};
use tandem_core::entry::{Entry, Kind, Revision};
use tandem_core::error::{Cause, ErrorKind, Result, StorageError};
use tandem_core::path::Name;

use super::client::{ANSWER_LIMIT, Bucket, Tries};
use super::metadata::{self, UserMetadata};
use super::revision::{md5_of_tag, unquoted};
use super::store::Store;
use crate::hashes::md5_hash;

/// An object's state.
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) size: u64,
    /// Without quotes.
    pub(super) tag: String,
    pub(super) written: Option<DateTime>,
    /// The id of the version, in a bucket that has them.
    pub(super) version: Option<String>,
    pub(super) metadata: UserMetadata,
    /// Whether the ETag is no MD5 although it may look like one ("Checking object integrity", S3 User Guide).
    pub(super) encrypted: bool,
    pub(super) headers: Headers,
}

/// What a copy with new metadata has to be given again, since it replaces the old ("CopyObject", API Reference).
#[derive(Debug, Clone, Default)]
pub(super) struct Headers {
    pub(super) cache_control: Option<String>,
    pub(super) content_disposition: Option<String>,
    pub(super) content_encoding: Option<String>,
    pub(super) content_language: Option<String>,
    pub(super) content_type: Option<String>,
    pub(super) expires: Option<DateTime>,
    pub(super) storage_class: Option<StorageClass>,
    pub(super) website_redirect: Option<String>,
}

impl Headers {
    /// What new content at the same key is given again. A class that has to be restored before it can be read is
    /// left to the rules that put the old content there.
    pub(super) fn of_new_content(&self) -> Self {
        let class = self.storage_class.clone();
        let is_readable = |class: &StorageClass| {
            !matches!(class, StorageClass::Glacier | StorageClass::DeepArchive)
        };
        Self {
            storage_class: class.filter(is_readable),
            ..self.clone()
        }
    }
}

/// Whether an ETag is no MD5 because of how the object is encrypted: with a key of KMS or of the client's own.
/// With SSE-S3, which Amazon applies to everything, it is one ("Checking object integrity", S3 User Guide).
pub(super) const fn hides_md5(
    by_server: Option<&ServerSideEncryption>,
    by_client_key: Option<&str>,
) -> bool {
    by_client_key.is_some()
        || matches!(
            by_server,
            Some(ServerSideEncryption::AwsKms | ServerSideEncryption::AwsKmsDsse)
        )
}

impl Object {
    fn new(head: HeadObjectOutput) -> Result<Self> {
        let bad = |detail| StorageError::new("stat", Cause::BadResponse, detail);
        let size = head
            .content_length()
            .and_then(|n| u64::try_from(n).ok())
            .ok_or_else(|| bad("no length"))?;
        let expires = head
            .expires_string()
            .and_then(|text| DateTime::from_str(text, DateTimeFormat::HttpDate).ok());
        let encrypted = hides_md5(head.server_side_encryption(), head.sse_customer_algorithm());
        Ok(Self {
            size,
            tag: unquoted(head.e_tag().ok_or_else(|| bad("no ETag"))?).to_owned(),
            written: head.last_modified,
            version: head.version_id,
            metadata: head.metadata.unwrap_or_default(),
            encrypted,
            headers: Headers {
                cache_control: head.cache_control,
                content_disposition: head.content_disposition,
                content_encoding: head.content_encoding,
                content_language: head.content_language,
                content_type: head.content_type,
                expires,
                storage_class: head.storage_class,
                website_redirect: head.website_redirect_location,
            },
        })
    }
}

impl Bucket {
    /// The object at `key`; `None` if there is none. The bucket itself may be missing then as well.
    pub(super) async fn head(&self, key: &str, version: Option<&str>) -> Result<Option<Object>> {
        self.look(Tries::Many, key, version).await
    }

    /// The same, asked as often as `tries` says: once within a request that is tried again as a whole.
    pub(super) async fn look(
        &self,
        tries: Tries,
        key: &str,
        version: Option<&str>,
    ) -> Result<Option<Object>> {
        let answer = self
            .ask(tries, "stat", ANSWER_LIMIT, || {
                self.client
                    .head_object()
                    .bucket(self.name())
                    .key(key)
                    .set_version_id(version.map(str::to_owned))
                    .send()
            })
            .await;
        match answer {
            Ok(head) => Object::new(head).map(Some),
            Err(error) if error.cause == Cause::NotFound => Ok(None),
            // An answer to HEAD has no body, so it does not say what is wrong with the key. One to a listing does.
            Err(error) if error.cause == Cause::Forbidden => {
                match self.first_below_in(tries, key, 1).await {
                    Err(reason)
                        if reason.kind == ErrorKind::Auth || reason.cause == Cause::ClockSkew =>
                    {
                        Err(reason)
                    }
                    _ => Err(error),
                }
            }
            // s3s-fs answers so where a folder is on its disk. What is not listed under exactly this key is no object.
            Err(error) if error.cause == Cause::Server && version.is_none() => {
                match self.first_below_in(tries, key, 1).await?.first() {
                    Some(first) if first.key == key.as_bytes() => Err(error),
                    _ => Ok(None),
                }
            }
            Err(error) => Err(error),
        }
    }
}

impl Store {
    /// The revision of `object`.
    pub(super) fn revision(&self, object: &Object) -> Revision {
        self.marks
            .revision(Some(&object.tag), object.written.as_ref(), object.size)
    }

    /// `object` as an entry called `name`.
    pub(super) fn entry(&self, name: Name, object: &Object) -> Entry {
        let known = if object.encrypted || !self.etags_are_md5() {
            None
        } else {
            md5_of_tag(&object.tag)
        };
        Entry {
            name,
            kind: Kind::File,
            size: object.size,
            mtime: metadata::mtime(&object.metadata)
                .or_else(|| object.written.as_ref().and_then(server_time)),
            executable: Some(metadata::executable(&object.metadata)),
            id: None,
            revision: self.revision(object),
            hashes: known
                .or_else(|| metadata::md5(&object.metadata))
                .map(md5_hash)
                .into_iter()
                .collect(),
            target: None,
        }
    }
}

/// When the server says it was written. Never an mtime.
pub(super) fn server_time(at: &DateTime) -> Option<tandem_core::entry::Mtime> {
    let at = tandem_core::time::Timestamp(i64::try_from(at.as_nanos()).ok()?);
    Some(tandem_core::entry::Mtime {
        at,
        by_client: false,
    })
}
