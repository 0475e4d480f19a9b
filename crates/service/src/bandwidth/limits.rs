//! How fast bytes may go, each way.

use serde::{Deserialize, Deserializer};

use crate::size_text;

/// The slowest limit, in bytes a second: what goes slower is given up by servers before it is through.
const LEAST: u64 = 1_000;
/// Stands for no limit.
const OFF: &str = "off";

/// Bytes a second; without a number as many as can.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// From this computer.
    pub send: Option<u64>,
    /// To this computer.
    pub receive: Option<u64>,
}

/// Text that is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadLimit {
    /// It cannot be read.
    #[error("it is no speed such as 500kB or 4MB")]
    Unreadable,
    /// Nothing would get through.
    #[error("it is slower than 1 kB a second")]
    TooSlow,
}

impl Limits {
    /// Reads `SEND:RECEIVE`, or one for both.
    pub(super) fn parse(text: &str) -> Result<Self, BadLimit> {
        let (send, receive) = text.split_once(':').unwrap_or((text, text));
        Ok(Self {
            send: Self::parse_one(send)?,
            receive: Self::parse_one(receive)?,
        })
    }

    /// Reads the limit of one way: `4MB`, `4 MB/s`, `off`. Nothing is no limit as well.
    ///
    /// # Errors
    /// It is none that can hold.
    pub fn parse_one(text: &str) -> Result<Option<u64>, BadLimit> {
        let text = text.trim();
        if text.is_empty() || text.eq_ignore_ascii_case(OFF) {
            return Ok(None);
        }
        let size = text.strip_suffix("/s").unwrap_or(text);
        let bytes = size_text::parse(size).map_err(|_| BadLimit::Unreadable)?;
        checked(bytes).map(Some)
    }
}

const fn checked(bytes: u64) -> Result<u64, BadLimit> {
    if bytes < LEAST {
        return Err(BadLimit::TooSlow);
    }
    Ok(bytes)
}

/// A limit in a file, which may have been edited by hand.
pub(super) fn of_file<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let bytes = Option::<u64>::deserialize(deserializer)?;
    bytes
        .map(checked)
        .transpose()
        .map_err(|why| serde::de::Error::custom(format!("of a limit: {why}")))
}
