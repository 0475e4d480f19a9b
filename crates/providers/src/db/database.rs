//! A database and its connections. Statements block, so they run on threads where that disturbs nobody.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tandem_core::environment::SharedEnvironment;
use tandem_core::error::{Cause, Result, StorageError};
use tokio::sync::Semaphore;

use super::schema;
use super::sql::{Connection, Dialect, Engine, Row, Value, Watch, Work};
use crate::health::HealthRecord;

/// Most connections at a time.
const CONNECTIONS: usize = 8;

/// A database that holds the schema.
pub(super) struct Database {
    pub(super) environment: SharedEnvironment,
    pub(super) health: HealthRecord,
    engine: Box<dyn Engine>,
    idle: Mutex<Vec<Box<dyn Connection>>>,
    permits: Semaphore,
}

/// A transaction under way.
pub(super) struct Transaction<'a> {
    connection: &'a mut dyn Connection,
    dialect: &'static Dialect,
    /// Nanoseconds since 1970.
    pub(super) now: i64,
    changed: bool,
}

impl Transaction<'_> {
    pub(super) fn execute(&mut self, statement: &str, values: &[Value]) -> Result<u64> {
        self.connection.execute(statement, values)
    }

    pub(super) fn query(&mut self, statement: &str, values: &[Value]) -> Result<Vec<Row>> {
        self.connection.query(statement, values)
    }

    pub(super) fn first(&mut self, statement: &str, values: &[Value]) -> Result<Option<Row>> {
        self.connection.first(statement, values)
    }

    /// The next number of everything that is counted: items, revisions, versions, lines of the feed. Numbers come in
    /// the order of the commits.
    pub(super) fn next(&mut self) -> Result<i64> {
        self.changed = true;
        let counted = self.first(
            "UPDATE tandem_clock SET sequence = sequence + 1 RETURNING sequence",
            &[],
        )?;
        let counted = counted.ok_or_else(|| {
            StorageError::new("", Cause::BadResponse, "tandem_clock holds no row")
        })?;
        counted.integer(0)
    }

    fn end(&mut self) -> Result<()> {
        if let Some(announce) = self.dialect.announce.filter(|_| self.changed) {
            self.connection.batch(announce)?;
        }
        self.connection.batch("COMMIT")
    }
}

impl Database {
    pub(super) fn new(engine: Box<dyn Engine>, environment: SharedEnvironment) -> Self {
        Self {
            environment,
            health: HealthRecord::default(),
            engine,
            idle: Mutex::default(),
            permits: Semaphore::new(CONNECTIONS),
        }
    }

    pub(super) fn dialect(&self) -> &'static Dialect {
        self.engine.dialect()
    }

    /// Runs `steps` in one transaction. What they answer with an error is taken back.
    pub(super) async fn run<T, F>(
        self: &Arc<Self>,
        operation: &'static str,
        work: Work,
        steps: F,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Transaction<'_>) -> Result<T> + Send + 'static,
    {
        self.off(operation, move |database| database.transact(work, steps))
            .await
    }

    /// Makes what the storage needs: the file, where it is one, and the tables. What is there stays as it is.
    pub(super) async fn create(self: &Arc<Self>) -> Result<schema::Made> {
        self.off("validate", |database| {
            let mut connection = database.engine.connect(true)?;
            let random = database.environment.random();
            schema::create(&mut *connection, database.dialect(), random)
        })
        .await
    }

    /// What tells of changes by others.
    pub(super) async fn watch(self: &Arc<Self>) -> Result<Box<dyn Watch>> {
        self.off("wait", |database| database.engine.watch()).await
    }

    /// Asks `watch`, off this thread; where nothing changed, after a rest of at most `most`.
    pub(super) async fn changed(
        self: &Arc<Self>,
        mut watch: Box<dyn Watch>,
        most: Duration,
    ) -> Result<(Box<dyn Watch>, bool)> {
        let (watch, changed) = self
            .off("wait", move |_| {
                let changed = watch.changed()?;
                Ok((watch, changed))
            })
            .await?;
        if !changed {
            self.environment.sleep(self.engine.rest().min(most)).await;
        }
        Ok((watch, changed))
    }

    /// Lets go of every connection that is not in use.
    pub(super) fn close(&self) {
        self.lock_idle().clear();
    }

    fn lock_idle(&self) -> std::sync::MutexGuard<'_, Vec<Box<dyn Connection>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn off<T, F>(self: &Arc<Self>, operation: &'static str, steps: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Self) -> Result<T> + Send + 'static,
    {
        let stopped = |_| StorageError::new(operation, Cause::Cancelled, "the storage is closing");
        // The waiting for changes goes on for long and must not keep others from working.
        let permit = match operation {
            "wait" => None,
            _ => Some(self.permits.acquire().await.map_err(|_| stopped(()))?),
        };
        let started = self.environment.uptime();
        let database = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || steps(&database)).await;
        drop(permit);
        let done = done.map_err(|_| stopped(()))?;
        let took = self.environment.uptime().saturating_sub(started);
        done.map_err(|mut error| {
            error.operation = operation;
            self.health.failed(&error, self.environment.now(), took);
            error
        })
        .inspect(|_| self.health.answered(took))
    }

    fn transact<T>(
        &self,
        work: Work,
        steps: impl FnOnce(&mut Transaction<'_>) -> Result<T>,
    ) -> Result<T> {
        let mut connection = self.connection()?;
        let dialect = self.dialect();
        connection.batch((dialect.begin)(work))?;
        let mut transaction = Transaction {
            connection: &mut *connection,
            dialect,
            now: self.environment.now().0,
            changed: false,
        };
        let done = steps(&mut transaction).and_then(|answer| {
            transaction.end()?;
            Ok(answer)
        });
        // A connection that cannot even take back is not used again.
        let clean = done.is_ok() || connection.batch("ROLLBACK").is_ok();
        if clean && connection.is_usable() {
            self.lock_idle().push(connection);
        }
        done
    }

    fn connection(&self) -> Result<Box<dyn Connection>> {
        let idle = self.lock_idle().pop();
        if let Some(connection) = idle {
            return Ok(connection);
        }
        let mut connection = self.engine.connect(false)?;
        schema::check(&mut *connection, self.dialect())?;
        Ok(connection)
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Database")
    }
}
