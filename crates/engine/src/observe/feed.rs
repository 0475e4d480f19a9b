//! Reads what a feed says since the cursor that the last look left (DESIGN 6.3).
//!
//! A batch is read to its end and applied whole, as how things stand after it: of what it tells more than once, the
//! last counts, and otherwise the order of its lines does not matter. First everything leaves the place where it no
//! longer is, then everything comes to where it is now. What a batch does not tell whole, such as what lies in a
//! folder that came from outside, is listed.

use std::cell::RefCell;
use std::collections::hash_map::Entry as Slot;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use tandem_core::capabilities::{Capabilities, CaseRule, Ids, ListingConsistency, UnicodeRule};
use tandem_core::entry::{Entry, Kind, NativeId};
use tandem_core::error::Cause;
use tandem_core::names;
use tandem_core::path::{Name, RelPath};
use tandem_core::plan::ItemId;
use tandem_core::side::Side;
use tandem_core::storage::{Change, Cursor, ParentRef};
use tandem_core::time::Timestamp;
use tandem_core::{mutant, removed};

use super::listing::note_unsettled;
use super::{Doubt, Look, unreadable};
use crate::engine::Engine;
use crate::error::{EngineError, Result};
use crate::state::{Feed, FolderSeen};

/// So many lines are not collected: a listing says the same in bounded memory.
const MOST_LINES: usize = 100_000;

/// Where a filter goes by age, a side is listed so often, in seconds: no hint tells that a file has grown older.
const AGE_LOOK: u64 = 3600;

/// A place on a side.
type Place = (ItemId, Name);

/// Names by what they collide under.
type Spellings = HashMap<Box<str>, BTreeSet<Name>>;

impl Engine {
    /// Whether looks at this side go by its feed. One whose listings lag behind does not say what was before the
    /// cursor, so that a feed cannot continue it.
    pub(crate) fn reads_feed(&self, side: Side) -> bool {
        is_read(self.capabilities(side))
    }

    /// For how long what hints and feeds say is believed without listing everything (P15).
    pub(crate) fn longest_unlisted(&self) -> Duration {
        let limit = self.setup.options.limits.full_look;
        let by_age = self.filter().depends_on_time();
        Duration::from_secs(if by_age { limit.min(AGE_LOOK) } else { limit })
    }

    /// Where the feed of a side stands, if it is read.
    pub(crate) fn cursor(&self, side: Side) -> Result<Option<Cursor>> {
        let feed = self.state().feed(side)?;
        Ok(feed
            .filter(|_| self.reads_feed(side))
            .map(|feed| feed.cursor))
    }

    /// Reads the feed where all of a side with one is in doubt. Answers what is still to be listed: all of it, if
    /// the feed cannot be relied upon; then the cursor that continues the listing is taken first.
    pub(super) async fn read_feed(
        &self,
        side: Side,
        doubt: &Doubt,
        look: &mut Look,
    ) -> Result<Doubt> {
        if !doubt.all || !self.reads_feed(side) {
            return Ok(doubt.clone());
        }
        if let Some(feed) = self.feed_to_read(side, doubt)?
            && let Some((changes, cursor)) = self.news(side, &feed.cursor).await?
        {
            let root = feed.root.clone();
            self.state().set_feed(side, &Feed { cursor, ..feed })?;
            if mutant!("P6 the cursor is stored before the rows") {
                self.state().commit()?;
                self.state().begin()?;
            }
            let again = self.unsure(side)?;
            return News::new(self, side, root, again, look).take(changes);
        }
        self.begin_feed(side).await?;
        Ok(Doubt::whole())
    }

    /// The feed, if it goes on from a listing that was complete, made with the filter as it is, and not too old.
    fn feed_to_read(&self, side: Side, doubt: &Doubt) -> Result<Option<Feed>> {
        let feed = self.state().feed(side)?;
        let listed = feed.as_ref().map(|feed| feed.listed);
        let goes_on = self.goes_on(doubt, listed)?;
        Ok(feed.filter(|_| goes_on))
    }

    /// Whether a look may go on from what is known: from a listing that was complete, made with the filter as it is, and
    /// not too old.
    pub(super) fn goes_on(&self, doubt: &Doubt, listed: Option<Timestamp>) -> Result<bool> {
        let is_begun = (self.was_all_looked_at()? || removed!("completeness"))
            && (self.is_filter_read()? || removed!("completeness"));
        let Some(listed) = listed.filter(|_| is_begun && !doubt.whole) else {
            return Ok(false);
        };
        let age = Duration::from_nanos(self.now().0.abs_diff(listed.0));
        Ok(age < self.longest_unlisted() || mutant!("P15 nothing is ever listed anew"))
    }

    /// What could not be looked at, or was still being written, is looked at again: no line and no revision need tell of
    /// it.
    pub(super) fn unsure(&self, side: Side) -> Result<Doubt> {
        let mut again = Doubt::default();
        if removed!("completeness") {
            return Ok(again);
        }
        let state = self.state();
        for (folder, name) in state.unsure_places(side)? {
            let Some(path) = state.path_of(side, folder)? else {
                continue;
            };
            if state.folder_at(side, folder, &name)?.is_some() {
                again.add(path.join(&name), true);
            }
            again.add(path, false);
        }
        let unlisted = state.unlisted()?.into_iter();
        for (_, folder) in unlisted.filter(|(of, _)| *of == side) {
            again.add(folder, true);
        }
        for row in state.problems_of("look")? {
            let path = RelPath::new(&row.path);
            if row.side == side
                && is_unreadable(&row.why)
                && let Ok(path) = path
            {
                again.add(path.parent().unwrap_or_else(RelPath::root), false);
                if state.folder_by_path(side, &path)?.is_some() {
                    again.add(path, true);
                }
            }
        }
        Ok(again)
    }

    /// All that a feed says since `cursor`; `None` if only a listing can tell.
    async fn news(&self, side: Side, cursor: &Cursor) -> Result<Option<(Vec<Change>, Cursor)>> {
        let (mut all, mut cursor) = (Vec::new(), cursor.clone());
        let mut pages = 0;
        while all.len() + pages < MOST_LINES {
            match self.root(side).changes(&cursor).await {
                Ok(batch) => {
                    pages += 1;
                    all.extend(batch.changes);
                    cursor = batch.cursor;
                    if !batch.more || removed!("completeness") {
                        return Ok(Some((all, cursor)));
                    }
                }
                Err(error) if error.cause == Cause::CursorExpired => {
                    let is_gone_on_with = mutant!("P15 an expired cursor is gone on with");
                    return Ok(is_gone_on_with.then_some((all, cursor)));
                }
                Err(error) => return Err(EngineError::Storage { side, error }),
            }
        }
        Ok(None)
    }

    /// Takes the cursor that continues the listing to come.
    async fn begin_feed(&self, side: Side) -> Result<()> {
        let fail = Self::storage_error(side);
        let cursor = self.root(side).cursor().await.map_err(&fail)?;
        let root = match self.root(side).stat(&RelPath::root().into()).await {
            Ok(entry) => entry.and_then(|entry| entry.id),
            Err(error) if error.is_transient() => return Err(fail(error)),
            Err(_) => None,
        };
        let listed = self.now();
        let state = self.state();
        state.set_feed(
            side,
            &Feed {
                cursor,
                root,
                listed,
            },
        )?;
        state.index_natives(side)
    }
}

/// Whether looks at a side go by its feed.
pub(crate) fn is_read(capabilities: &Capabilities) -> bool {
    capabilities.feed && capabilities.listing == ListingConsistency::Strong
}

/// Whether it may be readable by now, without a hint that it is.
pub(crate) fn is_unreadable(why: &str) -> bool {
    matches!(why, "unreadable" | "mount_gone")
}

/// A batch that is being applied.
struct News<'a> {
    engine: &'a Engine,
    side: Side,
    root: Option<NativeId>,
    look: &'a mut Look,
    /// What is to be listed.
    again: Doubt,
    /// The names in folders where two may be taken for one, under their keys, as far as they were asked for. Some may be
    /// gone by now.
    spelled: RefCell<HashMap<ItemId, Spellings>>,
}

impl<'a> News<'a> {
    fn new(
        engine: &'a Engine,
        side: Side,
        root: Option<NativeId>,
        again: Doubt,
        look: &'a mut Look,
    ) -> Self {
        Self {
            engine,
            side,
            root,
            look,
            again,
            spelled: RefCell::default(),
        }
    }

    fn take(mut self, changes: Vec<Change>) -> Result<Doubt> {
        let mut upserts = Vec::new();
        let skipped = usize::from(mutant!("P15 the first line of a batch is skipped"));
        for change in self.latest(changes).into_iter().skip(skipped) {
            match change {
                Change::Removed { id, path } => {
                    for place in self.locate(id.as_ref(), path.as_ref())? {
                        self.gone(&place)?;
                    }
                }
                Change::LostAccess { id, path } => {
                    for place in self.locate(id.as_ref(), path.as_ref())? {
                        if mutant!("P10 lost access is a delete") {
                            self.gone(&place)?;
                        } else {
                            self.lost(&place)?;
                        }
                    }
                }
                Change::Upsert { parent, entry } => {
                    self.leave(&parent, &entry)?;
                    upserts.push((parent, entry));
                }
            }
        }
        self.arrive(upserts)?;
        Ok(self.again)
    }

    /// The lines that say how things stand in the end.
    fn latest(&self, changes: Vec<Change>) -> Vec<Change> {
        let mut ids = HashSet::new();
        let mut paths = HashSet::new();
        let mut removed = HashSet::new();
        let mut folders = HashSet::new();
        let mut latest = Vec::new();
        for change in changes.into_iter().rev() {
            let (id, path) = self.subject(&change);
            let key = path.map(|path| self.key(&path));
            // The folder that is there in the end need not have what was in the one that left.
            let was_left = matches!(change, Change::Removed { .. })
                && key.as_ref().is_some_and(|key| folders.remove(key));
            let was_told = id.as_ref().is_some_and(|id| ids.contains(id))
                || key.as_ref().is_some_and(|key| {
                    let mut above = std::iter::successors(key.parent(), RelPath::parent);
                    (paths.contains(key) && !was_left)
                        || above.any(|folder| removed.contains(&folder))
                });
            if was_told {
                continue;
            }
            if let (Change::Upsert { entry, .. }, Some(key)) = (&change, &key)
                && entry.kind == Kind::Folder
            {
                folders.insert(key.clone());
            }
            ids.extend(id);
            if let Some(key) = key {
                if matches!(change, Change::Removed { .. }) {
                    removed.insert(key.clone());
                }
                paths.insert(key);
            }
            latest.push(change);
        }
        latest.reverse();
        latest
    }

    /// What a line is about: an id where ids are strong or there is nothing else, and a path where that alone says
    /// which item it is.
    fn subject(&self, change: &Change) -> (Option<NativeId>, Option<RelPath>) {
        let (id, path) = match change {
            Change::Upsert { parent, entry } => {
                let path = match parent {
                    ParentRef::Path(folder) => Some(folder.join(&entry.name)),
                    ParentRef::Id(_) => None,
                };
                (entry.id.clone(), path)
            }
            Change::Removed { id, path } | Change::LostAccess { id, path } => {
                (id.clone(), path.clone())
            }
        };
        let capabilities = self.engine.capabilities(self.side);
        let id = id.filter(|_| capabilities.ids == Ids::Strong || path.is_none());
        let is_told_by_id =
            id.is_some() && (capabilities.twins || !matches!(change, Change::Upsert { .. }));
        let path = path.filter(|_| !is_told_by_id);
        (id, path)
    }

    /// A path in a form that is equal where the side takes two for one.
    fn key(&self, path: &RelPath) -> RelPath {
        let capabilities = self.engine.capabilities(self.side);
        path.names().fold(RelPath::root(), |key, name| {
            let folded = names::collision_key(&name, capabilities.case, capabilities.unicode);
            key.join(&Name::new(folded.to_string()).unwrap_or(name))
        })
    }

    fn folds(&self) -> bool {
        let capabilities = self.engine.capabilities(self.side);
        capabilities.case == CaseRule::Insensitive || capabilities.unicode == UnicodeRule::Folding
    }

    /// Where the state knows what a line names: by its id, if it has one; where ids are but a hint, else by its path.
    fn locate(&self, id: Option<&NativeId>, path: Option<&RelPath>) -> Result<Vec<Place>> {
        if let Some(id) = id {
            let places = self.engine.state().places_of_native(self.side, id)?;
            if !places.is_empty() || self.engine.capabilities(self.side).ids == Ids::Strong {
                return Ok(places);
            }
        }
        let (Some(folder), Some(name)) =
            (path.and_then(RelPath::parent), path.and_then(RelPath::name))
        else {
            return Ok(Vec::new());
        };
        let Some(folder) = self.folder(&folder)? else {
            return Ok(Vec::new());
        };
        let known = self.as_known(folder, &name)?;
        Ok(known.map(|name| (folder, name)).into_iter().collect())
    }

    /// The folder at a path, as the side may spell it by now.
    fn folder(&self, path: &RelPath) -> Result<Option<ItemId>> {
        let mut at = ItemId::ROOT;
        for name in path.names() {
            let Some(name) = self.as_known(at, &name)? else {
                return Ok(None);
            };
            match self.engine.state().folder_at(self.side, at, &name)? {
                Some(folder) => at = folder,
                None => return Ok(None),
            }
        }
        Ok(Some(at))
    }

    /// The spelling under which the state knows a name that a line gives.
    fn as_known(&self, folder: ItemId, name: &Name) -> Result<Option<Name>> {
        let state = self.engine.state();
        if state.known_at(self.side, folder, name)?.is_some() {
            return Ok(Some(name.clone()));
        }
        drop(state);
        Ok(self.other_spellings(folder, name)?.into_iter().next())
    }

    /// Names in a folder that cannot lie beside this one on the side.
    fn other_spellings(&self, folder: ItemId, name: &Name) -> Result<BTreeSet<Name>> {
        if !self.folds() {
            return Ok(BTreeSet::new());
        }
        let state = self.engine.state();
        let mut spelled = self.spelled.borrow_mut();
        let names = match spelled.entry(folder) {
            Slot::Occupied(there) => there.into_mut(),
            Slot::Vacant(none) => {
                let mut names = Spellings::new();
                for name in state.names_of(self.side, folder)? {
                    names.entry(self.name_key(&name)).or_default().insert(name);
                }
                none.insert(names)
            }
        };
        let mut others = BTreeSet::new();
        for known in names.get(&self.name_key(name)).into_iter().flatten() {
            if known != name && state.known_at(self.side, folder, known)?.is_some() {
                others.insert(known.clone());
            }
        }
        Ok(others)
    }

    fn name_key(&self, name: &Name) -> Box<str> {
        let capabilities = self.engine.capabilities(self.side);
        names::collision_key(name, capabilities.case, capabilities.unicode)
    }

    /// The folder that a line names as a parent.
    fn parent(&self, parent: &ParentRef) -> Result<Option<ItemId>> {
        let id = match parent {
            ParentRef::Path(path) => return self.folder(path),
            ParentRef::Id(id) if self.root.as_ref() == Some(id) => return Ok(Some(ItemId::ROOT)),
            ParentRef::Id(id) => id,
        };
        let state = self.engine.state();
        match state.place_of_native(self.side, id)? {
            Some((folder, name)) => state.folder_at(self.side, folder, &name),
            None => Ok(None),
        }
    }

    /// What is elsewhere now is no longer where it was, whatever else the feed says of that place.
    fn leave(&mut self, parent: &ParentRef, entry: &Entry) -> Result<()> {
        let Some(id) = &entry.id else { return Ok(()) };
        if self.engine.capabilities(self.side).ids != Ids::Strong {
            return Ok(());
        }
        let places = self.engine.state().places_of_native(self.side, id)?;
        for (folder, name) in places {
            let stays = name == entry.name && self.parent(parent)? == Some(folder);
            if !stays {
                self.gone(&(folder, name))?;
            }
        }
        Ok(())
    }

    fn gone(&mut self, (folder, name): &Place) -> Result<()> {
        let Some(path) = self.engine.path_of(self.side, *folder)? else {
            return Ok(());
        };
        self.see(*folder, [name.clone()].into(), FolderSeen::default())?;
        self.engine.state().end_lost(self.side, *folder, name)?;
        self.look.gone.insert((self.side, path.join(name)));
        // Where folders are there only for what is in them, the folder may be gone too.
        if !self.engine.capabilities(self.side).empty_folders {
            self.again.add(path, false);
        }
        Ok(())
    }

    /// What the account no longer sees is not known, and never taken for deleted (P10).
    fn lost(&mut self, (folder, name): &Place) -> Result<()> {
        let Some(path) = self.engine.path_of(self.side, *folder)? else {
            return Ok(());
        };
        let mut seen = FolderSeen::default();
        seen.unknown.push(name.clone());
        self.see(*folder, [name.clone()].into(), seen)?;
        self.engine.state().note_lost(self.side, *folder, name)?;
        let path = path.join(name);
        self.look.problems.insert(unreadable(self.side, &path));
        self.look.told.insert((self.side, path));
        Ok(())
    }

    fn see(&self, folder: ItemId, names: BTreeSet<Name>, seen: FolderSeen) -> Result<()> {
        if let Some(spelled) = self.spelled.borrow_mut().get_mut(&folder) {
            for name in &names {
                let alike = spelled.entry(self.name_key(name)).or_default();
                alike.insert(name.clone());
            }
        }
        let capabilities = self.engine.capabilities(self.side);
        self.engine
            .state()
            .see_names(self.side, folder, capabilities, &names, seen)
    }

    /// Puts everything where it is now, folders before what is in them.
    fn arrive(&mut self, mut upserts: Vec<(ParentRef, Entry)>) -> Result<()> {
        loop {
            let count = upserts.len();
            let mut waiting = Vec::new();
            for (parent, entry) in upserts {
                match self.parent(&parent)? {
                    Some(folder) => self.place(folder, entry)?,
                    None => waiting.push((parent, entry)),
                }
            }
            if waiting.len() == count || waiting.is_empty() {
                return self.look_for_folders(waiting);
            }
            upserts = waiting;
        }
    }

    fn place(&mut self, folder: ItemId, entry: Entry) -> Result<()> {
        let (engine, side) = (self.engine, self.side);
        let Some(path) = engine.path_of(side, folder)? else {
            return Ok(());
        };
        let is_told_otherwise = self.again.covers_below(&path) || engine.is_left_out(side, &path);
        if entry.name.is_reserved() || is_told_otherwise {
            return Ok(());
        }
        let (name, id) = (entry.name.clone(), entry.id.clone());
        let is_folder = entry.kind == Kind::Folder;
        let known = engine.state().known_at(side, folder, &name)?;
        let is_same = known.as_ref().is_some_and(|known| known.id == id);
        let twins = engine.capabilities(side).twins;
        let mut names = BTreeSet::from([name.clone()]);
        if known.is_none() && !twins {
            let others = self.other_spellings(folder, &name)?;
            let gone = others.iter().map(|other| (side, path.join(other)));
            self.look.gone.extend(gone);
            names.extend(others);
        }
        let is_known_folder = is_same && engine.state().folder_at(side, folder, &name)?.is_some();
        let seen = engine.sift(side, &path, vec![entry], self.look);
        let (is_carried, unsettled) = (!seen.entries.is_empty(), seen.unsettled.clone());
        self.see(folder, names, seen)?;
        engine.state().end_lost(side, folder, &name)?;
        note_unsettled(&engine.state(), side, (folder, &path), unsettled, self.look)?;
        let place = path.join(&name);
        if is_folder && is_carried && !is_known_folder {
            self.again.add(place.clone(), true);
        }
        // Which of two items of one name is shown is told by a listing.
        if twins && known.is_some() && !is_same {
            self.again.add(path, false);
        }
        self.look.told.insert((side, place));
        Ok(())
    }

    /// What came into a folder that is not known is found by looking there. Where folders are named by id, the folder
    /// lies outside, in what is left out, or is told of later, and is then listed whole.
    fn look_for_folders(&mut self, homeless: Vec<(ParentRef, Entry)>) -> Result<()> {
        for (parent, _) in homeless {
            let ParentRef::Path(path) = parent else {
                continue;
            };
            if self.engine.is_left_out(self.side, &path) {
                continue;
            }
            let mut at = path;
            while self.folder(&at)?.is_none() {
                at = at.parent().unwrap_or_else(RelPath::root);
            }
            self.again.add(at, false);
        }
        Ok(())
    }
}
