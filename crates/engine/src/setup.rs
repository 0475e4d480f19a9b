//! What an engine is opened with.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tandem_core::conflict_name::DeviceName;
use tandem_core::environment::SharedEnvironment;
use tandem_core::filter::FilterSpec;
use tandem_core::guard::GuardSettings;
use tandem_core::policy::Policy;
use tandem_core::side::PerSide;
use tandem_core::storage::Root;

use crate::event::EventSink;

/// How much is done at once and how fast.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Transfers at a time.
    pub transfers: usize,
    /// Moves, deletes and the like at a time.
    pub operations: usize,
    /// Bytes a second to the destination; `None` is unlimited.
    pub upload: Option<u64>,
    /// Bytes a second from the destination; `None` is unlimited.
    pub download: Option<u64>,
    /// Seconds between looks at a side that reports no changes by itself.
    pub interval: u64,
    /// Seconds after which everything is listed, however complete hints and feeds seem (P15).
    pub full_look: u64,
    /// Milliseconds a file must have been left alone before it is carried.
    pub quiet: u64,
    /// Seconds after which a file that is never left alone is shown as "keeps changing".
    pub keeps_changing: u64,
    /// Rows in doubt that are planned at a time, where they can be planned apart from one another: what bounds the
    /// memory of a first pass.
    pub planned_together: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            transfers: 4,
            operations: 8,
            upload: None,
            download: None,
            interval: 300,
            full_look: 7 * 24 * 3600,
            quiet: 200,
            keeps_changing: 10,
            planned_together: 4096,
        }
    }
}

/// What is kept of superseded content (P1 b).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VersionSettings {
    /// Whether ordinary edits and deletes leave a version.
    pub keep: bool,
    /// For how many days; at least one.
    pub days: u32,
    /// Up to how many bytes on each side; `None` is unlimited.
    pub largest_total: Option<u64>,
}

impl Default for VersionSettings {
    fn default() -> Self {
        Self {
            keep: true,
            days: 30,
            largest_total: None,
        }
    }
}

/// A pair as a person configured it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PairOptions {
    /// Mode, comparison, first sync, conflicts.
    pub policy: Policy,
    /// What is left out.
    pub filter: FilterSpec,
    /// What needs a person's decision.
    pub guards: GuardSettings,
    /// How much at once.
    pub limits: Limits,
    /// What is kept.
    pub versions: VersionSettings,
}

/// Everything an engine needs.
pub struct Setup {
    /// The pair's id, a uuid.
    pub pair: String,
    /// Its options.
    pub options: PairOptions,
    /// This device.
    pub device: DeviceName,
    /// Its two ends.
    pub roots: PerSide<Arc<dyn Root>>,
    /// The pair's database. It is made if it is not there.
    pub state: PathBuf,
    /// That it was never there: only then the first sync is what a person chose, else a merge (P6).
    pub is_new: bool,
    /// Clock, randomness, spawning.
    pub environment: SharedEnvironment,
    /// Who hears what happens.
    pub events: Arc<dyn EventSink>,
}
