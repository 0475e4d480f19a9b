//! Pages of a container ("Show container details and list objects", docs.openstack.org/api-ref/object-store).
//!
//! A page ends where the server likes, so the end is a page with nothing in it. Markers are names, and names come in
//! the order of their bytes.

use std::collections::HashMap;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use futures_util::{StreamExt, stream};
use reqwest::Method;
use serde::Deserialize;
use tandem_core::error::{Cause, Result};
use tandem_core::time::Timestamp;

use super::client::{Call, Target};
use super::errors::bad_answer;
use super::headers::{Form, hashes, tag, unquoted};
use super::store::SwiftStore;
use crate::objects::object::{ListedObject, Page, Query};
use crate::objects::store::no_bucket;

/// The MD5 of nothing.
const EMPTY: &str = "d41d8cd98f00b204e9800998ecf8427e";

/// What other programs put where a folder is to be.
const FOLDER: &str = "application/directory";

/// Most objects of one page that are looked at for what they are.
const MOST_LOOKS: usize = 256;

/// How many of them at once.
const AT_ONCE: usize = 8;

/// A line of a listing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Line {
    pub(super) name: String,
    subdir: Option<String>,
    hash: String,
    bytes: u64,
    last_modified: String,
    pub(super) content_type: String,
    /// Of a static large object; `hash` is then its manifest's.
    slo_etag: Option<String>,
    pub(super) version_id: Option<String>,
    pub(super) is_latest: bool,
}

impl Line {
    /// The object of this line.
    pub(super) fn object(&self) -> ListedObject {
        let (etag, form) = match &self.slo_etag {
            Some(etag) => (etag, Form::Static),
            None => (&self.hash, Form::Plain),
        };
        ListedObject {
            key: self.name.as_bytes().to_vec(),
            size: self.bytes,
            tag: (!unquoted(etag).is_empty()).then(|| tag(etag, form)),
            written: moment(&self.last_modified),
            hashes: hashes(etag, form),
            metadata: None,
        }
    }

    /// Whether a listing cannot tell what this is: a dynamic large object is shown as the empty manifest that it has,
    /// and a link as the empty object that it is.
    fn is_uncertain(&self) -> bool {
        let looks_empty = self.bytes == 0 && unquoted(&self.hash) == EMPTY;
        let is_object = self.subdir.is_none() && !self.name.ends_with('/');
        looks_empty && is_object && self.content_type != FOLDER
    }
}

impl SwiftStore {
    /// One page of lines after `marker`.
    pub(super) async fn lines(
        &self,
        operation: &'static str,
        query: &[(&'static str, String)],
    ) -> Result<Vec<Line>> {
        let mut call = Call::new(operation, Method::GET, Target::Container).query("format", "json");
        for (key, value) in query {
            call = call.query(key, value.clone());
        }
        let body = self
            .account
            .read(&call)
            .await
            .map_err(|error| self.without_container(error))?;
        serde_json::from_slice(&body).map_err(|error| {
            bad_answer(operation, format!("a listing that cannot be read: {error}"))
        })
    }

    /// A container that is not found is not there; of an object one could not tell.
    pub(super) fn without_container(
        &self,
        error: tandem_core::error::StorageError,
    ) -> tandem_core::error::StorageError {
        if error.cause == Cause::NotFound {
            let facts = &self.facts;
            return no_bucket(error.operation, facts.word, &facts.name);
        }
        error
    }

    pub(super) async fn listed(
        &self,
        operation: &'static str,
        query: &Query,
        after: Option<&str>,
    ) -> Result<Page> {
        let mut asked = vec![("prefix", query.prefix.clone())];
        if query.delimited {
            asked.push(("delimiter", "/".to_owned()));
        }
        asked.extend(query.most.map(|most| ("limit", most.to_string())));
        asked.extend(after.map(|marker| ("marker", marker.to_owned())));
        let mut lines = self.lines(operation, &asked).await?;
        // Who asks for a few asks whether there are any.
        let mut uncertain = Vec::new();
        if query.most.is_none() {
            let all = lines.iter().filter(|line| line.is_uncertain());
            uncertain.extend(all.take(MOST_LOOKS).map(|line| line.name.clone()));
        }
        if let (MOST_LOOKS, Some(last)) = (uncertain.len(), uncertain.last())
            && let Some(at) = lines.iter().position(|line| line.name == *last)
        {
            lines.truncate(at + 1);
        }
        let mut page = Page::default();
        if let Some(last) = lines.last() {
            page.next = Some(last.subdir.clone().unwrap_or_else(|| last.name.clone()));
        }
        for line in lines {
            match line.subdir {
                Some(folder) => page.folders.push(folder.into_bytes()),
                None => page.objects.push(line.object()),
            }
        }
        self.look_closer(operation, uncertain, &mut page).await?;
        Ok(page)
    }

    /// Puts into `page` what the objects with these names turn out to be.
    async fn look_closer(
        &self,
        operation: &'static str,
        names: Vec<String>,
        page: &mut Page,
    ) -> Result<()> {
        let looks = stream::iter(names).map(|name| async move {
            let found = self.look(operation, &name, None).await;
            found.map(|found| (name, found))
        });
        let looks: Vec<Result<_>> = looks.buffer_unordered(AT_ONCE).collect().await;
        let mut found = HashMap::new();
        for look in looks {
            let (name, object) = look?;
            found.insert(name.into_bytes(), object);
        }
        page.objects
            .retain_mut(|listed| match found.remove(&listed.key) {
                None => true,
                // Gone meanwhile, or a link that leads nowhere.
                Some(None) => false,
                Some(Some(object)) => {
                    listed.size = object.size;
                    listed.tag = Some(object.tag);
                    listed.hashes = object.hashes;
                    true
                }
            });
        Ok(())
    }
}

/// A time as listings write it: UTC without saying so.
fn moment(text: &str) -> Option<Timestamp> {
    let at = DateTime::from_str(&format!("{text}Z"), Format::DateTimeWithOffset).ok()?;
    Some(Timestamp(i64::try_from(at.as_nanos()).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_it_is() {
        let line = |text: &str| serde_json::from_str::<Line>(text).unwrap();
        let plain = line(
            r#"{"name": "ä", "hash": "9dd4e461268c8034f5c8564e155c67a6", "bytes": 1,
                "last_modified": "2026-11-22T12:00:00.500000", "content_type": "text/plain"}"#,
        );
        let object = plain.object();
        assert_eq!(
            object.tag.as_deref(),
            Some("9dd4e461268c8034f5c8564e155c67a6")
        );
        assert_eq!(object.written, Some(Timestamp(1_795_348_800_500_000_000)));
        assert_eq!(object.hashes.len(), 1);
        let large = line(
            r#"{"name": "f", "hash": "4dd349db00b5bf88ae340affc9bc6a70", "bytes": 3000000,
                "slo_etag": "\"6aeac088c390dc5d7b9c9a9c16d2735a\"", "last_modified": "x"}"#,
        );
        let object = large.object();
        assert_eq!(
            object.tag.as_deref(),
            Some("6aeac088c390dc5d7b9c9a9c16d2735a-slo")
        );
        assert!(object.hashes.is_empty() && object.written.is_none());
        let empty = |name: &str, more: &str| {
            line(&format!(
                r#"{{"name": "{name}", "hash": "{EMPTY}", "bytes": 0 {more}}}"#
            ))
        };
        assert!(empty("e", "").is_uncertain());
        assert!(!empty("e/", "").is_uncertain());
        assert!(!empty("e", r#", "content_type": "application/directory""#).is_uncertain());
        assert!(!plain.is_uncertain());
    }
}
