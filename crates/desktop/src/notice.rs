//! What a person is told beside the window: decided from how the pairs were and how they are.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use tandem_service::answer::PairStatus;

use crate::bridge::{Page, Settings};

/// What may pass by itself is told once it has not for so long.
const PATIENCE: Duration = Duration::from_secs(180);
/// A server that does not answer, or a keyring that is locked, for so long.
const LONG_WAIT: Duration = Duration::from_secs(3600);
/// No network for so long: many computers have none for hours.
const LONGER_WAIT: Duration = Duration::from_secs(24 * 3600);

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
    /// A pair waits for what does not come.
    Waits,
    /// Files of a pair cannot be carried.
    LeftOut,
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
            Self::Stopped | Self::Repeated | Self::Waits | Self::LeftOut | Self::FirstSync => {
                Page::Overview
            }
        }
    }

    const fn is_wanted(self, settings: &Settings) -> bool {
        match self {
            Self::Held | Self::Conflict | Self::SignIn | Self::StorageFull => {
                settings.notify_needs_you
            }
            Self::Stopped | Self::Repeated | Self::Waits | Self::LeftOut => settings.notify_stopped,
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
    /// What on the page it is about: a pair, or a storage.
    pub(crate) about: String,
}

/// Remembers how the pairs were. Of what was so when the program started nobody is told again.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    before: Option<BTreeMap<String, PairStatus>>,
    troubles: BTreeMap<String, Trouble>,
    left_out: BTreeMap<String, LeftOut>,
}

/// What keeps a pair from going on, since it last could. It is tried again and again meanwhile.
#[derive(Debug)]
struct Trouble {
    since: Instant,
    /// Each is told once, also where they take turns.
    told: BTreeSet<Subject>,
}

/// Files of a pair that cannot be carried.
#[derive(Debug, Default)]
struct LeftOut {
    told: u64,
    /// Since when there are more than that.
    more_since: Option<Instant>,
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
        self.left_out.retain(|id, _| known.contains_key(id));
        let before = self.before.replace(known);
        let mut found: BTreeMap<Subject, Notice> = BTreeMap::new();
        for pair in pairs {
            let trouble = self.trouble(pair, now);
            let left_out = self.left_out(pair, before.is_none(), now);
            let Some(before) = &before else {
                continue;
            };
            let news = news(before.get(&pair.id), pair).into_iter();
            for subject in news.chain(trouble).chain(left_out) {
                if subject.is_wanted(settings) {
                    let fresh = || Notice {
                        subject,
                        pairs: Vec::new(),
                        about: about(subject, pair),
                    };
                    let notice = found.entry(subject).or_insert_with(fresh);
                    notice.pairs.push(pair.name.clone());
                }
            }
        }
        found.into_values().collect()
    }

    /// What of a pair's trouble is to be told.
    fn trouble(&mut self, pair: &PairStatus, now: Instant) -> Option<Subject> {
        let error = pair.error.as_ref();
        let waits = pair.state == "waiting" && error.is_some();
        if !waits && !matches!(pair.state.as_str(), "sign_in" | "stopped") {
            // What is looked at, carried or waited for may end in the same trouble.
            if !matches!(pair.state.as_str(), "looking" | "syncing" | "waiting") {
                self.troubles.remove(&pair.id);
            }
            return None;
        }
        let fresh = Trouble {
            since: now,
            told: BTreeSet::new(),
        };
        let trouble = self.troubles.entry(pair.id.clone()).or_insert(fresh);
        let may_pass = error.is_some_and(|error| error.kind == "transient");
        let (subject, patience) = match error.map_or("", |error| error.cause.as_str()) {
            "offline" if waits => (Subject::Waits, LONGER_WAIT),
            _ if waits => (Subject::Waits, LONG_WAIT),
            _ if pair.state == "sign_in" => (Subject::SignIn, Duration::ZERO),
            "quota" => (Subject::StorageFull, Duration::ZERO),
            _ if may_pass => (Subject::Repeated, PATIENCE),
            _ => (Subject::Stopped, Duration::ZERO),
        };
        let is_due = now >= trouble.since + patience;
        (is_due && trouble.told.insert(subject)).then_some(subject)
    }

    /// Whether it is to be told that more files of a pair than before cannot be carried.
    fn left_out(&mut self, pair: &PairStatus, is_start: bool, now: Instant) -> Option<Subject> {
        // While it is being looked at they are counted anew.
        if !matches!(pair.state.as_str(), "in_step" | "problems") {
            return None;
        }
        let known = self.left_out.entry(pair.id.clone()).or_default();
        if is_start || pair.problems <= known.told {
            *known = LeftOut {
                told: pair.problems,
                more_since: None,
            };
            return None;
        }
        let since = *known.more_since.get_or_insert(now);
        if now < since + PATIENCE {
            return None;
        }
        *known = LeftOut {
            told: pair.problems,
            more_since: None,
        };
        Some(Subject::LeftOut)
    }
}

/// What on its page a notice about this pair leads to.
fn about(subject: Subject, pair: &PairStatus) -> String {
    let storage = pair.error.as_ref().and_then(|error| error.storage.clone());
    match subject.page() {
        Page::Storages => storage.unwrap_or_default(),
        _ => pair.name.clone(),
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

    /// What is told at these seconds, of one pair.
    fn told_at(steps: Vec<(u64, PairStatus)>) -> Vec<(u64, Subject)> {
        let (mut notices, began) = (Notices::default(), Instant::now());
        let mut told = Vec::new();
        for (secs, pair) in steps {
            let now = began + Duration::from_secs(secs);
            let found = notices.of(&[pair], &Settings::default(), now);
            told.extend(found.into_iter().map(|notice| (secs, notice.subject)));
        }
        told
    }

    #[test]
    fn errors_that_take_turns_are_told_once_each() {
        let (denied, full) = (
            || in_trouble("permanent", "forbidden"),
            || in_trouble("permanent", "quota"),
        );
        let steps = [denied(), full(), denied(), full()].into_iter();
        let steps = (1_u64..).zip(steps);
        let calm = (0, pair("a", "in_step", |_| ()));
        assert_eq!(
            told_at(std::iter::once(calm).chain(steps).collect()),
            [(1, Subject::Stopped), (2, Subject::StorageFull)]
        );
    }

    #[test]
    fn what_does_not_come_is_told_after_an_hour_and_of_no_network_after_a_day() {
        let waits = |cause: &str| {
            let mut pair = in_trouble("transient", cause);
            pair.state = "waiting".to_owned();
            pair
        };
        let calm = || pair("a", "in_step", |_| ());
        let again = || pair("a", "looking", |_| ());
        let metered = || pair("a", "waiting", |_| ());
        const HOUR: u64 = 3600;
        let told = told_at(vec![
            (0, calm()),
            (10, waits("timeout")),
            (1000, again()),
            (HOUR, waits("timeout")),
            (HOUR + 10, waits("timeout")),
            (3 * HOUR, waits("timeout")),
        ]);
        assert_eq!(told, [(HOUR + 10, Subject::Waits)]);
        let told = told_at(vec![
            (0, calm()),
            (1, waits("offline")),
            (23 * HOUR, waits("offline")),
            (24 * HOUR + 1, waits("offline")),
        ]);
        assert_eq!(told, [(24 * HOUR + 1, Subject::Waits)]);
        // A person chose that it waits, or the pair has nothing to do.
        let told = told_at(vec![(0, calm()), (1, metered()), (48 * HOUR, metered())]);
        assert_eq!(told, []);
    }

    #[test]
    fn files_that_keep_failing_are_told_and_again_only_if_there_are_more() {
        let left_out = |n| pair("a", "problems", |p| p.problems = n);
        let told = told_at(vec![
            (0, left_out(2)),
            (10, left_out(5)),
            (20, pair("a", "looking", |p| p.problems = 0)),
            (189, left_out(5)),
            (190, left_out(5)),
            (900, left_out(5)),
            (901, left_out(6)),
            // It passed by itself.
            (902, left_out(5)),
            (2000, left_out(6)),
            (2100, left_out(6)),
            (2180, left_out(6)),
        ]);
        assert_eq!(told, [(190, Subject::LeftOut), (2180, Subject::LeftOut)]);
    }

    #[test]
    fn a_notice_leads_to_what_it_is_about() {
        let mut notices = Notices::default();
        let now = Instant::now();
        notices.of(&[pair("a", "in_step", |_| ())], &Settings::default(), now);
        let mut asks = in_trouble("auth", "auth_expired");
        asks.state = "sign_in".to_owned();
        asks.error.as_mut().unwrap().storage = Some("cloud".to_owned());
        asks.held = 1;
        let found = notices.of(&[asks], &Settings::default(), now);
        let about: Vec<_> = found
            .iter()
            .map(|notice| (notice.subject, notice.about.as_str()))
            .collect();
        assert_eq!(about, [(Subject::Held, "a"), (Subject::SignIn, "cloud")]);
    }
}
