//! The journal and what can be done with it: explain, versions, restore, undo, verify.

use std::collections::BTreeMap;

use tandem_core::side::Side;
use tandem_engine::report::{LogQuery, Summary, Undo, VerifyOptions, VerifyReport};
use tokio::sync::broadcast::error::RecvError;

use super::decisions::Seen;
use super::passes::{state_of, stopped_view, sync_view};
use crate::answer::{
    Answer, ExplainView, FindingView, LogLines, LogView, SyncView, VerifyView, VersionView,
};
use crate::config::PairRecord;
use crate::fault::{Fault, Result};
use crate::location::Location;
use crate::profile::real_path;
use crate::request::{PathSpec, UndoSpec, VerifySpec};
use crate::service::{OpenPair, Service};
use crate::update::{Update, Updates};
use crate::when::When;
use crate::words;

/// How many journal lines are shown if nobody says how many.
const LINES: usize = 100;

impl Service {
    pub(super) async fn log(
        &self,
        pair: Option<String>,
        path: Option<PathSpec>,
        limit: Option<usize>,
        follow: bool,
        updates: &Updates,
    ) -> Result<Answer> {
        let mut events = self.listen();
        let (pair, path) = match path {
            Some(path) => {
                let (record, path) = self.path_in_pair(&path)?;
                // The pair's own folder: all of it.
                (
                    Some(record.name),
                    Some(path).filter(|path| !path.is_empty()),
                )
            }
            None => (pair, None),
        };
        let most = limit.unwrap_or(LINES);
        let query = LogQuery {
            path: path.clone(),
            after: None,
            // One more than is shown, to say whether there are more.
            limit: Some(most.saturating_add(1)),
        };
        let mut lines = Vec::new();
        let seen = self.seen_pairs(pair.clone()).await?;
        for pair in &seen.open {
            let log = pair.engine.log(&query).map_err(|error| pair.fault(error))?;
            lines.extend(log.iter().map(|line| LogView::new(&pair.record.name, line)));
        }
        lines.sort_by_key(|line| line.at);
        let surplus = lines.len().saturating_sub(most);
        lines.drain(..surplus);
        if !follow {
            return Ok(seen.answer(Answer::Actions(LogLines {
                lines,
                older_left_out: surplus > 0,
            })));
        }
        let mut follower = Follower::after(&seen, path, updates);
        // Followed without their engines, which others may want to close.
        drop(seen);
        for line in lines {
            let _ = updates.send(Update::Action(Box::new(line))).await;
        }
        loop {
            let is_heard = match events.recv().await {
                Ok(Update::Action(line)) if pair.as_deref().is_none_or(|p| p == line.pair) => {
                    follower.tell(*line).await
                }
                Ok(_) => true,
                Err(RecvError::Lagged(_)) => follower.catch_up(self, pair.clone()).await?,
                Err(RecvError::Closed) => false,
            };
            if !is_heard {
                return Ok(Answer::Actions(LogLines::default()));
            }
        }
    }

    pub(super) async fn explain(&self, path: &PathSpec) -> Result<Answer> {
        let (record, path) = self.path_in_pair(path)?;
        let pair = self.open_pair(&record).await?;
        let found = pair
            .engine
            .explain(&path)
            .await
            .map_err(|error| pair.fault(error))?;
        Ok(Answer::Explanation(Box::new(ExplainView::new(
            &record.name,
            &found,
        ))))
    }

    pub(super) async fn versions(&self, path: &PathSpec) -> Result<Answer> {
        let (record, path) = self.path_in_pair(path)?;
        let pair = self.open_pair(&record).await?;
        let path = Some(path.as_str()).filter(|p| !p.is_empty());
        let versions = pair
            .engine
            .versions(path)
            .await
            .map_err(|error| pair.fault(error))?;
        let view = |v: tandem_engine::report::VersionView| VersionView {
            id: v.id,
            pair: record.name.clone(),
            side: v.side,
            path: v.path,
            size: v.size,
            mtime: v.mtime.map(When),
            kept_at: When(v.kept_at),
            displaced: v.displaced,
        };
        Ok(Answer::Versions(versions.into_iter().map(view).collect()))
    }

    pub(super) async fn restore(&self, path: &PathSpec, version: Option<String>) -> Result<Answer> {
        let (record, path) = self.path_in_pair(path)?;
        let pair = self.open_pair(&record).await?;
        let done = pair.engine.restore(&path, version.as_deref()).await;
        let summary = done.map_err(|error| pair.fault(error))?;
        Ok(Answer::Synced(vec![after(&pair, &summary)]))
    }

    pub(super) async fn undo(&self, what: UndoSpec) -> Result<Answer> {
        let (seen, what) = match what {
            UndoSpec::Action(id) => {
                let (pair, number) = self.numbered("action", &id).await?;
                (Seen::one(pair), Undo::Action(number))
            }
            UndoSpec::Run(id) => {
                let (pair, number) = self.numbered("run", &id).await?;
                (Seen::one(pair), Undo::Run(number))
            }
            UndoSpec::Since(at, pair) => (self.seen_pairs(pair).await?, Undo::Since(at.0)),
        };
        let is_one = seen.open.len() + seen.left_out.len() == 1;
        let mut done = Vec::new();
        for pair in seen.open {
            match pair.engine.undo(what).await {
                Ok(summary) => done.push(after(&pair, &summary)),
                Err(error) if is_one => return Err(pair.fault(error)),
                // What was undone of the others is told all the same.
                Err(error) => done.push(stopped_view(&pair.record, &pair.fault(error))),
            }
        }
        let left_out = seen.left_out.iter();
        done.extend(left_out.map(|(record, fault)| stopped_view(record, fault)));
        Ok(Answer::Synced(done))
    }

    /// `PAIR:NUMBER`, or the number alone where there is but one pair.
    async fn numbered(&self, what: &'static str, id: &str) -> Result<(OpenPair, u64)> {
        let unknown = || Fault::NotFound(what, id.to_owned());
        let (name, number) = match id.rsplit_once(':') {
            Some((name, number)) => (name.to_owned(), number),
            // Of all that are configured: one that cannot be asked at the moment may be the one that is meant.
            None => match self.config().pairs.as_slice() {
                [] => return Err(unknown()),
                [pair] => (pair.name.clone(), id),
                pairs => {
                    let names = pairs.iter().map(|pair| pair.name.clone()).collect();
                    return Err(Fault::WhichPair(id.to_owned(), names));
                }
            },
        };
        let number = number.parse().map_err(|_| unknown())?;
        let pair = self.seen_pairs(Some(name)).await?.open.pop();
        pair.map(|pair| (pair, number)).ok_or_else(unknown)
    }

    pub(super) async fn verify(&self, spec: &VerifySpec, updates: &Updates) -> Result<Answer> {
        let seen = self.seen_pairs(spec.pair.clone()).await?;
        let (mut items, mut bytes) = (0, 0);
        for pair in &seen.open {
            // What cannot be counted is not verified either, and said then.
            let cost = pair.engine.verify_cost(&options(spec)).unwrap_or_default();
            items += cost.0;
            bytes += cost.1;
        }
        let _ = updates.send(Update::Cost { items, bytes }).await;
        let is_one = seen.open.len() + seen.left_out.len() == 1;
        let mut done = Vec::new();
        for pair in seen.open {
            match pair.engine.verify(&options(spec)).await {
                Ok(report) => done.push(verified(&pair.record, report)),
                Err(error) if is_one => return Err(pair.fault(error)),
                // What was found in the others is told all the same.
                Err(error) => done.push(unverified(&pair.record, &pair.fault(error))),
            }
        }
        let left_out = seen.left_out.iter();
        done.extend(left_out.map(|(record, fault)| unverified(record, fault)));
        Ok(Answer::Verified(done))
    }

    /// The pair that a path belongs to, and the path within it.
    pub(super) fn path_in_pair(&self, path: &PathSpec) -> Result<(PairRecord, String)> {
        let names: Vec<_> = path.pair.iter().cloned().collect();
        let candidates = self.chosen(&names)?;
        if let Some(place) = &path.place {
            let within: Vec<_> = candidates
                .iter()
                .filter_map(|record| Some((record, self.below_an_end(record, place)?)))
                .collect();
            match within.as_slice() {
                [(record, below)] => return Ok(((*record).clone(), below.clone())),
                [] => {}
                several => {
                    let names = several
                        .iter()
                        .map(|(record, _)| record.name.clone())
                        .collect();
                    return Err(Fault::WhichPair(path.text.clone(), names));
                }
            }
        }
        let plain = path.text.trim_start_matches("./").trim_end_matches('/');
        match candidates.as_slice() {
            [record] if !plain.starts_with('/') => Ok((record.clone(), plain.to_owned())),
            _ => Err(Fault::WhichPair(path.text.clone(), Vec::new())),
        }
    }

    /// What follows one of the pair's ends in `place`.
    fn below_an_end(&self, record: &PairRecord, place: &Location) -> Option<String> {
        Side::BOTH.into_iter().find_map(|side| {
            let end = self.location(record.ends()[side]);
            if end.storage != place.storage {
                return None;
            }
            let (root, full) = if place.is_local() {
                let real = |path: &str| {
                    real_path(std::path::Path::new(path))
                        .to_string_lossy()
                        .into_owned()
                };
                // The last name may itself be a link that is kept in step as a link: only its folder is
                // looked through.
                let full = match place.split() {
                    Some((above, name)) => {
                        Location {
                            storage: String::new(),
                            path: real(&above.path),
                        }
                        .join(&name)
                        .path
                    }
                    None => real(&place.path),
                };
                (real(&end.path), full)
            } else {
                (end.path, place.path.clone())
            };
            let rest = full.strip_prefix(root.trim_end_matches('/'))?;
            if !(rest.is_empty() || rest.starts_with('/') || root.is_empty()) {
                return None;
            }
            Some(rest.trim_matches('/').to_owned())
        })
    }
}

/// Tells the lines of the journal as they come, each once.
struct Follower<'a> {
    path: Option<String>,
    updates: &'a Updates,
    /// The number of the last line told, by pair.
    told: BTreeMap<String, u64>,
}

impl<'a> Follower<'a> {
    /// One that goes on after what these pairs' journals hold.
    fn after(seen: &Seen, path: Option<String>, updates: &'a Updates) -> Self {
        let newest = LogQuery {
            limit: Some(1),
            ..LogQuery::default()
        };
        let last = |pair: &OpenPair| {
            let lines = pair.engine.log(&newest).ok()?;
            Some((pair.record.name.clone(), lines.first()?.id))
        };
        Self {
            path,
            updates,
            told: seen.open.iter().filter_map(last).collect(),
        }
    }

    /// Tells a line, if it is wanted and new; false if nobody listens.
    async fn tell(&mut self, line: LogView) -> bool {
        let told = self.told.entry(line.pair.clone()).or_default();
        let number = line.number();
        if number <= *told {
            return true;
        }
        *told = number;
        if let Some(path) = &self.path
            && !is_at_or_below(&line.action.path, path)
        {
            return true;
        }
        let update = Update::Action(Box::new(line));
        self.updates.send(update).await.is_ok()
    }

    /// Tells what was missed, from the journals.
    async fn catch_up(&mut self, service: &Service, pair: Option<String>) -> Result<bool> {
        for pair in service.seen_pairs(pair).await?.open {
            let query = LogQuery {
                after: Some(self.told.get(&pair.record.name).copied().unwrap_or(0)),
                ..LogQuery::default()
            };
            let lines = pair.engine.log(&query).map_err(|error| pair.fault(error))?;
            let name = pair.record.name.clone();
            drop(pair);
            for line in lines {
                if !self.tell(LogView::new(&name, &line)).await {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }
}

fn is_at_or_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn options(spec: &VerifySpec) -> VerifyOptions {
    VerifyOptions {
        deep: spec.deep,
        sample: spec.sample,
        limit_bytes: spec.limit_bytes,
        repair: spec.repair,
    }
}

/// What verifying a pair found.
fn verified(record: &PairRecord, report: VerifyReport) -> VerifyView {
    let finding = |f: tandem_engine::report::Finding| FindingView {
        side: f.side,
        message: words::finding(&f.what).to_owned(),
        path: f.path,
        what: f.what,
    };
    VerifyView {
        name: record.name.clone(),
        items: report.items,
        bytes: report.bytes,
        findings: report.findings.into_iter().map(finding).collect(),
        repaired: report.repaired,
        error: None,
    }
}

/// A pair that was not verified, and why.
fn unverified(record: &PairRecord, fault: &Fault) -> VerifyView {
    VerifyView {
        name: record.name.clone(),
        error: Some(fault.failure()),
        ..VerifyView::default()
    }
}

/// What an undo or restore came to.
fn after(pair: &OpenPair, summary: &Summary) -> SyncView {
    let (state, error) = state_of(&pair.live, summary);
    sync_view(&pair.record, &state, summary, error)
}
