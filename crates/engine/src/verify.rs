//! Compares both sides with what is recorded: what is missing, what was edited, what rotted.
//!
//! Rot is content that changed while its revision did not: nobody wrote it. It is mended from the other side
//! if that one still has the content recorded.

use std::collections::BTreeSet;

use tandem_core::entry::{ContentHash, Entry, HashKind, Kind};
use tandem_core::error::{Cause, ErrorKind, StorageError};
use tandem_core::path::{Name, RelPath};
use tandem_core::plan::record::{Row, add_hashes};
use tandem_core::plan::{At, BaseItem, Equality, ItemId, Reason};
use tandem_core::side::{PerSide, Side};
use tandem_core::storage::Locator;

use crate::chosen::{Chosen, Note};
use crate::engine::Engine;
use crate::error::{EngineError, Result};
use crate::observe::Doubt;
use crate::report::{ActionKind, Finding, Phase, VerifyOptions, VerifyReport};

/// Items taken from the base at a time.
const PAGE: usize = 512;

/// An item in the base, by its key.
type Place = (ItemId, Name);

/// What reading one side's file came to.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// It is as recorded, or there is nothing to compare it with; the hash if it was read.
    Good(Option<ContentHash>),
    /// Something is not as recorded.
    Found(&'static str),
}

impl Engine {
    /// Compares both sides with what is recorded. All that a listing shows is compared always; contents are
    /// read as the options say, on both sides.
    ///
    /// # Errors
    /// What kept it from looking, or a state that cannot be read.
    pub async fn verify(&self, options: &VerifyOptions) -> Result<VerifyReport> {
        let _one = self.passing.lock().await;
        self.phase(Phase::Looking);
        let done = self.verify_alone(options).await;
        self.phase(Phase::Still);
        done
    }

    /// The items that would be read, and their bytes on both sides together. A sample is reckoned by the
    /// mean.
    ///
    /// # Errors
    /// A state that cannot be read.
    pub fn verify_cost(&self, options: &VerifyOptions) -> Result<(u64, u64)> {
        let (mut items, mut bytes) = (0, 0);
        self.each_file(|item| {
            items += 1;
            bytes += Side::BOTH
                .iter()
                .filter_map(|&s| item.entries[s].as_ref())
                .map(|e| e.size)
                .sum::<u64>();
        })?;
        let (items, bytes) = match options.sample {
            _ if options.deep => (items, bytes),
            Some(sample) if items > 0 => (sample.min(items), bytes / items * sample.min(items)),
            _ => (items, 0),
        };
        Ok((
            items,
            options.limit_bytes.map_or(bytes, |most| bytes.min(most)),
        ))
    }

    async fn verify_alone(&self, options: &VerifyOptions) -> Result<VerifyReport> {
        self.require_roots().await?;
        let everything = PerSide::new(Doubt::whole(), Doubt::whole());
        let look = self.look(&everything).await?;
        for side in Side::BOTH {
            self.confirm_absences(side, &look).await?;
        }
        // What was edited without another revision is no rot.
        self.compare_young().await?;
        let sample = match options.sample {
            Some(count) if !options.deep => Some(self.sample(count)?),
            _ => None,
        };
        let mut report = VerifyReport::default();
        let mut chosen = Chosen::begin(self, Reason::Chosen)?;
        let mut after: Option<Place> = None;
        loop {
            let page = self
                .state()
                .base_after(after.as_ref().map(|(p, n)| (*p, n)), PAGE)?;
            let Some(last) = page.last() else { break };
            after = Some((last.parent, last.name.clone()));
            for item in page.iter().filter(|i| i.kind == Kind::File) {
                let place = (item.parent, item.name.clone());
                let drawn = options.deep || sample.as_ref().is_some_and(|s| s.contains(&place));
                let most = options.limit_bytes.unwrap_or(u64::MAX);
                self.verify_item(
                    item,
                    drawn && report.bytes < most,
                    options.repair,
                    &mut report,
                    &mut chosen,
                )
                .await?;
            }
        }
        chosen.record().await?;
        Ok(report)
    }

    /// Calls `see` with every file of the base.
    fn each_file(&self, mut see: impl FnMut(&BaseItem)) -> Result<()> {
        let mut after: Option<Place> = None;
        loop {
            let page = self
                .state()
                .base_after(after.as_ref().map(|(p, n)| (*p, n)), PAGE)?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = Some((last.parent, last.name.clone()));
            page.iter()
                .filter(|i| i.kind == Kind::File)
                .for_each(&mut see);
        }
    }

    /// So many files, each as likely as any other (reservoir sampling, Vitter's algorithm R).
    fn sample(&self, count: u64) -> Result<BTreeSet<Place>> {
        let mut drawn: Vec<Place> = Vec::new();
        let mut seen: u64 = 0;
        self.each_file(|item| {
            let place = (item.parent, item.name.clone());
            seen += 1;
            if (drawn.len() as u64) < count {
                drawn.push(place);
            } else if count > 0 {
                let at = self.setup.environment.random() % seen;
                if at < count
                    && let Some(slot) = usize::try_from(at).ok().and_then(|at| drawn.get_mut(at))
                {
                    *slot = place;
                }
            }
        })?;
        Ok(drawn.into_iter().collect())
    }

    async fn verify_item(
        &self,
        item: &BaseItem,
        read: bool,
        repair: bool,
        report: &mut VerifyReport,
        chosen: &mut Chosen<'_>,
    ) -> Result<()> {
        report.items += 1;
        let mut states = PerSide::new(State::Good(None), State::Good(None));
        let mut places = PerSide::new(None, None);
        for side in Side::BOTH {
            let Some(entry) = &item.entries[side] else {
                continue;
            };
            let folder = self.path_of(side, item.parent)?;
            let Some(path) = folder.map(|f| f.join(&entry.name)) else {
                continue;
            };
            let at = At {
                path,
                entry: entry.clone(),
            };
            states[side] = self
                .verify_side(side, item.parent, &at, read, report)
                .await?;
            places[side] = Some(at);
        }
        for side in Side::BOTH {
            let (State::Found(what), Some(at)) = (&states[side], &places[side]) else {
                continue;
            };
            report.findings.push(Finding {
                side,
                path: at.path.to_string(),
                what: (*what).to_owned(),
            });
            // What a person undid on one side is in step and not equal.
            let hash = |side: Side| {
                item.entries[side]
                    .as_ref()
                    .and_then(|e| e.hash(HashKind::Blake3))
            };
            let good = matches!(states[side.other()], State::Good(Some(_)))
                && hash(side) == hash(side.other());
            if *what == "rotted"
                && repair
                && good
                && let Some(from) = &places[side.other()]
                && self.mend(item, side, at, from, chosen).await?
            {
                report.repaired += 1;
            }
        }
        Ok(())
    }

    async fn verify_side(
        &self,
        side: Side,
        parent: ItemId,
        at: &At,
        read: bool,
        report: &mut VerifyReport,
    ) -> Result<State> {
        if self.state().is_unsettled(side, parent, &at.entry.name)? {
            // It cannot be looked at, which is shown as a problem.
            return Ok(State::Good(None));
        }
        if self.state().differs_at(side, &at.path)? {
            let shown = self.state().shown_at(side, &at.path)?;
            return Ok(match shown {
                None => State::Found("missing"),
                Some(now)
                    if now.size == at.entry.size && now.same_by_hash(&at.entry) == Some(true) =>
                {
                    State::Good(None)
                }
                Some(_) => State::Found("changed"),
            });
        }
        // Below a folder that is gone nothing is there either.
        if self
            .state()
            .folder_by_path(side, &at.path.parent().unwrap_or_else(RelPath::root))?
            != Some(parent)
        {
            return Ok(State::Found("missing"));
        }
        let is_young = || self.state().is_young(side, parent, &at.entry.name);
        if !read || self.capabilities(side).mutates_content || is_young()? {
            return Ok(State::Good(None));
        }
        let hash = match self.carried(side, at).hash().await {
            Ok(hash) => hash,
            Err(error) if error.is_lost_race() => return self.since(side, at).await,
            Err(error) if error.cause == Cause::HashMismatch => {
                return self.rotted(side, at).await;
            }
            Err(error) => return unreadable(side, error),
        };
        report.bytes += at.entry.size;
        match at.entry.hash(HashKind::Blake3) {
            Some(known) if *known != hash => self.rotted(side, at).await,
            Some(_) => Ok(State::Good(Some(hash))),
            None => {
                // Nothing to compare with yet; the next time there is.
                let mut entry = at.entry.clone();
                add_hashes(&mut entry.hashes, &[hash]);
                self.state()
                    .transaction(|state| state.add_hash(side, parent, &entry))?;
                Ok(State::Good(None))
            }
        }
    }

    /// Other bytes were read: rot only if the side says that nobody wrote.
    async fn rotted(&self, side: Side, at: &At) -> Result<State> {
        Ok(State::Found(match self.there(side, at).await {
            Err(error) => return unreadable(side, error),
            Ok(None) => "missing",
            Ok(Some(now)) if now.revision == at.entry.revision => "rotted",
            Ok(Some(_)) => "changed",
        }))
    }

    async fn since(&self, side: Side, at: &At) -> Result<State> {
        Ok(State::Found(match self.there(side, at).await {
            Err(error) => return unreadable(side, error),
            Ok(None) => "missing",
            Ok(Some(_)) => "changed",
        }))
    }

    async fn there(&self, side: Side, at: &At) -> tandem_core::error::Result<Option<Entry>> {
        let at = Locator::of_path(at.path.clone());
        self.root(side).stat(&at).await
    }

    /// Writes the good content over the rotted, which is kept, and records both as in step.
    async fn mend(
        &self,
        item: &BaseItem,
        side: Side,
        at: &At,
        from: &At,
        chosen: &mut Chosen<'_>,
    ) -> Result<bool> {
        let Ok(keep) = self.keep_unseen(side, &at.path) else {
            return Ok(false);
        };
        let content = (
            self.content(side.other(), from).0,
            self.meta_for(side, &at.entry),
        );
        let how = (
            keep,
            ActionKind::Replace,
            Note {
                keep: true,
                ..Note::default()
            },
        );
        let mut entry: Entry = match chosen
            .put(side, &at.path, content, Some(&at.entry), how)
            .await
        {
            Ok(entry) => entry,
            Err(error) => {
                tracing::warn!(%error, "a rotted file could not be mended");
                return Ok(false);
            }
        };
        chosen.record().await?;
        let mut entries = item.entries.clone();
        if let Some(good) = from.entry.hash(HashKind::Blake3) {
            add_hashes(&mut entry.hashes, std::slice::from_ref(good));
        }
        entries[side] = Some(entry.clone());
        let (parent, name) = (item.parent, item.name.clone());
        let put = Row::Put {
            item: item.id,
            parent,
            name,
            kind: item.kind,
            entries,
            equality: Some(Equality::SameBytes),
        };
        let native = entry.name.clone();
        let place = Row::Place {
            side,
            parent,
            name: native,
            now: Some(entry),
            id: item.id,
        };
        self.state()
            .transaction(|state| state.apply(&[put, place], Some(item)))?;
        Ok(true)
    }
}

/// What cannot be read is a finding, unless that may be otherwise in a moment, or nothing can be read at all.
fn unreadable(side: Side, error: StorageError) -> Result<State> {
    if error.is_transient() || error.kind == ErrorKind::Auth {
        return Err(EngineError::Storage { side, error });
    }
    tracing::warn!(%side, %error, "a file could not be read");
    Ok(State::Found("unreadable"))
}
