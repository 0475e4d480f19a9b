//! The files below SQLite on a real disk, with something put around each call that changes them: a test counts those
//! calls, and ends the process before or after one.
//!
//! One process at a time has the database, so its locks and the index of its log lie in memory; the files themselves
//! are those that SQLite's own layer reads and writes.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, Result};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sqlite_vfs::{DatabaseHandle, LockKind, OpenAccess, Vfs};

use crate::sharing::{Index, Sharing, lock};

/// A call that changes a file of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileChange {
    /// It is opened, and made if it is not there.
    Create,
    /// Bytes at a place in it.
    Write,
    /// Its new length.
    Truncate,
    /// Its flush.
    Flush,
    /// The end of its name.
    Delete,
}

impl FileChange {
    /// What the system calls the call.
    #[must_use]
    pub const fn system_name(self) -> &'static str {
        match self {
            Self::Create => "openat",
            Self::Write => "pwrite64",
            Self::Truncate => "ftruncate",
            Self::Flush => "fsync",
            Self::Delete => "unlink",
        }
    }
}

/// What is put around each call: it does `work` once, and may end the process before or after it.
pub type Around = fn(change: FileChange, work: &mut dyn FnMut());

/// What to open for the database at the absolute `path`, so that `around` is put around its changes: an
/// [URI](https://sqlite.org/uri.html), in which `path` stands as it is.
///
/// # Panics
/// If SQLite takes no further layer.
#[must_use]
pub fn database(path: &Path, around: Around) -> PathBuf {
    static LAYERS: AtomicU64 = AtomicU64::new(1);
    let name = format!("tandem-disk-{}", LAYERS.fetch_add(1, Ordering::Relaxed));
    sqlite_vfs::register(&name, Layer(around), false)
        .unwrap_or_else(|error| panic!("SQLite takes no further layer: {error}"));
    PathBuf::from(format!("file:{}?vfs={name}", path.display()))
}

/// What the connections of this process to the file at `path` share.
fn shared(path: &str) -> Arc<Mutex<Sharing>> {
    static SHARED: Mutex<BTreeMap<String, Arc<Mutex<Sharing>>>> = Mutex::new(BTreeMap::new());
    Arc::clone(lock(&SHARED).entry(path.to_owned()).or_default())
}

/// Makes one call.
fn make<T>(around: Around, change: FileChange, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let (mut work, mut answer) = (Some(work), None);
    around(change, &mut || answer = work.take().map(|work| work()));
    answer.unwrap_or_else(|| Err(Error::other("the call was not made")))
}

/// What SQLite calls.
struct Layer(Around);

/// An open file.
struct Handle {
    around: Around,
    file: File,
    shared: Arc<Mutex<Sharing>>,
    number: u64,
    level: LockKind,
}

impl Vfs for Layer {
    type Handle = Handle;

    fn open(&self, path: &str, options: sqlite_vfs::OpenOptions) -> Result<Handle> {
        static NUMBERS: AtomicU64 = AtomicU64::new(1);
        let mut how = OpenOptions::new();
        how.read(true).write(options.access != OpenAccess::Read);
        let file = match options.access {
            OpenAccess::Read | OpenAccess::Write => how.open(path),
            OpenAccess::Create => make(self.0, FileChange::Create, || how.create(true).open(path)),
            OpenAccess::CreateNew => make(self.0, FileChange::Create, || {
                how.create_new(true).open(path)
            }),
        };
        Ok(Handle {
            around: self.0,
            file: file?,
            shared: shared(path),
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            level: LockKind::None,
        })
    }

    fn delete(&self, path: &str) -> Result<()> {
        make(self.0, FileChange::Delete, || std::fs::remove_file(path))
    }

    fn exists(&self, path: &str) -> Result<bool> {
        std::fs::exists(path)
    }

    fn temporary_name(&self) -> String {
        String::from("/temporary files lie in memory")
    }

    fn random(&self, buffer: &mut [i8]) {
        // Salts of the log: they must differ from those of the log before.
        static SALTS: AtomicU64 = AtomicU64::new(0);
        let since = std::time::UNIX_EPOCH.elapsed().unwrap_or_default();
        let salt = since.as_nanos() as u64 + SALTS.fetch_add(1, Ordering::Relaxed);
        let salt = salt.to_le_bytes();
        for (at, byte) in buffer.iter_mut().enumerate() {
            *byte = salt[at % salt.len()].cast_signed();
        }
    }

    fn sleep(&self, duration: Duration) -> Duration {
        std::thread::sleep(duration);
        duration
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        lock(&self.shared).leave(self.number);
    }
}

impl DatabaseHandle for Handle {
    type WalIndex = Index;

    fn size(&self) -> Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read_exact_at(&mut self, buf: &mut [u8], offset: u64) -> Result<()> {
        let mut done = 0;
        while done < buf.len() {
            match self.file.read_at(&mut buf[done..], offset + done as u64) {
                Ok(0) => {
                    buf[done..].fill(0);
                    return Err(ErrorKind::UnexpectedEof.into());
                }
                Ok(read) => done += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn write_all_at(&mut self, buf: &[u8], offset: u64) -> Result<()> {
        let file = &self.file;
        make(self.around, FileChange::Write, || {
            file.write_all_at(buf, offset)
        })
    }

    fn sync(&mut self, _: bool) -> Result<()> {
        make(self.around, FileChange::Flush, || self.file.sync_all())
    }

    fn set_len(&mut self, size: u64) -> Result<()> {
        make(self.around, FileChange::Truncate, || {
            self.file.set_len(size)
        })
    }

    fn lock(&mut self, wanted: LockKind) -> Result<bool> {
        let got = lock(&self.shared).lock(self.number, wanted);
        if got {
            self.level = wanted;
        }
        Ok(got)
    }

    fn reserved(&mut self) -> Result<bool> {
        Ok(lock(&self.shared).is_reserved())
    }

    fn current_lock(&self) -> Result<LockKind> {
        Ok(self.level)
    }

    fn wal_index(&self, _: bool) -> Result<Index> {
        Ok(Index::new(&self.shared, self.number))
    }
}
