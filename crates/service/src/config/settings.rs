//! The settings of the program.

use serde::{Deserialize, Serialize};
use tandem_engine::setup::{PairOptions, VersionSettings};

use crate::bandwidth::BandwidthSettings;
use crate::credentials::StoreKind;
use crate::surroundings::PauseSettings;

/// Settings of the program, for all pairs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where the secrets of new storages are kept.
    pub secret_store: StoreKind,
    /// This computer's name in conflict copies; else its host name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
    /// How fast bytes go over the network.
    #[serde(skip_serializing_if = "is_usual")]
    pub bandwidth: BandwidthSettings,
    /// When pairs wait for another connection or for power.
    #[serde(skip_serializing_if = "is_usual")]
    pub pause: PauseSettings,
    /// What new pairs begin with.
    #[serde(skip_serializing_if = "is_usual")]
    pub new_pairs: NewPairs,
}

/// What new pairs begin with; each can differ.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NewPairs {
    /// Patterns of what is left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub patterns: Vec<String>,
    /// What is kept of superseded content.
    pub versions: VersionSettings,
}

impl NewPairs {
    /// As options of a pair of which nothing else was chosen.
    #[must_use]
    pub fn options(&self) -> PairOptions {
        let mut options = PairOptions::default();
        options.filter.patterns.clone_from(&self.patterns);
        options.versions.clone_from(&self.versions);
        options
    }
}

/// Whether nothing was chosen.
fn is_usual<T: Default + PartialEq>(settings: &T) -> bool {
    *settings == T::default()
}
