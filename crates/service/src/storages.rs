//! Opening configured storages: provider, configuration and secrets brought together.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tandem_core::environment::SharedEnvironment;
use tandem_core::error::Cause;
use tandem_core::storage::{
    Config as Values, Credentials, Ground, Provider, Root, Storage, Traffic,
};

use crate::bandwidth::{Bandwidth, LimitedRoot};
use crate::config::{Config, StorageRecord};
use crate::credentials::SecretStores;
use crate::environment::now;
use crate::fault::{Fault, Result, StorageWords};
use crate::location::{LOCAL, Location};
use crate::usage::Usage;

/// The providers, and the storages opened with them.
pub struct Storages {
    providers: Vec<Arc<dyn Provider>>,
    secrets: SecretStores,
    environment: SharedEnvironment,
    usage: Usage,
    bandwidth: Arc<Bandwidth>,
    open: Mutex<BTreeMap<String, Opened>>,
}

/// A storage that is open, and the record that it was opened with; this computer has none.
struct Opened {
    record: Option<StorageRecord>,
    storage: Arc<dyn Storage>,
    /// What of its traffic was noted.
    noted: Traffic,
}

impl Opened {
    fn new(record: Option<StorageRecord>, storage: Arc<dyn Storage>) -> Self {
        Self {
            record,
            storage,
            noted: Traffic::default(),
        }
    }

    /// Notes what went to and fro since the last time.
    fn note(&mut self, id: &str, usage: &Usage) {
        let traffic = self.storage.health().traffic;
        usage.add(id, &self.noted, &traffic, now());
        self.noted = traffic;
    }
}

impl std::fmt::Debug for Storages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Storages")
    }
}

/// Every provider there is; this computer's disk first.
#[must_use]
pub fn providers() -> Vec<Arc<dyn Provider>> {
    let local: Arc<dyn Provider> = Arc::new(tandem_local::LocalProvider::default());
    std::iter::once(local)
        .chain(tandem_providers::registry::providers())
        .collect()
}

impl Storages {
    /// With these providers. What goes over the network keeps to `bandwidth`.
    pub(crate) fn new(
        providers: Vec<Arc<dyn Provider>>,
        secrets: SecretStores,
        environment: SharedEnvironment,
        usage: Usage,
        bandwidth: Arc<Bandwidth>,
    ) -> Self {
        Self {
            providers,
            secrets,
            environment,
            usage,
            bandwidth,
            open: Mutex::default(),
        }
    }

    /// Every provider.
    #[must_use]
    pub fn providers(&self) -> &[Arc<dyn Provider>] {
        &self.providers
    }

    /// Where secrets are kept.
    #[must_use]
    pub const fn secrets(&self) -> &SecretStores {
        &self.secrets
    }

    /// The clock and the rest of the world that storages are opened with.
    #[must_use]
    pub fn environment(&self) -> SharedEnvironment {
        Arc::clone(&self.environment)
    }

    /// The provider of a type.
    ///
    /// # Errors
    /// There is none.
    pub fn provider(&self, type_name: &str) -> Result<&Arc<dyn Provider>> {
        let found = self
            .providers
            .iter()
            .find(|p| p.descriptor().type_name == type_name);
        found.ok_or_else(|| {
            let known = self
                .providers
                .iter()
                .map(|p| p.descriptor().type_name)
                .collect();
            Fault::UnknownType(type_name.to_owned(), known)
        })
    }

    /// That no secret stands among the values of `config`, where it would be shown and exported (P16).
    ///
    /// # Errors
    /// Which one does; its value is not told.
    pub fn check_no_secrets(&self, config: &Config) -> std::result::Result<(), String> {
        for record in &config.storages {
            let Ok(provider) = self.provider(&record.type_name) else {
                continue;
            };
            let fields = provider.descriptor().fields;
            if let Some(field) = fields
                .iter()
                .find(|f| f.secret && record.config.contains_key(f.key))
            {
                return Err(format!(
                    "the secret {} of {} stands among its settings, where it is not safe",
                    field.key, record.name
                ));
            }
        }
        Ok(())
    }

    /// Where a configured storage lies. One of a type that this program does not know lies by itself.
    #[must_use]
    pub fn ground(&self, record: &StorageRecord) -> Ground {
        match self.provider(&record.type_name) {
            Ok(provider) => provider.ground(&Values(record.config.clone())),
            Err(_) => Ground {
                storage: record.id.clone(),
                folder: String::new(),
            },
        }
    }

    /// The storage of a record, opened once and kept for as long as the record is the same.
    ///
    /// # Errors
    /// It is switched off, its secrets cannot be had, or its configuration cannot work.
    pub async fn open(&self, record: &StorageRecord) -> Result<Arc<dyn Storage>> {
        if !record.enabled {
            return Err(Fault::StorageDisabled(record.name.clone()));
        }
        let as_it_is = |opened: &Opened| opened.record.as_ref() == Some(record);
        if let Some(open) = self.opened(&record.id, as_it_is) {
            return Ok(open);
        }
        let credentials = if record.secrets.is_empty() {
            Credentials::default()
        } else {
            self.secrets
                .credentials(record.secret_store, &record.id, &record.secrets)
                .await?
        };
        let storage = self.open_with(record, &credentials)?;
        let mut all = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(other) = all.get(&record.id).filter(|opened| as_it_is(opened)) {
            return Ok(Arc::clone(&other.storage));
        }
        // One that was opened with another record goes on for those who have it, and for nobody else.
        let opened = Opened::new(Some(record.clone()), Arc::clone(&storage));
        if let Some(mut old) = all.insert(record.id.clone(), opened) {
            old.note(&record.id, &self.usage);
        }
        Ok(storage)
    }

    /// A storage with the given secrets, which is not kept.
    ///
    /// # Errors
    /// Its configuration cannot work.
    pub fn open_with(
        &self,
        record: &StorageRecord,
        credentials: &Credentials,
    ) -> Result<Arc<dyn Storage>> {
        let provider = self.provider(&record.type_name)?;
        let capabilities = record.capabilities();
        provider
            .open(
                &Values(record.config.clone()),
                credentials,
                capabilities.as_ref(),
                Arc::clone(&self.environment),
            )
            .map_err(|error| Fault::BadStorage {
                name: record.name.clone(),
                why: error.detail,
                saved: true,
            })
    }

    /// This computer's disk.
    ///
    /// # Errors
    /// What its provider says.
    pub fn local(&self) -> Result<Arc<dyn Storage>> {
        if let Some(open) = self.known(LOCAL) {
            return Ok(open);
        }
        let provider = self.provider(LOCAL)?;
        let storage = provider
            .open(
                &Values::default(),
                &Credentials::default(),
                None,
                Arc::clone(&self.environment),
            )
            .map_err(|error| Fault::Storage(Box::default(), Box::new(error)))?;
        let mut all = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let opened = all.entry(LOCAL.to_owned());
        let opened = opened.or_insert_with(|| Opened::new(None, storage));
        Ok(Arc::clone(&opened.storage))
    }

    /// The storage of a location, and what sentences about it need.
    ///
    /// # Errors
    /// There is none of the name, or it cannot be opened.
    pub async fn at(
        &self,
        config: &Config,
        at: &Location,
    ) -> Result<(Arc<dyn Storage>, StorageWords)> {
        if at.is_local() {
            return Ok((self.local()?, local_words(&at.path)));
        }
        let record = config.storage(&at.storage)?;
        Ok((self.open(record).await?, words(record, &at.path)))
    }

    /// The folder of a location, and what sentences about it need. Whether it exists is not asked.
    ///
    /// # Errors
    /// The storage cannot be opened, or the path cannot be a folder.
    pub async fn root(
        &self,
        config: &Config,
        at: &Location,
    ) -> Result<(Arc<dyn Root>, StorageWords)> {
        let (storage, words) = self.at(config, at).await?;
        match storage.root(&at.path).await {
            Ok(root) if is_over_network(config, at) => {
                let bandwidth = Arc::clone(&self.bandwidth);
                Ok((LimitedRoot::shared(root, bandwidth), words))
            }
            Ok(root) => Ok((root, words)),
            Err(error) if error.operation == "open" && error.cause == Cause::Other => {
                Err(Fault::BadLocation(at.to_string(), error.detail))
            }
            Err(error) => Err(Fault::Storage(Box::new(words), Box::new(error))),
        }
    }

    /// The storage of this id, if it was opened.
    #[must_use]
    pub fn known(&self, id: &str) -> Option<Arc<dyn Storage>> {
        self.opened(id, |_| true)
    }

    fn opened(&self, id: &str, fits: impl Fn(&Opened) -> bool) -> Option<Arc<dyn Storage>> {
        let all = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(id)
            .filter(|opened| fits(opened))
            .map(|opened| Arc::clone(&opened.storage))
    }

    /// Closes a storage whose record or secrets changed.
    pub async fn forget(&self, id: &str) {
        let gone = self
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(id);
        if let Some(mut opened) = gone {
            opened.storage.shutdown().await;
            opened.note(id, &self.usage);
        }
    }

    /// How storages were used, as far as it was noted.
    pub(crate) const fn usage(&self) -> &Usage {
        &self.usage
    }

    /// Notes how those that are open were used.
    pub(crate) fn note_usage(&self) {
        let mut all = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, opened) in &mut *all {
            opened.note(id, &self.usage);
        }
    }

    /// Closes all.
    pub async fn shutdown(&self) {
        let all = std::mem::take(&mut *self.open.lock().unwrap_or_else(PoisonError::into_inner));
        for (id, mut opened) in all {
            opened.storage.shutdown().await;
            opened.note(&id, &self.usage);
        }
        self.usage.save();
    }
}

/// Whether what is carried there leaves this computer.
pub(crate) fn is_over_network(config: &Config, at: &Location) -> bool {
    let record = config.storages.iter().find(|s| s.name == at.storage);
    !at.is_local() && record.is_none_or(|record| record.type_name != LOCAL)
}

/// What sentences about a configured storage need.
#[must_use]
pub fn words(record: &StorageRecord, folder: &str) -> StorageWords {
    let value = |key: &str| record.config.get(key).filter(|v| !v.is_empty()).cloned();
    StorageWords {
        name: record.name.clone(),
        host: value("endpoint")
            .or_else(|| value("url"))
            .or_else(|| value("auth_url"))
            .or_else(|| value("location").filter(|place| place.contains("://")))
            .map(|url| host(&url).to_owned()),
        bucket: value("bucket").or_else(|| value("container")),
        region: value("region"),
        secrets: record.secrets.clone(),
        folder: folder.to_owned(),
    }
}

/// What sentences about a folder on this computer need.
#[must_use]
pub fn local_words(folder: &str) -> StorageWords {
    StorageWords {
        folder: folder.to_owned(),
        ..StorageWords::default()
    }
}

fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or(rest);
    authority.rsplit('@').next().unwrap_or(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_told_without_what_may_be_secret() {
        for (url, expected) in [
            ("https://s3.example.org/x", "s3.example.org"),
            ("http://127.0.0.1:9000", "127.0.0.1:9000"),
            ("https://user:pass@host/x", "host"),
            ("host.example", "host.example"),
        ] {
            assert_eq!(host(url), expected);
        }
    }
}
