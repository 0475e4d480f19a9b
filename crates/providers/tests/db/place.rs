//! Databases of both kinds, each for one test, and what lies in their tables as an outsider sees it by SQL.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tandem_core::storage::{Root, Storage};
use tandem_testkit::real_time::real_time;
use tandem_testkit::servers::postgres::PostgresServer;

use crate::bench::{FOLDER, World, open_by, rel};

/// A folder that is removed with this value.
#[derive(Debug)]
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("tandem-db-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn file(&self) -> String {
        self.0.join("files.db").to_str().unwrap().to_owned()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The server that tests share which leave it as it is. It stops with the last of them.
fn shared_server() -> Arc<PostgresServer> {
    static RUNNING: Mutex<Weak<PostgresServer>> = Mutex::new(Weak::new());
    let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(server) = running.upgrade() {
        return server;
    }
    let server = Arc::new(PostgresServer::start(&[]).unwrap());
    *running = Arc::downgrade(&server);
    server
}

/// A database, without tables.
pub(crate) enum Place {
    /// A file.
    File(Scratch),
    /// A schema of its own on a server.
    Schema(Arc<PostgresServer>, String),
}

impl Place {
    pub(crate) fn file() -> Self {
        Self::File(Scratch::new())
    }

    pub(crate) fn schema() -> Self {
        Self::schema_of(shared_server())
    }

    pub(crate) fn schema_of(server: Arc<PostgresServer>) -> Self {
        Self::Schema(server, format!("of \"test\" {:016x}", real_time().random()))
    }

    pub(crate) fn open(&self, world: Arc<World>) -> Arc<dyn Storage> {
        let opened = match self {
            Self::File(scratch) => open_by(&[("location", &scratch.file())], None, world),
            Self::Schema(server, schema) => {
                let config = [
                    ("location", &*server.url()),
                    ("schema", schema),
                    ("sslmode", "disable"),
                ];
                open_by(&config, Some(server.password()), world)
            }
        };
        opened.unwrap()
    }

    /// With its tables and the folder that roots lie in.
    pub(crate) async fn made(&self, world: Arc<World>) -> Arc<dyn Storage> {
        let storage = self.open(world);
        let tested = storage.validate("", &|_| ()).await;
        tested.capabilities.unwrap();
        let top = storage.root("").await.unwrap();
        top.create_folder(&rel(FOLDER)).await.unwrap();
        storage
    }

    pub(crate) async fn root(&self, world: &Arc<World>) -> Arc<dyn Root> {
        let storage = self.made(Arc::clone(world)).await;
        storage.root(FOLDER).await.unwrap()
    }

    /// Runs statements behind the storage's back.
    pub(crate) fn execute(&self, statements: &str) {
        match self {
            Self::File(scratch) => {
                let connection = rusqlite::Connection::open(scratch.file()).unwrap();
                connection.execute_batch(statements).unwrap();
            }
            Self::Schema(server, _) => drop(server.sql(&self.within(statements)).unwrap()),
        }
    }

    /// The rows of a table.
    pub(crate) fn count(&self, table: &str) -> i64 {
        let statement = format!("SELECT COUNT(*) FROM {table}");
        match self {
            Self::File(scratch) => {
                let connection = rusqlite::Connection::open(scratch.file()).unwrap();
                let count = |row: &rusqlite::Row<'_>| row.get(0);
                connection.query_row(&statement, [], count).unwrap()
            }
            Self::Schema(server, _) => {
                let said = server.sql(&self.within(&statement)).unwrap();
                said.parse().unwrap()
            }
        }
    }

    fn within(&self, statements: &str) -> String {
        match self {
            Self::File(_) => statements.to_owned(),
            Self::Schema(_, schema) => {
                let schema = schema.replace('"', "\"\"");
                format!("SET search_path TO \"{schema}\"; {statements}")
            }
        }
    }
}

/// Makes a test of each function for both kinds of database.
macro_rules! on_both {
    ($($name:ident,)*) => {
        mod sqlite_rows {
            $(#[tokio::test]
            async fn $name() {
                super::$name($crate::place::Place::file()).await;
            })*
        }
        mod postgres_rows {
            $(#[tokio::test]
            async fn $name() {
                super::$name($crate::place::Place::schema()).await;
            })*
        }
    };
}
pub(crate) use on_both;
