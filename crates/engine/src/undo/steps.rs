//! Taking one action back.

use std::collections::BTreeMap;

use futures_util::StreamExt;
use tandem_core::conflict_name::conflict_name;
use tandem_core::entry::{Entry, Kind, Revision};
use tandem_core::error::Cause;
use tandem_core::names::collision_key;
use tandem_core::path::RelPath;
use tandem_core::plan::{At, Reason};
use tandem_core::side::Side;
use tandem_core::storage::{Depth, Listed, Meta, VersionKey};

use crate::chosen::{Chosen, Left, Note};
use crate::engine::Engine;
use crate::error::{EngineError, Result};
use crate::report::ActionKind;
use crate::state::{JournalRow, Released, UNDONE};

/// What taking one action back came to.
pub(super) enum Undone {
    /// It was done.
    Done,
    /// There is nothing of it left.
    Nothing,
    /// The place has changed since, in the way told, and is left as it is.
    Changed(&'static str),
}

/// A run of undoing.
pub(super) struct Undoing<'a> {
    engine: &'a Engine,
    pub(super) chosen: Chosen<'a>,
    /// By place: the revision that was there before an action which was just undone, and the one that stands
    /// there for it now. The action before that one expects the former.
    stands_for: BTreeMap<(Side, RelPath), (Revision, Revision)>,
}

impl Engine {
    /// Everything below a folder of a side, by path.
    async fn list_below(&self, side: Side, folder: &RelPath) -> Result<BTreeMap<RelPath, Entry>> {
        let mut listing = self.root(side).list(folder, Depth::Subtree);
        let mut found = BTreeMap::new();
        while let Some(listed) = listing.next().await {
            if let Listed::Folder(listing) = listed.map_err(Self::storage_error(side))? {
                let folder = listing.folder;
                found.extend(
                    listing
                        .entries
                        .into_iter()
                        .map(|e| (folder.join(&e.name), e)),
                );
            }
        }
        Ok(found)
    }
}

impl<'a> Undoing<'a> {
    pub(super) fn begin(engine: &'a Engine) -> Result<Self> {
        Ok(Self {
            engine,
            chosen: Chosen::begin(engine, Reason::Undo)?,
            stands_for: BTreeMap::new(),
        })
    }

    pub(super) async fn undo(&mut self, row: &JournalRow) -> Result<Undone> {
        let damaged = |e: tandem_core::path::PathError| EngineError::DamagedState(e.to_string());
        let path = RelPath::new(&row.path).map_err(damaged)?;
        let target = row
            .target
            .as_deref()
            .map(RelPath::new)
            .transpose()
            .map_err(damaged)?;
        for touched in [Some(&path), target.as_ref()].into_iter().flatten() {
            if self.chosen.must_record(touched) {
                self.chosen.record().await?;
            }
        }
        match (row.kind, target) {
            (ActionKind::Create | ActionKind::CreateFolder, _) => {
                self.undo_create(row, &path).await
            }
            (ActionKind::Restore, _) if row.before.is_none() => self.undo_create(row, &path).await,
            (ActionKind::Replace | ActionKind::Restore, _) => self.undo_replace(row, &path).await,
            (ActionKind::Move, Some(target)) => self.undo_move(row, &path, &target).await,
            (ActionKind::SetMeta, _) => self.undo_meta(row, &path).await,
            (ActionKind::Delete, _) => self.undo_delete(row, &path).await,
            _ => Ok(Undone::Nothing),
        }
    }

    /// Whether the place is still as the action left it.
    fn is_as_left(&self, row: &JournalRow, path: &RelPath, now: &Entry) -> bool {
        let Some(after) = &row.after else {
            return false;
        };
        if after.kind != now.kind {
            return false;
        }
        if now.kind == Kind::Folder {
            // What happens in a folder changes its revision on some sides; its id stays.
            return after.id == now.id;
        }
        let stood_for = self.stands_for.get(&(row.side, path.clone()));
        let same = after.revision == now.revision && after.size == now.size;
        same || stood_for
            .is_some_and(|(before, stands)| *before == after.revision && *stands == now.revision)
    }

    /// What stands at a place now counts as what stood there before the action.
    fn stands(&mut self, row: &JournalRow, path: &RelPath, now: Option<&Entry>) {
        if let (Some(before), Some(now)) = (&row.before, now) {
            let revisions = (before.revision.clone(), now.revision.clone());
            self.stands_for.insert((row.side, path.clone()), revisions);
        }
    }

    /// Whether what is undone must not be carried. The undoing of an undoing lets the sides meet again.
    fn detaches(&self, row: &JournalRow) -> bool {
        let one_way = self.engine.setup.options.policy.mode.leader().is_some();
        let came_over = matches!(
            row.kind,
            ActionKind::Create | ActionKind::CreateFolder | ActionKind::Replace | ActionKind::Move
        );
        row.reason != Reason::Undo && (one_way || came_over)
    }

    fn note(&self, row: &JournalRow) -> Note {
        // A conflict copy is what nobody derived anything from, wherever it goes.
        let keep =
            matches!(row.reason, Reason::ConflictKeptBoth(_)) && row.kind == ActionKind::Create;
        Note {
            keep,
            undoes: Some(row.id),
            detach: self.detaches(row),
            rejoin: None,
        }
    }

    fn leave_alone(&self, row: &JournalRow, path: &RelPath, now: &Entry) -> Result<Left> {
        if self.detaches(row) {
            self.engine.leave_alone(row.side, path, now)
        } else {
            Ok(Left::default())
        }
    }

    /// What the storage answered: a lost race is a change since.
    fn outcome<T>(
        &self,
        row: &JournalRow,
        path: &RelPath,
        left: &Left,
        answer: tandem_core::error::Result<T>,
    ) -> Result<Option<T>> {
        let error = match answer {
            Ok(done) => return Ok(Some(done)),
            Err(error) => error,
        };
        if self.detaches(row) {
            self.engine.carry_again(row.side, path, left)?;
        }
        if error.is_lost_race() {
            Ok(None)
        } else {
            Err(EngineError::Storage {
                side: row.side,
                error,
            })
        }
    }

    async fn undo_create(&mut self, row: &JournalRow, path: &RelPath) -> Result<Undone> {
        let Some(now) = self.engine.stat(row.side, path).await? else {
            return Ok(Undone::Nothing);
        };
        if !self.is_as_left(row, path, &now) {
            return Ok(Undone::Changed("has changed since and is left as it is"));
        }
        let note = self.note(row);
        let keep = if note.keep {
            self.engine.keep_unseen(row.side, path)?
        } else {
            self.engine.keep_superseded(row.side, path)
        };
        let left = self.leave_alone(row, path, &now)?;
        let at = At {
            path: path.clone(),
            entry: now,
        };
        let answer = self.chosen.delete(row.side, &at, &keep, note).await;
        let done = self.outcome(row, path, &left, answer)?;
        Ok(if done.is_some() {
            Undone::Done
        } else {
            Undone::Changed("is no longer as it was made")
        })
    }

    async fn undo_replace(&mut self, row: &JournalRow, path: &RelPath) -> Result<Undone> {
        let (Some(before), Some(version)) = (&row.before, &row.version) else {
            return Ok(Undone::Changed("was replaced and its content was not kept"));
        };
        let now = self.engine.stat(row.side, path).await?;
        let Some(now) = now.filter(|now| self.is_as_left(row, path, now)) else {
            return self.put_beside(row, path, version, before).await;
        };
        let keep = self.engine.keep_superseded(row.side, path);
        let content = self.engine.kept_content(row.side, version, before);
        let left = self.leave_alone(row, path, &now)?;
        let note = Note {
            rejoin: left.to_rejoin(),
            ..self.note(row)
        };
        let how = (keep, ActionKind::Replace, note);
        let answer = self
            .chosen
            .put(row.side, path, content, Some(&now), how)
            .await;
        match self.outcome(row, path, &left, answer)? {
            Some(entry) => {
                self.stands(row, path, Some(&entry));
                Ok(Undone::Done)
            }
            None => self.put_beside(row, path, version, before).await,
        }
    }

    async fn undo_move(
        &mut self,
        row: &JournalRow,
        path: &RelPath,
        target: &RelPath,
    ) -> Result<Undone> {
        let side = row.side;
        let Some(now) = self
            .engine
            .stat(side, target)
            .await?
            .filter(|now| self.is_as_left(row, target, now))
        else {
            return Ok(Undone::Changed(
                "was moved, and what was moved has changed since",
            ));
        };
        if let Some(there) = self.engine.stat(side, path).await?
            && !(self.is_one_name(side, path, target) && there.revision == now.revision)
        {
            return Ok(Undone::Changed(
                "was moved, and something else has taken the name since",
            ));
        }
        let left = self.leave_alone(row, target, &now)?;
        let is_folder = now.kind == Kind::Folder;
        let from = At {
            path: target.clone(),
            entry: now,
        };
        let answer = self
            .chosen
            .move_item(side, &from, path, self.note(row))
            .await?;
        let Some(entry) = self.outcome(row, target, &left, answer)? else {
            return Ok(Undone::Changed(
                "was moved, and what was moved has changed since",
            ));
        };
        self.stands(row, path, Some(&entry));
        if is_folder && self.detaches(row) {
            self.detach_below(side, target, path, left.released())
                .await?;
        }
        Ok(Undone::Done)
    }

    /// What lay in a folder that was moved back is where it is now, under the revision it has now.
    async fn detach_below(
        &self,
        side: Side,
        from: &RelPath,
        to: &RelPath,
        released: &[Released],
    ) -> Result<()> {
        let now = self.engine.list_below(side, to).await?;
        self.engine.state().transaction(|state| {
            for one in released.iter().filter(|r| r.side == side) {
                let Some(below) = one.path.below(from).filter(|b| !b.is_root()) else {
                    continue;
                };
                let path = to.append(&below);
                state.attach(side, &one.path)?;
                if let Some(entry) = now.get(&path) {
                    state.detach(side, &path, UNDONE, self.engine.while_it_is(side, entry))?;
                }
            }
            Ok(())
        })
    }

    /// Whether the side takes two paths for one, as those of a rename in case only.
    fn is_one_name(&self, side: Side, a: &RelPath, b: &RelPath) -> bool {
        let capabilities = self.engine.capabilities(side);
        let key = |path: &RelPath| {
            path.name()
                .map(|n| collision_key(&n, capabilities.case, capabilities.unicode))
        };
        a.parent() == b.parent() && key(a) == key(b)
    }

    async fn undo_meta(&mut self, row: &JournalRow, path: &RelPath) -> Result<Undone> {
        let Some(before) = &row.before else {
            return Ok(Undone::Nothing);
        };
        let Some(now) = self
            .engine
            .stat(row.side, path)
            .await?
            .filter(|now| self.is_as_left(row, path, now))
        else {
            return Ok(Undone::Changed("has changed since and is left as it is"));
        };
        let meta = Meta {
            target: None,
            ..self.engine.meta_for(row.side, before)
        };
        let left = self.leave_alone(row, path, &now)?;
        let at = At {
            path: path.clone(),
            entry: now,
        };
        let note = Note {
            rejoin: left.to_rejoin(),
            ..self.note(row)
        };
        let answer = match self.chosen.set_meta(row.side, &at, &meta, note).await {
            // Where it could not be set then, there is nothing to set back.
            Err(error) if error.cause == Cause::Unsupported => {
                self.engine.carry_again(row.side, path, &left)?;
                return Ok(Undone::Nothing);
            }
            other => other,
        };
        let done = self.outcome(row, path, &left, answer)?;
        self.stands(row, path, done.as_ref());
        Ok(if done.is_some() {
            Undone::Done
        } else {
            Undone::Changed("has changed since and is left as it is")
        })
    }

    async fn undo_delete(&mut self, row: &JournalRow, path: &RelPath) -> Result<Undone> {
        let Some(before) = &row.before else {
            return Ok(Undone::Nothing);
        };
        let side = row.side;
        let now = self.engine.stat(side, path).await?;
        let note = self.note(row);
        if before.kind == Kind::Folder {
            return match now {
                Some(now) if now.kind == Kind::Folder => Ok(Undone::Nothing),
                Some(_) => Ok(Undone::Changed("is not a folder any more")),
                None => {
                    let answer = self.chosen.create_folder(side, path, note).await;
                    answer.map_err(Engine::storage_error(side))?;
                    Ok(Undone::Done)
                }
            };
        }
        let Some(version) = &row.version else {
            return Ok(Undone::Changed("was deleted and its content was not kept"));
        };
        if now.is_some() {
            return self.put_beside(row, path, version, before).await;
        }
        // Not a `Restore`, so that taking this back detaches as for anything that was created.
        let answer = self
            .chosen
            .bring_back(side, path, (version, before), (ActionKind::Create, note))
            .await;
        match self.outcome(row, path, &Left::default(), answer)? {
            Some(entry) => {
                self.stands(row, path, Some(&entry));
                Ok(Undone::Done)
            }
            None => self.put_beside(row, path, version, before).await,
        }
    }

    /// The path has changed since: the old content gets a name of its own beside it.
    async fn put_beside(
        &mut self,
        row: &JournalRow,
        path: &RelPath,
        version: &VersionKey,
        entry: &Entry,
    ) -> Result<Undone> {
        let (Some(folder), Some(name)) = (path.parent(), path.name()) else {
            return Ok(Undone::Nothing);
        };
        let engine = self.engine;
        let longest = engine
            .capabilities(row.side)
            .names
            .longest_name
            .map_or(255, |n| n as usize);
        let at = entry.mtime.map_or(row.at, |m| m.at);
        let one_way = engine.setup.options.policy.mode.leader().is_some();
        let note = Note {
            keep: false,
            undoes: Some(row.id),
            detach: one_way,
            rejoin: None,
        };
        for ordinal in 1..100 {
            let name = conflict_name(&name, at, engine.setup.device.as_str(), ordinal, longest);
            let beside = folder.join(&name);
            if engine.stat(row.side, &beside).await?.is_some() {
                continue;
            }
            match self
                .chosen
                .bring_back(
                    row.side,
                    &beside,
                    (version, entry),
                    (ActionKind::Create, note.clone()),
                )
                .await
            {
                Ok(_) => return Ok(Undone::Done),
                Err(error) if error.cause == Cause::NotFound => {
                    return Ok(Undone::Changed(
                        "has changed since, and its old content is no longer kept",
                    ));
                }
                Err(error) if error.is_lost_race() => {}
                Err(error) => {
                    return Err(EngineError::Storage {
                        side: row.side,
                        error,
                    });
                }
            }
        }
        Ok(Undone::Changed(
            "has changed since, and no name beside it is free",
        ))
    }
}
