//! A decision reaches the pair that it was made about.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what went wrong by stopping"
)]

use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use tandem_core::side::PerSide;
use tandem_service::answer::{Answer, ConflictView};
use tandem_service::credentials::AskPassphrase;
use tandem_service::fault::Failure;
use tandem_service::location::Location;
use tandem_service::redact::Redactor;
use tandem_service::request::{KeepSide, PairSpec, Request};
use tandem_service::secret::SecretText;
use tandem_service::service::Service;
use tokio::sync::mpsc;

async fn ask(service: &Service, request: Request) -> Result<Answer, Failure> {
    service.handle(request, mpsc::channel(1024).0).await
}

/// A pair of which both sides made a file of the same name, and nothing is done until a person decides.
async fn add(service: &Service, home: &Path, name: &str) {
    let end = |side: &str| {
        let folder = home.join(format!("{name}-{side}"));
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("file"), format!("{name}, {side}")).unwrap();
        Location {
            storage: "local".to_owned(),
            path: folder.to_str().unwrap().to_owned(),
        }
    };
    let spec = PairSpec {
        name: name.to_owned(),
        ends: PerSide::new(end("here"), end("there")),
        options: [("/policy/conflict".to_owned(), json!("manual"))].into(),
        unstarted: false,
    };
    ask(service, Request::PairAdd(Box::new(spec)))
        .await
        .unwrap();
}

async fn conflicts(service: &Service) -> Vec<ConflictView> {
    let request = Request::Conflicts { pair: None };
    match ask(service, request).await.unwrap() {
        Answer::Conflicts(conflicts) => conflicts,
        _ => panic!("not a list of conflicts"),
    }
}

fn resolve(id: &str) -> Request {
    Request::Resolve {
        id: id.to_owned(),
        keep: KeepSide::Source,
        seen: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_pairs_with_conflicts_of_one_id_are_told_apart() {
    let home = tempfile::tempdir().unwrap();
    let ask_nobody: AskPassphrase = Arc::new(|_| Ok(SecretText::new(String::new())));
    let profile = home.path().join("profile");
    let service = Service::open(&profile, ask_nobody, Redactor::default()).unwrap();
    for name in ["docs", "mail"] {
        add(&service, home.path(), name).await;
    }
    let sync = Request::Sync {
        pairs: Vec::new(),
        actions: false,
    };
    ask(&service, sync).await.unwrap();

    let both = conflicts(&service).await;
    assert_eq!(both.len(), 2);
    let own = both[0]
        .id
        .strip_prefix("docs:")
        .expect("named with its pair");
    assert_eq!(both[1].id, format!("mail:{own}"));
    let refused = ask(&service, resolve(own)).await.unwrap_err();
    assert!(refused.message.contains("PAIR:"), "{}", refused.message);

    ask(&service, resolve(&both[1].id)).await.unwrap();
    let read = |file: &str| std::fs::read_to_string(home.path().join(file)).unwrap();
    assert_eq!(read("mail-there/file"), "mail, here");
    assert_eq!(read("docs-there/file"), "docs, there");
    // The one that is left needs no pair to be told.
    let left = conflicts(&service).await;
    assert_eq!(left.len(), 1);
    assert_eq!((&*left[0].pair, &*left[0].id), ("docs", own));
    ask(&service, resolve(own)).await.unwrap();
    assert_eq!(read("docs-there/file"), "docs, here");
}
