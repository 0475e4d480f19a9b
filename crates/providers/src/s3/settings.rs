//! What a person configured, checked before any request is made.

use std::fmt;

use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::secret_forms::secret_forms;
use tandem_core::storage::{Config, Credentials, Ground};
use url::Url;

use super::services::Service;
use crate::http::{self, is_loopback};

/// Smallest part but the last: "Amazon S3 multipart upload limits" (S3 User Guide, qfacts).
pub(super) const SMALLEST_PART: u64 = 5 << 20;
/// Largest part, and the largest object that one request writes or copies (same page).
pub(super) const LARGEST_PART: u64 = 5 << 30;
/// The size from which a file goes up in parts (DESIGN 6.5).
const DEFAULT_THRESHOLD: u64 = 50 << 20;

/// The checked configuration.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) endpoint: Option<String>,
    pub(super) region: String,
    pub(super) bucket: String,
    /// Empty, or ending in `/`.
    pub(super) prefix: String,
    pub(super) path_style: bool,
    /// Whether requests are unprotected on their way: plain http was typed.
    pub(super) plain: bool,
    /// Whether the endpoint is this computer, to which no proxy leads.
    pub(super) loopback: bool,
    pub(super) multipart_threshold: u64,
    pub(super) part_size: u64,
    pub(super) largest_copy: u64,
    pub(super) most_parts: u32,
    pub(super) access_key_id: String,
    pub(super) secret_access_key: String,
    pub(super) session_token: Option<String>,
}

impl Settings {
    pub(super) fn new(
        service: &Service,
        config: &Config,
        credentials: &Credentials,
    ) -> Result<Self> {
        let endpoint = config.get("endpoint").map(check_endpoint).transpose()?;
        if endpoint.is_none() && service.needs_endpoint {
            return Err(wrong("endpoint is missing"));
        }
        let bucket = config
            .get("bucket")
            .ok_or_else(|| wrong("bucket is missing"))?;
        if bucket.contains(['/', '?', '#', ' ']) {
            return Err(wrong(
                "bucket is no bucket name; a folder in the bucket goes into prefix",
            ));
        }
        let path_style = match config.get("path_style") {
            // A bucket with dots in its name has no certificate as a host name.
            None => endpoint.is_some() || bucket.contains('.'),
            Some("true") => true,
            Some("false") => false,
            Some(_) => return Err(wrong("path_style is neither true nor false")),
        };
        let secret = |key: &str| credentials.get(key).filter(|value| !value.is_empty());
        let part_size = number(config, "part_size", SMALLEST_PART)?;
        if !(SMALLEST_PART..=LARGEST_PART).contains(&part_size) {
            return Err(wrong("part_size is not between 5 MiB and 5 GiB"));
        }
        Ok(Self {
            plain: endpoint.as_ref().is_some_and(|url| url.scheme() == "http"),
            loopback: endpoint.as_ref().is_some_and(is_loopback),
            endpoint: endpoint.map(|url| url.as_str().trim_end_matches('/').to_owned()),
            region: config.get("region").unwrap_or("us-east-1").to_owned(),
            bucket: bucket.to_owned(),
            prefix: folder_prefix("", config.get("prefix").unwrap_or_default())?,
            path_style,
            multipart_threshold: number(config, "multipart_threshold", DEFAULT_THRESHOLD)?
                .clamp(1, LARGEST_PART),
            part_size,
            largest_copy: number(config, "largest_copy", LARGEST_PART)?
                .clamp(SMALLEST_PART, LARGEST_PART),
            most_parts: service.most_parts,
            access_key_id: secret("access_key_id")
                .ok_or_else(|| wrong("access_key_id is missing"))?
                .to_owned(),
            secret_access_key: secret("secret_access_key")
                .ok_or_else(|| wrong("secret_access_key is missing"))?
                .to_owned(),
            session_token: secret("session_token").map(str::to_owned),
        })
    }

    /// Whether this is Amazon's own service, whose documents hold.
    pub(super) const fn is_amazon(&self) -> bool {
        self.endpoint.is_none()
    }

    /// Takes every secret out of text that a server sent.
    pub(super) fn redact(&self, text: &str) -> String {
        [
            Some(&self.secret_access_key),
            self.session_token.as_ref(),
            Some(&self.access_key_id),
        ]
        .into_iter()
        .flatten()
        .flat_map(|secret| secret_forms(secret))
        .fold(text.to_owned(), |text, form| {
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

/// `base` followed by the folder `path`, ending in `/` unless empty. Slashes around it are forgiven, since people
/// type them; segments that no key of Tandem's may have are not.
pub(super) fn folder_prefix(base: &str, path: &str) -> Result<String> {
    let path = path.trim_matches('/');
    if path.is_empty() {
        return Ok(base.to_owned());
    }
    tandem_core::path::RelPath::new(path).map_err(|error| {
        wrong(&format!(
            "the folder {path:?} cannot be in a bucket: {error}"
        ))
    })?;
    Ok(format!("{base}{path}/"))
}

/// Where a bucket lies. A service is told by its host: ports that go without saying, the type of storage and how the
/// bucket is addressed make no other service of it.
pub(super) fn ground(config: &Config) -> Ground {
    let endpoint = config.get("endpoint").map(str::trim);
    let service = match endpoint.map(Url::parse) {
        None => AMAZON.to_owned(),
        Some(Ok(url)) => service_at(&url),
        // Nothing will open it; it is like nothing but itself.
        Some(Err(_)) => endpoint.unwrap_or_default().to_owned(),
    };
    Ground {
        storage: format!("s3 {service} {}", config.get("bucket").unwrap_or_default()),
        folder: config.get("prefix").unwrap_or_default().to_owned(),
    }
}

/// Amazon's buckets have one name in all regions of a partition, whichever of its addresses is used.
const AMAZON: &str = "amazonaws.com";
const AMAZON_IN_CHINA: &str = "amazonaws.com.cn";

fn service_at(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default().trim_end_matches('.');
    for amazon in [AMAZON, AMAZON_IN_CHINA] {
        if host
            .strip_suffix(amazon)
            .is_some_and(|rest| rest.ends_with('.'))
        {
            return amazon.to_owned();
        }
    }
    let host = if is_loopback(url) { "localhost" } else { host };
    let port = url.port().filter(|port| ![80, 443].contains(port));
    let port = port.map_or_else(String::new, |port| format!(":{port}"));
    format!("{host}{port}{}", url.path().trim_end_matches('/'))
}

fn check_endpoint(text: &str) -> Result<Url> {
    http::address("endpoint", text, "keys go into access_key_id").map_err(|detail| wrong(&detail))
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
    use super::super::services::SERVICES;
    use super::*;

    fn open(pairs: &[(&str, &str)]) -> Result<Settings> {
        let config = Config(
            pairs
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
        );
        let keys = [
            ("access_key_id", "AKIDEXAMPLE"),
            ("secret_access_key", "wJalrXUt"),
        ];
        let credentials = Credentials(
            keys.into_iter()
                .map(|(k, v)| (k.to_owned(), v.to_owned()))
                .collect(),
        );
        Settings::new(&SERVICES[0], &config, &credentials)
    }

    #[test]
    fn a_configuration_that_cannot_work_names_the_key() {
        for (pairs, key) in [
            (&[][..], "bucket"),
            (&[("bucket", "a/b")], "bucket"),
            (
                &[("bucket", "b"), ("endpoint", "s3.example.org")],
                "endpoint",
            ),
            (
                &[("bucket", "b"), ("endpoint", "ftp://s3.example.org")],
                "endpoint",
            ),
            (
                &[
                    ("bucket", "b"),
                    ("endpoint", "https://me:pw@s3.example.org"),
                ],
                "endpoint",
            ),
            (&[("bucket", "b"), ("path_style", "yes")], "path_style"),
            (&[("bucket", "b"), ("part_size", "1000")], "part_size"),
            (&[("bucket", "b"), ("prefix", "a/../b")], "folder"),
        ] {
            let error = open(pairs).unwrap_err();
            assert!(error.detail.contains(key), "{pairs:?}: {error}");
        }
    }

    #[test]
    fn a_bucket_is_one_ground_however_it_is_spoken_to() {
        let of = |endpoint: &str, more: &[(&str, &str)]| {
            let values = [("endpoint", endpoint), ("bucket", "b")];
            let values = values.iter().chain(more);
            let config = values.map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
            ground(&Config(config.collect())).storage
        };
        let tuned = [
            ("region", "eu"),
            ("path_style", "true"),
            ("part_size", "9000000"),
        ];
        for (one, other) in [
            ("https://s3.example.org", "http://S3.example.org.:80/"),
            ("http://127.0.0.1:9000", "http://localhost:9000/"),
            ("", "https://s3.eu-central-1.amazonaws.com"),
        ] {
            assert_eq!(of(one, &[]), of(other, &tuned), "{one} {other}");
        }
        for (one, other) in [
            ("https://s3.example.org", "https://s3.example.com"),
            ("http://127.0.0.1:9000", "http://127.0.0.1:9001"),
            ("", "https://s3.cn-north-1.amazonaws.com.cn"),
            ("", "https://notamazonaws.com"),
            ("https://h.example/a", "https://h.example/b"),
        ] {
            assert_ne!(of(one, &[]), of(other, &[]), "{one} {other}");
        }
        assert_ne!(of("", &[]), of("", &[("bucket", "c")]));
    }

    #[test]
    fn an_endpoint_that_cannot_be_read_is_named_without_its_password() {
        for text in [
            "https://me:hunter2@s3.example.org:port",
            "me:hunter2@s3.example.org",
            "https://me:hunter2@[::1",
            "https://me:hunt@er2@s3.example.org:99999",
        ] {
            let error = open(&[("bucket", "b"), ("endpoint", text)]).unwrap_err();
            assert!(error.detail.contains("endpoint"), "{error}");
            assert!(!error.detail.contains("hunt"), "{error}");
        }
    }

    #[test]
    fn no_text_shows_a_secret() {
        let settings = open(&[("bucket", "b"), ("prefix", "/docs/")]).unwrap();
        assert_eq!(settings.prefix, "docs/");
        assert!(!settings.path_style);
        let shown = format!(
            "{settings:?} {}",
            settings.redact("key AKIDEXAMPLE with wJalrXUt")
        );
        assert!(
            !shown.contains("AKID") && !shown.contains("wJalr"),
            "{shown}"
        );
    }
}
