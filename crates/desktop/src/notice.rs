//! What a person is told beside the window: decided from how the pairs were and how they are.

use std::collections::BTreeMap;

use tandem_service::answer::PairStatus;

use crate::bridge::{Page, Settings};

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
            Self::Stopped | Self::FirstSync => Page::Overview,
        }
    }

    const fn is_wanted(self, settings: &Settings) -> bool {
        match self {
            Self::Held | Self::Conflict | Self::SignIn | Self::StorageFull => {
                settings.notify_needs_you
            }
            Self::Stopped => settings.notify_stopped,
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
}

impl Notices {
    /// What is to be told now.
    pub(crate) fn of(&mut self, pairs: &[PairStatus], settings: &Settings) -> Vec<Notice> {
        let known: BTreeMap<_, _> = pairs
            .iter()
            .map(|pair| (pair.id.clone(), pair.clone()))
            .collect();
        let Some(before) = self.before.replace(known) else {
            return Vec::new();
        };
        let mut found: BTreeMap<Subject, Vec<String>> = BTreeMap::new();
        for pair in pairs {
            for subject in news(before.get(&pair.id), pair) {
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
}

/// What is new with a pair.
fn news(before: Option<&PairStatus>, now: &PairStatus) -> Vec<Subject> {
    let was = |state: &str| before.is_some_and(|pair| pair.state == state);
    let began = |state: &str| now.state == state && !was(state);
    let cause = now.error.as_ref().map(|error| error.cause.as_str());
    let mut found = Vec::new();
    if now.held > before.map_or(0, |pair| pair.held) {
        found.push(Subject::Held);
    }
    if now.conflicts > before.map_or(0, |pair| pair.conflicts) {
        found.push(Subject::Conflict);
    }
    if began("sign_in") {
        found.push(Subject::SignIn);
    }
    if began("stopped") {
        found.push(if cause == Some("quota") {
            Subject::StorageFull
        } else {
            Subject::Stopped
        });
    }
    if now.looked.is_some() && before.is_none_or(|pair| pair.looked.is_none()) {
        // Only of a first one is it unknown when everything was looked at last.
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
            "looked": "2026-11-20T14:02:05Z",
            "items": 0, "held": 0, "conflicts": 0, "problems": 0, "left_out": 0,
        }))
        .unwrap();
        change(&mut pair);
        pair
    }

    fn told(steps: &[Vec<PairStatus>], settings: &Settings) -> Vec<(Subject, usize)> {
        let mut notices = Notices::default();
        let found = steps.iter().flat_map(|pairs| notices.of(pairs, settings));
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
        let stopped = pair("a", "stopped", |p| {
            p.error = serde_json::from_value(serde_json::json!({
                "kind": "permanent", "cause": "quota", "operation": null, "storage": null, "path": null,
                "message": "", "next_step": "",
            }))
            .ok();
        });
        let calm = pair("a", "in_step", |_| ());
        let first = pair("a", "looking", |p| p.looked = None);
        let steps = [vec![first], vec![calm], vec![stopped]];
        assert_eq!(
            told(&steps, &Settings::default()),
            [(Subject::FirstSync, 1), (Subject::StorageFull, 1)]
        );
    }
}
