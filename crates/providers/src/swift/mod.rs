//! OpenStack Swift, and what is built on it: Rackspace Cloud Files, OVHcloud's older storage classes.
//!
//! A flat store behind `objects`. What is its own: signing in (`sign_in`), large objects (`segments`) and versions
//! (`history`). Measured on Swift 2.30: `If-Match` is ignored by every change; `If-None-Match: *` is checked before a
//! PUT reads its body, so of eight writers at once three to eight were told that they were first, and on a server-side
//! copy it is taken for a condition on the source; the ETag of a large object has the form of an MD5 and is none. So no
//! change is conditional, and the layer looks before and after.
//!
//! Answers may be old: listings follow the objects (docs.openstack.org/swift, "Container Servers"), and an object that
//! is asked for comes from the first replica that answers. So every look asks for the newest (`X-Newest`), and of
//! listings nothing is concluded that a look does not confirm.

mod client;
mod cluster;
mod errors;
#[cfg(test)]
mod fuzzing;
mod headers;
mod history;
mod listing;
mod provider;
mod removal;
mod segments;
mod services;
mod session;
mod settings;
mod sign_in;
mod store;

pub use provider::SwiftProvider;
pub use services::{SERVICES, Service};
