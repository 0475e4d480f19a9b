//! Google Cloud Storage as a flat store (`objects`), by its JSON API and nothing else.
//!
//! Constants and behaviours are those of cloud.google.com/storage/docs; each names its page. What tells an object from any
//! other state of its name is its metageneration and its generation together, and both are asked for in every condition
//! ("Request preconditions").

mod answers;
mod carried;
mod client;
mod conditions;
mod crc;
mod errors;
#[cfg(test)]
mod fuzzing;
mod key;
mod provider;
mod sessions;
mod settings;
mod store;
mod token;

pub use provider::GcsProvider;
