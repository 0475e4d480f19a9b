//! Opening a database, without touching it.

use std::sync::Arc;

use tandem_core::capabilities::Capabilities;
use tandem_core::environment::SharedEnvironment;
use tandem_core::error::Result;
use tandem_core::storage::{
    Config, Credentials, Descriptor, Field, FieldKind, Ground, Provider, Storage,
};

use super::database::Database;
use super::postgres::Postgres;
use super::settings::{Location, PROTECTED, SCHEMA, UNPROTECTED};
use super::sql::Engine;
use super::sqlite::Sqlite;
use super::storage::DbStorage;
use crate::retry::Accounts;

const DESCRIPTOR: Descriptor = Descriptor {
    type_name: "db",
    title: "Database",
    family: "db",
    fields: &[
        Field {
            key: "location",
            label: "Database",
            kind: FieldKind::Text,
            required: true,
            secret: false,
            help: "The SQLite file, by its whole path, which is made if it is not there; \
                   or a PostgreSQL database: postgres://user@host:port/database.",
            default: None,
        },
        Field {
            key: "password",
            label: "Password",
            kind: FieldKind::Text,
            required: false,
            secret: true,
            help: "Of the PostgreSQL user.",
            default: None,
        },
        Field {
            key: "sslmode",
            label: "Protection",
            kind: FieldKind::Choice(&[PROTECTED, UNPROTECTED]),
            required: false,
            secret: false,
            help: "How PostgreSQL is spoken to: encrypted, with a certificate that is checked; \
                   or, with disable, with nothing encrypted on its way.",
            default: Some(PROTECTED),
        },
        Field {
            key: "schema",
            label: "Schema",
            kind: FieldKind::Text,
            required: false,
            secret: false,
            help: "The PostgreSQL schema that holds the tables. It is made if it is not there.",
            default: Some(SCHEMA),
        },
    ],
};

/// What the storages of one server and user share.
static ACCOUNTS: Accounts = Accounts::new();

/// Opens databases.
#[derive(Debug, Clone, Copy)]
pub struct DbProvider;

impl Provider for DbProvider {
    fn descriptor(&self) -> &'static Descriptor {
        &DESCRIPTOR
    }

    fn ground(&self, config: &Config) -> Ground {
        let location = match Location::of(config) {
            // Where links lead is part of where it is; a file that is not there yet is where it was typed.
            Ok(Location::File(path)) => std::fs::canonicalize(&path)
                .unwrap_or(path)
                .to_string_lossy()
                .into_owned(),
            Ok(Location::Server(server)) => server.ground(),
            // Nothing will open it; it is like nothing but itself.
            Err(_) => config.get("location").unwrap_or_default().to_owned(),
        };
        Ground {
            storage: format!("db {location}"),
            folder: String::new(),
        }
    }

    fn open(
        &self,
        config: &Config,
        credentials: &Credentials,
        _probed: Option<&Capabilities>,
        environment: SharedEnvironment,
    ) -> Result<Arc<dyn Storage>> {
        let (engine, account): (Box<dyn Engine>, _) = match Location::of(config)? {
            Location::File(path) => (Box::new(Sqlite { path }), None),
            Location::Server(server) => {
                let name = format!("{} {:?} {}", server.user, server.host, server.port);
                let account = ACCOUNTS.account(&name, &environment);
                let engine = Postgres::new(server, credentials.get("password"))?;
                (Box::new(engine), Some(account))
            }
        };
        let database = Database::new(engine, account, environment);
        Ok(Arc::new(DbStorage::new(database)))
    }
}
