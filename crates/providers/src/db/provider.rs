//! Opening a database, without touching it.

use std::sync::Arc;

use tandem_core::capabilities::Capabilities;
use tandem_core::environment::SharedEnvironment;
use tandem_core::error::Result;
use tandem_core::storage::{
    Config, Credentials, Descriptor, Field, FieldKind, Ground, Provider, Storage,
};

use super::database::Database;
use super::settings::Location;
use super::sqlite::Sqlite;
use super::storage::DbStorage;

const DESCRIPTOR: Descriptor = Descriptor {
    type_name: "db",
    title: "Database",
    family: "db",
    fields: &[Field {
        key: "location",
        label: "Database",
        kind: FieldKind::Text,
        required: true,
        secret: false,
        help: "The SQLite file, by its whole path. It is made if it is not there.",
        default: None,
    }],
};

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
        _credentials: &Credentials,
        _probed: Option<&Capabilities>,
        environment: SharedEnvironment,
    ) -> Result<Arc<dyn Storage>> {
        let Location::File(path) = Location::of(config)?;
        let database = Database::new(Box::new(Sqlite { path }), environment);
        Ok(Arc::new(DbStorage::new(database)))
    }
}
