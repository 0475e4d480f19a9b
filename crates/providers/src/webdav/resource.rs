//! An item as a server shows it, and what is made of that: its revision and its entry.
//!
//! A revision has to be the same whether a listing, a look at one file or a write showed it, so it is always taken
//! from PROPFIND. Nearly every server names an ETag there. nginx does not; there a revision is the time of the last
//! write in whole seconds and the size, and what was written less than two of those ago stays in doubt.

use tandem_core::capabilities::Capabilities;
use tandem_core::entry::{ContentHash, Entry, Kind, Mtime, NativeId, Revision};
use tandem_core::path::Name;
use tandem_core::time::Timestamp;

use super::xml::Props;
use crate::hashes::{checksums, md5_hash, md5_of_hex};
use crate::http;

/// What a revision begins with that is made of a time. An ETag has no such characters in a place where it matters:
/// one that looked so would be compared as well as any other.
const TIME: &str = "time:";

/// What the revision of a folder begins with: it stands for all below and is no condition of any request.
const BELOW: &str = "below:";

/// An ETag (RFC 9110, section 8.8.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tag {
    /// Without its quotes and without the sign of weakness.
    pub(super) text: String,
    /// Apache calls a tag weak for the second in which the file was written, and no condition holds for it until then.
    pub(super) is_weak: bool,
}

impl Tag {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (text, is_weak) = match text.strip_prefix("W/") {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        let inside = text
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
            .unwrap_or(text);
        (!inside.is_empty()).then(|| Self {
            text: inside.to_owned(),
            is_weak,
        })
    }

    /// As a condition wants it.
    pub(super) fn quoted(text: &str) -> String {
        format!("\"{text}\"")
    }
}

/// An item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resource {
    pub(super) is_folder: bool,
    pub(super) tag: Option<Tag>,
    pub(super) size: u64,
    /// Whether the server told the size. Of what it makes anew for each reader it tells none (RFC 4918, section 15.4).
    has_size: bool,
    pub(super) modified: Option<Timestamp>,
    /// The number that it keeps, where the server gives one.
    pub(super) id: Option<Box<str>>,
    /// What clients said of the content, where the server remembers it.
    pub(super) hashes: Vec<ContentHash>,
    /// Whether it lies on another server that this one shows: what happens there is not told by ETags
    /// (docs.nextcloud.com/server/latest/developer_manual/client_apis/WebDAV/basic.html, `oc:permissions`: "M = Mounted").
    pub(super) is_mounted: bool,
}

impl Resource {
    pub(super) fn new(props: &Props) -> Self {
        Self {
            is_folder: props.is_collection,
            tag: props.etag.as_deref().and_then(Tag::parse),
            size: props.length.unwrap_or_default(),
            has_size: props.length.is_some(),
            modified: props.modified.as_deref().and_then(http::date),
            id: props.file_id.as_deref().map(Into::into),
            hashes: props
                .checksums
                .as_deref()
                .map(checksums)
                .unwrap_or_default(),
            is_mounted: props
                .permissions
                .as_deref()
                .is_some_and(|letters| letters.contains('M')),
        }
    }

    /// The revision of a file.
    pub(super) fn revision(&self) -> Revision {
        let tag = self.tag.as_ref().map(|tag| tag.text.clone());
        tag.or_else(|| self.modified.map(|at| of_time(at, self.size)))
            .map_or(Revision::None, |text| Revision::Tag(text.into()))
    }

    /// The item as an entry called `name`.
    pub(super) fn entry(&self, name: Name, capabilities: &Capabilities) -> Entry {
        let id = self.id.clone().map(NativeId::Text);
        if self.is_folder {
            let covers = capabilities.folder_revision_covers_subtree && !self.is_mounted;
            let tag = self.tag.as_ref().filter(|_| covers);
            return Entry {
                id,
                revision: tag.map_or(Revision::None, |tag| of_folder(&tag.text)),
                ..Entry::folder(name)
            };
        }
        let has_md5_tags = capabilities.revision_is_content;
        let tag = self.tag.as_ref().filter(|_| has_md5_tags);
        let md5 = tag.and_then(|tag| md5_of_hex(&tag.text));
        Entry {
            name,
            // By no size it could only be read as empty.
            kind: if self.has_size {
                Kind::File
            } else {
                Kind::Opaque
            },
            size: self.size,
            mtime: self.modified.map(|at| Mtime {
                at,
                by_client: capabilities.mtime,
            }),
            executable: None,
            id,
            revision: self.revision(),
            hashes: md5
                .map(md5_hash)
                .into_iter()
                .chain(self.hashes.clone())
                .collect(),
            target: None,
        }
    }
}

/// A revision where there is no ETag.
pub(super) fn of_time(at: Timestamp, size: u64) -> String {
    format!("{TIME}{}-{size}", at.secs())
}

fn of_folder(tag: &str) -> Revision {
    Revision::Tag(format!("{BELOW}{tag}").into())
}

/// Whether a revision is one of a folder.
pub(super) fn is_of_folder(revision: &Revision) -> bool {
    match revision {
        Revision::None => true,
        Revision::Tag(text) => text.starts_with(BELOW),
        Revision::Fingerprint { .. } => false,
    }
}

/// The ETag that a revision is; `None` where it is made of a time.
pub(super) fn tag_of(revision: &Revision) -> Option<&str> {
    match revision {
        Revision::Tag(text) => {
            Some(&**text).filter(|text| !text.starts_with(TIME) && !text.starts_with(BELOW))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_the_same_weak_or_strong_quoted_or_not() {
        let tag = |text: &str| Tag::parse(text).map(|tag| (tag.text, tag.is_weak));
        assert_eq!(tag("\"a-b\""), Some(("a-b".to_owned(), false)));
        assert_eq!(tag("a-b"), Some(("a-b".to_owned(), false)));
        assert_eq!(tag("W/\"a-b\""), Some(("a-b".to_owned(), true)));
        assert_eq!(tag("\"\""), None);
        let one = |etag: &str| {
            let props = Props {
                etag: Some(etag.to_owned()),
                ..Props::default()
            };
            Resource::new(&props).revision()
        };
        assert_eq!(one("W/\"x\""), one("\"x\""));
    }

    #[test]
    fn what_has_no_size_is_listed_and_no_empty_file() {
        let kind = |length| {
            let props = Props {
                etag: Some("\"x\"".to_owned()),
                length,
                ..Props::default()
            };
            let name = Name::new("report").unwrap();
            let found = Resource::new(&props).entry(name, &Capabilities::least());
            (found.kind, found.size)
        };
        assert_eq!(kind(Some(0)), (Kind::File, 0));
        assert_eq!(kind(Some(7)), (Kind::File, 7));
        assert_eq!(kind(None), (Kind::Opaque, 0));
    }

    #[test]
    fn a_revision_of_a_time_is_no_tag() {
        let props = Props {
            modified: Some("Sun, 06 Nov 1994 08:49:37 GMT".to_owned()),
            length: Some(9),
            ..Props::default()
        };
        let revision = Resource::new(&props).revision();
        assert_eq!(revision, Revision::Tag("time:784111777-9".into()));
        assert_eq!(tag_of(&revision), None);
        assert_eq!(tag_of(&Revision::Tag("abc".into())), Some("abc"));
    }
}
