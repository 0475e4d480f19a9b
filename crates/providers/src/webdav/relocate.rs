//! MOVE and COPY (RFC 4918, sections 9.8 and 9.9), and what is checked around them.

use tandem_core::entry::Entry;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::names::collision_key;
use tandem_core::path::RelPath;
use tandem_core::storage::{Committed, Expected, Keep};
use url::Url;

use super::address::Ending;
use super::client::{Call, Tries};
use super::errors::{is_refusal, of_try, written_since};
use super::guard::Guard;
use super::resource::{Resource, Tag, is_of_folder};
use super::root::{Seen, WebDavRoot, misread};
use crate::retry::Attempt;

/// What is moved or copied where.
pub(super) struct Relocation<'a> {
    pub(super) operation: &'static str,
    /// `MOVE` or `COPY`.
    pub(super) method: &'static str,
    pub(super) from: Url,
    /// The ETag that the source must have, where one is known and matters.
    pub(super) from_tag: Option<&'a Tag>,
    /// The number of the source, where the server gives one.
    pub(super) from_id: Option<&'a str>,
    pub(super) to: Url,
    pub(super) to_path: &'a RelPath,
    /// What must be there.
    pub(super) guard: &'a Guard,
    /// The size of the file; of a folder anything.
    pub(super) size: u64,
}

impl WebDavRoot {
    /// Moves or copies, and shows what is at the destination then. What got another name there does not stay.
    pub(super) async fn relocate(&self, relocation: &Relocation<'_>) -> Result<Resource> {
        self.check_zero(relocation).await?;
        let seen = self.carry(relocation).await?;
        if seen.is_misread(&relocation.to) {
            self.take_back(relocation, &seen.resource).await?;
            return Err(misread(relocation.operation));
        }
        Ok(seen.resource)
    }

    async fn carry(&self, relocation: &Relocation<'_>) -> Result<Seen> {
        let server = &self.store.server;
        server
            .run(|attempt| self.try_relocate(attempt, relocation))
            .await?;
        let operation = relocation.operation;
        let seen = server
            .look(Tries::Many, operation, &relocation.to)
            .await?
            .filter(|seen| self.is_it(relocation, &seen.resource));
        seen.ok_or_else(|| written_since(operation))
    }

    /// Undoes a move or a copy to a name that was free.
    async fn take_back(&self, relocation: &Relocation<'_>, landed: &Resource) -> Result<()> {
        let operation = relocation.operation;
        if relocation.method == "MOVE" {
            let back = Relocation {
                from: relocation.to.clone(),
                from_tag: None,
                to: relocation.from.clone(),
                guard: &Guard::Absent,
                ..*relocation
            };
            return self.carry(&back).await.map(drop);
        }
        let source_tag = relocation.from_tag.map(|tag| &tag.text);
        let landed_tag = landed.tag.as_ref().map(|tag| &tag.text);
        if self.capabilities().revision_is_content
            && source_tag.is_some()
            && landed_tag != source_tag
        {
            return Err(written_since(operation));
        }
        let mut call = Call::new(operation, "DELETE", relocation.to.clone());
        let guard = Guard::Revision(landed.revision());
        if let Some((name, value)) = guard.header(false, self.capabilities().conditions.delete) {
            call = call.header(name, value);
        }
        match self.store.server.call(&call).await.map(drop) {
            Err(error) if error.cause != Cause::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    async fn try_relocate(&self, attempt: Attempt, relocation: &Relocation<'_>) -> Result<()> {
        let Relocation {
            operation,
            to_path,
            guard,
            ..
        } = relocation;
        let mut has_waited = false;
        loop {
            let error = match self.send_relocation(relocation).await {
                Ok(()) => return Ok(()),
                Err(error) if error.is_lost_race() => error,
                Err(error) => return Err(error),
            };
            // The answer of an earlier try may be what got lost (P14).
            if attempt.is_repeated() && self.has_arrived(relocation).await? {
                return Ok(());
            }
            let is_young = relocation.from_tag.is_some_and(|tag| tag.is_weak)
                || self.is_only_weak(to_path, guard).await?;
            if !has_waited && is_young && error.cause == Cause::PreconditionFailed {
                has_waited = true;
                self.outwait_weakness().await;
                continue;
            }
            if !is_refusal(&error, guard) || error.cause == Cause::NotFound {
                return Err(error);
            }
            return Err(of_try(attempt, guard.refused(operation, &error.detail)));
        }
    }

    async fn send_relocation(&self, relocation: &Relocation<'_>) -> Result<()> {
        let Relocation {
            operation,
            method,
            from_tag,
            to,
            guard,
            ..
        } = relocation;
        let conditions = &self.capabilities().conditions;
        let is_commit = *operation == "commit";
        let (heeds_overwrite, heeds_source) = match *method {
            "COPY" => (conditions.copy, conditions.copy),
            _ => (
                conditions.move_ || (is_commit && conditions.create),
                conditions.move_,
            ),
        };
        let heeds_destination = conditions.copy || (is_commit && conditions.replace);
        let mut call = Call::new(operation, method, relocation.from.clone())
            .header("destination", to.as_str());
        let mut replaces = false;
        if **guard != Guard::Absent || !heeds_overwrite {
            let seen = self.store.server.look(Tries::Once, operation, to).await?;
            if seen.as_ref().is_some_and(|seen| seen.is_misread(to)) {
                return Err(misread(operation));
            }
            let found = seen.map(|seen| seen.resource);
            guard.check(operation, found.as_ref())?;
            replaces = found.is_some();
        }
        call = call.header("overwrite", if replaces { "T" } else { "F" });
        // The source's only towards a free name: wsgidav holds it against what is at the destination as well.
        if let Some((name, value)) = guard.of_destination(to, heeds_destination) {
            call = call.header(name, value);
        } else if let Some(tag) = from_tag.filter(|_| heeds_source && !replaces) {
            call = call.header("if-match", Tag::quoted(&tag.text));
        }
        self.store.server.once(&call).await.map(drop)
    }

    /// Whether the destination holds what was at the source, which is gone if it was to be moved.
    async fn has_arrived(&self, relocation: &Relocation<'_>) -> Result<bool> {
        let server = &self.store.server;
        let operation = relocation.operation;
        let source = server
            .look(Tries::Once, operation, &relocation.from)
            .await?;
        if (relocation.method == "MOVE") != source.is_none() {
            return Ok(false);
        }
        let found = server.look(Tries::Once, operation, &relocation.to).await?;
        Ok(found.is_some_and(|found| self.is_it(relocation, &found.resource)))
    }

    /// Whether what is at the destination can be what was at the source. By its length alone it could be somebody else's:
    /// what is moved keeps its number, and an ETag that is made of content is that of the source.
    fn is_it(&self, relocation: &Relocation<'_>, found: &Resource) -> bool {
        let ids = relocation.from_id.zip(found.id.as_deref());
        if relocation.method == "MOVE" && ids.is_some_and(|(was, is)| was != is) {
            return false;
        }
        let tags = relocation.from_tag.zip(found.tag.as_ref());
        let tags = tags.filter(|_| self.capabilities().revision_is_content);
        found.is_folder
            || found.size == relocation.size && tags.is_none_or(|(was, is)| was.text == is.text)
    }

    /// What is at `path`, which must be as `expected` says.
    pub(super) async fn source(
        &self,
        operation: &'static str,
        path: &RelPath,
        expected: &Expected,
    ) -> Result<Resource> {
        let changed = || StorageError::new(operation, Cause::PreconditionFailed, "it was changed");
        let found = self.find(Tries::Many, operation, path).await?;
        let found = found.ok_or_else(|| StorageError::new(operation, Cause::NotFound, ""))?;
        let is_expected = match expected {
            Expected::Any => true,
            Expected::Absent => false,
            // A folder takes along whatever is in it by then.
            Expected::Revision(revision) if is_of_folder(revision) => found.is_folder,
            Expected::Revision(revision) => !found.is_folder && found.revision() == *revision,
        };
        if is_expected {
            Ok(found)
        } else {
            Err(changed())
        }
    }

    pub(super) async fn copy_file(
        &self,
        from: &RelPath,
        expected: &Expected,
        to: &RelPath,
        expected_to: &Expected,
        keep: &Keep,
    ) -> Result<Committed> {
        if !self.capabilities().server_copy {
            let detail = "this server does not copy";
            return Err(StorageError::new("copy", Cause::Unsupported, detail));
        }
        let source = self.source("copy", from, expected).await?;
        if source.is_folder {
            let detail = "only files are copied";
            return Err(StorageError::new("copy", Cause::Unsupported, detail));
        }
        self.place("COPY", from, &source, to, expected_to, keep)
            .await
    }

    pub(super) async fn move_item(
        &self,
        from: &RelPath,
        expected: &Expected,
        to: &RelPath,
        expected_to: &Expected,
        keep: &Keep,
    ) -> Result<Committed> {
        let source = self.source("move_to", from, expected).await?;
        if from == to {
            let name = self.target_name("move_to", to)?;
            return Ok(committed(source.entry(name, self.capabilities())));
        }
        if source.is_folder && to.is_within(from) {
            let detail = "a folder cannot be moved into itself";
            return Err(StorageError::new("move_to", Cause::Other, detail));
        }
        if self.is_respelling(from, to) {
            return self.respell(from, &source, to).await;
        }
        let placed = self
            .place("MOVE", from, &source, to, expected_to, keep)
            .await?;
        let old = self.url("move_to", from, Ending::Folder)?;
        self.store.known.remove(old.as_str());
        Ok(placed)
    }

    /// Moves or copies `source`, which is at `from`, to `to`.
    async fn place(
        &self,
        method: &'static str,
        from: &RelPath,
        source: &Resource,
        to: &RelPath,
        expected: &Expected,
        keep: &Keep,
    ) -> Result<Committed> {
        let operation = if method == "COPY" { "copy" } else { "move_to" };
        let name = self.target_name(operation, to)?;
        self.check_parent(operation, to).await?;
        let ending = ending_of(source);
        if source.is_folder && self.find(Tries::Many, operation, to).await?.is_some() {
            return Err(Guard::from(expected).refused(operation, "something else is there"));
        }
        let replaced = self
            .keep_replaced(operation, to, Guard::from(expected), keep)
            .await?;
        let relocation = Relocation {
            operation,
            method,
            from: self.url(operation, from, ending)?,
            from_tag: source.tag.as_ref().filter(|_| !source.is_folder),
            from_id: source.id.as_deref(),
            to: self.url(operation, to, ending)?,
            to_path: to,
            guard: &replaced.guard,
            size: source.size,
        };
        let placed = self.relocate(&relocation).await;
        let placed = self.unless_unchanged(&replaced, placed).await?;
        Ok(Committed {
            kept: replaced.version,
            ..committed(placed.entry(name, self.capabilities()))
        })
    }

    /// Whether both are one name to this server.
    fn is_respelling(&self, from: &RelPath, to: &RelPath) -> bool {
        let capabilities = self.capabilities();
        let key = |path: &RelPath| -> Vec<_> {
            path.names()
                .map(|name| collision_key(&name, capabilities.case, capabilities.unicode))
                .collect()
        };
        key(from) == key(to)
    }

    /// Renames to another spelling of the same name, which the server takes for taken: by a name in between.
    async fn respell(&self, from: &RelPath, source: &Resource, to: &RelPath) -> Result<Committed> {
        let name = self.target_name("move_to", to)?;
        let ending = ending_of(source);
        let between = format!("renamed-{:016x}", self.store.server.environment.random());
        self.make_own("move_to", "").await?;
        let (from_url, aside) = (
            self.url("move_to", from, ending)?,
            self.own(&between, ending)?,
        );
        self.step(&from_url, &aside, to, source).await?;
        let to_url = self.url("move_to", to, ending)?;
        match self.step(&aside, &to_url, to, source).await {
            Ok(placed) => Ok(committed(placed.entry(name, self.capabilities()))),
            Err(error) => {
                self.step(&aside, &from_url, from, source).await?;
                Err(error)
            }
        }
    }

    async fn step(
        &self,
        from: &Url,
        to: &Url,
        to_path: &RelPath,
        source: &Resource,
    ) -> Result<Resource> {
        self.relocate(&Relocation {
            operation: "move_to",
            method: "MOVE",
            from: from.clone(),
            from_tag: None,
            from_id: source.id.as_deref(),
            to: to.clone(),
            to_path,
            guard: &Guard::Absent,
            size: source.size,
        })
        .await
    }
}

const fn ending_of(source: &Resource) -> Ending {
    if source.is_folder {
        Ending::Folder
    } else {
        Ending::File
    }
}

const fn committed(entry: Entry) -> Committed {
    Committed {
        entry,
        displaced: None,
        landed_as: None,
        kept: None,
    }
}
