//! The headers of blobs, between the layer's names and the service's.

use std::collections::BTreeMap;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tandem_core::error::{Cause, Result, StorageError};

use crate::objects::object::{Headers, UserMetadata};

/// What a HEAD shows of what an owner set, and how a change sets it ("Put Blob" and "Put Block List").
const KEPT: [(&str, &str); 6] = [
    ("cache-control", "x-ms-blob-cache-control"),
    ("content-disposition", "x-ms-blob-content-disposition"),
    ("content-encoding", "x-ms-blob-content-encoding"),
    ("content-language", "x-ms-blob-content-language"),
    ("content-type", "x-ms-blob-content-type"),
    (TIER, TIER),
];

const TIER: &str = "x-ms-access-tier";

/// Whether the tier is the account's and not the blob's own.
const TIER_INFERRED: &str = "x-ms-access-tier-inferred";

/// What has to be rehydrated before it can be read ("Access tiers for blob data").
const ARCHIVE: &str = "Archive";

const METADATA: &str = "x-ms-meta-";

/// Names of metadata are those of C# ("Setting and retrieving properties and metadata"), so that none has a hyphen.
const OWN: &str = "tandem-";
const OWN_HERE: &str = "tandem_";

/// What an owner set.
pub(super) fn kept(headers: &HeaderMap) -> Headers {
    let is_inferred = headers.contains_key(TIER_INFERRED);
    let shown = KEPT
        .iter()
        .filter(|(name, _)| *name != TIER || !is_inferred);
    let values = shown.filter_map(|(name, _)| {
        let value = headers.get(*name)?.to_str().ok()?;
        Some((*name, value.to_owned()))
    });
    values.collect()
}

/// What of it new content is given again: a tier that cannot be read is left to the rules that put the old content there.
pub(super) fn for_new_content(headers: &Headers) -> Headers {
    let is_kept = |name: &str, value: &str| (name, value) != (TIER, ARCHIVE);
    let kept = headers.iter().filter(|(name, value)| is_kept(name, value));
    kept.map(|(name, value)| (*name, value.clone())).collect()
}

/// Headers that came out of a token.
pub(super) fn known(headers: &BTreeMap<String, String>) -> Headers {
    let known = KEPT
        .iter()
        .filter_map(|(name, _)| Some((*name, headers.get(*name)?.clone())));
    known.collect()
}

/// Sets what an owner set.
pub(super) fn keep(
    operation: &'static str,
    headers: &Headers,
    request: &mut HeaderMap,
) -> Result<()> {
    for (name, set) in KEPT {
        if let Some(text) = headers.get(name) {
            request.insert(set, value(operation, text)?);
        }
    }
    Ok(())
}

/// The metadata of a blob.
pub(super) fn metadata(headers: &HeaderMap) -> UserMetadata {
    let own = headers.iter().filter_map(|(name, value)| {
        let name = name.as_str().strip_prefix(METADATA)?;
        Some((read_name(name), value.to_str().ok()?.to_owned()))
    });
    own.collect()
}

/// A name as a listing or a header has it.
pub(super) fn read_name(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    match name.strip_prefix(OWN_HERE) {
        Some(rest) => format!("{OWN}{}", rest.replace('_', "-")),
        None => name,
    }
}

/// Sets metadata.
pub(super) fn describe(
    operation: &'static str,
    metadata: &UserMetadata,
    request: &mut HeaderMap,
) -> Result<()> {
    for (name, text) in metadata {
        let name = match name.strip_prefix(OWN) {
            Some(rest) => format!("{OWN_HERE}{}", rest.replace('-', "_")),
            None => name.clone(),
        };
        let name = HeaderName::try_from(format!("{METADATA}{name}"))
            .map_err(|error| bad(operation, &error))?;
        request.insert(name, value(operation, text)?);
    }
    Ok(())
}

/// A value that can stand in a header.
pub(super) fn value(operation: &'static str, text: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(text).map_err(|error| bad(operation, &error))
}

fn bad(operation: &'static str, error: &dyn std::fmt::Display) -> StorageError {
    StorageError::new(operation, Cause::BadResponse, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_comes_back_under_its_names() {
        let own = [
            ("mtime", "1"),
            ("mode", "100755"),
            ("tandem-kept-at", "2"),
            ("other_name", "3"),
        ];
        let metadata: UserMetadata = own
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let mut headers = HeaderMap::new();
        describe("test", &metadata, &mut headers).unwrap();
        assert!(
            headers
                .keys()
                .all(|name| !name.as_str()[METADATA.len()..].contains('-'))
        );
        assert_eq!(super::metadata(&headers), metadata);
    }

    #[test]
    fn new_content_is_never_archived_with_the_old() {
        let mut shown = HeaderMap::new();
        shown.insert("content-type", HeaderValue::from_static("text/plain"));
        shown.insert(TIER, HeaderValue::from_static(ARCHIVE));
        assert_eq!(kept(&shown).len(), 2);
        assert_eq!(for_new_content(&kept(&shown)).len(), 1);
        shown.insert(TIER_INFERRED, HeaderValue::from_static("true"));
        assert_eq!(kept(&shown).len(), 1);
    }
}
