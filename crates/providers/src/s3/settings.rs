//! What a person configured, checked before any request is made.

use std::fmt;

use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::secret_forms::secret_forms;
use tandem_core::storage::{Config, Credentials, Ground};
use url::Url;

use super::services::{Address, SMALLEST_PART, Service};
use crate::http::{self, is_loopback};
use crate::objects::keys::folder_prefix;
use crate::objects::parts::Limits;

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
    pub(super) limits: Limits,
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
        let Address { endpoint, region } = service.address(config)?;
        let limits = limits(service, config)?;
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
        if !(SMALLEST_PART..=limits.largest_part).contains(&part_size) {
            return Err(wrong(&format!(
                "part_size is not between {} and {}",
                in_units(SMALLEST_PART),
                in_units(limits.largest_part)
            )));
        }
        Ok(Self {
            plain: endpoint.as_ref().is_some_and(|url| url.scheme() == "http"),
            loopback: endpoint.as_ref().is_some_and(is_loopback),
            endpoint: endpoint.map(|url| url.as_str().trim_end_matches('/').to_owned()),
            region,
            bucket: bucket.to_owned(),
            prefix: folder_prefix("", config.get("prefix").unwrap_or_default(), "bucket")?,
            path_style,
            multipart_threshold: number(config, "multipart_threshold", DEFAULT_THRESHOLD)?
                .clamp(1, limits.largest_part),
            part_size,
            largest_copy: number(config, "largest_copy", limits.largest_part)?
                .clamp(SMALLEST_PART, limits.largest_part),
            limits,
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

/// Where a bucket lies. A service is told by its host: ports that go without saying, the type of storage and how the
/// bucket is addressed make no other service of it.
pub(super) fn ground(service: &Service, config: &Config) -> Ground {
    let service = match service.address(config).map(|address| address.endpoint) {
        Ok(None) => AMAZON.to_owned(),
        Ok(Some(url)) => service_at(&url),
        // Nothing will open it; it is like nothing but itself.
        Err(_) => format!("{} {:?}", service.descriptor.type_name, config.0),
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

/// The limits of the service, or those that a person knows of one that has no row of its own.
fn limits(service: &Service, config: &Config) -> Result<Limits> {
    let known = service.limits;
    let typed = number(config, "most_parts", known.most_parts.into())?;
    // More than this are more than the numbers that parts have.
    let most_parts = typed.clamp(1, Limits::AMAZON.most_parts.into());
    Ok(Limits {
        most_parts: u32::try_from(most_parts).unwrap_or(known.most_parts),
        ..known
    })
}

pub(super) fn check_endpoint(text: &str) -> Result<Url> {
    http::address("endpoint", text, "keys go into access_key_id").map_err(|detail| wrong(&detail))
}

fn number(config: &Config, key: &str, default: u64) -> Result<u64> {
    config.get(key).map_or(Ok(default), |text| {
        text.parse()
            .map_err(|_| wrong(&format!("{key} is no whole number")))
    })
}

pub(super) fn wrong(detail: &str) -> StorageError {
    StorageError::new("open", Cause::Other, detail)
}

/// A limit in the unit in which its service documents it.
fn in_units(bytes: u64) -> String {
    let units = [
        (1 << 30, "GiB"),
        (1 << 20, "MiB"),
        (1_000_000_000, "GB"),
        (1_000_000, "MB"),
    ];
    let unit = units
        .into_iter()
        .find(|(size, _)| bytes.is_multiple_of(*size));
    unit.map_or_else(
        || format!("{bytes} bytes"),
        |(size, unit)| format!("{} {unit}", bytes / size),
    )
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
            ground(&SERVICES[0], &Config(config.collect())).storage
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
    fn a_bucket_is_one_ground_whichever_row_it_was_added_by() {
        let of = |type_name: &str, values: &[(&str, &str)]| {
            let mut services = SERVICES.iter();
            let service = services.find(|one| one.descriptor.type_name == type_name);
            let values = values.iter().chain(&[("bucket", "b")]);
            let config = values.map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
            ground(service.unwrap(), &Config(config.collect())).storage
        };
        let typed = [("endpoint", "https://s3.fr-par.scw.cloud:443")];
        assert_eq!(
            of("scaleway", &[("region", "fr-par")]),
            of("s3-compatible", &typed)
        );
        assert_ne!(
            of("scaleway", &[("region", "fr-par")]),
            of("scaleway", &[("region", "nl-ams")])
        );
        assert_ne!(of("scaleway", &[]), of("wasabi", &[]));
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
