//! A configured pair.

use serde::{Deserialize, Serialize};
use tandem_core::side::{PerSide, Side};
use tandem_core::time::Timestamp;
use tandem_engine::setup::PairOptions;

use crate::location::{LOCAL, Location};
use crate::surroundings::Hindrance;
use crate::when::When;

/// One end of a pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    /// The storage's uuid, so that renaming it changes nothing; `local` for this computer's paths.
    pub storage: String,
    /// The path in the storage's own writing.
    pub path: String,
}

impl End {
    /// As a location, with the storage's name.
    #[must_use]
    pub fn location(&self, name: impl FnOnce(&str) -> String) -> Location {
        let storage = if self.storage == LOCAL {
            LOCAL.to_owned()
        } else {
            name(&self.storage)
        };
        Location {
            storage,
            path: self.path.clone(),
        }
    }
}

/// That a pair is paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pause {
    /// Since when.
    pub since: When,
    /// Until when; until it is resumed, if there is no time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<When>,
}

impl Pause {
    /// When it ends, or that it has no end, unless it is over at `now`.
    fn end_after(self, now: Timestamp) -> Option<Option<Timestamp>> {
        match self.until {
            Some(until) if until.0 <= now => None,
            until => Some(until.map(|when| when.0)),
        }
    }
}

/// A pair as it stands in `config.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PairRecord {
    /// Its uuid, which names its database.
    pub id: String,
    /// Its name.
    pub name: String,
    /// That its database was never made: only then the first sync is what a person chose. One that is lost later
    /// begins with a merge (P6).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_new: bool,
    /// When it was made.
    pub created: When,
    /// Its source.
    pub source: End,
    /// Its destination.
    pub destination: End,
    /// That it was made to be looked at first, and nobody has started it. Whoever leaves it takes it back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unstarted: bool,
    /// That it is paused by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Pause>,
    /// That all pairs were paused together: a pause of its own stays as it was before and after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused_with_all: Option<Pause>,
    /// What a person lets it go on in spite of, for as long as that stands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub despite: Vec<Hindrance>,
    /// Its options.
    #[serde(default)]
    pub options: PairOptions,
}

impl PairRecord {
    /// Both ends.
    #[must_use]
    pub const fn ends(&self) -> PerSide<&End> {
        PerSide::new(&self.source, &self.destination)
    }

    /// Whether one of its ends is on the storage with this id.
    #[must_use]
    pub fn uses(&self, storage: &str) -> bool {
        self.source.storage == storage || self.destination.storage == storage
    }

    /// One end, to be changed.
    pub const fn end_mut(&mut self, side: Side) -> &mut End {
        match side {
            Side::Source => &mut self.source,
            Side::Destination => &mut self.destination,
        }
    }

    /// Whether a pause of all pairs holds it at `now`.
    #[must_use]
    pub fn is_paused_with_all_at(&self, now: Timestamp) -> bool {
        self.paused_with_all
            .is_some_and(|pause| pause.end_after(now).is_some())
    }

    /// Whether it is paused at `now`, and until when.
    #[must_use]
    pub fn paused_at(&self, now: Timestamp) -> Option<Option<Timestamp>> {
        let ends = [self.paused, self.paused_with_all].map(|pause| pause?.end_after(now));
        // Both must be over; one without an end never is.
        let ends = ends.into_iter().flatten();
        ends.reduce(|a, b| a.zip(b).map(|(a, b)| a.max(b)))
    }
}
