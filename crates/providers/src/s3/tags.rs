//! ETags: quoted or not, an MD5 or not.

use md5::{Digest, Md5};

use crate::hashes::{hex, md5_of_hex};
use crate::objects::parts::Part;

/// An ETag without its quotes: some stores leave them out, some only in listings.
pub(super) fn unquoted(tag: &str) -> &str {
    let tag = tag.trim();
    tag.strip_prefix('"')
        .and_then(|tag| tag.strip_suffix('"'))
        .unwrap_or(tag)
}

/// The MD5 that an ETag spells, if it has the form of one. A multipart ETag ends in `-N` and is none ("Checking
/// object integrity", S3 User Guide); whether one of this form *is* one depends on encryption and is probed.
pub(super) fn md5_of_tag(tag: &str) -> Option<[u8; 16]> {
    md5_of_hex(unquoted(tag))
}

/// The ETag that S3 gives an upload of these parts: the MD5 of their MD5s, and their number.
pub(super) fn tag_of_parts(parts: &[Part]) -> Option<String> {
    let mut digest = Md5::new();
    for part in parts {
        digest.update(md5_of_tag(&part.md5)?);
    }
    Some(format!("{}-{}", hex(&digest.finalize()), parts.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn the_etag_of_an_upload_is_known_beforehand() {
        // 5 MiB of `a` and one `b`, as moto and s3s-fs answered.
        let part = |number, md5: &str| Part {
            number,
            etag: md5.to_owned(),
            md5: md5.to_owned(),
        };
        let parts = [
            part(1, "79b281060d337b9b2b84ccf390adcf74"),
            part(2, "92eb5ffee6ae2fec3ad71c777531578f"),
        ];
        assert_eq!(
            tag_of_parts(&parts).as_deref(),
            Some("e5a8c5272b26fc10581a21089559b006-2")
        );
    }
}
