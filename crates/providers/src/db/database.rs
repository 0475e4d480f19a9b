//! A database and its connections. Statements block, so they run on threads where that disturbs nobody.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tandem_core::environment::SharedEnvironment;
use tandem_core::error::{Cause, Result, StorageError};
use tokio::sync::Semaphore;

use super::schema;
use super::sql::{Connection, Dialect, Engine, Row, Value, Watch, Work};
use crate::health::HealthRecord;
use crate::retry::Account;

/// Most connections at a time.
const CONNECTIONS: usize = 8;

/// A database that holds the schema.
pub(super) struct Database {
    pub(super) environment: SharedEnvironment,
    pub(super) health: Arc<HealthRecord>,
    engine: Box<dyn Engine>,
    /// The limiter of whoever uses the server; a file of this computer has none, and is waited for where it is locked.
    account: Option<Arc<Account>>,
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
        self.connection.commit()
    }
}

impl Database {
    pub(super) fn new(
        engine: Box<dyn Engine>,
        account: Option<Arc<Account>>,
        environment: SharedEnvironment,
    ) -> Self {
        Self {
            environment,
            health: Arc::default(),
            engine,
            account,
            idle: Mutex::default(),
            permits: Semaphore::new(CONNECTIONS),
        }
    }

    pub(super) fn dialect(&self) -> &'static Dialect {
        self.engine.dialect()
    }

    /// Whether everything on its way is encrypted; `None` where nothing leaves this computer.
    pub(super) fn encrypted(&self) -> Option<bool> {
        self.engine.encrypted()
    }

    /// Runs `steps` in one transaction. What they answer with an error is taken back.
    ///
    /// A transaction that was cut off is run again as a whole: it left nothing behind, or, where the answer to its end
    /// was lost, everything. Then what it expects is no more, and the caller looks at what is there.
    pub(super) async fn run<T, F>(
        self: &Arc<Self>,
        operation: &'static str,
        work: Work,
        steps: F,
    ) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Transaction<'_>) -> Result<T> + Send + Sync + 'static,
    {
        self.again(operation, move |database| database.transact(work, &steps))
            .await
    }

    /// Makes what the storage needs: the file, where it is one, and the tables. What is there stays as it is.
    pub(super) async fn create(self: &Arc<Self>) -> Result<schema::Made> {
        self.again("validate", |database| {
            let mut connection = database.engine.connect(true)?;
            let random = database.environment.random();
            schema::create(&mut *connection, database.dialect(), random)
        })
        .await
    }

    /// What tells of changes by others.
    pub(super) async fn watch(self: &Arc<Self>) -> Result<Box<dyn Watch>> {
        self.again("wait", |database| database.engine.watch()).await
    }

    /// Asks `watch`, off this thread; where nothing changed, after a rest of at most `most`.
    pub(super) async fn changed(
        self: &Arc<Self>,
        mut watch: Box<dyn Watch>,
        most: Duration,
    ) -> Result<(Box<dyn Watch>, bool)> {
        let looked = tokio::task::spawn_blocking(move || (watch.changed(most), watch)).await;
        let (changed, watch) = looked.map_err(|_| closing("wait"))?;
        let changed = changed.map_err(|error| self.failed(error, "wait", Duration::ZERO))?;
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

    /// Does `steps`, again while they fail for a reason that may pass.
    async fn again<T, F>(self: &Arc<Self>, operation: &'static str, steps: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&Self) -> Result<T> + Send + Sync + 'static,
    {
        let steps = Arc::new(steps);
        let once = || {
            let steps = Arc::clone(&steps);
            self.off(operation, move |database| steps(database))
        };
        match &self.account {
            Some(account) => account.run(|_| once()).await,
            None => once().await,
        }
    }

    async fn off<T, F>(self: &Arc<Self>, operation: &'static str, steps: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Self) -> Result<T> + Send + 'static,
    {
        // The waiting for changes goes on for long and must not keep others from working.
        let permit = match operation {
            "wait" => None,
            _ => Some(
                self.permits
                    .acquire()
                    .await
                    .map_err(|_| closing(operation))?,
            ),
        };
        let started = self.environment.uptime();
        let database = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || steps(&database)).await;
        drop(permit);
        let done = done.map_err(|_| closing(operation))?;
        let took = self.environment.uptime().saturating_sub(started);
        done.map_err(|error| self.failed(error, operation, took))
            .inspect(|_| self.health.answered(self.environment.now(), took))
    }

    fn failed(
        &self,
        mut error: StorageError,
        operation: &'static str,
        took: Duration,
    ) -> StorageError {
        error.operation = operation;
        self.health.failed(&error, self.environment.now(), took);
        if error.cause == Cause::Offline {
            // What is idle was cut off with it.
            self.close();
        }
        error
    }

    fn transact<T>(
        &self,
        work: Work,
        steps: impl Fn(&mut Transaction<'_>) -> Result<T>,
    ) -> Result<T> {
        let mut connection = self.connection()?;
        let dialect = self.dialect();
        if let Err(error) = connection.batch((dialect.begin)(work)) {
            // Some begin with more than one statement. Whether it can be taken back is the next one's business.
            let _ = connection.roll_back();
            self.put_back(connection);
            return Err(error);
        }
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
        if done.is_ok() || connection.roll_back().is_ok() {
            self.put_back(connection);
        }
        done
    }

    fn put_back(&self, connection: Box<dyn Connection>) {
        if connection.is_usable() {
            self.lock_idle().push(connection);
        }
    }

    fn connection(&self) -> Result<Box<dyn Connection>> {
        loop {
            let idle = self.lock_idle().pop();
            match idle {
                Some(connection) if connection.is_usable() => return Ok(connection),
                Some(_) => {}
                None => break,
            }
        }
        let mut connection = self.engine.connect(false)?;
        schema::check(&mut *connection, self.dialect())?;
        Ok(connection)
    }
}

fn closing(operation: &'static str) -> StorageError {
    StorageError::new(operation, Cause::Cancelled, "the storage is closing")
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Database")
    }
}
