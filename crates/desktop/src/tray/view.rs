//! What the tray shows: made from how the pairs are, compared before it is drawn.

use tandem_engine::report::{ActionKind, Outcome};
use tandem_service::answer::{LogView, PairStatus};

use crate::bridge::{Overview, Panel};
use crate::texts::Texts;

/// One of five icons (DESIGN 7 and 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Icon {
    /// Nothing to do.
    Idle,
    /// At work.
    Syncing,
    /// All are paused.
    Paused,
    /// A person must decide.
    NeedsYou,
    /// A pair stopped.
    Error,
}

/// A line that stands for something to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// What it stands for.
    pub(super) id: String,
    /// What is read.
    pub(super) text: String,
}

/// The tray's icon and menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TrayView {
    pub(super) icon: Icon,
    pub(super) panel: Panel,
    pub(super) heading: String,
    pub(super) pairs: Vec<Line>,
    pub(super) recent: Vec<Line>,
    /// Whether there is a pair that can be paused.
    pub(super) can_pause: bool,
    /// Whether there is one that can be resumed.
    pub(super) can_resume: bool,
    pub(super) conflicts: Option<Line>,
    pub(super) held: Option<Line>,
    /// What opens the window.
    pub(super) open: Line,
}

impl TrayView {
    /// Of these pairs and these actions, newest first.
    pub(super) fn new(overview: &Overview, recent: &[LogView], panel: Panel, texts: Texts) -> Self {
        let pairs = &overview.pairs;
        let is_paused = |pair: &PairStatus| pair.state == "paused";
        Self {
            icon: icon(overview),
            panel,
            heading: if overview.heading.is_empty() {
                texts.get("tray.starting")
            } else {
                overview.heading.clone()
            },
            pairs: pairs.iter().map(|pair| pair_line(pair, texts)).collect(),
            recent: recent.iter().map(recent_line).collect(),
            can_pause: pairs.iter().any(|pair| !is_paused(pair)),
            can_resume: pairs.iter().any(|pair| is_paused(pair) || pair.can_go_on),
            conflicts: counted("conflicts", pairs.iter().map(|pair| pair.conflicts), texts),
            held: counted("held", pairs.iter().map(|pair| pair.held), texts),
            open: Line {
                id: "open".to_owned(),
                text: texts.get("tray.open"),
            },
        }
    }

    /// Whether the menus differ in words alone, of lines that stay. A menu that a person has open is then not closed.
    pub(super) fn has_lines_of(&self, other: &Self) -> bool {
        let ids = |view: &Self| {
            view.changing()
                .map(|line| line.id.clone())
                .collect::<Vec<_>>()
        };
        ids(self) == ids(other)
            && self.recent == other.recent
            && (self.can_pause, self.can_resume) == (other.can_pause, other.can_resume)
            // All other words are those of a language.
            && self.open == other.open
    }

    /// Lines whose words change, beside the heading.
    pub(super) fn changing(&self) -> impl Iterator<Item = &Line> {
        self.pairs.iter().chain(&self.conflicts).chain(&self.held)
    }
}

fn counted(id: &str, counts: impl Iterator<Item = u64>, texts: Texts) -> Option<Line> {
    let count: u64 = counts.sum();
    (count > 0).then(|| Line {
        id: id.to_owned(),
        text: texts.fill(&format!("tray.{id}"), &[("n", &count.to_string())]),
    })
}

/// Whether a line of the journal is of a file that is there to be shown.
pub(crate) fn is_recent(line: &LogView) -> bool {
    use ActionKind::{Create, Move, Replace, Restore, SetMeta};
    let kind = line.action.kind;
    line.outcome == Outcome::Done && matches!(kind, Create | Move | Replace | Restore | SetMeta)
}

/// The pair and the path that a line of the recent files stands for.
pub(super) fn place_of(id: &str) -> Option<(&str, &str)> {
    id.split_once('/')
}

fn icon(overview: &Overview) -> Icon {
    let is = |states: &[&str]| {
        overview
            .pairs
            .iter()
            .any(|pair| states.contains(&pair.state.as_str()))
    };
    if is(&["held", "sign_in"]) {
        Icon::NeedsYou
    } else if overview.failure.is_some() || is(&["stopped"]) {
        Icon::Error
    } else if is(&["looking", "syncing"]) {
        Icon::Syncing
    } else if !overview.pairs.is_empty() && overview.pairs.iter().all(|pair| pair.state == "paused")
    {
        Icon::Paused
    } else {
        Icon::Idle
    }
}

fn pair_line(pair: &PairStatus, texts: Texts) -> Line {
    let values = [("pair", pair.name.as_str()), ("state", pair.shown.as_str())];
    Line {
        id: format!("pair:{}", pair.name),
        text: texts.fill("tray.pair", &values),
    }
}

/// Menus take an ampersand for a key to press, and are no place for control characters.
fn recent_line(line: &LogView) -> Line {
    let path = line.action.to.as_ref().unwrap_or(&line.action.path);
    let name = path.rsplit('/').next().unwrap_or(path);
    let shown: String = name.chars().filter(|c| !c.is_control()).collect();
    Line {
        // Names of pairs have no slash. What is pressed is what was read, whatever was carried since.
        id: format!("recent:{}/{path}", line.pair),
        text: shown.replace('&', "&&"),
    }
}

#[cfg(test)]
mod tests {
    use tandem_service::answer::ActionView;

    use super::*;
    use crate::bridge::Language;

    fn overview(states: &[&str]) -> Overview {
        let pair = |(at, state): (usize, &&str)| {
            serde_json::from_value(serde_json::json!({
                "id": at.to_string(), "name": format!("pair-{at}"), "source": "", "destination": "",
                "state": state, "shown": "In step",
                "items": 0, "held": 0, "conflicts": 1, "problems": 0, "left_out": 0,
            }))
            .unwrap()
        };
        Overview {
            pairs: states.iter().enumerate().map(pair).collect(),
            ..Overview::default()
        }
    }

    #[test]
    fn the_icon_is_the_state_that_matters_most() {
        for (states, expected) in [
            (&[][..], Icon::Idle),
            (&["in_step", "problems", "waiting"], Icon::Idle),
            (&["paused", "in_step"], Icon::Idle),
            (&["paused", "paused"], Icon::Paused),
            (&["in_step", "looking"], Icon::Syncing),
            (&["syncing", "stopped"], Icon::Error),
            (&["stopped", "held"], Icon::NeedsYou),
            (&["sign_in"], Icon::NeedsYou),
        ] {
            assert_eq!(icon(&overview(states)), expected, "{states:?}");
        }
    }

    #[test]
    fn what_waits_for_another_connection_can_be_resumed() {
        let mut waiting = overview(&["waiting", "in_step"]);
        let can_resume = |now: &Overview| {
            let view = TrayView::new(now, &[], Panel::Dark, Texts::of(Language::En));
            (view.can_resume, view.can_pause)
        };
        assert_eq!(can_resume(&waiting), (false, true));
        waiting.pairs[0].can_go_on = true;
        assert_eq!(can_resume(&waiting), (true, true));
    }

    #[test]
    fn each_pair_has_a_line_and_counts_are_summed() {
        let view = TrayView::new(
            &overview(&["in_step", "paused"]),
            &[],
            Panel::Dark,
            Texts::of(Language::En),
        );
        assert_eq!(view.pairs[0].text, "pair-0: In step");
        assert_eq!(view.conflicts.unwrap().text, "Conflicts (2)");
        assert_eq!(view.held, None);
        assert!(view.can_pause && view.can_resume);
    }

    #[test]
    fn a_hostile_name_is_text_in_the_menu() {
        let line: LogView = serde_json::from_value(serde_json::json!({
            "id": "a:1", "run": "a:1", "pair": "a", "at": "2026-11-20T14:02:05Z", "kind": "create",
            "side": "source", "path": "x/<b>&\u{7}y", "bytes": 0, "why": "", "reason": "",
            "outcome": "done", "undoable": true,
        }))
        .unwrap();
        assert_eq!(recent_line(&line).text, "<b>&&y");
    }

    fn line(kind: &str, outcome: &str, path: &str) -> LogView {
        serde_json::from_value(serde_json::json!({
            "id": "a:1", "run": "a:1", "pair": "a", "at": "2026-11-20T14:02:05Z", "kind": kind,
            "side": "source", "path": path, "bytes": 0, "why": "", "reason": "",
            "outcome": outcome, "undoable": true,
        }))
        .unwrap()
    }

    #[test]
    fn a_recent_file_is_what_was_read_whatever_was_carried_since() {
        let moved = |path: &str| LogView {
            action: ActionView {
                to: Some("new/b: c.txt".to_owned()),
                ..line("move", "done", path).action
            },
            ..line("move", "done", path)
        };
        let id = recent_line(&moved("old/a.txt")).id;
        let (what, of) = id.split_once(':').unwrap();
        assert_eq!(what, "recent");
        assert_eq!(place_of(of), Some(("a", "new/b: c.txt")));
    }

    #[test]
    fn what_is_gone_or_was_not_done_is_no_recent_file() {
        for (kind, outcome, expected) in [
            ("create", "done", true),
            ("create", "failed", false),
            ("create", "lost_race", false),
            ("delete", "done", false),
        ] {
            let found = is_recent(&line(kind, outcome, "a.txt"));
            assert_eq!(found, expected, "{kind} {outcome}");
        }
    }

    #[test]
    fn a_percent_changes_words_and_no_lines() {
        let english = Texts::of(Language::En);
        let view = |shown: &str, recent: &[LogView], texts| {
            let mut now = overview(&["syncing", "in_step"]);
            now.pairs[0].shown = shown.to_owned();
            TrayView::new(&now, recent, Panel::Dark, texts)
        };
        let before = view("Syncing, 1%", &[], english);
        let after = view("Syncing, 2%", &[], english);
        assert!(before != after && after.has_lines_of(&before));
        let carried = view("Syncing, 2%", &[line("create", "done", "a.txt")], english);
        assert!(!carried.has_lines_of(&after));
        assert!(!view("Syncing, 1%", &[], Texts::of(Language::De)).has_lines_of(&before));
        let fewer = TrayView::new(&overview(&["syncing"]), &[], Panel::Dark, english);
        assert!(!fewer.has_lines_of(&before));
    }
}
