//! Azure Blob Storage as a flat store (`objects`), by its REST interface and nothing else.
//!
//! Constants and behaviours are those of Microsoft Learn, "Blob service REST API" (learn.microsoft.com/rest/api/
//! storageservices); each names its page. Proven against Azurite, and where that lacks it (versions) against a simulator.

mod answers;
mod auth;
mod blocks;
mod client;
mod connection;
mod errors;
#[cfg(test)]
mod fuzzing;
mod headers;
mod provider;
mod settings;
mod store;
mod versions;
mod xml;

pub use provider::AzureProvider;
