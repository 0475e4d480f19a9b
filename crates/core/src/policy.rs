//! What a person chose for a pair: mode, comparison, first sync, conflicts, limits.

use serde::{Deserialize, Serialize};
use std::str::FromStr;

use crate::side::Side;

/// Text that names no choice of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no {what} \"{text}\"; choose one of {choices}")]
pub struct UnknownChoice {
    /// What was to be chosen: "mode", "comparison".
    pub what: &'static str,
    /// What was given.
    pub text: String,
    /// The names there are, with commas.
    pub choices: String,
}

macro_rules! choices {
    ($type:ident, $what:literal, $( $variant:ident = $name:literal $(| $alias:literal)* ),+ $(,)?) => {
        impl $type {
            /// Every choice.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name used on the command line, in JSON and in the database.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }
        impl FromStr for $type {
            type Err = UnknownChoice;
            fn from_str(text: &str) -> Result<Self, UnknownChoice> {
                match text {
                    $($name $(| $alias)* => Ok(Self::$variant),)+
                    _ => Err(UnknownChoice {
                        what: $what,
                        text: text.to_owned(),
                        choices: [$($name),+].join(", "),
                    }),
                }
            }
        }
        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

/// Which way changes go (DESIGN 5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Both ways.
    #[default]
    TwoWay,
    /// The destination is made equal to the source.
    SourceToDestination,
    /// The source's new and changed items go to the destination; nothing is ever deleted.
    SourceBackup,
    /// The source is made equal to the destination.
    DestinationToSource,
    /// The destination's new and changed items go to the source; nothing is ever deleted.
    DestinationBackup,
}

choices!(
    Mode,
    "mode",
    TwoWay = "two-way" | "twoWay" | "tw",
    SourceToDestination = "source-to-destination" | "sourceToDestination" | "std",
    SourceBackup = "source-backup" | "sourceBackup" | "sb",
    DestinationToSource = "destination-to-source" | "destinationToSource" | "dts",
    DestinationBackup = "destination-backup" | "destinationBackup" | "db",
);

impl Mode {
    /// The side that leads, in a one-way mode.
    #[must_use]
    pub const fn leader(self) -> Option<Side> {
        match self {
            Self::TwoWay => None,
            Self::SourceToDestination | Self::SourceBackup => Some(Side::Source),
            Self::DestinationToSource | Self::DestinationBackup => Some(Side::Destination),
        }
    }

    /// Whether deletes are never carried.
    #[must_use]
    pub const fn is_backup(self) -> bool {
        matches!(self, Self::SourceBackup | Self::DestinationBackup)
    }

    /// Whether the following side is made equal, extra items of its own removed.
    #[must_use]
    pub const fn is_mirror(self) -> bool {
        matches!(self, Self::SourceToDestination | Self::DestinationToSource)
    }
}

/// How two sides without a common base are found equal (DESIGN 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compare {
    /// A common hash; else size and client-set time; else read.
    #[default]
    HashThenMtime,
    /// By hash alone, reading where no side names one.
    HashOnly,
    /// By size alone; does not see an edit that keeps the size.
    SizeOnly,
    /// By time alone; does not see an edit that keeps the time.
    MtimeOnly,
    /// By size and time; does not see an edit that keeps both.
    SizeAndMtime,
}

choices!(
    Compare,
    "comparison",
    HashThenMtime = "hash-then-mtime",
    HashOnly = "hash-only",
    SizeOnly = "size-only",
    MtimeOnly = "mtime-only",
    SizeAndMtime = "size-and-mtime",
);

/// Who wins on the first sync where both sides have an item (DESIGN 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FirstSync {
    /// Nobody: different content is a conflict.
    #[default]
    Merge,
    /// The source.
    SourceWins,
    /// The destination.
    DestinationWins,
}

choices!(
    FirstSync,
    "first sync",
    Merge = "merge",
    SourceWins = "source-wins",
    DestinationWins = "destination-wins",
);

/// What is done where both sides changed one item (DESIGN 5.3). Losers are always kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConflictPolicy {
    /// The destination's version keeps the name, the source's becomes a conflict copy.
    #[default]
    KeepBoth,
    /// The newer one, where times can tell; else both.
    NewestWins,
    /// The source's.
    SourceWins,
    /// The destination's.
    DestinationWins,
    /// The larger one; both where the sizes are equal.
    LargerWins,
    /// Nothing until a person decides.
    Manual,
    /// Three-way text merge; both where it does not work out.
    Merge,
}

choices!(
    ConflictPolicy,
    "conflict policy",
    KeepBoth = "keep-both",
    NewestWins = "newest-wins",
    SourceWins = "source-wins",
    DestinationWins = "destination-wins",
    LargerWins = "larger-wins",
    Manual = "manual",
    Merge = "merge",
);

/// Everything a plan needs to know of a person's choices.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Policy {
    /// Which way changes go.
    pub mode: Mode,
    /// How equality is found without a base.
    pub compare: Compare,
    /// Who wins on the first sync.
    pub first_sync: FirstSync,
    /// What happens to conflicts.
    pub conflict: ConflictPolicy,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_is_found_by_its_name_and_serialised_by_it() {
        for mode in Mode::ALL {
            assert_eq!(mode.name().parse::<Mode>().unwrap(), *mode);
        }
        for alias in ["tw", "std", "sb", "dts", "db", "twoWay"] {
            assert!(alias.parse::<Mode>().is_ok());
        }
        let error = "both".parse::<Mode>().unwrap_err().to_string();
        assert!(
            error.starts_with("there is no mode \"both\"; choose one of two-way, "),
            "{error}"
        );
    }
}
