//! A mistake in the program ends the work of one pair, says so, and stops nothing else.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what went wrong by stopping"
)]

#[path = "common/local_pairs.rs"]
mod local_pairs;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use local_pairs::{add, ask, open_with};
use tandem_core::capabilities::Capabilities;
use tandem_core::environment::SharedEnvironment;
use tandem_core::error::Result;
use tandem_core::storage::{Config, Credentials, Descriptor, Provider, Storage};
use tandem_local::LocalProvider;
use tandem_service::answer::{Answer, PairStatus};
use tandem_service::request::Request;
use tandem_service::service::Service;

/// This computer's disk, but the first time it is opened something impossible happens.
struct Mistaken(LocalProvider, AtomicBool);

impl Provider for Mistaken {
    fn descriptor(&self) -> &'static Descriptor {
        self.0.descriptor()
    }

    fn open(
        &self,
        config: &Config,
        credentials: &Credentials,
        probed: Option<&Capabilities>,
        environment: SharedEnvironment,
    ) -> Result<Arc<dyn Storage>> {
        assert!(!self.1.swap(false, Ordering::Relaxed), "impossible");
        self.0.open(config, credentials, probed, environment)
    }
}

fn open(home: &Path, is_mistaken: bool) -> Service {
    let disk = Mistaken(LocalProvider::default(), AtomicBool::new(is_mistaken));
    open_with(home, vec![Arc::new(disk)])
}

async fn status(service: &Service) -> Vec<PairStatus> {
    let request = Request::Status {
        pair: None,
        problems: false,
        watch: false,
    };
    match ask(service, request).await {
        Answer::Status(pairs) => pairs,
        _ => panic!("not a status"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pair_it_happens_to_says_so_and_the_others_go_on() {
    let home = tempfile::tempdir().unwrap();
    let service = open(home.path(), false);
    for name in ["docs", "pictures"] {
        add(&service, home.path(), name, |_| ()).await;
    }
    service.close().await;
    drop(service);

    let service = open(home.path(), true);
    let running = tokio::spawn({
        let service = service.clone();
        async move { service.run().await }
    });
    let began = Instant::now();
    let (broken, going) = loop {
        let pairs = status(&service).await;
        let (broken, going): (Vec<_>, Vec<_>) =
            pairs.into_iter().partition(|pair| pair.state == "stopped");
        if broken.len() == 1 && going[0].state == "in_step" {
            break (broken, going);
        }
        assert!(began.elapsed().as_secs() < 60, "{broken:?} {going:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let error = broken[0].error.as_ref().unwrap();
    assert_eq!(
        (&*error.cause, error.next_step.is_empty()),
        ("internal", false)
    );
    let arrived = home.path().join(format!("{}-there/file", going[0].name));
    assert!(arrived.exists());
    running.abort();
}
