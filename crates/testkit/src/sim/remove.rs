//! Deleting. Invariant: a folder that holds something is removed only into a trash it can be restored
//! from; an item that is not what was expected is kept, as with a write.

use tandem_core::entry::Kind;
use tandem_core::error::{Cause, Result};
use tandem_core::storage::{Deleted, Discard, Expected, Keep, Locator};

use super::state::State;
use super::storage::SimStorage;
use super::tree::{ROOT, Serial};
use super::write::fail;
use crate::oracle::How;

impl SimStorage {
    pub(super) async fn delete_item(
        &self,
        at: &Locator,
        expected: &Expected,
        keep: &Keep,
        how: Discard,
    ) -> Result<Deleted> {
        self.begin("delete", &at.path).await?;
        let outcome = self.delete_checked(at, expected, keep, how).await;
        self.finish("delete", &at.path, outcome).await
    }

    async fn delete_checked(
        &self,
        at: &Locator,
        expected: &Expected,
        keep: &Keep,
        how: Discard,
    ) -> Result<Deleted> {
        self.check_keep("delete", keep)?;
        let capabilities = &self.shape().capabilities;
        if how == Discard::Trash && !capabilities.trash {
            return Err(fail("delete", Cause::Unsupported, &at.path));
        }
        if self.state().doomed(at, expected, how, true)?.is_none() {
            return Ok(absent());
        }
        self.window("delete", &at.path).await;
        let condition = capabilities.conditions.delete;
        let mut state = self.state();
        let Some((serial, unexpected)) = state.doomed(at, expected, how, condition)? else {
            return Ok(absent());
        };
        state.before_change();
        let mut deleted = Deleted::default();
        if how == Discard::Trash {
            let entry = state.entry(serial);
            let version = state.put_in_trash(serial);
            if unexpected {
                state.tell_displaced(serial);
                deleted.displaced = Some(tandem_core::storage::Displaced { entry, version });
            } else {
                state.tell_taken(serial, How::Deleted);
                deleted.kept = Some(version);
            }
        } else if !state.is_folder(serial) {
            (deleted.kept, deleted.displaced) =
                state.keep_replaced(serial, How::Deleted, keep, unexpected, &self.device());
        }
        state.remove(serial);
        Ok(deleted)
    }
}

const fn absent() -> Deleted {
    Deleted {
        was_absent: true,
        kept: None,
        displaced: None,
    }
}

impl State {
    /// What is to be deleted, and whether it is another than expected; `None` if it is gone.
    fn doomed(
        &self,
        at: &Locator,
        expected: &Expected,
        how: Discard,
        strict: bool,
    ) -> Result<Option<(Serial, bool)>> {
        let Some(serial) = self.resolve(at, expected) else {
            return Ok(None);
        };
        let Some(node) = self.tree.get(serial) else {
            return Ok(None);
        };
        if self.is_lost(serial) || self.is_shut_above(serial) || serial == ROOT {
            return Err(fail("delete", Cause::Forbidden, &at.path));
        }
        if node.body.kind == Kind::Opaque {
            return Err(fail("delete", Cause::Unsupported, &at.path));
        }
        let unexpected = match expected {
            Expected::Any => false,
            Expected::Absent => true,
            Expected::Revision(revision) => self.revision(node) != *revision,
        };
        let holds_something = self.tree.children(serial).any(|at| self.is_visible(at));
        let recursive = how == Discard::Trash && self.shape.capabilities.recursive_trash;
        if (strict && unexpected) || (holds_something && !recursive) {
            return Err(fail("delete", Cause::PreconditionFailed, &at.path));
        }
        Ok(Some((serial, unexpected)))
    }

    /// Whether a folder above or at `serial` is unreadable.
    pub(super) fn is_shut(&self, serial: Serial) -> bool {
        !self.unreadable.is_empty()
            && self
                .tree
                .ancestors(serial)
                .any(|at| self.unreadable.contains(&at))
    }

    /// Whether a folder above `serial` is unreadable.
    pub(super) fn is_shut_above(&self, serial: Serial) -> bool {
        serial != ROOT
            && self
                .tree
                .get(serial)
                .is_some_and(|node| self.is_shut(node.parent))
    }
}
