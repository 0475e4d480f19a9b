//! What a person configured, checked before any request is made.

use std::fmt;

use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::secret_forms::secret_forms;
use tandem_core::storage::{Config, Credentials, Ground};
use url::Url;

use super::services::{Entrance, Service};
use crate::http::{self, is_loopback};
use crate::objects::keys::folder_prefix;
use crate::objects::parts::Limits;

/// The size from which a file goes up in parts (DESIGN 6.5).
const DEFAULT_THRESHOLD: u64 = 50 << 20;

/// The wanted size of a part (DESIGN 6.5).
const DEFAULT_PART: u64 = 5 << 20;

/// 1,000 segments in a manifest, the last as small as one likes and the others of 1 MiB where a cluster is old
/// ("Static Large Objects", docs.openstack.org/swift: `max_manifest_segments`, `min_segment_size`), objects of 5 GiB
/// ("Constraints" there: `max_file_size`).
pub(super) const LIMITS: Limits = Limits {
    smallest_part: 1 << 20,
    largest_part: 5 << 30,
    most_parts: 1_000,
    largest_object: 1_000 * (5 << 30),
    equal_parts: false,
    writes_per_key: None,
};

/// The default domain's name, where Keystone was not told another.
const DEFAULT_DOMAIN: &str = "Default";

const RACKSPACE_US: &str = "https://identity.api.rackspacecloud.com/v2.0";
const RACKSPACE_UK: &str = "https://lon.identity.api.rackspacecloud.com/v2.0";

/// Who asks, and for what.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Identity {
    /// A name and a key, sent in headers ("Auth System", docs.openstack.org/swift).
    Version1 { user: String, key: String },
    /// A name and an API key, as Rackspace has them.
    ApiKey { user: String, key: String },
    /// A user of a project.
    Password {
        user: String,
        domain: String,
        password: String,
        project: Project,
    },
    /// A credential for one program, which belongs to a project.
    Application { id: String, secret: String },
}

/// A project of Keystone's.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Project {
    Id(String),
    Name { name: String, domain: String },
}

/// The checked configuration.
#[derive(Clone)]
pub(super) struct Settings {
    /// Without a slash at its end; with its version.
    pub(super) auth_url: String,
    pub(super) identity: Identity,
    pub(super) region: Option<String>,
    /// The address of the account, if another than the sign-in names.
    pub(super) storage_url: Option<Url>,
    pub(super) container: String,
    /// Empty, or ending in `/`.
    pub(super) prefix: String,
    /// Whether the sign-in is unprotected on its way: plain http was typed.
    pub(super) plain: bool,
    /// Whether the sign-in is at this computer, to which no proxy leads.
    pub(super) loopback: bool,
    pub(super) multipart_threshold: u64,
    pub(super) part_size: u64,
    pub(super) largest_copy: u64,
}

impl Settings {
    pub(super) fn new(
        service: &Service,
        config: &Config,
        credentials: &Credentials,
    ) -> Result<Self> {
        let auth_url = auth_url(service, config)?;
        let container = needed(config, "container")?;
        if container.contains(['/', '?']) || container.len() > 256 {
            return Err(wrong(
                "container is no name of a container; a folder in the container goes into prefix",
            ));
        }
        let part_size = number(config, "part_size", DEFAULT_PART)?;
        if !(LIMITS.smallest_part..=LIMITS.largest_part).contains(&part_size) {
            return Err(wrong("part_size is not between 1 MiB and 5 GiB"));
        }
        let storage_url = config.get("storage_url");
        let storage_url = storage_url
            .map(|text| address("storage_url", text))
            .transpose()?;
        Ok(Self {
            plain: auth_url.scheme() == "http",
            loopback: is_loopback(&auth_url),
            identity: identity(service, &auth_url, config, credentials)?,
            auth_url: auth_url.as_str().trim_end_matches('/').to_owned(),
            region: config.get("region").map(str::to_owned),
            storage_url,
            container: container.to_owned(),
            prefix: folder_prefix("", config.get("prefix").unwrap_or_default(), "container")?,
            multipart_threshold: number(config, "multipart_threshold", DEFAULT_THRESHOLD)?
                .clamp(1, LIMITS.largest_part),
            part_size,
            largest_copy: number(config, "largest_copy", LIMITS.largest_part)?
                .clamp(LIMITS.smallest_part, LIMITS.largest_part),
        })
    }

    fn secret(&self) -> &str {
        match &self.identity {
            Identity::Version1 { key, .. } | Identity::ApiKey { key, .. } => key,
            Identity::Password { password, .. } => password,
            Identity::Application { secret, .. } => secret,
        }
    }

    /// Takes the secret out of text that a server sent.
    pub(super) fn redact(&self, text: &str) -> String {
        let forms = secret_forms(self.secret()).into_iter();
        forms.fold(text.to_owned(), |text, form| {
            text.replace(&form, "REDACTED")
        })
    }

    /// Whose requests the limiter counts together.
    pub(super) fn account(&self) -> String {
        format!("{} {}", self.auth_url, owner(&self.identity))
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("auth_url", &self.auth_url)
            .field("container", &self.container)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

/// Where one signs in, with the version at its end.
fn auth_url(service: &Service, config: &Config) -> Result<Url> {
    let text = match service.entrance {
        Entrance::Typed => needed(config, "auth_url")?,
        Entrance::Keystone(url) => url,
        Entrance::Rackspace => match config.get("location") {
            None | Some("us") => RACKSPACE_US,
            Some("uk") => RACKSPACE_UK,
            Some(_) => return Err(wrong("location is neither us nor uk")),
        },
    };
    let mut url = address("auth_url", text)?;
    let path = url.path().trim_end_matches('/').to_owned();
    if path.ends_with("/v2.0") && service.entrance == Entrance::Typed {
        return Err(wrong(
            "auth_url is of version 2, which clouds no longer have; the one of version 3 ends in /v3",
        ));
    }
    let has_version = ["/v1", "/v1.0", "/v2.0", "/v3"]
        .iter()
        .any(|version| path.ends_with(version));
    url.set_path(&if has_version {
        path
    } else {
        format!("{path}/v3")
    });
    Ok(url)
}

fn address(key: &str, text: &str) -> Result<Url> {
    http::address(key, text, "they go into username and password").map_err(|detail| wrong(&detail))
}

fn identity(
    service: &Service,
    auth_url: &Url,
    config: &Config,
    credentials: &Credentials,
) -> Result<Identity> {
    let secret = |key: &str| {
        let value = credentials.get(key).filter(|value| !value.is_empty());
        value
            .map(str::to_owned)
            .ok_or_else(|| wrong(&format!("{key} is missing")))
    };
    let is_version_1 = ["/v1", "/v1.0"]
        .iter()
        .any(|version| auth_url.path().ends_with(version));
    if let Some(id) = config
        .get("application_credential_id")
        .filter(|_| !is_version_1)
    {
        return Ok(Identity::Application {
            id: id.to_owned(),
            secret: secret("application_credential_secret")?,
        });
    }
    let user = needed(config, "username")?.to_owned();
    if service.entrance == Entrance::Rackspace {
        let key = secret("password")?;
        return Ok(Identity::ApiKey { user, key });
    }
    if is_version_1 {
        let key = secret("password")?;
        // They go into headers.
        if [&user, &key]
            .iter()
            .any(|text| text.contains(char::is_control))
        {
            return Err(wrong("username or password contains a control character"));
        }
        return Ok(Identity::Version1 { user, key });
    }
    let domain = config.get("user_domain").unwrap_or(DEFAULT_DOMAIN);
    let project = match (config.get("project_id"), config.get("project")) {
        (Some(id), _) => Project::Id(id.to_owned()),
        (None, Some(name)) => Project::Name {
            name: name.to_owned(),
            domain: config.get("project_domain").unwrap_or(domain).to_owned(),
        },
        (None, None) => return Err(wrong("project is missing, or project_id")),
    };
    Ok(Identity::Password {
        user,
        domain: domain.to_owned(),
        password: secret("password")?,
        project,
    })
}

/// Whose containers an identity reaches: no two of them are one in the same cloud.
fn owner(identity: &Identity) -> String {
    match identity {
        Identity::Version1 { user, .. } => {
            let account = user.split_once(':').map_or(&**user, |(account, _)| account);
            account.to_owned()
        }
        Identity::ApiKey { user, .. } => user.clone(),
        Identity::Password { project, .. } => match project {
            Project::Id(id) => id.clone(),
            Project::Name { name, domain } => format!("{domain}/{name}"),
        },
        Identity::Application { id, .. } => id.clone(),
    }
}

/// Where a container lies: in whose account of which cloud and region.
pub(super) fn ground(service: &Service, config: &Config) -> Ground {
    // No secret is part of it, and one must be there for the identity to be read.
    let any = |key: &str| (key.to_owned(), "-".to_owned());
    let any = Credentials(
        ["password", "application_credential_secret"]
            .map(any)
            .into(),
    );
    let storage = match Settings::new(service, config, &any) {
        Ok(settings) => {
            let account = match &settings.storage_url {
                Some(url) => place(url),
                None => {
                    let region = settings.region.as_deref().unwrap_or_default();
                    let url = Url::parse(&settings.auth_url);
                    let cloud = url.as_ref().map_or_else(|_| String::new(), host);
                    format!("{cloud} {region} {}", owner(&settings.identity))
                }
            };
            format!("swift {account} {}", settings.container)
        }
        // Nothing will open it; it is like nothing but itself.
        Err(_) => format!("{} {:?}", service.descriptor.type_name, config.0),
    };
    Ground {
        storage,
        folder: config.get("prefix").unwrap_or_default().to_owned(),
    }
}

fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default().trim_end_matches('.');
    let host = if is_loopback(url) { "localhost" } else { host };
    let port = url.port().filter(|port| ![80, 443].contains(port));
    let port = port.map_or_else(String::new, |port| format!(":{port}"));
    format!("{host}{port}")
}

fn place(url: &Url) -> String {
    format!("{}{}", host(url), url.path().trim_end_matches('/'))
}

fn needed<'a>(config: &'a Config, key: &str) -> Result<&'a str> {
    config
        .get(key)
        .ok_or_else(|| wrong(&format!("{key} is missing")))
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

    fn config(pairs: &[(&str, &str)]) -> Config {
        let pairs = pairs.iter();
        Config(
            pairs
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
        )
    }

    fn open_as(type_name: &str, pairs: &[(&str, &str)]) -> Result<Settings> {
        let mut services = SERVICES.iter();
        let service = services.find(|one| one.descriptor.type_name == type_name);
        let secrets = ["password", "application_credential_secret"];
        let secrets = secrets.map(|key| (key.to_owned(), "correct horse".to_owned()));
        Settings::new(
            service.unwrap(),
            &config(pairs),
            &Credentials(secrets.into()),
        )
    }

    const KEYSTONE: &[(&str, &str)] = &[
        ("auth_url", "https://cloud.example:5000"),
        ("username", "me"),
        ("project", "p"),
        ("container", "c"),
    ];

    #[test]
    fn the_address_says_which_version_is_spoken() {
        let opened = open_as("swift", KEYSTONE).unwrap();
        assert_eq!(opened.auth_url, "https://cloud.example:5000/v3");
        assert!(
            matches!(opened.identity, Identity::Password { domain, .. } if domain == "Default")
        );
        let first = [
            ("auth_url", "https://h.example/auth/v1.0/"),
            ("username", "a:u"),
            ("container", "c"),
        ];
        let opened = open_as("swift", &first).unwrap();
        assert_eq!(opened.auth_url, "https://h.example/auth/v1.0");
        assert!(matches!(opened.identity, Identity::Version1 { .. }));
        let application = [
            ("auth_url", "https://h.example/identity/v3"),
            ("application_credential_id", "1"),
            ("container", "c"),
        ];
        let opened = open_as("swift", &application).unwrap();
        assert!(matches!(opened.identity, Identity::Application { .. }));
        let rackspace = [
            ("location", "uk"),
            ("username", "me"),
            ("region", "LON"),
            ("container", "c"),
        ];
        assert_eq!(
            open_as("rackspace", &rackspace).unwrap().auth_url,
            RACKSPACE_UK
        );
    }

    #[test]
    fn a_configuration_that_cannot_work_names_the_key() {
        let without = |key: &str| -> Vec<_> {
            let kept = KEYSTONE.iter().filter(|(name, _)| *name != key);
            kept.copied().collect()
        };
        let with = |key: &'static str, value: &'static str| {
            let mut pairs = without(key);
            pairs.push((key, value));
            pairs
        };
        for (pairs, key) in [
            (without("auth_url"), "auth_url"),
            (without("container"), "container"),
            (without("username"), "username"),
            (without("project"), "project"),
            (with("container", "a/b"), "container"),
            (with("auth_url", "https://h.example/v2.0"), "auth_url"),
            (with("auth_url", "https://me:pw@h.example/v3"), "auth_url"),
            (with("part_size", "1000"), "part_size"),
            (with("prefix", "a/../b"), "folder"),
            (with("storage_url", "h.example"), "storage_url"),
        ] {
            let error = open_as("swift", &pairs).unwrap_err();
            assert!(error.detail.contains(key), "{pairs:?}: {error}");
        }
    }

    #[test]
    fn a_container_is_one_ground_however_it_is_spoken_to() {
        let of = |type_name: &str, pairs: &[(&str, &str)]| {
            let mut services = SERVICES.iter();
            let service = services.find(|one| one.descriptor.type_name == type_name);
            ground(service.unwrap(), &config(pairs)).storage
        };
        let mut other_user = KEYSTONE.to_vec();
        other_user[1] = ("username", "you");
        other_user.push(("part_size", "9000000"));
        assert_eq!(of("swift", KEYSTONE), of("swift", &other_user));
        let mut other_project = KEYSTONE.to_vec();
        other_project[2] = ("project", "q");
        assert_ne!(of("swift", KEYSTONE), of("swift", &other_project));
        let ovh = [
            ("username", "u"),
            ("project_id", "1"),
            ("region", "GRA"),
            ("container", "c"),
        ];
        let typed = [&[("auth_url", "https://auth.cloud.ovh.net/v3/")][..], &ovh].concat();
        assert_eq!(of("ovh-swift", &ovh), of("swift", &typed));
    }

    #[test]
    fn no_text_shows_a_secret() {
        let settings = open_as("swift", KEYSTONE).unwrap();
        let shown = format!("{settings:?} {}", settings.redact("it was correct horse"));
        assert!(!shown.contains("horse"), "{shown}");
    }
}
