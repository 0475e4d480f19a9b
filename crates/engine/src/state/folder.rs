//! A folder as a listing shows it, compared with the base.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::types::ValueRef;
use tandem_core::capabilities::{Capabilities, Ids};
use tandem_core::entry::{Entry, Kind, Revision};
use tandem_core::path::Name;
use tandem_core::plan::ItemId;
use tandem_core::side::Side;

use super::pack::{has_usual_name, pack_stamp, unpack_stamp};
use super::places::SeenIn;
use super::seen::Differs;
use super::{State, side_column};
use crate::error::{EngineError, Result};

/// A folder as it was listed, filtered.
#[derive(Debug, Default)]
pub(crate) struct FolderSeen {
    /// What is carried.
    pub(crate) entries: Vec<Entry>,
    /// Names of entries that are still being written.
    pub(crate) unsettled: Vec<Name>,
    /// Names that the filter leaves out.
    pub(crate) excluded: Vec<Name>,
    /// Of these, what is out for its size, age or kind.
    pub(crate) out: Vec<Entry>,
    /// Names under which something is that could not be told as an entry. An entry of the name may be there beside
    /// it: a flat store holds a file `k`, and a folder `k` that hides it.
    pub(crate) unknown: Vec<Name>,
}

impl FolderSeen {
    /// An entry that the base does not explain.
    pub(super) fn fresh(&self, entry: &Entry) -> Wanted {
        let state = if self.unsettled.contains(&entry.name) {
            Differs::FreshUnsettled
        } else {
            Differs::Fresh
        };
        Wanted {
            state,
            entry: Some(entry.clone()),
        }
    }

    /// Whether all that the folder shows is known, and rests.
    pub(crate) const fn is_told(&self) -> bool {
        self.unsettled.is_empty() && self.unknown.is_empty()
    }

    /// Folders under whose name something else is too.
    pub(crate) fn hiding_folders(&self) -> Vec<Name> {
        if self.unknown.is_empty() {
            return Vec::new();
        }
        let unknown: BTreeSet<&Name> = self.unknown.iter().collect();
        let folders = self
            .entries
            .iter()
            .filter(|entry| entry.kind == Kind::Folder);
        let names = folders.map(|entry| &entry.name);
        names
            .filter(|name| unknown.contains(name))
            .cloned()
            .collect()
    }

    /// Adds what is left out and not in the base.
    pub(super) fn add_out(&self, wanted: &mut BTreeMap<Name, Wanted>) {
        for entry in &self.out {
            let what = (entry.kind != Kind::Folder).then(|| entry.clone());
            wanted.entry(entry.name.clone()).or_insert(Wanted {
                state: Differs::Out,
                entry: what,
            });
        }
    }

    /// Adds what the base does not explain and could not be looked at this time: it is not gone.
    pub(super) fn add_unknown(&self, rows: &[SeenIn], wanted: &mut BTreeMap<Name, Wanted>) {
        for (name, _, state, entry) in rows {
            let is_fresh = matches!(state, Differs::Fresh | Differs::FreshUnsettled);
            if is_fresh && self.unknown.contains(name) {
                wanted.entry(name.clone()).or_insert_with(|| Wanted {
                    state: Differs::FreshUnsettled,
                    entry: entry.clone(),
                });
            }
        }
    }
}

pub(super) struct Wanted {
    pub(super) state: Differs,
    pub(super) entry: Option<Entry>,
}

impl State {
    /// Notes the whole of a folder as `side` shows it. Answers the folders in it of whose children nothing is known: those
    /// that the base does not explain, and those that were gone and are back.
    pub(crate) fn see_folder(
        &mut self,
        side: Side,
        folder: ItemId,
        capabilities: &Capabilities,
        mut seen: FolderSeen,
    ) -> Result<Vec<(Name, ItemId)>> {
        seen.entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let mut wanted = self.differences(side, folder, capabilities, &mut seen)?;
        if wanted.is_empty() && self.seen_rows[side as usize] == 0 {
            return Ok(Vec::new());
        }
        let rows = self.seen_in(side, folder)?;
        seen.add_unknown(&rows, &mut wanted);
        let mut new = self.returned_folders(side, folder, &rows, &wanted)?;
        if !self.write_differences(side, folder, wanted, rows)? {
            new.extend(self.fresh_folders(side, folder)?);
        }
        Ok(new)
    }

    /// Folders of the base that were gone as the `rows` have it, and are not as it is `wanted` now.
    fn returned_folders(
        &self,
        side: Side,
        folder: ItemId,
        rows: &[SeenIn],
        wanted: &BTreeMap<Name, Wanted>,
    ) -> Result<Vec<(Name, ItemId)>> {
        let mut returned = Vec::new();
        for (name, _, was, _) in rows {
            let now = wanted.get(name).map(|new| new.state);
            if was.is_gone()
                && matches!(now, None | Some(Differs::Changed))
                && let Some(item) = self.base_by_native(side, folder, name)?
                && item.kind == Kind::Folder
            {
                returned.push((name.clone(), item.id));
            }
        }
        Ok(returned)
    }

    /// Compares a sorted folder with the base's rows, without unpacking what is equal.
    fn differences(
        &self,
        side: Side,
        folder: ItemId,
        capabilities: &Capabilities,
        seen: &mut FolderSeen,
    ) -> Result<BTreeMap<Name, Wanted>> {
        let mut wanted = BTreeMap::new();
        let mut explained = vec![false; seen.entries.len()];
        let column = side_column(side);
        let sql = format!("SELECT name, kind, {column} FROM base WHERE parent = ?1 ORDER BY name");
        let mut query = self.db.prepare_cached(&sql)?;
        let mut rows = query.query([folder.0])?;
        let mut buffer = Vec::with_capacity(128);
        let mut next = 0;
        while let Some(row) = rows.next()? {
            let ValueRef::Blob(stamp) = row.get_ref(2)? else {
                continue;
            };
            let name = row
                .get_ref(0)?
                .as_str()
                .map_err(|e| EngineError::DamagedState(e.to_string()))?;
            let at = if has_usual_name(stamp) {
                while next < seen.entries.len() && seen.entries[next].name.as_str() < name {
                    next += 1;
                }
                (next < seen.entries.len() && seen.entries[next].name.as_str() == name)
                    .then_some(next)
            } else {
                let was = unpack_stamp(stamp, name, Vec::new())?;
                seen.entries
                    .binary_search_by(|e| e.name.cmp(&was.name))
                    .ok()
            };
            if let Some(at) = at {
                if capabilities.listing_lacks_meta {
                    let was = unpack_stamp(stamp, name, Vec::new())?;
                    fill_in_meta(&mut seen.entries[at], &was);
                }
                pack_stamp(&seen.entries[at], name, &mut buffer)?;
                if buffer == stamp {
                    explained[at] = true;
                    continue;
                }
            }
            let was = unpack_stamp(stamp, name, Vec::new())?;
            let (state, entry) =
                Self::difference(&was, at.map(|at| &seen.entries[at]), capabilities, seen);
            if let Some(at) = at {
                explained[at] = true;
            }
            wanted.insert(was.name, Wanted { state, entry });
        }
        for (entry, explained) in seen.entries.iter().zip(explained) {
            if !explained {
                wanted.insert(entry.name.clone(), seen.fresh(entry));
            }
        }
        seen.add_out(&mut wanted);
        Ok(wanted)
    }

    pub(super) fn difference(
        was: &Entry,
        now: Option<&Entry>,
        capabilities: &Capabilities,
        seen: &FolderSeen,
    ) -> (Differs, Option<Entry>) {
        let is_hidden = now.is_none_or(|now| now.kind != was.kind);
        match now {
            _ if is_hidden && seen.unknown.contains(&was.name) => (Differs::Unknown, None),
            None if seen.excluded.contains(&was.name) => (Differs::Excluded, None),
            None => (Differs::Absent, None),
            Some(_) if seen.unsettled.contains(&was.name) => (Differs::Unknown, None),
            Some(now) if is_same_thing(was, now, capabilities) => {
                (Differs::Changed, Some(now.clone()))
            }
            Some(now) => (Differs::Replaced, Some(now.clone())),
        }
    }
}

/// What the listing does not show of a file is as it was while the revision is.
pub(super) fn fill_in_meta(now: &mut Entry, was: &Entry) {
    let same = now.kind == Kind::File && now.size == was.size && now.revision == was.revision;
    if same && now.revision != Revision::None {
        now.mtime = was.mtime;
        now.executable = was.executable;
    }
}

/// Like [`may_be_same`], where a side may by now have ids and had none.
fn is_same_thing(was: &Entry, now: &Entry, capabilities: &Capabilities) -> bool {
    was.kind == now.kind && (capabilities.ids == Ids::None || was.id == now.id)
}
