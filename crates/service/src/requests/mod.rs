//! How each request is answered. One file per family.

mod browse;
mod bundle;
mod decisions;
mod doctor;
mod exchange;
mod history;
mod pairs;
mod passes;
mod saving;
mod settings;
mod sign_in;
mod storages;
mod transfer;

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::answer::Answer;
use crate::fault::{Failure, Fault, Result};
use crate::request::Request;
use crate::service::Service;
use crate::update::Updates;

impl Service {
    /// Answers `request`; what happens meanwhile goes to `updates`. Dropping the future stops it.
    ///
    /// # Errors
    /// Why it was not done, in words.
    pub async fn handle(
        &self,
        request: Request,
        updates: Updates,
    ) -> std::result::Result<Answer, Failure> {
        let redactor = &self.0.redactor;
        match self.answer(request, &updates).await {
            Ok(mut answer) => {
                answer.clean(&|text| redactor.clean(text));
                Ok(answer)
            }
            Err(fault) => {
                let mut failure = fault.failure();
                failure.clean(&|text| redactor.clean(text));
                tracing::debug!(cause = %failure.cause, said = failure.message,
                    detail = failure.detail.as_deref().unwrap_or_default(), "a request was not done");
                Err(failure)
            }
        }
    }

    async fn answer(&self, request: Request, updates: &Updates) -> Result<Answer> {
        match request {
            Request::StorageTypes => Ok(self.storage_types()),
            Request::StorageList => Ok(self.storage_list()),
            Request::StorageShow { name } => self.storage_show(&name).await,
            Request::StorageTest { name } => self.storage_test(&name, updates).await,
            Request::StorageEnable { name, on } => self.storage_enable(&name, on).await,
            Request::StorageRename { name, new } => self.storage_rename(&name, &new).await,
            Request::StorageRemove { name } => self.storage_remove(&name).await,
            Request::StorageAdd(spec) => self.storage_add(spec, updates).await,
            Request::StorageEdit(spec) => self.storage_edit(spec, updates).await,
            Request::StorageLogin { name } => self.storage_login(&name, updates).await,
            Request::List { at } => self.list(&at).await,
            Request::Copy { from, to, force } => self.copy(&from, &to, force, updates).await,
            Request::SignInLink { link } => self.sign_in_link(&link),
            Request::Unlock { passphrase } => self.unlock(passphrase).await,
            Request::KeepInFile { passphrase } => self.keep_in_file(passphrase).await,
            Request::PairAdd(spec) => self.pair_add(*spec).await,
            Request::PairList => Ok(self.pair_list()),
            Request::PairShow { name } => self.pair_show(&name),
            Request::PairGuarantees { name } => self.pair_guarantees(&name).await,
            Request::PairEdit(change) => self.pair_edit(*change).await,
            Request::PairPause {
                name,
                paused,
                until,
            } => self.pair_pause(&name, paused, until).await,
            Request::PauseAll { paused, until } => self.pause_all(paused, until).await,
            Request::PairRemove { name } => self.pair_remove(&name).await,
            Request::PairCompareAnew { name } => self.pair_compare_anew(&name).await,
            Request::Preview { pairs, .. } => self.preview(&pairs).await,
            Request::Sync { pairs, actions } => self.sync(&pairs, actions, updates).await,
            Request::Status {
                pair,
                problems,
                watch,
            } => self.status(pair, problems, watch, updates).await,
            Request::Held { pair } => self.held(pair).await,
            Request::HeldWhole { hold } => self.held_whole(&hold).await,
            Request::Approve { hold } => self.approve(&hold).await,
            Request::Reject { hold, how } => self.reject(&hold, how).await,
            Request::Log {
                pair,
                path,
                limit,
                follow,
            } => self.log(pair, path, limit, follow, updates).await,
            Request::Explain { path } => self.explain(&path).await,
            Request::Conflicts { pair } => self.conflicts(pair).await,
            Request::Compare { id } => self.compare(&id).await,
            Request::Resolve { id, keep, seen } => self.resolve(&id, keep, seen).await,
            Request::Versions { path } => self.versions(&path).await,
            Request::Restore { path, version } => self.restore(&path, version).await,
            Request::Undo(what) => self.undo(what).await,
            Request::Verify(spec) => self.verify(&spec, updates).await,
            Request::Doctor { bundle, names } => self.doctor(bundle, names).await,
            Request::Settings => Ok(self.settings()),
            Request::SettingsChange { settings } => self.settings_change(&settings).await,
            Request::ConfigExport => self.config_export(),
            Request::ConfigImport { text } => self.config_import(&text).await,
        }
    }
}

/// `old` with what a person named, by JSON pointers, changed.
fn with_changes<T: Serialize + DeserializeOwned>(
    old: &T,
    changes: &BTreeMap<String, Value>,
) -> Result<T> {
    let broken =
        |error: serde_json::Error| Fault::Refused(format!("an option cannot be used: {error}"));
    let mut value = serde_json::to_value(old).map_err(broken)?;
    for (pointer, new) in changes {
        match value.pointer_mut(pointer) {
            Some(place) => place.clone_from(new),
            None => return Err(Fault::Refused(format!("there is no option {pointer}"))),
        }
    }
    serde_json::from_value(value).map_err(broken)
}
