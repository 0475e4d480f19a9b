//! How an object's state is named: by its ETag, or by its time where the listing has no ETag.
//!
//! A revision has to be the same whether a listing, a HEAD or a write showed it. Nearly every store lists ETags.
//! s3s-fs does not; there a revision is the time of the last write in whole seconds (a HEAD knows no finer one) and
//! the size, `revision_granularity` says so, and what was written less than two of those ago stays in doubt.

use aws_sdk_s3::primitives::DateTime;
use tandem_core::entry::Revision;

use crate::hashes::md5_of_hex;

/// What revisions are made of on a storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marks {
    /// Of ETags.
    Tags,
    /// Of times and sizes.
    Times,
}

impl Marks {
    /// The revision of an object that is shown like this.
    pub(super) fn revision(
        self,
        tag: Option<&str>,
        written: Option<&DateTime>,
        size: u64,
    ) -> Revision {
        let time = || written.map(|at| format!("t{}-{size}", at.secs()));
        let text = match self {
            Self::Tags => tag.map(|tag| unquoted(tag).to_owned()).or_else(time),
            Self::Times => time(),
        };
        text.map_or(Revision::None, |text| Revision::Tag(text.into()))
    }
}

/// An ETag without its quotes: some stores leave them out, some only in listings.
pub(super) fn unquoted(tag: &str) -> &str {
    let tag = tag.trim();
    tag.strip_prefix('"')
        .and_then(|tag| tag.strip_suffix('"'))
        .unwrap_or(tag)
}

/// Whether two ETags, quoted or not, are the same.
pub(super) fn same_tag(one: &str, other: &str) -> bool {
    unquoted(one) == unquoted(other)
}

/// The MD5 that an ETag spells, if it has the form of one. A multipart ETag ends in `-N` and is none ("Checking
/// object integrity", S3 User Guide); whether one of this form *is* one depends on encryption and is probed.
pub(super) fn md5_of_tag(tag: &str) -> Option<[u8; 16]> {
    md5_of_hex(unquoted(tag))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hashes::hex;

    #[test]
    fn a_revision_is_the_same_quoted_or_not() {
        let at = DateTime::from_secs_and_nanos(7, 900_000_000);
        let quoted = Marks::Tags.revision(Some("\"abc\""), Some(&at), 3);
        assert_eq!(quoted, Marks::Tags.revision(Some("abc"), None, 3));
        let listed = Marks::Times.revision(None, Some(&at), 3);
        assert_eq!(
            listed,
            Marks::Times.revision(Some("abc"), Some(&DateTime::from_secs(7)), 3)
        );
    }

    #[test]
    fn an_etag_is_a_hash_only_when_it_has_the_form_of_one() {
        let md5 = "9dd4e461268c8034f5c8564e155c67a6";
        for (tag, is_one) in [
            (md5.to_owned(), true),
            (format!("\"{md5}\""), true),
            (format!("{md5}-2"), false),
            ("9dd4e461268c8034f5c8564e155c67zz".to_owned(), false),
            ("+1+2+3+4+5+6+7+8+9+a+b+c+d+e+f+0".to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(md5_of_tag(&tag).is_some(), is_one, "{tag}");
        }
        assert_eq!(hex(&md5_of_tag(md5).unwrap()), md5);
    }
}
