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
    /// Which type and values its last test was of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probed_for: Option<String>,
    /// What a person gave, besides secrets.
    #[serde(default)]
    pub config: BTreeMap<String, String>,
    /// What its last test found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probed: Option<toml::Table>,
}

impl StorageRecord {
    /// What its last test found; none if that was of other values, by this program or by hand: what one server
    /// keeps to, another may not. None too if it was another version's that does not fit any more: then it is
    /// probed anew, nothing is lost.
    #[must_use]
    pub fn capabilities(&self) -> Option<Capabilities> {
        if self.probed_for.as_deref() != Some(self.digest().as_str()) {
            return None;
        }
        self.probed.clone()?.try_into().ok()
    }

    /// Remembers what a test of the present values found.
    pub fn set_capabilities(&mut self, capabilities: Option<&Capabilities>) {
        self.probed = capabilities.and_then(|c| toml::Table::try_from(c).ok());
        self.probed_for = self.probed.is_some().then(|| self.digest());
    }

    /// Drops what a test of other values found.
    pub fn forget_stale_probe(&mut self) {
        if self.capabilities().is_none() {
            self.set_capabilities(None);
        }
    }

    /// Stands for the type and all values. Secrets are not in it: they say who asks, not what answers.
    fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        let values = self.config.iter().filter(|(_, value)| !value.is_empty());
        let values = values.flat_map(|(key, value)| [key, value]);
        for text in std::iter::once(&self.type_name).chain(values) {
            // With its length ahead, so that no two lists read the same.
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        hasher.finalize().to_hex()[..32].to_owned()
    }
}

const fn yes() -> bool {
    true
}
