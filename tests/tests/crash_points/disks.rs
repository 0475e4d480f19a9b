//! Three disks for one pair, so that no flush of one brings along what should have been flushed on another: ext4 in a
//! file each, mounted through the system's loop device.
//!
//! Nothing is in such a file that ext4 did not write to its disk. So a copy of the files is what a power cut leaves, of
//! a drive that keeps no writes for later.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// What of a pair lies on a disk of its own.
const DISKS: [&str; 3] = ["source", "destination", "state"];

/// Bytes of each.
const SIZE: u64 = 24 << 20;

/// How they are formatted: nothing is left for the system to do later.
const FORMAT: [&str; 4] = [
    "-q",
    "-b4096",
    "-Jsize=4",
    "-Elazy_itable_init=0,lazy_journal_init=0",
];

/// Without what ext4 does for programs that do not flush; what it writes by itself after a time comes long after a test
/// has ended ([ext4(5)](https://man7.org/linux/man-pages/man5/ext4.5.html)).
const MOUNT: &str = "loop,noauto_da_alloc,data=writeback,commit=300";

/// The files, and the folder in which they are mounted.
pub(crate) struct Images(TempDir);

impl Images {
    /// Three empty disks; or why this machine has none.
    pub(crate) fn make() -> Result<Self, String> {
        let images = Self::places();
        for name in DISKS {
            let image = images.image(name);
            let file = std::fs::File::create(&image).unwrap();
            file.set_len(SIZE).unwrap();
            run("mkfs.ext4", &[&FORMAT[..], &[text(&image)]].concat())?;
        }
        Ok(images)
    }

    /// The same files once more.
    pub(crate) fn copy(&self) -> Self {
        let copy = Self::places();
        for name in DISKS {
            let (from, to) = (self.image(name), copy.image(name));
            // Holes stay holes.
            run("cp", &["--sparse=always", text(&from), text(&to)]).unwrap();
        }
        copy
    }

    /// Turns them on; or why this machine cannot.
    pub(crate) fn mount(self) -> Result<Disks, String> {
        let mut mounts = Mounts(Vec::new());
        for name in DISKS {
            let (image, place) = (self.image(name), self.folder().join(name));
            let what = [text(&image), text(&place)];
            run("mount", &[&["-text4", "-o", MOUNT][..], &what].concat())?;
            // What the format puts there is no part of a pair.
            let _ = std::fs::remove_dir(place.join("lost+found"));
            mounts.0.push(place);
        }
        Ok(Disks {
            mounts,
            images: self,
        })
    }

    fn folder(&self) -> PathBuf {
        self.0.path().join("pair")
    }

    fn places() -> Self {
        let images = Self(tempfile::tempdir().unwrap());
        for name in DISKS {
            std::fs::create_dir_all(images.folder().join(name)).unwrap();
        }
        images
    }

    fn image(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

/// The disks, turned on.
pub(crate) struct Disks {
    mounts: Mounts,
    images: Images,
}

impl Disks {
    /// Where the pair is.
    pub(crate) fn folder(&self) -> PathBuf {
        self.images.folder()
    }

    /// Everything on them is written to the files.
    pub(crate) fn flush(&self) {
        for name in DISKS {
            let disk = std::fs::File::open(self.folder().join(name)).unwrap();
            rustix::fs::syncfs(disk).unwrap();
        }
    }

    /// Turns them off as a system does that is shut down.
    pub(crate) fn shut_down(self) -> Images {
        drop(self.mounts);
        self.images
    }

    /// Turns them off at once: what ext4 has not written is gone.
    pub(crate) fn cut_off(self) -> Images {
        self.images.copy()
    }
}

/// What is mounted, until this is dropped.
struct Mounts(Vec<PathBuf>);

impl Drop for Mounts {
    fn drop(&mut self) {
        for place in &self.0 {
            if let Err(why) = run("umount", &[text(place)]) {
                eprintln!("{why}");
            }
        }
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(arguments).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let told = String::from_utf8_lossy(&output.stderr);
    Err(format!("{program}: {}", told.trim()))
}
