//! Moves and copies.

use tandem_core::error::{Cause, Result};
use tandem_core::path::RelPath;
use tandem_core::storage::{Committed, Expected, Keep, Locator};

use super::database::Transaction;
use super::item::Item;
use super::place::refused;
use super::put::Put;
use super::schema::TOP;

/// Both ends of a move or copy.
#[derive(Debug, Clone)]
pub(super) struct Relocation {
    pub(super) from: Locator,
    pub(super) expected: Expected,
    pub(super) to: RelPath,
    pub(super) expected_to: Expected,
    pub(super) keep: Keep,
}

impl Relocation {
    pub(super) fn new(
        from: &Locator,
        expected: &Expected,
        to: &RelPath,
        expected_to: &Expected,
        keep: &Keep,
    ) -> Self {
        Self {
            from: from.clone(),
            expected: expected.clone(),
            to: to.clone(),
            expected_to: expected_to.clone(),
            keep: keep.clone(),
        }
    }
}

impl Transaction<'_> {
    fn origin(&mut self, root: i64, relocation: &Relocation) -> Result<Item> {
        let item = self.resolve(root, &relocation.from)?;
        let item = item.ok_or_else(|| refused(Cause::NotFound))?;
        if [root, TOP].contains(&item.id) {
            return Err(refused(Cause::Forbidden));
        }
        if !item.is_as(&relocation.expected) {
            return Err(refused(Cause::PreconditionFailed));
        }
        Ok(item)
    }

    /// Copies a file or link: the same content under another name.
    pub(super) fn copy(&mut self, root: i64, relocation: &Relocation) -> Result<Committed> {
        let item = self.origin(root, relocation)?;
        if item.is_folder() {
            return Err(refused(Cause::Unsupported));
        }
        let put = Put {
            root,
            target: &relocation.to,
            expected: &relocation.expected_to,
            keep: &relocation.keep,
        };
        let executable = Some(item.body.executable);
        self.put(&put, item.body, executable)
    }

    /// Moves an item with all below it.
    pub(super) fn move_to(&mut self, root: i64, relocation: &Relocation) -> Result<Committed> {
        let item = self.origin(root, relocation)?;
        self.hang(
            &item,
            &Put {
                root,
                target: &relocation.to,
                expected: &relocation.expected_to,
                keep: &relocation.keep,
            },
        )
    }

    /// Hangs `item` where `put` says.
    pub(super) fn hang(&mut self, item: &Item, put: &Put<'_>) -> Result<Committed> {
        let (folder, name) = self.place(put.root, put.target)?;
        if self.is_within(folder, item.id)? {
            return Err(refused(Cause::PreconditionFailed));
        }
        let stays = item.parent == Some(folder) && item.name == name.as_str();
        // Onto itself, nothing is replaced.
        let victim = if stays { None } else { self.victim(put)?.2 };
        if victim.is_some() && item.is_folder() {
            return Err(refused(Cause::AlreadyExists));
        }
        let kept = match victim {
            Some(victim) => {
                let kept = self.keep(put.root, &victim, put.keep)?;
                self.remove(&victim)?;
                kept
            }
            None => None,
        };
        if !stays {
            self.relink(item.id, folder, name.as_str())?;
        }
        Ok(Committed {
            entry: self.entry(item.id)?,
            displaced: None,
            landed_as: None,
            kept,
        })
    }
}
