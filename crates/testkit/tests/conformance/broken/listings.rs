//! Listings as the faults mistreat them.

use futures_util::stream::{self, StreamExt};
use tandem_core::entry::{Entry, Kind, Revision};
use tandem_core::path::{Name, RelPath};
use tandem_core::storage::{FolderListing, Listed, ListingStream};

use super::Fault;

fn mistreat(listing: &mut FolderListing, fault: Fault) {
    let entries = &mut listing.entries;
    match fault {
        Fault::ForgetsAfterAPage => entries.truncate(1000),
        Fault::ListsItsOwn => {
            entries.push(Entry::folder(Name::new(".tandem").expect("a name")));
        }
        Fault::ListsTwice => entries.extend_from_within(..entries.len().min(1)),
        Fault::ForgetsFolders => entries.retain(|entry| entry.kind != Kind::Folder),
        Fault::ListsAnotherRevision => {
            for entry in entries {
                entry.revision = Revision::None;
            }
        }
        _ => {}
    }
}

/// `listing` of `folder`, with `fault` and its entries as `shown`.
pub(super) fn mistreated(
    listing: ListingStream,
    folder: &RelPath,
    fault: Fault,
    shown: impl Fn(Entry) -> Entry + Send + 'static,
) -> ListingStream {
    let empty = FolderListing {
        folder: folder.clone(),
        entries: Vec::new(),
        skipped: Vec::new(),
    };
    Box::pin(listing.flat_map(move |listed| {
        stream::iter(match listed {
            Ok(Listed::Folder(mut listing)) => {
                mistreat(&mut listing, fault);
                listing.entries = listing.entries.into_iter().map(&shown).collect();
                vec![Ok(Listed::Folder(listing))]
            }
            Ok(Listed::End) if fault == Fault::DropsEnd => vec![],
            Ok(Listed::End) if fault == Fault::EndsTwice => {
                vec![Ok(Listed::End), Ok(Listed::End)]
            }
            Err(_) if fault == Fault::MissingIsEmpty => {
                vec![Ok(Listed::Folder(empty.clone())), Ok(Listed::End)]
            }
            other => vec![other],
        })
    }))
}
