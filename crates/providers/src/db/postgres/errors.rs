//! The causes of what goes wrong with a server (postgresql.org/docs/current/errcodes-appendix.html).

use std::error::Error as _;
use std::io;

use tandem_core::error::{Cause, StorageError};
use tokio_postgres::error::DbError;
use tokio_postgres::{Error, error};

use crate::http::{chain, is_tls};
use crate::told;

/// What the server or the line said of a statement.
pub(super) fn told(error: Error) -> StorageError {
    let cause = match error.as_db_error() {
        Some(refusal) => cause_of(refusal.code()),
        None if error.is_closed() || of_the_line(&error) => Cause::Offline,
        // Neither an error of the server nor of the line: an answer that does not fit.
        None => Cause::BadResponse,
    };
    with(cause, error)
}

/// Why there is no session with `database`.
pub(super) fn not_connected(error: Error, database: &str) -> StorageError {
    if error.code() == Some(&error::SqlState::INVALID_CATALOG_NAME) {
        let detail = format!("there is no database {database}");
        return StorageError::new("", Cause::NotFound, detail).because(error);
    }
    let said = chain(&error);
    let cause = match error.as_db_error() {
        Some(refusal) => cause_of(refusal.code()),
        None if is_tls(&said) => Cause::Tls,
        None if error.is_closed() || of_the_line(&error) => Cause::Offline,
        // What is left is about the password: none was given, or the server did not show that it knows it too.
        None if said.contains("password") || said.contains("authentication") => Cause::AuthDenied,
        None => Cause::BadResponse,
    };
    with(cause, error)
}

/// The server does not answer.
pub(super) fn silent() -> StorageError {
    StorageError::new("", Cause::Timeout, "the database server does not answer")
}

/// The connection is gone.
pub(super) fn cut_off() -> StorageError {
    StorageError::new("", Cause::Offline, "the connection to the database ended")
}

fn of_the_line(error: &Error) -> bool {
    error
        .source()
        .is_some_and(|source| source.is::<io::Error>())
}

fn with(cause: Cause, error: Error) -> StorageError {
    let said = match error.as_db_error() {
        Some(refusal) => sentence(refusal),
        None => chain(&error),
    };
    // What tokio-postgres says when the server answers its request for TLS with `N`.
    let said = if said.contains("does not support TLS") {
        "the server does not offer TLS".to_owned()
    } else {
        said
    };
    StorageError::new("", cause, told::told(&said)).because(error)
}

fn sentence(refusal: &DbError) -> String {
    let said = refusal.message();
    match refusal.detail() {
        Some(detail) => format!("{said}: {detail}"),
        None => said.to_owned(),
    }
}

fn cause_of(state: &error::SqlState) -> Cause {
    match state.code() {
        // No such database, schema, table.
        "3D000" | "3F000" | "42P01" => Cause::NotFound,
        "25006" => Cause::ReadOnly,
        "42501" => Cause::Forbidden,
        "53100" => Cause::Quota,
        // Too many connections.
        "53300" => Cause::RateLimited,
        // Another's lock was not given back in time; what two do stands in each other's way.
        "55P03" | "40001" | "40P01" => Cause::Locked,
        // A limit that the server sets, of a statement or of a transaction that says nothing.
        "57014" | "25P03" | "25P04" => Cause::Timeout,
        // Text that the database's encoding cannot hold.
        "22021" | "22P05" => Cause::NameRefused,
        "XX001" | "XX002" => Cause::BadResponse,
        code => match code.get(..2) {
            Some("28") => Cause::AuthDenied,
            // The server shuts down, starts, or was killed.
            Some("08" | "57") => Cause::Offline,
            Some("53" | "58" | "XX") => Cause::Server,
            Some("54") => Cause::TooLarge,
            _ => Cause::Other,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_of_sql_leads_to_one_cause() {
        for (code, cause) in [
            ("28P01", Cause::AuthDenied),
            ("28000", Cause::AuthDenied),
            ("3D000", Cause::NotFound),
            ("42501", Cause::Forbidden),
            ("25006", Cause::ReadOnly),
            ("53100", Cause::Quota),
            ("53300", Cause::RateLimited),
            ("57P01", Cause::Offline),
            ("57P03", Cause::Offline),
            ("57014", Cause::Timeout),
            ("55P03", Cause::Locked),
            ("54000", Cause::TooLarge),
            ("22P05", Cause::NameRefused),
            ("XX001", Cause::BadResponse),
            ("XX000", Cause::Server),
            ("42601", Cause::Other),
        ] {
            assert_eq!(cause_of(&error::SqlState::from_code(code)), cause, "{code}");
        }
    }
}
