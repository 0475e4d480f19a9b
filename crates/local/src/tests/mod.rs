//! What this storage promises, each on a folder of its own on a real disk; most in the portable form too.

mod committing;
mod containing;
mod deleting;
mod flushing;
mod fuzzing;
mod holding;
mod identifying;
mod interrupting;
mod keeping_attributes;
mod lacking;
mod listing;
mod mounting;
mod moving;
mod reading;
mod recovering;
mod staging;
mod support;
mod versioning;
mod watching;
