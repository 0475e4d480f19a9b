//! Throwing staged content away, and finding what earlier runs left.

use tandem_core::error::Result;
use tandem_core::path::RelPath;
use tandem_core::storage::ResumeToken;
use tandem_core::time::Timestamp;

use crate::disk::{Disk, Place};
use crate::errors::Context;
use crate::leftovers::{ASIDE_SUFFIX, may_be_precious};
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
        && let Ok(name) = format!("{}{ASIDE_SUFFIX}", place.name()).parse()
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
    let path = match (place.path.parent(), &token.name) {
        (Some(parent), Some(name)) => parent.join(name),
        _ => place.path.clone(),
    };
    let key = versions::displaced_key(disk, "recovered", &path);
    versions::keep(disk, DISCARD, place, stat, &key).map(|_| ())
}

/// What scans saw of earlier runs, and is still there.
pub(crate) fn leftovers(disk: &Disk) -> Result<Vec<(ResumeToken, Timestamp)>> {
    const LEFTOVERS: &str = "leftovers";
    let anchor = disk.anchor().context(LEFTOVERS, &RelPath::root())?;
    let mut found = Vec::new();
    for (path, at) in disk.leftovers.seen() {
        let place = disk.own_place(LEFTOVERS, &anchor, &path);
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
