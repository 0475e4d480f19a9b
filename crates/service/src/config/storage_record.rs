//! A configured storage.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tandem_core::capabilities::Capabilities;

use crate::credentials::StoreKind;
use crate::when::When;

/// A storage as it stands in `config.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StorageRecord {
    /// Its uuid, which never changes; secrets are kept under it.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What a person calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Its type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Whether it is switched on.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// When it was added.
    pub created: When,
    /// When it was last changed.
    pub changed: When,
    /// Where its secrets are kept.
    #[serde(default)]
    pub secret_store: StoreKind,
    /// The keys of its secrets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<String>,
    /// What a person gave, besides secrets.
    #[serde(default)]
    pub config: BTreeMap<String, String>,
    /// What its last test found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probed: Option<toml::Table>,
}

impl StorageRecord {
    /// What its last test found; none if it was another version's that does not fit any more: then it is
    /// probed anew, nothing is lost.
    #[must_use]
    pub fn capabilities(&self) -> Option<Capabilities> {
        self.probed.clone()?.try_into().ok()
    }

    /// Remembers what a test found.
    pub fn set_capabilities(&mut self, capabilities: Option<&Capabilities>) {
        self.probed = capabilities.and_then(|c| toml::Table::try_from(c).ok());
    }
}

const fn yes() -> bool {
    true
}
