//! Between paths and addresses. What a server names is taken apart at its raw slashes before anything is decoded, so
//! that no encoded slash makes another path of it (P11).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use tandem_core::path::RelPath;
use url::Url;

/// What a name leaves as it is: the unreserved characters (RFC 3986, section 2.3).
pub(super) const IN_A_NAME: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// What an address ends in: servers tell a folder from a file by the slash, and nginx insists on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// A slash.
    Folder,
    /// None.
    File,
}

/// The address of `path` below `base`, which ends in a slash.
pub(super) fn below(base: &Url, path: &RelPath, ending: Ending) -> Url {
    let mut text = base.path().to_owned();
    for (nth, name) in path.names().enumerate() {
        if nth > 0 {
            text.push('/');
        }
        text.extend(percent_encode(name.as_str().as_bytes(), IN_A_NAME));
    }
    if ending == Ending::Folder && !text.ends_with('/') {
        text.push('/');
    }
    let mut url = base.clone();
    url.set_path(&text);
    url
}

/// The names in the path of an address or of an `href`, decoded. The slashes around them tell nothing.
pub(super) fn decoded(href: &str) -> Vec<Vec<u8>> {
    let path = match href.find("://") {
        // An absolute address (RFC 4918, section 8.3): its path begins behind the host.
        Some(at) if !href[..at].contains('/') => {
            let rest = &href[at + 3..];
            rest.find('/').map_or("", |slash| &rest[slash..])
        }
        _ => href,
    };
    path.split('/')
        .filter(|name| !name.is_empty())
        .map(|name| percent_decode_str(name).collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_being_an_address() {
        let base = Url::parse("https://h.example/a%20b/").unwrap();
        for text in ["x/y", "50%/a+b?#&.txt", "ü/ .. /...", "%41", "a\\b\n\u{7}"] {
            let path = RelPath::new(text).unwrap();
            for ending in [Ending::File, Ending::Folder] {
                let url = below(&base, &path, ending);
                let names: Vec<_> = path
                    .names()
                    .map(|n| n.as_str().as_bytes().to_vec())
                    .collect();
                let wanted = [vec![b"a b".to_vec()], names].concat();
                assert_eq!(decoded(url.path()), wanted, "{url}");
                assert_eq!(decoded(url.as_str()), wanted, "{url}");
                assert_eq!(url.as_str().ends_with('/'), ending == Ending::Folder);
            }
        }
    }

    #[test]
    fn an_encoded_slash_stays_within_its_name() {
        assert_eq!(decoded("/a/b%2Fc/"), [b"a".to_vec(), b"b/c".to_vec()]);
        assert_eq!(decoded("/a/x://y"), [&b"a"[..], b"x:", b"y"]);
    }
}
