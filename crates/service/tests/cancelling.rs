//! Requests that are dropped before they are answered, which is how one is cancelled.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what went wrong by stopping"
)]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tandem_service::answer::Answer;
use tandem_service::config::Config;
use tandem_service::credentials::{AskPassphrase, StoreKind};
use tandem_service::profile::Profile;
use tandem_service::redact::Redactor;
use tandem_service::request::{Request, StorageSpec};
use tandem_service::secret::SecretText;
use tandem_service::service::Service;
use tandem_service::update::Update;
use tandem_testkit::servers::nextcloud::Nextcloud;
use tokio::sync::mpsc;

fn service(profile: &Path) -> Service {
    let mut config = Config::new();
    config.settings.secret_store = StoreKind::File;
    config.save(&Profile::open(profile).unwrap()).unwrap();
    let ask: AskPassphrase = Arc::new(|_| Ok(SecretText::new("correct horse".to_owned())));
    Service::open(profile, ask, Redactor::default()).unwrap()
}

fn add(server: &Nextcloud) -> Request {
    let values = [
        ("url", server.url()),
        ("username", server.username().to_owned()),
    ];
    Request::StorageAdd(StorageSpec {
        name: "cloud".to_owned(),
        type_name: Some("nextcloud".to_owned()),
        config: values.map(|(key, value)| (key.to_owned(), value)).into(),
        secrets: [(
            "password".to_owned(),
            SecretText::new(server.password().to_owned()),
        )]
        .into(),
        test: true,
        ..StorageSpec::default()
    })
}

/// Drops the request to add a storage once `steps` of its test ended. Whether it got so far.
async fn add_until(service: &Service, server: &Nextcloud, steps: usize) -> bool {
    let (updates, mut told) = mpsc::channel(64);
    let so_far = async {
        for _ in 0..steps {
            match told.recv().await {
                Some(Update::Step { .. }) => {}
                _ => return,
            }
        }
    };
    tokio::select! {
        biased;
        () = so_far => true,
        _ = service.handle(add(server), updates) => false,
    }
}

/// What was done on the server, in order.
fn done(server: &Nextcloud) -> Vec<String> {
    let answered = server.answered().into_iter();
    answered.map(|one| one.method).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storage_whose_test_is_cancelled_is_not_saved_and_the_test_cleans_up() {
    let whole = {
        let (scratch, server) = (tempfile::tempdir().unwrap(), Nextcloud::start().unwrap());
        let service = service(scratch.path());
        let (updates, _told) = mpsc::channel(64);
        let added = service.handle(add(&server), updates).await.unwrap();
        assert!(matches!(added, Answer::Storage(_)));
        assert_eq!(service.config().storages.len(), 1);
        service.close().await;
        done(&server)
    };
    assert!(whole.iter().any(|method| method == "DELETE"), "{whole:?}");
    for steps in [1, 4] {
        let (scratch, server) = (tempfile::tempdir().unwrap(), Nextcloud::start().unwrap());
        let service = service(scratch.path());
        assert!(add_until(&service, &server, steps).await);
        let mut seen = done(&server);
        let began = Instant::now();
        while seen.len() < whole.len() && began.elapsed() < Duration::from_secs(60) {
            tokio::time::sleep(Duration::from_millis(25)).await;
            seen.extend(done(&server));
        }
        assert_eq!(seen, whole, "after {steps} steps");
        service.close().await;
        let saved = service.config().storages;
        assert!(saved.is_empty(), "after {steps} steps: {saved:?}");
        assert!(!scratch.path().join("secrets.age").exists());
    }
}
