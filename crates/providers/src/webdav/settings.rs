//! What a person configured, checked before any request is made.

use std::fmt;

use percent_encoding::percent_encode;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::storage::{Config, Credentials, Ground};
use url::Url;

use super::address::{IN_A_NAME, decoded};
use super::chunks::CHUNKS;
use super::services::Flavour;
use crate::http::{self, is_loopback};

/// The length from which a file goes up in chunks, and theirs (DESIGN 6.5).
const MULTIPART_THRESHOLD: u64 = 50 << 20;
const PART_SIZE: u64 = 10 << 20;

/// How a person shows who they are.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Login {
    /// Not at all.
    None,
    /// By name and password, as the server asks for it.
    Password { user: String, password: String },
    /// By a bearer token (RFC 6750).
    Token(String),
}

/// The checked configuration.
#[derive(Clone)]
pub(super) struct Settings {
    /// The folder that holds everything; its path ends in `/`.
    pub(super) base: Url,
    pub(super) login: Login,
    pub(super) flavour: Flavour,
    /// The length from which a file goes up in chunks, where the server takes those.
    pub(super) multipart_threshold: u64,
    /// Bytes of a chunk.
    pub(super) part_size: u64,
    /// Whether requests are unprotected on their way: plain http was typed.
    pub(super) plain: bool,
    /// Whether the server is this computer, to which no proxy leads.
    pub(super) loopback: bool,
}

impl Settings {
    pub(super) fn new(
        flavour: Flavour,
        config: &Config,
        credentials: &Credentials,
    ) -> Result<Self> {
        let text = config.get("url").ok_or_else(|| wrong("url is missing"))?;
        let base = http::address("url", text, "they go into username and password")
            .map_err(|detail| wrong(&detail))?;
        let base = of_files(flavour, base, config);
        let part_size = number(config, "part_size", PART_SIZE)?;
        if !(CHUNKS.smallest..=CHUNKS.largest).contains(&part_size) {
            return Err(wrong("part_size is not between 5 MB and 5 GB"));
        }
        Ok(Self {
            plain: base.scheme() == "http",
            loopback: is_loopback(&base),
            login: login(config, credentials)?,
            flavour,
            multipart_threshold: number(config, "multipart_threshold", MULTIPART_THRESHOLD)?.max(1),
            part_size,
            base,
        })
    }

    /// Takes every secret out of text that a server sent.
    pub(super) fn redact(&self, text: &str) -> String {
        let secret = match &self.login {
            Login::Password { password, .. } => password,
            Login::Token(token) => token,
            Login::None => return text.to_owned(),
        };
        text.replace(secret.as_str(), "REDACTED")
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("base", &self.base.as_str())
            .finish_non_exhaustive()
    }
}

fn number(config: &Config, key: &str, default: u64) -> Result<u64> {
    let typed = config.get(key).map(str::trim);
    typed.map_or(Ok(default), |typed| {
        typed
            .parse()
            .map_err(|_| wrong(&format!("{key} is no number of bytes")))
    })
}

/// The address of the files at the address that a person typed. Nextcloud and ownCloud have a place for each user, whose
/// address their settings show too (basic.html, "WebDAV basics").
fn of_files(flavour: Flavour, mut url: Url, config: &Config) -> Url {
    let path = url.path().trim_end_matches('/').to_owned();
    let user = config.get("username").unwrap_or_default().trim();
    if flavour == Flavour::Plain || path.contains("/remote.php") {
        url.set_path(&format!("{path}/"));
    } else {
        // What a browser shows goes on with the page that it is at.
        let path = path.split("/index.php").next().unwrap_or_default();
        let user = percent_encode(user.as_bytes(), IN_A_NAME);
        url.set_path(&format!("{path}/remote.php/dav/files/{user}/"));
    }
    url
}

fn login(config: &Config, credentials: &Credentials) -> Result<Login> {
    let secret = |key: &str| credentials.get(key).filter(|value| !value.is_empty());
    match (config.get("username"), secret("password"), secret("token")) {
        (None, None, None) => Ok(Login::None),
        (None, None, Some(token)) => Ok(Login::Token(token.to_owned())),
        (Some(user), Some(password), None) => {
            if user.contains(':') {
                // RFC 7617, section 2: a name with a colon cannot be told from the password behind it.
                return Err(wrong("username contains a colon, which no server takes"));
            }
            Ok(Login::Password {
                user: user.to_owned(),
                password: password.to_owned(),
            })
        }
        (_, Some(_), Some(_)) => Err(wrong("password and token are both given; one is enough")),
        (None, Some(_), None) => Err(wrong("username is missing")),
        (Some(_), None, None) => Err(wrong("password is missing")),
        (Some(_), None, Some(_)) => Err(wrong("username goes with a password, not with a token")),
    }
}

/// Where a folder lies. One address can show each of its users another folder, so the user is part of it.
pub(super) fn ground(flavour: Flavour, config: &Config) -> Ground {
    let text = config.get("url").unwrap_or_default().trim();
    let user = config.get("username").unwrap_or_default();
    let Ok(url) = Url::parse(text) else {
        // Nothing will open it; it is like nothing but itself.
        return Ground {
            storage: format!("webdav {text} {user}"),
            folder: String::new(),
        };
    };
    let url = of_files(flavour, url, config);
    let host = url.host_str().unwrap_or_default().trim_end_matches('.');
    let host = if is_loopback(&url) { "localhost" } else { host };
    let port = url.port().filter(|port| ![80, 443].contains(port));
    let port = port.map_or_else(String::new, |port| format!(":{port}"));
    let folder = decoded(url.path())
        .iter()
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect::<Vec<_>>();
    Ground {
        storage: format!("webdav {host}{port} {user}"),
        folder: folder.join("/"),
    }
}

fn wrong(detail: &str) -> StorageError {
    StorageError::new("open", Cause::Other, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> std::collections::BTreeMap<String, String> {
        let pairs = pairs.iter();
        pairs
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect()
    }

    #[test]
    fn a_configuration_that_cannot_work_names_the_key() {
        let url = ("url", "https://dav.example.org/files");
        for (config, secrets, key) in [
            (&[][..], &[][..], "url"),
            (&[("url", "dav.example.org")], &[], "url"),
            (&[("url", "ftp://dav.example.org")], &[], "url"),
            (&[("url", "https://me:hunter2@dav.example.org")], &[], "url"),
            (&[url, ("username", "me")], &[], "password"),
            (&[url], &[("password", "hunter2")], "username"),
            (
                &[url, ("username", "m:e")],
                &[("password", "hunter2")],
                "username",
            ),
            (
                &[url, ("username", "me")],
                &[("password", "hunter2"), ("token", "t")],
                "token",
            ),
        ] {
            let opened = Settings::new(
                Flavour::Plain,
                &Config(map(config)),
                &Credentials(map(secrets)),
            );
            let error = opened.unwrap_err();
            assert!(error.detail.contains(key), "{config:?}: {error}");
            assert!(!error.detail.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn the_files_of_a_user_are_found_from_the_address_of_the_server() {
        let of = |url: &str| {
            let config = Config(map(&[("url", url), ("username", "me & you")]));
            let secrets = Credentials(map(&[("password", "p")]));
            let settings = Settings::new(Flavour::Cloud, &config, &secrets).unwrap();
            settings.base.to_string()
        };
        let files = "https://cloud.example.org/remote.php/dav/files/me%20%26%20you/";
        assert_eq!(of("https://cloud.example.org"), files);
        assert_eq!(of("https://cloud.example.org/index.php/apps/files"), files);
        assert_eq!(of(files), files);
        let older = "https://cloud.example.org/sub/remote.php/webdav/";
        assert_eq!(of("https://cloud.example.org/sub/remote.php/webdav"), older);
    }

    #[test]
    fn a_folder_is_one_ground_however_its_address_is_written() {
        let of = |url: &str| ground(Flavour::Plain, &Config(map(&[("url", url)])));
        assert_eq!(
            of("https://Dav.example.org:443/a%20b/"),
            of("http://dav.example.org/a b")
        );
        assert_ne!(of("https://a.example.org"), of("https://b.example.org"));
        assert_eq!(of("https://a.example.org/x/y").folder, "x/y");
    }
}
