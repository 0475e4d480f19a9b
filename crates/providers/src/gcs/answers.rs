//! What the service tells of objects ("Objects", json_api/v1/objects).

use std::collections::BTreeMap;

use aws_smithy_types::base64;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use tandem_core::entry::ContentHash;
use tandem_core::error::{Cause, Result, StorageError};

use super::conditions::tag;
use super::crc;
use crate::hashes::md5_hash;
use crate::objects::metadata::parse_time;
use crate::objects::object::{
    Headers, HistoryPage, ListedObject, Object, Page, Past, UserMetadata,
};

/// The fields of a resource that are read; others are not sent ("Partial response",
/// cloud.google.com/storage/docs/json_api).
pub(super) const FIELDS: &str = "name,generation,metageneration,size,md5Hash,crc32c,timeCreated,timeDeleted,metadata,\
                                 contentType,contentEncoding,contentDisposition,contentLanguage,cacheControl,\
                                 customTime,storageClass";

/// What an owner set, as a resource names it. `customTime` never goes back, so it is not given to new content.
const KEPT: [&str; 7] = [
    "cacheControl",
    "contentDisposition",
    "contentEncoding",
    "contentLanguage",
    "contentType",
    "customTime",
    "storageClass",
];

const CUSTOM_TIME: &str = "customTime";
const STORAGE_CLASS: &str = "storageClass";

/// The class that a bucket gives where nobody says otherwise.
const STANDARD: &str = "STANDARD";

/// An object's resource.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Resource {
    #[serde(default)]
    pub(super) name: String,
    pub(super) generation: String,
    pub(super) metageneration: String,
    #[serde(deserialize_with = "number")]
    pub(super) size: u64,
    md5_hash: Option<String>,
    crc32c: Option<String>,
    time_created: Option<String>,
    pub(super) time_deleted: Option<String>,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    #[serde(flatten)]
    other: BTreeMap<String, Value>,
}

/// Numbers of 64 bits are texts ("Type and format summary", Google API Discovery Service).
fn number<'de, D: Deserializer<'de>>(from: D) -> std::result::Result<u64, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Text(String),
        Number(u64),
    }
    match Either::deserialize(from)? {
        Either::Text(text) => text.parse().map_err(serde::de::Error::custom),
        Either::Number(number) => Ok(number),
    }
}

/// A page of a listing.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Listing {
    #[serde(default)]
    items: Vec<Resource>,
    #[serde(default)]
    prefixes: Vec<String>,
    next_page_token: Option<String>,
}

impl Resource {
    /// What names this state.
    pub(super) fn tag(&self) -> String {
        tag(&self.generation, &self.metageneration)
    }

    /// Hashes of the content: the CRC-32C always, the MD5 but of composite objects.
    pub(super) fn hashes(&self) -> Vec<ContentHash> {
        let md5 = self.md5_hash.as_deref();
        let md5 = md5.and_then(|text| base64::decode(text).ok()?.try_into().ok());
        let crc = self.crc32c.as_deref().and_then(crc::hash_of);
        md5.map(md5_hash).into_iter().chain(crc).collect()
    }

    pub(super) fn metadata(&self) -> UserMetadata {
        self.metadata.clone().into_iter().collect()
    }

    /// The object as the layer knows it.
    pub(super) fn object(&self) -> Object {
        let kept = KEPT.iter().filter_map(|name| {
            let value = self.other.get(*name)?.as_str()?;
            let is_said = (*name, value) != (STORAGE_CLASS, STANDARD);
            is_said.then(|| (*name, value.to_owned()))
        });
        Object {
            size: self.size,
            tag: self.tag(),
            written: self.time_created.as_deref().and_then(parse_time),
            version: Some(self.generation.clone()),
            metadata: self.metadata(),
            headers: kept.collect(),
            hashes: self.hashes(),
        }
    }

    fn listed(self) -> ListedObject {
        ListedObject {
            size: self.size,
            tag: Some(self.tag()),
            written: self.time_created.as_deref().and_then(parse_time),
            hashes: self.hashes(),
            metadata: Some(self.metadata()),
            key: self.name.into_bytes(),
        }
    }
}

/// A resource out of an answer.
pub(super) fn resource(operation: &'static str, value: Value) -> Result<Resource> {
    serde_json::from_value(value).map_err(|error| bad(operation, &error))
}

/// A page of keys.
pub(super) fn page(operation: &'static str, value: Value) -> Result<Page> {
    let listing: Listing = serde_json::from_value(value).map_err(|error| bad(operation, &error))?;
    Ok(Page {
        objects: listing.items.into_iter().map(Resource::listed).collect(),
        folders: listing
            .prefixes
            .into_iter()
            .map(String::into_bytes)
            .collect(),
        next: listing.next_page_token.filter(|token| !token.is_empty()),
    })
}

/// How the next page of a history is asked for.
pub(super) enum Next<'a> {
    /// By the service's own token.
    Token(&'a str),
    /// From this key on.
    Key(&'a str),
}

impl<'a> Next<'a> {
    pub(super) fn read(text: &'a str) -> Self {
        match text.strip_prefix("key ") {
            Some(key) => Self::Key(key),
            None => Self::Token(text.strip_prefix("token ").unwrap_or(text)),
        }
    }
}

/// A page of histories. The service lists the oldest generation of a key first and marks no delete; a key whose newest
/// generation is no longer live was deleted, and gets a line that says so.
pub(super) fn history(operation: &'static str, value: Value) -> Result<HistoryPage> {
    let listing: Listing = serde_json::from_value(value).map_err(|error| bad(operation, &error))?;
    let mut keys: Vec<Vec<Resource>> = Vec::new();
    for item in listing.items {
        match keys.last_mut().filter(|key| key[0].name == item.name) {
            Some(key) => key.push(item),
            None => keys.push(vec![item]),
        }
    }
    let token = listing.next_page_token.filter(|token| !token.is_empty());
    let mut next = token.as_ref().map(|token| format!("token {token}"));
    let mut is_cut = token.is_some();
    if is_cut
        && keys.len() > 1
        && let Some(last) = keys.pop()
    {
        // Its newest generation may be on the next page, which begins with it instead.
        next = Some(format!("key {}", last[0].name));
        is_cut = false;
    }
    let mut lines = Vec::new();
    for key in keys {
        lines.extend(lines_of(key, is_cut));
    }
    Ok(HistoryPage { lines, next })
}

/// The lines of one key, newest first.
fn lines_of(generations: Vec<Resource>, is_cut: bool) -> Vec<Past> {
    let mut lines = Vec::new();
    if let Some(newest) = generations.last().filter(|_| !is_cut)
        && let Some(deleted) = &newest.time_deleted
    {
        lines.push(Past {
            object: ListedObject {
                key: newest.name.clone().into_bytes(),
                size: 0,
                tag: None,
                written: parse_time(deleted),
                hashes: Vec::new(),
                metadata: None,
            },
            id: format!("deleted {}", newest.generation),
            is_latest: true,
            is_marker: true,
        });
    }
    lines.extend(generations.into_iter().rev().map(|generation| Past {
        id: generation.generation.clone(),
        is_latest: generation.time_deleted.is_none(),
        is_marker: false,
        object: generation.listed(),
    }));
    lines
}

/// The resource that a request sends along: what is said about an object beside its bytes.
pub(super) fn described(metadata: &UserMetadata, headers: &Headers) -> Map<String, Value> {
    let mut resource = Map::new();
    for (name, value) in headers {
        resource.insert((*name).to_owned(), value.as_str().into());
    }
    let entries = metadata.iter().map(|(k, v)| (k.clone(), v.as_str().into()));
    resource.insert("metadata".to_owned(), Value::Object(entries.collect()));
    resource
}

/// What of it new content is given again.
pub(super) fn for_new_content(headers: &Headers) -> Headers {
    let kept = headers.iter().filter(|(name, _)| **name != CUSTOM_TIME);
    kept.map(|(name, value)| (*name, value.clone())).collect()
}

/// Whether a copy that is told nothing would take it over: of all but the class, which is then the bucket's
/// ("Objects: rewrite", Request body).
pub(super) fn is_copied_unsaid(headers: &Headers) -> bool {
    !headers.contains_key(STORAGE_CLASS)
}

fn bad(operation: &'static str, error: &serde_json::Error) -> StorageError {
    StorageError::new(operation, Cause::BadResponse, error.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn item(name: &str, generation: u32, deleted: bool) -> Value {
        let mut item = json!({
            "name": name, "generation": generation.to_string(), "metageneration": "1", "size": "3",
            "timeCreated": "2026-11-22T10:00:00.123Z",
        });
        if deleted {
            item["timeDeleted"] = "2026-11-22T11:00:00Z".into();
        }
        item
    }

    #[test]
    fn a_listing_tells_what_an_entry_needs() {
        let value = json!({
            "items": [{
                "name": "a", "generation": "7", "metageneration": "2", "size": "9",
                "md5Hash": "JfnnlDI7RTiF9RgfG2JNCw==", "crc32c": "4waSgw==",
                "metadata": {"mtime": "2026-11-22T10:00:00.5Z"}, "contentType": "text/plain",
            }],
            "prefixes": ["folder/"], "nextPageToken": "more",
        });
        let page = page("test", value).unwrap();
        let one = &page.objects[0];
        assert_eq!(
            (&one.key[..], one.size, one.tag.as_deref()),
            (&b"a"[..], 9, Some("2.7"))
        );
        assert_eq!(one.hashes.len(), 2);
        assert_eq!(
            one.metadata.as_ref().unwrap()["mtime"],
            "2026-11-22T10:00:00.5Z"
        );
        assert_eq!(
            (page.folders, page.next.as_deref()),
            (vec![b"folder/".to_vec()], Some("more"))
        );
        let none = super::page("test", json!({"kind": "storage#objects"})).unwrap();
        assert!(none.objects.is_empty() && none.next.is_none());
    }

    #[test]
    fn a_history_is_newest_first_and_says_what_was_deleted() {
        let items = [
            item("a", 1, true),
            item("a", 2, false),
            item("b", 3, true),
            item("b", 4, true),
        ];
        let shown = |value| {
            let page = history("test", value).unwrap();
            let lines = page
                .lines
                .iter()
                .map(|line| (line.id.clone(), line.is_latest, line.is_marker));
            (lines.collect::<Vec<_>>(), page.next)
        };
        let line = |id: &str, latest, marker| (id.to_owned(), latest, marker);
        let whole = [
            line("2", true, false),
            line("1", false, false),
            line("deleted 4", true, true),
            line("4", false, false),
            line("3", false, false),
        ];
        assert_eq!(shown(json!({"items": items})), (whole.to_vec(), None));
        // `b` may go on on the next page, which begins with it.
        let cut = shown(json!({"items": items, "nextPageToken": "t"}));
        assert_eq!(cut, (whole[..2].to_vec(), Some("key b".to_owned())));
        let one = shown(json!({"items": items[2..], "nextPageToken": "t"}));
        assert_eq!(one, (whole[3..].to_vec(), Some("token t".to_owned())));
        assert!(matches!(Next::read("key token x"), Next::Key("token x")));
        assert!(matches!(Next::read("token key x"), Next::Token("key x")));
    }
}
