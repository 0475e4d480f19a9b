//! `ls`: what a folder holds.

use futures_util::StreamExt;
use tandem_core::entry::{Entry, Kind};
use tandem_core::error::Cause;
use tandem_core::path::RelPath;
use tandem_core::storage::{Depth, Listed, Locator, Root, Skip};

use crate::answer::{Answer, EntryView};
use crate::fault::{Fault, Result, StorageWords};
use crate::location::Location;
use crate::service::Service;
use crate::when::When;

impl Service {
    pub(super) async fn list(&self, at: &Location) -> Result<Answer> {
        // A file is shown as itself; seen from the folder above, since a root is a folder.
        if let Some((above, name)) = at.split() {
            let config = self.config();
            let (root, words) = self.0.storages.root(&config, &above).await?;
            let found = stat(&*root, &name, &words).await?;
            match found {
                Some(entry) if entry.kind != Kind::Folder => {
                    return Ok(Answer::Entries(vec![entry_view(&entry)]));
                }
                // A flat store may have no object for a folder that has content.
                None if at.is_local() => return Err(Fault::NothingThere(at.to_string())),
                _ => {}
            }
        }
        let (root, words) = self.0.storages.root(&self.config(), at).await?;
        let fault = |error| Fault::Storage(Box::new(words.clone()), Box::new(error));
        let mut listing = root.list(&RelPath::root(), Depth::Children);
        let mut entries = Vec::new();
        while let Some(listed) = listing.next().await {
            match listed.map_err(|error| match error.cause {
                Cause::NotFound if words.bucket.is_none() => Fault::NothingThere(at.to_string()),
                _ => fault(error),
            })? {
                Listed::Folder(folder) => {
                    entries.extend(folder.entries.iter().map(entry_view));
                    entries.extend(folder.skipped.iter().map(|s| skipped_view(&s.shown, s.why)));
                }
                Listed::Unreadable(skipped) => {
                    return Err(fault(tandem_core::error::StorageError::new(
                        "list",
                        Cause::Forbidden,
                        skip_words(skipped.why),
                    )));
                }
                Listed::End => break,
            }
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Answer::Entries(entries))
    }
}

/// The entry `name` in a folder; none if it is surely absent or the name cannot be one.
pub(super) async fn stat(
    root: &dyn Root,
    name: &str,
    words: &StorageWords,
) -> Result<Option<Entry>> {
    let Ok(path) = RelPath::new(name) else {
        return Ok(None);
    };
    match root.stat(&Locator::of_path(path)).await {
        Ok(entry) => Ok(entry),
        // The folder above is missing as well. A missing bucket says so itself.
        Err(error) if error.cause == Cause::NotFound && words.bucket.is_none() => Ok(None),
        Err(error) => Err(Fault::Storage(Box::new(words.clone()), Box::new(error))),
    }
}

fn entry_view(entry: &Entry) -> EntryView {
    EntryView {
        name: entry.name.as_str().to_owned(),
        kind: match entry.kind {
            Kind::File => "file",
            Kind::Folder => "folder",
            Kind::Symlink => "symlink",
            Kind::Opaque => "opaque",
        }
        .to_owned(),
        size: entry.size,
        mtime: entry.mtime.map(|m| When(m.at)),
        why: None,
    }
}

fn skipped_view(shown: &str, why: Skip) -> EntryView {
    EntryView {
        name: shown.to_owned(),
        kind: "skipped".to_owned(),
        size: 0,
        mtime: None,
        why: Some(skip_words(why).to_owned()),
    }
}

const fn skip_words(why: Skip) -> &'static str {
    match why {
        Skip::NotUnicode => "its name is not in Unicode",
        Skip::BadName => "its name cannot be used",
        Skip::Unreadable => "it cannot be read: no permission",
        Skip::MountGone => "the disk that was mounted here is gone",
        Skip::ShadowedByFolder => "a folder has the same name",
        Skip::Unsettled => "it changed while it was looked at",
    }
}
