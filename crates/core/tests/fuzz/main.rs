//! What other devices, storages and people write, read by the core.

#![allow(clippy::unwrap_used, reason = "a test")]

mod filters;
mod names;
mod paths;
mod texts;

/// What stands for itself in a sentence: there is something, and it is one line.
fn is_sentence(text: &str) -> bool {
    !text.trim().is_empty() && !text.contains('\n')
}
