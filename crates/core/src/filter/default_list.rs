//! The default list: names that nearly nobody wants carried. Conservative: what may be a person's own
//! work (`*.tmp`, `*.bak`, `*~`, `*.lock`, `*.ldb`, `-wal` and `-journal` of databases) is not on it, no line
//! for files leaves out a folder with all that is in it, and a pattern with `!` brings any of it back.

use crate::entry::Kind;
use crate::path::Name;

/// One line of the default list. `*` stands for any characters; ASCII case does not count.
#[derive(Debug)]
pub(super) struct Line {
    /// The names it means.
    pub(super) pattern: &'static str,
    /// Whether it means folders; else files and links.
    folder: bool,
    /// Holds nothing a person made, so it goes to versions with a folder that is deleted elsewhere.
    junk: bool,
}

/// Made by the system, again and again; goes with its folder.
const fn junk(pattern: &'static str) -> Line {
    Line {
        pattern,
        folder: false,
        junk: true,
    }
}

/// Left out, but kept where it is: it may hold work that is not saved, or is somebody's trash.
const fn left(pattern: &'static str) -> Line {
    Line {
        pattern,
        folder: false,
        junk: false,
    }
}

/// A folder that is left out and kept where it is.
const fn left_folder(pattern: &'static str) -> Line {
    Line {
        pattern,
        folder: true,
        junk: false,
    }
}

/// The list. A changed line changes [`super::Filter::digest`] and is therefore a planned migration.
pub(super) static LINES: &[Line] = &[
    // macOS Finder: how a folder is shown.
    junk(".DS_Store"),
    // macOS: a folder's own icon; the name ends in a carriage return.
    junk("Icon\r"),
    // macOS, on every volume: search index, file events, trash, versions, temporary items.
    left_folder(".Spotlight-V100"),
    left_folder(".fseventsd"),
    left_folder(".Trashes"),
    left_folder(".DocumentRevisions-V100"),
    left_folder(".TemporaryItems"),
    // macOS and netatalk, on network volumes.
    junk(".apdisk"),
    left_folder("Network Trash Folder"),
    left_folder("Temporary Items"),
    // Windows Explorer: thumbnails, how a folder is shown.
    junk("Thumbs.db"),
    junk("ehthumbs.db"),
    junk("ehthumbs_vista.db"),
    junk("desktop.ini"),
    // Windows, on every volume.
    left_folder("$RECYCLE.BIN"),
    left_folder("System Volume Information"),
    left("pagefile.sys"),
    left("hiberfil.sys"),
    left("swapfile.sys"),
    // freedesktop.org trash of a volume: `.Trash-1000`.
    left_folder(".Trash-*"),
    // ext file systems: what fsck found.
    left_folder("lost+found"),
    // NFS and FUSE: a deleted file that is still open.
    left(".nfs0*"),
    left(".fuse_hidden*"),
    // Synology: thumbnails, trash.
    left_folder("@eaDir"),
    left_folder("#recycle"),
    // LibreOffice: who has the document open.
    junk(".~lock.*#"),
    // Microsoft Office: who has the document open; its temporary files (`~WRL0001.tmp`, `~DF12.tmp`).
    junk("~$*"),
    left("~*.tmp"),
    // Microsoft Access and Adobe InDesign: who has the file open.
    junk("*.laccdb"),
    junk("*.idlk"),
    // AutoCAD: who has the drawing open.
    junk("*.dwl"),
    junk("*.dwl2"),
    // Vim: unsaved edits (`.name.swp`, then `.swo`, `.swn`); `.swx` tests a folder.
    left(".*.swp"),
    left(".*.swo"),
    left(".*.swn"),
    left(".*.swx"),
    // Kate: unsaved edits.
    left(".*.kate-swp"),
    // Emacs: who edits the file (a link that leads nowhere), unsaved edits.
    junk(".#*"),
    left("#*#"),
    // GLib, saving by rename.
    left(".goutputstream-*"),
    // Chromium and its kin; the part before the name of the download is known.
    left("*.crdownload"),
    left(".com.google.Chrome.*"),
    left(".org.chromium.Chromium.*"),
    // Firefox, KDE, yt-dlp.
    left("*.part"),
    left("*.ytdl"),
    // Internet Explorer, Edge, rclone.
    left("*.partial"),
    // WinSCP.
    left("*.filepart"),
    // Safari: a folder that holds the download.
    left_folder("*.download"),
    // Opera.
    left("*.opdownload"),
    // aria2, µTorrent, qBittorrent, BitComet, Thunder.
    left("*.aria2"),
    left("*.!ut"),
    left("*.!qB"),
    left("*.bc!"),
    left("*.xltd"),
    // Syncthing's unfinished downloads; Dropbox's cache; the sync state of ownCloud and Nextcloud, which
    // changes all the time and is of use on one computer only.
    left(".syncthing.*.tmp"),
    left("~syncthing~*.tmp"),
    left_folder(".dropbox.cache"),
    left("._sync_*.db*"),
    left(".sync_*.db*"),
];

/// Which lines a name can be meant by, one bit each, by its first and by its last byte: most names are
/// settled by two look-ups (a tree has a million).
struct Ends {
    first: [u128; 256],
    last: [u128; 256],
}

static ENDS: Ends = ends();

const fn ends() -> Ends {
    assert!(LINES.len() <= 128, "each line has one bit");
    let mut ends = Ends {
        first: [0; 256],
        last: [0; 256],
    };
    let mut at = 0;
    while at < LINES.len() {
        let pattern = LINES[at].pattern.as_bytes();
        let (first, last) = (pattern[0], pattern[pattern.len() - 1]);
        // A line with a star at its beginning is found by its last byte, all others by their first.
        let (set, byte) = if first == b'*' {
            (&mut ends.last, last)
        } else {
            (&mut ends.first, first)
        };
        set[byte.to_ascii_lowercase() as usize] |= 1 << at;
        set[byte.to_ascii_uppercase() as usize] |= 1 << at;
        at += 1;
    }
    ends
}

/// The line that means `name`, if there is one.
pub(super) fn find(name: &str, kind: Kind) -> Option<&'static Line> {
    let bytes = name.as_bytes();
    let (first, last) = (*bytes.first()?, *bytes.last()?);
    let mut left = ENDS.first[usize::from(first)] | ENDS.last[usize::from(last)];
    while left != 0 {
        let line = &LINES[left.trailing_zeros() as usize];
        left &= left - 1;
        if (kind == Kind::Folder) == line.folder && means(line.pattern.as_bytes(), bytes) {
            return Some(line);
        }
    }
    None
}

/// Whether `name` matches `pattern`, in which only `*` is special.
fn means(pattern: &[u8], name: &[u8]) -> bool {
    if let [b'*', suffix @ ..] = pattern
        && !suffix.contains(&b'*')
    {
        return name
            .len()
            .checked_sub(suffix.len())
            .is_some_and(|at| name[at..].eq_ignore_ascii_case(suffix));
    }
    let (mut p, mut n) = (0, 0);
    // Where the last star stood, and how much of the name it has taken.
    let mut star = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p + 1, n));
                p += 1;
            }
            Some(c) if c.eq_ignore_ascii_case(&name[n]) => {
                p += 1;
                n += 1;
            }
            _ => {
                let Some((after, taken)) = star else {
                    return false;
                };
                star = Some((after, taken + 1));
                p = after;
                n = taken + 1;
            }
        }
    }
    pattern[p..].iter().all(|c| *c == b'*')
}

/// Whether the name is on the junk list: left out by the default list and made by a program alone, so that
/// it goes to versions with a folder that is deleted elsewhere instead of keeping the folder (DESIGN 5.5).
#[must_use]
pub fn is_junk(name: &Name) -> bool {
    find(name.as_str(), Kind::File).is_some_and(|line| line.junk)
}

/// What the list leaves out, line by line: a folder's pattern ends in `/`.
pub(super) fn patterns() -> impl Iterator<Item = String> {
    LINES.iter().map(|line| {
        let end = if line.folder { "/" } else { "" };
        format!("{}{end}", line.pattern)
    })
}
