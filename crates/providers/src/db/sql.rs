//! What both kinds of database have in common: statements, values, rows, transactions.

use std::time::Duration;

use tandem_core::error::{Cause, Result, StorageError};

/// A value that is bound to a statement or found in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Null,
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Integer(i64::from(value))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(value)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The values of a statement, in order.
macro_rules! values {
    ($($value:expr),* $(,)?) => { &[$($crate::db::sql::Value::from($value)),*] };
}
pub(super) use values;

/// One row of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row(pub(super) Vec<Value>);

impl Row {
    /// The whole number in a column that is never null.
    pub(super) fn integer(&self, column: usize) -> Result<i64> {
        self.maybe_integer(column)?.ok_or_else(|| foreign(column))
    }

    /// The whole number in a column.
    pub(super) fn maybe_integer(&self, column: usize) -> Result<Option<i64>> {
        match self.0.get(column) {
            Some(Value::Integer(value)) => Ok(Some(*value)),
            Some(Value::Null) => Ok(None),
            _ => Err(foreign(column)),
        }
    }

    /// The text in a column that is never null.
    pub(super) fn text(&self, column: usize) -> Result<&str> {
        self.maybe_text(column)?.ok_or_else(|| foreign(column))
    }

    /// The text in a column.
    pub(super) fn maybe_text(&self, column: usize) -> Result<Option<&str>> {
        match self.0.get(column) {
            Some(Value::Text(value)) => Ok(Some(value)),
            Some(Value::Null) => Ok(None),
            _ => Err(foreign(column)),
        }
    }

    /// The bytes in a column.
    pub(super) fn maybe_bytes(&self, column: usize) -> Result<Option<&[u8]>> {
        match self.0.get(column) {
            Some(Value::Bytes(value)) => Ok(Some(value)),
            Some(Value::Null) => Ok(None),
            _ => Err(foreign(column)),
        }
    }
}

/// The schema says otherwise: somebody else's hand, or damage.
fn foreign(column: usize) -> StorageError {
    StorageError::new(
        "",
        Cause::BadResponse,
        format!("column {} of an answer is of another type", column + 1),
    )
}

/// What a transaction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// Looking, at one instant.
    Read,
    /// Writing what nobody sees. It is durable with the next change.
    Stage,
    /// Changing what others see: alone, and durable when it ends.
    Change,
}

/// Where the kinds of database differ.
#[derive(Debug)]
pub(super) struct Dialect {
    /// The type of whole numbers of 64 bits.
    pub(super) integer: &'static str,
    /// The type of text that is compared byte by byte.
    pub(super) text: &'static str,
    /// The type of bytes.
    pub(super) bytes: &'static str,
    /// What follows the columns of a table.
    pub(super) table_options: &'static str,
    /// Begins a transaction of each kind.
    pub(super) begin: fn(Work) -> &'static str,
    /// Begins the transaction that makes the tables: they are not there yet to be locked.
    pub(super) begin_schema: &'static str,
    /// Counts the tables of a name.
    pub(super) count_tables: &'static str,
    /// Tells those who wait of a change, with its transaction.
    pub(super) announce: Option<&'static str>,
    /// Reading costs no requests to a server.
    pub(super) cheap_reads: bool,
}

/// An open connection. Parameters of statements are written `?1`, `?2`, ... in the order of their first use.
pub(super) trait Connection: Send {
    /// Runs a statement; how many rows it changed.
    fn execute(&mut self, statement: &str, values: &[Value]) -> Result<u64>;

    /// Runs a statement that answers with rows.
    fn query(&mut self, statement: &str, values: &[Value]) -> Result<Vec<Row>>;

    /// Runs statements without parameters.
    fn batch(&mut self, statements: &str) -> Result<()>;

    /// Ends a transaction; fails if a statement of it did.
    fn commit(&mut self) -> Result<()>;

    /// Takes a transaction back.
    fn roll_back(&mut self) -> Result<()>;

    /// Whether it can be used again.
    fn is_usable(&self) -> bool;
}

impl dyn Connection + '_ {
    /// The first row of an answer.
    pub(super) fn first(&mut self, statement: &str, values: &[Value]) -> Result<Option<Row>> {
        Ok(self.query(statement, values)?.into_iter().next())
    }
}

/// Waits for changes that others commit.
pub(super) trait Watch: Send {
    /// Whether something may have been committed since the call before; may block for a moment, at most `most`.
    fn changed(&mut self, most: Duration) -> Result<bool>;
}

/// One database that can be connected to.
pub(super) trait Engine: Send + Sync {
    /// Where it differs from others.
    fn dialect(&self) -> &'static Dialect;

    /// A connection. With `create` the file or the schema that is to hold the tables is made if it is not there.
    fn connect(&self, create: bool) -> Result<Box<dyn Connection>>;

    /// What tells of changes.
    fn watch(&self) -> Result<Box<dyn Watch>>;

    /// How long to rest between two questions to [`Watch`].
    fn rest(&self) -> Duration;

    /// Whether everything on its way to the database is encrypted; `None` where nothing leaves this computer.
    fn encrypted(&self) -> Option<bool>;
}
