//! Listing keys, page by page.

use std::collections::{BTreeMap, HashSet};
use std::sync::{MutexGuard, PoisonError};

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::EncodingType;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::removed;

use super::client::{Place, S3Bucket};
use super::keys::decoded;
use super::object::{md5_in, timestamp};
use super::tags::unquoted;
use crate::objects::object::{ListedObject, Page, Query};
use crate::retry::TRIES;

/// Keys in a page: the most there can be ("ListObjectsV2", API Reference).
const PAGE: i32 = 1_000;

impl S3Bucket {
    /// One page; `token` is what the page before said.
    pub(super) async fn list(
        &self,
        operation: &'static str,
        query: &Query,
        token: Option<&str>,
    ) -> Result<Page> {
        let encoded = self.list_as(operation, query, token, true).await?;
        if self.raw_listing.get().is_none() && keys(&encoded).any(is_ambiguous) {
            self.learn_encoding(operation, query, token, &encoded)
                .await?;
        }
        self.decode(operation, encoded)
    }

    /// s3s-fs says that it encoded and did not: then the keys are the same when it is not asked to. A page that
    /// cannot be told without encoding (control characters are no XML) shows nothing, and S3's word is taken. Swift's
    /// s3api breaks off there with a 500. One such failure may be chance, and a key taken for another would be absent
    /// from a listing that is complete: only as many in a row as a request has tries are an answer.
    async fn learn_encoding(
        &self,
        operation: &'static str,
        query: &Query,
        token: Option<&str>,
        encoded: &ListObjectsV2Output,
    ) -> Result<()> {
        let plain = match self.list_as(operation, query, token, false).await {
            Ok(plain) => plain,
            Err(error) if error.cause == Cause::Server && must_be_encoded(encoded) => {
                if self.failures_at(query, token) < TRIES {
                    return Err(error);
                }
                self.raw_listing.set(false);
                self.unlisted().clear();
                return Ok(());
            }
            Err(error) if error.is_transient() && error.cause != Cause::BadResponse => {
                return Err(error);
            }
            Err(_) => return Ok(()),
        };
        self.unlisted().clear();
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
        Ok(())
    }

    /// How often in a row this page failed without encoding, with the time that was just seen.
    fn failures_at(&self, query: &Query, token: Option<&str>) -> u32 {
        let place = (query.prefix.clone(), token.map(str::to_owned));
        let mut unlisted = self.unlisted();
        let failures = unlisted.entry(place).or_default();
        *failures += 1;
        *failures
    }

    fn unlisted(&self) -> MutexGuard<'_, BTreeMap<Place, u32>> {
        self.unlisted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn list_as(
        &self,
        operation: &'static str,
        query: &Query,
        token: Option<&str>,
        encoding: bool,
    ) -> Result<ListObjectsV2Output> {
        let most = query.most.and_then(|most| i32::try_from(most).ok());
        let sent = self
            .client
            .list_objects_v2()
            .bucket(self.name())
            .prefix(&query.prefix)
            .set_delimiter(query.delimited.then(|| "/".to_owned()))
            .max_keys(most.unwrap_or(PAGE))
            .set_encoding_type(encoding.then_some(EncodingType::Url))
            .set_continuation_token(token.map(str::to_owned))
            .send();
        self.answer(operation, sent).await
    }

    fn decode(&self, operation: &'static str, answer: ListObjectsV2Output) -> Result<Page> {
        let is_encoded = answer.encoding_type() == Some(&EncodingType::Url)
            && self.raw_listing.get() != Some(true);
        let bytes = |text: &str| {
            if is_encoded {
                decoded(text)
            } else {
                text.as_bytes().to_vec()
            }
        };
        let bad = |detail| StorageError::new(operation, Cause::BadResponse, detail);
        let mut page = Page::default();
        for object in answer.contents() {
            let tag = object.e_tag().map(|tag| unquoted(tag).to_owned());
            page.objects.push(ListedObject {
                key: bytes(object.key().ok_or_else(|| bad("an object without a key"))?),
                size: object
                    .size()
                    .and_then(|n| u64::try_from(n).ok())
                    .ok_or_else(|| bad("an object without a size"))?,
                // A listing does not say how an object is encrypted. Where the probe found that ETags are MD5s, one
                // that another program wrote with a key of KMS or of its own still looks like one and is not. Such an
                // entry seems to differ from equal content, never to equal another; `stat` knows better.
                hashes: md5_in(tag.as_deref()),
                tag,
                written: object.last_modified().and_then(timestamp),
                metadata: None,
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

/// Whether keys are among these that XML holds only encoded, and none that is not.
fn must_be_encoded(answer: &ListObjectsV2Output) -> bool {
    let is_plain_ascii = |key: &str| key.bytes().all(|byte| byte.is_ascii_graphic());
    let is_no_xml = |key: &str| {
        let key = decoded(key);
        std::str::from_utf8(&key).is_ok_and(|key| key.contains(is_no_xml))
    };
    keys(answer).all(is_plain_ascii) && keys(answer).any(is_no_xml)
}

/// What is no character of XML 1.0 (section 2.2).
fn is_no_xml(c: char) -> bool {
    c < ' ' && !matches!(c, '\t' | '\n' | '\r') || matches!(c, '\u{fffe}' | '\u{ffff}')
}

/// Whether a key means something else when it is not encoded.
fn is_ambiguous(key: &str) -> bool {
    key.contains(['+', '%'])
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::types::Object;

    use super::*;

    #[test]
    fn a_page_that_xml_holds_only_encoded_is_known() {
        for (page, is_one) in [
            (&["plain", "bell%07"][..], true),
            (&["non%EF%BF%BEcharacter"], true),
            (&["new%0Aline", "50%25"], false),
            (&["two words", "bell%07"], false),
            (&["\u{fc}ber", "bell%07"], false),
        ] {
            let objects = page.iter().map(|key| Object::builder().key(*key).build());
            let answer = ListObjectsV2Output::builder().set_contents(Some(objects.collect()));
            assert_eq!(must_be_encoded(&answer.build()), is_one, "{page:?}");
        }
    }
}
