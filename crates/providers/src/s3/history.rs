//! What a bucket with versions keeps of its keys, and what it has of an upload.

use aws_sdk_s3::types::EncodingType;
use serde::{Deserialize, Serialize};
use tandem_core::error::{Cause, Result, StorageError};

use super::answers::RootElement;
use super::client::S3Bucket;
use super::keys::decoded;
use super::object::{md5_in, timestamp};
use super::tags::unquoted;
use crate::objects::follow::Follow;
use crate::objects::object::{HistoryPage, ListedObject, Past};
use crate::objects::parts::Upload;
use crate::objects::store::ListedPart;

/// The version id of what was written while the bucket kept no versions.
pub(super) const NO_VERSION: &str = "null";

/// Where the next page of a history begins: a key and a version of it.
#[derive(Debug, Serialize, Deserialize)]
struct Marker(Option<String>, Option<String>);

impl Marker {
    fn read(text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(|error| bad(&error.to_string()))
    }

    fn write(&self) -> Result<String> {
        if self.0.is_none() {
            return Err(bad("a page with more to come and no way to ask for it"));
        }
        serde_json::to_string(self).map_err(|error| bad(&error.to_string()))
    }
}

fn bad(why: &str) -> StorageError {
    StorageError::new("versions", Cause::BadResponse, why)
}

impl S3Bucket {
    /// A page of the bucket's history.
    pub(super) async fn history_page(
        &self,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<HistoryPage> {
        let Marker(key, id) = after.map_or(Ok(Marker(None, None)), Marker::read)?;
        let sent = self
            .client
            .list_object_versions()
            .bucket(self.name())
            .prefix(prefix)
            .encoding_type(EncodingType::Url)
            .set_key_marker(key)
            .set_version_id_marker(id)
            .send();
        let page = self.answer("versions", sent).await?;
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
                written: version.last_modified().and_then(timestamp),
                hashes: md5_in(version.e_tag()),
                metadata: None,
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
                written: marker.last_modified().and_then(timestamp),
                hashes: Vec::new(),
                metadata: None,
            },
            id: marker.version_id().unwrap_or(NO_VERSION).to_owned(),
            is_latest: marker.is_latest() == Some(true),
            is_marker: true,
        });
        let next = if page.is_truncated() == Some(true) {
            let key = page.next_key_marker().map(key_of);
            let key = key.map(|key| String::from_utf8_lossy(&key).into_owned());
            Some(Marker(key, page.next_version_id_marker().map(str::to_owned)).write()?)
        } else {
            None
        };
        Ok(HistoryPage {
            lines: versions.chain(markers).collect(),
            next,
        })
    }

    /// The parts that the store has of `upload`; `None` if there is no such upload any more.
    pub(super) async fn list_parts(
        &self,
        operation: &'static str,
        upload: &Upload,
    ) -> Result<Option<Vec<ListedPart>>> {
        let (mut there, mut after, mut follow) = (Vec::new(), None, Follow::default());
        loop {
            let sent = self
                .client
                .list_parts()
                .bucket(self.name())
                .key(&upload.key)
                .upload_id(&upload.upload_id)
                .set_part_number_marker(after.clone())
                .customize()
                .interceptor(RootElement::LIST_PARTS)
                .send();
            let page = match self.answer(operation, sent).await {
                Err(error) if error.cause == Cause::NotFound => return Ok(None),
                page => page?,
            };
            there.extend(page.parts().iter().map(|part| {
                ListedPart {
                    number: part.part_number().unwrap_or_default(),
                    tag: part.e_tag().map(|tag| unquoted(tag).to_owned()),
                    size: part
                        .size()
                        .and_then(|size| u64::try_from(size).ok())
                        .unwrap_or_default(),
                }
            }));
            let next = page.next_part_number_marker().map(str::to_owned);
            let (true, Some(next)) = (page.is_truncated() == Some(true), next) else {
                return Ok(Some(there));
            };
            follow.to(&next, page.parts().len(), operation)?;
            after = Some(next);
        }
    }
}
