//! A decision reaches the pair that it was made about.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what went wrong by stopping"
)]

#[path = "common/local_pairs.rs"]
mod local_pairs;

use local_pairs::{add, ask, open_with};
use serde_json::json;
use tandem_service::answer::{Answer, ConflictView};
use tandem_service::request::{KeepSide, Request};
use tandem_service::service::Service;
use tandem_service::storages::providers;
use tokio::sync::mpsc;

async fn conflicts(service: &Service) -> Vec<ConflictView> {
    let request = Request::Conflicts { pair: None };
    match ask(service, request).await {
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
    let service = open_with(home.path(), providers());
    let file = |pair: &str, side: &str| home.path().join(format!("{pair}-{side}/file"));
    for name in ["docs", "mail"] {
        // Both sides made a file of the same name, and nothing is done until a person decides.
        add(&service, home.path(), name, |spec| {
            spec.options
                .insert("/policy/conflict".to_owned(), json!("manual"));
            std::fs::write(file(name, "there"), "somebody else’s").unwrap();
        })
        .await;
    }
    let sync = Request::Sync {
        pairs: Vec::new(),
        actions: false,
    };
    ask(&service, sync).await;

    let both = conflicts(&service).await;
    assert_eq!(both.len(), 2);
    let own = both[0]
        .id
        .strip_prefix("docs:")
        .expect("named with its pair");
    assert_eq!(both[1].id, format!("mail:{own}"));
    let refused = service.handle(resolve(own), mpsc::channel(1).0).await;
    let refused = refused.unwrap_err();
    assert!(refused.message.contains("PAIR:"), "{}", refused.message);

    ask(&service, resolve(&both[1].id)).await;
    let there = |pair: &str| std::fs::read_to_string(file(pair, "there")).unwrap();
    assert_eq!(there("mail"), "mail");
    assert_eq!(there("docs"), "somebody else’s");
    // The one that is left needs no pair to be told.
    let left = conflicts(&service).await;
    assert_eq!(left.len(), 1);
    assert_eq!((&*left[0].pair, &*left[0].id), ("docs", own));
    ask(&service, resolve(own)).await;
    assert_eq!(there("docs"), "docs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_delete_that_waits_can_be_read_before_it_is_decided() {
    const MANY: usize = 1_100;
    let home = tempfile::tempdir().unwrap();
    let service = open_with(home.path(), providers());
    add(&service, home.path(), "docs", |_| ()).await;
    let names: Vec<String> = (0..MANY).map(|n| format!("{n:04}")).collect();
    let file = |name: &String| home.path().join("docs-here").join(name);
    let sync = || Request::Sync {
        pairs: Vec::new(),
        actions: false,
    };
    names
        .iter()
        .for_each(|name| std::fs::write(file(name), name).unwrap());
    ask(&service, sync()).await;
    names
        .iter()
        .for_each(|name| std::fs::remove_file(file(name)).unwrap());
    ask(&service, sync()).await;

    let holds = |answer| match answer {
        Answer::Held(holds) => holds,
        _ => panic!("not what is held"),
    };
    let [listed] = &holds(ask(&service, Request::Held { pair: None }).await)[..] else {
        panic!("one plan is held");
    };
    assert_eq!((listed.count, listed.actions.len()), (1_100, 1_000));
    let hold = listed.id.clone();
    let [whole] = &holds(ask(&service, Request::HeldWhole { hold }).await)[..] else {
        panic!("one plan is asked for");
    };
    assert_eq!((&whole.id, whole.count), (&listed.id, 1_100));
    let mut read: Vec<_> = whole.actions.iter().map(|a| a.path.clone()).collect();
    read.sort();
    assert_eq!(read, names);
}
