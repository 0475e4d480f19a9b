//! What a person configured, checked before any request is made.

use std::fmt;

use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::secret_forms::secret_forms;
use tandem_core::storage::{Config, Credentials, Descriptor, FieldKind, Ground};

use super::key::Key;
use crate::form::{field, required, secret, text};
use crate::http::{self, is_loopback};
use crate::objects::keys::folder_prefix;
use crate::objects::parts::Limits;

/// Where the service is ("Request endpoints", request-endpoints).
const ENDPOINT: &str = "https://storage.googleapis.com";

/// The size from which a file goes up over a session (DESIGN 6.5).
const DEFAULT_THRESHOLD: u64 = 50 << 20;

/// The wanted size of a part (DESIGN 6.5).
const DEFAULT_PART: u64 = 5 << 20;

/// What a session takes but for its end is a multiple of this ("Resumable uploads", Uploading the data).
const QUANTUM: u64 = 256 << 10;

/// Objects of 5 TiB, and one write a second to one name ("Quotas & limits", Objects). Parts have no limit of their own:
/// so many are written into a token, and 1 GiB is what may have to be sent again.
pub(super) const LIMITS: Limits = Limits {
    smallest_part: QUANTUM,
    largest_part: 1 << 30,
    most_parts: 10_000,
    largest_object: 5 << 40,
    equal_parts: false,
    writes_per_key: Some(1),
};

/// What a person sees, and fills in.
pub(super) static DESCRIPTOR: Descriptor = Descriptor {
    type_name: "gcs",
    title: "Google Cloud Storage",
    family: "gcs",
    fields: &[
        required(text(
            "bucket",
            "Bucket",
            "The name of the bucket. It must exist.",
        )),
        text(
            "prefix",
            "Folder in the bucket",
            "Everything this storage holds lies below this folder of the bucket.",
        ),
        field(
            "endpoint",
            "Endpoint",
            FieldKind::Url,
            Some(ENDPOINT),
            "The address of the service. With http:// nothing is encrypted on its way.",
        ),
        field(
            "multipart_threshold",
            "Upload in parts from",
            FieldKind::Number,
            Some("52428800"),
            "Files of this many bytes and more are uploaded in parts and go on after a restart.",
        ),
        field(
            "part_size",
            "Size of a part",
            FieldKind::Number,
            Some("5242880"),
            "Bytes in a part, a multiple of 262144. A file that would need too many parts gets larger ones.",
        ),
        secret(required(text(
            "service_account_key",
            "Service account key",
            "The JSON key file of a service account that may use the bucket: all of it, in one line.",
        ))),
    ],
};

/// The checked configuration.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) bucket: String,
    /// Empty, or ending in `/`.
    pub(super) prefix: String,
    /// The address of the service, without a slash at its end.
    pub(super) endpoint: String,
    /// Whether requests are unprotected on their way: plain http was typed.
    pub(super) plain: bool,
    /// Whether the endpoint is this computer, to which no proxy leads.
    pub(super) loopback: bool,
    pub(super) multipart_threshold: u64,
    pub(super) part_size: u64,
    pub(super) key: Key,
}

impl Settings {
    pub(super) fn new(config: &Config, credentials: &Credentials) -> Result<Self> {
        let bucket = config.get("bucket").unwrap_or_default().trim();
        if bucket.is_empty() {
            return Err(wrong("bucket is missing"));
        }
        // "Bucket naming requirements" (buckets#naming).
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
        if !bucket.chars().all(is_name) {
            return Err(wrong(
                "bucket is no bucket name; a folder in the bucket goes into prefix",
            ));
        }
        let key = credentials.get("service_account_key").map(str::trim);
        let key = key.filter(|key| !key.is_empty());
        let key = key.ok_or_else(|| wrong("service_account_key is missing"))?;
        let typed = config.get("endpoint").map(str::trim);
        let typed = typed.filter(|typed| !typed.is_empty()).unwrap_or(ENDPOINT);
        let instead = "the key goes into service_account_key";
        let endpoint =
            http::address("endpoint", typed, instead).map_err(|detail| wrong(&detail))?;
        let part_size = number(config, "part_size", DEFAULT_PART)?;
        if !part_size.is_multiple_of(QUANTUM)
            || !(QUANTUM..=LIMITS.largest_part).contains(&part_size)
        {
            return Err(wrong(
                "part_size is no multiple of 262144, or more than 1 GiB",
            ));
        }
        Ok(Self {
            bucket: bucket.to_owned(),
            prefix: folder_prefix("", config.get("prefix").unwrap_or_default(), "bucket")?,
            plain: endpoint.scheme() == "http",
            loopback: is_loopback(&endpoint),
            endpoint: endpoint.as_str().trim_end_matches('/').to_owned(),
            multipart_threshold: number(config, "multipart_threshold", DEFAULT_THRESHOLD)?
                .clamp(1, LIMITS.largest_part),
            part_size,
            key: Key::read(key).map_err(|why| wrong(&why))?,
        })
    }

    /// Takes every secret out of text that a server sent.
    pub(super) fn redact(&self, text: &str) -> String {
        let lines = self.key.pem.lines().filter(|line| !line.starts_with('-'));
        let forms = lines.flat_map(secret_forms);
        forms.fold(text.to_owned(), |text, form| {
            text.replace(&form, "REDACTED")
        })
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("endpoint", &self.endpoint)
            .field("bucket", &self.bucket)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

/// Where a bucket lies. All of Google's have names of one space. The same bucket can be reached as one of S3, at the same
/// host, so it is named as that provider names it.
pub(super) fn ground(config: &Config) -> Ground {
    let typed = config.get("endpoint").map(str::trim).unwrap_or_default();
    let typed = if typed.is_empty() { ENDPOINT } else { typed };
    let host = http::address("endpoint", typed, "").map_or_else(
        |_| typed.to_owned(),
        |url| {
            let host = url.host_str().unwrap_or_default().trim_end_matches('.');
            let host = if is_loopback(&url) { "localhost" } else { host };
            let port = url.port().filter(|port| ![80, 443].contains(port));
            let port = port.map_or_else(String::new, |port| format!(":{port}"));
            format!("{host}{port}{}", url.path().trim_end_matches('/'))
        },
    );
    let bucket = config.get("bucket").unwrap_or_default().trim();
    Ground {
        storage: format!("s3 {host} {bucket}"),
        folder: config.get("prefix").unwrap_or_default().to_owned(),
    }
}

fn number(config: &Config, key: &str, default: u64) -> Result<u64> {
    config.get(key).map_or(Ok(default), |text| {
        text.parse()
            .map_err(|_| wrong(&format!("{key} is no whole number")))
    })
}

fn wrong(detail: &str) -> StorageError {
    StorageError::new("open", Cause::Other, detail)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn config(pairs: &[(&str, &str)]) -> Config {
        let pairs = pairs
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        Config(pairs.collect())
    }

    #[test]
    fn a_configuration_that_cannot_work_names_the_key() {
        for (pairs, key) in [
            (&[][..], "bucket"),
            (&[("bucket", "a/b")], "bucket"),
            (&[("bucket", "b")], "service_account_key is missing"),
        ] {
            let error = Settings::new(&config(pairs), &Credentials::default()).unwrap_err();
            assert!(error.detail.contains(key), "{pairs:?}: {error}");
        }
        let secret = ("service_account_key".to_owned(), "{}".to_owned());
        let credentials = Credentials(BTreeMap::from([secret]));
        for (pairs, key) in [
            (&[("bucket", "b"), ("endpoint", "ftp://x")][..], "endpoint"),
            (&[("bucket", "b"), ("part_size", "1000000")], "part_size"),
            (&[("bucket", "b"), ("prefix", "a/../b")], "folder"),
            (&[("bucket", "b")], "service_account_key"),
        ] {
            let error = Settings::new(&config(pairs), &credentials).unwrap_err();
            assert!(error.detail.contains(key), "{pairs:?}: {error}");
        }
    }

    #[test]
    fn a_bucket_is_one_ground_also_as_one_of_s3() {
        let plain = ground(&config(&[("bucket", "b"), ("prefix", "p")]));
        let typed = config(&[
            ("bucket", "b"),
            ("endpoint", "https://storage.googleapis.com:443/"),
        ]);
        assert_eq!(plain.storage, ground(&typed).storage);
        assert_eq!(plain.storage, "s3 storage.googleapis.com b");
        assert_ne!(plain.storage, ground(&config(&[("bucket", "c")])).storage);
    }
}
