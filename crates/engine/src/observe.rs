//! Looks at the sides and stores what they show (DESIGN 4, step 2).
//!
//! What a complete listing says goes into the state in one transaction; a listing without its end marker says
//! nothing and is rolled back (P10).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use futures_util::StreamExt;
use futures_util::stream::select;
use serde::{Deserialize, Serialize};
use tandem_core::capabilities::ListingConsistency;
use tandem_core::entry::{Entry, Kind};
use tandem_core::filter::{Filter, IGNORE_FILE, IgnoreFile, InFolder, Rule, Verdict};
use tandem_core::names;
use tandem_core::path::{Name, RelPath};
use tandem_core::plan::ItemId;
use tandem_core::side::{PerSide, Side};
use tandem_core::storage::{Depth, FolderListing, Listed, Locator, Skip, Skipped};
use tandem_core::time::Timestamp;

use crate::carried::Carried;
use crate::engine::Engine;
use crate::error::{EngineError, Result};
use crate::state::{FolderSeen, ProblemRow, State};

/// A `.tandemignore` larger than this is not read, in bytes.
const LARGEST_IGNORE_FILE: u64 = 1 << 20;

/// Where to look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Doubt {
    /// Everywhere.
    pub(crate) all: bool,
    /// In these folders; `true` with all below.
    pub(crate) folders: BTreeMap<RelPath, bool>,
}

impl Doubt {
    pub(crate) fn everything() -> Self {
        Self {
            all: true,
            folders: BTreeMap::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        !self.all && self.folders.is_empty()
    }

    /// Whether the children of `folder` are looked at.
    pub(crate) fn covers(&self, folder: &RelPath) -> bool {
        self.all
            || self.folders.contains_key(folder)
            || std::iter::successors(folder.parent(), RelPath::parent)
                .any(|above| self.folders.get(&above) == Some(&true))
    }

    /// Adds a folder. A folder within one that is looked at whole adds nothing.
    pub(crate) fn add(&mut self, folder: RelPath, deep: bool) {
        let slot = self.folders.entry(folder).or_insert(deep);
        *slot |= deep;
    }

    /// Adds all that `other` covers.
    pub(crate) fn add_all(&mut self, other: &Self) {
        self.all |= other.all;
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
    /// The folders that were looked at on each side; none where everything was.
    looked: PerSide<Option<BTreeSet<RelPath>>>,
    problems: BTreeSet<ProblemRow>,
    ignore_files: BTreeMap<(Side, RelPath), Entry>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct StoredIgnoreFile {
    side: Side,
    folder: RelPath,
    stamp: String,
    text: String,
}

pub(crate) fn stored_ignore_files(state: &State) -> Result<Vec<IgnoreFile>> {
    Ok(read_stored(state)?
        .into_iter()
        .map(|f| IgnoreFile {
            side: f.side,
            folder: f.folder,
            text: f.text,
        })
        .collect())
}

fn read_stored(state: &State) -> Result<Vec<StoredIgnoreFile>> {
    match state.meta("ignore_files")? {
        None => Ok(Vec::new()),
        Some(text) => {
            serde_json::from_str(&text).map_err(|e| EngineError::DamagedState(e.to_string()))
        }
    }
}

/// A transaction that lasts over several steps and is rolled back if it is dropped.
struct LookTransaction<'a> {
    engine: &'a Engine,
    open: bool,
}

impl<'a> LookTransaction<'a> {
    fn begin(engine: &'a Engine) -> Result<Self> {
        engine.state().begin()?;
        Ok(Self { engine, open: true })
    }

    fn commit(mut self) -> Result<()> {
        self.open = false;
        self.engine.state().commit()
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
            if !self.refresh_filter(&doubts, &look).await? {
                return Ok(look);
            }
            self.follow_filter()?;
            doubts = PerSide::new(Doubt::everything(), Doubt::everything());
        }
    }

    async fn look_once(&self, doubts: &PerSide<Doubt>) -> Result<Look> {
        let mut look = Look {
            looked: PerSide::from_fn(|side| (!doubts[side].all).then(BTreeSet::new)),
            ..Look::default()
        };
        let _looking = self.looking.lock().await;
        let transaction = LookTransaction::begin(self)?;
        let mut folders = PerSide::from_fn(|_| FolderIds::default());
        if doubts.source.all && doubts.destination.all {
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
                self.take(side, listed, &mut folders[side], &mut look)?;
            }
            for side in Side::BOTH {
                complete(side, ended[side])?;
            }
        } else {
            for side in Side::BOTH {
                self.look_at(side, &doubts[side], &mut folders[side], &mut look)
                    .await?;
            }
        }
        for side in Side::BOTH {
            let looked = look.looked[side].as_ref();
            self.state().forget_look_problems(side, looked)?;
        }
        self.state().add_problems("look", &look.problems)?;
        if doubts.source.all && doubts.destination.all {
            self.note_all_looked_at()?;
        }
        transaction.commit()?;
        Ok(look)
    }

    async fn look_at(
        &self,
        side: Side,
        doubt: &Doubt,
        folders: &mut FolderIds,
        look: &mut Look,
    ) -> Result<()> {
        let mut wanted: Vec<(RelPath, bool)> =
            doubt.folders.iter().map(|(f, &d)| (f.clone(), d)).collect();
        if doubt.all {
            wanted = vec![(RelPath::root(), true)];
        }
        let mut whole: Vec<RelPath> = Vec::new();
        while let Some((folder, deep)) = (!wanted.is_empty()).then(|| wanted.remove(0)) {
            if whole.iter().any(|w| folder.is_within(w)) {
                continue;
            }
            if self.folder_id(side, &folder, folders)?.is_none() {
                // The folder is new to us: the nearest known one above shows it.
                if let Some(above) = folder.parent() {
                    wanted.push((above, true));
                }
                continue;
            }
            let depth = if deep {
                Depth::Subtree
            } else {
                Depth::Children
            };
            let mut listing = self.root(side).list(&folder, depth);
            let mut ended = false;
            while let Some(listed) = listing.next().await {
                let listed = match listed {
                    Err(error)
                        if error.cause == tandem_core::error::Cause::NotFound
                            && !folder.is_root() =>
                    {
                        wanted.extend(folder.parent().map(|above| (above, false)));
                        ended = true;
                        break;
                    }
                    other => other.map_err(Self::storage_error(side))?,
                };
                ended |= listed == Listed::End;
                let fresh = self.take(side, listed, folders, look)?;
                if !deep {
                    wanted.extend(fresh.into_iter().map(|f| (f, true)));
                }
            }
            complete(side, ended)?;
            if deep {
                whole.push(folder);
            }
        }
        Ok(())
    }

    /// Stores one message of a listing. Answers folders that the state did not know.
    fn take(
        &self,
        side: Side,
        listed: Listed,
        folders: &mut FolderIds,
        look: &mut Look,
    ) -> Result<Vec<RelPath>> {
        match listed {
            Listed::End => Ok(Vec::new()),
            Listed::Unreadable(skipped) => {
                note_looked(side, &skipped.folder, look);
                self.problem(side, &skipped, look);
                if skipped.folder.is_root() {
                    return Err(EngineError::Storage {
                        side,
                        error: tandem_core::error::StorageError::new(
                            "list",
                            tandem_core::error::Cause::Forbidden,
                            "the folder cannot be read",
                        ),
                    });
                }
                self.mark_unreadable(side, &skipped.folder, folders)?;
                Ok(Vec::new())
            }
            Listed::Folder(listing) => {
                note_looked(side, &listing.folder, look);
                self.take_folder(side, listing, folders, look)
            }
        }
    }

    fn mark_unreadable(&self, side: Side, folder: &RelPath, folders: &mut FolderIds) -> Result<()> {
        let (Some(parent), Some(name)) = (folder.parent(), folder.name()) else {
            return Ok(());
        };
        if let Some(parent) = self.folder_id(side, &parent, folders)? {
            self.state().see_unknown(side, parent, &name)?;
        }
        Ok(())
    }

    fn take_folder(
        &self,
        side: Side,
        listing: FolderListing,
        folders: &mut FolderIds,
        look: &mut Look,
    ) -> Result<Vec<RelPath>> {
        let now = self.now();
        let filter = self.filter();
        let rules = &self.capabilities(side).names;
        let canonical =
            names::decode_path(&listing.folder, rules).unwrap_or_else(|_| listing.folder.clone());
        if !filter
            .verdict(&canonical, Kind::Folder, None, None, now)
            .is_included()
        {
            return Ok(Vec::new());
        }
        let id = self.expected_folder_id(side, &listing.folder, folders)?;
        for skipped in &listing.skipped {
            self.problem(side, skipped, look);
        }
        look.entries[side] += listing.entries.len() as u64;
        let verdicts = filter.within(&canonical);
        let quiet = i64::try_from(self.setup.options.limits.quiet * 1_000_000).unwrap_or(i64::MAX);
        let mut seen = FolderSeen::default();
        seen.unknown.extend(
            listing
                .skipped
                .iter()
                .filter_map(|s| Name::new(s.shown.as_str()).ok()),
        );
        for entry in listing.entries {
            let name = names::decode_name(&entry.name, rules)
                .map_or_else(|_| entry.name.clone(), |n| n.into_owned());
            let verdict = of_entry(&verdicts, &name, &entry, now);
            if !verdict.is_included() {
                leave_out(&mut seen, &verdicts, &name, entry, &verdict);
                continue;
            }
            if entry.kind == Kind::File
                && let Some(touched) = entry.touched_at()
                && now.0.saturating_sub(touched.0) < quiet
                && touched.0.saturating_sub(now.0) < 2_000_000_000
            {
                seen.unsettled.push(entry.name.clone());
            }
            if entry.name.as_str() == IGNORE_FILE && entry.kind == Kind::File {
                look.ignore_files
                    .insert((side, listing.folder.clone()), entry.clone());
            }
            seen.entries.push(entry);
        }
        let unsettled = seen.unsettled.clone();
        let shows = !seen.entries.is_empty() || !seen.unknown.is_empty();
        let mut state = self.state();
        let is_base = state.see_folder(side, id, self.capabilities(side), seen)?;
        if listing.folder.is_root() {
            // What another filter leaves out from now on is there all the same.
            look.empty[side] = !shows && !state.is_anything_excluded(side, id)?;
        }
        for name in unsettled {
            if state.is_unsettled(side, id, &name)? {
                look.being_written
                    .insert((side, listing.folder.join(&name)));
            }
        }
        let mut fresh = Vec::new();
        if !is_base {
            for (name, id) in state.fresh_folders(side, id)? {
                let path = listing.folder.join(&name);
                folders.0.insert(path.clone(), Some(ItemId(id)));
                fresh.push(path);
            }
        }
        Ok(fresh)
    }

    fn problem(&self, side: Side, skipped: &Skipped, look: &mut Look) {
        let why = match skipped.why {
            Skip::NotUnicode => "not_unicode",
            Skip::BadName => "bad_name",
            Skip::Unreadable => "unreadable",
            Skip::MountGone => "mount_gone",
            Skip::ShadowedByFolder => "shadowed_by_folder",
            Skip::Unsettled => return,
        };
        let path = if skipped.shown.is_empty() {
            skipped.folder.to_string()
        } else if skipped.folder.is_root() {
            skipped.shown.clone()
        } else {
            format!("{}/{}", skipped.folder, skipped.shown)
        };
        look.problems.insert(ProblemRow {
            side,
            path,
            why: why.to_owned(),
            detail: String::new(),
        });
    }

    /// The id under which the state knows a folder of a side; `None` if it does not.
    fn folder_id(
        &self,
        side: Side,
        path: &RelPath,
        folders: &mut FolderIds,
    ) -> Result<Option<ItemId>> {
        if path.is_root() {
            return Ok(Some(ItemId::ROOT));
        }
        if let Some(id) = folders.0.get(path) {
            return Ok(*id);
        }
        let (Some(parent), Some(name)) = (path.parent(), path.name()) else {
            return Ok(None);
        };
        let id = match self.folder_id(side, &parent, folders)? {
            Some(parent) => self.state().folder_at(side, parent, &name)?,
            None => None,
        };
        folders.0.insert(path.clone(), id);
        Ok(id)
    }

    /// The id of a folder whose children are told, perhaps before itself.
    fn expected_folder_id(
        &self,
        side: Side,
        path: &RelPath,
        folders: &mut FolderIds,
    ) -> Result<ItemId> {
        if let Some(id) = self.folder_id(side, path, folders)? {
            return Ok(id);
        }
        let (Some(parent), Some(name)) = (path.parent(), path.name()) else {
            return Ok(ItemId::ROOT);
        };
        let parent = self.expected_folder_id(side, &parent, folders)?;
        let id = self.state().expect_folder(side, parent, &name)?;
        folders.0.insert(path.clone(), Some(id));
        Ok(id)
    }

    /// Absences that only an eventual listing shows are asked for one by one.
    pub(crate) async fn confirm_absences(&self, side: Side) -> Result<()> {
        if self.capabilities(side).listing != ListingConsistency::Eventual {
            return Ok(());
        }
        let absent = self.state().absent_places(side)?;
        for (folder, name) in absent {
            let Some(path) = self.path_of(side, folder)? else {
                continue;
            };
            let at = Locator::of_path(path.join(&name));
            // Where case or form does not count, another spelling answers too: that is listed for itself.
            let there = self
                .root(side)
                .stat(&at)
                .await
                .map_err(Self::storage_error(side))?;
            if let Some(entry) = there.filter(|e| e.name == name) {
                self.state()
                    .transaction(|state| state.see_again(side, folder, &name, &entry))?;
            }
        }
        Ok(())
    }

    /// The path of a folder as a side spells it.
    pub(crate) fn path_of(&self, side: Side, folder: ItemId) -> Result<Option<RelPath>> {
        self.state().path_of(side, folder)
    }

    /// Reads the `.tandemignore` files that changed. Answers whether the filter is another one now.
    async fn refresh_filter(&self, doubts: &PerSide<Doubt>, look: &Look) -> Result<bool> {
        let stored = read_stored(&self.state())?;
        let mut files = Vec::new();
        for file in &stored {
            let found = look.ignore_files.get(&(file.side, file.folder.clone()));
            let looked =
                doubts[file.side].all || doubts[file.side].folders.contains_key(&file.folder);
            match found {
                Some(entry) if stamp(entry) == file.stamp => files.push(file.clone()),
                None if !looked => files.push(file.clone()),
                _ => {}
            }
        }
        for ((side, folder), entry) in &look.ignore_files {
            if files.iter().any(|f| f.side == *side && f.folder == *folder) {
                continue;
            }
            let at = Locator {
                path: folder.join(&entry.name),
                id: entry.id.clone(),
            };
            let content = Carried::new(
                std::sync::Arc::clone(self.root(*side)),
                at,
                entry.clone(),
                std::sync::Arc::clone(&self.throttles[*side]),
                std::sync::Arc::clone(&self.setup.environment),
            );
            let text = match content.bytes(LARGEST_IGNORE_FILE).await {
                Ok(text) => text.unwrap_or_default(),
                Err(error) if error.is_lost_race() => continue,
                Err(error) => return Err(EngineError::Storage { side: *side, error }),
            };
            let text = String::from_utf8_lossy(&text).into_owned();
            files.push(StoredIgnoreFile {
                side: *side,
                folder: folder.clone(),
                stamp: stamp(entry),
                text,
            });
        }
        let as_ignored = files.iter().map(|f| IgnoreFile {
            side: f.side,
            folder: f.folder.clone(),
            text: f.text.clone(),
        });
        let filter = Filter::new(self.setup.options.filter.clone(), as_ignored)?;
        let text =
            serde_json::to_string(&files).map_err(|e| EngineError::Refused(e.to_string()))?;
        let state = self.state();
        if state
            .meta("ignore_files")?
            .is_none_or(|known| known != text)
        {
            state.set_meta("ignore_files", &text)?;
        }
        drop(state);
        let mut current = self
            .filter
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let changed = current.digest() != filter.digest();
        if changed {
            *current = std::sync::Arc::new(filter);
        }
        Ok(changed)
    }
}

fn note_looked(side: Side, folder: &RelPath, look: &mut Look) {
    if let Some(looked) = &mut look.looked[side] {
        looked.insert(folder.clone());
    }
}

/// What a filter says of an entry. A server's upload time is no age.
fn of_entry(filter: &InFolder<'_>, name: &Name, entry: &Entry, now: Timestamp) -> Verdict {
    let mtime = entry.mtime.filter(|m| m.by_client).map(|m| m.at);
    filter.verdict(name, entry.kind, Some(entry.size), mtime, now)
}

/// What is out for its name is so on both sides; what is out for what it is must be remembered, and what is only
/// too young is not out for good.
fn leave_out(
    seen: &mut FolderSeen,
    filter: &InFolder<'_>,
    name: &Name,
    entry: Entry,
    verdict: &Verdict,
) {
    if let Verdict::Excluded {
        rule: Rule::TooYoung { .. },
        ..
    } = verdict
    {
        seen.unknown.push(entry.name.clone());
    }
    seen.excluded.push(entry.name.clone());
    // Neither rule for a size, an age or a kind says anything of what has none.
    let another = |kind| {
        filter
            .verdict(name, kind, None, None, Timestamp(0))
            .is_included()
    };
    if another(Kind::File) || another(Kind::Folder) {
        seen.out.push(entry);
    }
}

/// Ids of folders by path, as far as they were looked up.
#[derive(Debug, Default)]
struct FolderIds(HashMap<RelPath, Option<ItemId>>);

fn complete(side: Side, ended: bool) -> Result<()> {
    if ended {
        return Ok(());
    }
    let error = tandem_core::error::StorageError::new(
        "list",
        tandem_core::error::Cause::BadResponse,
        "the listing ended early",
    );
    Err(EngineError::Storage { side, error })
}

fn stamp(entry: &Entry) -> String {
    format!("{:?} {}", entry.revision, entry.size)
}
