//! Signing in to a storage by the browser. While a person does, nothing is locked and nothing is saved.

use std::collections::BTreeMap;

use tandem_core::storage::{Config, Credentials, Descriptor, Provider, SignedIn};

use super::storages::{check_complete, check_fields};
use crate::answer::Answer;
use crate::credentials::Secrets;
use crate::fault::{Fault, Result, StorageWords};
use crate::request::StorageSpec;
use crate::secret::SecretText;
use crate::service::Service;
use crate::storages::words;
use crate::update::{Update, Updates};

impl Service {
    pub(super) async fn storage_login(&self, name: &str, updates: &Updates) -> Result<Answer> {
        let record = self.config().storage(name)?.clone();
        let provider = self.0.storages.provider(&record.type_name)?;
        if provider.signs_in_for().is_empty() {
            return Err(Fault::Usage(
                format!(
                    "{name} needs no sign-in: storages of type {} use keys.",
                    record.type_name
                ),
                format!("Give them with “tandem storage edit {name} --secret KEY”."),
            ));
        }
        // What hinders saving is found out first: each sign-in makes a key on the server.
        self.saved_secrets(&record).await?;
        let store = self.0.storages.secrets().store(record.secret_store);
        store.try_out().await?;
        let words = words(&record, "");
        let signed_in = self
            .sign_in(words, &**provider, &record.config, updates)
            .await?;
        let spec = StorageSpec {
            name: name.to_owned(),
            config: signed_in.config.0,
            secrets: secrets_of(signed_in.credentials),
            test: true,
            ..StorageSpec::default()
        };
        self.storage_edit(spec, updates).await
    }

    /// Fills in what a person left to a sign-in by the browser: all that it gives, or nothing. Nothing else waits for it.
    pub(super) async fn fill_in_by_sign_in(
        &self,
        spec: &mut StorageSpec,
        updates: &Updates,
    ) -> Result<()> {
        let type_name = spec.type_name.clone().unwrap_or_default();
        let provider = self.0.storages.provider(&type_name)?;
        let keys = provider.signs_in_for();
        let is_given =
            |key: &&str| spec.config.contains_key(*key) || spec.secrets.contains_key(*key);
        if keys.is_empty() || keys.iter().any(is_given) {
            return Ok(());
        }
        let descriptor = provider.descriptor();
        check_fields(descriptor, &spec.config, spec.secrets.keys())?;
        if spec.unattended {
            return Err(nobody_to_sign_in(&spec.name, descriptor, keys));
        }
        let mut as_if = spec.config.clone();
        as_if.extend(
            keys.iter()
                .map(|key| ((*key).to_owned(), (*key).to_owned())),
        );
        check_complete(descriptor, &as_if, |key| keys.contains(&key))?;
        let store = self.store_of_new(spec);
        self.0.storages.secrets().store(store).try_out().await?;
        let words = StorageWords {
            name: spec.name.clone(),
            ..StorageWords::default()
        };
        let signed_in = self
            .sign_in(words, &**provider, &spec.config, updates)
            .await?;
        spec.config.extend(signed_in.config.0);
        spec.secrets.extend(secrets_of(signed_in.credentials));
        Ok(())
    }

    async fn sign_in(
        &self,
        words: StorageWords,
        provider: &dyn Provider,
        config: &BTreeMap<String, String>,
        updates: &Updates,
    ) -> Result<SignedIn> {
        let storage = words.name.clone();
        let fault = |error| Fault::Storage(Box::new(words.clone()), Box::new(error));
        let given = Config(config.clone());
        let begun = provider
            .sign_in(&given, self.0.storages.environment())
            .await;
        let begun = begun.map_err(&fault)?;
        let address = begun.address().to_owned();
        let _ = updates.send(Update::SignIn { storage, address }).await;
        begun.finished().await.map_err(&fault)
    }
}

fn nobody_to_sign_in(name: &str, descriptor: &Descriptor, keys: &[&str]) -> Fault {
    let is_secret = |key: &str| descriptor.fields.iter().any(|f| f.secret && f.key == key);
    let options: Vec<_> = keys
        .iter()
        .map(|key| match is_secret(key) {
            true => format!("--secret {key}"),
            false => format!("--set {key}=VALUE"),
        })
        .collect();
    Fault::Usage(
        format!(
            "The storage {name} cannot be added without {}: no terminal is there to sign in from by the browser.",
            keys.join(" and ")
        ),
        format!(
            "Add {}, or run the same command in a terminal.",
            options.join(" ")
        ),
    )
}

fn secrets_of(credentials: Credentials) -> Secrets {
    let all = credentials.0.into_iter();
    all.map(|(key, value)| (key, SecretText::new(value)))
        .collect()
}
