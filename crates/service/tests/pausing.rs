//! Which pairs rest, and which go on, when one or all are paused and resumed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what went wrong by stopping"
)]

#[path = "common/local_pairs.rs"]
mod local_pairs;

use std::path::Path;
use std::time::{Duration, Instant};

use local_pairs::{add, ask, open_with};
use tandem_core::time::Timestamp;
use tandem_service::answer::{Answer, PairStatus};
use tandem_service::request::Request;
use tandem_service::service::Service;
use tandem_service::storages::providers;
use tandem_service::when::When;

fn open(home: &Path) -> Service {
    open_with(home, providers())
}

async fn pause(service: &Service, name: &str, paused: bool, until: Option<When>) {
    let name = name.to_owned();
    let request = Request::PairPause {
        name,
        paused,
        until,
    };
    ask(service, request).await;
}

async fn pause_all(service: &Service, paused: bool, until: Option<When>) {
    ask(service, Request::PauseAll { paused, until }).await;
}

/// The names of those that are paused, each with when that ends.
async fn paused(service: &Service) -> Vec<(String, Option<When>)> {
    let Answer::Pairs(pairs) = ask(service, Request::PairList).await else {
        panic!("not a list of pairs");
    };
    let paused = pairs.into_iter().filter(|pair| pair.paused);
    paused.map(|pair| (pair.name, pair.paused_until)).collect()
}

async fn status(service: &Service, name: &str) -> PairStatus {
    let request = Request::Status {
        pair: Some(name.to_owned()),
        problems: false,
        watch: false,
    };
    let Answer::Status(mut pairs) = ask(service, request).await else {
        panic!("not a status");
    };
    pairs.remove(0)
}

fn in_seconds(secs: i64) -> Option<When> {
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::UNIX_EPOCH).unwrap();
    let at = i64::try_from(since.as_secs()).unwrap() + secs;
    Some(When(Timestamp::from_secs(at)))
}

fn named(names: &[(&str, Option<When>)]) -> Vec<(String, Option<When>)> {
    let owned = names
        .iter()
        .map(|(name, until)| ((*name).to_owned(), *until));
    owned.collect()
}

#[tokio::test]
async fn a_pause_of_all_ends_no_pause_of_one_and_is_ended_without_it() {
    let home = tempfile::tempdir().unwrap();
    let service = open(home.path());
    for name in ["archive", "brief", "docs"] {
        add(&service, home.path(), name, |_| ()).await;
    }
    let (soon, later) = (in_seconds(1800), in_seconds(7200));
    pause(&service, "archive", true, None).await;
    pause(&service, "brief", true, later).await;
    pause_all(&service, true, soon).await;
    let all = [("archive", None), ("brief", later), ("docs", soon)];
    assert_eq!(paused(&service).await, named(&all));

    pause_all(&service, false, None).await;
    assert_eq!(paused(&service).await, named(&all[..2]));
    // Nothing is paused together any more: whoever says “resume all” means these.
    pause_all(&service, false, None).await;
    assert_eq!(paused(&service).await, []);
}

#[tokio::test]
async fn one_pair_can_go_on_while_all_are_paused() {
    let home = tempfile::tempdir().unwrap();
    let service = open(home.path());
    for name in ["archive", "docs"] {
        add(&service, home.path(), name, |_| ()).await;
    }
    pause_all(&service, true, None).await;
    pause(&service, "docs", false, None).await;
    assert_eq!(paused(&service).await, named(&[("archive", None)]));
}

#[tokio::test]
async fn a_pause_of_all_that_is_over_leaves_the_pauses_of_single_pairs() {
    let home = tempfile::tempdir().unwrap();
    let service = open(home.path());
    for name in ["archive", "docs"] {
        add(&service, home.path(), name, |_| ()).await;
    }
    pause(&service, "archive", true, None).await;
    pause_all(&service, true, in_seconds(-1)).await;
    assert_eq!(paused(&service).await, named(&[("archive", None)]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pair_that_nobody_started_waits_whatever_is_resumed_and_is_taken_back_at_the_next_start()
{
    let home = tempfile::tempdir().unwrap();
    let service = open(home.path());
    for name in ["draft", "started"] {
        add(&service, home.path(), name, |spec| spec.unstarted = true).await;
    }
    pause_all(&service, true, None).await;
    pause_all(&service, false, None).await;
    for name in ["draft", "started"] {
        let status = status(&service, name).await;
        assert_eq!(
            (&*status.state, &*status.shown),
            ("waiting", "Waits to be started")
        );
    }
    pause(&service, "started", false, None).await;
    service.close().await;
    drop(service);

    let service = open(home.path());
    let running = tokio::spawn({
        let service = service.clone();
        async move { service.run().await }
    });
    let began = Instant::now();
    while !home.path().join("started-there/file").exists() {
        assert!(began.elapsed().as_secs() < 60, "it was not started");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let Answer::Pairs(pairs) = ask(&service, Request::PairList).await else {
        panic!("not a list of pairs");
    };
    let names: Vec<_> = pairs.into_iter().map(|pair| pair.name).collect();
    assert_eq!(names, ["started"]);
    assert!(!home.path().join("draft-there/file").exists());
    running.abort();
}

#[tokio::test]
async fn that_a_first_sync_is_finished_is_known_whatever_the_pair_does() {
    let home = tempfile::tempdir().unwrap();
    let service = open(home.path());
    add(&service, home.path(), "docs", |_| ()).await;
    assert!(!status(&service, "docs").await.is_synced);
    let sync = Request::Sync {
        pairs: Vec::new(),
        actions: false,
    };
    ask(&service, sync).await;
    let synced = status(&service, "docs").await;
    assert!(synced.is_synced && synced.looked.is_some());
    pause(&service, "docs", true, None).await;
    let paused = status(&service, "docs").await;
    assert_eq!((paused.is_synced, paused.looked), (true, synced.looked));
}
