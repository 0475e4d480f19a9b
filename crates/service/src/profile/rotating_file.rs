//! A log that never outgrows its bounds (P22): a few files of limited size, the oldest removed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// How large one file grows.
const FILE_LIMIT: u64 = 2 * 1024 * 1024;
/// How many files there are, the one being written included.
const FILES: usize = 5;

/// Writes to `tandem.log`; full files become `tandem.log.1` to `tandem.log.4`.
#[derive(Debug)]
pub struct RotatingFile {
    folder: PathBuf,
    file: File,
    size: u64,
    limit: u64,
}

impl RotatingFile {
    /// Goes on with the log in `folder`.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(folder: &Path) -> io::Result<Self> {
        Self::with_limit(folder, FILE_LIMIT)
    }

    /// The names its files have, the newest first.
    pub fn names() -> impl Iterator<Item = String> {
        (0..FILES).map(file_name)
    }

    fn with_limit(folder: &Path, limit: u64) -> io::Result<Self> {
        let file = append_to(&name(folder, 0))?;
        let size = file.metadata()?.len();
        Ok(Self {
            folder: folder.to_owned(),
            file,
            size,
            limit,
        })
    }

    fn rotate(&mut self) -> io::Result<()> {
        for index in (0..FILES - 1).rev() {
            match fs::rename(name(&self.folder, index), name(&self.folder, index + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        self.file = append_to(&name(&self.folder, 0))?;
        self.size = 0;
        Ok(())
    }
}

impl Write for RotatingFile {
    /// Writes `line` whole into one file.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.size > 0 && self.size + line.len() as u64 > self.limit {
            self.rotate()?;
        }
        self.file.write_all(line)?;
        self.size += line.len() as u64;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn name(folder: &Path, index: usize) -> PathBuf {
    folder.join(file_name(index))
}

fn file_name(index: usize) -> String {
    match index {
        0 => "tandem.log".to_owned(),
        n => format!("tandem.log.{n}"),
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.create(true).append(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// nextcloud/desktop#2854: gigabytes of logs.
    #[test]
    fn a_log_keeps_five_files_within_their_limit() {
        let scratch = tempfile::tempdir().unwrap();
        let mut log = RotatingFile::with_limit(scratch.path(), 100).unwrap();
        for n in 0..100 {
            log.write_all(format!("line {n:03} of the log\n").as_bytes())
                .unwrap();
        }
        let mut sizes: Vec<_> = fs::read_dir(scratch.path())
            .unwrap()
            .map(|f| f.unwrap().metadata().unwrap().len())
            .collect();
        sizes.sort_unstable();
        assert_eq!(sizes.len(), FILES);
        assert!(sizes.iter().all(|s| *s <= 100), "{sizes:?}");
        let newest = fs::read_to_string(scratch.path().join("tandem.log")).unwrap();
        assert!(newest.ends_with("line 099 of the log\n"));
    }
}
