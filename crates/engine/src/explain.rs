//! Why a path is as it is: what the state, the filter, the guards and a plan say of it.

use tandem_core::entry::{Entry, Kind};
use tandem_core::filter::Verdict;
use tandem_core::path::RelPath;
use tandem_core::plan::{Action, Deed, Refused};
use tandem_core::side::{PerSide, Side};

use crate::engine::Engine;
use crate::error::Result;
use crate::guarding::held_deletes;
use crate::history::line_of;
use crate::report::{Explanation, LogQuery};
use crate::versions::parse;
use crate::views::{planned, side_view};

/// So many lines of the journal are shown.
const LINES: usize = 50;

/// What decided about a path, in one word, with the rule if there is one.
type Ground = (&'static str, Option<String>);

impl Engine {
    /// Why a path is as it is. Nothing is looked at: it says what is known since the last look. While a pass
    /// runs, what would be done next is not told.
    ///
    /// # Errors
    /// A path that cannot be one; a state that cannot be read.
    pub async fn explain(&self, path: &str) -> Result<Explanation> {
        let path = parse(path)?;
        let native = PerSide::from_fn(|side| self.native_path(side, &path));
        let mut told = self.known_of(&path, &native)?;
        let one = self.passing.try_lock();
        if one.is_some() {
            let (plan, _) = self.plan(&Refused::default()).await?;
            told.next = plan
                .actions
                .iter()
                .filter(|a| concerns(a, &native))
                .filter(|a| a.touches())
                .map(planned)
                .collect();
        }
        drop(one);
        let (state, rule) = self.ground(&path, &native, &told)?;
        state.clone_into(&mut told.state);
        told.rule = rule;
        Ok(told)
    }

    fn known_of(&self, path: &RelPath, native: &PerSide<RelPath>) -> Result<Explanation> {
        let state = self.state();
        let mut base = PerSide::<Option<Entry>>::default();
        let mut equality = None;
        for side in Side::BOTH {
            if let Some(item) = state.item_at(side, &native[side])? {
                equality = state.equality(item.parent, &item.name)?;
                base = item.entries;
                break;
            }
        }
        let mut seen = PerSide::<Option<Entry>>::default();
        for side in Side::BOTH {
            seen[side] = state.shown_at(side, &native[side])?;
        }
        let view = |entries: &PerSide<Option<Entry>>| {
            PerSide::from_fn(|side| entries[side].as_ref().map(|e| side_view(&native[side], e)))
        };
        let mut rows = Vec::new();
        for side in Side::BOTH {
            let query = LogQuery {
                path: Some(native[side].to_string()),
                after: None,
                limit: Some(LINES),
            };
            if side == Side::Source || native.source != native.destination {
                for row in state.journal(&query)? {
                    rows.push(line_of(&state, &row)?);
                }
            }
        }
        rows.sort_by_key(|line| std::cmp::Reverse(line.id));
        rows.truncate(LINES);
        Ok(Explanation {
            path: path.to_string(),
            state: String::new(),
            rule: None,
            base: view(&base),
            seen: view(&seen),
            equality: equality.map(str::to_owned),
            next: Vec::new(),
            history: rows,
        })
    }

    /// The first of these that holds decides what becomes of the path.
    fn ground(
        &self,
        path: &RelPath,
        native: &PerSide<RelPath>,
        told: &Explanation,
    ) -> Result<Ground> {
        if let Some(rule) = self.excluding_rule(path, native)? {
            return Ok(("filtered", Some(rule)));
        }
        let planned = self.is_to_be_carried(native, told)?;
        if let Some(guard) = self.holding_guard(native, planned)? {
            return Ok(("held", Some(guard)));
        }
        let state = self.state();
        for side in Side::BOTH {
            if let Some(why) = state.why_detached(side, &native[side])? {
                return Ok(("detached", Some(why)));
            }
        }
        let text = path.as_str();
        let is_at = |side: Side, at: &str| at == native[side].as_str() || at == text;
        if let Some(conflict) = state
            .conflicts()?
            .into_iter()
            .find(|c| c.waits && is_at(Side::Destination, &c.path))
        {
            return Ok(("conflict", Some(conflict.kind)));
        }
        if let Some(problem) = state
            .problems()?
            .into_iter()
            .find(|p| is_at(p.side, &p.path))
        {
            let waiting = matches!(problem.why.as_str(), "changes_waiting" | "keeps_changing");
            return Ok((
                if waiting { "waiting" } else { "problem" },
                Some(problem.why),
            ));
        }
        let known = told.base.source.is_some() || told.base.destination.is_some();
        Ok((
            if planned {
                "planned"
            } else if known {
                "in_step"
            } else {
                "unknown"
            },
            None,
        ))
    }

    fn is_to_be_carried(&self, native: &PerSide<RelPath>, told: &Explanation) -> Result<bool> {
        let state = self.state();
        let differs = |side: Side| state.differs_at(side, &native[side]);
        Ok(!told.next.is_empty() || differs(Side::Source)? || differs(Side::Destination)?)
    }

    /// The rule that leaves out what some side shows, or had.
    fn excluding_rule(&self, path: &RelPath, native: &PerSide<RelPath>) -> Result<Option<String>> {
        let mut known = Vec::new();
        for side in Side::BOTH {
            let state = self.state();
            let shown = state.shown_at(side, &native[side])?;
            let had = || {
                Ok(state
                    .item_at(side, &native[side])?
                    .and_then(|i| i.entries[side].clone()))
            };
            known.extend(shown.map_or_else(had, |entry| Result::Ok(Some(entry)))?);
        }
        if known.is_empty() {
            return Ok(self.rule_against(path, None));
        }
        Ok(known
            .iter()
            .find_map(|entry| self.rule_against(path, Some(entry))))
    }

    fn rule_against(&self, path: &RelPath, entry: Option<&Entry>) -> Option<String> {
        let kind = entry.map_or(Kind::File, |e| e.kind);
        let mtime = entry.and_then(|e| e.mtime).filter(|m| m.by_client);
        let (size, mtime) = (entry.map(|e| e.size), mtime.map(|m| m.at));
        match self.filter().verdict(path, kind, size, mtime, self.now()) {
            Verdict::Included => None,
            Verdict::Excluded {
                rule,
                through: None,
            } => Some(rule.to_string()),
            Verdict::Excluded {
                rule,
                through: Some(folder),
            } => Some(format!("{rule} ({folder})")),
        }
    }

    fn holding_guard(&self, native: &PerSide<RelPath>, planned: bool) -> Result<Option<String>> {
        let holds = self.state().holds()?;
        for (hold, actions, _) in &holds {
            let guard = hold.kind.guard();
            if !guard.holds_deletes_only() {
                if planned {
                    return Ok(Some(guard.to_string()));
                }
                continue;
            }
            let deletes = held_deletes(actions)?;
            if deletes.iter().any(|d| d.path == native[d.side]) {
                return Ok(Some(guard.to_string()));
            }
        }
        Ok(None)
    }
}

fn concerns(action: &Action, native: &PerSide<RelPath>) -> bool {
    let path = &native[action.side];
    let other = &native[action.side.other()];
    action.path() == Some(path)
        || match &action.deed {
            Deed::Move { to, .. } => to == path,
            Deed::Transfer { from, .. } => from.path == *other,
            Deed::Duplicate { from, .. } => from.path == *path,
            _ => false,
        }
}
