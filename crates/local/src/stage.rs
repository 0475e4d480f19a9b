//! Staging: content is written into a file of its own beside the target, where nothing carries it on.
//!
//! Invariant: the file is either removed, or handed over whole in a [`Staged`], or (a long one) left with a
//! token that the engine has stored; and its name shows from the beginning that it is ours.

use std::num::NonZeroU64;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use rustix::fd::OwnedFd;
use tandem_core::content::SharedContent;
use tandem_core::entry::ContentHash;
use tandem_core::error::{Cause, Result};
use tandem_core::path::{Name, RelPath};
use tandem_core::removed;
use tandem_core::storage::{Meta, ResumeSink, ResumeToken, Staged};

use crate::attributes::with_executable;
use crate::checkpoint::Checkpoint;
use crate::discard::drop_file;
use crate::disk::{Disk, Place};
use crate::errors::{Context, refused};
use crate::leftovers::{may_be_precious, with_inode};
use crate::sys::{self, Errno, SysResult, Type};
use crate::token::Token;
use crate::unnamed::Nameless;

const STAGE: &str = "stage";

/// From this length on a transfer can go on after a restart.
const RESUMABLE: u64 = 8 << 20;

/// How far apart checkpoints of a long transfer lie.
const CHECKPOINT: u64 = 8 << 20;

/// What becomes of the file when staging ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Early {
    Remove,
    Keep,
    Nothing,
}

/// A staged file that is being written.
struct Temporary {
    disk: Arc<Disk>,
    place: Place,
    inode: u64,
    early: Early,
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if self.early == Early::Nothing {
            return;
        }
        self.disk.leftovers.end(&self.place.path);
        let is_it = || matches!(self.place.stat(), Ok(Some(now)) if now.inode == self.inode);
        if self.early == Early::Remove
            && is_it()
            && let Err(error) = self.place.folder.unlink(self.place.name())
        {
            // The next scan finds it again.
            tracing::debug!(path = %self.place.path, %error, "a staged file cannot be removed");
        }
    }
}

impl Temporary {
    fn new(disk: &Arc<Disk>, place: Place, inode: u64) -> Self {
        Self {
            disk: disk.clone(),
            place,
            inode,
            early: Early::Remove,
        }
    }
}

/// Makes something for staged content beside `target`, names it so that it shows which inode it is, and notes that
/// this run works with it.
pub(crate) fn make_beside<T>(
    disk: &Disk,
    target: &Place,
    make: impl FnOnce(&Place) -> SysResult<T>,
) -> SysResult<(Place, u64, T)> {
    let named = |text: String| Name::new(text).map_err(|_| Errno::INVAL);
    let first = target.beside(named(disk.staged_name())?);
    let made = make(&first)?;
    let named = || -> SysResult<(Place, u64)> {
        let inode = first.stat()?.ok_or(Errno::NOENT)?.inode;
        let place = first.beside(named(with_inode(first.name(), inode))?);
        first
            .folder
            .rename(first.name(), &place.folder, place.name())?;
        Ok((place, inode))
    };
    let named = named();
    match &named {
        Ok((place, _)) => disk.leftovers.begin(&place.path),
        Err(_) => first.folder.unlink(first.name())?,
    }
    named.map(|(place, inode)| (place, inode, made))
}

/// The file that is written.
enum Open {
    Named(Temporary, OwnedFd),
    Unnamed(Nameless),
}

impl Open {
    const fn file(&self) -> &OwnedFd {
        match self {
            Self::Named(_, file) => file,
            Self::Unnamed(unnamed) => &unnamed.file,
        }
    }

    const fn set_early(&mut self, early: Early) {
        if let Self::Named(temporary, _) = self {
            temporary.early = early;
        }
    }
}

/// Bytes on their way into a file.
struct Writing {
    open: Open,
    token: Token,
    done: u64,
    /// `None` where the content is hashed on its way.
    hasher: Option<Box<blake3::Hasher>>,
}

/// Stages `content` for `target`.
pub(crate) async fn stage(
    disk: &Arc<Disk>,
    target: &RelPath,
    content: SharedContent,
    meta: &Meta,
    resume: Option<&ResumeToken>,
    sink: Arc<dyn ResumeSink>,
) -> Result<Staged> {
    let place = disk.place(STAGE, target)?;
    if let Some(link) = meta.target.as_deref() {
        return stage_link(disk, place, link, meta);
    }
    let len = content.len();
    let mut writing = match resume.and_then(|token| resumed(disk, target, len, token, &*sink)) {
        Some(writing) => writing,
        None => begin(disk, &place, len, meta, &*sink)?,
    };
    if writing.hasher.is_none() && (len >= RESUMABLE || !content.is_hashed_on_the_way()) {
        writing.hasher = Some(Box::default());
    }
    // Only what the content's own end of the line does may be tried again from here.
    if len >= RESUMABLE {
        writing.open.set_early(Early::Keep);
    }
    let answer = receive(&mut writing, target, &content, &*sink).await;
    if let Err(error) = answer {
        if !matches!(error.1, Blame::Content) {
            writing.open.set_early(Early::Remove);
        }
        return Err(error.0);
    }
    writing.open.set_early(Early::Remove);
    let hash = match &writing.hasher {
        Some(hasher) => ContentHash::blake3(*hasher.finalize().as_bytes()),
        None => content.hash_on_the_way().ok_or_else(|| {
            refused(
                STAGE,
                target,
                Cause::HashMismatch,
                "it did not arrive in order",
            )
        })?,
    };
    finish(disk, writing, target, len, meta, hash)
}

/// Whose fault ended a transfer early.
enum Blame {
    /// The content stopped arriving: what is there stays good.
    Content,
    /// What arrived is wrong, or cannot be written.
    File,
}

async fn receive(
    writing: &mut Writing,
    target: &RelPath,
    content: &SharedContent,
    sink: &dyn ResumeSink,
) -> std::result::Result<(), (tandem_core::error::StorageError, Blame)> {
    let len = content.len();
    let by_content = |error| (error, Blame::Content);
    let mut stream = content
        .open(writing.done, len - writing.done)
        .await
        .map_err(by_content)?;
    while let Some(piece) = stream.next().await {
        let piece = piece.map_err(by_content)?;
        writing
            .take(target, &piece, len, sink)
            .map_err(|error| (error, Blame::File))?;
        sink.progress(piece.len() as u64);
    }
    if writing.done == len {
        return Ok(());
    }
    let why = format!("{} of {len} bytes arrived", writing.done);
    let short = refused(STAGE, target, Cause::HashMismatch, why);
    Err((short, Blame::File))
}

impl Writing {
    fn take(
        &mut self,
        target: &RelPath,
        piece: &Bytes,
        len: u64,
        sink: &dyn ResumeSink,
    ) -> Result<()> {
        let end = self.done + piece.len() as u64;
        if end > len {
            let why = format!("more than the promised {len} bytes arrived");
            return Err(refused(STAGE, target, Cause::HashMismatch, why));
        }
        sys::write_at(self.open.file(), piece, self.done).context(STAGE, target)?;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(piece);
        }
        let passed = self.done / CHECKPOINT != end / CHECKPOINT;
        self.done = end;
        if passed
            && len >= RESUMABLE
            && end < len
            && let Some(hasher) = &self.hasher
            && let Some(len) = NonZeroU64::new(end)
        {
            self.token.checkpoint = Some(Checkpoint {
                len,
                blake3: hasher.finalize().to_hex().to_string(),
            });
            sink.store(&self.token.pack(STAGE)?);
        }
        Ok(())
    }
}

/// Makes the file.
fn begin(
    disk: &Arc<Disk>,
    place: &Place,
    len: u64,
    meta: &Meta,
    sink: &dyn ResumeSink,
) -> Result<Writing> {
    let target = &place.path;
    // While it lies there it is no wider than the file that it will replace or that it is a copy of.
    let old = place.stat().context(STAGE, target)?;
    let private = meta.copy_of.is_some() || old.is_some_and(|old| old.kind == Type::File);
    if !private && len < RESUMABLE {
        let made = Nameless::make(place, 0o666).context(STAGE, target)?;
        if let Some(unnamed) = made {
            return begin_unnamed(disk, place, len, unnamed);
        }
    }
    let mode = if private { 0o600 } else { 0o666 };
    let (place_of_file, inode, file) = make_beside(disk, place, |first| {
        first.folder.create_file(first.name(), mode)
    })
    .context(STAGE, target)?;
    let token = Token {
        at: place_of_file.path.clone(),
        name: Some(place.name.clone()),
        len,
        inode: Some(inode),
        mtime: None,
        private,
        checkpoint: None,
    };
    let writing = Writing {
        open: Open::Named(Temporary::new(disk, place_of_file, inode), file),
        token,
        done: 0,
        hasher: None,
    };
    if len >= RESUMABLE {
        sink.store(&writing.token.pack(STAGE)?);
    }
    Ok(writing)
}

/// The token says the name that the file would have.
fn begin_unnamed(disk: &Disk, place: &Place, len: u64, unnamed: Nameless) -> Result<Writing> {
    let name = Name::new(disk.staged_name()).map_err(|_| Errno::INVAL);
    let at = place.beside(name.context(STAGE, &place.path)?).path;
    Ok(Writing {
        open: Open::Unnamed(unnamed),
        token: Token {
            name: Some(place.name.clone()),
            len,
            ..Token::found(at)
        },
        done: 0,
        hasher: None,
    })
}

/// Goes on with a file that an earlier run left, from its last checkpoint, if every byte before that is what
/// was sent then; else `None`, and what is left of it is thrown away as [`drop_file`] does.
fn resumed(
    disk: &Arc<Disk>,
    target: &RelPath,
    len: u64,
    token: &ResumeToken,
    sink: &dyn ResumeSink,
) -> Option<Writing> {
    let token = Token::unpack(STAGE, token).ok()?;
    let precious = token
        .at
        .name()
        .is_some_and(|name| may_be_precious(name.as_str()));
    if precious || !(token.fits(target, len) || removed!("expectation")) {
        return None;
    }
    let place = disk
        .anchor()
        .ok()
        .and_then(|anchor| disk.own_place(STAGE, &anchor, &token.at).ok())?;
    let found = match &token.checkpoint {
        Some(checkpoint) if checkpoint.len.get() <= len => {
            let prefix = checkpoint.find(&place).ok().flatten();
            prefix.map(|prefix| (prefix, checkpoint.len.get()))
        }
        _ => None,
    };
    let cut = found.filter(|(prefix, done)| sys::truncate(&prefix.file, *done).is_ok());
    let Some((prefix, done)) = cut else {
        if let Err(error) = drop_file(disk, &place, &token) {
            tracing::warn!(%error, "a staged file cannot be removed");
        }
        return None;
    };
    disk.leftovers.begin(&place.path);
    sink.progress(done);
    Some(Writing {
        open: Open::Named(Temporary::new(disk, place, prefix.inode), prefix.file),
        token: Token {
            // Some file systems give inodes anew.
            inode: Some(prefix.inode),
            ..token
        },
        done,
        hasher: Some(Box::new(prefix.hasher)),
    })
}

/// Gives the whole file its time and mode.
fn finish(
    disk: &Disk,
    mut writing: Writing,
    target: &RelPath,
    len: u64,
    meta: &Meta,
    hash: ContentHash,
) -> Result<Staged> {
    let file = writing.open.file();
    if meta.executable == Some(true) && !writing.token.private {
        let stat = sys::stat_of(file).context(STAGE, target)?;
        sys::set_mode_of(file, with_executable(stat.mode, Some(true))).context(STAGE, target)?;
    }
    if let Some(mtime) = meta.mtime {
        sys::set_mtime_of(file, mtime.at.0).context(STAGE, target)?;
    }
    let whole = sys::stat_of(file).context(STAGE, target)?;
    writing.token.inode = Some(whole.inode);
    writing.token.mtime = Some(whole.mtime);
    writing.token.checkpoint = None;
    let token = writing.token.pack(STAGE)?;
    writing.open.set_early(Early::Nothing);
    if let Open::Unnamed(unnamed) = writing.open {
        disk.unnamed.hold(writing.token.at, unnamed);
    }
    Ok(Staged {
        target: target.clone(),
        token,
        len,
        meta: meta.clone(),
        content: None,
        hashes: vec![hash],
    })
}

fn stage_link(disk: &Arc<Disk>, place: Place, link: &str, meta: &Meta) -> Result<Staged> {
    let target = place.path.clone();
    let (place_of_link, inode, ()) = make_beside(disk, &place, |first| {
        first.folder.symlink(link, first.name())
    })
    .context(STAGE, &target)?;
    let mut temporary = Temporary::new(disk, place_of_link, inode);
    let made = &temporary.place;
    if let Some(mtime) = meta.mtime {
        made.folder
            .set_mtime(made.name(), mtime.at.0)
            .context(STAGE, &target)?;
    }
    let token = Token {
        at: made.path.clone(),
        name: Some(place.name),
        len: 0,
        inode: Some(inode),
        mtime: None,
        private: false,
        checkpoint: None,
    };
    let token = token.pack(STAGE)?;
    temporary.early = Early::Nothing;
    Ok(Staged {
        target,
        token,
        len: 0,
        meta: meta.clone(),
        content: None,
        hashes: Vec::new(),
    })
}
