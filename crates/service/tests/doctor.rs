//! What the doctor finds beside what a command alone could see: how far a pair at work hears of changes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what went wrong by stopping"
)]

#[path = "common/local_pairs.rs"]
mod local_pairs;

use std::time::{Duration, Instant};

use local_pairs::{add, ask, open_with};
use tandem_service::answer::{Answer, CheckView};
use tandem_service::request::Request;
use tandem_service::service::Service;
use tandem_service::storages::providers;

async fn watches(service: &Service) -> Vec<CheckView> {
    let request = Request::Doctor {
        bundle: None,
        names: false,
    };
    let Answer::Doctor(found) = ask(service, request).await else {
        panic!("not what the doctor found");
    };
    let checks = found.checks.into_iter();
    checks.filter(|c| c.name.starts_with("watch of ")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_says_how_far_each_folder_of_a_pair_at_work_is_watched() {
    let home = tempfile::tempdir().unwrap();
    let service = open_with(home.path(), providers());
    add(&service, home.path(), "docs", |_| ()).await;
    std::fs::create_dir_all(home.path().join("docs-here/a/b")).unwrap();
    assert_eq!(watches(&service).await.len(), 0, "nothing is watched yet");

    let running = tokio::spawn({
        let service = service.clone();
        async move { service.run().await }
    });
    let began = Instant::now();
    // Both folders with all that is in them, once what was made there was carried.
    let whole = |check: &CheckView| check.ok && check.message.contains("3 folders are watched.");
    loop {
        let found = watches(&service).await;
        if found.len() == 2 && found.iter().all(whole) {
            assert!(found.iter().all(|check| check.name == "watch of docs"));
            for end in ["docs-here", "docs-there"] {
                let says = |check: &CheckView| check.message.contains(end);
                assert!(found.iter().any(says), "{found:?}");
            }
            break;
        }
        assert!(began.elapsed().as_secs() < 60, "{found:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    running.abort();
}
