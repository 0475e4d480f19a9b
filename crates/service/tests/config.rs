//! `config.toml`: what is written is read again, and what cannot be understood is left as it is.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what went wrong by stopping"
)]

use std::path::Path;

use tandem_core::capabilities::Capabilities;
use tandem_core::policy::Mode;
use tandem_core::time::Timestamp;
use tandem_engine::setup::PairOptions;
use tandem_service::config::{Config, End, FILE, PairRecord, Pause, StorageRecord};
use tandem_service::credentials::StoreKind;
use tandem_service::profile::Profile;
use tandem_service::surroundings::Hindrance;
use tandem_service::when::When;

fn profile(folder: &Path) -> Profile {
    Profile::open(folder).unwrap()
}

fn full() -> Config {
    let mut config = Config::new();
    let at = When(Timestamp::from_secs(1_795_176_000));
    let mut storage = StorageRecord {
        id: uuid(1),
        name: "photos".to_owned(),
        label: Some("Photos “2026”".to_owned()),
        type_name: "s3".to_owned(),
        enabled: false,
        created: at,
        changed: at,
        secret_store: StoreKind::File,
        secrets: vec!["access_key_id".to_owned()],
        config: [("bucket".to_owned(), "a = \"b\"\n".to_owned())].into(),
        probed: None,
        probed_for: None,
    };
    let mut capabilities = Capabilities::least();
    capabilities.largest_file = Some(5 << 40);
    capabilities.probed = Some(1_795_176_000);
    storage.set_capabilities(Some(&capabilities));
    assert_eq!(storage.capabilities(), Some(capabilities));
    config.storages.push(storage);
    let mut options = PairOptions::default();
    options.policy.mode = Mode::SourceBackup;
    options.filter.patterns = vec!["*.tmp".to_owned(), "/a b/".to_owned()];
    options.limits.upload = Some(1_000_000);
    config.pairs.push(PairRecord {
        id: uuid(2),
        name: "docs".to_owned(),
        is_new: true,
        created: at,
        source: End {
            storage: "local".to_owned(),
            path: "/home/ada/Übung".to_owned(),
        },
        destination: End {
            storage: uuid(1),
            path: "docs".to_owned(),
        },
        unstarted: true,
        paused: Some(Pause {
            since: at,
            until: Some(at),
        }),
        paused_with_all: Some(Pause {
            since: at,
            until: None,
        }),
        despite: vec![Hindrance::Metered],
        options,
    });
    config
}

fn uuid(n: u8) -> String {
    format!("00000000-0000-4000-8000-0000000000{n:02}")
}

#[test]
fn what_is_written_is_read_again() {
    let scratch = tempfile::tempdir().unwrap();
    let profile = profile(scratch.path());
    let config = full();
    config.save(&profile).unwrap();
    assert_eq!(Config::load(&profile).unwrap(), config);
}

#[test]
fn a_new_profile_gets_an_id_that_stays() {
    let scratch = tempfile::tempdir().unwrap();
    let profile = profile(scratch.path());
    let first = Config::load(&profile).unwrap();
    assert_eq!(Config::load(&profile).unwrap().profile, first.profile);
}

#[test]
fn a_newer_file_is_refused_in_one_sentence_and_kept() {
    let scratch = tempfile::tempdir().unwrap();
    let profile = profile(scratch.path());
    let text = "version = 2\nprofile = 'x'\n[something.new]\na = 1\n";
    profile.write(FILE, text.as_bytes()).unwrap();
    let fault = Config::load(&profile).unwrap_err();
    let failure = fault.failure();
    assert_eq!(
        failure.message,
        "This profile was written by a newer Tandem (format 2)."
    );
    assert_eq!(
        failure.next_step,
        "Install that version or newer; nothing was changed."
    );
    assert_eq!((failure.cause.as_str(), fault.exit()), ("newer_profile", 2));
    assert_eq!(profile.read(FILE).unwrap().unwrap(), text.as_bytes());
}

#[test]
fn a_damaged_file_is_named_with_its_line_and_kept() {
    let scratch = tempfile::tempdir().unwrap();
    let profile = profile(scratch.path());
    let good = full().to_text().unwrap();
    for (text, expected) in [
        ("version = 1\nprofile = \n", "in line 2"),
        ("no toml at all", ""),
        ("version = 1\nprofile = 'x'\ncolour = 'red'\n", "in line 3"),
        (
            &good.replace("name = \"docs\"", "name = \"DOCS\""),
            "cannot name a pair",
        ),
        (&good.replace(&uuid(2), "../../x"), "no uuid"),
        (
            &good.replacen("storage = \"0000", "storage = \"1111", 1),
            "not there",
        ),
        ("\u{0}", ""),
    ] {
        profile.write(FILE, text.as_bytes()).unwrap();
        let failure = Config::load(&profile).unwrap_err().failure();
        assert_eq!(failure.cause, "damaged_profile", "{text}");
        assert!(
            failure
                .message
                .contains("config.toml cannot be understood: "),
            "{}",
            failure.message
        );
        assert!(
            failure.message.contains(expected),
            "{} lacks {expected}",
            failure.message
        );
        assert_eq!(
            failure.next_step,
            "Correct it, or move it away; nothing was changed."
        );
        assert_eq!(profile.read(FILE).unwrap().unwrap(), text.as_bytes());
    }
}

#[test]
fn probed_capabilities_of_another_version_are_dropped_and_nothing_else() {
    let mut config = full();
    config.storages[0]
        .probed
        .as_mut()
        .unwrap()
        .insert("ids".to_owned(), "telepathic".into());
    let text = config.to_text().unwrap();
    let read = Config::parse(&text, "x").unwrap();
    assert_eq!(read.storages[0].capabilities(), None);
    assert_eq!(read.pairs, config.pairs);
}

#[test]
fn what_was_probed_counts_only_for_the_values_it_was_probed_with() {
    let config = full();
    let good = config.to_text().unwrap();
    let read = |text: &str| Config::parse(text, "x").unwrap().storages[0].capabilities();
    assert!(read(&good).is_some());
    let line = good
        .lines()
        .find(|l| l.starts_with("probed_for = "))
        .unwrap();
    for (from, to) in [
        (
            "[storage.config]\n",
            "[storage.config]\nendpoint = \"https://other.example\"\n",
        ),
        ("type = \"s3\"", "type = \"s3-compatible\""),
        (line, "probed_for = \"0\""),
        (line, ""),
    ] {
        let edited = good.replacen(from, to, 1);
        assert_ne!(edited, good, "{from}");
        assert_eq!(read(&edited), None, "{to}");
    }
    // What says nothing about the server leaves it.
    let renamed = good.replacen("name = \"photos\"", "name = \"pictures\"", 1);
    assert!(read(&renamed).is_some());
}
