//! Between paths and keys. A root is a prefix of keys; a folder `k` is whatever lies below `k/`, and the empty object
//! `k/` where nothing else does (DESIGN 5.8).

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::path::RelPath;

pub(super) use tandem_core::storage::OWN_FOLDER;

/// Longest key in bytes: "Naming Amazon S3 objects" (S3 User Guide).
pub(super) const LONGEST_KEY: usize = 1_024;

/// What `x-amz-copy-source` leaves as it is: "The value must be URL-encoded" (API Reference, CopyObject).
const IN_COPY_SOURCE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// The key of the object at `path` below `prefix`.
pub(super) fn object_key(prefix: &str, path: &RelPath, operation: &'static str) -> Result<String> {
    let key = format!("{prefix}{path}");
    if key.len() > LONGEST_KEY {
        let detail = format!("the key has {} bytes, {LONGEST_KEY} are allowed", key.len());
        return Err(StorageError::new(operation, Cause::NameRefused, detail).at(path));
    }
    Ok(key)
}

/// The prefix of all keys below the folder `path`; of a folder's marker, the key.
pub(super) fn folder_key(prefix: &str, path: &RelPath, operation: &'static str) -> Result<String> {
    if path.is_root() {
        return Ok(prefix.to_owned());
    }
    let mut key = object_key(prefix, path, operation)?;
    key.push('/');
    if key.len() > LONGEST_KEY {
        let detail = "no room for a key below it";
        return Err(StorageError::new(operation, Cause::NameRefused, detail).at(path));
    }
    Ok(key)
}

/// `bucket/key`, with the version where one is meant, as a copy names its source.
pub(super) fn copy_source(bucket: &str, key: &str, version: Option<&str>) -> String {
    let mut source = format!(
        "{bucket}/{}",
        percent_encode(key.as_bytes(), IN_COPY_SOURCE)
    );
    if let Some(version) = version {
        source.push_str("?versionId=");
        source.extend(percent_encode(version.as_bytes(), NON_ALPHANUMERIC));
    }
    source
}

/// `text` with everything but letters and digits written as `%XX`, for a metadata header.
pub(super) fn encoded(text: &str) -> String {
    percent_encode(text.as_bytes(), NON_ALPHANUMERIC).to_string()
}

/// The bytes that a url-encoded listing means: `+` is a space there ("ListObjectsV2", `encoding-type`).
pub(super) fn decoded(text: &str) -> Vec<u8> {
    let spaced = text.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_encoding() {
        let name = "a b+c%41ü\u{1}/d";
        assert_eq!(decoded(&encoded(name)), name.as_bytes());
        assert_eq!(decoded("a%20b+c%2Bd"), b"a b c+d");
        assert_eq!(
            copy_source("b", "x y/+.txt", Some("v=1")),
            "b/x%20y/%2B.txt?versionId=v%3D1"
        );
    }

    #[test]
    fn a_key_that_is_too_long_is_refused_before_it_is_sent() {
        let path = RelPath::new(&"n".repeat(1_024)).unwrap();
        assert!(object_key("", &path, "commit").is_ok());
        assert_eq!(
            object_key("p/", &path, "commit").unwrap_err().cause,
            Cause::NameRefused
        );
        assert_eq!(
            folder_key("", &path, "commit").unwrap_err().cause,
            Cause::NameRefused
        );
        assert_eq!(folder_key("p/", &RelPath::root(), "list").unwrap(), "p/");
    }
}
