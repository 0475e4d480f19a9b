//! Adding, testing and changing storages.

use std::collections::BTreeMap;
use std::sync::Arc;

use tandem_core::capabilities::Capabilities;
use tandem_core::storage::{Credentials, Descriptor, FieldKind, Health, HealthState};

use super::saving::{Left, Saving};
use crate::answer::{Answer, GuaranteeView, HealthView, StorageView, TypeView, UsageView};
use crate::config::{Config, StorageRecord};
use crate::credentials::{Secrets, StoreKind};
use crate::environment::now;
use crate::fault::{Fault, Result};
use crate::location::{LOCAL, is_storage_name};
use crate::request::StorageSpec;
use crate::secret::SecretText;
use crate::service::Service;
use crate::storages::{Storages, words};
use crate::update::Updates;
use crate::when::When;
use crate::words::storage_guarantees;

impl Service {
    pub(super) fn storage_types(&self) -> Answer {
        let types = self
            .0
            .storages
            .providers()
            .iter()
            .map(|provider| TypeView::from(&**provider));
        Answer::Types(types.collect())
    }

    pub(super) fn storage_list(&self) -> Answer {
        let config = self.config();
        let local = StorageView {
            id: LOCAL.to_owned(),
            name: LOCAL.to_owned(),
            label: Some("This computer".to_owned()),
            type_name: LOCAL.to_owned(),
            enabled: true,
            config: BTreeMap::new(),
            secrets: Vec::new(),
            secret_store: StoreKind::default(),
            pairs: pairs_of(&config, LOCAL),
            created: None,
            changed: None,
            capabilities: None,
            guarantees: Vec::new(),
            health: self
                .0
                .storages
                .known(LOCAL)
                .map(|s| health_view(&s.health())),
            usage: None,
        };
        self.0.storages.note_usage();
        let rest = config.storages.iter().map(|record| {
            let mut view = self.view(&config, record);
            view.capabilities = None;
            view
        });
        Answer::Storages(std::iter::once(local).chain(rest).collect())
    }

    pub(super) async fn storage_show(&self, name: &str) -> Result<Answer> {
        let config = self.config();
        let record = config.storage(name)?;
        let mut view = self.view(&config, record);
        // A storage that cannot be asked is still shown.
        if let Ok(storage) = self.0.storages.open(record).await {
            let quota = storage.quota().await.ok();
            let mut health = health_view(&storage.health());
            health.used = quota.map(|q| q.used);
            health.total = quota.and_then(|q| q.total);
            view.health = Some(health);
        }
        self.0.storages.note_usage();
        view.usage = self.usage_view(record);
        Ok(Answer::Storage(Box::new(view)))
    }

    pub(super) async fn storage_test(&self, name: &str, updates: &Updates) -> Result<Answer> {
        let _changing = self.0.changing.lock().await;
        let record = self.config().storage(name)?.clone();
        let credentials = self.saved_credentials(&record).await?;
        let (steps, capabilities) = self.probe(&record, &credentials, updates).await?;
        // Only news is worth opening what uses the storage anew; when it was probed is none.
        let known = record.capabilities().map(|known| Capabilities {
            probed: capabilities.probed,
            ..known
        });
        let _closed = if known.as_ref() == Some(&capabilities) {
            None
        } else {
            Some(self.close_storage(&record.id).await?)
        };
        self.change(|config| {
            let record = storage_mut(config, name)?;
            record.set_capabilities(Some(&capabilities));
            Ok(())
        })?;
        Ok(Answer::Test {
            storage: name.to_owned(),
            steps,
        })
    }

    pub(super) async fn storage_enable(&self, name: &str, on: bool) -> Result<Answer> {
        let _changing = self.0.changing.lock().await;
        let record = self.config().storage(name)?.clone();
        let _closed = if on {
            None
        } else {
            Some(self.close_storage(&record.id).await?)
        };
        self.change(|config| {
            storage_mut(config, name)?.enabled = on;
            Ok(())
        })?;
        self.storage_answer(name)
    }

    pub(super) async fn storage_rename(&self, name: &str, new: &str) -> Result<Answer> {
        let _changing = self.0.changing.lock().await;
        let id = self.config().storage(name)?.id.clone();
        check_new_name(&self.config(), new)?;
        let _closed = self.close_storage(&id).await?;
        self.change(|config| {
            let record = storage_mut(config, name)?;
            record.name = new.to_owned();
            record.changed = When(now());
            Ok(())
        })?;
        self.storage_answer(new)
    }

    pub(super) async fn storage_remove(&self, name: &str) -> Result<Answer> {
        let _changing = self.0.changing.lock().await;
        let config = self.config();
        let record = config.storage(name)?.clone();
        let pairs = pairs_of(&config, &record.id);
        if !pairs.is_empty() {
            return Err(Fault::StorageInUse(name.to_owned(), pairs));
        }
        // The secrets first: a record without secrets can be mended, secrets without a record are never found.
        if !record.secrets.is_empty() {
            let store = self.0.storages.secrets().store(record.secret_store);
            store.save(&record.id, Secrets::new()).await?;
        }
        self.change(|config| {
            config.storages.retain(|s| s.id != record.id);
            Ok(())
        })?;
        self.0.storages.forget(&record.id).await;
        self.0.storages.usage().forget(&record.id);
        Ok(Answer::Done(format!(
            "The storage {name} was removed. Nothing on it was touched."
        )))
    }

    pub(super) async fn storage_add(
        &self,
        mut spec: StorageSpec,
        updates: &Updates,
    ) -> Result<Answer> {
        check_new_name(&self.config(), &spec.name)?;
        if spec.type_name.as_deref().is_some_and(|name| name != LOCAL) {
            self.fill_in_by_sign_in(&mut spec, updates).await?;
        }
        let changing = Arc::clone(&self.0.changing).lock_owned().await;
        check_new_name(&self.config(), &spec.name)?;
        let type_name = spec.type_name.clone().unwrap_or_default();
        if type_name == LOCAL {
            return Err(Fault::Usage(
                "This computer is always there as a storage and need not be added.".to_owned(),
                "Give a path where a place is asked for, such as ~/Documents.".to_owned(),
            ));
        }
        let descriptor = self.0.storages.provider(&type_name)?.descriptor();
        check_fields(descriptor, &spec.config, spec.secrets.keys())?;
        check_complete(descriptor, &spec.config, |key| {
            spec.secrets.contains_key(key)
        })?;
        let secret_store = self.store_of_new(&spec);
        let mut config = spec.config;
        config.retain(|_, value| !value.is_empty());
        let record = StorageRecord {
            id: uuid::Uuid::new_v4().to_string(),
            name: spec.name,
            label: spec.label,
            type_name,
            enabled: true,
            created: When(now()),
            changed: When(now()),
            secret_store,
            secrets: spec.secrets.keys().cloned().collect(),
            config,
            probed: None,
            probed_for: None,
        };
        let saving = Saving {
            record,
            secrets: Some(spec.secrets),
            before: Secrets::new(),
            leaves: None,
        };
        self.save_storage(saving, spec.test, changing, updates)
            .await
    }

    pub(super) async fn storage_edit(
        &self,
        spec: StorageSpec,
        updates: &Updates,
    ) -> Result<Answer> {
        let changing = Arc::clone(&self.0.changing).lock_owned().await;
        let old = self.config().storage(&spec.name)?.clone();
        let descriptor = self.0.storages.provider(&old.type_name)?.descriptor();
        check_fields(descriptor, &spec.config, spec.secrets.keys())?;
        let mut record = old.clone();
        for (key, value) in &spec.config {
            record.config.insert(key.clone(), value.clone());
        }
        record.config.retain(|_, value| !value.is_empty());
        check_complete(descriptor, &record.config, |key| {
            spec.secrets.contains_key(key) || record.secrets.iter().any(|k| k == key)
        })?;
        if let Some(label) = spec.label {
            record.label = (!label.is_empty()).then_some(label);
        }
        super::pairs::check_rules_with(&self.0.storages, &self.config(), &record)?;
        record.changed = When(now());
        let moves = spec.store.is_some_and(|store| store != old.secret_store);
        // Where all are given anew, those before need not be read: their store may be gone for good.
        let is_anew = moves && old.secrets.iter().all(|key| spec.secrets.contains_key(key));
        let (mut secrets, mut before) = (None, Secrets::new());
        if !spec.secrets.is_empty() || (moves && !old.secrets.is_empty()) {
            let mut all = match is_anew {
                true => Secrets::new(),
                false => self.saved_secrets(&old).await?,
            };
            if !moves {
                before.clone_from(&all);
            }
            all.extend(spec.secrets);
            record.secrets = all.keys().cloned().collect();
            record.secret_store = spec.store.unwrap_or(old.secret_store);
            secrets = Some(all);
        }
        let leaves = (moves && !old.secrets.is_empty()).then_some(Left {
            store: old.secret_store,
            may_be_gone: is_anew,
        });
        let saving = Saving {
            record,
            secrets,
            before,
            leaves,
        };
        self.save_storage(saving, spec.test, changing, updates)
            .await
    }

    /// Where secrets of a storage that is added are kept.
    pub(super) fn store_of_new(&self, spec: &StorageSpec) -> StoreKind {
        let usual = self.config().settings.secret_store;
        spec.store.unwrap_or(usual)
    }

    pub(super) fn sign_in_link(&self, link: &SecretText) -> Result<Answer> {
        let storage = self.0.sign_ins.finish(link)?;
        Ok(Answer::Done(format!("The sign-in to {storage} goes on.")))
    }

    pub(super) async fn unlock(&self, passphrase: SecretText) -> Result<Answer> {
        self.0.storages.secrets().unlock(passphrase).await?;
        // Pairs that could not be opened are tried again now.
        self.0.changed.send_modify(|n| *n += 1);
        Ok(Answer::Done("The saved passwords are open.".to_owned()))
    }

    pub(super) async fn keep_in_file(&self, passphrase: SecretText) -> Result<Answer> {
        let _changing = self.0.changing.lock().await;
        self.0.storages.secrets().begin_file(passphrase).await?;
        self.change(|config| {
            config.settings.secret_store = StoreKind::File;
            Ok(())
        })?;
        Ok(Answer::Done(
            "Keys are kept in a file that this passphrase opens, those of storages that are added later too."
                .to_owned(),
        ))
    }

    pub(super) async fn saved_secrets(&self, record: &StorageRecord) -> Result<Secrets> {
        if record.secrets.is_empty() {
            return Ok(Secrets::new());
        }
        Ok(self
            .0
            .storages
            .secrets()
            .store(record.secret_store)
            .load(&record.id)
            .await?)
    }

    pub(super) async fn saved_credentials(&self, record: &StorageRecord) -> Result<Credentials> {
        let secrets = self.saved_secrets(record).await?;
        Ok(self.0.storages.secrets().reveal(&secrets))
    }

    pub(super) fn storage_answer(&self, name: &str) -> Result<Answer> {
        let config = self.config();
        let record = config.storage(name)?;
        Ok(Answer::Storage(Box::new(self.view(&config, record))))
    }

    fn view(&self, config: &Config, record: &StorageRecord) -> StorageView {
        let capabilities = record.capabilities();
        StorageView {
            id: record.id.clone(),
            name: record.name.clone(),
            label: record.label.clone(),
            type_name: record.type_name.clone(),
            enabled: record.enabled,
            config: record.config.clone(),
            secrets: record.secrets.clone(),
            secret_store: record.secret_store,
            pairs: pairs_of(config, &record.id),
            created: Some(record.created),
            changed: Some(record.changed),
            guarantees: capabilities
                .iter()
                .flat_map(|can| storage_guarantees(&record.name, can))
                .map(GuaranteeView::from)
                .collect(),
            capabilities,
            health: self
                .0
                .storages
                .known(&record.id)
                .map(|s| health_view(&s.health())),
            usage: self.usage_view(record),
        }
    }

    fn usage_view(&self, record: &StorageRecord) -> Option<UsageView> {
        let usage = self.0.storages.usage();
        usage.view(&record.id, &words(record, ""), now())
    }
}

fn storage_mut<'a>(config: &'a mut Config, name: &str) -> Result<&'a mut StorageRecord> {
    let found = config.storages.iter_mut().find(|s| s.name == name);
    found.ok_or_else(|| Fault::UnknownStorage(name.to_owned()))
}

fn check_new_name(config: &Config, name: &str) -> Result<()> {
    if !is_storage_name(name) || name == LOCAL {
        return Err(Fault::BadName(name.to_owned()));
    }
    if config.storages.iter().any(|s| s.name == name) {
        return Err(Fault::NameTaken("storage", name.to_owned()));
    }
    Ok(())
}

/// Every key given is one of the provider's, on the right side of the line between values and secrets.
pub(super) fn check_fields<'a>(
    descriptor: &Descriptor,
    config: &'a BTreeMap<String, String>,
    secrets: impl Iterator<Item = &'a String>,
) -> Result<()> {
    let known = |secret: bool| {
        descriptor
            .fields
            .iter()
            .filter(move |f| f.secret == secret)
            .map(|f| f.key)
            .collect::<Vec<_>>()
    };
    let values = config.keys().map(|key| (key, false));
    for (key, secret) in values.chain(secrets.map(|key| (key, true))) {
        let field = descriptor
            .fields
            .iter()
            .find(|f| f.key == key && f.secret == secret);
        let kind = || descriptor.type_name.to_owned();
        let Some(field) = field else {
            return Err(if secret {
                Fault::UnknownSecret(kind(), known(true))
            } else {
                Fault::UnknownField(kind(), key.clone(), known(false))
            });
        };
        let Some(value) = config.get(key).filter(|v| !v.is_empty()) else {
            continue;
        };
        let wrong = match field.kind {
            FieldKind::Switch if !["true", "false"].contains(&value.as_str()) => {
                Some("it is neither true nor false".to_owned())
            }
            FieldKind::Number if value.parse::<u64>().is_err() => {
                Some("it is no whole number".to_owned())
            }
            FieldKind::Choice(choices) if !choices.contains(&value.as_str()) => {
                Some(format!("it is none of {}", choices.join(", ")))
            }
            FieldKind::Url if !(value.starts_with("https://") || value.starts_with("http://")) => {
                Some("it begins with neither https:// nor http://".to_owned())
            }
            _ => None,
        };
        if let Some(why) = wrong {
            return Err(Fault::BadValue(key.clone(), value.clone(), why));
        }
    }
    Ok(())
}

/// That a record which was made elsewhere holds what its provider takes, and no secret.
pub(super) fn check_record(storages: &Storages, record: &StorageRecord) -> Result<()> {
    let descriptor = storages.provider(&record.type_name)?.descriptor();
    check_fields(descriptor, &record.config, record.secrets.iter())?;
    check_complete(descriptor, &record.config, |key| {
        record.secrets.iter().any(|known| known == key)
    })
}

pub(super) fn check_complete(
    descriptor: &Descriptor,
    config: &BTreeMap<String, String>,
    has_secret: impl Fn(&str) -> bool,
) -> Result<()> {
    for field in descriptor
        .fields
        .iter()
        .filter(|f| f.required && f.default.is_none())
    {
        let given = if field.secret {
            has_secret(field.key)
        } else {
            config.get(field.key).is_some_and(|v| !v.is_empty())
        };
        if !given {
            let kind = descriptor.type_name.to_owned();
            return Err(Fault::MissingField(
                kind,
                field.key.to_owned(),
                field.secret,
            ));
        }
    }
    Ok(())
}

fn pairs_of(config: &Config, storage: &str) -> Vec<String> {
    let pairs = config.pairs.iter().filter(|p| p.uses(storage));
    pairs.map(|p| p.name.clone()).collect()
}

/// How a storage is, in words.
pub(super) fn health_view(health: &Health) -> HealthView {
    let ms = health
        .latency
        .map(|l| u64::try_from(l.as_millis()).unwrap_or(u64::MAX));
    let (state, shown) = match health.state {
        HealthState::Ok => (
            "ok",
            ms.map_or_else(|| "Works".to_owned(), |ms| format!("Works, {ms} ms")),
        ),
        HealthState::Degraded => ("degraded", "Works, slowed down by the server".to_owned()),
        HealthState::Offline => ("offline", "Offline".to_owned()),
    };
    HealthView {
        state: state.to_owned(),
        shown,
        latency_ms: ms,
        last_error: health.last_error.map(|cause| cause.name().to_owned()),
        used: None,
        total: None,
    }
}
