//! PROPFIND and its answer, the multistatus (RFC 4918, sections 9.1 and 13).
//!
//! Names are compared by namespace, whatever prefix a server gives them. A property counts only from a `propstat`
//! whose status says that it was found.

use quick_xml::events::{BytesRef, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;

const DAV: &[u8] = b"DAV:";

/// Where ownCloud's properties are, which Nextcloud took over (basic.html, "A note about namespaces URI").
const OWNCLOUD: &[u8] = b"http://owncloud.org/ns";

/// Where Nextcloud's own properties are.
const NEXTCLOUD: &[u8] = b"http://nextcloud.org/ns";

/// What is asked of each item.
pub(super) const PROPFIND: &str = concat!(
    r#"<?xml version="1.0" encoding="utf-8"?>"#,
    r#"<d:propfind xmlns:d="DAV:"><d:prop>"#,
    "<d:resourcetype/><d:getetag/><d:getcontentlength/><d:getlastmodified/>",
    "</d:prop></d:propfind>"
);

/// The same of Nextcloud and ownCloud (docs.nextcloud.com/server/latest/developer_manual/client_apis/WebDAV/basic.html,
/// "Supported properties").
pub(super) const PROPFIND_CLOUD: &str = concat!(
    r#"<?xml version="1.0" encoding="utf-8"?>"#,
    r#"<d:propfind xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns"><d:prop>"#,
    "<d:resourcetype/><d:getetag/><d:getcontentlength/><d:getlastmodified/>",
    "<oc:fileid/><oc:checksums/><oc:permissions/>",
    "</d:prop></d:propfind>"
);

/// What is asked of the trash bin (trashbin.html, "Listing the trashbin content").
pub(super) const PROPFIND_TRASH: &str = concat!(
    r#"<?xml version="1.0" encoding="utf-8"?>"#,
    r#"<d:propfind xmlns:d="DAV:" xmlns:oc="http://owncloud.org/ns" xmlns:nc="http://nextcloud.org/ns"><d:prop>"#,
    "<d:resourcetype/><d:getetag/><d:getcontentlength/><d:getlastmodified/><oc:fileid/>",
    "<nc:trashbin-original-location/><nc:trashbin-deletion-time/>",
    "</d:prop></d:propfind>"
);

/// What is asked of a folder to know how full it is (RFC 4331).
pub(super) const PROPFIND_QUOTA: &str = concat!(
    r#"<?xml version="1.0" encoding="utf-8"?>"#,
    r#"<d:propfind xmlns:d="DAV:"><d:prop>"#,
    "<d:quota-used-bytes/><d:quota-available-bytes/>",
    "</d:prop></d:propfind>"
);

/// Sets when a file was last changed, where a server lets a client do so.
pub(super) fn set_modified(secs: i64) -> String {
    format!(
        r#"<?xml version="1.0" encoding="utf-8"?><d:propertyupdate xmlns:d="DAV:"><d:set><d:prop><d:lastmodified>{secs}</d:lastmodified></d:prop></d:set></d:propertyupdate>"#
    )
}

/// What a server says of one item.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Props {
    pub(super) is_collection: bool,
    pub(super) etag: Option<String>,
    pub(super) length: Option<u64>,
    pub(super) modified: Option<String>,
    /// The number that an item has as long as it is there.
    pub(super) file_id: Option<String>,
    /// What clients said of a file's content: `SHA1:... MD5:...`.
    pub(super) checksums: Option<String>,
    /// One letter for each thing that may be done, and for what it is.
    pub(super) permissions: Option<String>,
    /// Where something in the trash bin was, from the top of the user's files, and when it was deleted, in seconds
    /// since 1970.
    pub(super) trashed_from: Option<String>,
    pub(super) trashed_at: Option<i64>,
    pub(super) quota_used: Option<i64>,
    pub(super) quota_available: Option<i64>,
    /// Whether any property was found at all.
    pub(super) is_found: bool,
}

impl Props {
    /// Adds what another `propstat` found. A server may put the properties of one status into several.
    fn add(&mut self, more: Self) {
        fn fill<T>(field: &mut Option<T>, more: Option<T>) {
            *field = more.or(field.take());
        }
        self.is_collection |= more.is_collection;
        fill(&mut self.etag, more.etag);
        fill(&mut self.length, more.length);
        fill(&mut self.modified, more.modified);
        fill(&mut self.file_id, more.file_id);
        fill(&mut self.checksums, more.checksums);
        fill(&mut self.permissions, more.permissions);
        fill(&mut self.trashed_from, more.trashed_from);
        fill(&mut self.trashed_at, more.trashed_at);
        fill(&mut self.quota_used, more.quota_used);
        fill(&mut self.quota_available, more.quota_available);
        self.is_found = true;
    }
}

/// One `response` of a multistatus.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Response {
    pub(super) href: String,
    /// The status of the item itself, where there is one instead of properties.
    pub(super) status: Option<u16>,
    pub(super) props: Props,
}

/// Where the reader is.
#[derive(Debug, Default)]
struct Reading {
    responses: Vec<Response>,
    /// Local names from the root down; the namespace of those that are looked at was checked.
    open: Vec<Vec<u8>>,
    text: String,
    current: Response,
    props: Props,
    status: Option<u16>,
}

/// The responses of a multistatus, or why it is none.
pub(super) fn multistatus(body: &str) -> Result<Vec<Response>, String> {
    let mut reader = NsReader::from_str(body);
    let mut reading = Reading::default();
    let mut is_multistatus = false;
    loop {
        let (namespace, event) = reader
            .read_resolved_event()
            .map_err(|error| error.to_string())?;
        if matches!(event, Event::Start(_) | Event::Empty(_))
            && is_multistatus
            && reading.open.is_empty()
        {
            return Err("the answer comes twice".to_owned());
        }
        match event {
            Event::Start(element) => {
                let name = known(&namespace, element.local_name().as_ref());
                is_multistatus |= reading.open.is_empty() && name == b"multistatus";
                reading.start(name);
            }
            Event::Empty(element) => {
                let name = known(&namespace, element.local_name().as_ref());
                reading.start(name);
                reading.end();
            }
            Event::End(_) => reading.end(),
            Event::Text(text) => {
                let text = text.decode().map_err(|error| error.to_string())?;
                if reading.open.is_empty() && is_multistatus && !text.trim().is_empty() {
                    // Go's webdav package ends a listing that it could not finish as if it had, and says so behind it.
                    return Err(format!("the answer goes on with {:?}", text.trim()));
                }
                reading.text.push_str(&text);
            }
            Event::CData(data) => {
                let text = data.decode().map_err(|error| error.to_string())?;
                reading.text.push_str(&text);
            }
            Event::GeneralRef(reference) => reading.text.push(character(&reference)?),
            Event::Eof => break,
            _ => {}
        }
    }
    if is_multistatus && reading.open.is_empty() {
        Ok(reading.responses)
    } else {
        Err("it is no complete multistatus".to_owned())
    }
}

/// The local name of an element that may mean something here; of any other, nothing.
fn known(namespace: &ResolveResult<'_>, name: &[u8]) -> Vec<u8> {
    match namespace {
        ResolveResult::Bound(found) if found.as_ref() == DAV => name.to_vec(),
        ResolveResult::Bound(found) if found.as_ref() == OWNCLOUD => [b"oc:", name].concat(),
        ResolveResult::Bound(found) if found.as_ref() == NEXTCLOUD => [b"nc:", name].concat(),
        _ => Vec::new(),
    }
}

fn character(reference: &BytesRef<'_>) -> Result<char, String> {
    if let Some(c) = reference
        .resolve_char_ref()
        .map_err(|error| error.to_string())?
    {
        return Ok(c);
    }
    match &**reference {
        b"amp" => Ok('&'),
        b"lt" => Ok('<'),
        b"gt" => Ok('>'),
        b"quot" => Ok('"'),
        b"apos" => Ok('\''),
        other => Err(format!(
            "an entity that XML does not have: {}",
            String::from_utf8_lossy(other)
        )),
    }
}

impl Reading {
    fn start(&mut self, name: Vec<u8>) {
        match &*name {
            b"response" => self.current = Response::default(),
            b"propstat" => (self.props, self.status) = (Props::default(), None),
            b"collection" if self.is_in(b"resourcetype") => self.props.is_collection = true,
            _ => {}
        }
        self.text.clear();
        self.open.push(name);
    }

    fn end(&mut self) {
        let name = self.open.pop().unwrap_or_default();
        let text = std::mem::take(&mut self.text);
        let text = text.trim();
        if self.is_in(b"prop") {
            self.property(&name, text);
            return;
        }
        match &*name {
            b"href" if self.is_in(b"response") => self.current.href = text.to_owned(),
            b"oc:checksum" if self.is_in(b"oc:checksums") => {
                self.props.checksums = Some(text.to_owned()).filter(|text| !text.is_empty());
            }
            b"status" if self.is_in(b"propstat") => self.status = code(text),
            b"status" if self.is_in(b"response") => self.current.status = code(text),
            // Without a status it is taken for found: some servers leave it out.
            b"propstat" if self.status.is_none_or(|code| code / 100 == 2) => {
                self.current.props.add(std::mem::take(&mut self.props));
            }
            b"response" => self.responses.push(std::mem::take(&mut self.current)),
            _ => {}
        }
    }

    fn is_in(&self, name: &[u8]) -> bool {
        self.open.last().is_some_and(|last| last == name)
    }

    fn property(&mut self, name: &[u8], text: &str) {
        let some = || Some(text.to_owned()).filter(|text| !text.is_empty());
        let props = &mut self.props;
        match name {
            b"getetag" => props.etag = some(),
            b"getcontentlength" => props.length = text.parse().ok(),
            b"getlastmodified" => props.modified = some(),
            b"oc:fileid" => props.file_id = some(),
            b"oc:permissions" => props.permissions = some(),
            b"nc:trashbin-original-location" => props.trashed_from = some(),
            b"nc:trashbin-deletion-time" => props.trashed_at = text.parse().ok(),
            b"quota-used-bytes" => props.quota_used = text.parse().ok(),
            b"quota-available-bytes" => props.quota_available = text.parse().ok(),
            _ => {}
        }
    }
}

/// The code in `HTTP/1.1 200 OK`.
fn code(status: &str) -> Option<u16> {
    status.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder whose type stands apart from its ETag is no file.
    #[test]
    fn properties_are_found_in_every_propstat() {
        let found = |prop: &str| {
            format!(
                "<D:propstat><D:prop>{prop}</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>"
            )
        };
        let body = format!(
            r#"<D:multistatus xmlns:D="DAV:"><D:response><D:href>/a/</D:href>{}{}</D:response></D:multistatus>"#,
            found("<D:resourcetype><D:collection/></D:resourcetype>"),
            found(r#"<D:getetag>"f"</D:getetag>"#),
        );
        let props = multistatus(&body).unwrap().remove(0).props;
        assert!(props.is_collection && props.is_found);
        assert_eq!(props.etag.as_deref(), Some("\"f\""));
    }

    #[test]
    fn properties_count_only_where_they_were_found() {
        let body = r#"<?xml version="1.0"?>
<D:multistatus xmlns:D="DAV:" xmlns:x="other">
 <D:response><D:href>/a%20b/</D:href>
  <D:propstat><D:prop><D:resourcetype><D:collection/></D:resourcetype><D:getetag>"f"</D:getetag></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>
  <D:propstat><D:prop><D:getcontentlength>7</D:getcontentlength></D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat>
 </D:response>
 <D:response><D:href>/a%20b/c&amp;d</D:href>
  <D:propstat><D:prop><D:resourcetype/><x:getetag>wrong</x:getetag><D:getetag>&quot;W&#x2f;1&quot;</D:getetag>
   <D:getcontentlength>12</D:getcontentlength></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>
 </D:response>
 <D:response><D:href>/gone</D:href><D:status>HTTP/1.1 404 Not Found</D:status></D:response>
</D:multistatus>"#;
        let found = multistatus(body).unwrap();
        assert_eq!(found.len(), 3);
        assert!(found[0].props.is_collection && found[0].props.length.is_none());
        assert_eq!(found[0].props.etag.as_deref(), Some("\"f\""));
        assert_eq!(found[1].href, "/a%20b/c&d");
        let file = &found[1].props;
        assert_eq!(file.etag.as_deref(), Some("\"W/1\""));
        assert_eq!((file.length, file.is_collection), (Some(12), false));
        assert_eq!(
            (found[2].status, found[2].props.is_found),
            (Some(404), false)
        );
    }

    #[test]
    fn ids_and_checksums_come_from_their_own_namespace() {
        let body = r#"<d:multistatus xmlns:d="DAV:" xmlns:o="http://owncloud.org/ns"><d:response>
            <d:href>/a</d:href><d:propstat><d:prop><o:fileid>42</o:fileid><d:getetag>"t"</d:getetag>
            <o:checksums><o:checksum>SHA1:ab MD5:cd</o:checksum></o:checksums></d:prop>
            <d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response></d:multistatus>"#;
        let found = multistatus(body).unwrap();
        assert_eq!(found[0].props.file_id.as_deref(), Some("42"));
        assert_eq!(found[0].props.checksums.as_deref(), Some("SHA1:ab MD5:cd"));
        let body = body.replace("http://owncloud.org/ns", "other");
        let found = multistatus(&body).unwrap();
        assert_eq!(
            (&found[0].props.file_id, &found[0].props.checksums),
            (&None, &None)
        );
    }

    #[test]
    fn what_is_cut_or_something_else_is_no_answer() {
        assert_eq!(
            multistatus("<D:multistatus xmlns:D=\"DAV:\"></D:multistatus>\n"),
            Ok(Vec::new())
        );
        for body in [
            "",
            "<html><body>Sign in</body></html>",
            "<multistatus xmlns=\"other\"></multistatus>",
            "<D:multistatus xmlns:D=\"DAV:\"><D:response><D:href>/a</D:href>",
            "<D:multistatus xmlns:D=\"DAV:\"><D:response></D:multistatus>",
            "<D:multistatus xmlns:D=\"DAV:\">&nbsp;</D:multistatus>",
            "<D:multistatus xmlns:D=\"DAV:\"></D:multistatus>Internal Server Error",
            "<D:multistatus xmlns:D=\"DAV:\"></D:multistatus><D:multistatus xmlns:D=\"DAV:\"></D:multistatus>",
        ] {
            assert!(multistatus(body).is_err(), "{body}");
        }
    }
}
