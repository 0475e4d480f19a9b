//! `config.toml`, edited by hand or come from elsewhere.

use std::path::{Component, Path};

use tandem_service::config::Config;
use tandem_service::location::is_storage_name;

use crate::is_sentence;

/// What a person may have typed where it does not belong.
const SECRET: &str = "hunter2hunter2";

#[test]
fn a_configuration_is_read_as_it_is_written_or_refused_in_one_sentence() {
    tandem_testkit::fuzz!("config", made = 1_000, |input: &[u8]| {
        let Ok(text) = std::str::from_utf8(input) else {
            return;
        };
        let config = match Config::parse(text, "config.toml") {
            Ok(config) => config,
            Err(fault) => {
                let failure = fault.failure();
                assert!(is_sentence(&failure.message), "{failure:?}");
                // A word that is no setting is named, or it would not be found; no value is.
                let named = format!("unknown field `{SECRET}");
                assert!(
                    !failure.message.replace(&named, "").contains(SECRET),
                    "{failure:?}"
                );
                assert!(
                    failure.message.len() < 2_000,
                    "{} bytes",
                    failure.message.len()
                );
                return;
            }
        };
        let written = config.to_text().unwrap();
        assert_eq!(Config::parse(&written, "config.toml").unwrap(), config);
        for pair in &config.pairs {
            // It names the pair's database.
            let mut parts = Path::new(&pair.id).components();
            assert!(matches!(parts.next(), Some(Component::Normal(_))) && parts.next().is_none());
            assert!(is_storage_name(&pair.name));
        }
        for storage in &config.storages {
            assert!(is_storage_name(&storage.name));
            // What is not that of these very values is not taken, and stops nothing.
            assert!(storage.probed.is_some() || storage.capabilities().is_none());
        }
    });
}
