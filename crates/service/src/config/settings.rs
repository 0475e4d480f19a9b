//! The settings of the program.

use serde::{Deserialize, Serialize};

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
}

/// Whether nothing was chosen.
fn is_usual<T: Default + PartialEq>(settings: &T) -> bool {
    *settings == T::default()
}
