//! Between paths and keys. A root is a prefix of keys; a folder `k` is whatever lies below `k/`, and the empty object
//! `k/` where nothing else does (DESIGN 5.8).

use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::path::RelPath;

/// The key of the object at `path` below `prefix`, of at most `longest` bytes.
pub(super) fn object_key(
    prefix: &str,
    path: &RelPath,
    longest: usize,
    operation: &'static str,
) -> Result<String> {
    let key = format!("{prefix}{path}");
    if key.len() > longest {
        let detail = format!("the key has {} bytes, {longest} are allowed", key.len());
        return Err(StorageError::new(operation, Cause::NameRefused, detail).at(path));
    }
    Ok(key)
}

/// The prefix of all keys below the folder `path`; of a folder's marker, the key.
pub(super) fn folder_key(
    prefix: &str,
    path: &RelPath,
    longest: usize,
    operation: &'static str,
) -> Result<String> {
    if path.is_root() {
        return Ok(prefix.to_owned());
    }
    let mut key = object_key(prefix, path, longest, operation)?;
    key.push('/');
    if key.len() > longest {
        let detail = "no room for a key below it";
        return Err(StorageError::new(operation, Cause::NameRefused, detail).at(path));
    }
    Ok(key)
}

/// `base` followed by the folder `path`, ending in `/` unless empty. Slashes around it are forgiven, since people
/// type them; segments that no key of Tandem's may have are not.
pub(crate) fn folder_prefix(base: &str, path: &str, word: &str) -> Result<String> {
    let path = path.trim_matches('/');
    if path.is_empty() {
        return Ok(base.to_owned());
    }
    RelPath::new(path).map_err(|error| {
        let detail = format!("the folder {path:?} cannot be in a {word}: {error}");
        StorageError::new("open", Cause::Other, detail)
    })?;
    Ok(format!("{base}{path}/"))
}

/// `text` with everything but letters and digits written as `%XX`, for a metadata header.
pub(crate) fn encoded(text: &str) -> String {
    percent_encode(text.as_bytes(), NON_ALPHANUMERIC).to_string()
}

/// The bytes that percent-encoded text means.
pub(crate) fn decoded(text: &str) -> Vec<u8> {
    percent_encoding::percent_decode_str(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_encoding() {
        let name = "a b+c%41ü\u{1}/d";
        assert_eq!(decoded(&encoded(name)), name.as_bytes());
    }

    #[test]
    fn a_key_that_is_too_long_is_refused_before_it_is_sent() {
        let path = RelPath::new(&"n".repeat(1_024)).unwrap();
        assert!(object_key("", &path, 1_024, "commit").is_ok());
        assert_eq!(
            object_key("p/", &path, 1_024, "commit").unwrap_err().cause,
            Cause::NameRefused
        );
        assert_eq!(
            folder_key("", &path, 1_024, "commit").unwrap_err().cause,
            Cause::NameRefused
        );
        assert_eq!(
            folder_key("p/", &RelPath::root(), 1_024, "list").unwrap(),
            "p/"
        );
    }
}
