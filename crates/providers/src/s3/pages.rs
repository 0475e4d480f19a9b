//! Listing keys, page by page.

use std::collections::HashSet;

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::EncodingType;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::removed;

use super::client::{ANSWER_LIMIT, Bucket, Tries};
use super::follow::Follow;
use super::keys::decoded;
use super::revision::unquoted;

/// Keys in a page: the most there can be ("ListObjectsV2", API Reference).
pub(super) const PAGE: i32 = 1_000;

/// An object as a listing shows it. Its key is bytes: a store may hold what is no UTF-8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ListedObject {
    pub(super) key: Vec<u8>,
    pub(super) size: u64,
    pub(super) tag: Option<String>,
    pub(super) written: Option<DateTime>,
}

/// One page.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) objects: Vec<ListedObject>,
    /// Prefixes that end in the delimiter, where one was asked for.
    pub(super) folders: Vec<Vec<u8>>,
    /// How to ask for the next page; `None` after the last one.
    pub(super) next: Option<String>,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub(super) struct Query {
    pub(super) prefix: String,
    /// Whether keys are put together at the next `/`.
    pub(super) delimited: bool,
    pub(super) most: i32,
}

impl Bucket {
    /// One page; `token` is what the page before said.
    pub(super) async fn page(&self, query: &Query, token: Option<&str>) -> Result<Page> {
        self.page_in(Tries::Many, query, token).await
    }

    async fn page_in(&self, tries: Tries, query: &Query, token: Option<&str>) -> Result<Page> {
        let encoded = self.list(tries, query, token, true).await?;
        if self.raw_listing.get().is_none() && keys(&encoded).any(is_ambiguous) {
            self.learn_encoding(tries, query, token, &encoded).await;
        }
        self.decode(encoded)
    }

    /// s3s-fs says that it encoded and did not: then the keys are the same when it is not asked to. A page that
    /// cannot be told without encoding (control characters are no XML) shows nothing, and S3's word is taken.
    async fn learn_encoding(
        &self,
        tries: Tries,
        query: &Query,
        token: Option<&str>,
        encoded: &ListObjectsV2Output,
    ) {
        let Ok(plain) = self.list(tries, query, token, false).await else {
            return;
        };
        let plain: HashSet<&str> = keys(&plain).collect();
        let (mut verbatim, mut meant) = (0, 0);
        for key in keys(encoded).filter(|key| is_ambiguous(key)) {
            verbatim += usize::from(plain.contains(key));
            meant += usize::from(
                std::str::from_utf8(&decoded(key)).is_ok_and(|key| plain.contains(key)),
            );
        }
        // One hostile pair of keys can show both at once; the many decide. None at all decides nothing.
        if verbatim != meant {
            self.raw_listing.set(verbatim > meant);
        }
    }

    async fn list(
        &self,
        tries: Tries,
        query: &Query,
        token: Option<&str>,
        encoding: bool,
    ) -> Result<ListObjectsV2Output> {
        self.ask(tries, "list", ANSWER_LIMIT, || {
            self.client
                .list_objects_v2()
                .bucket(self.name())
                .prefix(&query.prefix)
                .set_delimiter(query.delimited.then(|| "/".to_owned()))
                .max_keys(query.most)
                .set_encoding_type(encoding.then_some(EncodingType::Url))
                .set_continuation_token(token.map(str::to_owned))
                .send()
        })
        .await
    }

    fn decode(&self, answer: ListObjectsV2Output) -> Result<Page> {
        let is_encoded = answer.encoding_type() == Some(&EncodingType::Url)
            && self.raw_listing.get() != Some(true);
        let bytes = |text: &str| {
            if is_encoded {
                decoded(text)
            } else {
                text.as_bytes().to_vec()
            }
        };
        let bad = |detail| StorageError::new("list", Cause::BadResponse, detail);
        let mut page = Page::default();
        for object in answer.contents() {
            page.objects.push(ListedObject {
                key: bytes(object.key().ok_or_else(|| bad("an object without a key"))?),
                size: object
                    .size()
                    .and_then(|n| u64::try_from(n).ok())
                    .ok_or_else(|| bad("an object without a size"))?,
                tag: object.e_tag().map(|tag| unquoted(tag).to_owned()),
                written: object.last_modified().copied(),
            });
        }
        for prefix in answer.common_prefixes() {
            page.folders.push(bytes(
                prefix
                    .prefix()
                    .ok_or_else(|| bad("a prefix without a name"))?,
            ));
        }
        if answer.is_truncated() == Some(true) && !removed!("completeness") {
            let next = answer
                .next_continuation_token()
                .filter(|token| !token.is_empty());
            let bad = bad("a page with more to come and no way to ask for it");
            match next {
                None if !removed!("completeness") => return Err(bad),
                next => page.next = next.map(str::to_owned),
            }
        }
        Ok(page)
    }

    /// The first keys below `prefix`, at most `most`.
    pub(super) async fn first_below(&self, prefix: &str, most: i32) -> Result<Vec<ListedObject>> {
        self.first_below_in(Tries::Many, prefix, most).await
    }

    /// The same, asked as often as `tries` says.
    pub(super) async fn first_below_in(
        &self,
        tries: Tries,
        prefix: &str,
        most: i32,
    ) -> Result<Vec<ListedObject>> {
        let query = Query {
            prefix: prefix.to_owned(),
            delimited: false,
            most,
        };
        Ok(self.first_page(tries, &query).await?.objects)
    }

    /// What lies in the folder with this key, at most one thing. Asked for with a delimiter: without one, stores that
    /// keep objects as files (s3s-fs) walk all they have.
    pub(super) async fn first_in_folder(&self, folder_key: &str) -> Result<Page> {
        let query = Query {
            prefix: folder_key.to_owned(),
            delimited: true,
            most: 1,
        };
        self.first_page(Tries::Many, &query).await
    }

    /// The first page that shows anything: an empty one with more to come is allowed where much was deleted.
    async fn first_page(&self, tries: Tries, query: &Query) -> Result<Page> {
        let mut page = self.page_in(tries, query, None).await?;
        let mut follow = Follow::default();
        while page.objects.is_empty() && page.folders.is_empty() {
            let Some(token) = page.next.take() else { break };
            follow.to(&token, 0, "list")?;
            page = self.page_in(tries, query, Some(&token)).await?;
        }
        Ok(page)
    }
}

fn keys(answer: &ListObjectsV2Output) -> impl Iterator<Item = &str> {
    let prefixes = answer
        .common_prefixes()
        .iter()
        .filter_map(|prefix| prefix.prefix());
    answer
        .contents()
        .iter()
        .filter_map(|object| object.key())
        .chain(prefixes)
}

/// Whether a key means something else when it is not encoded.
fn is_ambiguous(key: &str) -> bool {
    key.contains(['+', '%'])
}
