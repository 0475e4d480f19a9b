//! The way to the service: in this process if the profile is free, else through its owner.
//!
//! It is never given up: who owns the profile may end, a disk may get room, a keyring may come.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tandem_service::answer::Answer;
use tandem_service::credentials::{AskPassphrase, SecretError};
use tandem_service::fault::{Failure, Fault};
use tandem_service::logging;
use tandem_service::profile::Profile;
use tandem_service::redact::Redactor;
use tandem_service::request::Request;
use tandem_service::secret::SecretText;
use tandem_service::service::Service;
use tandem_service::session::Session;
#[cfg(unix)]
use tandem_service::socket::Client;
use tandem_service::update::Updates;
use tokio::sync::{Notify, watch};

/// Holds the passphrase of the encrypted file.
const PASSPHRASE: &str = "TANDEM_PASSPHRASE";
/// How soon it is tried again after the profile could not be opened.
const AGAIN: Duration = Duration::from_secs(5);

/// Where requests are answered at the moment.
#[derive(Debug, Clone)]
pub(crate) enum State {
    /// Nowhere yet.
    Opening,
    /// Here.
    Own(Service),
    /// By the process of this number.
    #[cfg(unix)]
    Other(Option<u32>),
    /// Nowhere: why.
    Closed(Box<Failure>),
    /// Nowhere any more.
    Ended,
}

/// The way to the service. Clones are the same way.
#[derive(Debug, Clone)]
pub(crate) struct Link(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    redactor: Redactor,
    state: watch::Sender<State>,
    lost: Notify,
    ending: watch::Sender<bool>,
}

impl Link {
    /// To the service over the profile in `folder`.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self(Arc::new(Inner {
            folder,
            redactor: Redactor::default(),
            state: watch::channel(State::Opening).0,
            lost: Notify::new(),
            ending: watch::channel(false).0,
        }))
    }

    /// The profile.
    ///
    /// # Errors
    /// What the system says of its folder.
    pub(crate) fn profile(&self) -> std::io::Result<Profile> {
        Profile::open(&self.0.folder)
    }

    /// Where the profile is, or should be.
    pub(crate) fn folder(&self) -> String {
        self.0.folder.display().to_string()
    }

    /// Hears where requests are answered.
    pub(crate) fn state(&self) -> watch::Receiver<State> {
        self.0.state.subscribe()
    }

    /// Has a request answered. While the profile is being opened, it waits.
    ///
    /// # Errors
    /// Why it was not done, in words.
    pub(crate) async fn call(&self, request: Request, updates: Updates) -> Result<Answer, Failure> {
        let mut states = self.state();
        let opened = states
            .wait_for(|state| !matches!(state, State::Opening))
            .await;
        let state = opened.map_or(State::Ended, |state| state.clone());
        match state {
            State::Own(service) => service.handle(request, updates).await,
            #[cfg(unix)]
            State::Other(owner) => self.ask_owner(owner, request, updates).await,
            State::Closed(failure) => Err(*failure),
            State::Opening | State::Ended => Err(Fault::OwnerGone.failure()),
        }
    }

    /// A connection for each request: one waits for its answer, and a page asks for several things at once.
    #[cfg(unix)]
    async fn ask_owner(
        &self,
        owner: Option<u32>,
        request: Request,
        updates: Updates,
    ) -> Result<Answer, Failure> {
        let gone = || Fault::Owned(owner).failure();
        let profile = self.profile().map_err(|_| gone())?;
        let mut client = Client::connect(&profile).await.map_err(|_| gone())?;
        client.call(&request, &updates).await
    }

    /// Somebody found that the owner answers no more.
    pub(crate) fn lost(&self) {
        self.0.lost.notify_one();
    }

    /// Keeps the way open until it is ended, and all pairs in step while the profile is ours.
    pub(crate) async fn keep(&self) {
        keep_trying(
            &self.0.state,
            AGAIN,
            || self.ending(),
            || {
                let link = self.clone();
                async move { link.open_and_use().await }
            },
        )
        .await;
    }

    /// Opens the profile and uses it for as long as that goes; true if it is to be the last time.
    async fn open_and_use(&self) -> bool {
        let inner = &self.0;
        let opened = Session::open(&inner.folder, passphrase(), &inner.redactor, |profile| {
            if let Err(error) = logging::start(Some(profile), &inner.redactor, false) {
                tracing::warn!(%error, "the log cannot be written");
            }
        });
        match opened.await {
            Ok(Session::Own(own)) => {
                let service = own.service().clone();
                inner.state.send_replace(State::Own(service.clone()));
                tokio::select! {
                    () = service.run() => {}
                    () = self.ending() => {}
                }
                own.close().await;
                true
            }
            #[cfg(unix)]
            Ok(Session::Other(_, owner)) => {
                inner.state.send_replace(State::Other(owner));
                tokio::select! {
                    () = inner.lost.notified() => {}
                    () = self.ending() => return true,
                }
                inner.state.send_replace(State::Opening);
                false
            }
            Err(fault) => {
                let failure = Box::new(fault.failure());
                inner.state.send_replace(State::Closed(failure));
                tokio::select! {
                    () = tokio::time::sleep(AGAIN) => false,
                    () = self.ending() => true,
                }
            }
        }
    }

    async fn ending(&self) {
        let mut ending = self.0.ending.subscribe();
        // An error means that nobody can end it any more.
        let _ = ending.wait_for(|ending| *ending).await;
    }

    /// Lets the profile go; what is under way is given up where that is safe.
    pub(crate) async fn end(&self) {
        self.0.ending.send_replace(true);
        let mut states = self.state();
        // An error means that nobody keeps it.
        let _ = states.wait_for(|state| matches!(state, State::Ended)).await;
    }
}

/// Does `work` until it says that it was the last time. If it breaks off by a mistake in the program that is said, and
/// after `pause` it is tried again: whoever asks gets an answer, and whoever ends the program does not wait for what is no more.
async fn keep_trying<Work, Ending>(
    state: &watch::Sender<State>,
    pause: Duration,
    ending: impl Fn() -> Ending,
    work: impl Fn() -> Work,
) where
    Work: Future<Output = bool> + Send + 'static,
    Ending: Future<Output = ()>,
{
    loop {
        match tokio::spawn(work()).await {
            Ok(true) => break,
            Ok(false) => {}
            Err(error) => {
                tracing::error!(%error, "the sync engine broke off");
                let failure = Box::new(Fault::EngineBroken.failure());
                state.send_replace(State::Closed(failure));
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = ending() => break,
                }
            }
        }
    }
    state.send_replace(State::Ended);
}

/// A window has no prompt for it: it comes from the environment, or what needs it waits.
fn passphrase() -> AskPassphrase {
    Arc::new(|_| {
        std::env::var(PASSPHRASE)
            .map(SecretText::new)
            .map_err(|_| SecretError::NoPassphrase)
    })
}

#[cfg(test)]
#[allow(clippy::panic, reason = "a mistake is what is played")]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_mistake_is_said_and_tried_again_and_nobody_waits_for_it_at_the_end() {
        let (state, mut states) = watch::channel(State::Opening);
        let tries = Arc::new(AtomicUsize::new(0));
        let work = {
            let tries = Arc::clone(&tries);
            move || {
                let tries = Arc::clone(&tries);
                async move {
                    tries.fetch_add(1, Ordering::Relaxed);
                    panic!("impossible");
                }
            }
        };
        let (ending, end) = watch::channel(false);
        let keeping = tokio::spawn(async move {
            let ended = || {
                let mut end = end.clone();
                async move { drop(end.wait_for(|end| *end).await) }
            };
            keep_trying(&state, Duration::from_millis(1), ended, work).await;
        });
        let is_closed = |state: &State| matches!(state, State::Closed(_));
        let closed = states.wait_for(is_closed).await.unwrap().clone();
        let State::Closed(failure) = closed else {
            unreachable!("it was waited for")
        };
        assert_eq!(failure.cause, "internal");
        while tries.load(Ordering::Relaxed) < 3 {
            tokio::task::yield_now().await;
        }
        ending.send_replace(true);
        keeping.await.unwrap();
        assert!(matches!(*states.borrow(), State::Ended));
    }
}
