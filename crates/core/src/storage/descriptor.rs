//! What a provider says about itself: command-line flags, the wizard's form and the documents come from it.

use serde::Serialize;

/// What kind of value a field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldKind {
    /// One line of text.
    Text,
    /// An http or https address.
    Url,
    /// A folder on this computer.
    Folder,
    /// `true` or `false`.
    Switch,
    /// One of the given values.
    Choice(&'static [&'static str]),
    /// A whole number.
    Number,
}

/// One value a person gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Field {
    /// The key in `--set KEY=VALUE` and in the configuration.
    pub key: &'static str,
    /// The label of the form.
    pub label: &'static str,
    /// What kind of value it takes.
    pub kind: FieldKind,
    /// Whether it must be given.
    pub required: bool,
    /// Whether it belongs in the keyring (`--secret KEY`) and nowhere else.
    pub secret: bool,
    /// One sentence of help.
    pub help: &'static str,
    /// What holds if it is not given.
    pub default: Option<&'static str>,
}

/// A provider's own description.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Descriptor {
    /// The type's name: `local`, `s3`.
    #[serde(rename = "type")]
    pub type_name: &'static str,
    /// The name a person knows it by.
    pub title: &'static str,
    /// Which family it belongs to: `disk`, `s3`.
    pub family: &'static str,
    /// What a person gives to add one.
    pub fields: &'static [Field],
}
