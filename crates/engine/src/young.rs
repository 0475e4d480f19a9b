//! Compares what was recorded while it was young: so soon after it was written that its side would have given another
//! edit the same revision (DESIGN 4, step 2).
//!
//! Steps shorter than a second, the ticks of a disk, are waited for before a file is carried, where its revision says
//! when it was written; what somebody writes within one of them right after Tandem did is the window that P7 documents.
//! Otherwise the file is carried, and its content compared once another edit shows. Up to two seconds a pass waits for
//! that; what takes longer is left to the next.

use std::sync::Arc;
use std::time::Duration;

use tandem_core::capabilities::Capabilities;
use tandem_core::entry::Entry;
use tandem_core::environment::BoxFuture;
use tandem_core::mutant;
use tandem_core::path::RelPath;
use tandem_core::plan::record::add_hashes;
use tandem_core::side::PerSide;
use tandem_core::storage::Locator;
use tandem_core::time::Timestamp;

use crate::carried::Carried;
use crate::engine::Engine;
use crate::error::{EngineError, Result};
use crate::observe::Doubt;
use crate::parallel::answers_in_parallel;
use crate::state::YoungFile;

/// Steps from here on are not waited for, in nanoseconds.
const COARSE: u64 = 1_000_000_000;

/// Whether a file was left alone for longer than its side's `granularity` before it was carried: its revision must say
/// when it was written.
pub(crate) fn is_waited_for(entry: &Entry, granularity: u64) -> bool {
    granularity < COARSE && entry.touched_at().is_some()
}

/// Until when another edit may get the revision that a file has; without a time of its own it is taken to be of now.
pub(crate) fn young_until(entry: &Entry, granularity: u64, now: Timestamp) -> Timestamp {
    let by_server = entry.mtime.filter(|m| !m.by_client).map(|m| m.at);
    let written = entry.touched_at().or(by_server).unwrap_or(now);
    let twice = i64::try_from(granularity.saturating_mul(2)).unwrap_or(i64::MAX);
    written.min(now).plus(twice)
}

/// For so long a pass waits before it reports.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// What could not be compared, or was edited and may be held, is compared again after so many nanoseconds.
const AGAIN: i64 = 60_000_000_000;

/// So many are compared, and then noted, together.
const TOGETHER: usize = 256;

/// The granularity of a side's revisions, if content is compared for it. What a server makes of content on arrival is
/// never what was sent.
pub(crate) fn compared_granularity(capabilities: &Capabilities) -> Option<u64> {
    let granularity = capabilities.revision_granularity;
    (granularity > 0 && !capabilities.mutates_content).then_some(granularity)
}

/// For how long a file must have been left alone before it is carried, where that is waited for; in nanoseconds.
pub(crate) fn settling_time(capabilities: &Capabilities) -> u64 {
    match capabilities.revision_granularity {
        fine if fine < COARSE => fine * 2,
        _ => 0,
    }
}

impl Engine {
    /// Compares the content of files that are young no longer with what was recorded. What differs was edited.
    pub(crate) async fn compare_young(&self) -> Result<()> {
        let files = self.state().no_longer_young(self.now())?;
        if mutant!("P15 a second edit under one revision is not looked for") {
            return Ok(());
        }
        for some in files.chunks(TOGETHER) {
            self.compare_some(some).await?;
        }
        Ok(())
    }

    async fn compare_some(&self, files: &[YoungFile]) -> Result<()> {
        let (mut compared, mut jobs) = (Vec::new(), Vec::new());
        for file in files {
            let recorded = self.state().as_in_base(file)?;
            let folder = self.path_of(file.side, file.folder)?;
            if let (Some(recorded), Some(folder)) = (recorded, folder) {
                jobs.push(self.content_now(file, folder, recorded.clone()));
                compared.push((file, recorded));
            } else {
                self.state().drop_young(file)?;
            }
        }
        let limit = self.setup.options.limits.transfers;
        let answers = answers_in_parallel(&self.setup.environment, limit, jobs).await;
        let again = self.now().plus(AGAIN);
        let mut failed = None;
        self.state().transaction(|state| {
            for ((file, recorded), answer) in compared.into_iter().zip(answers) {
                match answer {
                    Ok(Some(now)) if now.same_by_hash(&recorded) == Some(false) => {
                        state.see_edited(file, &now)?;
                        state.compare_at(file, again)?;
                    }
                    Ok(Some(_)) => state.drop_young(file)?,
                    Ok(None) => state.compare_at(file, again)?,
                    Err(error) if error.is_transient() => {
                        let side = file.side;
                        failed.get_or_insert(EngineError::Storage { side, error });
                    }
                    Err(error) => {
                        tracing::debug!(side = %file.side, %error, "a young file could not be compared");
                        state.compare_at(file, again)?;
                    }
                }
            }
            Ok(())
        })?;
        failed.map_or(Ok(()), Err)
    }

    /// The entry with the hash of what is there now; `None` if it is another one, which a look will show.
    fn content_now(
        &self,
        file: &YoungFile,
        folder: RelPath,
        recorded: Entry,
    ) -> BoxFuture<tandem_core::error::Result<Option<Entry>>> {
        let root = Arc::clone(self.root(file.side));
        let throttle = Arc::clone(&self.throttles[file.side]);
        let environment = Arc::clone(&self.setup.environment);
        let at = Locator {
            path: folder.join(&file.name),
            id: recorded.id.clone(),
        };
        Box::pin(async move {
            let there = root.stat(&at).await?;
            let is_same = |e: &Entry| {
                e.name == recorded.name
                    && e.revision == recorded.revision
                    && e.size == recorded.size
            };
            let Some(mut now) = there.filter(is_same) else {
                return Ok(None);
            };
            if now.same_by_hash(&recorded).is_none() {
                let content = Carried::new(root, at, now.clone(), throttle, environment);
                add_hashes(&mut now.hashes, &[content.hash().await?]);
            }
            Ok(Some(now))
        })
    }

    /// How long it takes until some file is young no longer, if a pass waits for it.
    pub(crate) fn soon_no_longer_young(&self) -> Result<Option<Duration>> {
        let state = self.state();
        let until = state.next_no_longer_young()?;
        let left = until.map(|until| until.0.saturating_sub(state.now.0).max(0).unsigned_abs());
        Ok(left
            .map(Duration::from_nanos)
            .filter(|left| *left <= LONGEST_WAIT))
    }

    /// When to begin a pass for a file that is young no longer, and where to look. What the last pass did not come to
    /// waits as long as what it could not compare.
    pub(crate) fn until_no_longer_young(&self) -> Result<Option<(Duration, PerSide<Doubt>)>> {
        let state = self.state();
        let Some(until) = state.next_no_longer_young()? else {
            return Ok(None);
        };
        let mut doubts = PerSide::<Doubt>::default();
        for file in state.no_longer_young(until)? {
            let folder = state.path_of(file.side, file.folder)?;
            doubts[file.side].add(folder.unwrap_or_else(RelPath::root), false);
        }
        let left = match until.0.saturating_sub(state.now.0) {
            left if left > 0 => left,
            _ => AGAIN,
        };
        Ok(Some((Duration::from_nanos(left.unsigned_abs()), doubts)))
    }
}
