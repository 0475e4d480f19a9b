//! What a pass told of as done, and what lay there when it did.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Mutex;

use serde_json::{Value, json};
use tandem_core::side::{PerSide, Side};
use tandem_engine::event::{Event, EventSink};
use tandem_engine::report::{ActionKind, LogLine, Outcome};

use crate::pair::Pair;
use crate::people::{Files, People};

/// One path on one side, when an action on it was told of as done.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) side: Side,
    pub(crate) path: String,
    /// Nothing, if nothing was there.
    pub(crate) holds: Option<Vec<u8>>,
}

fn file(pair: &Pair) -> PathBuf {
    pair.folder().join("told")
}

/// Everything that the last pass over `pair` in a process of its own told of.
pub(crate) fn read(pair: &Pair) -> Vec<Told> {
    let lines = std::fs::read_to_string(file(pair)).unwrap();
    lines.lines().map(|line| parse(line).unwrap()).collect()
}

fn parse(line: &str) -> Option<Told> {
    let told: Value = serde_json::from_str(line).ok()?;
    let side = told["side"].as_str()?;
    Some(Told {
        side: Side::BOTH.into_iter().find(|it| it.to_string() == side)?,
        path: told["path"].as_str()?.to_owned(),
        holds: told["holds"].as_str().map(|text| text.as_bytes().to_vec()),
    })
}

/// Writes down what a pass tells, in a file that is there whatever becomes of the process.
pub(crate) struct Teller {
    people: People,
    file: Mutex<File>,
}

impl Teller {
    pub(crate) fn new(pair: &Pair) -> Self {
        Self {
            people: People::of(pair),
            file: Mutex::new(File::create(file(pair)).unwrap()),
        }
    }

    fn tell(&self, is_meant: &dyn Fn(&str) -> bool, paths: &[&str]) {
        let mut lines = String::new();
        for side in Side::BOTH {
            let things = self.people.things(side);
            let line = |path: &str, holds: Option<&Vec<u8>>| {
                let holds = holds.map(|content| std::str::from_utf8(content).unwrap());
                let told = json!({ "side": side.to_string(), "path": path, "holds": holds });
                format!("{told}\n")
            };
            let there = things.iter().filter(|(path, _)| is_meant(path));
            lines.extend(there.map(|(path, holds)| line(path, Some(holds))));
            let gone = paths.iter().filter(|path| !things.contains_key(**path));
            lines.extend(gone.map(|path| line(path, None)));
        }
        self.file
            .lock()
            .unwrap()
            .write_all(lines.as_bytes())
            .unwrap();
    }

    fn tell_action(&self, line: &LogLine) {
        let to = line.action.to.as_deref();
        let paths: Vec<&str> = to.into_iter().chain([line.action.path.as_str()]).collect();
        // With a moved folder comes what is in it; that a folder is there says nothing of that.
        let is_move = line.action.kind == ActionKind::Move;
        let is_below = |path: &str, meant: &str| {
            let below = path.strip_prefix(meant);
            is_move && below.is_some_and(|below| below.starts_with('/'))
        };
        let is_meant = |path: &str| {
            let mut paths = paths.iter();
            paths.any(|meant| path == *meant || is_below(path, meant))
        };
        self.tell(&is_meant, &paths);
    }
}

impl EventSink for Teller {
    fn event(&self, event: Event) {
        match event {
            Event::Action(line) if line.outcome == Outcome::Done => self.tell_action(&line),
            // All is in step.
            Event::Ended(None) => self.tell(&|_| true, &[]),
            _ => {}
        }
    }
}

/// What a side holds, and what is kept there.
pub(crate) struct Held {
    pub(crate) things: PerSide<Files>,
    pub(crate) versions: PerSide<BTreeSet<Vec<u8>>>,
}

impl Held {
    pub(crate) fn by(people: &People) -> Self {
        Self {
            things: PerSide::from_fn(|side| people.things(side)),
            versions: PerSide::from_fn(|side| people.versions(side)),
        }
    }

    fn has(&self, side: Side, content: &[u8]) -> bool {
        let mut things = self.things[side].values();
        things.any(|there| there == content) || self.versions[side].contains(content)
    }
}

/// What was told of and is not there after a power cut, of what was there right before it. Where people flushed what
/// they did, each path is as it was told; else a name may be the one of before, but no content may be missing.
pub(crate) fn missing(told: &[Told], before: &Held, after: &Held, is_flushed: bool) -> Vec<String> {
    let is_there = |told: &Told| {
        let (side, holds) = (told.side, told.holds.as_ref());
        if is_flushed && before.things[side].get(&told.path) == holds {
            return after.things[side].get(&told.path) == holds;
        }
        // The pass went on with it, or set it aside.
        holds.is_none_or(|content| after.has(side, content))
    };
    let missing = told.iter().filter(|told| !is_there(told));
    missing
        .map(|told| format!("told of and not there: {} on the {}", told.path, told.side))
        .collect()
}
