//! What a person configured, checked before any request is made.

use std::fmt;

use aws_smithy_types::base64;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::secret_forms::secret_forms;
use tandem_core::storage::{Config, Credentials, Descriptor, FieldKind, Ground};
use url::Url;

use super::auth::Auth;
use super::connection::Connection;
use crate::form::{field, required, secret, text};
use crate::http::{self, is_loopback};
use crate::objects::keys::folder_prefix;
use crate::objects::parts::Limits;

/// The size from which a file goes up in parts (DESIGN 6.5).
const DEFAULT_THRESHOLD: u64 = 50 << 20;

/// The wanted size of a part (DESIGN 6.5).
const DEFAULT_PART: u64 = 5 << 20;

/// Largest Put Blob: 5,000 MiB ("Put Blob", Remarks). A file of more goes up in blocks, whatever was set.
const LARGEST_PUT: u64 = 5_000 << 20;

/// "Scalability and performance targets for Blob storage": 50,000 blocks of 4,000 MiB, 190.7 TiB. There is no smallest
/// block; less than 1 MiB would be requests and little else.
pub(super) const LIMITS: Limits = Limits {
    smallest_part: 1 << 20,
    largest_part: 4_000 << 20,
    most_parts: 50_000,
    largest_object: 50_000 * (4_000 << 20),
    equal_parts: false,
    writes_per_key: None,
};

/// What a person sees, and fills in.
pub(super) static DESCRIPTOR: Descriptor = Descriptor {
    type_name: "azure",
    title: "Azure Blob Storage",
    family: "azure",
    fields: &[
        required(text(
            "account",
            "Storage account",
            "The name of the storage account.",
        )),
        required(text(
            "container",
            "Container",
            "The name of the container. It must exist.",
        )),
        text(
            "prefix",
            "Folder in the container",
            "Everything this storage holds lies below this folder of the container.",
        ),
        field(
            "endpoint",
            "Endpoint",
            FieldKind::Url,
            None,
            "The address of the blob service, if it is not https://ACCOUNT.blob.core.windows.net. With http:// nothing is encrypted on its way.",
        ),
        field(
            "multipart_threshold",
            "Upload in blocks from",
            FieldKind::Number,
            Some("52428800"),
            "Files of this many bytes and more are uploaded in blocks and go on after a restart.",
        ),
        field(
            "part_size",
            "Size of a block",
            FieldKind::Number,
            Some("5242880"),
            "Bytes in a block. A file that would need too many blocks gets larger ones.",
        ),
        secret(text(
            "account_key",
            "Account key",
            "One of the two keys of the account. Give this, a SAS, or a connection string.",
        )),
        secret(text(
            "sas",
            "Shared access signature",
            "A SAS for the container or the account, with the rights to read, add, create, write, delete and list.",
        )),
        secret(text(
            "connection_string",
            "Connection string",
            "As the portal shows it under Access keys, or under Shared access signature.",
        )),
    ],
};

/// The checked configuration.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) account: String,
    pub(super) container: String,
    /// Empty, or ending in `/`.
    pub(super) prefix: String,
    /// The address of the blob service, without a slash at its end.
    pub(super) endpoint: String,
    /// Whether requests are unprotected on their way: plain http was typed.
    pub(super) plain: bool,
    /// Whether the endpoint is this computer, to which no proxy leads.
    pub(super) loopback: bool,
    pub(super) multipart_threshold: u64,
    pub(super) part_size: u64,
    pub(super) auth: Auth,
    /// What no text may show.
    secrets: Vec<String>,
}

impl Settings {
    pub(super) fn new(config: &Config, credentials: &Credentials) -> Result<Self> {
        let account = named(config, "account", |c| {
            c.is_ascii_lowercase() || c.is_ascii_digit()
        })?;
        let container = named(config, "container", |c| {
            c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '$'
        })?;
        let given = |key| {
            credentials
                .get(key)
                .map(str::trim)
                .filter(|text| !text.is_empty())
        };
        let connection = given("connection_string").map_or(Ok(Connection::default()), |text| {
            Connection::read(text).map_err(|why| wrong(&why))
        })?;
        let (key, sas) = match (given("account_key"), given("sas")) {
            (None, None) => (connection.key.clone(), connection.sas.clone()),
            (key, sas) if given("connection_string").is_none() => {
                (key.map(str::to_owned), sas.map(str::to_owned))
            }
            _ => {
                return Err(wrong(
                    "connection_string is given beside account_key or sas; one is enough",
                ));
            }
        };
        let auth = match (&key, &sas) {
            (Some(_), Some(_)) => {
                return Err(wrong("account_key and sas are both given; one is enough"));
            }
            (Some(key), None) => Auth::Key(
                base64::decode(key)
                    .map_err(|_| wrong("the account key is no base64: it was not copied whole"))?,
            ),
            (None, Some(sas)) => Auth::Sas(sas.trim_start_matches('?').to_owned()),
            (None, None) => {
                return Err(wrong(
                    "account_key is missing; a sas or a connection_string does as well",
                ));
            }
        };
        let endpoint = endpoint(config, &account, &connection)?;
        let part_size = number(config, "part_size", DEFAULT_PART)?;
        if !(LIMITS.smallest_part..=LIMITS.largest_part).contains(&part_size) {
            return Err(wrong("part_size is not between 1 MiB and 4000 MiB"));
        }
        let secrets = [key, sas, given("connection_string").map(str::to_owned)];
        Ok(Self {
            prefix: folder_prefix("", config.get("prefix").unwrap_or_default(), "container")?,
            plain: endpoint.scheme() == "http",
            loopback: is_loopback(&endpoint),
            endpoint: endpoint.as_str().trim_end_matches('/').to_owned(),
            multipart_threshold: number(config, "multipart_threshold", DEFAULT_THRESHOLD)?
                .clamp(1, LARGEST_PUT),
            part_size,
            secrets: forms(&auth, secrets.into_iter().flatten()),
            auth,
            account,
            container,
        })
    }

    /// Takes every secret out of text that a server sent.
    pub(super) fn redact(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| {
            text.replace(secret.as_str(), "REDACTED")
        })
    }
}

/// Every way that a secret may be written in, the signature of a SAS by itself too.
fn forms(auth: &Auth, secrets: impl Iterator<Item = String>) -> Vec<String> {
    let mut all: Vec<String> = secrets.collect();
    if let Auth::Sas(sas) = auth {
        all.push(sas.clone());
        let pairs = url::form_urlencoded::parse(sas.as_bytes());
        all.extend(
            pairs
                .filter(|(name, _)| name == "sig")
                .map(|(_, value)| value.into_owned()),
        );
    }
    all.iter().flat_map(|secret| secret_forms(secret)).collect()
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("endpoint", &self.endpoint)
            .field("container", &self.container)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

/// Where a container lies: account names are unique in all of Azure ("Storage account overview", Storage account name),
/// so an account at its own address is told by its name.
pub(super) fn ground(config: &Config) -> Ground {
    let get = |key| config.get(key).unwrap_or_default();
    let account = get("account");
    let typed = config
        .get("endpoint")
        .and_then(|text| Url::parse(text).ok());
    let place = typed.map(|url| {
        let host = if is_loopback(&url) {
            "localhost"
        } else {
            url.host_str().unwrap_or_default()
        };
        let port = url
            .port()
            .map_or_else(String::new, |port| format!(":{port}"));
        format!("{host}{port}{}", url.path().trim_end_matches('/'))
    });
    let place = place.unwrap_or_else(|| default_host(account));
    Ground {
        storage: format!("azure {place} {}", get("container")),
        folder: get("prefix").to_owned(),
    }
}

fn default_host(account: &str) -> String {
    format!("{account}.blob.core.windows.net")
}

fn endpoint(config: &Config, account: &str, connection: &Connection) -> Result<Url> {
    if connection
        .account
        .as_ref()
        .is_some_and(|named| named != account)
    {
        return Err(wrong(
            "account is another one than that of the connection string",
        ));
    }
    let read = |text: &str| {
        http::address("endpoint", text, "the key goes into account_key").map_err(|why| wrong(&why))
    };
    let default = format!("https://{}", default_host(account));
    match (config.get("endpoint"), &connection.endpoint) {
        (Some(typed), _) => read(typed),
        (None, Some(meant)) if meant.trim_end_matches('/') != default => Err(wrong(&format!(
            "endpoint is missing: the connection string is for {}",
            read(meant)?
        ))),
        _ => read(&default),
    }
}

/// The value of `key`, which is made of such characters: nothing in it can lead to another host or path.
fn named(config: &Config, key: &'static str, is_allowed: impl Fn(char) -> bool) -> Result<String> {
    let value = config
        .get(key)
        .ok_or_else(|| wrong(&format!("{key} is missing")))?;
    if !value.chars().all(is_allowed) {
        return Err(wrong(&format!("{key} is no name of one: {value:?}")));
    }
    Ok(value.to_owned())
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

    fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        pairs.iter().map(own).collect()
    }

    fn open(config: &[(&str, &str)], secrets: &[(&str, &str)]) -> Result<Settings> {
        let mut all = pairs(&[("account", "mine"), ("container", "files")]);
        all.extend(pairs(config));
        Settings::new(&Config(all), &Credentials(pairs(secrets)))
    }

    #[test]
    fn a_configuration_that_cannot_work_names_the_key() {
        let key = ("account_key", "a2V5");
        for (config, secrets, named) in [
            (&[][..], &[][..], "account_key"),
            (&[("account", "a/b")], &[key], "account"),
            (&[("container", "A b")], &[key], "container"),
            (&[], &[("account_key", "no base64!")], "account key"),
            (&[], &[key, ("sas", "sig=1")], "sas"),
            (
                &[],
                &[key, ("connection_string", "AccountName=mine")],
                "connection_string",
            ),
            (
                &[],
                &[("connection_string", "AccountName=other;AccountKey=a2V5")],
                "account",
            ),
            (
                &[],
                &[("connection_string", "UseDevelopmentStorage")],
                "connection_string",
            ),
            (
                &[],
                &[(
                    "connection_string",
                    "AccountName=mine;AccountKey=a2V5;EndpointSuffix=core.chinacloudapi.cn",
                )],
                "https://mine.blob.core.chinacloudapi.cn",
            ),
            (&[("endpoint", "ftp://x")], &[key], "endpoint"),
            (&[("part_size", "1")], &[key], "part_size"),
            (&[("prefix", "a/../b")], &[key], "folder"),
        ] {
            let error = open(config, secrets).unwrap_err();
            assert!(error.detail.contains(named), "{named}: {error}");
            assert!(!error.detail.contains("a2V5"), "{error}");
        }
    }

    #[test]
    fn each_of_the_three_ways_in_is_enough() {
        let string = "AccountName=mine;AccountKey=a2V5;EndpointSuffix=core.windows.net";
        for secret in [
            ("account_key", "a2V5"),
            ("sas", "?sv=1&sig=x"),
            ("connection_string", string),
        ] {
            let settings = open(&[("prefix", "/docs/")], &[secret]).unwrap();
            assert_eq!(settings.endpoint, "https://mine.blob.core.windows.net");
            assert_eq!(settings.prefix, "docs/");
            let shown = format!(
                "{settings:?} {}",
                settings.redact("a2V5 and sv=1&sig=x and sv=1%26sig%3Dx")
            );
            assert!(!shown.contains(secret.1.trim_start_matches('?')), "{shown}");
        }
    }

    #[test]
    fn a_container_is_one_ground_however_it_is_spoken_to() {
        let of = |more: &[(&str, &str)]| {
            let mut all = pairs(&[("account", "mine"), ("container", "files")]);
            all.extend(pairs(more));
            ground(&Config(all)).storage
        };
        assert_eq!(
            of(&[]),
            of(&[
                ("endpoint", "https://mine.blob.core.windows.net/"),
                ("part_size", "9")
            ])
        );
        assert_ne!(of(&[]), of(&[("container", "other")]));
        assert_ne!(
            of(&[("endpoint", "http://127.0.0.1:1/a")]),
            of(&[("endpoint", "http://127.0.0.1:2/a")])
        );
    }
}
