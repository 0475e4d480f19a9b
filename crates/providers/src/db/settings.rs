//! Where a database is, as a person typed it.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::storage::Config;
use url::Url;

/// The port of PostgreSQL.
const PORT: u16 = 5432;

/// The schema that a database has from the start.
pub(super) const SCHEMA: &str = "public";

/// The values of `sslmode`, in PostgreSQL's words.
pub(super) const PROTECTED: &str = "verify-full";
pub(super) const UNPROTECTED: &str = "disable";

/// Where the tables are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Location {
    /// A SQLite database: a file of this computer.
    File(PathBuf),
    /// A PostgreSQL database.
    Server(Server),
}

/// How a server is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Host {
    /// By TCP.
    Name(String),
    /// By its socket in a folder of this computer.
    #[cfg(unix)]
    Socket(PathBuf),
}

/// A database of a server, without its password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) host: Host,
    pub(super) port: u16,
    pub(super) user: String,
    pub(super) database: String,
    pub(super) schema: String,
    is_protected: bool,
}

impl Server {
    /// Whether TLS is spoken. A socket of this computer needs none.
    pub(super) fn is_encrypted(&self) -> bool {
        match self.host {
            Host::Name(_) => self.is_protected,
            #[cfg(unix)]
            Host::Socket(_) => false,
        }
    }

    /// The tables, in one writing however they were typed. Every user of a database sees the same.
    pub(super) fn ground(&self) -> String {
        let host = match &self.host {
            Host::Name(name) => match &*name.trim_end_matches('.').to_lowercase() {
                "127.0.0.1" | "::1" | "[::1]" => "localhost".to_owned(),
                name => name.to_owned(),
            },
            #[cfg(unix)]
            Host::Socket(_) => "localhost".to_owned(),
        };
        format!("{host}:{}/{}/{}", self.port, self.database, self.schema)
    }
}

impl Location {
    pub(super) fn of(config: &Config) -> Result<Self> {
        let text = config.get("location").map(str::trim);
        let text = text.ok_or_else(|| wrong("location is missing"))?;
        if ["postgres:", "postgresql:"]
            .iter()
            .any(|scheme| text.starts_with(scheme))
        {
            return server(text, config).map(Self::Server);
        }
        let path = PathBuf::from(text);
        if path.is_absolute() {
            return Ok(Self::File(path));
        }
        Err(wrong(
            "location is neither the whole path of a file nor postgres://user@host/database",
        ))
    }
}

fn server(text: &str, config: &Config) -> Result<Server> {
    // What could not be read is not shown: it may hold a password.
    let url =
        Url::parse(text).map_err(|error| wrong(&format!("location is no address: {error}")))?;
    if url.password().is_some() {
        return Err(wrong("location contains a password; it goes into password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong(
            "location contains a query; sslmode and schema are settings of their own",
        ));
    }
    let user = decoded(url.username())?;
    if user.is_empty() {
        return Err(wrong(
            "location names no user: postgres://user@host/database",
        ));
    }
    let database = decoded(url.path().trim_matches('/'))?;
    if database.is_empty() || url.path().trim_matches('/').contains('/') {
        return Err(wrong(
            "location names no database: postgres://user@host/database",
        ));
    }
    let is_protected = match config.get("sslmode").unwrap_or(PROTECTED) {
        PROTECTED => true,
        UNPROTECTED => false,
        _ => return Err(wrong("sslmode is neither verify-full nor disable")),
    };
    Ok(Server {
        host: host(&decoded(url.host_str().unwrap_or_default())?)?,
        port: url.port().unwrap_or(PORT),
        user,
        database,
        schema: config.get("schema").unwrap_or(SCHEMA).to_owned(),
        is_protected,
    })
}

fn host(name: &str) -> Result<Host> {
    #[cfg(unix)]
    if name.starts_with('/') {
        return Ok(Host::Socket(PathBuf::from(name)));
    }
    // An address of IPv6 stands in brackets, which are no part of it.
    let bare = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    Ok(Host::Name(bare.unwrap_or(name).to_owned()))
}

fn decoded(text: &str) -> Result<String> {
    let decoded = percent_decode_str(text).decode_utf8();
    let decoded = decoded.map_err(|_| wrong("location is no text"))?;
    if decoded.contains('\0') {
        return Err(wrong("location is no text"));
    }
    Ok(decoded.into_owned())
}

pub(super) fn wrong(detail: &str) -> StorageError {
    StorageError::new("open", Cause::Other, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(location: &str, more: &[(&str, &str)]) -> Result<Location> {
        let location = [("location", location)];
        let pairs = more.iter().chain(&location);
        let pairs = pairs.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Location::of(&Config(pairs.collect()))
    }

    fn server_of(location: &str, more: &[(&str, &str)]) -> Server {
        match of(location, more).unwrap() {
            Location::Server(server) => server,
            Location::File(path) => panic!("a file: {path:?}"),
        }
    }

    #[test]
    fn an_address_has_user_host_port_and_database() {
        let server = server_of("postgres://me%40home@db.example.org/my%20files", &[]);
        assert_eq!(server.host, Host::Name("db.example.org".to_owned()));
        assert_eq!((server.port, &*server.user), (5432, "me@home"));
        assert_eq!((&*server.database, &*server.schema), ("my files", "public"));
        assert!(server.is_encrypted());
        let server = server_of(
            "postgresql://me@[::1]:6000/files",
            &[("sslmode", "disable")],
        );
        assert_eq!(
            (server.host.clone(), server.port),
            (Host::Name("::1".to_owned()), 6000)
        );
        assert!(!server.is_encrypted());
    }

    #[cfg(unix)]
    #[test]
    fn a_socket_of_this_computer_needs_no_encryption() {
        let server = server_of("postgres://me@%2Fvar%2Frun%2Fpostgresql/files", &[]);
        assert_eq!(
            server.host,
            Host::Socket(PathBuf::from("/var/run/postgresql"))
        );
        assert!(!server.is_encrypted());
    }

    #[test]
    fn a_schema_is_one_ground_however_its_address_is_written() {
        let of = |location: &str| server_of(location, &[]).ground();
        assert_eq!(
            of("postgres://me@DB.example.org:5432/files"),
            of("postgresql://you@db.example.org./files/")
        );
        assert_eq!(
            of("postgres://me@[::1]/files"),
            of("postgres://me@localhost/files")
        );
        assert_ne!(
            of("postgres://me@a/files"),
            of("postgres://me@a:5433/files")
        );
        let other = server_of("postgres://me@a/files", &[("schema", "other")]).ground();
        assert_ne!(of("postgres://me@a/files"), other);
    }

    #[test]
    fn an_address_that_cannot_work_says_why_without_its_password() {
        for (location, says) in [
            ("postgres://me:hunter2@host/files", "password"),
            ("postgres://me:hunter2@ho st/files", "address"),
            ("postgres://host/files", "user"),
            ("postgres://me@host", "database"),
            ("postgres://me@host/files/more", "database"),
            ("postgres://me@/files", "empty host"),
            ("postgres://me@host/files?sslmode=disable", "sslmode"),
        ] {
            let error = of(location, &[]).unwrap_err();
            assert!(error.detail.contains(says), "{location}: {error}");
            assert!(!error.detail.contains("hunter2"), "{error}");
        }
        let error = of("postgres://me@host/files", &[("sslmode", "prefer")]).unwrap_err();
        assert!(error.detail.contains("sslmode"), "{error}");
    }
}
