//! Blocks: what is uploaded of a blob and not yet part of it ("Put Block", "Put Block List", "Get Block List").
//!
//! Uncommitted blocks belong to the blob's name, not to who sent them, and go when anybody commits or puts that blob, or
//! after a week. So each upload's blocks carry an id of its own, and one whose blocks are gone is begun anew.

use std::collections::BTreeMap;

use aws_smithy_types::base64;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use tandem_core::error::{Cause, Result, StorageError};

use super::client::{Call, Container};
use super::headers::{describe, keep, known};
use super::xml::{Element, escaped};
use crate::objects::guard::Guard;
use crate::objects::object::{Headers, UserMetadata};
use crate::objects::parts::Upload;
use crate::objects::store::{Answered, ListedPart};
use crate::rest::Payload;

/// What the end of an upload needs. It is the id in the resume token.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Begun {
    /// Tells the blocks of this upload from those of others.
    id: String,
    metadata: UserMetadata,
    headers: BTreeMap<String, String>,
}

impl Begun {
    pub(super) fn new(random: u64, metadata: &UserMetadata, headers: &Headers) -> Self {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()));
        Self {
            id: format!("{random:016x}"),
            metadata: metadata.clone(),
            headers: headers.collect(),
        }
    }

    pub(super) fn write(&self, operation: &'static str) -> Result<String> {
        serde_json::to_string(self)
            .map_err(|error| StorageError::new(operation, Cause::Other, error.to_string()))
    }

    /// What is in the token of `upload`. Of one that is damaged there are no blocks.
    pub(super) fn read(operation: &'static str, upload: &Upload) -> Result<Self> {
        serde_json::from_str(&upload.upload_id)
            .map_err(|error| StorageError::new(operation, Cause::NotFound, error.to_string()))
    }

    /// The id of the block `number`: all ids of a blob's blocks must be of one length ("Put Block", URI parameters).
    pub(super) fn block(&self, number: i32) -> String {
        base64::encode(format!("tandem-{}-{number:06}", self.id))
    }

    /// The number of the block with this id, if it is one of this upload's.
    fn number(&self, block: &str) -> Option<i32> {
        let text = String::from_utf8(base64::decode(block).ok()?).ok()?;
        let digits = text.strip_prefix(&format!("tandem-{}-", self.id))?;
        digits.parse().ok()
    }
}

impl Container {
    /// The blocks of `upload` that the service has; `None` if it knows nothing of such a blob.
    pub(super) async fn uncommitted(
        &self,
        operation: &'static str,
        upload: &Upload,
    ) -> Result<Option<Vec<ListedPart>>> {
        let Ok(begun) = Begun::read(operation, upload) else {
            return Ok(None);
        };
        let query = [("comp", "blocklist"), ("blocklisttype", "uncommitted")];
        let url = self.blob(&upload.key, &query)?;
        let list = match self.ask(Call::new(operation, Method::GET, url)).await {
            Err(error) if error.cause == Cause::NotFound => return Ok(None),
            list => list?,
        };
        let blocks = list.child("UncommittedBlocks");
        let blocks = blocks.into_iter().flat_map(|blocks| blocks.all("Block"));
        let part = |block: &Element| {
            let name = block.text("Name")?;
            Some(ListedPart {
                number: begun.number(name)?,
                tag: Some(name.to_owned()),
                size: block.text("Size")?.parse().ok()?,
            })
        };
        Ok(Some(blocks.filter_map(part).collect()))
    }

    /// Makes the blocks of `upload` the blob.
    pub(super) async fn commit_blocks(
        &self,
        operation: &'static str,
        upload: &Upload,
        guard: &Guard,
    ) -> Result<Answered> {
        let begun = Begun::read(operation, upload)?;
        // Only uncommitted ones: a committed block of that id would be of other content.
        let blocks = upload
            .parts
            .iter()
            .map(|part| format!("<Uncommitted>{}</Uncommitted>", escaped(&part.etag)));
        let list = format!(
            r#"<?xml version="1.0" encoding="utf-8"?><BlockList>{}</BlockList>"#,
            blocks.collect::<String>()
        );
        let url = self.blob(&upload.key, &[("comp", "blocklist")])?;
        let mut call = Call::new(operation, Method::PUT, url)
            .header("content-type", "application/xml")?
            .only_if(guard)?
            .carrying(Payload::Text(list));
        describe(operation, &begun.metadata, &mut call.headers)?;
        keep(operation, &known(&begun.headers), &mut call.headers)?;
        let answer = self.send(call).await?;
        Ok(Answered {
            tag: Some(answer.tag()).filter(|tag| !tag.is_empty()),
            version: answer.version(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_known_again_as_the_uploads_own() {
        let begun = Begun::new(7, &UserMetadata::new(), &Headers::new());
        assert_eq!(begun.block(1).len(), begun.block(50_000).len());
        assert_eq!(begun.number(&begun.block(50_000)), Some(50_000));
        let other = Begun::new(8, &UserMetadata::new(), &Headers::new());
        assert_eq!(begun.number(&other.block(1)), None);
        assert_eq!(begun.number("no base64"), None);
    }
}
