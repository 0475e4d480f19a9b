//! Looks at the sides and stores what they show (DESIGN 4, step 2).
//!
//! What a complete listing or a whole batch of a feed says goes into the state in one transaction, and the feed's
//! cursor with it; a listing without its end marker says nothing and is rolled back (P10).

mod absence;
mod feed;
mod filter;
mod listing;
mod unchanged;

use std::collections::{BTreeMap, BTreeSet};

use futures_util::StreamExt;
use futures_util::stream::select;
use tandem_core::entry::{Entry, NativeId};
use tandem_core::path::{Name, RelPath};
use tandem_core::plan::ItemId;
use tandem_core::removed;
use tandem_core::side::{PerSide, Side};
use tandem_core::storage::{Depth, Listed};

pub(crate) use feed::{is_read, is_unreadable};
pub(crate) use filter::stored_ignore_files;
use listing::{FolderIds, complete};
use unchanged::Noting;
pub(crate) use unchanged::may_skip;

use crate::engine::Engine;
use crate::error::Result;
use crate::state::ProblemRow;

/// Where to look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Doubt {
    /// Everywhere: where a side has a feed, by what that says.
    pub(crate) all: bool,
    /// Everywhere by listing, whatever a feed says.
    whole: bool,
    /// In these folders; `true` with all below.
    pub(crate) folders: BTreeMap<RelPath, bool>,
}

impl Doubt {
    pub(crate) fn everything() -> Self {
        Self {
            all: true,
            ..Self::default()
        }
    }

    /// Everything, also what a feed did not tell of.
    pub(crate) fn whole() -> Self {
        Self {
            whole: true,
            ..Self::everything()
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.all && self.folders.is_empty()
    }

    /// Whether the children of `folder` are looked at.
    pub(crate) fn covers(&self, folder: &RelPath) -> bool {
        self.all || self.folders.contains_key(folder) || self.covers_below(folder)
    }

    /// Whether `folder` is looked at with all below.
    fn covers_below(&self, folder: &RelPath) -> bool {
        std::iter::successors(Some(folder.clone()), RelPath::parent)
            .any(|at| self.folders.get(&at) == Some(&true))
    }

    /// Adds a folder. One that is within another that is looked at whole is
    /// skipped when it comes to that.
    pub(crate) fn add(&mut self, folder: RelPath, deep: bool) {
        let slot = self.folders.entry(folder).or_insert(deep);
        *slot |= deep;
    }

    /// Adds all that `other` covers.
    pub(crate) fn add_all(&mut self, other: &Self) {
        self.all |= other.all;
        self.whole |= other.whole;
        for (folder, deep) in &other.folders {
            self.add(folder.clone(), *deep);
        }
    }
}

/// What a look found besides rows.
#[derive(Debug, Default)]
pub(crate) struct Look {
    /// Files still being written.
    pub(crate) being_written: BTreeSet<(Side, RelPath)>,
    /// Entries seen on each side.
    pub(crate) entries: PerSide<u64>,
    /// Whether a side was seen to show nothing of what is carried. Junk on a mount point is nothing.
    pub(crate) empty: PerSide<bool>,
    /// What was listed on each side.
    listed: PerSide<Doubt>,
    /// The folders that came; none where everything was listed.
    looked: PerSide<Option<BTreeSet<RelPath>>>,
    /// Places of which a feed told what is there.
    told: BTreeSet<(Side, RelPath)>,
    /// Places that a feed told to be gone, with all below.
    gone: BTreeSet<(Side, RelPath)>,
    /// Folders that could not be listed.
    unreadable: BTreeSet<(Side, RelPath)>,
    /// What is noted of the folders that are listed.
    noting: PerSide<Noting>,
    /// Places of which something is not known, on sides whose folders are noted.
    untold: BTreeSet<(Side, RelPath)>,
    /// Ids of what a filter leaves out, on sides where an absence is asked for by id.
    left_out: PerSide<BTreeSet<NativeId>>,
    /// Folders that stand in the way of a base item which is there all the same: what is in them has no place.
    withheld: BTreeSet<(Side, RelPath)>,
    problems: BTreeSet<ProblemRow>,
    ignore_files: BTreeMap<(Side, RelPath), Entry>,
}

impl Look {
    /// Whether this look had to show what is at `path`.
    pub(crate) fn covers(&self, side: Side, path: &RelPath) -> bool {
        path.parent()
            .is_none_or(|folder| self.listed[side].covers(&folder))
            || self.was_told(side, path)
    }

    /// Whether this look asked for the item of this name in that very folder.
    fn looked_for(&self, side: Side, folder: &RelPath, name: &str) -> bool {
        let listed = &self.listed[side];
        listed.all
            || listed.folders.contains_key(folder)
            || Name::new(name).is_ok_and(|name| self.was_told(side, &folder.join(&name)))
    }

    fn is_withheld(&self, side: Side, folder: &RelPath) -> bool {
        !self.withheld.is_empty()
            && std::iter::successors(Some(folder.clone()), RelPath::parent)
                .any(|at| self.withheld.contains(&(side, at)))
    }

    fn was_told(&self, side: Side, path: &RelPath) -> bool {
        self.told.contains(&(side, path.clone()))
            || std::iter::successors(Some(path.clone()), RelPath::parent)
                .any(|at| self.gone.contains(&(side, at)))
    }
}

/// A transaction that lasts over several steps and is rolled back if it is dropped.
struct LookTransaction<'a> {
    engine: &'a Engine,
    open: bool,
}

impl<'a> LookTransaction<'a> {
    fn begin(engine: &'a Engine) -> Result<Self> {
        let open = !removed!("transaction");
        if open {
            engine.state().begin()?;
        }
        Ok(Self { engine, open })
    }

    fn commit(mut self) -> Result<()> {
        if std::mem::take(&mut self.open) {
            return self.engine.state().commit();
        }
        self.engine.state().note_next_id()
    }
}

impl Drop for LookTransaction<'_> {
    fn drop(&mut self) {
        if self.open {
            self.engine.state().rollback();
        }
    }
}

impl Engine {
    /// Looks where it is asked to, on both sides at once, and again if that showed another filter.
    pub(crate) async fn look(&self, doubts: &PerSide<Doubt>) -> Result<Look> {
        let mut doubts = doubts.clone();
        loop {
            let look = self.look_once(&doubts).await?;
            if !self.refresh_filter(&look).await? {
                return Ok(look);
            }
            self.follow_filter()?;
            doubts = PerSide::new(Doubt::everything(), Doubt::everything());
        }
    }

    async fn look_once(&self, doubts: &PerSide<Doubt>) -> Result<Look> {
        let _looking = self.looking.lock().await;
        let transaction = LookTransaction::begin(self)?;
        let mut look = Look::default();
        for side in Side::BOTH {
            let told = self.read_feed(side, &doubts[side], &mut look).await?;
            look.listed[side] = self.begin_notes(side, &told, &mut look).await?;
            look.looked[side] = (!look.listed[side].all).then(BTreeSet::new);
        }
        let absent = PerSide::new(
            self.told_absent(Side::Source)?,
            self.told_absent(Side::Destination)?,
        );
        self.list(&mut look).await?;
        self.forget_untold(&look)?;
        self.mark_unreadable(&look)?;
        self.state().forget_unlisted(|side, folder| {
            look.listed[side].all || look.listed[side].covers_below(folder)
        })?;
        for side in Side::BOTH {
            if let Some(told) = &absent[side] {
                self.confirm_unlisted(side, told, &mut look).await?;
            }
            self.keep_lost(side, &mut look)?;
            if doubts[side].all && !look.listed[side].all {
                look.empty[side] = self.state().shows_nothing(side)?;
            }
            let looked = look.looked[side].as_ref();
            self.state().forget_look_problems(side, looked)?;
        }
        self.state()
            .forget_told_problems(look.told.union(&look.gone))?;
        self.state().add_problems("look", &look.problems)?;
        if (doubts.source.all && doubts.destination.all) || removed!("completeness") {
            self.note_all_looked_at()?;
        }
        self.note_unread(&look)?;
        transaction.commit()?;
        Ok(look)
    }

    /// Lists what is in doubt.
    async fn list(&self, look: &mut Look) -> Result<()> {
        let mut folders = PerSide::from_fn(|_| FolderIds::default());
        if !(look.listed.source.all && look.listed.destination.all) {
            for side in Side::BOTH {
                let mut doubt = look.listed[side].clone();
                self.list_changed(side, &mut doubt, &mut folders[side], look)
                    .await?;
                self.look_at(side, &doubt, &mut folders[side], look).await?;
                look.listed[side].add_all(&doubt);
            }
            return Ok(());
        }
        let of = |side: Side| {
            self.root(side)
                .list(&RelPath::root(), Depth::Subtree)
                .map(move |l| (side, l))
        };
        let mut both = select(of(Side::Source), of(Side::Destination));
        let mut ended = PerSide::new(false, false);
        while let Some((side, listed)) = both.next().await {
            let listed = listed.map_err(Self::storage_error(side))?;
            ended[side] |= listed == Listed::End;
            self.take(side, listed, &mut folders[side], look)?;
        }
        for side in Side::BOTH {
            complete(side, ended[side])?;
        }
        Ok(())
    }

    /// The path of a folder as a side spells it.
    pub(crate) fn path_of(&self, side: Side, folder: ItemId) -> Result<Option<RelPath>> {
        self.state().path_of(side, folder)
    }
}

fn unreadable(side: Side, path: &RelPath) -> ProblemRow {
    ProblemRow {
        side,
        path: path.to_string(),
        why: "unreadable".to_owned(),
        detail: String::new(),
    }
}
