//! The list of remote providers. A new one is its own file or folder and one line here.

use std::sync::Arc;

use tandem_core::storage::Provider;

use crate::{azure, db, gcs, s3, swift, webdav};

/// Every remote provider, in the order a person is shown them.
#[must_use]
pub fn providers() -> Vec<Arc<dyn Provider>> {
    let mut all: Vec<Arc<dyn Provider>> = Vec::new();
    all.extend(
        s3::SERVICES
            .iter()
            .map(|row| provider(s3::S3Provider::new(row))),
    );
    all.push(provider(azure::AzureProvider::new()));
    all.push(provider(gcs::GcsProvider::new()));
    all.extend(
        swift::SERVICES
            .iter()
            .map(|row| provider(swift::SwiftProvider::new(row))),
    );
    all.extend(
        webdav::SERVICES
            .iter()
            .map(|row| provider(webdav::WebDavProvider::new(row))),
    );
    all.push(provider(db::DbProvider));
    all
}

fn provider(of_a_type: impl Provider + 'static) -> Arc<dyn Provider> {
    Arc::new(of_a_type)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_provider_has_its_own_name_and_keeps_its_secrets_apart() {
        let mut names = BTreeSet::new();
        for provider in providers() {
            let descriptor = provider.descriptor();
            assert!(
                names.insert(descriptor.type_name),
                "{} twice",
                descriptor.type_name
            );
            let mut keys = BTreeSet::new();
            for field in descriptor.fields {
                assert!(keys.insert(field.key), "{} twice", field.key);
                assert!(
                    !(field.secret && field.default.is_some()),
                    "{} has a default secret",
                    field.key
                );
            }
        }
    }
}
