//! What the SDK tells of an object.

use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::ServerSideEncryption;
use tandem_core::entry::ContentHash;
use tandem_core::error::{Cause, ErrorKind, Result, StorageError};
use tandem_core::time::Timestamp;

use super::client::S3Bucket;
use super::headers::headers;
use super::tags::{md5_of_tag, unquoted};
use crate::hashes::md5_hash;
use crate::objects::follow::Follow;
use crate::objects::object::{ListedObject, Object, Query};

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

/// The hash that an ETag is, if it has the form of one.
pub(super) fn md5_in(tag: Option<&str>) -> Vec<ContentHash> {
    tag.and_then(md5_of_tag).map(md5_hash).into_iter().collect()
}

/// A time as the SDK has it.
pub(super) fn timestamp(at: &DateTime) -> Option<Timestamp> {
    Some(Timestamp(i64::try_from(at.as_nanos()).ok()?))
}

fn object(operation: &'static str, head: HeadObjectOutput) -> Result<Object> {
    let bad = |detail| StorageError::new(operation, Cause::BadResponse, detail);
    let size = head
        .content_length()
        .and_then(|n| u64::try_from(n).ok())
        .ok_or_else(|| bad("no length"))?;
    let tag = unquoted(head.e_tag().ok_or_else(|| bad("no ETag"))?).to_owned();
    let is_hidden = hides_md5(head.server_side_encryption(), head.sse_customer_algorithm());
    Ok(Object {
        size,
        hashes: md5_in((!is_hidden).then_some(&tag)),
        tag,
        written: head.last_modified().and_then(timestamp),
        headers: headers(&head),
        version: head.version_id,
        metadata: head.metadata.unwrap_or_default(),
    })
}

impl S3Bucket {
    /// The object at `key`; `None` if there is none. The bucket itself may be missing then as well.
    pub(super) async fn look(
        &self,
        operation: &'static str,
        key: &str,
        version: Option<&str>,
    ) -> Result<Option<Object>> {
        let sent = self
            .client
            .head_object()
            .bucket(self.name())
            .key(key)
            .set_version_id(version.map(str::to_owned))
            .send();
        match self.answer(operation, sent).await {
            Ok(head) => object(operation, head).map(Some),
            Err(error) if error.cause == Cause::NotFound => Ok(None),
            // An answer to HEAD has no body, so it does not say what is wrong with the key. One to a listing does.
            Err(error) if error.cause == Cause::Forbidden => {
                match self.first_below(operation, key).await {
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
                match self.first_below(operation, key).await? {
                    Some(first) if first.key == key.as_bytes() => Err(error),
                    _ => Ok(None),
                }
            }
            Err(error) => Err(error),
        }
    }

    async fn first_below(
        &self,
        operation: &'static str,
        key: &str,
    ) -> Result<Option<ListedObject>> {
        let query = Query {
            prefix: key.to_owned(),
            delimited: false,
            most: Some(1),
        };
        let (mut after, mut follow) = (None, Follow::default());
        loop {
            let page = self.list(operation, &query, after.as_deref()).await?;
            // An empty page with more to come is allowed where much was deleted.
            let first = page.objects.into_iter().next();
            let Some(next) = page.next.filter(|_| first.is_none()) else {
                return Ok(first);
            };
            follow.to(&next, 0, operation)?;
            after = Some(next);
        }
    }
}
