//! Pairs wait while the connection is metered or the battery is low, as a real bus tells it: the test is NetworkManager
//! and UPower on a private one.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what went wrong by stopping"
)]

mod common;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::on_a_private_bus;
use serde_json::json;
use tandem_core::time::Timestamp;
use tandem_service::answer::{Answer, PairStatus};
use tandem_service::config::{Config, End, PairRecord, StorageRecord};
use tandem_service::credentials::{AskPassphrase, SecretStores, StoreKind};
use tandem_service::profile::Profile;
use tandem_service::redact::Redactor;
use tandem_service::request::Request;
use tandem_service::secret::SecretText;
use tandem_service::service::Service;
use tandem_service::surroundings::Hindrance;
use tandem_service::when::When;
use tokio::sync::mpsc;
use zbus::Connection;
use zbus::object_server::InterfaceRef;

const ATTIC: &str = "11111111-1111-4111-8111-111111111111";
const METERED: &str = "Paused: metered connection";
const OFFLINE: &str = "Waits for the network";

struct NetworkManager {
    metered: u32,
}

#[zbus::interface(name = "org.freedesktop.NetworkManager")]
impl NetworkManager {
    #[zbus(property)]
    fn metered(&self) -> u32 {
        self.metered
    }
}

struct UPower {
    on_battery: bool,
}

#[zbus::interface(name = "org.freedesktop.UPower")]
impl UPower {
    #[zbus(property)]
    fn on_battery(&self) -> bool {
        self.on_battery
    }
}

struct Battery {
    percentage: f64,
}

#[zbus::interface(name = "org.freedesktop.UPower.Device")]
impl Battery {
    #[zbus(property)]
    fn percentage(&self) -> f64 {
        self.percentage
    }
}

/// NetworkManager, which comes to the bus saying so.
async fn network_manager(metered: u32) -> Connection {
    let bus = Connection::session().await.unwrap();
    let at = "/org/freedesktop/NetworkManager";
    let manager = NetworkManager { metered };
    bus.object_server().at(at, manager).await.unwrap();
    bus.request_name("org.freedesktop.NetworkManager")
        .await
        .unwrap();
    bus
}

async fn set_metered(bus: &Connection, metered: u32) {
    let at = "/org/freedesktop/NetworkManager";
    let found = bus.object_server().interface(at).await;
    let manager: InterfaceRef<NetworkManager> = found.unwrap();
    manager.get_mut().await.metered = metered;
    let changed = manager.get().await;
    let emitter = manager.signal_emitter();
    changed.metered_changed(emitter).await.unwrap();
}

/// UPower on a computer that has only its battery.
async fn upower(percentage: f64) -> Connection {
    let bus = Connection::session().await.unwrap();
    let (power, battery) = (UPower { on_battery: true }, Battery { percentage });
    let objects = bus.object_server();
    objects.at("/org/freedesktop/UPower", power).await.unwrap();
    let at = "/org/freedesktop/UPower/devices/DisplayDevice";
    objects.at(at, battery).await.unwrap();
    bus.request_name("org.freedesktop.UPower").await.unwrap();
    bus
}

async fn set_charge(bus: &Connection, percentage: f64) {
    let at = "/org/freedesktop/UPower/devices/DisplayDevice";
    let battery: InterfaceRef<Battery> = bus.object_server().interface(at).await.unwrap();
    battery.get_mut().await.percentage = percentage;
    let changed = battery.get().await;
    let emitter = battery.signal_emitter();
    changed.percentage_changed(emitter).await.unwrap();
}

fn passphrase() -> AskPassphrase {
    Arc::new(|_| Ok(SecretText::new("a passphrase for tests".to_owned())))
}

/// A profile with the pair `here`, of two folders, and `away`, whose server does not answer.
async fn service(home: &Path) -> Service {
    let profile = Profile::open(&home.join("profile")).unwrap();
    let at = When(Timestamp::from_secs(1_795_176_000));
    let stores = SecretStores::new(&profile, passphrase(), Redactor::default());
    let keys = ["access_key_id", "secret_access_key"];
    let secrets = keys.map(|key| (key.to_owned(), SecretText::new("x".to_owned())));
    let store = stores.store(StoreKind::File);
    store.save(ATTIC, secrets.into()).await.unwrap();
    let mut config = Config::new();
    config.storages.push(StorageRecord {
        id: ATTIC.to_owned(),
        name: "attic".to_owned(),
        label: None,
        type_name: "s3".to_owned(),
        enabled: true,
        created: at,
        changed: at,
        secret_store: StoreKind::File,
        secrets: keys.map(str::to_owned).to_vec(),
        config: [("bucket", "b"), ("endpoint", "http://127.0.0.1:9")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        probed: None,
        probed_for: None,
    });
    let folder = |name: &str| {
        let path = home.join(name);
        std::fs::create_dir_all(&path).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let end = |storage: &str, path: String| End {
        storage: storage.to_owned(),
        path,
    };
    for (n, name, destination) in [
        (1, "here", end("local", folder("there"))),
        (2, "away", end(ATTIC, "away".to_owned())),
    ] {
        config.pairs.push(PairRecord {
            id: format!("22222222-2222-4222-8222-22222222222{n}"),
            name: name.to_owned(),
            is_new: true,
            created: at,
            source: end("local", folder(name)),
            destination,
            unstarted: false,
            paused: None,
            paused_with_all: None,
            despite: Vec::new(),
            options: Default::default(),
        });
    }
    config.save(&profile).unwrap();
    Service::open(profile.folder(), passphrase(), Redactor::default()).unwrap()
}

async fn ask(service: &Service, request: Request) -> Answer {
    let (updates, mut told) = mpsc::channel(64);
    let answer = service.handle(request, updates);
    let told = async { while told.recv().await.is_some() {} };
    tokio::join!(answer, told).0.unwrap()
}

/// Changes settings by their pointers.
async fn set<const N: usize>(service: &Service, settings: [(&str, serde_json::Value); N]) {
    let settings = settings.map(|(at, value)| (at.to_owned(), value)).into();
    ask(service, Request::SettingsChange { settings }).await;
}

async fn resume(service: &Service, name: &str) {
    let request = Request::PairPause {
        name: name.to_owned(),
        paused: false,
        until: None,
    };
    ask(service, request).await;
}

async fn status(service: &Service, name: &str) -> PairStatus {
    let request = Request::Status {
        pair: Some(name.to_owned()),
        problems: false,
        watch: false,
    };
    match ask(service, request).await {
        Answer::Status(mut pairs) => pairs.remove(0),
        other => panic!("{other:?}"),
    }
}

/// Waits until the pair is so.
async fn becomes(service: &Service, name: &str, shown: &str) -> PairStatus {
    let began = Instant::now();
    loop {
        let found = status(service, name).await;
        if found.shown == shown {
            return found;
        }
        assert!(
            began.elapsed().as_secs() < 60,
            "{name}: {} is not {shown}",
            found.shown
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn arrives(path: PathBuf) {
    let began = Instant::now();
    while !path.exists() {
        assert!(began.elapsed().as_secs() < 60, "{path:?} did not come");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The private bus is that of the system too.
const SYSTEM: &str = "export DBUS_SYSTEM_BUS_ADDRESS=$DBUS_SESSION_BUS_ADDRESS";

#[test]
fn pairs_wait_for_another_connection_and_for_power_while_they_are_kept_in_step() {
    let home = tempfile::tempdir().unwrap();
    on_a_private_bus(home.path(), SYSTEM, "inside_while_kept_in_step");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs on the private bus"]
async fn inside_while_kept_in_step() {
    let home = tempfile::tempdir().unwrap();
    let service = service(home.path()).await;
    let pausing = [
        ("/pause_on_metered", json!(true)),
        ("/pause_on_battery_below", json!(20)),
    ];
    set(&service, pausing).await;
    let running = tokio::spawn({
        let service = service.clone();
        async move { service.run().await }
    });
    // Nobody tells anything: nothing waits for it.
    becomes(&service, "here", "In step").await;
    becomes(&service, "away", OFFLINE).await;

    // A guess counts, and only for what goes over the network.
    let manager = network_manager(3).await;
    let away = becomes(&service, "away", METERED).await;
    assert_eq!((&*away.state, away.can_go_on), ("waiting", true));
    std::fs::write(home.path().join("here/a"), "x").unwrap();
    arrives(home.path().join("there/a")).await;
    becomes(&service, "here", "In step").await;

    // A person lets it go on, for as long as this connection lasts.
    resume(&service, "away").await;
    assert!(!becomes(&service, "away", OFFLINE).await.can_go_on);
    assert_eq!(service.config().pairs[1].despite, [Hindrance::Metered]);
    set_metered(&manager, 4).await;
    let began = Instant::now();
    while !service.config().pairs[1].despite.is_empty() {
        assert!(began.elapsed().as_secs() < 60, "it is still let go on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(status(&service, "away").await.shown, OFFLINE);
    set_metered(&manager, 1).await;
    becomes(&service, "away", METERED).await;

    // The battery concerns all.
    let power = upower(19.9).await;
    becomes(&service, "here", "Paused: battery below 20%").await;
    std::fs::write(home.path().join("here/b"), "x").unwrap();
    set_charge(&power, 20.0).await;
    arrives(home.path().join("there/b")).await;
    set(&service, [("/pause_on_battery_below", json!(100))]).await;
    becomes(&service, "here", "Paused: on battery").await;

    // Whoever told goes: nothing is known any more.
    drop((manager, power));
    becomes(&service, "here", "In step").await;
    becomes(&service, "away", OFFLINE).await;
    running.abort();
}

#[test]
fn one_pass_waits_too_and_a_person_can_let_it_go_on() {
    let home = tempfile::tempdir().unwrap();
    on_a_private_bus(home.path(), SYSTEM, "inside_for_one_pass");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs on the private bus"]
async fn inside_for_one_pass() {
    let home = tempfile::tempdir().unwrap();
    let service = service(home.path()).await;
    let _power = upower(5.0).await;
    let sync = || Request::Sync {
        pairs: vec!["here".to_owned()],
        actions: false,
    };
    let shown = |answer: Answer| match answer {
        Answer::Synced(pairs) => (pairs[0].shown.clone(), pairs[0].exit),
        other => panic!("{other:?}"),
    };
    // Nobody asked for it to wait.
    assert_eq!(
        shown(ask(&service, sync()).await),
        ("In step".to_owned(), 0)
    );
    set(&service, [("/pause_on_battery_below", json!(50))]).await;
    let waits = ("Paused: battery below 50%".to_owned(), 4);
    assert_eq!(shown(ask(&service, sync()).await), waits);
    resume(&service, "here").await;
    assert_eq!(
        shown(ask(&service, sync()).await),
        ("In step".to_owned(), 0)
    );
}
