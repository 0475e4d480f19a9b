//! One session with the server. Its own task on the runtime speaks to the server; whoever asks waits, on a thread where
//! that disturbs nobody.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::time::Duration;

use bytes::BytesMut;
use futures_util::TryStreamExt;
use tandem_core::error::{Cause, Result, StorageError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{AsyncMessage, Client, Connection as Driver, Statement};

use super::errors;
use crate::db::sql::{Connection, Row, Value};

/// How long one statement may take: removing what weighs gigabytes takes minutes.
const STATEMENT_LIMIT: Duration = Duration::from_secs(300);

/// A session.
pub(super) struct Session {
    client: Client,
    runtime: Handle,
    statements: BTreeMap<String, Statement>,
    driver: JoinHandle<()>,
    /// Counts the notifications of the schema; its sender goes when the connection does.
    pub(super) heard: watch::Receiver<u64>,
    /// It did not answer in time; what it does next is anybody's guess.
    is_silent: bool,
    /// A statement of the transaction failed. The server would take a commit of it as a rollback, without an error.
    is_failed: bool,
}

impl Session {
    /// The session of `client`, whose connection is driven by a task. Notifications that carry `schema` are counted.
    pub(super) fn driven<S, T>(
        client: Client,
        connection: Driver<S, T>,
        runtime: &Handle,
        schema: &str,
    ) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (count, heard) = watch::channel(0);
        Self {
            client,
            runtime: runtime.clone(),
            statements: BTreeMap::new(),
            driver: runtime.spawn(drive(connection, count, schema.to_owned())),
            heard,
            is_silent: false,
            is_failed: false,
        }
    }

    /// Waits for what was asked of the server.
    fn wait<T>(
        &self,
        asked: impl Future<Output = std::result::Result<T, tokio_postgres::Error>>,
    ) -> Result<T> {
        let answered = self.runtime.block_on(async {
            let answer = tokio::time::timeout(STATEMENT_LIMIT, asked).await;
            answer.map_err(|_| errors::silent())
        });
        answered.and_then(|answer| answer.map_err(errors::told))
    }

    fn noted<T>(&mut self, answer: Result<T>) -> Result<T> {
        if let Err(error) = &answer {
            self.is_failed = true;
            self.is_silent |= error.cause == Cause::Timeout;
        }
        answer
    }

    fn prepared(&mut self, statement: &str) -> Result<Statement> {
        if let Some(prepared) = self.statements.get(statement) {
            return Ok(prepared.clone());
        }
        // Parameters are numbered alike; no statement holds a question mark otherwise.
        let text = statement.replace('?', "$");
        let prepared = self.wait(self.client.prepare(&text))?;
        self.statements
            .insert(statement.to_owned(), prepared.clone());
        Ok(prepared)
    }

    fn try_execute(&mut self, statement: &str, values: &[Value]) -> Result<u64> {
        let prepared = self.prepared(statement)?;
        self.wait(self.client.execute_raw(&prepared, values))
    }

    fn try_query(&mut self, statement: &str, values: &[Value]) -> Result<Vec<Row>> {
        let prepared = self.prepared(statement)?;
        let rows = self.wait(async {
            let rows = self.client.query_raw(&prepared, values).await?;
            rows.try_collect::<Vec<_>>().await
        })?;
        let read = |row: &tokio_postgres::Row| {
            let values = (0..row.len()).map(|column| row.try_get(column));
            values.collect::<std::result::Result<_, _>>().map(Row)
        };
        let rows = rows.iter().map(read);
        rows.collect::<std::result::Result<_, _>>()
            .map_err(errors::told)
    }
}

impl Connection for Session {
    fn execute(&mut self, statement: &str, values: &[Value]) -> Result<u64> {
        let done = self.try_execute(statement, values);
        self.noted(done)
    }

    fn query(&mut self, statement: &str, values: &[Value]) -> Result<Vec<Row>> {
        let rows = self.try_query(statement, values);
        self.noted(rows)
    }

    fn batch(&mut self, statements: &str) -> Result<()> {
        let done = self.wait(self.client.batch_execute(statements));
        self.noted(done)
    }

    fn commit(&mut self) -> Result<()> {
        if self.is_failed {
            let why = "a statement of the transaction failed before";
            return Err(StorageError::new("", Cause::Other, why));
        }
        self.batch("COMMIT")
    }

    fn roll_back(&mut self) -> Result<()> {
        self.batch("ROLLBACK")?;
        self.is_failed = false;
        Ok(())
    }

    fn is_usable(&self) -> bool {
        !self.is_silent && !self.is_failed && !self.client.is_closed()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // The task ends by itself once it has taken leave, but for a server that does not answer.
        if self.is_silent {
            self.driver.abort();
        }
    }
}

/// Speaks to the server until the session ends.
async fn drive<S, T>(mut connection: Driver<S, T>, count: watch::Sender<u64>, schema: String)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        match poll_fn(|context| connection.poll_message(context)).await {
            Some(Ok(AsyncMessage::Notification(heard))) if heard.payload() == schema => {
                count.send_modify(|count| *count += 1);
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => return tracing::debug!(%error, "the session ended"),
            None => return,
        }
    }
}

impl ToSql for Value {
    fn to_sql(
        &self,
        to: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Integer(value) => value.to_sql_checked(to, out),
            Self::Text(value) => value.to_sql_checked(to, out),
            Self::Bytes(value) => value.to_sql_checked(to, out),
        }
    }

    /// Each value asks anew.
    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl FromSql<'_> for Value {
    fn from_sql(
        from: &Type,
        raw: &[u8],
    ) -> std::result::Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(match *from {
            Type::INT8 => Self::Integer(i64::from_sql(from, raw)?),
            Type::BOOL => Self::from(bool::from_sql(from, raw)?),
            Type::BYTEA => Self::Bytes(raw.to_vec()),
            _ => Self::from(<&str>::from_sql(from, raw)?),
        })
    }

    fn from_sql_null(
        _: &Type,
    ) -> std::result::Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self::Null)
    }

    fn accepts(ty: &Type) -> bool {
        let text = <&str as FromSql>::accepts(ty);
        text || [Type::INT8, Type::BOOL, Type::BYTEA].contains(ty)
    }
}
