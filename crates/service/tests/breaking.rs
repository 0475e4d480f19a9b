//! A mistake in the program ends the work of one pair, says so, and stops nothing else.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what went wrong by stopping"
)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tandem_core::capabilities::Capabilities;
use tandem_core::environment::SharedEnvironment;
use tandem_core::error::Result;
use tandem_core::side::PerSide;
use tandem_core::storage::{Config, Credentials, Descriptor, Provider, Storage};
use tandem_local::LocalProvider;
use tandem_service::answer::{Answer, PairStatus};
use tandem_service::credentials::AskPassphrase;
use tandem_service::location::Location;
use tandem_service::redact::Redactor;
use tandem_service::request::{PairSpec, Request};
use tandem_service::secret::SecretText;
use tandem_service::service::Service;
use tokio::sync::mpsc;

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
    let ask: AskPassphrase = Arc::new(|_| Ok(SecretText::new(String::new())));
    let disk = Mistaken(LocalProvider::default(), AtomicBool::new(is_mistaken));
    let providers: Vec<Arc<dyn Provider>> = vec![Arc::new(disk)];
    Service::open_with(&home.join("profile"), ask, Redactor::default(), providers).unwrap()
}

async fn ask(service: &Service, request: Request) -> Answer {
    let answer = service.handle(request, mpsc::channel(1024).0).await;
    answer.unwrap()
}

async fn add(service: &Service, home: &Path, name: &str) {
    let end = |side: &str| {
        let folder = home.join(format!("{name}-{side}"));
        std::fs::create_dir(&folder).unwrap();
        Location {
            storage: "local".to_owned(),
            path: folder.to_str().unwrap().to_owned(),
        }
    };
    let spec = PairSpec {
        name: name.to_owned(),
        ends: PerSide::new(end("here"), end("there")),
        options: Default::default(),
        unstarted: false,
    };
    std::fs::write(home.join(format!("{name}-here/file")), "x").unwrap();
    ask(service, Request::PairAdd(Box::new(spec))).await;
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
        add(&service, home.path(), name).await;
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
