//! What people write into the configuration, and what comes over the socket.

#![allow(clippy::unwrap_used, reason = "a test")]

mod config;
mod places;
mod socket;

/// What stands for itself in a sentence: there is something, and it is one line.
fn is_sentence(text: &str) -> bool {
    !text.trim().is_empty() && !text.contains('\n')
}
