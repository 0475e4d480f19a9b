//! WebDAV (RFC 4918).
//!
//! Folders are real, a move is one request, and next to nothing else is certain: servers that people run ignore
//! conditions and answer 201, name no ETag in a listing, show half of an upload that was cut, or give two contents of
//! one second the same ETag. So each of that is probed by `validate`, and without a probe none is relied upon.
//!
//! Where a cut upload would be seen, content goes to a name of Tandem's own first and is moved to its place. Over a
//! file that is there the RFC has a server delete before it moves (section 9.9.3): for an instant the name is free,
//! which is why such a server counts as one without atomic writes.
//!
//! What may be lost where conditions do not work is written in `guard`.

mod address;
mod auth;
mod change;
mod chunks;
mod client;
mod errors;
mod guard;
mod listing;
mod login_flow;
mod marker;
mod probe;
mod provider;
mod read;
mod relocate;
mod resource;
mod root;
mod server_kept;
mod services;
mod settings;
mod staging;
mod storage;
mod token;
mod versions;
mod write;
mod xml;
mod zero;

pub use provider::WebDavProvider;
pub use services::{SERVICES, Service};
