//! Committing a group: everything that can be checked and prepared, one flush, then one swap after the other.
//!
//! Invariant: no member becomes visible before its content is on the disk, and none after a flush that
//! failed: then the whole group is to be staged again (P5).

use std::collections::BTreeMap;
use std::sync::Arc;

use rustix::fd::OwnedFd;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::path::{Name, RelPath};
use tandem_core::storage::{Commit, Committed, Expected, Meta};
use tandem_core::{mutant, removed};

use crate::attributes::{carry, make_ordinary};
use crate::discard::drop_file;
use crate::disk::{Anchor, Disk, Moment, Place};
use crate::errors::{Context, failed, refused};
use crate::flush::flush_path;
use crate::held;
use crate::leftovers::with_inode;
use crate::swap::Swap;
use crate::sys::{self, Access, Errno, Stat, SysResult, Type};
use crate::token::Token;
use crate::unnamed::Nameless;

const COMMIT: &str = "commit";

/// A group of more members than this is flushed by one flush of the file system, where that can be relied on.
const FLUSHED_ALONE: usize = 4;

/// A member that may become visible.
struct Ready {
    temp: RelPath,
    ours: Stat,
    carried: Option<Stat>,
    /// The device that its folder lies on.
    device: u64,
    /// It is flushed with all of its device, not alone.
    by_device: bool,
    /// Open, if it is to be flushed alone and there are few.
    file: Option<OwnedFd>,
    /// It has no name yet.
    unnamed: Option<Nameless>,
    /// It got its name here, which only this token tells.
    told_by: Option<Token>,
}

/// The folder that was opened last: members of one folder come one after the other.
#[derive(Default)]
struct LastFolder(Option<(RelPath, Place)>);

impl LastFolder {
    fn place(&mut self, disk: &Disk, anchor: &Anchor, path: &RelPath, own: bool) -> Result<Place> {
        if let (Some(parent), Some(name)) = (path.parent(), path.name())
            && let Some((held, place)) = &self.0
            && *held == parent
            && (own || !name.is_reserved())
        {
            return Ok(place.beside(name));
        }
        let place = if own {
            disk.own_place(COMMIT, anchor, path)
        } else {
            disk.place(COMMIT, path)
        }?;
        if let (false, Some(parent), Some(name)) = (own, path.parent(), path.name()) {
            self.0 = Some((parent, place.beside(name)));
        }
        Ok(place)
    }
}

/// Commits `group`; one answer for each member, in order.
pub(crate) fn commit(disk: &Disk, group: &[Commit]) -> Vec<Result<Committed>> {
    let anchor = match disk.anchor() {
        Ok(anchor) => anchor,
        Err(error) => {
            let answer = |member: &Commit| Err(failed(COMMIT, &member.staged.target, error));
            return group.iter().map(answer).collect();
        }
    };
    let alone = group.len() <= FLUSHED_ALONE;
    let mut last = LastFolder::default();
    let ready: Vec<Result<Ready>> = group
        .iter()
        .map(|member| prepare(disk, &anchor, &mut last, member, alone))
        .collect();
    if let Err(error) = flush(disk, &anchor, &ready) {
        for token in ready.iter().flatten().filter_map(|it| it.told_by.as_ref()) {
            drop_named(disk, &anchor, token);
        }
        return give_up(disk, &anchor, group, error);
    }
    let mut last = LastFolder::default();
    group
        .iter()
        .zip(ready)
        .map(|(member, ready)| show(disk, &anchor, &mut last, member, &ready?))
        .collect()
}

/// Finds the staged content and gives it what the file it replaces has.
fn prepare(
    disk: &Disk,
    anchor: &Anchor,
    last: &mut LastFolder,
    member: &Commit,
    alone: bool,
) -> Result<Ready> {
    let path = &member.staged.target;
    let mut token = Token::unpack(COMMIT, &member.staged.token)?;
    let target = last.place(disk, anchor, path, false)?;
    let (device, by_device) = disk.unsettled.device_of(&target.folder);
    let by_device = by_device && !alone;
    if let Some(file) = disk.unnamed.take(&token.at) {
        if member.expected == Expected::Absent {
            return unnamed(file, token, member, device, by_device);
        }
        token.at = name_beside(disk, &target, &token, &file).context(COMMIT, path)?;
        let ready = prepare_named(disk, anchor, last, member, &token, alone);
        return match ready {
            Ok(ready) => Ok(Ready {
                told_by: Some(token),
                ..ready
            }),
            Err(error) => {
                drop_named(disk, anchor, &token);
                Err(error)
            }
        };
    }
    prepare_named(disk, anchor, last, member, &token, alone)
}

/// As [`prepare`], of what has a name.
fn prepare_named(
    disk: &Disk,
    anchor: &Anchor,
    last: &mut LastFolder,
    member: &Commit,
    token: &Token,
    alone: bool,
) -> Result<Ready> {
    let path = &member.staged.target;
    let target = last.place(disk, anchor, path, false)?;
    let (device, by_device) = disk.unsettled.device_of(&target.folder);
    let by_device = by_device && !alone;
    let temp = last.place(disk, anchor, &token.at, true)?;
    let ours = staged(&temp, token, member)?;
    let mut ready = Ready {
        temp: token.at.clone(),
        ours,
        carried: None,
        device,
        by_device,
        file: None,
        unnamed: None,
        told_by: None,
    };
    if ours.kind != Type::File {
        return Ok(ready);
    }
    let old = match member.expected {
        Expected::Absent => None,
        _ => target.stat().context(COMMIT, path)?,
    };
    let old = old.filter(|old| old.kind == Type::File);
    if old.is_none() && !token.private && !alone {
        return Ok(ready);
    }
    let file = temp
        .folder
        .open_file(temp.name(), Access::ReadWrite)
        .context(COMMIT, path)?;
    let meta = &member.staged.meta;
    match &old {
        Some(old) => carry(&target, old, &file, meta.executable).context(COMMIT, path)?,
        None if token.private => dress(disk, &temp, &file, meta)?,
        None => {}
    }
    ready.carried = old;
    ready.file = alone.then_some(file);
    Ok(ready)
}

/// Removes what `token` names after its commit failed.
fn drop_named(disk: &Disk, anchor: &Anchor, token: &Token) {
    let dropped = disk
        .own_place(COMMIT, anchor, &token.at)
        .and_then(|temp| drop_file(disk, &temp, token));
    if let Err(error) = dropped {
        tracing::warn!(%error, "a staged file cannot be removed");
    }
}

/// Gives a new file, made for its owner alone, what it is to have: a copy what the original has (P20), any other
/// what every fresh file gets. What the original had is not known any more where it is gone.
fn dress(disk: &Disk, temp: &Place, file: &OwnedFd, meta: &Meta) -> Result<()> {
    let dressed = match &meta.copy_of {
        Some(original) => {
            let place = match disk.place(COMMIT, original) {
                Err(error) if error.cause == Cause::NotFound => return Ok(()),
                place => place?,
            };
            match place.stat().context(COMMIT, original)? {
                Some(stat) if stat.kind == Type::File => {
                    carry(&place, &stat, file, meta.executable)
                }
                _ => Ok(()),
            }
        }
        None => {
            let scratch = disk.staged_name();
            make_ordinary(temp, &scratch, file, meta.executable)
        }
    };
    dressed.context(COMMIT, &temp.path)
}

/// A file that has no name: nobody else could reach it.
fn unnamed(
    file: Nameless,
    token: Token,
    member: &Commit,
    device: u64,
    by_device: bool,
) -> Result<Ready> {
    let path = &member.staged.target;
    let ours = sys::stat_of(&file.file).context(COMMIT, path)?;
    if ours.size != member.staged.len && !mutant!("P4 a part of the content becomes visible") {
        let why = format!("{} of {} bytes are staged", ours.size, member.staged.len);
        return Err(refused(COMMIT, path, Cause::HashMismatch, why));
    }
    Ok(Ready {
        temp: token.at,
        ours,
        carried: None,
        device,
        by_device,
        file: None,
        unnamed: Some(file),
        told_by: None,
    })
}

/// Gives a file without a name that of a staged file: it is to replace another.
fn name_beside(disk: &Disk, target: &Place, token: &Token, file: &Nameless) -> SysResult<RelPath> {
    let first = token.at.name().ok_or(Errno::INVAL)?;
    let inode = sys::stat_of(&file.file)?.inode;
    let name = with_inode(first.as_str(), inode);
    let place = target.beside(Name::new(name).map_err(|_| Errno::INVAL)?);
    disk.leftovers.begin(&place.path);
    if let Err(error) = file.give(&place) {
        disk.leftovers.end(&place.path);
        return Err(error);
    }
    Ok(place.path)
}

/// The staged file, if it is still what was staged.
fn staged(temp: &Place, token: &Token, member: &Commit) -> Result<Stat> {
    let path = &member.staged.target;
    let gone = |why| Err(refused(COMMIT, path, Cause::NotFound, why));
    let Some(stat) = temp.stat().context(COMMIT, path)? else {
        return gone("the staged content is not there any more");
    };
    if token.inode.is_some_and(|inode| inode != stat.inode) && !removed!("expectation") {
        return gone("another file has the name of the staged content");
    }
    match (stat.kind, &member.staged.meta.target) {
        (Type::Symlink, Some(_)) => Ok(stat),
        (Type::File, None)
            if stat.size == member.staged.len
                || mutant!("P4 a part of the content becomes visible") =>
        {
            Ok(stat)
        }
        (Type::File, None) => {
            let why = format!("{} of {} bytes are staged", stat.size, member.staged.len);
            Err(refused(COMMIT, path, Cause::HashMismatch, why))
        }
        _ => gone("the staged content is of another kind"),
    }
}

/// Flushes the content of the group, and what earlier calls made visible; then lets go of what those set aside.
fn flush(disk: &Disk, anchor: &Anchor, ready: &[Result<Ready>]) -> SysResult<()> {
    disk.at(Moment::BeforeFlush)?;
    let mut whole = BTreeMap::new();
    for member in ready.iter().flatten() {
        let open = member.unnamed.as_ref().map(|unnamed| &unnamed.file);
        match member.file.as_ref().or(open) {
            _ if member.ours.kind != Type::File => {}
            _ if member.by_device => {
                let folder = member.temp.parent().unwrap_or_else(RelPath::root);
                whole.entry(member.device).or_insert(folder);
            }
            Some(file) => {
                disk.at(Moment::Flush)?;
                sys::sync(file)?;
            }
            None if flush_path(disk, anchor, &member.temp)? => {}
            None => return Err(Errno::IO),
        }
    }
    flush_and_look_again(disk, anchor, &whole)
}

fn flush_and_look_again(
    disk: &Disk,
    anchor: &Anchor,
    whole: &BTreeMap<u64, RelPath>,
) -> SysResult<()> {
    let items = disk.held.take();
    match disk.unsettled.flush(disk, anchor, whole) {
        Ok(()) => {
            held::look_again(disk, items);
            Ok(())
        }
        Err(error) => {
            disk.held.put_back(items);
            Err(error)
        }
    }
}

/// After a failed flush nobody knows which bytes are on the disk: the staged files go.
fn give_up(disk: &Disk, anchor: &Anchor, group: &[Commit], error: Errno) -> Vec<Result<Committed>> {
    let answer = |member: &Commit| {
        if let Ok(token) = Token::unpack(COMMIT, &member.staged.token) {
            drop_named(disk, anchor, &token);
        }
        Err(flush_failed(&member.staged.target, error))
    };
    group.iter().map(answer).collect()
}

/// The error of a flush: a full disk is told as such, all else as a fault of the disk.
fn flush_failed(path: &RelPath, error: Errno) -> StorageError {
    let mut told = failed(COMMIT, path, error);
    if told.cause != Cause::Quota {
        told.cause = Cause::LocalIo;
        told.kind = Cause::LocalIo.usual_kind();
    }
    told
}

fn show(
    disk: &Disk,
    anchor: &Arc<Anchor>,
    last: &mut LastFolder,
    member: &Commit,
    ready: &Ready,
) -> Result<Committed> {
    let target = last.place(disk, anchor, &member.staged.target, false)?;
    let temp = last.place(disk, anchor, &ready.temp, true)?;
    Swap {
        disk,
        operation: COMMIT,
        temp: &temp,
        unnamed: ready.unnamed.as_ref(),
        target: &target,
        expected: &member.expected,
        keep: &member.keep,
        executable: member.staged.meta.executable,
        link: member.staged.meta.target.as_deref(),
        ours: ready.ours,
        carried: ready.carried,
    }
    .put()
    .map(|mut committed| {
        committed.entry.hashes.clone_from(&member.staged.hashes);
        committed
    })
    .inspect_err(|_| match &ready.told_by {
        Some(token) => drop_named(disk, anchor, token),
        // Nobody goes on with it under that name: if it is not discarded, the next scan finds it.
        None => disk.leftovers.end(&ready.temp),
    })
}

/// Makes everything visible durable.
pub(crate) fn settle(disk: &Disk) -> Result<()> {
    let root = RelPath::root();
    let anchor = disk.anchor().context("settle", &root)?;
    disk.at(Moment::BeforeFlush)
        .and_then(|()| flush_and_look_again(disk, &anchor, &BTreeMap::new()))
        .map_err(|error| {
            let mut told = flush_failed(&root, error);
            told.operation = "settle";
            told
        })
}
