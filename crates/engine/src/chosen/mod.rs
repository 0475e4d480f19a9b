//! What a person chose, done on one side at once: undo, restore, resolve, repair.
//!
//! The same rules hold as for a plan's actions: each names what must still be there, what is replaced is set
//! aside, nothing is recorded before it is durable, and everything is in the journal. A normal pass then
//! carries what is to be carried.

mod means;

use tandem_core::content::SharedContent;
use tandem_core::entry::{Entry, Kind};
use tandem_core::error::{Cause, StorageError};
use tandem_core::path::RelPath;
use tandem_core::plan::{At, BaseItem, Reason};
use tandem_core::side::{PerSide, Side};
use tandem_core::storage::{Committed, Discard, Expected, Keep, Locator, Meta, VersionKey};

use crate::engine::Engine;
use crate::error::{EngineError, Result};
use crate::event::Event;
use crate::observe::Doubt;
use crate::report::{ActionKind, Outcome, Summary};
use crate::settling::Unrecorded;
use crate::state::{JournalRow, UNDONE};
use crate::views::log_line;

pub(crate) use means::Left;

/// So many changes are made durable and recorded together.
const GROUP: usize = 256;

type Answer<T> = tandem_core::error::Result<T>;

/// A change that was made and is not recorded yet.
struct Made {
    row: JournalRow,
    at: RelPath,
    target: Option<RelPath>,
    /// The line that it takes back.
    undoes: Option<i64>,
    /// Whether the place is not carried from now on.
    detach: bool,
    /// The item that is in step again as the sides are now.
    rejoin: Option<Box<BaseItem>>,
}

/// Changes under way, all of one run.
pub(crate) struct Chosen<'a> {
    engine: &'a Engine,
    run: i64,
    reason: Reason,
    made: Vec<Made>,
    /// What is taken back unless it is recorded.
    intents: Vec<i64>,
    unrecorded: Unrecorded<'a>,
    /// Where to look next.
    pub(crate) doubts: PerSide<Doubt>,
    /// What was done so far.
    pub(crate) summary: Summary,
}

/// What is noted of a change besides what it did.
#[derive(Debug, Clone, Default)]
pub(crate) struct Note {
    /// The pre-image is content nobody derived anything from.
    pub(crate) keep: bool,
    /// The line that it takes back.
    pub(crate) undoes: Option<i64>,
    /// Whether the place is not carried from now on.
    pub(crate) detach: bool,
    /// The item that was taken out of step for the change: afterwards it counts as in step again, each side
    /// with what it has, until either changes it.
    pub(crate) rejoin: Option<Box<BaseItem>>,
}

fn locate(at: &At) -> Locator {
    Locator {
        path: at.path.clone(),
        id: at.entry.id.clone(),
    }
}

fn taken(operation: &'static str, path: &RelPath) -> StorageError {
    StorageError::new(
        operation,
        Cause::PreconditionFailed,
        "something else was there",
    )
    .at(path)
}

impl<'a> Chosen<'a> {
    /// A new run. The caller holds the lock that lets one pass run at a time.
    pub(crate) fn begin(engine: &'a Engine, reason: Reason) -> Result<Self> {
        let run = engine.state().next_run()?;
        Ok(Self {
            engine,
            run,
            reason,
            made: Vec::new(),
            intents: Vec::new(),
            unrecorded: Unrecorded::none(engine),
            doubts: PerSide::default(),
            summary: Summary::default(),
        })
    }

    /// Writes content to a place that is as `before` says.
    pub(crate) async fn put(
        &mut self,
        side: Side,
        path: &RelPath,
        (content, meta): (SharedContent, Meta),
        before: Option<&Entry>,
        (keep, kind, note): (Keep, ActionKind, Note),
    ) -> Answer<Entry> {
        self.make_room(side, path).await?;
        let bytes = content.len();
        let expected = Expected::of(before);
        let writing = self
            .engine
            .write_one(side, path, (content, &meta), (expected, keep));
        let written = writing.await;
        let committed = self.done(written)?;
        let row = JournalRow {
            bytes,
            ..self.row(side, kind, path, before, &note)
        };
        self.landed(row, path, None, &committed, note)
    }

    /// Puts a version at a path that is free.
    pub(crate) async fn bring_back(
        &mut self,
        side: Side,
        path: &RelPath,
        (key, entry): (&VersionKey, &Entry),
        (kind, note): (ActionKind, Note),
    ) -> Answer<Entry> {
        self.make_room(side, path).await?;
        let root = self.engine.root(side);
        let restored = root.restore_version(key, path, &Expected::of(None)).await;
        let committed = self.done(restored)?;
        let row = JournalRow {
            bytes: entry.size,
            ..self.row(side, kind, path, None, &note)
        };
        self.landed(row, path, None, &committed, note)
    }

    /// Moves an item.
    pub(crate) async fn move_item(
        &mut self,
        side: Side,
        from: &At,
        to: &RelPath,
        note: Note,
    ) -> Result<Answer<Entry>> {
        if let Err(error) = self.make_room(side, to).await {
            return Ok(Err(error));
        }
        let moving = self.engine.move_or_take_back(side, from, to).await?;
        let moved = match self.done(moving.answer) {
            Ok(moved) => moved,
            Err(error) => return Ok(Err(error)),
        };
        self.intents.extend(moving.intent);
        let mut row = self.row(side, ActionKind::Move, &from.path, Some(&from.entry), &note);
        row.target = Some(to.to_string());
        Ok(self.landed(row, &from.path, Some(to), &moved, note))
    }

    /// Deletes a file or link, or a folder that is empty.
    pub(crate) async fn delete(
        &mut self,
        side: Side,
        at: &At,
        keep: &Keep,
        note: Note,
    ) -> Answer<()> {
        let expected = Expected::of(Some(&at.entry));
        let keep = if at.entry.kind == Kind::Folder {
            &Keep::No
        } else {
            keep
        };
        self.unrecorded.begin();
        let root = self.engine.root(side);
        let deleted = root
            .delete(&locate(at), &expected, keep, Discard::Forever)
            .await;
        let deleted = self.done(deleted)?;
        let mut row = self.row(side, ActionKind::Delete, &at.path, Some(&at.entry), &note);
        if let Some(displaced) = deleted.displaced {
            // What was there is kept and shown; it is not what was to be deleted.
            row.before = displaced.entry;
            row.version = Some(displaced.version);
            row.keep = true;
            row.outcome = Outcome::LostRace;
            self.note(row, at.path.clone(), None, Note::default());
            return Err(taken("delete", &at.path));
        }
        row.version = deleted.kept;
        self.note(row, at.path.clone(), None, note);
        Ok(())
    }

    /// Sets time and executable bit.
    pub(crate) async fn set_meta(
        &mut self,
        side: Side,
        at: &At,
        meta: &Meta,
        note: Note,
    ) -> Answer<Entry> {
        let expected = Expected::of(Some(&at.entry));
        self.unrecorded.begin();
        let root = self.engine.root(side);
        let entry = self.done(root.set_meta(&locate(at), &expected, meta).await)?;
        let mut row = self.row(side, ActionKind::SetMeta, &at.path, Some(&at.entry), &note);
        row.after = Some(entry.clone());
        self.note(row, at.path.clone(), None, note);
        Ok(entry)
    }

    /// Makes a folder.
    pub(crate) async fn create_folder(
        &mut self,
        side: Side,
        path: &RelPath,
        note: Note,
    ) -> Answer<()> {
        self.unrecorded.begin();
        let made = self.engine.root(side).create_folder(path).await;
        let entry = self.done(made)?;
        let mut row = self.row(side, ActionKind::CreateFolder, path, None, &note);
        row.after = Some(entry);
        self.note(row, path.clone(), None, note);
        Ok(())
    }

    /// What a change that failed has done all the same is left behind.
    fn done<T>(&self, answer: Answer<T>) -> Answer<T> {
        if answer.is_err() {
            self.engine.left_unsettled();
        }
        answer
    }

    /// The folder that is to hold the path, and those above it. From now on something may be visible.
    async fn make_room(&mut self, side: Side, path: &RelPath) -> Answer<()> {
        self.unrecorded.begin();
        let Some(folder) = path.parent().filter(|f| !f.is_root()) else {
            return Ok(());
        };
        let root = self.engine.root(side);
        if root
            .stat(&Locator::of_path(folder.clone()))
            .await?
            .is_none()
        {
            root.create_folder(&folder).await?;
        }
        Ok(())
    }

    /// What was displaced by the way is kept and shown; then the change itself did not come about.
    fn landed(
        &mut self,
        mut row: JournalRow,
        at: &RelPath,
        target: Option<&RelPath>,
        committed: &Committed,
        note: Note,
    ) -> Answer<Entry> {
        row.after = Some(committed.entry.clone());
        row.version.clone_from(&committed.kept);
        if committed.displaced.is_none() && committed.landed_as.is_none() {
            self.note(row, at.clone(), target.cloned(), note);
            return Ok(committed.entry.clone());
        }
        if let Some(displaced) = &committed.displaced {
            row.before.clone_from(&displaced.entry);
            row.version = Some(displaced.version.clone());
            row.keep = true;
        }
        row.outcome = Outcome::LostRace;
        self.note(
            row,
            at.clone(),
            target.cloned(),
            Note {
                undoes: None,
                detach: false,
                rejoin: None,
                ..note
            },
        );
        Err(taken("commit", at))
    }

    fn row(
        &self,
        side: Side,
        kind: ActionKind,
        path: &RelPath,
        before: Option<&Entry>,
        note: &Note,
    ) -> JournalRow {
        JournalRow {
            id: 0,
            run: self.run,
            at: self.engine.now(),
            side,
            kind,
            path: path.to_string(),
            target: None,
            bytes: 0,
            reason: self.reason,
            outcome: Outcome::Done,
            error: None,
            before: before.cloned(),
            after: None,
            version: None,
            keep: note.keep,
        }
    }

    fn note(&mut self, row: JournalRow, at: RelPath, target: Option<RelPath>, note: Note) {
        for path in [Some(&at), target.as_ref()].into_iter().flatten() {
            if let Some(folder) = path.parent() {
                self.doubts[row.side].add(folder, false);
            }
        }
        if row.outcome == Outcome::Done {
            self.summary.done += 1;
            self.summary.bytes[row.side] += row.bytes;
            self.summary.run = Some(self.run.unsigned_abs());
        }
        let Note {
            undoes,
            detach,
            rejoin,
            ..
        } = note;
        self.made.push(Made {
            row,
            at,
            target,
            undoes,
            detach,
            rejoin,
        });
    }

    /// Whether what is not recorded yet must be before something is done at a path.
    pub(crate) fn must_record(&self, path: &RelPath) -> bool {
        let touches = |at: &RelPath| at.is_within(path) || path.is_within(at);
        self.made.len() >= GROUP
            || self
                .made
                .iter()
                .any(|m| touches(&m.at) || m.target.as_ref().is_some_and(touches))
    }

    /// Makes durable what was done, and records it in one transaction.
    pub(crate) async fn record(&mut self) -> Result<()> {
        for side in Side::BOTH {
            if self.made.iter().any(|m| m.row.side == side)
                && let Err(error) = self.engine.settle(side).await
            {
                return Err(EngineError::Storage { side, error });
            }
        }
        let mut made = std::mem::take(&mut self.made);
        let intents = std::mem::take(&mut self.intents);
        self.engine.state().transaction(|state| {
            for one in &mut made {
                one.row.id = state.add_journal(&one.row)?;
                if one.row.outcome != Outcome::Done {
                    continue;
                }
                if let Some(undone) = one.undoes {
                    state.mark_undone(undone, one.row.id)?;
                }
                let (side, after) = (one.row.side, one.row.after.as_ref());
                let place = one.target.as_ref().unwrap_or(&one.at);
                let folder = match &one.target {
                    Some(_) => state.folder_by_path(side, &one.at)?,
                    None => None,
                };
                if one.target.is_some() {
                    state.see_now(side, &one.at, None, None)?;
                }
                state.see_now(side, place, after, folder)?;
                if let (Some(item), Some(after)) = (&one.rejoin, after) {
                    state.rejoin(item, side, after)?;
                } else if let (true, Some(after)) = (one.detach, after) {
                    state.detach(side, place, UNDONE, self.engine.while_it_is(side, after))?;
                }
            }
            state.close_intents(intents)
        })?;
        self.unrecorded.end();
        for one in &made {
            self.engine
                .setup
                .events
                .event(Event::Action(log_line(&one.row)));
        }
        Ok(())
    }

    /// What a normal pass makes of what was done. The lock must be free again.
    pub(crate) async fn carry(
        engine: &Engine,
        doubts: PerSide<Doubt>,
        chosen: Summary,
    ) -> Result<Summary> {
        let mut summary = engine.pass(doubts, true).await?;
        summary.done += chosen.done;
        summary.failed += chosen.failed;
        summary.run = chosen.run.or(summary.run);
        for side in Side::BOTH {
            summary.bytes[side] += chosen.bytes[side];
        }
        Ok(summary)
    }
}
