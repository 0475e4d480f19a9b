//! Moving, copying and restoring. Invariant: whatever stood at the target is treated as a write treats
//! it; where a move is a copy and a delete, the original goes last and only as it was copied.

use tandem_core::entry::{Kind, Revision};
use tandem_core::error::{Cause, Result};
use tandem_core::path::{Name, RelPath};
use tandem_core::storage::{Committed, Expected, Keep, Locator, VersionKey};

use super::environment::yield_now;
use super::state::{State, folder_body};
use super::storage::SimStorage;
use super::tree::{Body, Serial};
use super::write::{Put, fail};
use crate::oracle::How;

/// A move or copy: both ends and what must hold there.
#[derive(Clone, Copy)]
pub(super) struct Relocation<'a> {
    pub(super) operation: &'static str,
    pub(super) from: &'a Locator,
    pub(super) expected: &'a Expected,
    pub(super) to: &'a RelPath,
    pub(super) expected_to: &'a Expected,
    pub(super) keep: &'a Keep,
}

/// Where a checked relocation leads.
struct Route {
    serial: Serial,
    folder: Serial,
    name: Name,
    victim: Option<Serial>,
    unexpected: bool,
}

impl SimStorage {
    pub(super) async fn relocate(&self, relocation: Relocation<'_>) -> Result<Committed> {
        let Relocation {
            operation, from, ..
        } = relocation;
        self.begin_write(operation, &from.path).await?;
        let outcome = self.relocate_item(relocation).await;
        self.finish(operation, &from.path, outcome).await
    }

    async fn relocate_item(&self, relocation: Relocation<'_>) -> Result<Committed> {
        let Relocation {
            operation, from, ..
        } = relocation;
        self.check_keep(operation, relocation.keep)?;
        let copies = operation == "copy";
        let folder = {
            let state = self.state();
            let route = state.route(relocation, true)?;
            state.is_folder(route.serial)
        };
        let capabilities = &self.shape().capabilities;
        let refused = folder && (copies || !capabilities.folder_move);
        if refused || (copies && !capabilities.server_copy) {
            return Err(fail(operation, Cause::Unsupported, &from.path));
        }
        self.window(operation, &from.path).await;
        let conditions = &capabilities.conditions;
        let condition = if copies {
            conditions.copy
        } else {
            conditions.move_
        };
        if !copies && (capabilities.atomic_move || folder) {
            return self
                .state()
                .move_item(relocation, condition, &self.device());
        }
        let (source, mut committed) =
            self.state()
                .copy_item(relocation, condition, &self.device())?;
        if !copies {
            yield_now().await;
            self.window(operation, &from.path).await;
            self.remove_original(relocation, source, &mut committed)?;
        }
        Ok(committed)
    }

    /// The second half of a move that is a copy and a delete.
    fn remove_original(
        &self,
        relocation: Relocation<'_>,
        (serial, version): (Serial, u64),
        committed: &mut Committed,
    ) -> Result<()> {
        let mut state = self.state();
        let Some(node) = state.tree.get(serial) else {
            return Ok(());
        };
        let unexpected = node.version != version;
        if unexpected && state.shape.capabilities.conditions.delete {
            if *relocation.expected_to == Expected::Absent {
                state.take_back(relocation.to, &committed.entry.revision);
            }
            let path = &relocation.from.path;
            return Err(fail(relocation.operation, Cause::PreconditionFailed, path));
        }
        state.before_change();
        if unexpected {
            let (keep, device) = (&Keep::No, self.device());
            let (_, displaced) = state.keep_replaced(serial, How::Replaced, keep, true, &device);
            committed.displaced = committed.displaced.take().or(displaced);
        }
        state.remove(serial);
        Ok(())
    }

    pub(super) async fn restore(
        &self,
        key: &VersionKey,
        to: &RelPath,
        expected: &Expected,
    ) -> Result<Committed> {
        self.begin_write("restore_version", to).await?;
        let outcome = self.restore_item(key, to, expected).await;
        self.finish("restore_version", to, outcome).await
    }

    async fn restore_item(
        &self,
        key: &VersionKey,
        to: &RelPath,
        expected: &Expected,
    ) -> Result<Committed> {
        let kept = {
            let state = self.state();
            let kept = state.kept.get(key).cloned();
            let kept = kept.ok_or_else(|| fail("restore_version", Cause::NotFound, to))?;
            state.check_put("restore_version", to, expected)?;
            kept
        };
        self.window("restore_version", to).await;
        let keep = Keep::No;
        let put = Put {
            operation: "restore_version",
            target: to,
            expected,
            keep: &keep,
            executable: Some(kept.body.executable),
            condition: self.has_condition(expected, 0),
            body: kept.body,
        };
        let mut state = self.state();
        let committed = state.put(put, &self.device())?;
        state.put_below(to, kept.below);
        Ok(committed)
    }
}

impl State {
    pub(super) fn is_folder(&self, serial: Serial) -> bool {
        self.tree
            .get(serial)
            .is_some_and(super::tree::Node::is_folder)
    }

    /// The item that `at` names; of twins the one that `expected` fits.
    pub(super) fn resolve(&self, at: &Locator, expected: &Expected) -> Option<Serial> {
        if let Some(serial) = at.id.as_ref().and_then(|id| self.strong(id)) {
            return serial.filter(|serial| self.is_visible(*serial));
        }
        let mut found = self.tree.at(&at.path);
        found.retain(|serial| self.is_visible(*serial));
        // As an object store answers: what lies below a key is asked for first.
        found.sort_by_key(|serial| self.is_shadowed(*serial));
        let fitting = found.iter().copied().find(|serial| match expected {
            Expected::Revision(revision) => self.is_at(*serial, revision),
            Expected::Absent | Expected::Any => true,
        });
        fitting.or(found.first().copied())
    }

    /// What a strong id names now; `None` where ids are not strong.
    fn strong(&self, id: &tandem_core::entry::NativeId) -> Option<Option<Serial>> {
        let strong = self.shape.capabilities.ids == tandem_core::capabilities::Ids::Strong;
        strong.then(|| self.by_id(id))
    }

    /// Checks both ends; without `strict` only what the storage checks in any case.
    fn route(&self, relocation: Relocation<'_>, strict: bool) -> Result<Route> {
        let Relocation {
            operation,
            from,
            expected,
            to,
            expected_to,
            ..
        } = relocation;
        let serial = self
            .resolve(from, expected)
            .ok_or_else(|| fail(operation, Cause::NotFound, &from.path))?;
        if self.is_lost(serial) || self.is_shut_above(serial) {
            return Err(fail(operation, Cause::Forbidden, &from.path));
        }
        let as_expected = match expected {
            Expected::Any => true,
            Expected::Absent => false,
            Expected::Revision(revision) => self.is_at(serial, revision),
        };
        if strict && !as_expected {
            return Err(fail(operation, Cause::PreconditionFailed, &from.path));
        }
        let (folder, name) = self.place(operation, to)?;
        if self.tree.is_within(folder, serial) {
            return Err(fail(operation, Cause::PreconditionFailed, to));
        }
        let but = (operation != "copy").then_some(serial);
        let matched = self.match_target(folder, &name, expected_to, but);
        let (victim, unexpected) = match matched {
            Ok(victim) => (victim, false),
            Err(cause) if strict => return Err(fail(operation, cause, to)),
            Err(cause) => (self.hit(folder, &name, but, operation, cause, to)?, true),
        };
        // A folder takes nobody's place, and a twin is made rather than anything overwritten.
        if victim.is_some() && self.is_folder(serial) {
            return Err(fail(operation, Cause::AlreadyExists, to));
        }
        let twin = self.shape.capabilities.twins && unexpected;
        Ok(Route {
            serial,
            folder,
            name,
            victim: victim.filter(|_| !twin),
            unexpected,
        })
    }

    fn hit(
        &self,
        folder: Serial,
        name: &Name,
        but: Option<Serial>,
        operation: &'static str,
        cause: Cause,
        to: &RelPath,
    ) -> Result<Option<Serial>> {
        let mut found = self.find(folder, name);
        found.retain(|serial| Some(*serial) != but);
        let file = found.iter().copied().find(|serial| {
            self.tree
                .get(*serial)
                .is_some_and(|node| matches!(node.body.kind, Kind::File | Kind::Symlink))
        });
        if file.is_none() && !found.is_empty() {
            return Err(fail(operation, cause, to));
        }
        Ok(file)
    }

    fn move_item(
        &mut self,
        relocation: Relocation<'_>,
        condition: bool,
        device: &str,
    ) -> Result<Committed> {
        let route = self.route(relocation, condition)?;
        self.before_change();
        self.clear_hidden(route.folder, &route.name);
        let (kept, displaced) = match route.victim {
            Some(victim) => {
                let (keep, unexpected) = (relocation.keep, route.unexpected);
                let answers = self.keep_replaced(victim, How::Replaced, keep, unexpected, device);
                self.remove(victim);
                answers
            }
            None => (None, None),
        };
        self.relink(route.serial, route.folder, &route.name);
        let entry = self.entry(route.serial);
        Ok(Committed {
            entry: entry.ok_or_else(|| fail("move_to", Cause::Other, relocation.to))?,
            displaced,
            landed_as: None,
            kept,
        })
    }

    /// Copies, and says which version of which item was copied.
    fn copy_item(
        &mut self,
        relocation: Relocation<'_>,
        condition: bool,
        device: &str,
    ) -> Result<((Serial, u64), Committed)> {
        let route = self.route(relocation, condition)?;
        let node = self.tree.get(route.serial);
        let (body, version) = node
            .filter(|node| matches!(node.body.kind, Kind::File | Kind::Symlink))
            .map(|node| (node.body.clone(), node.version))
            .ok_or_else(|| fail(relocation.operation, Cause::Unsupported, relocation.to))?;
        // A move onto another spelling of its own name cannot be a copy.
        let own_name = self
            .tree
            .find(route.folder, &route.name)
            .contains(&route.serial);
        if own_name && relocation.operation != "copy" {
            return self
                .move_item(relocation, condition, device)
                .map(|committed| ((Serial::MAX, version), committed));
        }
        let executable = Some(body.executable);
        let put = Put {
            operation: relocation.operation,
            target: relocation.to,
            expected: relocation.expected_to,
            keep: relocation.keep,
            body,
            executable,
            condition,
        };
        let committed = self.put(put, device)?;
        Ok(((route.serial, version), committed))
    }

    /// Removes a copy whose original turned out to be another by now, unless somebody changed the copy too.
    fn take_back(&mut self, path: &RelPath, revision: &Revision) {
        let expected = Expected::Revision(revision.clone());
        let copy = self.resolve(&Locator::of_path(path.clone()), &expected);
        if let Some(serial) = copy.filter(|serial| self.is_at(*serial, revision)) {
            self.before_change();
            self.remove(serial);
        }
    }

    /// Puts what was below a kept folder back below `top`.
    fn put_below(&mut self, top: &RelPath, below: Vec<(RelPath, Body)>) {
        for (path, body) in below {
            let path = top.append(&path);
            if let (Some(parent), Some(name)) = (path.parent(), path.name())
                && let Some(folder) = self.tree.folder_at(&parent)
            {
                self.create(folder, &name, body);
            }
        }
    }

    /// Makes `path` a folder with its parents, as far as nothing else is in the way. One that is not shown has no spelling
    /// of its own.
    pub(super) fn make_folders(
        &mut self,
        operation: &'static str,
        path: &RelPath,
    ) -> Result<Serial> {
        let mut at = RelPath::root();
        let mut folder = super::tree::ROOT;
        for name in path.names() {
            at = at.join(&name);
            let there = self.tree.find(folder, &name).to_vec();
            let existing = there.iter().copied().find(|serial| self.is_folder(*serial));
            folder = match existing {
                Some(serial) => {
                    if !self.is_visible(serial) {
                        self.tree.relink(serial, folder, &name);
                    }
                    serial
                }
                None if there.is_empty() => {
                    self.before_change();
                    self.create(folder, &name, folder_body())
                }
                None => return Err(fail(operation, Cause::AlreadyExists, &at)),
            };
            if self.is_lost(folder) || self.is_shut(folder) {
                return Err(fail(operation, Cause::Forbidden, &at));
            }
        }
        Ok(folder)
    }
}
