//! `config export` and `config import`: storages and pairs without secrets.

use std::collections::BTreeMap;

use crate::answer::Answer;
use crate::config::{Config, Settings};
use crate::environment::now;
use crate::fault::{Fault, Result};
use crate::location::LOCAL;
use crate::service::Service;
use crate::storages::Storages;
use crate::when::When;

impl Service {
    pub(super) fn config_export(&self) -> Result<Answer> {
        Ok(Answer::Config(self.config().to_text()?))
    }

    /// Adds what is not there yet. A storage or pair whose id is known is left as it is; one whose name is
    /// taken by another is refused, and nothing is imported.
    pub(super) async fn config_import(&self, text: &str) -> Result<Answer> {
        let _changing = self.0.changing.lock().await;
        let imported = Config::parse(text, "The file")?;
        for storage in &imported.storages {
            super::storages::check_record(&self.0.storages, storage)?;
        }
        let Added {
            storages,
            pairs,
            without_secrets,
            settings,
        } = self.change(|config| merge(&self.0.storages, config, imported))?;
        let mut done = format!(
            "{} and {} were added.",
            crate::words::count(storages, "storage", "storages"),
            crate::words::count(pairs, "pair", "pairs"),
        );
        if settings {
            done.push_str(" Settings that nobody had chosen here were taken over.");
        }
        if !without_secrets.is_empty() {
            done.push_str(&format!(
                " Give the secrets of {} with “tandem storage edit NAME --secret KEY”.",
                without_secrets.join(", ")
            ));
        }
        Ok(Answer::Done(done))
    }
}

/// What was added.
#[derive(Default)]
struct Added {
    storages: u64,
    pairs: u64,
    without_secrets: Vec<String>,
    settings: bool,
}

/// Takes settings over that nobody chose here; true if there were any. A computer's name is its own.
fn take_over(here: &mut Settings, theirs: &Settings) -> bool {
    let usual = Settings::default();
    let mut taken = take(
        &mut here.secret_store,
        &theirs.secret_store,
        &usual.secret_store,
    );
    taken |= take(&mut here.bandwidth, &theirs.bandwidth, &usual.bandwidth);
    taken |= take(&mut here.pause, &theirs.pause, &usual.pause);
    taken |= take(&mut here.new_pairs, &theirs.new_pairs, &usual.new_pairs);
    taken
}

fn take<T: Clone + PartialEq>(here: &mut T, theirs: &T, usual: &T) -> bool {
    let is_taken = here == usual && theirs != usual;
    if is_taken {
        here.clone_from(theirs);
    }
    is_taken
}

/// The id in this profile of a storage that was made in another. Secrets are kept under it, and the profiles of one
/// user share a keyring: under one id, removing the storage here would remove what the other has. The same each time,
/// so that importing twice adds nothing.
fn id_here(profile: &str, id: &str) -> String {
    let mut hasher = blake3::Hasher::new_derive_key("tandem imported storage");
    hasher.update(profile.as_bytes());
    hasher.update(id.as_bytes());
    let mut bytes = [0; 16];
    hasher.finalize_xof().fill(&mut bytes);
    uuid::Builder::from_random_bytes(bytes)
        .into_uuid()
        .to_string()
}

fn merge(known: &Storages, config: &mut Config, imported: Config) -> Result<Added> {
    let mut added = Added {
        settings: take_over(&mut config.settings, &imported.settings),
        ..Added::default()
    };
    let mut ids = BTreeMap::new();
    for mut storage in imported.storages {
        if config.storages.iter().any(|s| s.id == storage.id) {
            continue;
        }
        let id = id_here(&config.profile, &storage.id);
        ids.insert(std::mem::replace(&mut storage.id, id.clone()), id.clone());
        if config.storages.iter().any(|s| s.id == id) {
            continue;
        }
        if config.storages.iter().any(|s| s.name == storage.name) {
            return Err(Fault::NameTaken("storage", storage.name));
        }
        if !storage.secrets.is_empty() {
            added.without_secrets.push(storage.name.clone());
        }
        storage.created = When(now());
        config.storages.push(storage);
        added.storages += 1;
    }
    for mut pair in imported.pairs {
        if config.pairs.iter().any(|p| p.id == pair.id) {
            continue;
        }
        if config.pairs.iter().any(|p| p.name == pair.name) {
            return Err(Fault::NameTaken("pair", pair.name));
        }
        for end in [&mut pair.source, &mut pair.destination] {
            if let Some(id) = ids.get(&end.storage) {
                end.storage.clone_from(id);
            }
            if end.storage != LOCAL && !config.storages.iter().any(|s| s.id == end.storage) {
                return Err(Fault::UnknownStorage(end.storage.clone()));
            }
        }
        super::pairs::check_rules(known, config, &pair)?;
        pair.despite.clear();
        config.pairs.push(pair);
        added.pairs += 1;
    }
    Ok(added)
}
