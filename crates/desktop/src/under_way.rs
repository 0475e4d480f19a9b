//! Requests of the window that a person can cancel, while they are under way: adding, changing and signing in.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tandem_service::fault::Fault;
use tauri::Url;
use tokio::sync::Notify;

/// All of them, by the numbers that the page gave them. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct UnderWay(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    begun: BTreeMap<u32, Arc<Cancellable>>,
    /// Those that were cancelled before they came.
    early: BTreeSet<u32>,
}

#[derive(Debug, Default)]
struct Cancellable {
    cancelled: Notify,
    /// Where a person signs in for it at the moment.
    address: Mutex<Option<String>>,
}

/// A request that was begun, until it is dropped.
#[derive(Debug)]
pub(crate) struct Begun {
    all: UnderWay,
    number: u32,
    request: Arc<Cancellable>,
}

impl UnderWay {
    /// A request begins.
    pub(crate) fn begin(&self, number: u32) -> Begun {
        let request = Arc::<Cancellable>::default();
        let mut known = self.lock();
        if known.early.remove(&number) {
            request.cancelled.notify_one();
        }
        known.begun.insert(number, Arc::clone(&request));
        Begun {
            all: self.clone(),
            number,
            request,
        }
    }

    /// Cancels a request; if it is not there yet, as soon as it comes.
    pub(crate) fn cancel(&self, number: u32) {
        let mut known = self.lock();
        match known.begun.get(&number) {
            Some(request) => request.cancelled.notify_one(),
            None => _ = known.early.insert(number),
        }
    }

    /// Cancels all: there is no window any more that asked for them. The next one counts anew.
    pub(crate) fn cancel_all(&self) {
        let known = std::mem::take(&mut *self.lock());
        for request in known.begun.values() {
            request.cancelled.notify_one();
        }
    }

    /// What the browser may open for a request: an address that nobody on the way can read or change (P19).
    pub(crate) fn address(&self, number: u32) -> Option<String> {
        let request = Arc::clone(self.lock().begun.get(&number)?);
        let address = request.address().clone()?;
        is_protected(&address).then_some(address)
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Cancellable {
    fn address(&self) -> MutexGuard<'_, Option<String>> {
        self.address.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Begun {
    /// Its number.
    pub(crate) const fn number(&self) -> u32 {
        self.number
    }

    /// A person is to sign in for it there; or need not any more.
    pub(crate) fn set_address(&self, address: Option<String>) {
        *self.request.address() = address;
    }

    /// Waits until it is cancelled; says so then.
    pub(crate) async fn cancelled(&self) -> Fault {
        self.request.cancelled.notified().await;
        if self.request.address().is_some() {
            return Fault::Usage(
                "The sign-in was given up. Nothing was saved.".to_owned(),
                "Begin it again when you like.".to_owned(),
            );
        }
        Fault::Usage(
            "This was cancelled.".to_owned(),
            "The page Storages shows what is there.".to_owned(),
        )
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let mut known = self.all.lock();
        let is_this = |found: &Arc<Cancellable>| Arc::ptr_eq(found, &self.request);
        if known.begun.get(&self.number).is_some_and(is_this) {
            known.begun.remove(&self.number);
        }
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

    const ATTIC: &str = "https://attic.example.org/login";

    /// What is said of a request that was cancelled; nothing of one that was not.
    async fn said(begun: &Begun) -> Option<String> {
        let waited = tokio::time::timeout(std::time::Duration::ZERO, begun.cancelled()).await;
        waited.ok().map(|fault| fault.failure().message)
    }

    #[tokio::test]
    async fn who_cancels_one_ends_that_one_and_no_other() {
        let all = UnderWay::default();
        let (attic, cloud) = (all.begin(1), all.begin(2));
        attic.set_address(Some(ATTIC.to_owned()));
        assert_eq!(all.address(1).as_deref(), Some(ATTIC));
        all.cancel(1);
        let given_up = "The sign-in was given up. Nothing was saved.";
        assert_eq!(said(&attic).await.as_deref(), Some(given_up));
        assert_eq!(said(&cloud).await, None);
        drop(attic);
        assert_eq!(all.address(1), None);
    }

    #[tokio::test]
    async fn what_is_not_signed_in_to_yet_or_any_more_can_be_cancelled_too() {
        let all = UnderWay::default();
        let begun = all.begin(1);
        all.cancel(1);
        assert_eq!(said(&begun).await.as_deref(), Some("This was cancelled."));
        // The page's calls are answered beside each other: cancelling may come first.
        all.cancel(2);
        assert!(said(&all.begin(2)).await.is_some());
    }

    #[tokio::test]
    async fn nothing_goes_on_for_a_window_that_is_gone_and_the_next_one_counts_anew() {
        let all = UnderWay::default();
        let old = all.begin(1);
        all.cancel(7);
        all.cancel_all();
        assert!(said(&old).await.is_some());
        let (first, seventh) = (all.begin(1), all.begin(7));
        drop(old);
        first.set_address(Some(ATTIC.to_owned()));
        assert_eq!(all.address(1).as_deref(), Some(ATTIC));
        assert_eq!((said(&first).await, said(&seventh).await), (None, None));
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
