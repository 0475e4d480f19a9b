//! What a person chose for all pairs, and what comes of it at the moment.

use serde::{Deserialize, Serialize};

/// What a person chose for all pairs, as they write it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ProfileSettings {
    /// How fast bytes may be sent, such as `4 MB`; nothing is no limit.
    pub send: String,
    /// How fast they may be received.
    pub receive: String,
    /// Lines that say from when on which limits hold instead.
    pub timetable: Vec<String>,
    /// Whether pairs that carry anything over the network wait while the connection is metered.
    pub pause_on_metered: bool,
    /// The percentage that a battery must be charged to; at 100 pairs wait on any battery, without a number on none.
    pub pause_on_battery_below: Option<u8>,
    /// This computer's name, which stands in conflict copies; nothing is the name that the system has for it.
    pub device: String,
    /// For how many days new pairs keep older versions; not at all, if there is no number.
    pub version_days: Option<u32>,
    /// Patterns of what new pairs leave out.
    pub patterns: Vec<String>,
}

/// The settings of all pairs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct ProfileView {
    /// What was chosen.
    pub settings: ProfileSettings,
    /// Bytes a second that are sent at most at the moment; without a number as many as can.
    pub sends_now: Option<u64>,
    /// The same of what is received.
    pub receives_now: Option<u64>,
    /// Whether this system can tell of metered connections and of batteries.
    pub tells_surroundings: bool,
    /// What stands in conflict copies that are made from now on.
    pub device_now: String,
    /// The name that the system has for this computer.
    pub host: String,
    /// Whether there is an encrypted file of secrets, which has its passphrase.
    #[serde(default)]
    pub has_secret_file: bool,
}
