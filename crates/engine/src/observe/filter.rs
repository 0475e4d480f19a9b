//! The filter as the sides' `.tandemignore` files make it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tandem_core::entry::{Entry, Kind};
use tandem_core::error::Cause;
use tandem_core::filter::{
    Filter, FilterError, FilterSpec, IGNORE_FILE, IgnoreFile, InFolder, Rule, Verdict,
};
use tandem_core::path::{Name, RelPath};
use tandem_core::side::Side;
use tandem_core::storage::Locator;
use tandem_core::time::Timestamp;

use super::Look;
use crate::carried::Carried;
use crate::engine::Engine;
use crate::error::{EngineError, Result};
use crate::state::{FolderSeen, ProblemRow, State};

/// A `.tandemignore` larger than this is not read, in bytes.
const LARGEST_IGNORE_FILE: u64 = 1 << 20;

/// The note that a `.tandemignore` file was seen to change and was not read yet. A feed does not tell it again.
const UNREAD: &str = "ignore_files_unread";

#[derive(Debug, Clone, Serialize, Deserialize)]
struct StoredIgnoreFile {
    side: Side,
    folder: RelPath,
    stamp: String,
    text: String,
    /// Why these are not the rules that the file says, if they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trouble: Option<Trouble>,
}

/// What keeps the rules of a file from being taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Trouble {
    why: String,
    detail: String,
}

pub(crate) fn stored_ignore_files(state: &State) -> Result<Vec<IgnoreFile>> {
    Ok(read_stored(state)?
        .iter()
        .map(StoredIgnoreFile::rules)
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

impl Trouble {
    fn of(fault: &FilterError) -> Self {
        let FilterError {
            line, text, why, ..
        } = fault;
        Self {
            why: "bad_rule".to_owned(),
            detail: format!("line {line}, {text:?}: {why}"),
        }
    }
}

impl StoredIgnoreFile {
    /// The file with the text that it has now, if it was not too large to be read. Rules that cannot be taken leave
    /// those from `before` in force; of a new file the lines that can be read count.
    fn new(
        side: Side,
        folder: &RelPath,
        entry: &Entry,
        text: Option<String>,
        before: Option<Self>,
    ) -> Self {
        let before = before.map(|file| file.text);
        let (text, trouble) = match text {
            None => {
                let trouble = Trouble {
                    why: "rules_too_large".to_owned(),
                    detail: String::new(),
                };
                (before.unwrap_or_default(), Some(trouble))
            }
            Some(text) => match rules_fault(&text) {
                None => (text, None),
                Some(fault) => {
                    let readable = before.unwrap_or_else(|| readable_lines(&text));
                    let is_usable = rules_fault(&readable).is_none();
                    let readable = Some(readable).filter(|_| is_usable).unwrap_or_default();
                    (readable, Some(Trouble::of(&fault)))
                }
            },
        };
        Self {
            side,
            folder: folder.clone(),
            stamp: stamp(entry),
            text,
            trouble,
        }
    }

    fn rules(&self) -> IgnoreFile {
        IgnoreFile {
            side: self.side,
            folder: self.folder.clone(),
            text: self.text.clone(),
        }
    }

    fn problem(&self) -> Option<ProblemRow> {
        let trouble = self.trouble.clone()?;
        let name = Name::new(IGNORE_FILE).ok()?;
        Some(ProblemRow {
            side: self.side,
            path: self.folder.join(&name).to_string(),
            why: trouble.why,
            detail: trouble.detail,
        })
    }

    /// Whether a look found the file as it was, or did not look for what is known to be there.
    fn is_as_stored(&self, state: &State, look: &Look) -> Result<bool> {
        match look.ignore_files.get(&(self.side, self.folder.clone())) {
            Some(entry) => Ok(stamp(entry) == self.stamp),
            None if look.looked_for(self.side, &self.folder, IGNORE_FILE) => Ok(false),
            None => self.is_known(state),
        }
    }

    fn is_known(&self, state: &State) -> Result<bool> {
        let name = Name::new(IGNORE_FILE);
        match (state.folder_by_path(self.side, &self.folder)?, name) {
            (Some(folder), Ok(name)) => Ok(state.known_at(self.side, folder, &name)?.is_some()),
            _ => Ok(false),
        }
    }
}

impl Engine {
    /// Notes, in the look's transaction, that it showed `.tandemignore` files that are still to be read.
    pub(super) fn note_unread(&self, look: &Look) -> Result<()> {
        let state = self.state();
        let stored = read_stored(&state)?;
        let is_known = |side: Side, folder: &RelPath, entry: &Entry| {
            let mut same = stored
                .iter()
                .filter(|f| f.side == side && f.folder == *folder);
            same.any(|file| file.stamp == stamp(entry))
        };
        let mut found = look.ignore_files.iter();
        let mut is_as_stored = found.all(|((side, folder), entry)| is_known(*side, folder, entry));
        for file in &stored {
            is_as_stored &= file.is_as_stored(&state, look)?;
        }
        if is_as_stored {
            return Ok(());
        }
        state.set_meta(UNREAD, "")
    }

    /// Whether all `.tandemignore` files that were seen have been read.
    pub(super) fn is_filter_read(&self) -> Result<bool> {
        Ok(self.state().meta(UNREAD)?.is_none())
    }

    /// Reads the `.tandemignore` files that changed. Answers whether the filter is another one now.
    pub(super) async fn refresh_filter(&self, look: &Look) -> Result<bool> {
        let (mut files, mut before) = (Vec::new(), BTreeMap::new());
        {
            let state = self.state();
            for file in read_stored(&state)? {
                if file.is_as_stored(&state, look)? {
                    files.push(file);
                } else {
                    before.insert((file.side, file.folder.clone()), file);
                }
            }
        }
        let mut all_read = true;
        for ((side, folder), entry) in &look.ignore_files {
            if files.iter().any(|f| f.side == *side && f.folder == *folder) {
                continue;
            }
            let before = before.remove(&(*side, folder.clone()));
            match self.read_ignore_file(*side, folder, entry).await {
                Ok(text) => files.push(StoredIgnoreFile::new(*side, folder, entry, text, before)),
                // What it says by now is read by the next look. Until then it says what it said, unless it is gone.
                Err(error) if error.is_lost_race() => {
                    all_read = false;
                    files.extend(before.filter(|_| error.cause != Cause::NotFound));
                }
                Err(error) => return Err(EngineError::Storage { side: *side, error }),
            }
        }
        let ignored = files.iter().map(StoredIgnoreFile::rules);
        let filter = Filter::new(self.setup.options.filter.clone(), ignored)?;
        self.store_ignore_files(&files, all_read)?;
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

    /// The text of a `.tandemignore`; `None` if it is too large.
    async fn read_ignore_file(
        &self,
        side: Side,
        folder: &RelPath,
        entry: &Entry,
    ) -> tandem_core::error::Result<Option<String>> {
        let at = Locator {
            path: folder.join(&entry.name),
            id: entry.id.clone(),
        };
        let content = Carried::new(
            std::sync::Arc::clone(self.root(side)),
            at,
            entry.clone(),
            std::sync::Arc::clone(&self.throttles[side]),
            std::sync::Arc::clone(&self.setup.environment),
        );
        let text = content.bytes(LARGEST_IGNORE_FILE).await?;
        Ok(text.map(|text| String::from_utf8_lossy(&text).into_owned()))
    }

    /// Keeps the rules, and shows what keeps others from counting.
    fn store_ignore_files(&self, files: &[StoredIgnoreFile], all_read: bool) -> Result<()> {
        let text = serde_json::to_string(files).map_err(|e| EngineError::Refused(e.to_string()))?;
        let problems: BTreeSet<_> = files.iter().filter_map(StoredIgnoreFile::problem).collect();
        self.state().transaction(|state| {
            if state
                .meta("ignore_files")?
                .is_none_or(|known| known != text)
            {
                state.set_meta("ignore_files", &text)?;
                state.set_problems("filter", &problems)?;
            }
            if all_read && state.meta(UNREAD)?.is_some() {
                state.drop_meta(UNREAD)?;
            }
            Ok(())
        })
    }
}

/// The lines of a text that can be read each for itself; the others are empty.
fn readable_lines(text: &str) -> String {
    let is_readable = |line: &&str| rules_fault(line).is_none();
    let lines = text
        .split('\n')
        .map(|line| Some(line).filter(is_readable).unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// What is wrong with the rules of a `.tandemignore`, if anything is.
fn rules_fault(text: &str) -> Option<FilterError> {
    let file = IgnoreFile {
        side: Side::Source,
        folder: RelPath::root(),
        text: text.to_owned(),
    };
    Filter::new(FilterSpec::default(), [file]).err()
}

/// What a filter says of an entry. A server's upload time is no age.
pub(super) fn of_entry(
    filter: &InFolder<'_>,
    name: &Name,
    entry: &Entry,
    now: Timestamp,
) -> Verdict {
    let mtime = entry.mtime.filter(|m| m.by_client).map(|m| m.at);
    filter.verdict(name, entry.kind, Some(entry.size), mtime, now)
}

/// What is out for its name is so on both sides; what is out for what it is must be remembered, and what is only
/// too young is not out for good.
pub(super) fn leave_out(
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

fn stamp(entry: &Entry) -> String {
    format!("{:?} {}", entry.revision, entry.size)
}
