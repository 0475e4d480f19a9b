//! Testing a storage and saving it. A request may be dropped at any moment: what it then has begun is not left half done.

use tandem_core::capabilities::Capabilities;
use tandem_core::storage::{Credentials, ProbeStep, Traffic};
use tokio::sync::{OwnedMutexGuard, oneshot};

use crate::answer::{Answer, StepView};
use crate::config::StorageRecord;
use crate::credentials::{Secrets, StoreKind};
use crate::environment::now;
use crate::fault::{Fault, Result};
use crate::service::Service;
use crate::storages::words;
use crate::update::{Update, Updates};

/// A storage that is to be saved.
pub(super) struct Saving {
    /// What is written into the configuration.
    pub(super) record: StorageRecord,
    /// All its secrets, if they are others than before.
    pub(super) secrets: Option<Secrets>,
    /// What its store has of it so far.
    pub(super) before: Secrets,
    /// The store that its secrets go away from.
    pub(super) leaves: Option<Left>,
}

/// A store that the secrets of a storage were in.
pub(super) struct Left {
    /// Which.
    pub(super) store: StoreKind,
    /// Whether nothing is expected of it any more.
    pub(super) may_be_gone: bool,
}

impl Service {
    /// Tests if it should, then saves secrets and record, in this order. Of a request that was dropped nothing is saved,
    /// or everything.
    pub(super) async fn save_storage(
        &self,
        mut saving: Saving,
        test: bool,
        changing: OwnedMutexGuard<()>,
        updates: &Updates,
    ) -> Result<Answer> {
        let record = &mut saving.record;
        let revealed = match &saving.secrets {
            Some(secrets) => self.0.storages.secrets().reveal(secrets),
            None => self.saved_credentials(record).await?,
        };
        // Also without a test: a configuration that can never work is not saved.
        self.0
            .storages
            .open_with(record, &revealed)
            .map_err(unsaved)?;
        if test {
            let (_, capabilities) = self
                .probe(record, &revealed, updates)
                .await
                .map_err(not_saved)?;
            record.set_capabilities(Some(&capabilities));
        }
        record.forget_stale_probe();
        let service = self.clone();
        self.to_its_end(async move {
            let _changing = changing;
            service.put(saving).await
        })
        .await
    }

    async fn put(&self, saving: Saving) -> Result<Answer> {
        let Saving {
            record,
            secrets,
            before,
            leaves,
        } = saving;
        let (id, name) = (record.id.clone(), record.name.clone());
        // Before anything is saved: what cannot be closed is left as it is. What uses the storage comes back by
        // itself, and must find what was saved.
        let _closed = self.close_storage(&id).await?;
        let store = self.0.storages.secrets().store(record.secret_store);
        let replaced = match secrets {
            Some(secrets) if !secrets.is_empty() => {
                store.save(&id, secrets).await?;
                true
            }
            _ => false,
        };
        let saved = self.change(|config| {
            match config.storages.iter_mut().find(|s| s.id == record.id) {
                Some(old) => *old = record,
                None => config.storages.push(record),
            }
            Ok(())
        });
        if saved.is_err() && replaced {
            // A provider shows a key but once: the old one is not lost for a record that was not saved.
            if let Err(error) = store.save(&id, before).await {
                tracing::error!(%error, "secrets that were replaced could not be put back");
            }
        }
        saved?;
        if let Some(left) = leaves {
            self.leave(&id, left).await?;
        }
        self.storage_answer(&name)
    }

    async fn leave(&self, id: &str, left: Left) -> Result<()> {
        let store = self.0.storages.secrets().store(left.store);
        match store.save(id, Secrets::new()).await {
            Err(error) if left.may_be_gone && error.may_pass() => {
                tracing::warn!(%error, "the secrets that were replaced could not be removed");
                Ok(())
            }
            removed => Ok(removed?),
        }
    }

    /// Writes, reads back and removes a scratch object, and finds out what the storage can do. The object is removed also
    /// where nobody waits for that any more.
    pub(super) async fn probe(
        &self,
        record: &StorageRecord,
        credentials: &Credentials,
        updates: &Updates,
    ) -> Result<(Vec<StepView>, Capabilities)> {
        let storage = self.0.storages.open_with(record, credentials)?;
        let (service, record, updates) = (self.clone(), record.clone(), updates.clone());
        self.to_its_end(async move {
            let tell = |step: &ProbeStep| {
                // A listener that is slow misses a line, the answer has them all.
                let _ = updates.try_send(Update::Step {
                    storage: record.name.clone(),
                    step: StepView::from(step),
                });
            };
            let found = storage.validate("", &tell).await;
            storage.shutdown().await;
            // One that is not saved yet may never be.
            if service.config().storages.iter().any(|s| s.id == record.id) {
                let traffic = storage.health().traffic;
                let usage = service.0.storages.usage();
                usage.add(&record.id, &Traffic::default(), &traffic, now());
            }
            let steps = found.steps.iter().map(StepView::from).collect();
            match found.capabilities {
                Ok(capabilities) => Ok((steps, capabilities)),
                Err(error) => Err(Fault::Storage(
                    Box::new(words(&record, "")),
                    Box::new(error),
                )),
            }
        })
        .await
    }

    /// Does work that goes on to its end, also if the request that it is for is dropped.
    async fn to_its_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let (done, ended) = oneshot::channel();
        self.finish_later(async move {
            // An error means that the request was dropped.
            let _ = done.send(work.await);
        });
        // An error means that the program ends.
        ended.await.unwrap_or(Err(Fault::OwnerGone))
    }
}

/// What cannot work was not saved.
fn unsaved(fault: Fault) -> Fault {
    match fault {
        Fault::BadStorage { name, why, .. } => Fault::BadStorage {
            name,
            why,
            saved: false,
        },
        other => other,
    }
}

/// A test that was asked for before saving did not come through.
fn not_saved(fault: Fault) -> Fault {
    let step = match &fault {
        Fault::Storage(_, error) => error.operation.to_owned(),
        _ => String::new(),
    };
    Fault::TestStopped(step, Box::new(fault))
}
