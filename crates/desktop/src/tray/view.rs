//! What the tray shows: made from how the pairs are, compared before it is drawn.

use tandem_service::answer::{LogView, PairStatus};

use crate::bridge::Overview;
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
    pub(super) heading: String,
    pub(super) pairs: Vec<Line>,
    pub(super) recent: Vec<Line>,
    /// Whether there is a pair that can be paused.
    pub(super) can_pause: bool,
    /// Whether there is one that can be resumed.
    pub(super) can_resume: bool,
    pub(super) conflicts: u64,
    pub(super) held: u64,
}

impl TrayView {
    /// Of these pairs and these actions, newest first.
    pub(super) fn new(overview: &Overview, recent: &[LogView], texts: Texts) -> Self {
        let pairs = &overview.pairs;
        let is_paused = |pair: &PairStatus| pair.state == "paused";
        Self {
            icon: icon(overview),
            heading: if overview.heading.is_empty() {
                texts.get("tray.starting")
            } else {
                overview.heading.clone()
            },
            pairs: pairs.iter().map(|pair| pair_line(pair, texts)).collect(),
            recent: recent
                .iter()
                .enumerate()
                .map(|(at, line)| recent_line(at, line))
                .collect(),
            can_pause: pairs.iter().any(|pair| !is_paused(pair)),
            can_resume: pairs.iter().any(|pair| is_paused(pair) || pair.can_go_on),
            conflicts: pairs.iter().map(|pair| pair.conflicts).sum(),
            held: pairs.iter().map(|pair| pair.held).sum(),
        }
    }
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
fn recent_line(at: usize, line: &LogView) -> Line {
    let path = line.action.to.as_ref().unwrap_or(&line.action.path);
    let name = path.rsplit('/').next().unwrap_or(path);
    let shown: String = name.chars().filter(|c| !c.is_control()).collect();
    Line {
        id: format!("recent:{at}"),
        text: shown.replace('&', "&&"),
    }
}

#[cfg(test)]
mod tests {
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
            let view = TrayView::new(now, &[], Texts::of(Language::En));
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
            Texts::of(Language::En),
        );
        assert_eq!(view.pairs[0].text, "pair-0: In step");
        assert_eq!(
            (view.conflicts, view.can_pause, view.can_resume),
            (2, true, true)
        );
    }

    #[test]
    fn a_hostile_name_is_text_in_the_menu() {
        let line: LogView = serde_json::from_value(serde_json::json!({
            "id": "a:1", "run": "a:1", "pair": "a", "at": "2026-11-20T14:02:05Z", "kind": "create",
            "side": "source", "path": "x/<b>&\u{7}y", "bytes": 0, "why": "", "reason": "",
            "outcome": "done", "undoable": true,
        }))
        .unwrap();
        assert_eq!(recent_line(0, &line).text, "<b>&&y");
    }
}
