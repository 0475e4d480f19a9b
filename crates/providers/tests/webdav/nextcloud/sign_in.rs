//! The sign-in by the browser, Nextcloud's login flow v2.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tandem_core::environment::{BoxFuture, Environment, SharedEnvironment, Task};
use tandem_core::error::{Cause, Result};
use tandem_core::storage::{Config, Provider, SignIn};
use tandem_core::time::Timestamp;
use tandem_providers::registry::providers;
use tandem_testkit::real_time::real_time;
use tandem_testkit::servers::nextcloud::Nextcloud;

fn provider(type_name: &str) -> Arc<dyn Provider> {
    let mut all = providers().into_iter();
    all.find(|one| one.descriptor().type_name == type_name)
        .unwrap()
}

async fn begun(server: &Nextcloud) -> Result<Box<dyn SignIn>> {
    begun_at(server, real_time()).await
}

async fn begun_at(server: &Nextcloud, environment: SharedEnvironment) -> Result<Box<dyn SignIn>> {
    let config = Config([("url".to_owned(), server.url())].into());
    provider("nextcloud").sign_in(&config, environment).await
}

/// Where every sleep is over at once, and only sleeping takes time.
struct Hurried(Mutex<Duration>);

impl Environment for Hurried {
    fn now(&self) -> Timestamp {
        real_time().now()
    }

    fn uptime(&self) -> Duration {
        *self.0.lock().unwrap()
    }

    fn random(&self) -> u64 {
        real_time().random()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<()> {
        *self.0.lock().unwrap() += time;
        Box::pin(std::future::ready(()))
    }

    fn spawn(&self, task: BoxFuture<()>) -> Task {
        real_time().spawn(task)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_lets_tandem_in_and_it_gets_a_password_of_its_own() {
    let server = Nextcloud::start().unwrap();
    let flow = begun(&server).await.unwrap();
    assert!(flow.address().starts_with(&server.url()));
    let address = flow.address().to_owned();
    let (done, ()) = tokio::join!(flow.finished(), async {
        // It is asked at least once before.
        while !server.answered().iter().any(|one| one.status == 404) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(server.grant(&address));
    });
    let done = done.unwrap();
    assert_eq!(done.config.get("username"), Some(server.username()));
    assert_eq!(done.credentials.get("password"), Some(server.password()));
    assert!(!format!("{done:?}").contains(server.password()));
    // The files lie where they would for whoever types the name.
    assert_eq!(done.config.get("url"), None);
}

#[tokio::test]
async fn another_servers_address_is_not_shown() {
    let server = Nextcloud::start().unwrap();
    server.mislead("https://evil.example.org");
    let error = begun(&server).await.err().unwrap();
    assert_eq!(error.cause, Cause::BadResponse);
    assert!(error.detail.contains("https://evil.example.org"), "{error}");
}

#[tokio::test]
async fn where_there_is_no_such_sign_in_that_is_said() {
    let server = Nextcloud::start_as_owncloud().unwrap();
    assert_eq!(provider("owncloud").signs_in_for(), [""; 0]);
    let error = begun(&server).await.err().unwrap();
    assert!(
        matches!(error.cause, Cause::Unsupported | Cause::AuthDenied),
        "{error}"
    );
}

#[tokio::test]
async fn nobody_is_waited_for_longer_than_the_server_waits() {
    let server = Nextcloud::start().unwrap();
    let hurried = Arc::new(Hurried(Mutex::default()));
    let flow = begun_at(&server, hurried.clone()).await.unwrap();
    let error = flow.finished().await.unwrap_err();
    assert_eq!(error.cause, Cause::Timeout);
    assert!(error.detail.contains("within 20 minutes"), "{error}");
    let waited = hurried.uptime().as_secs();
    assert!((20 * 60..20 * 60 + 5).contains(&waited), "{waited} s");
    // Every few seconds: nobody waits long once they are done, and the server is not asked without need.
    let asked = server.answered().len();
    assert!((200..300).contains(&asked), "asked {asked} times");
}
