//! What the service tells of blobs.

use aws_smithy_types::base64;
use reqwest::header::HeaderMap;
use tandem_core::entry::ContentHash;
use tandem_core::error::{Cause, Result, StorageError};

use super::client::unquoted;
use super::headers::{kept, metadata, read_name};
use super::xml::Element;
use crate::hashes::md5_hash;
use crate::http::date;
use crate::objects::keys::decoded;
use crate::objects::metadata::parse_time;
use crate::objects::object::{HistoryPage, ListedObject, Object, Page, Past};

/// The hash that a Content-MD5 tells: of what was sent in one request the service's own, of what was put together from
/// blocks that of whoever did so, if any ("Put Blob" and "Put Block List", `x-ms-blob-content-md5`).
pub(super) fn md5_in(text: Option<&str>) -> Vec<ContentHash> {
    let md5 = text.and_then(|text| base64::decode(text).ok()?.try_into().ok());
    md5.map(md5_hash).into_iter().collect()
}

/// What a HEAD shows ("Get Blob Properties").
pub(super) fn object(operation: &'static str, headers: &HeaderMap) -> Result<Object> {
    let bad = |why| StorageError::new(operation, Cause::BadResponse, why);
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let tag = unquoted(text("etag").unwrap_or_default());
    if tag.is_empty() {
        return Err(bad("no ETag"));
    }
    let size = text("content-length").and_then(|size| size.parse().ok());
    Ok(Object {
        size: size.ok_or_else(|| bad("no length"))?,
        tag: tag.to_owned(),
        written: text("last-modified").and_then(date),
        version: text("x-ms-version-id").map(str::to_owned),
        metadata: metadata(headers),
        headers: kept(headers),
        hashes: md5_in(text("content-md5")),
    })
}

/// A page of a listing ("List Blobs").
pub(super) fn page(operation: &'static str, answer: &Element) -> Result<Page> {
    let bad = |why: &str| StorageError::new(operation, Cause::BadResponse, why);
    let blobs = answer.child("Blobs").ok_or_else(|| bad("no listing"))?;
    let mut page = Page {
        next: answer.text("NextMarker").map(str::to_owned),
        ..Page::default()
    };
    for blob in blobs.all("Blob") {
        page.objects.push(listed(operation, blob)?);
    }
    for prefix in blobs.all("BlobPrefix") {
        page.folders
            .push(name(prefix).ok_or_else(|| bad("a prefix without a name"))?);
    }
    Ok(page)
}

/// A page of histories ("List Blobs", `include=versions`). Of the versions of a name none is the current one after a
/// delete, which leaves nothing else. What is no version of its own is what there is now, written while the account kept
/// none ("Blob versioning", Enable or disable blob versioning).
pub(super) fn history(operation: &'static str, answer: &Element) -> Result<HistoryPage> {
    let bad = |why: &str| StorageError::new(operation, Cause::BadResponse, why);
    let blobs = answer.child("Blobs").ok_or_else(|| bad("no listing"))?;
    let mut lines = Vec::new();
    for blob in blobs.all("Blob") {
        if blob.child("Snapshot").is_some() || blob.text("Deleted") == Some("true") {
            continue;
        }
        let id = blob.text("VersionId");
        let mut object = listed(operation, blob)?;
        // "The value of the version ID is the timestamp at which the blob was updated" ("Blob versioning", Version ID),
        // and tells apart what was written within one second.
        object.written = id.and_then(parse_time).or(object.written);
        lines.push(Past {
            object,
            id: id.unwrap_or_default().to_owned(),
            is_latest: id.is_none() || blob.text("IsCurrentVersion") == Some("true"),
            is_marker: false,
        });
    }
    Ok(HistoryPage {
        lines,
        next: answer.text("NextMarker").map(str::to_owned),
    })
}

fn listed(operation: &'static str, blob: &Element) -> Result<ListedObject> {
    let bad = |why: &str| StorageError::new(operation, Cause::BadResponse, why);
    let properties = blob
        .child("Properties")
        .ok_or_else(|| bad("a blob without properties"))?;
    let size = properties
        .text("Content-Length")
        .and_then(|size| size.parse().ok());
    let metadata = blob.child("Metadata").map(|metadata| {
        let values = metadata.children.iter();
        values
            .map(|value| (read_name(&value.name), value.text.clone()))
            .collect()
    });
    Ok(ListedObject {
        key: name(blob).ok_or_else(|| bad("a blob without a name"))?,
        size: size.ok_or_else(|| bad("a blob without a size"))?,
        tag: properties.text("Etag").map(|tag| unquoted(tag).to_owned()),
        written: properties.text("Last-Modified").and_then(date),
        hashes: md5_in(properties.text("Content-MD5")),
        metadata: Some(metadata.unwrap_or_default()),
    })
}

fn name(of: &Element) -> Option<Vec<u8>> {
    let name = of.child("Name").filter(|name| !name.text.is_empty())?;
    Some(if name.is_encoded {
        decoded(&name.text)
    } else {
        name.text.clone().into_bytes()
    })
}

#[cfg(test)]
mod tests {
    use super::super::xml;
    use super::*;

    #[test]
    fn a_listing_is_read_with_names_that_xml_cannot_hold() {
        let body = br#"<?xml version="1.0"?><EnumerationResults><Blobs>
            <Blob><Name Encoded="true">bell%07</Name><Properties>
            <Last-Modified>Sun, 22 Nov 2026 12:00:00 GMT</Last-Modified><Etag>0x8D1</Etag>
            <Content-Length>3</Content-Length><Content-MD5>kAFQmDzST7DWlj99KOF/cg==</Content-MD5></Properties>
            <Metadata><tandem_kept_at>1</tandem_kept_at></Metadata></Blob>
            <BlobPrefix><Name>folder/</Name></BlobPrefix></Blobs><NextMarker>more</NextMarker></EnumerationResults>"#;
        let page = page("test", &xml::read(body).unwrap()).unwrap();
        let [blob] = &page.objects[..] else {
            panic!("{page:?}")
        };
        assert_eq!(blob.key, b"bell\x07");
        assert_eq!((blob.size, blob.tag.as_deref()), (3, Some("0x8D1")));
        assert_eq!(blob.hashes.len(), 1);
        assert_eq!(blob.metadata.as_ref().unwrap()["tandem-kept-at"], "1");
        assert_eq!(page.folders, [b"folder/"]);
        assert_eq!(page.next.as_deref(), Some("more"));
    }

    /// As the service itself listed them, but for what is left out (recordings of azure-sdk-for-js, storage-blob).
    #[test]
    fn versions_are_told_apart_by_the_times_in_their_ids() {
        let blob = |more: &str| {
            format!(
                "<Blob><Name>a</Name>{more}<Properties><Last-Modified>Thu, 19 Mar 2020 06:23:15 GMT</Last-Modified>\
                 <Etag>0x8D7</Etag><Content-Length>11</Content-Length></Properties></Blob>"
            )
        };
        let body = [
            blob("<VersionId>2020-03-19T06:23:15.1569236Z</VersionId>"),
            blob(
                "<VersionId>2020-03-19T06:23:15.4071008Z</VersionId><IsCurrentVersion>true</IsCurrentVersion>",
            ),
            blob("<Snapshot>2020-03-19T06:23:16.0000000Z</Snapshot>"),
            blob("<VersionId>2020-03-19T06:23:17.0000000Z</VersionId><Deleted>true</Deleted>"),
            blob(""),
        ];
        let body = format!(
            "<EnumerationResults><Blobs>{}</Blobs><NextMarker /></EnumerationResults>",
            body.concat()
        );
        let page = history("test", &xml::read(body.as_bytes()).unwrap()).unwrap();
        let lines: Vec<_> = page
            .lines
            .iter()
            .map(|line| (line.id.as_str(), line.is_latest))
            .collect();
        let expected = [
            ("2020-03-19T06:23:15.1569236Z", false),
            ("2020-03-19T06:23:15.4071008Z", true),
            ("", true),
        ];
        assert_eq!(lines, expected);
        assert!(page.lines[0].object.written < page.lines[1].object.written);
        assert_eq!(page.next, None);
    }
}
