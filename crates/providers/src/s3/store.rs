//! S3 as a flat store: each operation of [`ObjectStore`] as the SDK's requests.

use async_trait::async_trait;
use aws_sdk_s3::types::{BucketVersioningStatus, CompletedMultipartUpload, MetadataDirective};
use aws_sdk_s3::types::{CompletedPart, ServerSideEncryption};
use aws_smithy_types::base64;
use futures_util::{StreamExt, stream};
use tandem_core::content::ByteStream;
use tandem_core::error::{Cause, Result, StorageError};

use super::answers::RootElement;
use super::client::S3Bucket;
use super::headers::{self, Described, describe};
use super::history::NO_VERSION;
use super::keys::copy_source;
use super::object::{hides_md5, md5_in, timestamp};
use super::tags::{tag_of_parts, unquoted};
use crate::body::Prepared;
use crate::http::chain;
use crate::objects::guard::Guard;
use crate::objects::object::{Headers, HistoryPage, Object, Page, Query, UserMetadata};
use crate::objects::parts::Upload;
use crate::objects::store::{
    Answered, Copy, Facts, Get, ListedPart, ObjectStore, Opened, Put, Stored,
};

#[async_trait]
impl ObjectStore for S3Bucket {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn redact(&self, text: &str) -> String {
        self.settings.redact(text)
    }

    async fn page(
        &self,
        operation: &'static str,
        query: &Query,
        after: Option<&str>,
    ) -> Result<Page> {
        self.list(operation, query, after).await
    }

    async fn head(
        &self,
        operation: &'static str,
        key: &str,
        version: Option<&str>,
    ) -> Result<Option<Object>> {
        self.look(operation, key, version).await
    }

    async fn get(&self, operation: &'static str, get: &Get<'_>) -> Result<Opened> {
        let range = get
            .range
            .map(|(offset, length)| format!("bytes={offset}-{}", offset + length - 1));
        let sent = self
            .client
            .get_object()
            .bucket(self.name())
            .key(get.key)
            .set_range(range)
            .set_version_id(get.version.map(str::to_owned))
            .send();
        let reply = self.answer(operation, sent).await.map_err(|error| {
            // One that shrank has no such range any more.
            if error.cause == Cause::Other && error.detail.starts_with("416") {
                StorageError::new(operation, Cause::PreconditionFailed, error.detail)
            } else {
                error
            }
        })?;
        let length = reply.content_length();
        let total = reply.content_range().map_or(length, total_of);
        let whole = |bytes: i64| u64::try_from(bytes).ok();
        Ok(Opened {
            tag: unquoted(reply.e_tag().unwrap_or_default()).to_owned(),
            written: reply.last_modified().and_then(timestamp),
            length: length.and_then(whole),
            total: total.and_then(whole),
            body: body(operation, reply.body),
        })
    }

    async fn put(&self, operation: &'static str, put: &Put<'_>) -> Result<Stored> {
        let headers = &Described::of(put.headers);
        let send = || async {
            let (body, flow) = put.content.body(put.progress.clone()).await?;
            let condition = self.condition(put.guard);
            let request = self
                .client
                .put_object()
                .bucket(self.name())
                .key(put.key)
                .content_length(i64::try_from(put.content.len()).unwrap_or(i64::MAX))
                .set_content_md5(put.content.md5().map(base64::encode))
                .set_metadata(Some(put.metadata.clone()))
                .set_storage_class(headers.storage_class.clone())
                .set_website_redirect_location(headers.website_redirect.clone())
                .set_if_match(condition.if_match)
                .set_if_none_match(condition.if_none_match)
                .body(body.into());
            let sent = describe!(request, headers).send();
            let reply = self.answer(operation, sent).await;
            let reply = reply.map_err(|error| flow.take_error().unwrap_or(error))?;
            Ok(Stored {
                version: reply.version_id().map(str::to_owned),
                sent: flow.md5(),
                ..stored(
                    reply.e_tag(),
                    reply.server_side_encryption(),
                    reply.sse_customer_algorithm(),
                )
            })
        };
        self.tagged(operation, &[(put.key, None, put.guard)], send)
            .await
    }

    async fn begin(
        &self,
        operation: &'static str,
        key: &str,
        _: (u64, u64),
        metadata: &UserMetadata,
        headers: &Headers,
    ) -> Result<String> {
        let headers = &Described::of(headers);
        let request = self
            .client
            .create_multipart_upload()
            .bucket(self.name())
            .key(key)
            .set_metadata(Some(metadata.clone()))
            .set_storage_class(headers.storage_class.clone())
            .set_website_redirect_location(headers.website_redirect.clone());
        let sent = describe!(request, headers)
            .customize()
            .interceptor(RootElement::CREATE_UPLOAD)
            .send();
        let begun = self.answer(operation, sent).await?;
        Ok(begun.upload_id.unwrap_or_default())
    }

    async fn send_part(
        &self,
        operation: &'static str,
        upload: &Upload,
        number: i32,
        content: &Prepared,
    ) -> Result<Stored> {
        let (body, flow) = content.body(None).await?;
        let sent = self
            .client
            .upload_part()
            .bucket(self.name())
            .key(&upload.key)
            .upload_id(&upload.upload_id)
            .part_number(number)
            .content_length(i64::try_from(content.len()).unwrap_or(i64::MAX))
            .set_content_md5(content.md5().map(base64::encode))
            .body(body.into())
            .send();
        let reply = self.answer(operation, sent).await;
        let reply = reply.map_err(|error| flow.take_error().unwrap_or(error))?;
        Ok(Stored {
            sent: flow.md5(),
            ..stored(
                reply.e_tag(),
                reply.server_side_encryption(),
                reply.sse_customer_algorithm(),
            )
        })
    }

    async fn parts(
        &self,
        operation: &'static str,
        upload: &Upload,
    ) -> Result<Option<Vec<ListedPart>>> {
        self.list_parts(operation, upload).await
    }

    async fn complete(
        &self,
        operation: &'static str,
        upload: &Upload,
        guard: &Guard,
    ) -> Result<Answered> {
        let parts = upload.parts.iter().map(|part| {
            CompletedPart::builder()
                .part_number(part.number)
                .e_tag(format!("\"{}\"", part.etag))
                .build()
        });
        let parts = &CompletedMultipartUpload::builder()
            .set_parts(Some(parts.collect()))
            .build();
        let send = || async {
            let condition = self.condition(guard);
            let sent = self
                .client
                .complete_multipart_upload()
                .bucket(self.name())
                .key(&upload.key)
                .upload_id(&upload.upload_id)
                .multipart_upload(parts.clone())
                .set_if_match(condition.if_match)
                .set_if_none_match(condition.if_none_match)
                .send();
            self.answer(operation, sent).await
        };
        let reply = self
            .tagged(operation, &[(&upload.key, None, guard)], send)
            .await?;
        // Empty on Ceph RGW, and provisional on `rclone serve s3`: the layer looks at the object itself.
        Ok(Answered {
            tag: told_tag(reply.e_tag()),
            version: None,
        })
    }

    async fn abort(&self, operation: &'static str, upload: &Upload) -> Result<()> {
        let sent = self
            .client
            .abort_multipart_upload()
            .bucket(&upload.bucket)
            .key(&upload.key)
            .upload_id(&upload.upload_id)
            .send();
        match self.answer(operation, sent).await {
            // s3s-fs forbids what is not there.
            Err(error) if error.cause == Cause::Forbidden => {
                match self.list_parts(operation, upload).await {
                    Ok(left) if left.as_ref().is_none_or(Vec::is_empty) => Ok(()),
                    _ => Err(error),
                }
            }
            other => other.map(|_| ()),
        }
    }

    fn tag_of_parts(&self, upload: &Upload) -> Option<String> {
        tag_of_parts(&upload.parts)
    }

    async fn copy(&self, copy: &Copy<'_>, guard: &Guard) -> Result<Answered> {
        let headers = &Described::of(&copy.source.headers);
        let unchanged = &Guard::Tag(copy.source.tag.clone());
        let send = || async {
            let condition = self.condition(guard);
            let source = copy
                .version
                .is_none()
                .then(|| self.if_match(&copy.source.tag));
            let mut request = self
                .client
                .copy_object()
                .bucket(self.name())
                .key(copy.to)
                .copy_source(copy_source(self.name(), copy.from, copy.version))
                .set_copy_source_if_match(source)
                .set_if_match(condition.if_match)
                .set_if_none_match(condition.if_none_match)
                .set_storage_class(headers.storage_class.clone())
                // Unlike the others this is never taken over by a copy itself.
                .set_website_redirect_location(headers.website_redirect.clone());
            if let Some(metadata) = &copy.metadata {
                request = describe!(request, headers)
                    .metadata_directive(MetadataDirective::Replace)
                    .set_metadata(Some(metadata.clone()));
            }
            self.answer(copy.operation, request.send()).await
        };
        let ends = [
            (copy.from, copy.version, unchanged),
            (copy.to, None, copy.guard),
        ];
        let reply = self.tagged(copy.operation, &ends, send).await?;
        let made = reply.copy_object_result();
        Ok(Answered {
            tag: told_tag(made.and_then(|made| made.e_tag())),
            version: reply.version_id.filter(|id| id != NO_VERSION),
        })
    }

    async fn copy_part(&self, copy: &Copy<'_>, upload: &Upload, number: i32) -> Result<Stored> {
        let (offset, len) = upload.range(number);
        let unchanged = copy
            .version
            .is_none()
            .then(|| self.if_match(&copy.source.tag));
        let sent = self
            .client
            .upload_part_copy()
            .bucket(self.name())
            .key(copy.to)
            .upload_id(&upload.upload_id)
            .part_number(number)
            .copy_source(copy_source(self.name(), copy.from, copy.version))
            .copy_source_range(format!("bytes={offset}-{}", offset + len - 1))
            .set_copy_source_if_match(unchanged)
            .send();
        let reply = self.answer(copy.operation, sent).await?;
        let tag = reply.copy_part_result().and_then(|part| part.e_tag());
        let bad =
            || StorageError::new(copy.operation, Cause::BadResponse, "a part without an ETag");
        Ok(stored(
            Some(tag.ok_or_else(bad)?),
            reply.server_side_encryption(),
            reply.sse_customer_algorithm(),
        ))
    }

    async fn delete(
        &self,
        operation: &'static str,
        key: &str,
        version: Option<&str>,
        guard: &Guard,
    ) -> Result<Answered> {
        let send = || async {
            let sent = self
                .client
                .delete_object()
                .bucket(self.name())
                .key(key)
                .set_version_id(version.map(str::to_owned))
                .set_if_match(self.condition(guard).if_match)
                .send();
            self.answer(operation, sent).await
        };
        let reply = self
            .tagged(operation, &[(key, version, guard)], send)
            .await?;
        Ok(Answered {
            tag: None,
            version: reply.version_id,
        })
    }

    async fn keeps_versions(&self) -> Result<bool> {
        let get = self.client.get_bucket_versioning().bucket(self.name());
        let sent = get.customize().interceptor(RootElement::VERSIONING).send();
        let answer = self.answer("versions", sent).await?;
        Ok(answer.status() == Some(&BucketVersioningStatus::Enabled))
    }

    fn names_one_write(&self, id: &str) -> bool {
        id != NO_VERSION
    }

    async fn history(&self, prefix: &str, after: Option<&str>) -> Result<HistoryPage> {
        self.history_page(prefix, after).await
    }

    fn for_new_content(&self, kept: &Headers) -> Headers {
        headers::for_new_content(kept)
    }
}

/// What an answer says of content that was stored.
fn stored(
    tag: Option<&str>,
    by_server: Option<&ServerSideEncryption>,
    by_client_key: Option<&str>,
) -> Stored {
    let is_hidden = hides_md5(by_server, by_client_key);
    Stored {
        tag: unquoted(tag.unwrap_or_default()).to_owned(),
        hashes: md5_in(tag.filter(|_| !is_hidden)),
        ..Stored::default()
    }
}

fn told_tag(tag: Option<&str>) -> Option<String> {
    tag.map(|tag| unquoted(tag).to_owned())
        .filter(|tag| !tag.is_empty())
}

/// Content as it comes.
fn body(operation: &'static str, body: aws_sdk_s3::primitives::ByteStream) -> ByteStream {
    let broken = move |error| StorageError::new(operation, Cause::Offline, chain(&error));
    let pieces = stream::unfold(body, move |mut body| async move {
        let piece = body.next().await?;
        Some((piece.map_err(broken), body))
    });
    pieces.boxed()
}

/// The total in `bytes 0-9/100`.
fn total_of(range: &str) -> Option<i64> {
    range.rsplit('/').next()?.trim().parse().ok()
}
