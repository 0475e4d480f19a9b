//! The disk below SQLite, in memory: it fails when it is told to, and at a power cut it loses what was not flushed.
//!
//! A [`SimFiles`] is one disk. A database on it is opened by the path that [`SimFiles::database`] answers, so the
//! program under test needs to know nothing of it. What a write, a truncation or a new length of a file changed is
//! lost, kept or torn at a power cut until the file was flushed; names are durable at once. SQLite says what it relies
//! on: [atomic commit](https://sqlite.org/atomiccommit.html), [VFS](https://sqlite.org/vfs.html).

use std::collections::BTreeMap;
use std::io::{Error, ErrorKind, Result};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use sqlite_vfs::{DatabaseHandle, LockKind, OpenAccess, OpenOptions, Vfs};

use crate::seed::Rng;
use crate::sharing::{Index, Sharing, lock};

/// What is written at once or not at all when the power goes, in bytes.
const SECTOR: usize = 512;

/// As long as most files get, in bytes: growing up to that would be most of what is copied.
const USUAL: usize = 1024 * 1024;

/// How a call to the disk fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The disk answers with an error (EIO).
    Broken,
    /// There is no room (ENOSPC). Only what writes fails so.
    Full,
    /// Half of the bytes are written, then the disk answers with an error.
    Short,
}

/// One disk. Clones are the same one.
#[derive(Clone)]
pub struct SimFiles {
    number: u64,
    disk: Arc<Mutex<Disk>>,
}

#[derive(Default)]
struct Disk {
    number: u64,
    files: BTreeMap<String, File>,
    /// Calls so far: reads, writes, flushes, new lengths, deletes.
    calls: u64,
    /// The call at which failing begins, how, and whether it ends with that call.
    fails: Option<(u64, Failure, bool)>,
    /// The power is off: nothing works until it is on again.
    off: bool,
    handles: u64,
}

struct File {
    now: Vec<u8>,
    /// What changed since the last flush, in order, as it is taken back: what most writes add to the end costs nothing
    /// to remember so, and a flush nothing at all.
    pending: Vec<Undo>,
    sharing: Arc<Mutex<Sharing>>,
}

/// A change of a file.
enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
}

/// How a change is taken back.
struct Undo {
    /// The length of the file before.
    length: usize,
    at: usize,
    /// What was overwritten or cut off there.
    was: Vec<u8>,
    /// How many bytes were written there; `None` for a new length.
    written: Option<usize>,
}

impl Change {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Self::Length(length) => to.resize(*length, 0),
            Self::Write(at, bytes) => write(to, *at, bytes),
        }
    }

    /// As it reaches the disk when the power goes while it is written.
    fn apply_torn(&self, to: &mut Vec<u8>, rng: &mut Rng) {
        let Self::Write(at, bytes) = self else {
            return self.apply(to);
        };
        let mut from = 0;
        while from < bytes.len() {
            let until = bytes.len().min((at + from) / SECTOR * SECTOR + SECTOR - at);
            if rng.chance(50) {
                write(to, at + from, &bytes[from..until]);
            }
            from = until;
        }
    }
}

fn write(to: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if to.len() < at {
        to.resize(at, 0);
    }
    let (over, beyond) = bytes.split_at(bytes.len().min(to.len() - at));
    to[at..at + over.len()].copy_from_slice(over);
    to.extend_from_slice(beyond);
}

static DISKS: Mutex<BTreeMap<u64, Weak<Mutex<Disk>>>> = Mutex::new(BTreeMap::new());
static NUMBERS: AtomicU64 = AtomicU64::new(1);
static LAYERS: AtomicU64 = AtomicU64::new(1);

thread_local! {
    /// The layer of this thread, by its name: one each, for the library counts without a lock.
    static LAYER: String = {
        let name = format!("tandem-simulated-{}", LAYERS.fetch_add(1, Ordering::Relaxed));
        sqlite_vfs::register(&name, Layer, false).unwrap_or_else(|error| panic!("SQLite takes no further layer: {error}"));
        name
    };
}

impl Default for SimFiles {
    fn default() -> Self {
        Self::new()
    }
}

impl SimFiles {
    /// An empty disk.
    #[must_use]
    pub fn new() -> Self {
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let disk = Arc::<Mutex<Disk>>::default();
        lock(&disk).number = number;
        lock(&DISKS).insert(number, Arc::downgrade(&disk));
        Self { number, disk }
    }

    /// Another disk on which there is what is on this one now, all of it flushed.
    #[must_use]
    pub fn copy(&self) -> Self {
        let copy = Self::new();
        let files = &lock(&self.disk).files;
        lock(&copy.disk).files = files
            .iter()
            .map(|(name, file)| (name.clone(), File::of(&file.now)))
            .collect();
        copy
    }

    /// What to open for the database `name` on this disk, from the thread that asks: an
    /// [URI](https://sqlite.org/uri.html).
    #[must_use]
    pub fn database(&self, name: &str) -> PathBuf {
        let layer = LAYER.with(Clone::clone);
        PathBuf::from(format!("file:/{}/{name}?vfs={layer}", self.number))
    }

    /// Calls to the disk so far.
    #[must_use]
    pub fn calls(&self) -> u64 {
        lock(&self.disk).calls
    }

    /// Lets the call `nth` from now, counted from 1, fail; if it is not `once`, all after it too.
    pub fn fail_at(&self, nth: u64, how: Failure, once: bool) {
        let mut disk = lock(&self.disk);
        disk.fails = Some((disk.calls + nth, how, once));
    }

    /// Whether a call failed since [`SimFiles::fail_at`].
    #[must_use]
    pub fn has_failed(&self) -> bool {
        let disk = lock(&self.disk);
        disk.fails.is_some_and(|(at, ..)| disk.calls >= at)
    }

    /// Nothing fails any more. Answers whether anything had.
    pub fn heal(&self) -> bool {
        let had = self.has_failed();
        lock(&self.disk).fails = None;
        had
    }

    /// The power goes: no call works until [`SimFiles::power_on`], those of a program that ends included.
    pub fn power_off(&self) {
        lock(&self.disk).off = true;
    }

    /// The power is on again, and of what was not flushed is there what `rng` says; with `None`, as after the end of
    /// a process alone, all.
    pub fn power_on(&self, rng: Option<&mut Rng>) {
        let mut disk = lock(&self.disk);
        disk.off = false;
        for file in disk.files.values_mut() {
            file.sharing = Arc::default();
        }
        if let Some(rng) = rng {
            for file in disk.files.values_mut() {
                file.lose(rng);
            }
        }
    }
}

impl Default for File {
    fn default() -> Self {
        Self {
            now: Vec::with_capacity(USUAL),
            pending: Vec::new(),
            sharing: Arc::default(),
        }
    }
}

impl Drop for Disk {
    /// A database that is still open outlives the [`SimFiles`] that it was opened by.
    fn drop(&mut self) {
        lock(&DISKS).remove(&self.number);
    }
}

impl File {
    fn of(bytes: &[u8]) -> Self {
        let mut file = Self::default();
        file.now.extend_from_slice(bytes);
        file
    }

    fn write(&mut self, at: usize, bytes: &[u8]) {
        let over = self.now.get(at..).unwrap_or_default();
        let over = &over[..over.len().min(bytes.len())];
        self.pending.push(Undo {
            length: self.now.len(),
            at,
            was: over.to_vec(),
            written: Some(bytes.len()),
        });
        write(&mut self.now, at, bytes);
    }

    fn set_length(&mut self, length: usize) {
        let kept = length.min(self.now.len());
        self.pending.push(Undo {
            length: self.now.len(),
            at: kept,
            was: self.now[kept..].to_vec(),
            written: None,
        });
        self.now.resize(length, 0);
    }

    fn flush(&mut self) {
        self.pending.clear();
    }

    /// A disk may write in any order, or not at all.
    fn lose(&mut self, rng: &mut Rng) {
        let undone = std::mem::take(&mut self.pending).into_iter().rev();
        let mut pending: Vec<Change> = undone.map(|undo| undo.take_back(&mut self.now)).collect();
        pending.reverse();
        let until = rng.below(pending.len() as u64 + 1) as usize;
        let reorders = rng.chance(50);
        for (nth, change) in pending.iter().enumerate() {
            if reorders {
                change.apply_torn(&mut self.now, rng);
            } else if nth < until {
                change.apply(&mut self.now);
            }
        }
    }
}

impl Undo {
    /// Makes `of` what it was before the change, and answers the change.
    fn take_back(self, of: &mut Vec<u8>) -> Change {
        let change = match self.written {
            Some(length) => Change::Write(self.at, of[self.at..self.at + length].to_vec()),
            None => Change::Length(of.len()),
        };
        of.resize(self.length, 0);
        if !self.was.is_empty() {
            of[self.at..self.at + self.was.len()].copy_from_slice(&self.was);
        }
        change
    }
}

fn broken() -> Error {
    Error::other("the simulated disk failed")
}

impl Disk {
    /// Counts a call; `Err` if it fails, `Ok` with how far a write gets.
    fn call(&mut self, writes: Option<usize>) -> Result<Option<usize>> {
        if self.off {
            return Err(broken());
        }
        self.calls += 1;
        let Some((at, how, once)) = self.fails else {
            return Ok(writes);
        };
        if self.calls < at || (once && self.calls > at) {
            return Ok(writes);
        }
        match (how, writes) {
            (Failure::Full, Some(_)) => Err(ErrorKind::WriteZero.into()),
            (Failure::Full, None) => Ok(None),
            (Failure::Short, Some(length)) => Ok(Some(length / 2)),
            (Failure::Broken | Failure::Short, _) => Err(broken()),
        }
    }
}

/// What SQLite calls.
struct Layer;

/// An open file.
struct Handle {
    disk: Arc<Mutex<Disk>>,
    name: String,
    number: u64,
    level: LockKind,
}

/// The disk that a path leads to, and the rest of the path.
fn disk_of(path: &str) -> Result<(Arc<Mutex<Disk>>, &str)> {
    let (number, name) = path
        .trim_start_matches('/')
        .split_once('/')
        .ok_or(ErrorKind::NotFound)?;
    let number: u64 = number.parse().map_err(|_| ErrorKind::NotFound)?;
    let disk = lock(&DISKS).get(&number).and_then(Weak::upgrade);
    let disk = disk.ok_or(ErrorKind::NotFound)?;
    Ok((disk, name))
}

impl Vfs for Layer {
    type Handle = Handle;

    fn open(&self, path: &str, options: OpenOptions) -> Result<Handle> {
        let (disk, name) = disk_of(path)?;
        let number = {
            let mut disk = lock(&disk);
            disk.call(None)?;
            let makes = matches!(options.access, OpenAccess::Create | OpenAccess::CreateNew);
            if !disk.files.contains_key(name) {
                if !makes {
                    return Err(ErrorKind::NotFound.into());
                }
                disk.files.insert(name.to_owned(), File::default());
            }
            disk.handles += 1;
            disk.handles
        };
        Ok(Handle {
            disk,
            name: name.to_owned(),
            number,
            level: LockKind::None,
        })
    }

    fn delete(&self, path: &str) -> Result<()> {
        let (disk, name) = disk_of(path)?;
        let mut disk = lock(&disk);
        disk.call(None)?;
        disk.files.remove(name).ok_or(ErrorKind::NotFound)?;
        Ok(())
    }

    fn exists(&self, path: &str) -> Result<bool> {
        let (disk, name) = disk_of(path)?;
        let there = lock(&disk).files.contains_key(name);
        Ok(there)
    }

    fn temporary_name(&self) -> String {
        String::from("/0/temporary files lie in memory")
    }

    fn random(&self, buffer: &mut [i8]) {
        // Salts of the log: they must differ from those of the log before, and that they do by the counter.
        let salt = NUMBERS.fetch_add(1, Ordering::Relaxed).to_le_bytes();
        for (at, byte) in buffer.iter_mut().enumerate() {
            *byte = salt[at % salt.len()].cast_signed();
        }
    }

    fn sleep(&self, duration: Duration) -> Duration {
        std::thread::sleep(duration);
        duration
    }
}

impl Handle {
    /// Does `work` with the file.
    fn with<T>(&self, work: impl FnOnce(&mut File) -> T) -> Result<T> {
        let mut disk = lock(&self.disk);
        let file = disk.files.get_mut(&self.name).ok_or(ErrorKind::NotFound)?;
        Ok(work(file))
    }

    fn counted<T>(&self, work: impl FnOnce(&mut File) -> T) -> Result<T> {
        lock(&self.disk).call(None)?;
        self.with(work)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        let number = self.number;
        // A file that was deleted meanwhile has no locks to give back.
        let _ = self.with(|file| lock(&file.sharing).leave(number));
    }
}

impl DatabaseHandle for Handle {
    type WalIndex = Index;

    fn size(&self) -> Result<u64> {
        self.with(|file| file.now.len() as u64)
    }

    fn read_exact_at(&mut self, buf: &mut [u8], offset: u64) -> Result<()> {
        let offset = usize::try_from(offset).map_err(Error::other)?;
        let whole = self.counted(|file| {
            let there = file.now.get(offset..).unwrap_or_default();
            let length = there.len().min(buf.len());
            buf[..length].copy_from_slice(&there[..length]);
            buf[length..].fill(0);
            length == buf.len()
        })?;
        if whole {
            return Ok(());
        }
        Err(ErrorKind::UnexpectedEof.into())
    }

    fn write_all_at(&mut self, buf: &[u8], offset: u64) -> Result<()> {
        let offset = usize::try_from(offset).map_err(Error::other)?;
        let length = lock(&self.disk).call(Some(buf.len()))?.unwrap_or(buf.len());
        self.with(|file| file.write(offset, &buf[..length]))?;
        if length == buf.len() {
            return Ok(());
        }
        Err(broken())
    }

    fn sync(&mut self, _: bool) -> Result<()> {
        self.counted(File::flush)
    }

    fn set_len(&mut self, size: u64) -> Result<()> {
        let size = usize::try_from(size).map_err(Error::other)?;
        self.counted(|file| file.set_length(size))
    }

    fn lock(&mut self, wanted: LockKind) -> Result<bool> {
        let number = self.number;
        let got = self.with(|file| lock(&file.sharing).lock(number, wanted))?;
        if got {
            self.level = wanted;
        }
        Ok(got)
    }

    fn reserved(&mut self) -> Result<bool> {
        self.with(|file| lock(&file.sharing).is_reserved())
    }

    fn current_lock(&self) -> Result<LockKind> {
        Ok(self.level)
    }

    fn wal_index(&self, _: bool) -> Result<Index> {
        let shared = self.with(|file| Arc::clone(&file.sharing))?;
        Ok(Index::new(&shared, self.number))
    }
}
