//! Superseded versions go when they are old, or the oldest when there are too many; and so do old lines of the
//! journal (DESIGN 5.6, P1, P22).

use tandem_core::entry::Entry;
use tandem_core::guard::{Evidence, Fact, Guard, Hold, versions_full};
use tandem_core::mutant;
use tandem_core::plan::{Action, Deed, Retain};
use tandem_core::side::Side;
use tandem_core::time::Timestamp;

use crate::engine::Engine;
use crate::error::Result;
use crate::guarding::Census;
use crate::rescue::Looked;
use crate::state::JournalRow;

/// Nanoseconds in an hour: passes prune once in so long.
const HOUR: i64 = 3_600_000_000_000;

/// Nanoseconds in a day, under which no version is pruned.
const DAY: i64 = 24 * HOUR;

/// A clock that has gone on by more than this between two looks may be wrong, in nanoseconds.
const LEAP: i64 = 2 * DAY;

/// When it was last looked for versions that are too old.
const LOOKED_AT: &str = "pruned";

/// Lines of the journal that keep nothing go after so many days.
const JOURNAL_DAYS: i64 = 400;

impl Engine {
    /// Removes superseded versions that are older than the settings keep them, and the oldest beyond the
    /// size limit; none within its first day, and none from which nothing later was derived (P1). Answers
    /// how many.
    ///
    /// # Errors
    /// A state that cannot be read or written. A version that a storage does not let go is left for the
    /// next time.
    pub async fn prune_versions(&self) -> Result<u64> {
        let now = self.now();
        self.state().set_meta(LOOKED_AT, &now.0.to_string())?;
        let mut pruned = 0;
        for side in Side::BOTH {
            pruned += self.prune_side(side, now).await?;
        }
        self.state()
            .transaction(|state| state.prune_journal(now.plus(-JOURNAL_DAYS * DAY)))?;
        Ok(pruned)
    }

    /// Prunes if that was not done within the hour, or a limit is exceeded. After days of which nothing is known the
    /// clock may be wrong: then it must be an hour later by it first, without another leap.
    pub(crate) async fn prune_if_due(&self) -> Result<()> {
        let now = self.now();
        let last = self.state().meta(LOOKED_AT)?.and_then(|t| t.parse().ok());
        let since = last.map(|last: i64| now.0.saturating_sub(last));
        // A clock that was set back counts as an hour too.
        let recent = since.is_some_and(|since| (0..HOUR).contains(&since));
        if recent && !self.is_beyond_limit()? {
            return Ok(());
        }
        let leapt = since.is_some_and(|since| since > LEAP);
        if leapt && !mutant!("P1 one wrong clock prunes") {
            return self.state().set_meta(LOOKED_AT, &now.0.to_string());
        }
        self.prune_versions().await.map(|_| ())
    }

    fn is_beyond_limit(&self) -> Result<bool> {
        let Some(limit) = self.setup.options.versions.largest_total else {
            return Ok(false);
        };
        for side in Side::BOTH {
            if self.state().kept_bytes(side, None)? > limit {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn prune_side(&self, side: Side, now: Timestamp) -> Result<u64> {
        let settings = &self.setup.options.versions;
        let young = if mutant!("P1 a version is pruned early") {
            now
        } else {
            now.plus(-DAY)
        };
        let oldest = if mutant!("P1 a version is pruned before its time") {
            now.plus(-HOUR)
        } else {
            now.plus(-DAY.saturating_mul(i64::from(settings.days.max(1))))
        };
        let mut total = match settings.largest_total {
            Some(_) => self.state().kept_bytes(side, None)?,
            None => 0,
        };
        let beyond = |total: u64| settings.largest_total.is_some_and(|most| total > most);
        let mut pruned = 0;
        let mut after = (Timestamp(i64::MIN), 0);
        loop {
            let until = if beyond(total) { young } else { oldest };
            let rows = self.state().superseded(side, until, after)?;
            let Some(last) = rows.last() else {
                return Ok(pruned);
            };
            after = (last.at, last.id);
            for row in &rows {
                if (row.at <= oldest || beyond(total)) && self.prune_row(row).await? {
                    total = total.saturating_sub(row.kept_bytes());
                    pruned += 1;
                }
            }
        }
    }

    /// Removes one version; `false` if it stays for now.
    async fn prune_row(&self, row: &JournalRow) -> Result<bool> {
        let Some(key) = &row.version else {
            return Ok(false);
        };
        if let Some(before) = &row.before {
            match self.look_at_version(row.side, key, before).await? {
                Looked::Unchanged => {}
                Looked::Brought(brought) => {
                    self.state().keep_version(row.id, &brought.now)?;
                    return Ok(false);
                }
                Looked::Doubtful => return Ok(false),
            }
        }
        if let Err(error) = self.root(row.side).prune_version(key).await {
            tracing::warn!(%error, "a version could not be pruned");
            return Ok(false);
        }
        self.state().forget_version(row.id)?;
        Ok(true)
    }

    /// A side on which the plan would set aside more than the size limit allows, although nothing that may go makes
    /// room for it: rather than that a younger version is pruned, nothing is done.
    pub(crate) fn guard_versions(&self, side: Side, census: &Census) -> Result<Option<Hold>> {
        let limit = self.setup.options.versions.largest_total;
        let Some(most) = limit else {
            return Ok(None);
        };
        let aside = &census.aside[side];
        let since = self.now().plus(-DAY);
        let staying = self.state().kept_bytes(side, Some(since))?;
        if !versions_full(limit, staying, aside.bytes) {
            return Ok(None);
        }
        let evidence = Evidence::from([
            ("side".to_owned(), Fact::Text(side.to_string())),
            ("limit".to_owned(), Fact::Number(most)),
            ("kept".to_owned(), Fact::Number(staying)),
            ("needed".to_owned(), Fact::Number(aside.bytes)),
        ]);
        Ok(Some(Hold::new(
            Guard::VersionsFull,
            aside.actions.clone(),
            evidence,
        )))
    }

    /// Bytes that an action sets aside on a side.
    pub(crate) fn sets_aside(&self, side: Side, action: &Action) -> u64 {
        let keeps = |retain: Retain| retain == Retain::Unseen || self.setup.options.versions.keep;
        if !self.capabilities(side).versions {
            return 0;
        }
        let aside: Option<&Entry> = match &action.deed {
            Deed::Transfer {
                replaces: Some(old),
                retain,
                ..
            } if action.side == side && keeps(*retain) => Some(old),
            Deed::Delete { at, retain, .. } if action.side == side && keeps(*retain) => {
                Some(&at.entry)
            }
            Deed::Merge { source, .. } if side == Side::Source => Some(&source.entry),
            Deed::Merge { destination, .. } if side == Side::Destination => {
                Some(&destination.entry)
            }
            _ => None,
        };
        aside.map_or(0, |entry| entry.size)
    }
}
