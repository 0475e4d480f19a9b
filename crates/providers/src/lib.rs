//! The remote storages: one folder per family behind [`registry::providers`], and what they share.
//!
//! Everything here speaks to somebody else's server. Nothing in here decides what is to be synced; that a request
//! is made again, and when, is decided in one place only (`retry`).

pub mod azure;
mod body;
pub mod db;
mod form;
pub mod gcs;
mod hashes;
mod health;
mod http;
mod known;
mod names;
mod objects;
pub mod registry;
mod rest;
mod retry;
pub mod s3;
pub mod swift;
mod tls;
mod told;
pub mod webdav;
