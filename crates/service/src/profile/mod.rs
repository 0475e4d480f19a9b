//! The profile: one folder with everything Tandem knows.
//!
//! `config.toml`, `pairs/UUID.db`, `secrets.age`, `logs/`, `lock`. This is the only module of
//! the crate that opens files by path; what lies in a synced folder is reached through storages alone.
#![allow(
    clippy::disallowed_methods,
    reason = "the profile is a folder of files, and this is its module"
)]

mod rotating_file;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

pub use rotating_file::RotatingFile;

/// A profile folder. Cheap to clone; holds no lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    folder: PathBuf,
}

impl Profile {
    /// Opens the profile in `folder`, which is made if it is not there. What holds the profile's files is closed to
    /// other users; so is the folder itself, unless it held something else before it became a profile: then that is
    /// not Tandem's to close.
    ///
    /// # Errors
    /// What the system says of the folder.
    pub fn open(folder: &Path) -> io::Result<Self> {
        make_folder(folder)?;
        let folder = fs::canonicalize(folder)?;
        if fs::read_dir(&folder)?.next().is_none() {
            close_to_others(&folder)?;
        }
        for sub in ["pairs", "logs"] {
            make_private_folder(&folder.join(sub))?;
        }
        Ok(Self { folder })
    }

    /// The profile used where none is named: `$XDG_CONFIG_HOME/tandem`, else `~/.config/tandem`.
    #[must_use]
    pub fn default_folder() -> Option<PathBuf> {
        let config = std::env::var_os("XDG_CONFIG_HOME")
            .map(PathBuf::from)
            .filter(|p| p.is_absolute());
        config
            .or_else(|| std::env::home_dir().map(|home| home.join(".config")))
            .map(|base| base.join("tandem"))
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A short name of the profile, the same for every way to spell its folder: the socket is named by it.
    #[must_use]
    pub fn hash(&self) -> String {
        let hash = blake3::hash(self.folder.as_os_str().as_encoded_bytes());
        hash.to_hex()[..16].to_owned()
    }

    /// The database of a pair.
    #[must_use]
    pub fn pair_state(&self, pair: &str) -> PathBuf {
        self.folder.join("pairs").join(format!("{pair}.db"))
    }

    /// Whether a pair was ever looked at.
    #[must_use]
    pub fn has_pair_state(&self, pair: &str) -> bool {
        self.pair_state(pair).exists()
    }

    /// Whether a pair's database was lost after it had been made. From then on its sides meet by `merge`, whatever
    /// was chosen for their first meeting (P6). Asked before the database is made.
    ///
    /// # Errors
    /// What the system says.
    pub fn was_pair_state_lost(&self, pair: &str) -> io::Result<bool> {
        const LOST: &[u8] = b"lost\n";
        let note = format!("pairs/{pair}.begun");
        match self.read(&note)? {
            Some(text) if text == LOST => Ok(true),
            Some(_) if self.has_pair_state(pair) => Ok(false),
            Some(_) => self.write(&note, LOST).map(|()| true),
            None => self.write(&note, b"").map(|()| false),
        }
    }

    /// Puts the database of a pair aside, as `pairs/PAIR.damaged.db`; one that was put aside before goes.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_pair_state_aside(&self, pair: &str) -> io::Result<()> {
        let place = |name: String| self.folder.join("pairs").join(name);
        // The database goes last: until then it is what it was, or damaged for good.
        for ending in ["-wal", "-shm", "-journal", ""] {
            let from = place(format!("{pair}.db{ending}"));
            match fs::rename(from, place(format!("{pair}.damaged.db{ending}"))) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// Removes the database of a pair and what is kept beside it.
    ///
    /// # Errors
    /// What the system says.
    pub fn remove_pair_state(&self, pair: &str) -> io::Result<()> {
        let endings = [
            "db",
            "db-wal",
            "db-shm",
            "db-journal",
            "db-format-1",
            "db-format-1.part",
            "db-format-2",
            "db-format-2.part",
            "damaged.db",
            "damaged.db-wal",
            "damaged.db-shm",
            "damaged.db-journal",
            "begun",
        ];
        for ending in endings {
            let path = self.folder.join("pairs").join(format!("{pair}.{ending}"));
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// The folder of the logs.
    #[must_use]
    pub fn logs(&self) -> PathBuf {
        self.folder.join("logs")
    }

    /// The content of a file of the profile; `None` if there is none.
    ///
    /// # Errors
    /// What the system says.
    pub fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.folder.join(name)) {
            Ok(content) => Ok(Some(content)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Replaces a file of the profile: old or new, never a part, also after power loss.
    ///
    /// # Errors
    /// What the system says; the old file is then untouched.
    pub fn write(&self, name: &str, content: &[u8]) -> io::Result<()> {
        let temporary = self.folder.join(format!("{name}.new"));
        let mut file = private_file()
            .create(true)
            .truncate(true)
            .write(true)
            .open(&temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&temporary, self.folder.join(name))?;
        #[cfg(unix)]
        File::open(&self.folder)?.sync_all()?;
        Ok(())
    }

    /// The file that carries the owner's lock.
    pub(crate) fn open_lock(&self) -> io::Result<File> {
        private_file()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(self.folder.join("lock"))
    }
}

/// Reads a file that a person named, for a command that takes one.
///
/// # Errors
/// What the system says.
pub fn read_named_file(path: &Path) -> io::Result<Vec<u8>> {
    fs::read(path)
}

/// Makes the new file `path`, closed to other users, for a command that writes one.
///
/// # Errors
/// What the system says; an existing file is not replaced.
pub fn create_named_file(path: &Path) -> io::Result<File> {
    private_file().create_new(true).write(true).open(path)
}

/// The spelling of `path` without links, as far as it exists; the rest is added as it is.
#[must_use]
pub fn real_path(path: &Path) -> PathBuf {
    let mut rest = Vec::new();
    let mut known = path;
    loop {
        if let Ok(real) = fs::canonicalize(known) {
            return rest.iter().rev().fold(real, |path, name| path.join(name));
        }
        let (Some(parent), Some(name)) = (known.parent(), known.file_name()) else {
            return path.to_owned();
        };
        rest.push(name.to_owned());
        known = parent;
    }
}

/// A number out of `/proc`, where the system has it.
#[must_use]
pub fn system_number(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// Makes a folder that only its owner can enter; one that is there and ours is closed to others.
pub(crate) fn make_private_folder(folder: &Path) -> io::Result<()> {
    make_folder(folder)?;
    close_to_others(folder)
}

fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Takes other users' rights to a folder of ours away. A link is left alone, and what it leads to: whoever put it
/// there chose that folder, or wants us to change it.
#[cfg(unix)]
fn close_to_others(folder: &Path) -> io::Result<()> {
    use rustix::fs::{Mode, OFlags, fchmod, fstat, open};
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let Ok(handle) = open(folder, flags, Mode::empty()) else {
        return Ok(());
    };
    let stat = fstat(&handle)?;
    let mode = Mode::from_raw_mode(stat.st_mode);
    let others = Mode::RWXG | Mode::RWXO;
    if stat.st_uid == rustix::process::geteuid().as_raw() && mode.intersects(others) {
        fchmod(&handle, mode - others)?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn close_to_others(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Removes a file, if it is there.
pub(crate) fn remove_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Sets the mode of a file.
#[cfg(unix)]
pub(crate) fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

/// The owner and mode of a folder that is no link; `None` if it is not there.
#[cfg(unix)]
pub(crate) fn owner_and_mode(path: &Path) -> io::Result<(u32, u32)> {
    use std::os::unix::fs::MetadataExt;
    let meta = fs::symlink_metadata(path)?;
    if !meta.is_dir() {
        return Err(io::Error::new(io::ErrorKind::NotADirectory, "not a folder"));
    }
    Ok((meta.uid(), meta.mode() & 0o7777))
}

fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_closed_to_others_and_its_files_are_replaced_whole() {
        let scratch = tempfile::tempdir().unwrap();
        let profile = Profile::open(&scratch.path().join("a/b")).unwrap();
        profile.write("config.toml", b"one").unwrap();
        profile.write("config.toml", b"two").unwrap();
        assert_eq!(profile.read("config.toml").unwrap().unwrap(), b"two");
        assert_eq!(profile.read("none").unwrap(), None);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |p: &Path| fs::metadata(p).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(profile.folder()), 0o700);
            assert_eq!(mode(&profile.folder().join("config.toml")), 0o600);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_folder_that_is_there_is_closed_if_it_is_tandems() {
        use std::os::unix::fs::PermissionsExt;
        let scratch = tempfile::tempdir().unwrap();
        let mode = |p: &Path| fs::metadata(p).unwrap().permissions().mode() & 0o777;
        let open_folder = |name: &str| {
            let folder = scratch.path().join(name);
            fs::create_dir_all(&folder).unwrap();
            fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
            folder
        };
        let empty = open_folder("empty");
        Profile::open(&empty).unwrap();
        assert_eq!(mode(&empty), 0o700);

        let home = open_folder("home");
        fs::write(home.join("notes.txt"), "x").unwrap();
        let (pairs, elsewhere) = (open_folder("home/pairs"), open_folder("elsewhere"));
        std::os::unix::fs::symlink(&elsewhere, home.join("logs")).unwrap();
        for _ in 0..2 {
            Profile::open(&home).unwrap();
            assert_eq!(
                (mode(&home), mode(&pairs), mode(&elsewhere)),
                (0o755, 0o700, 0o755)
            );
        }
    }

    #[test]
    fn a_profile_has_one_hash_however_it_is_spelled() {
        let scratch = tempfile::tempdir().unwrap();
        let profile = Profile::open(&scratch.path().join("a")).unwrap();
        let other = Profile::open(&scratch.path().join("./b/../a")).map(|p| p.hash());
        assert_eq!(other.unwrap_or_else(|_| profile.hash()), profile.hash());
        assert_eq!(profile.hash().len(), 16);
    }

    #[test]
    fn what_does_not_exist_keeps_its_name_below_the_real_part() {
        let scratch = tempfile::tempdir().unwrap();
        let real = fs::canonicalize(scratch.path()).unwrap();
        assert_eq!(real_path(&scratch.path().join("x/y")), real.join("x/y"));
    }
}
