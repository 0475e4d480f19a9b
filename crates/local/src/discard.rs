//! Throwing staged content away, and finding what earlier runs left.

use std::ops::ControlFlow;
use std::sync::Arc;

use tandem_core::error::Result;
use tandem_core::path::{Name, RelPath};
use tandem_core::storage::ResumeToken;
use tandem_core::time::Timestamp;

use crate::disk::{Disk, Place};
use crate::errors::Context;
use crate::leftovers::{aside_name, is_left, is_ours, is_own, may_be_precious, original_of};
use crate::sys::{Errno, Stat, Type};
use crate::token::Token;
use crate::versions;

const DISCARD: &str = "discard";

/// Removes what `token` names. What may be a person's content goes to the versions instead, as recovered (DESIGN 4).
pub(crate) fn discard(disk: &Disk, token: &ResumeToken) -> Result<()> {
    let token = Token::unpack(DISCARD, token)?;
    if disk.unnamed.take(&token.at).is_some() {
        return Ok(());
    }
    let anchor = disk.anchor().context(DISCARD, &token.at)?;
    let place = match disk.own_place(DISCARD, &anchor, &token.at) {
        Ok(place) => place,
        Err(error) if error.is_lost_race() => {
            disk.leftovers.end(&token.at);
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    drop_file(disk, &place, &token)?;
    // A crash in the middle of a swap left it under its other name.
    if !may_be_precious(place.name())
        && let Some(original) = &token.name
        && let Ok(name) = aside_name(place.name(), original.as_str()).parse()
    {
        drop_file(disk, &place.beside(name), &token)?;
    }
    Ok(())
}

/// Removes the file at `place` if it holds what `token` says was staged, or nothing at all; else it is somebody's
/// content, and kept.
pub(crate) fn drop_file(disk: &Disk, place: &Place, token: &Token) -> Result<()> {
    if disk.held.holds(&place.path) {
        // It is looked at after the next flush.
        return Ok(());
    }
    let Some(stat) = place.stat().context(DISCARD, &place.path)? else {
        disk.leftovers.end(&place.path);
        return Ok(());
    };
    let is_empty = stat.kind == Type::File && stat.size == 0 && !may_be_precious(place.name());
    if !is_empty && !token.is_of(place.name(), &stat) && !holds_checkpoint(place, token) {
        return recover(disk, place, &stat, token);
    }
    match place.folder.unlink(place.name()) {
        Ok(()) | Err(Errno::NOENT) => {
            disk.leftovers.end(&place.path);
            Ok(())
        }
        Err(error) => Err(error).context(DISCARD, &place.path),
    }
}

fn holds_checkpoint(place: &Place, token: &Token) -> bool {
    let checkpoint = token.checkpoint.as_ref();
    checkpoint.is_some_and(|checkpoint| matches!(checkpoint.find(place), Ok(Some(_))))
}

fn recover(disk: &Disk, place: &Place, stat: &Stat, token: &Token) -> Result<()> {
    let told = || Name::new(original_of(place.name())?).ok();
    let path = match (place.path.parent(), token.name.clone().or_else(told)) {
        (Some(parent), Some(name)) => parent.join(&name),
        _ => place.path.clone(),
    };
    let key = versions::displaced_key(disk, "recovered", &path);
    versions::keep(disk, DISCARD, place, stat, &key).map(|_| ())
}

/// Drops what earlier runs left right in `folder`, which is to be removed. Whether nothing else is in it.
pub(crate) fn drop_in(disk: &Disk, folder: &Place) -> Result<bool> {
    let Ok(opened) = folder.folder.open_folder(folder.name()) else {
        return Ok(false);
    };
    let opened = Arc::new(opened);
    let mut own = Vec::new();
    let mut room = Vec::with_capacity(32 * 1024);
    let other = opened.for_each_name(&mut room, |raw, _| {
        let name = raw.to_str().ok().filter(|name| is_own(name));
        match name.and_then(|name| Name::new(name).ok()) {
            Some(name) => {
                own.push(name);
                ControlFlow::Continue(())
            }
            None => ControlFlow::Break(()),
        }
    });
    if other.context(DISCARD, &folder.path)?.is_some() {
        return Ok(false);
    }
    for name in own {
        let place = Place {
            folder: opened.clone(),
            path: folder.path.join(&name),
            name,
        };
        let Some(stat) = place.stat().context(DISCARD, &place.path)? else {
            continue;
        };
        if !is_left(place.name(), Timestamp(stat.ctime), disk.environment.now()) {
            return Ok(false);
        }
        drop_file(disk, &place, &Token::found(place.path.clone()))?;
    }
    Ok(true)
}

/// What scans saw of earlier runs, and is still there. What those of this user here had set aside and not brought to
/// its place among the versions is brought there at once.
pub(crate) fn leftovers(disk: &Disk) -> Result<Vec<(ResumeToken, Timestamp)>> {
    const LEFTOVERS: &str = "leftovers";
    let anchor = disk.anchor().context(LEFTOVERS, &RelPath::root())?;
    let mut found = Vec::new();
    for (path, at) in disk.leftovers.seen(disk.environment.now()) {
        let place = disk.own_place(LEFTOVERS, &anchor, &path);
        if let Ok(place) = &place
            && is_ours(place.name())
            && may_be_precious(place.name())
            && drop_file(disk, place, &Token::found(path.clone())).is_ok()
        {
            continue;
        }
        match place.map(|place| place.stat()) {
            Ok(Ok(Some(_))) => found.push((Token::found(path).pack(LEFTOVERS)?, at)),
            Ok(Ok(None)) => disk.leftovers.end(&path),
            Ok(Err(error)) => return Err(error).context(LEFTOVERS, &path),
            Err(error) if error.is_lost_race() => disk.leftovers.end(&path),
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}
