//! Throwing staged content away, and finding what earlier runs left.

use tandem_core::error::Result;
use tandem_core::path::RelPath;
use tandem_core::storage::ResumeToken;
use tandem_core::time::Timestamp;

use crate::disk::{Disk, Place};
use crate::errors::Context;
use crate::leftovers::{ASIDE_SUFFIX, may_be_precious};
use crate::sys::{Errno, Stat};
use crate::token::Token;
use crate::versions;

const DISCARD: &str = "discard";

/// Removes what `token` names. What may be a person's content goes to the versions instead, as recovered.
pub(crate) fn discard(disk: &Disk, token: &ResumeToken) -> Result<()> {
    let token = Token::unpack(DISCARD, token)?;
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

fn drop_file(disk: &Disk, place: &Place, token: &Token) -> Result<()> {
    if let Some(stat) = place.stat().context(DISCARD, &place.path)? {
        let surely_ours = token.inode.is_some_and(|inode| inode == stat.inode);
        if may_be_precious(place.name()) && !surely_ours {
            recover(disk, place, &stat, token)?;
        } else {
            match place.folder.unlink(place.name()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(error) => return Err(error).context(DISCARD, &place.path),
            }
        }
    }
    disk.leftovers.end(&place.path);
    Ok(())
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
