//! A database as a [`Storage`].

use std::sync::Arc;

use async_trait::async_trait;
use tandem_core::capabilities::{AtomicWrite, Capabilities, Conditions, Ids, NameRules};
use tandem_core::entry::HashKind;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::path::RelPath;
use tandem_core::storage::{Health, ProbeStep, Quota, Root, Storage, Validation};

use super::database::{Database, Transaction};
use super::place::{LONGEST_NAME, LONGEST_PATH};
use super::probe;
use super::root::DbRoot;
use super::sql::Work;

/// What a database can do. Nothing of it differs between servers, so nothing is left to a probe.
fn declared(cheap_reads: bool) -> Capabilities {
    Capabilities {
        ids: Ids::Strong,
        hashes: vec![HashKind::Blake3],
        cheap_reads,
        feed: true,
        waiting: true,
        conditions: Conditions::ALL,
        atomic_move: true,
        folder_move: true,
        server_copy: true,
        atomic_write: AtomicWrite::Yes,
        trash: true,
        recursive_trash: true,
        versions: true,
        mtime: true,
        executable: true,
        symlinks: true,
        names: NameRules {
            longest_name: Some(LONGEST_NAME),
            longest_path: Some(LONGEST_PATH),
            ..NameRules::default()
        },
        empty_folders: true,
        ranges: true,
        quota: true,
        ..Capabilities::least()
    }
}

/// A database.
#[derive(Debug)]
pub(super) struct DbStorage {
    database: Arc<Database>,
    capabilities: Arc<Capabilities>,
}

impl DbStorage {
    pub(super) fn new(database: Database) -> Self {
        let capabilities = declared(database.dialect().cheap_reads);
        Self {
            database: Arc::new(database),
            capabilities: Arc::new(capabilities),
        }
    }
}

/// The folder that a person typed. Slashes around it are forgiven.
fn folder(path: &str) -> Result<RelPath> {
    let path = path.trim_matches('/');
    RelPath::new(path).map_err(|error| {
        let detail = format!("the folder {path:?} cannot be in a database: {error}");
        StorageError::new("root", Cause::NameRefused, detail)
    })
}

#[async_trait]
impl Storage for DbStorage {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn root(&self, path: &str) -> Result<Arc<dyn Root>> {
        let (database, capabilities) = (&self.database, &self.capabilities);
        Ok(Arc::new(DbRoot::new(
            Arc::clone(database),
            Arc::clone(capabilities),
            folder(path)?,
        )))
    }

    async fn validate(
        &self,
        path: &str,
        report: &(dyn for<'s> Fn(&'s ProbeStep) + Send + Sync),
    ) -> Validation {
        match self.root(path).await {
            Ok(root) => probe::probe(&self.database, &*root, report).await,
            Err(error) => Validation {
                steps: Vec::new(),
                capabilities: Err(error),
            },
        }
    }

    fn health(&self) -> Health {
        self.database.health.now()
    }

    async fn quota(&self) -> Result<Quota> {
        let sum = |at: &mut Transaction<'_>| {
            let sum = "SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM tandem_contents";
            let row = at.first(sum, &[])?;
            row.map_or(Ok(0), |row| row.integer(0))
        };
        let used = self.database.run("quota", Work::Read, sum).await?;
        Ok(Quota {
            used: used.unsigned_abs(),
            total: None,
        })
    }

    async fn shutdown(&self) {
        self.database.close();
    }
}
