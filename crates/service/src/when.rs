//! A time as it stands in JSON and in `config.toml`: `2026-11-20T14:02:05Z`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tandem_core::time::Timestamp;

use crate::time_text;

/// A point in time, written in RFC 3339 to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS), ts(type = "string"))]
pub struct When(pub Timestamp);

impl Serialize for When {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&time_text::rfc3339(self.0))
    }
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        time_text::parse(&text, Timestamp::default(), 1)
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom("a time is written as 2026-11-20T14:02:05Z"))
    }
}

impl From<Timestamp> for When {
    fn from(at: Timestamp) -> Self {
        Self(at)
    }
}
