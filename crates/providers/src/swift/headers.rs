//! Between objects and the headers of requests and answers ("Object metadata", docs.openstack.org/api-ref/object-store).

use reqwest::header::{ETAG, HeaderMap, HeaderName, HeaderValue, LAST_MODIFIED};
use tandem_core::entry::ContentHash;
use tandem_core::error::Cause;
use tandem_core::error::{Result, StorageError};
use tandem_core::time::Timestamp;

use super::errors::bad_answer;
use crate::hashes::{md5_hash, md5_of_hex};
use crate::http;
use crate::objects::metadata::parse_decimal;
use crate::objects::object::{Headers, Object, UserMetadata};

const META: &str = "x-object-meta-";

/// What an owner sets for those who read an object from the store, and what takes it away after a time.
const CARRIED: [&str; 8] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
    "x-delete-at",
    "x-robots-tag",
];

/// When an object is to go by itself. New content of a key is not to go because of what was set for the old.
pub(super) const DELETE_AT: &str = "x-delete-at";

/// Longest value of one item of metadata, in bytes (`max_meta_value_length`, "Constraints"). What Tandem notes of a
/// version can be longer, and goes into several.
const LONGEST_VALUE: usize = 256;

/// Only of Tandem's own notes is it certain that a number at the end counts the pieces.
const OWN: &str = "tandem-";

/// What tells the state of a large object begins with an MD5 and is none.
const STATIC: &str = "-slo";
const DYNAMIC: &str = "-dlo";

/// How an object's bytes are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    /// In segments that a manifest names.
    Static,
    /// In whatever lies below a prefix.
    Dynamic,
}

pub(super) fn form(headers: &HeaderMap) -> Form {
    let is_true = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"true");
    if headers.get("x-static-large-object").is_some_and(is_true) {
        Form::Static
    } else if headers.contains_key("x-object-manifest") {
        Form::Dynamic
    } else {
        Form::Plain
    }
}

/// An ETag without its quotes: Swift writes those of large objects with them and others without.
pub(super) fn unquoted(tag: &str) -> &str {
    let tag = tag.trim();
    let inside = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
    inside.unwrap_or(tag)
}

/// What tells the state of an object with this ETag.
pub(super) fn tag(etag: &str, form: Form) -> String {
    let etag = unquoted(etag);
    match form {
        Form::Plain => etag.to_owned(),
        Form::Static => format!("{etag}{STATIC}"),
        Form::Dynamic => format!("{etag}{DYNAMIC}"),
    }
}

/// The ETag in a tag.
pub(super) fn etag_in(tag: &str) -> &str {
    let etag = tag
        .strip_suffix(STATIC)
        .or_else(|| tag.strip_suffix(DYNAMIC));
    etag.unwrap_or(tag)
}

/// The hashes of content with this ETag.
pub(super) fn hashes(etag: &str, form: Form) -> Vec<ContentHash> {
    let md5 = md5_of_hex(unquoted(etag)).filter(|_| form == Form::Plain);
    md5.map(md5_hash).into_iter().collect()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// When an answer says that it was written: to a hundred-thousandth of a second, as listings have it, or rounded up to
/// a whole one.
pub(super) fn written(headers: &HeaderMap) -> Option<Timestamp> {
    let exact = text(headers, "x-timestamp").and_then(parse_decimal);
    exact.or_else(|| http::date(text(headers, LAST_MODIFIED.as_str())?))
}

/// What tells the state of the object in an answer.
pub(super) fn tag_in(headers: &HeaderMap) -> Option<String> {
    let form = form(headers);
    // An empty one tells no state from another.
    let etag = text(headers, ETAG.as_str()).filter(|etag| !unquoted(etag).is_empty());
    match etag {
        Some(etag) => Some(tag(etag, form)),
        // A dynamic large object of more segments than a listing has names none.
        None => {
            Some(format!("t{}{DYNAMIC}", written(headers)?.0)).filter(|_| form == Form::Dynamic)
        }
    }
}

/// The version in an answer.
pub(super) fn version(headers: &HeaderMap) -> Option<String> {
    text(headers, "x-object-version-id").map(str::to_owned)
}

/// A number in an answer.
pub(super) fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    text(headers, name)?.trim().parse().ok()
}

/// The object that an answer to HEAD shows.
pub(super) fn object(operation: &'static str, headers: &HeaderMap) -> Result<Object> {
    let size =
        number(headers, "content-length").ok_or_else(|| bad_answer(operation, "no length"))?;
    let tag = tag_in(headers).ok_or_else(|| bad_answer(operation, "no ETag"))?;
    let carried = CARRIED.into_iter().filter_map(|name| {
        let value = headers.get(name)?;
        Some((name, String::from_utf8_lossy(value.as_bytes()).into_owned()))
    });
    Ok(Object {
        size,
        hashes: hashes(&tag, form(headers)),
        tag,
        written: written(headers),
        version: version(headers),
        metadata: metadata(headers),
        headers: carried.collect(),
    })
}

fn metadata(headers: &HeaderMap) -> UserMetadata {
    let mut found = UserMetadata::new();
    for (name, value) in headers {
        if let Some(name) = name.as_str().strip_prefix(META) {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            found.insert(name.to_owned(), value);
        }
    }
    join(&mut found);
    found
}

/// Puts the pieces of long values together.
fn join(metadata: &mut UserMetadata) {
    let mut names: Vec<_> = metadata
        .keys()
        .filter(|name| name.starts_with(OWN))
        .cloned()
        .collect();
    names.sort_unstable();
    for name in names {
        let pieces = (2..).map(|number| format!("{name}-{number}"));
        let mut more = String::new();
        for piece in pieces {
            let Some(piece) = metadata.remove(&piece) else {
                break;
            };
            more.push_str(&piece);
        }
        if let Some(value) = metadata.get_mut(&name) {
            value.push_str(&more);
        }
    }
}

/// The headers that give an object its metadata and what its owner set.
pub(super) fn described(
    operation: &'static str,
    metadata: &UserMetadata,
    carried: &Headers,
) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    let mut set = |name: &str, value: &str| {
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = HeaderValue::from_bytes(value.as_bytes());
        let (Ok(name), Ok(value)) = (name, value) else {
            let detail = "metadata that cannot stand in a header";
            return Err(StorageError::new(operation, Cause::Other, detail));
        };
        headers.insert(name, value);
        Ok(())
    };
    for (name, value) in carried {
        set(name, value)?;
    }
    for (name, value) in metadata {
        let mut rest = value.as_str();
        let mut number = 1;
        while rest.len() > LONGEST_VALUE && name.starts_with(OWN) && rest.is_ascii() {
            let (piece, more) = rest.split_at(LONGEST_VALUE);
            set(&numbered(name, number), piece)?;
            (rest, number) = (more, number + 1);
        }
        set(&numbered(name, number), rest)?;
    }
    Ok(headers)
}

fn numbered(name: &str, number: u32) -> String {
    match number {
        1 => format!("{META}{name}"),
        number => format!("{META}{name}-{number}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_notes_go_into_several_items_and_come_back_whole() {
        let path = "%2Fabcdefgh".repeat(280);
        let written = UserMetadata::from([
            ("tandem-path".to_owned(), path.clone()),
            ("tandem-kept-at".to_owned(), "1.5".to_owned()),
            ("mtime".to_owned(), "1234567890.123456789".to_owned()),
            ("else-2".to_owned(), "x".to_owned()),
        ]);
        let headers = described("commit", &written, &Headers::new()).unwrap();
        assert!(headers.values().all(|value| value.len() <= LONGEST_VALUE));
        assert_eq!(headers.len(), 3 + path.len().div_ceil(LONGEST_VALUE));
        assert_eq!(metadata(&headers), written);
    }

    #[test]
    fn the_tag_of_a_large_object_is_no_md5() {
        let etag = "\"6aeac088c390dc5d7b9c9a9c16d2735a\"";
        assert_eq!(hashes(etag, Form::Plain).len(), 1);
        for form in [Form::Static, Form::Dynamic] {
            assert!(hashes(etag, form).is_empty());
            assert_ne!(tag(etag, form), unquoted(etag));
            assert_eq!(etag_in(&tag(etag, form)), unquoted(etag));
        }
    }
}
