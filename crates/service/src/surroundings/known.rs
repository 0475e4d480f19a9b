//! What was told last, and what comes of it for each pair.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::StreamExt;

use super::{Hindrance, Surroundings, Teller};
use crate::config::{Config, PairRecord};
use crate::environment::now;
use crate::location::LOCAL;
use crate::service::Service;
use crate::state::{PairState, WaitsFor};

/// The surroundings as they were told last.
pub(crate) struct Known {
    teller: Arc<dyn Teller>,
    last: Mutex<Surroundings>,
}

impl Known {
    /// Nothing yet, by `teller`.
    pub(crate) fn new(teller: Arc<dyn Teller>) -> Self {
        Self {
            teller,
            last: Mutex::default(),
        }
    }

    fn last(&self) -> MutexGuard<'_, Surroundings> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service {
    /// Hears how the computer is connected and powered, as long as a person wants anything to depend on it. Ends only
    /// by being dropped.
    pub(crate) async fn hear_surroundings(&self) {
        let mut changed = self.0.changed.subscribe();
        loop {
            if !self.config().settings.pause.is_any() {
                self.note(Surroundings::default());
                // An error means that the service is gone, and this with it.
                let _ = changed.changed().await;
                continue;
            }
            let mut told = self.0.surroundings.teller.tell();
            while self.config().settings.pause.is_any() {
                tokio::select! {
                    now = told.next() => self.note(now.unwrap_or_default()),
                    _ = changed.changed() => {}
                }
            }
        }
    }

    /// Looks how the computer is connected and powered now, unless that is heard anyway or nothing depends on it.
    pub(crate) async fn look_around(&self) {
        let is_heard = self.0.running.load(Ordering::Relaxed);
        if !is_heard && self.config().settings.pause.is_any() {
            let now = self.0.surroundings.teller.tell().next().await;
            self.note(now.unwrap_or_default());
        }
    }

    /// Pairs are told if that is news. What a person let them go on in spite of is forgotten once it is over.
    fn note(&self, now: Surroundings) {
        let is_news = std::mem::replace(&mut *self.0.surroundings.last(), now) != now;
        let config = self.config();
        let is_over = |pair: &PairRecord| {
            let stands = hindrances(&config, pair, now);
            pair.despite.iter().any(|h| !stands.contains(h))
        };
        if config.pairs.iter().any(is_over) {
            let forgotten = self.change(|config| {
                let stand: Vec<_> = config
                    .pairs
                    .iter()
                    .map(|p| hindrances(config, p, now))
                    .collect();
                for (pair, stand) in config.pairs.iter_mut().zip(stand) {
                    pair.despite.retain(|hindrance| stand.contains(hindrance));
                }
                Ok(())
            });
            if let Err(fault) = forgotten {
                tracing::warn!(cause = fault.cause(), "what is over could not be noted");
            }
        }
        if is_news {
            tracing::info!(
                is_metered = now.is_metered,
                battery = now.battery,
                "surroundings changed"
            );
            self.0.changed.send_modify(|n| *n += 1);
        }
    }

    /// All that stands against a pair at the moment, whether or not it goes on in spite of it.
    pub(crate) fn hindrances(&self, pair: &PairRecord) -> Vec<Hindrance> {
        let now = *self.0.surroundings.last();
        hindrances(&self.config(), pair, now)
    }

    /// The state of a pair that a person or its surroundings keep from being worked on, if they do.
    pub(crate) fn rest_of(&self, pair: &PairRecord) -> Option<PairState> {
        if pair.unstarted {
            return Some(PairState::Waiting(WaitsFor::Start));
        }
        if let Some(until) = pair.paused_at(now()) {
            return Some(PairState::Paused(until));
        }
        self.hindrance(pair)
            .map(|found| PairState::Waiting(self.config().settings.pause.waits_for(found)))
    }

    /// What a pair waits for the end of.
    pub(crate) fn hindrance(&self, pair: &PairRecord) -> Option<Hindrance> {
        let mut stand = self.hindrances(pair).into_iter();
        stand.find(|hindrance| !pair.despite.contains(hindrance))
    }
}

fn hindrances(config: &Config, pair: &PairRecord, now: Surroundings) -> Vec<Hindrance> {
    let is_remote = |id: &str| {
        let storage = config.storages.iter().find(|s| s.id == id);
        id != LOCAL && storage.is_none_or(|s| s.type_name != LOCAL)
    };
    let uses_network = is_remote(&pair.source.storage) || is_remote(&pair.destination.storage);
    config.settings.pause.hindrances(now, uses_network)
}
