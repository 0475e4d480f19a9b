//! What is mounted below the root: neither a mount nor its end is an event of the folder that it covers, and a watch stays on
//! what lies beneath ([inotify(7)](https://man7.org/linux/man-pages/man7/inotify.7.html)).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use tandem_core::path::RelPath;

use super::orders::Orders;
use crate::disk::lock;

/// How often the system's list is read: seldom, for a program that has nothing to do is to cost nothing.
const POLL: Duration = super::POLL_OTHERS;

/// What was mounted when it was looked at last.
#[derive(Debug)]
pub(super) struct Mounted {
    list: PathBuf,
    root: PathBuf,
    last: Mutex<(Option<Duration>, BTreeSet<RelPath>)>,
}

impl Mounted {
    pub(super) fn below(root: &Path) -> Self {
        let root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        Self::by(Path::new("/proc/self/mountinfo"), root)
    }

    fn by(list: &Path, root: PathBuf) -> Self {
        let now = read(list, &root);
        Self {
            list: list.to_owned(),
            root,
            last: Mutex::new((None, now)),
        }
    }

    /// Has what was mounted or unmounted since watched anew, if it is time to look; says when it will be.
    pub(super) fn poll(&self, now: Duration, orders: &Orders) -> Option<Duration> {
        if !cfg!(target_os = "linux") {
            return None;
        }
        let (at, known) = &mut *lock(&self.last);
        let since = at.map_or(POLL, |at| now.saturating_sub(at));
        if since < POLL {
            return Some(POLL - since);
        }
        let found = read(&self.list, &self.root);
        for path in found.symmetric_difference(known) {
            orders.appeared(path.clone());
        }
        (*at, *known) = (Some(now), found);
        Some(POLL)
    }
}

fn read(list: &Path, root: &Path) -> BTreeSet<RelPath> {
    // Where there is no such list, nothing is known to be mounted.
    let list = std::fs::read(list).unwrap_or_default();
    points(&list, root)
}

/// The fifth field of each line that lies below `root`
/// ([proc_pid_mountinfo(5)](https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html)).
fn points(list: &[u8], root: &Path) -> BTreeSet<RelPath> {
    list.split(|byte| *byte == b'\n')
        .filter_map(|line| line.split(|byte| *byte == b' ').nth(4))
        .filter_map(|field| String::from_utf8(unescaped(field)).ok())
        .filter_map(|point| {
            let below = Path::new(&point).strip_prefix(root).ok()?.to_str()?;
            RelPath::new(below).ok()
        })
        .filter(|path| !path.is_root())
        .collect()
}

/// Space, tab, line feed and backslash are written by their octal numbers.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&byte, after)) = rest.split_first() {
        let octal = after.get(..3).filter(|_| byte == b'\\');
        let number = octal
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        match number {
            Some(number) => {
                plain.push(number);
                rest = &after[3..];
            }
            None => {
                plain.push(byte);
                rest = after;
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_and_goes_is_watched_anew() {
        let home = tempfile::tempdir().unwrap();
        let (list, second) = (home.path().join("mountinfo"), Duration::from_secs(1));
        let write = |lines: &str| std::fs::write(&list, lines).unwrap();
        write("");
        let (orders, arriving) = Orders::new();
        let mounted = Mounted::by(&list, PathBuf::from("/r"));
        assert_eq!(mounted.poll(second, &orders), Some(POLL));
        assert_eq!(arriving.waiting(), 0);
        let nas = Some(Some(RelPath::new("nas").unwrap()));
        write("40 21 0:35 / /r/nas rw - nfs4 nas:/x rw\n");
        assert_eq!(mounted.poll(second * 2, &orders), Some(POLL - second));
        assert_eq!(arriving.waiting(), 0);
        assert_eq!(mounted.poll(second + POLL, &orders), Some(POLL));
        assert_eq!(arriving.next(), nas);
        write("");
        mounted.poll(second + POLL * 2, &orders);
        assert_eq!(arriving.next(), nas);
        mounted.poll(second + POLL * 3, &orders);
        assert_eq!(arriving.waiting(), 0);
    }

    #[test]
    fn what_is_mounted_below_is_told_from_all_else() {
        let list = b"21 1 8:1 / / rw - ext4 /dev/sda1 rw\n\
            40 21 0:35 / /home/noor/Docs rw - ext4 /dev/sdb1 rw\n\
            41 40 0:36 / /home/noor/Docs/my\\040nas rw shared:1 - nfs4 nas:/x rw\n\
            42 21 0:37 / /home/noor/Docs2 rw - tmpfs tmpfs rw\n\
            43 40 0:38 / /home/noor/Docs/\\134\\011 rw - tmpfs tmpfs rw\n\
            half a line\n";
        let found = points(list, Path::new("/home/noor/Docs"));
        let expected = ["my nas", "\\\t"].map(|path| RelPath::new(path).unwrap());
        assert_eq!(found, expected.into());
    }
}
