//! What goes wrong on a simulated storage, how often, and how often it did. Invariant: nothing is
//! injected that is not counted.

use std::collections::BTreeMap;

use crate::seed::Rng;

macro_rules! faults {
    ($( $(#[$doc:meta])* $variant:ident = $name:literal, $usual:literal );+ $(;)?) => {
        /// One way in which a storage fails.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Fault { $( $(#[$doc])* $variant ),+ }

        impl Fault {
            /// Every fault.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its name in figures.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// How often it happens where a seed drew it, per thousand occasions.
            const fn usual(self) -> u16 {
                match self { $(Self::$variant => $usual),+ }
            }
        }
    };
}

faults! {
    /// The request does not get there.
    Offline = "offline", 15;
    /// The server answers that it has a fault, and did nothing.
    Server = "server", 15;
    /// The server asks to slow down.
    RateLimited = "rate_limited", 15;
    /// The request does not get there, and nobody says so until time is up.
    Timeout = "timeout", 10;
    /// The operation is done and its answer lost.
    LostAcknowledgement = "lost_acknowledgement", 25;
    /// The bytes of a read end early without an error.
    ShortRead = "short_read", 40;
    /// Somebody writes into the file while it is read.
    ChangedDuringRead = "changed_during_read", 20;
    /// The feed forgot where we were.
    CursorExpired = "cursor_expired", 30;
    /// A listing of an eventual storage shows older entries, more than it usually does.
    StaleListing = "stale_listing", 300;
    /// A listing stops with an error before its end marker.
    PartialListing = "partial_listing", 30;
    /// A listing stops before its end marker without a word.
    CutListing = "cut_listing", 15;
    /// A folder exists and cannot be listed, until healed.
    UnreadableFolder = "unreadable_folder", 10;
    /// The account no longer sees an item, until healed.
    LostAccess = "lost_access", 10;
    /// The sign-in has expired, until healed.
    AuthExpired = "auth_expired", 2;
    /// The storage is full, until healed.
    QuotaFull = "quota_full", 3;
    /// A line of the feed comes only once the storage is healed.
    FeedLate = "feed_late", 42;
    /// A line of the feed comes twice.
    FeedTwice = "feed_twice", 100;
    /// The lines of a batch come in any order.
    FeedReordered = "feed_reordered", 200;
    /// What changed is not reported by `wait`.
    LostHint = "lost_hint", 100;
    /// What was written cannot be flushed.
    FailedFlush = "failed_flush", 15;
}

impl Fault {
    /// One that is to happen often, for by chance those of seldom calls are too seldom: of the feed, if there is one,
    /// and of the few writes.
    pub fn draw_often(rng: &mut Rng, has_feed: bool) -> Self {
        let of_feed = [
            Self::CursorExpired,
            Self::CursorExpired,
            Self::FeedTwice,
            Self::FeedReordered,
        ];
        if has_feed && rng.chance(50) {
            return *rng.pick(&of_feed);
        }
        if rng.chance(15) {
            return *rng.pick(&[Self::QuotaFull, Self::FailedFlush]);
        }
        *rng.pick(Self::ALL)
    }
}

/// How often each fault happens.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Faults {
    per_mille: BTreeMap<Fault, u16>,
}

impl Faults {
    /// None at all.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            per_mille: BTreeMap::new(),
        }
    }

    /// The given faults, per thousand occasions.
    #[must_use]
    pub fn of(faults: &[(Fault, u16)]) -> Self {
        Self {
            per_mille: faults.iter().copied().collect(),
        }
    }

    /// A choice: each fault is in about a third of all draws, at its usual rate or less.
    #[must_use]
    pub fn draw(rng: &mut Rng) -> Self {
        let per_mille = Fault::ALL
            .iter()
            .filter_map(|fault| {
                let (drawn, rate) = (rng.chance(35), 1 + rng.below(u64::from(fault.usual())));
                drawn.then_some((*fault, rate as u16))
            })
            .collect();
        Self { per_mille }
    }

    /// The same with this fault at this rate.
    #[must_use]
    pub fn with(mut self, fault: Fault, per_mille: u16) -> Self {
        self.per_mille.insert(fault, per_mille);
        self
    }

    /// How often `fault` happens, per thousand occasions.
    #[must_use]
    pub fn rate(&self, fault: Fault) -> u16 {
        self.per_mille.get(&fault).copied().unwrap_or(0)
    }
}
