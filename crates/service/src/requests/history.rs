//! The journal and what can be done with it: explain, versions, restore, undo, verify.

use tandem_core::side::Side;
use tandem_engine::report::{LogQuery, Summary, Undo, VerifyOptions};

use super::passes::{of_pair, state_of, sync_view};
use crate::answer::{Answer, ExplainView, FindingView, LogView, SyncView, VerifyView, VersionView};
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
                (Some(record.name), Some(path))
            }
            None => (pair, None),
        };
        let query = LogQuery {
            path: path.clone(),
            after: None,
            limit: Some(limit.unwrap_or(LINES)),
        };
        let mut lines = Vec::new();
        for pair in self.seen_pairs(pair.clone()).await? {
            let log = pair.engine.log(&query).map_err(|error| pair.fault(error))?;
            lines.extend(log.iter().map(|line| LogView::new(&pair.record.name, line)));
        }
        lines.sort_by_key(|line| line.at);
        let surplus = lines.len().saturating_sub(limit.unwrap_or(LINES));
        lines.drain(..surplus);
        if !follow {
            return Ok(Answer::Actions(lines));
        }
        for line in lines {
            let _ = updates.send(Update::Action(Box::new(line))).await;
        }
        loop {
            let event = match events.recv().await {
                Ok(event) => event,
                // Missed lines are in the journal; a reader that follows wants the newest.
                Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => continue,
                Err(_) => return Ok(Answer::Actions(Vec::new())),
            };
            let wanted = pair
                .as_deref()
                .is_none_or(|name| of_pair(&event) == Some(name));
            if let Update::Action(line) = event
                && wanted
                && path
                    .as_deref()
                    .is_none_or(|path| is_at_or_below(&line.action.path, path))
                && updates.send(Update::Action(line)).await.is_err()
            {
                return Ok(Answer::Actions(Vec::new()));
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
        let (pairs, what) = match what {
            UndoSpec::Action(id) => {
                let (pair, number) = self.numbered("action", &id).await?;
                (vec![pair], Undo::Action(number))
            }
            UndoSpec::Run(id) => {
                let (pair, number) = self.numbered("run", &id).await?;
                (vec![pair], Undo::Run(number))
            }
            UndoSpec::Since(at, pair) => (self.seen_pairs(pair).await?, Undo::Since(at.0)),
        };
        let mut done = Vec::new();
        for pair in pairs {
            let summary = pair
                .engine
                .undo(what)
                .await
                .map_err(|error| pair.fault(error))?;
            done.push(after(&pair, &summary));
        }
        Ok(Answer::Synced(done))
    }

    /// `PAIR:NUMBER`, or the number alone where there is but one pair.
    async fn numbered(&self, what: &'static str, id: &str) -> Result<(OpenPair, u64)> {
        let unknown = || Fault::NotFound(what, id.to_owned());
        let (name, number) = match id.rsplit_once(':') {
            Some((name, number)) => (Some(name.to_owned()), number),
            None => (None, id),
        };
        let number = number.parse().map_err(|_| unknown())?;
        let mut pairs = self.seen_pairs(name).await?;
        if pairs.len() > 1 {
            let names = pairs.iter().map(|p| p.record.name.clone()).collect();
            return Err(Fault::WhichPair(id.to_owned(), names));
        }
        pairs.pop().map(|pair| (pair, number)).ok_or_else(unknown)
    }

    pub(super) async fn verify_cost(&self, spec: &VerifySpec) -> Result<Answer> {
        let (items, bytes) = self.cost(spec).await?;
        Ok(Answer::VerifyCost { items, bytes })
    }

    async fn cost(&self, spec: &VerifySpec) -> Result<(u64, u64)> {
        let (mut items, mut bytes) = (0, 0);
        for pair in self.seen_pairs(spec.pair.clone()).await? {
            let cost = pair
                .engine
                .verify_cost(&options(spec))
                .map_err(|error| pair.fault(error))?;
            items += cost.0;
            bytes += cost.1;
        }
        Ok((items, bytes))
    }

    pub(super) async fn verify(&self, spec: &VerifySpec, updates: &Updates) -> Result<Answer> {
        let (items, bytes) = self.cost(spec).await?;
        let _ = updates.send(Update::Cost { items, bytes }).await;
        let mut done = Vec::new();
        for pair in self.seen_pairs(spec.pair.clone()).await? {
            let report = pair
                .engine
                .verify(&options(spec))
                .await
                .map_err(|error| pair.fault(error))?;
            done.push(VerifyView {
                name: pair.record.name.clone(),
                items: report.items,
                bytes: report.bytes,
                findings: report
                    .findings
                    .into_iter()
                    .map(|f| FindingView {
                        side: f.side,
                        message: words::finding(&f.what).to_owned(),
                        path: f.path,
                        what: f.what,
                    })
                    .collect(),
                repaired: report.repaired,
            });
        }
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

/// What an undo or restore came to.
fn after(pair: &OpenPair, summary: &Summary) -> SyncView {
    let (state, error) = state_of(&pair.live, summary);
    sync_view(&pair.record, &state, summary, error)
}
