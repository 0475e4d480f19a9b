//! What a person is told beside the window: decided from how the pairs were and how they are.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tandem_service::answer::PairStatus;

use crate::bridge::{Page, Settings};

/// What may pass by itself is told once it has not for so long.
const PATIENCE: Duration = Duration::from_secs(180);

/// What a notice is about. Pairs with the same are told together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Subject {
    /// A plan is held.
    Held,
    /// Both sides changed.
    Conflict,
    /// A storage asks for a new sign-in.
    SignIn,
    /// A storage is full.
    StorageFull,
    /// A pair stopped.
    Stopped,
    /// A pair meets errors that do not pass.
    Repeated,
    /// A first sync is finished.
    FirstSync,
}

impl Subject {
    /// Where clicking it leads.
    pub(crate) const fn page(self) -> Page {
        match self {
            Self::Held => Page::Held,
            Self::Conflict => Page::Conflicts,
            Self::SignIn | Self::StorageFull => Page::Storages,
            Self::Stopped | Self::Repeated | Self::FirstSync => Page::Overview,
        }
    }

    const fn is_wanted(self, settings: &Settings) -> bool {
        match self {
            Self::Held | Self::Conflict | Self::SignIn | Self::StorageFull => {
                settings.notify_needs_you
            }
            Self::Stopped | Self::Repeated => settings.notify_stopped,
            Self::FirstSync => settings.notify_first_sync,
        }
    }
}

/// One thing to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notice {
    /// What it is about.
    pub(crate) subject: Subject,
    /// The pairs concerned.
    pub(crate) pairs: Vec<String>,
}

/// Remembers how the pairs were. Of what was so when the program started nobody is told again.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    before: Option<BTreeMap<String, PairStatus>>,
    troubles: BTreeMap<String, Trouble>,
}

/// What keeps a pair from going on, since it last could. It is tried again and again meanwhile.
#[derive(Debug)]
struct Trouble {
    since: Instant,
    told: Option<Subject>,
}

impl Notices {
    /// What is to be told at `now`.
    pub(crate) fn of(
        &mut self,
        pairs: &[PairStatus],
        settings: &Settings,
        now: Instant,
    ) -> Vec<Notice> {
        let known: BTreeMap<_, _> = pairs
            .iter()
            .map(|pair| (pair.id.clone(), pair.clone()))
            .collect();
        self.troubles.retain(|id, _| known.contains_key(id));
        let before = self.before.replace(known);
        let mut found: BTreeMap<Subject, Vec<String>> = BTreeMap::new();
        for pair in pairs {
            let trouble = self.trouble(pair, now);
            let Some(before) = &before else {
                continue;
            };
            for subject in news(before.get(&pair.id), pair).into_iter().chain(trouble) {
                if subject.is_wanted(settings) {
                    found.entry(subject).or_default().push(pair.name.clone());
                }
            }
        }
        found
            .into_iter()
            .map(|(subject, pairs)| Notice { subject, pairs })
            .collect()
    }

    /// What of a pair's trouble is to be told.
    fn trouble(&mut self, pair: &PairStatus, now: Instant) -> Option<Subject> {
        if !matches!(pair.state.as_str(), "sign_in" | "stopped") {
            // What is looked at, carried or waited for may end in the same trouble.
            if !matches!(pair.state.as_str(), "looking" | "syncing" | "waiting") {
                self.troubles.remove(&pair.id);
            }
            return None;
        }
        let fresh = Trouble {
            since: now,
            told: None,
        };
        let trouble = self.troubles.entry(pair.id.clone()).or_insert(fresh);
        let error = pair.error.as_ref();
        let may_pass = error.is_some_and(|error| error.kind == "transient");
        let subject = match error.map_or("", |error| error.cause.as_str()) {
            _ if pair.state == "sign_in" => Subject::SignIn,
            "quota" => Subject::StorageFull,
            _ if may_pass => Subject::Repeated,
            _ => Subject::Stopped,
        };
        let waits = subject == Subject::Repeated && now < trouble.since + PATIENCE;
        if waits || trouble.told == Some(subject) {
            return None;
        }
        trouble.told = Some(subject);
        Some(subject)
    }
}

/// What is new with a pair.
fn news(before: Option<&PairStatus>, now: &PairStatus) -> Vec<Subject> {
    let mut found = Vec::new();
    if now.held > before.map_or(0, |pair| pair.held) {
        found.push(Subject::Held);
    }
    if now.conflicts > before.map_or(0, |pair| pair.conflicts) {
        found.push(Subject::Conflict);
    }
    if now.is_synced && before.is_none_or(|pair| !pair.is_synced) {
        found.push(Subject::FirstSync);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &str, state: &str, change: impl FnOnce(&mut PairStatus)) -> PairStatus {
        let mut pair: PairStatus = serde_json::from_value(serde_json::json!({
            "id": name, "name": name, "source": "", "destination": "", "state": state, "shown": "",
            "is_synced": true,
            "items": 0, "held": 0, "conflicts": 0, "problems": 0, "left_out": 0,
        }))
        .unwrap();
        change(&mut pair);
        pair
    }

    fn told(steps: &[Vec<PairStatus>], settings: &Settings) -> Vec<(Subject, usize)> {
        let (mut notices, now) = (Notices::default(), Instant::now());
        let found = steps
            .iter()
            .flat_map(|pairs| notices.of(pairs, settings, now));
        found
            .map(|notice| (notice.subject, notice.pairs.len()))
            .collect()
    }

    #[test]
    fn what_was_so_at_the_start_is_not_told_and_what_is_new_is_told_once() {
        let all = Settings::default();
        let held = || pair("a", "held", |p| p.held = 1);
        let calm = || pair("a", "in_step", |_| ());
        assert_eq!(told(&[vec![held()]], &all), []);
        assert_eq!(
            told(&[vec![calm()], vec![held()], vec![held()]], &all),
            [(Subject::Held, 1)]
        );
        let quiet = Settings {
            notify_needs_you: false,
            ..all
        };
        assert_eq!(told(&[vec![calm()], vec![held()]], &quiet), []);
    }

    #[test]
    fn pairs_with_the_same_news_are_told_together() {
        let calm = |name| pair(name, "in_step", |_| ());
        let conflict = |name| pair(name, "in_step", |p| p.conflicts = 2);
        let steps = [
            vec![calm("a"), calm("b")],
            vec![conflict("a"), conflict("b")],
        ];
        assert_eq!(told(&steps, &Settings::default()), [(Subject::Conflict, 2)]);
    }

    #[test]
    fn a_full_storage_is_told_as_that_and_a_first_sync_when_it_is_finished() {
        let stopped = in_trouble("permanent", "quota");
        let calm = pair("a", "in_step", |_| ());
        let first = pair("a", "looking", |p| p.is_synced = false);
        let again = pair("a", "paused", |p| p.looked = None);
        let steps = [
            vec![first],
            vec![calm.clone()],
            vec![again],
            vec![calm],
            vec![stopped],
        ];
        assert_eq!(
            told(&steps, &Settings::default()),
            [(Subject::FirstSync, 1), (Subject::StorageFull, 1)]
        );
    }

    fn in_trouble(kind: &str, cause: &str) -> PairStatus {
        pair("a", "stopped", |p| {
            p.error = serde_json::from_value(serde_json::json!({
                "kind": kind, "cause": cause, "operation": null, "storage": null, "path": null,
                "message": "", "next_step": "",
            }))
            .ok();
        })
    }

    #[test]
    fn what_is_tried_again_and_again_is_told_once_until_it_went_on() {
        let calm = || vec![pair("a", "in_step", |_| ())];
        let again = || vec![pair("a", "looking", |_| ())];
        let stopped = || vec![in_trouble("permanent", "access_denied")];
        let steps = [
            calm(),
            stopped(),
            again(),
            stopped(),
            again(),
            calm(),
            stopped(),
        ];
        assert_eq!(
            told(&steps, &Settings::default()),
            [(Subject::Stopped, 1), (Subject::Stopped, 1)]
        );
        // What was so at the start is known.
        assert_eq!(
            told(&[stopped(), again(), stopped()], &Settings::default()),
            []
        );
    }

    #[test]
    fn errors_that_may_pass_are_told_once_they_have_not_for_minutes() {
        let (mut notices, began) = (Notices::default(), Instant::now());
        let mut at = |pairs: Vec<PairStatus>, secs| {
            let now = began + Duration::from_secs(secs);
            let found = notices.of(&pairs, &Settings::default(), now);
            found
                .into_iter()
                .map(|notice| notice.subject)
                .collect::<Vec<_>>()
        };
        let server = || vec![in_trouble("transient", "server")];
        assert_eq!(at(vec![pair("a", "in_step", |_| ())], 0), []);
        assert_eq!(at(server(), 10), []);
        assert_eq!(at(vec![pair("a", "looking", |_| ())], 100), []);
        assert_eq!(at(server(), 101), []);
        assert_eq!(at(server(), 190), [Subject::Repeated]);
        assert_eq!(at(server(), 400), []);
        // It went on, and begins anew.
        assert_eq!(at(vec![pair("a", "in_step", |_| ())], 500), []);
        assert_eq!(at(server(), 600), []);
        assert_eq!(at(server(), 780), [Subject::Repeated]);
    }
}
