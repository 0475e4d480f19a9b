//! What the shell knows at the moment, and whom it tells: tray, window, notifications.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tandem_service::answer::{Answer, LogView, PairStatus};
use tandem_service::fault::{Failure, Fault};
use tandem_service::request::Request;
use tandem_service::secret::SecretText;
use tandem_service::update::Update;
use tandem_service::words;
use tauri::AppHandle;
use tauri_plugin_opener::OpenerExt;
use tokio::sync::mpsc;

use crate::bridge::{Event, Overview, Settings, SignInAt, TestStep};
use crate::link::Link;
use crate::notice::Notices;
use crate::texts::Texts;
use crate::under_way::{Begun, UnderWay};
use crate::{notify, tray, window};

/// As many files as the tray lists.
const RECENT: usize = 10;
/// How many updates of one request wait.
const UPDATES: usize = 64;

/// The shell's present. Clones are the same.
#[derive(Clone)]
pub(crate) struct Desk(Arc<Inner>);

struct Inner {
    app: AppHandle,
    link: Link,
    under_way: UnderWay,
    now: Mutex<Now>,
}

struct Now {
    overview: Overview,
    recent: VecDeque<LogView>,
    settings: Settings,
    notices: Notices,
    told_of_tray: bool,
}

impl Desk {
    /// Knows nothing of the pairs yet.
    pub(crate) fn new(app: AppHandle, link: Link, settings: Settings) -> Self {
        let now = Mutex::new(Now {
            overview: Overview::default(),
            recent: VecDeque::new(),
            settings,
            notices: Notices::default(),
            told_of_tray: false,
        });
        Self(Arc::new(Inner {
            app,
            link,
            under_way: UnderWay::default(),
            now,
        }))
    }

    /// The application.
    pub(crate) fn app(&self) -> &AppHandle {
        &self.0.app
    }

    /// The way to the service.
    pub(crate) fn link(&self) -> &Link {
        &self.0.link
    }

    /// How the pairs are, as far as is known.
    pub(crate) fn overview(&self) -> Overview {
        self.lock().overview.clone()
    }

    /// What was carried last, newest first.
    pub(crate) fn recent(&self) -> Vec<LogView> {
        self.lock().recent.iter().cloned().collect()
    }

    /// What a person chose.
    pub(crate) fn settings(&self) -> Settings {
        self.lock().settings.clone()
    }

    /// The texts in the language chosen.
    pub(crate) fn texts(&self) -> Texts {
        Texts::of(self.lock().settings.language)
    }

    /// Takes other settings over.
    pub(crate) fn set_settings(&self, settings: Settings) {
        self.lock().settings = settings;
        tray::show(self);
    }

    /// The pairs are so now.
    pub(crate) fn set_pairs(&self, mut pairs: Vec<PairStatus>) {
        for failure in pairs.iter_mut().filter_map(|pair| pair.error.as_mut()) {
            failure.for_window();
        }
        self.tell_news(&pairs);
        self.change(|overview| {
            overview.heading = words::heading(&pairs);
            overview.pairs = pairs;
            overview.failure = None;
            overview.is_known = true;
        });
    }

    /// Time has passed: what was to be told only if it lasts may be told now.
    pub(crate) fn tell_what_lasts(&self) {
        let Overview {
            pairs,
            failure,
            is_known,
            ..
        } = self.overview();
        if is_known && failure.is_none() {
            self.tell_news(&pairs);
        }
    }

    fn tell_news(&self, pairs: &[PairStatus]) {
        let notices = {
            let mut now = self.lock();
            let Now {
                notices, settings, ..
            } = &mut *now;
            notices.of(pairs, settings, Instant::now())
        };
        for notice in notices {
            notify::show(self, notice);
        }
    }

    /// The pairs are kept in step by this other process, or by this one.
    pub(crate) fn set_owner(&self, owner: Option<u32>) {
        self.change(|overview| {
            overview.owner = owner;
            overview.failure = None;
        });
    }

    /// Nothing can be said of the pairs.
    pub(crate) fn set_failure(&self, mut failure: Failure) {
        failure.for_window();
        self.change(|overview| {
            overview.heading.clone_from(&failure.message);
            overview.failure = Some(failure);
        });
    }

    fn change(&self, change: impl FnOnce(&mut Overview)) {
        let changed = {
            let mut now = self.lock();
            let before = now.overview.clone();
            change(&mut now.overview);
            (before != now.overview).then(|| now.overview.clone())
        };
        if let Some(overview) = changed {
            tray::show(self);
            window::tell(Event::Overview(overview));
        }
    }

    /// These actions ended, in this order.
    pub(crate) fn add_actions(&self, actions: Vec<LogView>) {
        {
            let mut now = self.lock();
            for action in actions.iter().filter(|line| tray::is_recent(line)) {
                now.recent.push_front(action.clone());
            }
            now.recent.truncate(RECENT);
        }
        tray::show(self);
        window::tell(Event::Actions(actions));
    }

    /// Has a request answered; steps of a test are told to the window meanwhile.
    ///
    /// # Errors
    /// Why it was not done, in words.
    pub(crate) async fn call(&self, request: Request) -> Result<Answer, Failure> {
        self.ask(request, None).await
    }

    /// The same for a request that the window may cancel by its number.
    ///
    /// # Errors
    /// Why it was not done, in words; also that it was cancelled.
    pub(crate) async fn call_as(&self, number: u32, request: Request) -> Result<Answer, Failure> {
        let begun = self.under_way().begin(number);
        tokio::select! {
            answer = self.ask(request, Some(&begun)) => answer,
            fault = begun.cancelled() => Err(fault.failure()),
        }
    }

    async fn ask(&self, request: Request, begun: Option<&Begun>) -> Result<Answer, Failure> {
        let (updates, mut told) = mpsc::channel(UPDATES);
        let telling = async {
            while let Some(update) = told.recv().await {
                self.tell(update, begun);
            }
        };
        let mut answer = tokio::join!(self.0.link.call(request, updates), telling).0?;
        answer.for_window();
        match answer {
            // The pairs that could not be asked say so on their own cards.
            Answer::Partial(answer, _) => Ok(*answer),
            answer => Ok(answer),
        }
    }

    fn tell(&self, update: Update, begun: Option<&Begun>) {
        match (update, begun) {
            (Update::Step { storage, step }, begun) => {
                // What was signed in to is being tested.
                if let Some(begun) = begun {
                    begun.set_address(None);
                }
                let request = begun.map(Begun::number);
                window::tell(Event::Step(TestStep {
                    request,
                    storage,
                    step,
                }));
            }
            (Update::SignIn { storage, address }, Some(begun)) => {
                let request = begun.number();
                begun.set_address(Some(address.clone()));
                let is_open = self.open_in_browser(request);
                window::tell(Event::SignIn(SignInAt {
                    request,
                    storage,
                    address,
                    is_open,
                }));
            }
            _ => {}
        }
    }

    /// What the window can cancel.
    pub(crate) fn under_way(&self) -> &UnderWay {
        &self.0.under_way
    }

    /// Has the browser open where a person is to sign in for a request; whether it was asked to.
    pub(crate) fn open_in_browser(&self, request: u32) -> bool {
        let Some(address) = self.under_way().address(request) else {
            return false;
        };
        let opened = self.0.app.opener().open_url(address, None::<&str>);
        if let Err(error) = &opened {
            tracing::warn!(%error, "the browser could not be opened");
        }
        opened.is_ok()
    }

    /// Takes what a link brings. What became of it is told by a notification, and in the window.
    pub(crate) async fn follow_link(&self, link: SecretText) {
        let sentence = match self.call(Request::SignInLink { link }).await {
            Ok(Answer::Done(sentence)) => sentence,
            Ok(_) => unexpected().message,
            Err(mut failure) => {
                failure.for_window();
                format!("{} {}", failure.message, failure.next_step)
            }
        };
        notify::link(self, sentence.clone());
        window::tell(Event::Said(sentence));
    }

    /// The window was closed. Where there may be no tray, a person is told once that syncing goes on.
    pub(crate) fn window_closed(&self) {
        if self.lock().told_of_tray {
            return;
        }
        let desk = self.clone();
        tauri::async_runtime::spawn(async move {
            // A tray that is there may be gone at the next time.
            if !tray::is_hosted().await && !std::mem::replace(&mut desk.lock().told_of_tray, true) {
                notify::goes_on(&desk);
            }
        });
    }

    /// Ends the program once the profile is let go.
    pub(crate) async fn quit(&self) {
        self.0.link.end().await;
        self.0.app.exit(0);
    }

    fn lock(&self) -> MutexGuard<'_, Now> {
        self.0.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The service answered something else than was asked for: another version of it, behind the socket.
pub(crate) fn unexpected() -> Failure {
    Fault::Protocol("another answer than was asked for".to_owned()).failure()
}
