//! Making staged content visible, and whatever else takes a name.

use tandem_core::entry::{Kind, Mtime};
use tandem_core::error::{Cause, Result};
use tandem_core::path::RelPath;
use tandem_core::storage::{Commit, Committed, Expected, Keep, Meta};
use tandem_core::time::Timestamp;

use super::database::Transaction;
use super::item::{Body, Item};
use super::place::refused;
use super::upload;

/// What takes a name, and what must be there.
pub(super) struct Put<'a> {
    pub(super) root: i64,
    pub(super) target: &'a RelPath,
    pub(super) expected: &'a Expected,
    pub(super) keep: &'a Keep,
}

impl Transaction<'_> {
    /// Makes one member of a group visible.
    pub(super) fn commit(&mut self, root: i64, member: &Commit) -> Result<Committed> {
        let staged = &member.staged;
        let put = Put {
            root,
            target: &staged.target,
            expected: &member.expected,
            keep: &member.keep,
        };
        // Before anything is changed: a member that fails leaves the group's transaction as it was.
        self.victim(&put)?;
        let content = match &staged.meta.target {
            Some(_) => None,
            None => Some(self.take_upload(&upload::Place {
                token: &staged.token,
                root,
                target: &staged.target,
                len: staged.len,
            })?),
        };
        let body = self.body(&staged.meta, content);
        self.put(&put, body, staged.meta.executable)
    }

    fn body(&self, meta: &Meta, content: Option<i64>) -> Body {
        let now = Mtime {
            at: Timestamp(self.now),
            by_client: false,
        };
        Body {
            kind: match meta.target {
                Some(_) => Kind::Symlink,
                None => Kind::File,
            },
            mtime: Some(meta.mtime.unwrap_or(now)),
            executable: false,
            target: meta.target.as_deref().map(str::to_owned),
            content,
        }
    }

    /// Gives `body` the name; `executable` as it was where it is not said.
    pub(super) fn put(
        &mut self,
        put: &Put<'_>,
        body: Body,
        executable: Option<bool>,
    ) -> Result<Committed> {
        let (folder, name, victim) = self.victim(put)?;
        let before = victim.as_ref().is_some_and(|item| item.body.executable);
        let body = Body {
            executable: executable.unwrap_or(before),
            ..body
        };
        let (id, kept) = match victim {
            Some(item) => {
                let kept = self.keep(put.root, &item, put.keep)?;
                self.overwrite(&item, &body)?;
                (item.id, kept)
            }
            None => (self.create(folder, &name, &body)?, None),
        };
        Ok(Committed {
            entry: self.entry(id)?,
            displaced: None,
            landed_as: None,
            kept,
        })
    }

    /// Where it goes, and the file or link that it replaces as expected.
    pub(super) fn victim(&mut self, put: &Put<'_>) -> Result<(i64, String, Option<Item>)> {
        let (folder, name) = self.place(put.root, put.target)?;
        let there = self.child(folder, name.as_str())?;
        let cause = match (put.expected, &there) {
            (Expected::Absent, Some(_)) => Cause::AlreadyExists,
            (Expected::Any, Some(item)) if item.is_folder() => Cause::AlreadyExists,
            (Expected::Revision(_), None) => Cause::PreconditionFailed,
            (Expected::Revision(_), Some(item))
                if item.is_folder() || !item.is_as(put.expected) =>
            {
                Cause::PreconditionFailed
            }
            _ => return Ok((folder, name.as_str().to_owned(), there)),
        };
        Err(refused(cause))
    }
}
