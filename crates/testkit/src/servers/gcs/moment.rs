//! A point in time as the API writes it.

use std::fmt;
use std::time::{Duration, SystemTime};

use tandem_core::time::Timestamp;

/// A point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Moment(pub(super) Duration);

impl Moment {
    /// The clock of this computer.
    pub(super) fn now() -> Self {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Self(since.unwrap_or_default())
    }
}

/// RFC 3339 with milliseconds.
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secs = i64::try_from(self.0.as_secs()).unwrap_or_default();
        let (year, month, day, hour, minute, second) = Timestamp::from_secs(secs).civil();
        let millis = self.0.subsec_millis();
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z"
        )
    }
}
