//! Files as rows of a database: SQLite in a file, or PostgreSQL on a server.
//!
//! Everything that others can see changes in one transaction that holds the one row of `tandem_clock`: expectations
//! are checked and changes made by one at a time, and the numbers of the feed are given out in the order of the
//! commits, so that no cursor passes over a late one. Content lies in chunks that never change once they are whole;
//! items and versions point to it, so keeping, copying and moving cost no bytes. Content is staged outside of that
//! row, a chunk at a time.
//!
//! What databases say in different words is in `sql::Dialect`. The schema is documented in `docs/providers/db.md`.

mod change;
mod database;
mod feed;
mod item;
mod listing;
mod place;
mod postgres;
mod probe;
mod provider;
mod put;
mod read;
mod relocate;
mod root;
mod schema;
mod settings;
mod sql;
mod sqlite;
mod storage;
mod upload;
mod versions;

pub use provider::DbProvider;
