//! The list of remote providers. A new one is its own file or folder and one line here.

use std::sync::Arc;

use tandem_core::storage::Provider;

use crate::{db, s3, swift, webdav};

/// Every remote provider, in the order a person is shown them.
#[must_use]
pub fn providers() -> Vec<Arc<dyn Provider>> {
    let s3 = s3::SERVICES
        .iter()
        .map(|service| Arc::new(s3::S3Provider::new(service)) as Arc<dyn Provider>);
    let webdav = webdav::SERVICES
        .iter()
        .map(|service| Arc::new(webdav::WebDavProvider::new(service)) as Arc<dyn Provider>);
    let swift = swift::SERVICES
        .iter()
        .map(|service| Arc::new(swift::SwiftProvider::new(service)) as Arc<dyn Provider>);
    let db = [Arc::new(db::DbProvider) as Arc<dyn Provider>];
    s3.chain(swift).chain(webdav).chain(db).collect()
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
