//! The two ends of a pair.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{Index, IndexMut};

/// One end of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// The first end, on the left.
    Source,
    /// The second end, on the right.
    Destination,
}

impl Side {
    /// Both sides, source first.
    pub const BOTH: [Self; 2] = [Self::Source, Self::Destination];

    /// The other side.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Source => Self::Destination,
            Self::Destination => Self::Source,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Source => "source",
            Self::Destination => "destination",
        })
    }
}

/// One value for each side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PerSide<T> {
    /// The source's.
    pub source: T,
    /// The destination's.
    pub destination: T,
}

impl<T> PerSide<T> {
    /// A value for each side.
    pub const fn new(source: T, destination: T) -> Self {
        Self {
            source,
            destination,
        }
    }

    /// Makes each side's value from the side.
    pub fn from_fn(mut make: impl FnMut(Side) -> T) -> Self {
        Self {
            source: make(Side::Source),
            destination: make(Side::Destination),
        }
    }

    /// References to both.
    pub const fn as_ref(&self) -> PerSide<&T> {
        PerSide {
            source: &self.source,
            destination: &self.destination,
        }
    }

    /// Both values changed by `map`.
    pub fn map<U>(self, mut map: impl FnMut(T) -> U) -> PerSide<U> {
        PerSide {
            source: map(self.source),
            destination: map(self.destination),
        }
    }
}

impl<T> Index<Side> for PerSide<T> {
    type Output = T;
    fn index(&self, side: Side) -> &T {
        match side {
            Side::Source => &self.source,
            Side::Destination => &self.destination,
        }
    }
}

impl<T> IndexMut<Side> for PerSide<T> {
    fn index_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Source => &mut self.source,
            Side::Destination => &mut self.destination,
        }
    }
}
