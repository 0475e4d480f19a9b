//! What was set aside: listing it, putting it back (DESIGN 5.6).

use std::collections::BTreeMap;

use tandem_core::entry::{Entry, Kind};
use tandem_core::guard::Digest;
use tandem_core::path::RelPath;
use tandem_core::plan::Reason;
use tandem_core::side::{PerSide, Side};
use tandem_core::storage::VersionKey;

use crate::chosen::{Chosen, Left, Note};
use crate::engine::Engine;
use crate::error::{EngineError, Result};
use crate::observe::Doubt;
use crate::report::{ActionKind, Outcome, Phase, Summary, VersionView};
use crate::state::JournalRow;

/// A version, and how the side that keeps it calls it.
struct Found {
    view: VersionView,
    key: VersionKey,
    entry: Entry,
}

impl Engine {
    /// The versions kept of a path on both sides, newest first; of everything with `None`.
    ///
    /// # Errors
    /// A state that cannot be read; what a storage answered.
    pub async fn versions(&self, path: Option<&str>) -> Result<Vec<VersionView>> {
        let path = path.map(parse).transpose()?;
        Ok(self
            .find_versions(path.as_ref())
            .await?
            .into_iter()
            .map(|f| f.view)
            .collect())
    }

    /// Puts a version back under the path it had, on the side that keeps it; the newest if none is named.
    /// What is there now is kept for good. A normal pass then carries it; where the mode has this side
    /// follow, it is detached instead until the leading side changes the item.
    ///
    /// # Errors
    /// No such version; a folder in its place; what a storage answered.
    pub async fn restore(&self, path: &str, version: Option<&str>) -> Result<Summary> {
        let pair_path = parse(path)?;
        let (doubts, summary) = {
            let _one = self.passing.lock().await;
            self.phase(Phase::Syncing);
            let done = self.restore_alone(&pair_path, version).await;
            self.phase(Phase::Still);
            done?
        };
        Chosen::carry(self, doubts, summary).await
    }

    async fn restore_alone(
        &self,
        path: &RelPath,
        version: Option<&str>,
    ) -> Result<(PerSide<Doubt>, Summary)> {
        self.require_roots().await?;
        let found = self.find_versions(Some(path)).await?;
        let chosen = found
            .into_iter()
            .find(|f| version.is_none_or(|id| f.view.id == id));
        let Some(found) = chosen else {
            let id = version.unwrap_or(path.as_str()).to_owned();
            return Err(EngineError::NotFound {
                what: "version",
                id,
            });
        };
        let side = found.view.side;
        let to = found.key.path().clone();
        let now = self.stat(side, &to).await?;
        let follows = self
            .setup
            .options
            .policy
            .mode
            .leader()
            .is_some_and(|leader| leader != side);
        let mut chosen = Chosen::begin(self, Reason::Chosen)?;
        let mut left = Left::default();
        let answer = match &now {
            Some(now) if !matches!(now.kind, Kind::File | Kind::Symlink) => {
                return Err(EngineError::Refused(format!(
                    "{:?} on the {side} is no file now",
                    to.as_str()
                )));
            }
            Some(now) => {
                let keep = self.keep_unseen(side, &to)?;
                if follows {
                    left = self.leave_alone(side, &to, now)?;
                }
                let content = self.kept_content(side, &found.key, &found.entry);
                let note = Note {
                    keep: true,
                    undoes: None,
                    detach: follows,
                    rejoin: left.to_rejoin(),
                };
                chosen
                    .put(
                        side,
                        &to,
                        content,
                        Some(now),
                        (keep, ActionKind::Restore, note),
                    )
                    .await
            }
            None => {
                let note = Note {
                    detach: follows,
                    ..Note::default()
                };
                chosen
                    .bring_back(
                        side,
                        &to,
                        (&found.key, &found.entry),
                        (ActionKind::Restore, note),
                    )
                    .await
            }
        };
        if let Err(error) = answer {
            if follows {
                self.carry_again(side, &to, &left)?;
            }
            chosen.record().await?;
            return Err(EngineError::Storage { side, error });
        }
        if !follows {
            // A person wants it back: what was detached there no longer is.
            self.state().transaction(|state| {
                Side::BOTH
                    .into_iter()
                    .try_for_each(|side| state.attach(side, &self.native_path(side, path)))
            })?;
        }
        chosen.record().await?;
        Ok((chosen.doubts, chosen.summary))
    }

    async fn find_versions(&self, path: Option<&RelPath>) -> Result<Vec<Found>> {
        let mut found: BTreeMap<String, Found> = BTreeMap::new();
        for side in Side::BOTH {
            let native = path.map(|p| self.native_path(side, p));
            let rows = self
                .state()
                .journal_versions(native.as_ref().map(RelPath::as_str))?;
            let rows: Vec<JournalRow> = rows.into_iter().filter(|r| r.side == side).collect();
            let listed = if self.capabilities(side).versions {
                Some(
                    self.root(side)
                        .versions(native.as_ref())
                        .await
                        .map_err(Self::storage_error(side))?,
                )
            } else {
                None
            };
            for version in listed.iter().flatten() {
                let entry = version.entry.clone();
                self.add_version(
                    &mut found,
                    side,
                    version.key.clone(),
                    entry,
                    version.kept_at,
                    false,
                );
            }
            for row in rows {
                let (Some(key), Some(entry)) = (row.version, row.before) else {
                    continue;
                };
                let displaced = row.outcome == Outcome::LostRace;
                match found.get_mut(&id_of(side, &key)) {
                    Some(known) => known.view.displaced |= displaced,
                    // What the side no longer lists is gone.
                    None if listed.is_some() => {}
                    None => self.add_version(&mut found, side, key, entry, row.at, displaced),
                }
            }
        }
        let mut found: Vec<Found> = found.into_values().collect();
        found.sort_by(|a, b| {
            b.view
                .kept_at
                .cmp(&a.view.kept_at)
                .then_with(|| a.view.id.cmp(&b.view.id))
        });
        Ok(found)
    }

    fn add_version(
        &self,
        found: &mut BTreeMap<String, Found>,
        side: Side,
        key: VersionKey,
        entry: Entry,
        kept_at: tandem_core::time::Timestamp,
        displaced: bool,
    ) {
        // A folder is put back by putting back what was in it.
        if entry.kind == Kind::Folder {
            return;
        }
        let view = VersionView {
            id: id_of(side, &key),
            side,
            path: self.pair_path(side, key.path()).to_string(),
            size: entry.size,
            mtime: entry.mtime.map(|m| m.at),
            kept_at,
            displaced,
        };
        found
            .entry(view.id.clone())
            .or_insert(Found { view, key, entry });
    }
}

/// The same version has the same id however it was found.
fn id_of(side: Side, key: &VersionKey) -> String {
    let letter = match side {
        Side::Source => 's',
        Side::Destination => 'd',
    };
    format!(
        "{letter}:{:016x}",
        Digest::new().text(&format!("{key:?}")).value()
    )
}

pub(crate) fn parse(path: &str) -> Result<RelPath> {
    RelPath::new(path).map_err(|_| EngineError::NotFound {
        what: "path",
        id: path.to_owned(),
    })
}
