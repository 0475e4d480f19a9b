//! Before anything is recorded: what is visible is made durable, and what was set aside is looked at once more.

use std::sync::atomic::Ordering;

use tandem_core::entry::{Entry, Kind, Revision};
use tandem_core::error::{Cause, StorageError};
use tandem_core::path::RelPath;
use tandem_core::plan::{Action, At, Deed};
use tandem_core::removed;
use tandem_core::side::Side;
use tandem_core::storage::VersionKey;

use super::recording::journal_row;
use super::{Execution, Finished};
use crate::error::{EngineError, Result};
use crate::rescue::Looked;

/// What looking again at what was set aside came to.
#[derive(Default)]
struct Again {
    /// Whether it must be kept for good.
    keep: bool,
    /// What it holds now, if it was written into.
    now: Option<Entry>,
}

impl Execution<'_> {
    /// What an earlier run, or a step that failed, made visible is found equal and adopted: only once it is
    /// durable, or a power loss would look like a person's delete. Answers whether that worked.
    pub(super) async fn settle_leftovers(&mut self) -> Result<bool> {
        if !self.engine.unsettled.load(Ordering::Acquire) {
            return Ok(true);
        }
        self.end_commit().await?;
        for side in Side::BOTH {
            if let Err(error) = self.engine.settle(side).await {
                self.out.stopped = Some(EngineError::Storage { side, error });
                return Ok(false);
            }
        }
        self.engine.unsettled.store(false, Ordering::Release);
        Ok(true)
    }

    /// Closes what was done and is durable: looks once more at what was set aside, and records.
    pub(super) async fn close(&mut self, finished: Vec<Finished>) -> Result<()> {
        let finished = self.looked_at_again(finished).await?;
        self.record(finished)
    }

    /// What was done, once what was read for it is durable too, and after a look at what it set aside.
    pub(super) async fn looked_at_again(
        &mut self,
        finished: Vec<Finished>,
    ) -> Result<Vec<Finished>> {
        let finished = self.in_their_roots(finished).await?;
        let mut finished = self.read_is_durable(finished).await?;
        for one in &mut finished {
            if let Some(key) = &one.version
                && let Some(before) = journal_row(&one.action, self.run, self.engine.now()).before
            {
                let again = self.look_again(one.action.side, key, &before).await?;
                one.keep |= again.keep;
                one.set_aside = again.now;
            }
            for row in &mut one.also {
                if let (Some(key), Some(before)) = (&row.version, &row.before) {
                    let again = self.look_again(row.side, key, before).await?;
                    row.keep |= again.keep;
                    row.before = again.now.or_else(|| row.before.take());
                }
            }
        }
        Ok(finished)
    }

    /// Where another folder stands in a root's place, as when a disk goes away, nothing tells what was done before that
    /// and what in the other folder. Recorded as in step, the latter would look like a delete once the root is back (P10).
    async fn in_their_roots(&mut self, mut finished: Vec<Finished>) -> Result<Vec<Finished>> {
        for side in Side::BOTH {
            if !finished.iter().any(|one| one.action.changes(side)) {
                continue;
            }
            let error = match self.engine.root_gone(side).await {
                Ok(None) => continue,
                Ok(Some(_)) => {
                    self.out.is_elsewhere = true;
                    let why = "another folder is in the place of the root";
                    StorageError::new("identity", Cause::NotFound, why)
                }
                Err(EngineError::Storage { error, .. }) => error,
                Err(other) => return Err(other),
            };
            let (there, elsewhere) = finished
                .into_iter()
                .partition(|one| !one.action.changes(side));
            finished = there;
            self.not_in_step(elsewhere, &error)?;
        }
        Ok(finished)
    }

    /// What a person saved may be lost to a power cut; recorded as in step, that would look like an edit or a delete.
    /// So what was read is made durable on its own side first. What could not be is not recorded.
    pub(super) async fn read_is_durable(
        &mut self,
        mut finished: Vec<Finished>,
    ) -> Result<Vec<Finished>> {
        for side in Side::BOTH {
            let mut read = Vec::new();
            for one in &finished {
                read.extend(self.read_on(side, &one.action)?);
            }
            if read.is_empty() || removed!("flush") {
                continue;
            }
            let Err(error) = self.engine.root(side).make_durable(&read).await else {
                continue;
            };
            let (cause, text) = (error.cause, error.to_string());
            let mut lost = Vec::new();
            for one in std::mem::take(&mut finished) {
                match self.read_on(side, &one.action)? {
                    None => finished.push(one),
                    Some(_) => lost.push(one),
                }
            }
            self.note_own_writes(&lost)?;
            for one in lost {
                let error = StorageError::new("read", cause, text.clone());
                self.gave_up_keeping(&one.action, error, one.intent, one.version)?;
            }
        }
        Ok(finished)
    }

    /// The file that an action takes from a side as it is there.
    fn read_on(&self, side: Side, action: &Action) -> Result<Option<(RelPath, Revision)>> {
        let read = |at: &At| Some((at.path.clone(), at.entry.revision.clone()));
        if action.standing.kind != Kind::File {
            return Ok(None);
        }
        Ok(match &action.deed {
            Deed::Transfer { from, .. } if action.side != side => read(from),
            Deed::Duplicate { from, .. } if action.side == side => read(from),
            Deed::Adopt {
                source,
                destination,
                ..
            } => {
                let entry = match side {
                    Side::Source => source,
                    Side::Destination => destination,
                };
                let path = self.engine.place_of(action, side)?;
                path.map(|path| (path, entry.revision.clone()))
            }
            _ => None,
        })
    }

    /// Answers whether what was set aside must be kept for good.
    async fn look_again(&mut self, side: Side, key: &VersionKey, before: &Entry) -> Result<Again> {
        match self.engine.look_at_version(side, key, before).await? {
            Looked::Unchanged => Ok(Again::default()),
            Looked::Doubtful => Ok(Again {
                keep: true,
                now: None,
            }),
            Looked::Brought(brought) => {
                for side in Side::BOTH {
                    self.out.doubts[side].add_all(&brought.doubts[side]);
                }
                Ok(Again {
                    keep: true,
                    now: Some(brought.now),
                })
            }
        }
    }
}
