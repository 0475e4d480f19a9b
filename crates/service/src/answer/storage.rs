//! Storages and what lies on them, as data.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tandem_core::capabilities::Capabilities;
use tandem_core::storage::{Field, FieldKind, ProbeStep, Provider};

use super::GuaranteeView;
use crate::credentials::StoreKind;
use crate::when::When;

/// A storage type and what a person gives for one.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct TypeView {
    /// The type's name.
    pub name: String,
    /// The name a person knows it by.
    pub title: String,
    /// The family it belongs to.
    pub family: String,
    /// What a person gives.
    pub fields: Vec<FieldView>,
    /// The keys of the fields that a sign-in in the browser gives; none where there is no such sign-in.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub signs_in_for: Vec<String>,
}

/// One value a person gives.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct FieldView {
    /// The key in `--set KEY=VALUE` or `--secret KEY`.
    pub key: String,
    /// The label of the form.
    pub label: String,
    /// `text`, `url`, `folder`, `switch`, `choice`, `number`.
    pub kind: String,
    /// The values of a choice.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub choices: Vec<String>,
    /// Whether it must be given.
    pub required: bool,
    /// Whether it is a secret.
    pub secret: bool,
    /// One sentence of help.
    pub help: String,
    /// What holds if it is not given.
    pub default: Option<String>,
}

impl From<&dyn Provider> for TypeView {
    fn from(provider: &dyn Provider) -> Self {
        let descriptor = provider.descriptor();
        let keys = provider.signs_in_for().iter();
        Self {
            name: descriptor.type_name.to_owned(),
            title: descriptor.title.to_owned(),
            family: descriptor.family.to_owned(),
            fields: descriptor.fields.iter().map(FieldView::from).collect(),
            signs_in_for: keys.map(|key| (*key).to_owned()).collect(),
        }
    }
}

impl From<&Field> for FieldView {
    fn from(field: &Field) -> Self {
        let (kind, choices): (&str, &[&str]) = match field.kind {
            FieldKind::Text => ("text", &[]),
            FieldKind::Url => ("url", &[]),
            FieldKind::Folder => ("folder", &[]),
            FieldKind::Switch => ("switch", &[]),
            FieldKind::Choice(choices) => ("choice", choices),
            FieldKind::Number => ("number", &[]),
        };
        Self {
            key: field.key.to_owned(),
            label: field.label.to_owned(),
            kind: kind.to_owned(),
            choices: choices.iter().map(|c| (*c).to_owned()).collect(),
            required: field.required,
            secret: field.secret,
            help: field.help.to_owned(),
            default: field.default.map(str::to_owned),
        }
    }
}

/// A storage.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct StorageView {
    /// Its uuid, which never changes.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What a person calls it.
    pub label: Option<String>,
    /// Its type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Whether it is switched on.
    pub enabled: bool,
    /// What a person gave, besides secrets.
    pub config: BTreeMap<String, String>,
    /// The keys of its saved secrets.
    pub secrets: Vec<String>,
    /// Where they are kept.
    pub secret_store: StoreKind,
    /// The pairs it belongs to.
    pub pairs: Vec<String>,
    /// When it was added.
    pub created: Option<When>,
    /// When it was last changed.
    pub changed: Option<When>,
    /// What it can do, where it was probed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[cfg_attr(feature = "typescript", ts(skip))]
    pub capabilities: Option<Capabilities>,
    /// What holds on it by that.
    #[serde(default)]
    pub guarantees: Vec<GuaranteeView>,
    /// How it is, where it was used since the start.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub health: Option<HealthView>,
    /// How it was used, where it was.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub usage: Option<UsageView>,
}

/// How a storage was used: today in this computer's time zone, and in the last 24 hours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct UsageView {
    /// Requests today, each try of one counted.
    pub requests_today: u64,
    /// Bytes of content sent today.
    pub sent_today: u64,
    /// Bytes of content received today.
    pub received_today: u64,
    /// When a request was last answered as it should be.
    pub last_success: Option<When>,
    /// Tries that failed in the last day.
    pub errors_last_day: u64,
    /// The newest of them, newest first.
    pub newest_errors: Vec<RequestErrorView>,
}

/// A request that failed; it may have been tried again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct RequestErrorView {
    /// When.
    pub at: When,
    /// Why, in one word.
    pub cause: String,
    /// What was being done.
    pub operation: String,
    /// Why, in a sentence.
    pub message: String,
}

/// How a storage is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct HealthView {
    /// `ok`, `degraded`, `offline`.
    pub state: String,
    /// In a sentence.
    pub shown: String,
    /// How long the last request took, in milliseconds.
    pub latency_ms: Option<u64>,
    /// Why the last request that did not work did not.
    pub last_error: Option<String>,
    /// Bytes in use, where it says.
    pub used: Option<u64>,
    /// Bytes in all, where it says.
    pub total: Option<u64>,
}

/// One step of a test.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct StepView {
    /// What was done.
    pub title: String,
    /// How long it took, in milliseconds.
    pub ms: u64,
    /// Whether it worked.
    pub ok: bool,
    /// What it found, or why it did not work.
    pub outcome: String,
}

impl From<&ProbeStep> for StepView {
    fn from(step: &ProbeStep) -> Self {
        Self {
            title: step.title.clone(),
            ms: u64::try_from(step.time.as_millis()).unwrap_or(u64::MAX),
            ok: step.outcome.is_ok(),
            outcome: step.outcome.as_ref().unwrap_or_else(|why| why).clone(),
        }
    }
}

/// One thing in a folder.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct EntryView {
    /// Its name.
    pub name: String,
    /// `file`, `folder`, `symlink`, `opaque`; `skipped` for what is there and cannot be told.
    pub kind: String,
    /// Bytes.
    pub size: u64,
    /// When it was last changed.
    pub mtime: Option<When>,
    /// Why it is skipped.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub why: Option<String>,
}

/// What a copy came to.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct CopyView {
    /// From where.
    pub from: String,
    /// To where.
    pub to: String,
    /// Files copied.
    pub files: u64,
    /// Bytes copied.
    pub bytes: u64,
    /// What could not be copied.
    pub failed: Vec<CopyFailure>,
}

/// One thing that could not be copied.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CopyFailure {
    /// Its path.
    pub path: String,
    /// Why, in a sentence.
    pub message: String,
}
