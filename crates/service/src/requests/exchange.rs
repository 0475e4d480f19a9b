//! `config export` and `config import`: storages and pairs without secrets.

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
            self.0.storages.provider(&storage.type_name)?;
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
    let usual = Settings::default().secret_store;
    if here.secret_store != usual || theirs.secret_store == usual {
        return false;
    }
    here.secret_store = theirs.secret_store;
    true
}

fn merge(known: &Storages, config: &mut Config, imported: Config) -> Result<Added> {
    let mut added = Added {
        settings: take_over(&mut config.settings, &imported.settings),
        ..Added::default()
    };
    for mut storage in imported.storages {
        if config.storages.iter().any(|s| s.id == storage.id) {
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
    for pair in imported.pairs {
        if config.pairs.iter().any(|p| p.id == pair.id) {
            continue;
        }
        if config.pairs.iter().any(|p| p.name == pair.name) {
            return Err(Fault::NameTaken("pair", pair.name));
        }
        for end in [&pair.source, &pair.destination] {
            if end.storage != LOCAL && !config.storages.iter().any(|s| s.id == end.storage) {
                return Err(Fault::UnknownStorage(end.storage.clone()));
            }
        }
        super::pairs::check_rules(known, config, &pair)?;
        config.pairs.push(pair);
        added.pairs += 1;
    }
    Ok(added)
}
