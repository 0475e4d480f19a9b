//! What a person would type for a storage, from the environment.

use std::collections::BTreeMap;

use tandem_core::storage::{Config, Credentials, Descriptor};

/// The values that were found.
#[derive(Clone, Default)]
pub(crate) struct Variables {
    pub(crate) config: Config,
    pub(crate) credentials: Credentials,
    /// The names of those that are secret, given or not.
    pub(crate) secrets: Vec<String>,
}

/// `TANDEM_LIVE_S3_BUCKET` for the field `bucket` of the type `s3`.
fn name(descriptor: &Descriptor, key: &str) -> String {
    let text = format!("TANDEM_LIVE_{}_{key}", descriptor.type_name);
    text.to_uppercase().replace('-', "_")
}

impl Variables {
    /// All that `lookup` has, or a sentence that names those that are missing.
    pub(crate) fn read(
        descriptor: &Descriptor,
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let (mut config, mut credentials) = (BTreeMap::new(), BTreeMap::new());
        let (mut missing, mut secrets) = (Vec::new(), Vec::new());
        for field in descriptor.fields {
            let name = name(descriptor, field.key);
            let value = lookup(&name).filter(|value| !value.is_empty());
            if field.required && value.is_none() && field.default.is_none() {
                missing.push(name.clone());
            }
            let values = if field.secret {
                secrets.push(name);
                &mut credentials
            } else {
                &mut config
            };
            values.extend(value.map(|value| (field.key.to_owned(), value)));
        }
        // Large enough to be several parts, and cheap.
        let has_parts = |key: &str| descriptor.fields.iter().any(|field| field.key == key);
        if has_parts("multipart_threshold") {
            let threshold = crate::place::PARTS_FROM.to_string();
            config.insert("multipart_threshold".to_owned(), threshold);
        }
        if !missing.is_empty() {
            return Err(format!(
                "To run against {}, set {} in the environment.",
                descriptor.title,
                missing.join(", ")
            ));
        }
        Ok(Self {
            config: Config(config),
            credentials: Credentials(credentials),
            secrets,
        })
    }
}
