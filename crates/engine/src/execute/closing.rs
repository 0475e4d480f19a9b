//! Before anything is recorded: what is visible is made durable, and what was set aside is looked at once more.

use std::sync::atomic::Ordering;

use tandem_core::entry::Entry;
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
            if let Err(error) = self.engine.root(side).settle().await {
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

    /// What was done, after a look at what it set aside.
    pub(super) async fn looked_at_again(
        &mut self,
        mut finished: Vec<Finished>,
    ) -> Result<Vec<Finished>> {
        for one in &mut finished {
            if let Some(key) = &one.version
                && let Some(before) = journal_row(&one.action, self.run, self.engine.now()).before
            {
                let again = self.look_again(one.action.side, key, &before).await?;
                one.keep |= again.keep;
                one.set_aside = again.now;
            }
            if let Some(row) = one.also.as_deref_mut()
                && let (Some(key), Some(before)) = (&row.version, &row.before)
            {
                let again = self.look_again(row.side, key, before).await?;
                row.keep |= again.keep;
                row.before = again.now.or_else(|| row.before.take());
            }
        }
        Ok(finished)
    }

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
