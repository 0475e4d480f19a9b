//! PostgreSQL on a server.
//!
//! Whoever changes something first locks the row of `tandem_clock`, at read committed: every statement behind that
//! sees what the one before committed (postgresql.org/docs/current/transaction-iso.html). What is staged commits
//! without waiting for the log; the log is written in order, so the next change flushes it
//! (postgresql.org/docs/current/wal-async-commit.html).
//!
//! A session never waits for ever: the server ends one that leaves a transaction open or waits for a lock too long,
//! and this side one that does not answer.

mod errors;
mod listener;
mod protection;
mod session;

use std::sync::Arc;
use std::time::Duration;

use tandem_core::error::{Cause, Result, StorageError};
use tokio::runtime::Handle;
use tokio_postgres::config::{ChannelBinding, SslMode};
use tokio_postgres::{Config, NoTls};

use self::listener::Listener;
use self::protection::Protection;
use self::session::Session;
use super::settings::{Host, Server};
use super::sql::{Connection, Dialect, Engine, Watch, Work};
use crate::tls::client_config;

/// How long signing in may take, the connection included.
const CONNECT_LIMIT: Duration = Duration::from_secs(20);

/// How long what was sent may stay without an acknowledgement by the other end's system, and how long a silent line is
/// believed in: a server that was unplugged says nothing.
const LINE_LIMIT: Duration = Duration::from_secs(30);

/// What every session sets. A device that vanishes amid a change must not hold up the others for ever.
const SESSION: &str = "SET client_min_messages = warning;
    SET lock_timeout = '10s';
    SET idle_in_transaction_session_timeout = '60s'";

/// The name that notifications go by; what they carry is the schema.
const CHANNEL: &str = "tandem";

const DIALECT: Dialect = Dialect {
    integer: "BIGINT",
    // Not the database's own order of letters: a new version of the system's tables for that can break an index.
    text: "TEXT COLLATE \"C\"",
    bytes: "BYTEA",
    table_options: "",
    begin,
    // 'tandem' in ASCII: two storages that are tested at once make the tables once.
    begin_schema: "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock(x'74616e64656d'::bigint)",
    count_tables: "SELECT COUNT(*) FROM pg_catalog.pg_tables
        WHERE schemaname = current_schema() AND tablename = ?1",
    announce: Some("SELECT pg_notify('tandem', current_schema()::text)"),
    cheap_reads: false,
};

const fn begin(work: Work) -> &'static str {
    match work {
        Work::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        Work::Stage => "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL synchronous_commit = off",
        // Where whoever runs the server asks for more than the local disk, that stays.
        Work::Change => {
            "BEGIN ISOLATION LEVEL READ COMMITTED;
             SELECT set_config('synchronous_commit', 'on', true)
                WHERE current_setting('synchronous_commit') = 'off';
             SELECT one FROM tandem_clock FOR UPDATE"
        }
    }
}

/// A database on a server.
pub(super) struct Postgres {
    server: Server,
    config: Config,
    protection: Option<Protection>,
}

impl Postgres {
    pub(super) fn new(server: Server, password: Option<&str>) -> Result<Self> {
        let mut config = Config::new();
        match &server.host {
            Host::Name(name) => config.host(name.as_str()),
            #[cfg(unix)]
            Host::Socket(folder) => config.host_path(folder),
        };
        config
            .port(server.port)
            .user(server.user.as_str())
            .dbname(server.database.as_str())
            .application_name("tandem")
            .connect_timeout(CONNECT_LIMIT)
            .tcp_user_timeout(LINE_LIMIT)
            .keepalives_idle(LINE_LIMIT)
            .keepalives_interval(LINE_LIMIT / 3)
            .keepalives_retries(3)
            .channel_binding(ChannelBinding::Disable);
        if let Some(password) = password.filter(|password| !password.is_empty()) {
            config.password(password);
        }
        let protection = if server.is_encrypted() {
            let tls = client_config();
            let tls = tls.map_err(|e| StorageError::new("open", Cause::Tls, e.to_string()))?;
            config.ssl_mode(SslMode::Require);
            Some(Protection(Arc::new(tls)))
        } else {
            config.ssl_mode(SslMode::Disable);
            None
        };
        Ok(Self {
            server,
            config,
            protection,
        })
    }

    /// A session that looks at the tables of the storage's schema. To be called where blocking is no harm.
    fn session(&self) -> Result<Session> {
        let schema = &self.server.schema;
        let runtime = Handle::current();
        let connecting = async {
            match &self.protection {
                Some(tls) => {
                    let (client, connection) = self.config.connect(tls.clone()).await?;
                    Ok(Session::driven(client, connection, &runtime, schema))
                }
                None => {
                    let (client, connection) = self.config.connect(NoTls).await?;
                    Ok(Session::driven(client, connection, &runtime, schema))
                }
            }
        };
        let connected = runtime.block_on(async {
            match tokio::time::timeout(CONNECT_LIMIT, connecting).await {
                Ok(connected) => {
                    connected.map_err(|error| errors::not_connected(error, &self.server.database))
                }
                Err(_) => Err(errors::silent()),
            }
        });
        let mut session = connected?;
        session.batch(&format!("{SESSION}; SET search_path TO {}", quoted(schema)))?;
        Ok(session)
    }

    /// Makes the schema if it is not there. `CREATE SCHEMA IF NOT EXISTS` would ask for the right to make one even then.
    fn make_schema(&self, session: &mut Session) -> Result<()> {
        let encoding = session.query("SELECT current_setting('server_encoding')", &[])?;
        let encoding = encoding.first().map(|row| row.text(0)).transpose()?;
        if encoding != Some("UTF8") {
            let encoding = encoding.unwrap_or_default();
            let detail = format!(
                "the database's encoding is {encoding}, which cannot hold every name; one of UTF8 is needed"
            );
            return Err(StorageError::new("", Cause::Unsupported, detail));
        }
        let there = session.query("SELECT current_schema() IS NULL", &[])?;
        if there.first().map(|row| row.integer(0)).transpose()? == Some(0) {
            return Ok(());
        }
        let schema = quoted(&self.server.schema);
        session.batch(&format!("CREATE SCHEMA IF NOT EXISTS {schema}"))
    }
}

impl Engine for Postgres {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn connect(&self, create: bool) -> Result<Box<dyn Connection>> {
        let mut session = self.session()?;
        if create {
            self.make_schema(&mut session)?;
        }
        Ok(Box::new(session))
    }

    fn watch(&self) -> Result<Box<dyn Watch>> {
        Ok(Box::new(Listener::new(self.session()?)?))
    }

    fn rest(&self) -> Duration {
        Duration::ZERO
    }

    fn encrypted(&self) -> Option<bool> {
        match self.server.host {
            Host::Name(_) => Some(self.protection.is_some()),
            #[cfg(unix)]
            Host::Socket(_) => None,
        }
    }
}

/// A name as SQL writes it, whatever is in it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
