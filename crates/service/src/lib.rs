//! What the command line and the window call: storages, credentials, pairs, supervisor.
//!
//! One [`service::Service`] owns a profile at a time; it answers [`request::Request`]s, in this process or
//! over a socket, with the same [`answer::Answer`]s. The words for
//! states, faults, guards and reasons are made here, so that every shell says the same.

pub mod answer;
pub mod bandwidth;
mod comparison;
pub mod config;
pub mod credentials;
pub mod environment;
pub mod fault;
mod live;
pub mod location;
pub mod logging;
pub mod owner;
pub mod pair_rules;
pub mod profile;
pub mod redact;
pub mod request;
mod requests;
pub mod secret;
pub mod service;
pub mod session;
pub mod sign_in;
pub mod size_text;
#[cfg(unix)]
pub mod socket;
pub mod state;
pub mod storages;
mod supervisor;
pub mod surroundings;
pub mod time_text;
#[cfg(feature = "typescript")]
pub mod typescript;
pub mod update;
mod usage;
pub mod when;
pub mod words;
