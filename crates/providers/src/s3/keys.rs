//! Keys as S3's requests and answers write them.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

/// Longest key in bytes: "Naming Amazon S3 objects" (S3 User Guide).
pub(super) const LONGEST_KEY: usize = 1_024;

/// What `x-amz-copy-source` leaves as it is: "The value must be URL-encoded" (API Reference, CopyObject).
const IN_COPY_SOURCE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'/')
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

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

/// The bytes that a url-encoded listing means: `+` is a space there ("ListObjectsV2", `encoding-type`).
pub(super) fn decoded(text: &str) -> Vec<u8> {
    let spaced = text.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_written_so_that_they_come_back() {
        assert_eq!(decoded("a%20b+c%2Bd"), b"a b c+d");
        assert_eq!(
            copy_source("b", "x y/+.txt", Some("v=1")),
            "b/x%20y/%2B.txt?versionId=v%3D1"
        );
    }
}
