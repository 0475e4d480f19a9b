//! Sign-ins by the browser that are under way: where each is made, and how a person gives one up.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tandem_service::fault::Fault;
use tauri::Url;
use tokio::sync::Notify;

/// That a request's sign-in was given up. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct GivenUp(Arc<Notify>);

impl GivenUp {
    /// Waits until a person gives it up; says so then.
    pub(crate) async fn given_up(&self) -> Fault {
        self.0.notified().await;
        Fault::Usage(
            "The sign-in was given up. Nothing was saved.".to_owned(),
            "Begin it again when you like.".to_owned(),
        )
    }
}

/// All that are under way, by their storages' names.
#[derive(Debug, Default)]
pub(crate) struct SignIns(Mutex<BTreeMap<String, UnderWay>>);

#[derive(Debug)]
struct UnderWay {
    address: String,
    given_up: GivenUp,
}

impl SignIns {
    /// A person is to sign in to `storage` at `address`.
    pub(crate) fn begin(&self, storage: &str, address: &str, given_up: &GivenUp) {
        let under_way = UnderWay {
            address: address.to_owned(),
            given_up: given_up.clone(),
        };
        self.lock().insert(storage.to_owned(), under_way);
    }

    /// What the browser may open for `storage`: an address that nobody on the way can read or change (P19).
    pub(crate) fn address(&self, storage: &str) -> Option<String> {
        let address = self.lock().get(storage)?.address.clone();
        is_protected(&address).then_some(address)
    }

    /// Gives up the sign-in to `storage`.
    pub(crate) fn give_up(&self, storage: &str) {
        if let Some(under_way) = self.lock().remove(storage) {
            under_way.given_up.0.notify_one();
        }
    }

    /// It is over, one way or another.
    pub(crate) fn end(&self, given_up: &GivenUp) {
        self.lock()
            .retain(|_, under_way| !Arc::ptr_eq(&under_way.given_up.0, &given_up.0));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, UnderWay>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether an address is protected by TLS, or leads to this very computer.
fn is_protected(address: &str) -> bool {
    let Ok(url) = Url::parse(address) else {
        return false;
    };
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let is_here = host == "localhost" || address.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    url.scheme() == "https" || (url.scheme() == "http" && is_here)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_gives_one_up_ends_that_one_and_no_other() {
        let all = SignIns::default();
        let (attic, cloud) = (GivenUp::default(), GivenUp::default());
        all.begin("attic", "https://attic.example.org/login", &attic);
        all.begin("cloud", "https://cloud.example.org/login", &cloud);
        all.give_up("attic");
        let fault = attic.given_up().await.failure();
        assert_eq!(
            fault.message,
            "The sign-in was given up. Nothing was saved."
        );
        assert_eq!(all.address("attic"), None);
        assert_eq!(
            all.address("cloud").as_deref(),
            Some("https://cloud.example.org/login")
        );
        // What goes on without a person is not given up any more.
        all.end(&cloud);
        all.give_up("cloud");
        let waited = tokio::time::timeout(std::time::Duration::ZERO, cloud.given_up()).await;
        assert!(waited.is_err());
    }

    #[test]
    fn the_browser_opens_nothing_that_others_could_read_on_the_way() {
        for (address, opens) in [
            ("https://cloud.example.org/login/v2/flow/t", true),
            ("http://127.0.0.1:8080/login", true),
            ("http://[::1]/login", true),
            ("http://localhost/login", true),
            ("http://cloud.example.org/login", false),
            ("http://localhost.example.org/login", false),
            ("file:///etc/passwd", false),
            ("javascript:alert(1)", false),
            ("mailto:me@example.org", false),
            ("tandem://sign-in?code=x&state=y", false),
            ("no address", false),
        ] {
            assert_eq!(is_protected(address), opens, "{address}");
        }
    }
}
