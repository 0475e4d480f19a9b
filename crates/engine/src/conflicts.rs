//! Conflicts that wait for a person or whose copy is still there, and a person's decision (DESIGN 5.3).

use std::sync::Arc;

use bytes::Bytes;
use tandem_core::content::{BytesContent, SharedContent};
use tandem_core::entry::{Entry, Kind};
use tandem_core::path::RelPath;
use tandem_core::plan::{Action, At, ConflictKind, Deed, ItemId, Reason};
use tandem_core::policy::{ConflictPolicy, FirstSync, Policy};
use tandem_core::side::{PerSide, Side};
use tandem_core::storage::Meta;

use crate::chosen::{Chosen, Note};
use crate::engine::Engine;
use crate::error::{EngineError, Result};
use crate::observe::Doubt;
use crate::report::{ActionKind, ConflictView, Phase, Resolution, SideView, Summary};
use crate::state::{ConflictRow, Loaded};
use crate::versions::parse;
use crate::views::{revision_text, side_view};

/// Keeping both takes a round for the copy and one for the name, and some more where names are taken.
const MOST_ROUNDS: u32 = 6;

impl Engine {
    /// The conflicts that wait for a decision, and those whose copy is still there, oldest first. A copy that
    /// is gone from both sides has resolved its conflict.
    ///
    /// # Errors
    /// A state that cannot be read.
    pub fn conflicts(&self) -> Result<Vec<ConflictView>> {
        // A pass notes a conflict before it makes the copy: what is not there yet has resolved nothing.
        let is_still = self.passing.try_lock();
        let rows = self.state().conflicts()?;
        let mut views = Vec::new();
        for row in rows {
            if self.is_open(&row)? {
                views.push(self.conflict_view(row)?);
            } else if is_still.is_some() {
                self.state().drop_conflict(&row.id)?;
            }
        }
        Ok(views)
    }

    fn is_open(&self, row: &ConflictRow) -> Result<bool> {
        let state = self.state();
        if row.waits {
            let places = self.places(&row.path, Side::Destination)?;
            return Ok(state.differs_at(Side::Source, &places.source)?
                && state.differs_at(Side::Destination, &places.destination)?);
        }
        let Some(copy) = &row.copy else {
            return Ok(false);
        };
        let places = self.places(copy, Side::Source)?;
        Ok(state.shown_at(Side::Source, &places.source)?.is_some()
            || state
                .shown_at(Side::Destination, &places.destination)?
                .is_some())
    }

    /// A path that one side spells so, as each side spells it.
    pub(crate) fn places(&self, path: &str, spelt_on: Side) -> Result<PerSide<RelPath>> {
        let native = parse(path)?;
        let pair = self.pair_path(spelt_on, &native);
        Ok(PerSide::from_fn(|side| {
            if side == spelt_on {
                native.clone()
            } else {
                self.native_path(side, &pair)
            }
        }))
    }

    fn conflict_view(&self, row: ConflictRow) -> Result<ConflictView> {
        let sides = self.known_versions(&row)?;
        Ok(ConflictView {
            id: row.id,
            path: row.path,
            copy: row.copy,
            is_settled: is_structural(&row.kind),
            kind: row.kind,
            sides,
            since: row.since,
        })
    }

    /// Both versions as [`Engine::conflict_versions`] finds them, but from what is known, without asking a storage.
    fn known_versions(&self, row: &ConflictRow) -> Result<PerSide<Option<SideView>>> {
        let state = self.state();
        let names = self.places(&row.path, Side::Destination)?;
        let known = |side: Side, at: &RelPath| -> Result<Option<SideView>> {
            let entry = state.shown_at(side, at)?;
            Ok(entry.map(|entry| side_view(at, &entry)))
        };
        let mut sides = PerSide::default();
        if let Some(copy) = row.copy.as_ref().filter(|_| !row.waits) {
            let copies = self.places(copy, Side::Source)?;
            for side in [Side::Destination, Side::Source] {
                let (copy, name) = (known(side, &copies[side])?, known(side, &names[side])?);
                if copy.is_some() && name.is_some() {
                    return Ok(PerSide::new(copy, name));
                }
            }
            return Ok(sides);
        }
        for side in Side::BOTH {
            sides[side] = known(side, &names[side])?;
        }
        Ok(sides)
    }

    /// Keeps the version that a person chose. What loses is set aside, and a normal pass carries the rest.
    ///
    /// # Errors
    /// No such conflict; something that changed in between; what a storage answered.
    pub async fn resolve(&self, id: &str, how: Resolution) -> Result<()> {
        self.resolve_seen(id, how, None).await
    }

    /// The same for a person who was shown these revisions ([`crate::report::SideView::revision`]): if there are others
    /// by now, nothing is done.
    ///
    /// # Errors
    /// As [`Engine::resolve`].
    pub async fn resolve_seen(
        &self,
        id: &str,
        how: Resolution,
        seen: Option<&PerSide<Option<String>>>,
    ) -> Result<()> {
        let doubts = {
            let _one = self.passing.lock().await;
            let row = self.conflict_row(id)?;
            self.require_roots().await?;
            self.phase(Phase::Syncing);
            let done = if row.waits {
                self.resolve_waiting(&row, how, seen).await
            } else {
                self.resolve_copy(&row, how, seen).await
            };
            self.phase(Phase::Still);
            let doubts = done?;
            self.state().drop_conflict(id)?;
            doubts
        };
        self.pass(doubts, true).await?;
        Ok(())
    }

    pub(crate) fn conflict_row(&self, id: &str) -> Result<ConflictRow> {
        let row = self.state().conflict(id)?;
        row.ok_or_else(|| EngineError::NotFound {
            what: "conflict",
            id: id.to_owned(),
        })
    }

    async fn resolve_waiting(
        &self,
        row: &ConflictRow,
        how: Resolution,
        seen: Option<&PerSide<Option<String>>>,
    ) -> Result<PerSide<Doubt>> {
        let places = self.places(&row.path, Side::Destination)?;
        let doubts = PerSide::from_fn(|side| folder_of(&places[side]));
        self.look(&doubts).await?;
        // What is planned from here on expects what the state shows now.
        let mut now = PerSide::default();
        for side in Side::BOTH {
            now[side] = self.state().shown_at(side, &places[side])?;
        }
        require_seen(row, seen, now.as_ref().map(Option::as_ref))?;
        match how {
            Resolution::Source => self.follow(row, ConflictPolicy::SourceWins).await?,
            Resolution::Destination => self.follow(row, ConflictPolicy::DestinationWins).await?,
            Resolution::Both => self.follow(row, ConflictPolicy::KeepBoth).await?,
            Resolution::Merged(bytes) => self.write_merged(row, bytes).await?,
        }
        Ok(doubts)
    }

    /// Does with this item what the pair would do under another policy.
    async fn follow(&self, row: &ConflictRow, policy: ConflictPolicy) -> Result<()> {
        let run = self.state().next_run()?;
        for _ in 0..MOST_ROUNDS {
            let (actions, loaded) = self.plan_item(row.item, policy).await?;
            if actions.is_empty() {
                return Ok(());
            }
            let plan = tandem_core::plan::Plan {
                actions,
                ..Default::default()
            };
            let done = self
                .execute(plan, loaded, run, &mut Summary::default())
                .await?;
            if let Some(stopped) = done.stopped {
                return Err(stopped);
            }
            if !done.failed.is_empty() || !done.raced.is_empty() {
                return Err(changed(&row.path));
            }
            self.look(&done.doubts).await?;
        }
        Ok(())
    }

    /// What the pair would do with one item under another policy.
    async fn plan_item(
        &self,
        item: ItemId,
        conflict: ConflictPolicy,
    ) -> Result<(Vec<Action>, Loaded)> {
        let policy = Policy {
            conflict,
            first_sync: FirstSync::Merge,
            ..self.setup.options.policy.clone()
        };
        let (plan, loaded) = self.plan_under(&policy).await?;
        let mut actions = plan.actions;
        actions.retain(|a| a.standing.item == item);
        for action in &mut actions {
            // A copy keeps its reason: by it copies are counted, and kept when they are undone.
            if !matches!(action.deed, Deed::Duplicate { .. }) {
                action.reason = Reason::Chosen;
            }
        }
        Ok((actions, loaded))
    }

    /// Writes the merged content to both sides, each as it was when it was looked at.
    async fn write_merged(&self, row: &ConflictRow, bytes: Vec<u8>) -> Result<()> {
        let (actions, _) = self.plan_item(row.item, ConflictPolicy::SourceWins).await?;
        let ends = actions.into_iter().find_map(|action| match action.deed {
            Deed::Transfer {
                from,
                path,
                replaces: Some(entry),
                ..
            } => Some((from, At { path, entry })),
            _ => None,
        });
        let Some((source, destination)) = ends else {
            return Err(changed(&row.path));
        };
        let bytes = Bytes::from(bytes);
        let mut chosen = Chosen::begin(self, Reason::Chosen)?;
        for (side, at) in [(Side::Destination, destination), (Side::Source, source)] {
            if let Err(error) = self
                .overwrite(&mut chosen, side, &at, in_memory(&bytes))
                .await
            {
                chosen.record().await?;
                return Err(error);
            }
        }
        chosen.record().await
    }

    /// Writes over a file; what it holds is kept for good.
    async fn overwrite(
        &self,
        chosen: &mut Chosen<'_>,
        side: Side,
        at: &At,
        content: SharedContent,
    ) -> Result<()> {
        let keep = self.keep_unseen(side, &at.path)?;
        let meta = Meta {
            mtime: None,
            target: None,
            ..self.meta_for(side, &at.entry)
        };
        let how = (
            keep,
            ActionKind::Replace,
            Note {
                keep: true,
                ..Note::default()
            },
        );
        let done = chosen
            .put(side, &at.path, (content, meta), Some(&at.entry), how)
            .await;
        done.map(drop).map_err(Self::storage_error(side))
    }

    /// The copy stands beside the name on at least one side: it is decided there, and carried.
    async fn resolve_copy(
        &self,
        row: &ConflictRow,
        how: Resolution,
        seen: Option<&PerSide<Option<String>>>,
    ) -> Result<PerSide<Doubt>> {
        let Some(copy) = &row.copy else {
            return Ok(PerSide::default());
        };
        if how == Resolution::Both {
            return Ok(PerSide::default());
        }
        if is_structural(&row.kind) {
            let why = "there is no version to choose: both are kept, each under a name of its own";
            return Err(EngineError::Refused(why.to_owned()));
        }
        let Some((side, name, lost)) = self.name_and_copy(row, copy).await? else {
            return Err(changed(&row.path));
        };
        let now = PerSide::new(Some(&lost.entry), Some(&name.entry));
        require_seen(row, seen, now)?;
        let mut chosen = Chosen::begin(self, Reason::Chosen)?;
        let done = self
            .decide_copy(&mut chosen, side, (&name, &lost), how)
            .await;
        chosen.record().await?;
        done?;
        Ok(chosen.doubts)
    }

    /// A side that holds both the file and its copy, as they are there.
    pub(crate) async fn name_and_copy(
        &self,
        row: &ConflictRow,
        copy: &str,
    ) -> Result<Option<(Side, At, At)>> {
        let names = self.places(&row.path, Side::Destination)?;
        let copies = self.places(copy, Side::Source)?;
        for side in [Side::Destination, Side::Source] {
            let Some(lost) = self.file_at(side, &copies[side]).await? else {
                continue;
            };
            if let Some(name) = self.file_at(side, &names[side]).await? {
                return Ok(Some((side, name, lost)));
            }
        }
        Ok(None)
    }

    async fn decide_copy(
        &self,
        chosen: &mut Chosen<'_>,
        side: Side,
        (name, copy): (&At, &At),
        how: Resolution,
    ) -> Result<()> {
        // What goes to the name lives on there; the copy's content is otherwise kept for good.
        let mut lives_on = false;
        match how {
            Resolution::Source => {
                self.overwrite(chosen, side, name, self.content(side, copy).0)
                    .await?;
                lives_on = true;
            }
            Resolution::Merged(bytes) => {
                self.overwrite(chosen, side, name, in_memory(&Bytes::from(bytes)))
                    .await?
            }
            Resolution::Destination | Resolution::Both => {}
        }
        let keep = if lives_on {
            self.keep_superseded(side, &copy.path)
        } else {
            self.keep_unseen(side, &copy.path)?
        };
        let note = Note {
            keep: !lives_on,
            ..Note::default()
        };
        chosen
            .delete(side, copy, &keep, note)
            .await
            .map_err(Self::storage_error(side))
    }

    pub(crate) async fn file_at(&self, side: Side, path: &RelPath) -> Result<Option<At>> {
        let entry = self
            .stat(side, path)
            .await?
            .filter(|e| e.kind == Kind::File);
        Ok(entry.map(|entry| At {
            path: path.clone(),
            entry,
        }))
    }
}

fn folder_of(path: &RelPath) -> Doubt {
    let mut doubt = Doubt::default();
    doubt.add(path.parent().unwrap_or_else(RelPath::root), false);
    doubt
}

fn in_memory(bytes: &Bytes) -> SharedContent {
    Arc::new(BytesContent(bytes.clone()))
}

/// That each side shows what a person was shown. The source's version of a copied conflict is the copy.
fn require_seen(
    row: &ConflictRow,
    seen: Option<&PerSide<Option<String>>>,
    now: PerSide<Option<&Entry>>,
) -> Result<()> {
    let now = now.map(|entry| entry.map(revision_text));
    match seen {
        Some(seen) if *seen != now => Err(changed(&row.path)),
        _ => Ok(()),
    }
}

fn changed(path: &str) -> EngineError {
    EngineError::Refused(format!(
        "{path:?} has changed in the meantime: look at the conflict again"
    ))
}

/// Whether a kind of conflict, as it is stored, is one of the tree: what became of it was decided, and is only to be known.
fn is_structural(kind: &str) -> bool {
    let kind = serde_json::from_value::<ConflictKind>(kind.into());
    kind.is_ok_and(ConflictKind::is_structural)
}
