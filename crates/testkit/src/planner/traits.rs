//! What a side is like, in few words: small enough to be copied and printed, and made into [`Capabilities`] once a
//! run. Invariant: whatever is drawn here is within the contract of `core::storage`.

use std::fmt;

use tandem_core::capabilities::{Capabilities, CaseRule, Ids, NameRules, UnicodeRule};
use tandem_core::entry::HashKind;

use crate::seed::Rng;
use crate::sim::{FolderRevisions, RevisionStyle};

/// A file with more bytes than this is refused by a side with a limit.
pub(super) const LARGEST: u64 = 4_096;

/// One side.
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is one capability or habit of a storage"
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traits {
    /// How far native ids can be trusted.
    pub ids: Ids,
    /// How revisions come about.
    pub revisions: RevisionStyle,
    /// What a folder's revision follows.
    pub folder_revisions: FolderRevisions,
    /// The hash that entries carry without being read.
    pub hash: Option<HashKind>,
    /// It may be read to look closer.
    pub cheap_reads: bool,
    /// A folder moves whole; else item by item.
    pub folder_move: bool,
    /// Moving an item gives it another revision.
    pub move_gives_revision: bool,
    /// Replacing a file gives it another id.
    pub replace_gives_id: bool,
    /// Replaced content can be kept.
    pub versions: bool,
    /// A client can set a file's time.
    pub mtime: bool,
    /// Steps of the time are whole seconds.
    pub coarse_mtime: bool,
    /// Files have an executable bit.
    pub executable: bool,
    /// Symbolic links can be held.
    pub symlinks: bool,
    /// Two spellings of one name by case are one.
    pub folds_case: bool,
    /// Composed and decomposed forms are one name.
    pub folds_unicode: bool,
    /// Characters that Windows refuses are refused.
    pub strict_names: bool,
    /// Files over [`LARGEST`] are refused.
    pub small_files: bool,
    /// Folders exist without anything in them.
    pub empty_folders: bool,
}

impl Traits {
    /// A side that can do all and is strange in nothing.
    pub const PLAIN: Self = Self {
        ids: Ids::Strong,
        revisions: RevisionStyle::Counter,
        folder_revisions: FolderRevisions::None,
        hash: Some(HashKind::Blake3),
        cheap_reads: true,
        folder_move: true,
        move_gives_revision: false,
        replace_gives_id: false,
        versions: true,
        mtime: true,
        coarse_mtime: false,
        executable: true,
        symlinks: true,
        folds_case: false,
        folds_unicode: false,
        strict_names: false,
        small_files: false,
        empty_folders: true,
    };

    /// Every capability and habit that is there or not, by its name.
    const SWITCHES: [(&str, fn(&Self) -> bool); 14] = [
        ("cheap_reads", |t| t.cheap_reads),
        ("folder_move", |t| t.folder_move),
        ("move_gives_revision", |t| t.move_gives_revision),
        ("replace_gives_id", |t| t.replace_gives_id),
        ("versions", |t| t.versions),
        ("mtime", |t| t.mtime),
        ("coarse_mtime", |t| t.coarse_mtime),
        ("executable", |t| t.executable),
        ("symlinks", |t| t.symlinks),
        ("folds_case", |t| t.folds_case),
        ("folds_unicode", |t| t.folds_unicode),
        ("strict_names", |t| t.strict_names),
        ("small_files", |t| t.small_files),
        ("empty_folders", |t| t.empty_folders),
    ];

    /// Changes that each make a side plainer in one thing.
    pub(super) const SIMPLER: [fn(&mut Self); 17] = [
        |t| {
            t.ids = Self::PLAIN.ids;
            t.revisions = Self::PLAIN.revisions;
        },
        |t| t.folder_revisions = Self::PLAIN.folder_revisions,
        |t| t.hash = Self::PLAIN.hash,
        |t| t.cheap_reads = Self::PLAIN.cheap_reads,
        |t| t.folder_move = Self::PLAIN.folder_move,
        |t| t.move_gives_revision = Self::PLAIN.move_gives_revision,
        |t| t.replace_gives_id = Self::PLAIN.replace_gives_id,
        |t| t.versions = Self::PLAIN.versions,
        |t| t.mtime = Self::PLAIN.mtime,
        |t| t.coarse_mtime = Self::PLAIN.coarse_mtime,
        |t| t.executable = Self::PLAIN.executable,
        |t| t.symlinks = Self::PLAIN.symlinks,
        |t| t.folds_case = Self::PLAIN.folds_case,
        |t| t.folds_unicode = Self::PLAIN.folds_unicode,
        |t| t.strict_names = Self::PLAIN.strict_names,
        |t| t.small_files = Self::PLAIN.small_files,
        |t| t.empty_folders = Self::PLAIN.empty_folders,
    ];

    /// A choice.
    #[must_use]
    pub fn draw(rng: &mut Rng) -> Self {
        let ids = *rng.pick(&[Ids::None, Ids::Hint, Ids::Strong]);
        let revisions = match ids {
            Ids::Hint => RevisionStyle::Fingerprint,
            _ => *rng.pick(&[
                RevisionStyle::Counter,
                RevisionStyle::Counter,
                RevisionStyle::ContentCounter,
                RevisionStyle::ContentHash,
            ]),
        };
        let of_content = matches!(
            revisions,
            RevisionStyle::ContentCounter | RevisionStyle::ContentHash
        );
        let hashes = [
            None,
            None,
            Some(HashKind::Blake3),
            Some(HashKind::Md5),
            Some(HashKind::Sha256),
        ];
        Self {
            ids,
            revisions,
            folder_revisions: *rng.pick(&[
                FolderRevisions::None,
                FolderRevisions::Own,
                FolderRevisions::Children,
            ]),
            hash: *rng.pick(&hashes),
            cheap_reads: rng.chance(60),
            folder_move: rng.chance(75),
            move_gives_revision: !of_content && rng.chance(40),
            replace_gives_id: ids == Ids::Hint && rng.chance(70),
            versions: rng.chance(90),
            mtime: rng.chance(75),
            coarse_mtime: rng.chance(30),
            executable: rng.chance(40),
            symlinks: rng.chance(70),
            folds_case: rng.chance(30),
            folds_unicode: rng.chance(20),
            strict_names: rng.chance(20),
            small_files: rng.chance(5),
            empty_folders: rng.chance(92),
        }
    }

    /// The same as the planner is told it.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        let names = if self.strict_names {
            NameRules {
                forbidden: ":".to_owned(),
                no_trailing_period: true,
                no_windows_devices: true,
                ..NameRules::default()
            }
        } else {
            NameRules::default()
        };
        Capabilities {
            ids: self.ids,
            hashes: self.hash.into_iter().collect(),
            cheap_reads: self.cheap_reads,
            revision_is_content: matches!(
                self.revisions,
                RevisionStyle::ContentCounter | RevisionStyle::ContentHash
            ),
            folder_move: self.folder_move,
            versions: self.versions,
            mtime: self.mtime,
            mtime_precision: self.precision(),
            executable: self.executable,
            symlinks: self.symlinks,
            case: if self.folds_case {
                CaseRule::Insensitive
            } else {
                CaseRule::Sensitive
            },
            unicode: if self.folds_unicode {
                UnicodeRule::Folding
            } else {
                UnicodeRule::Exact
            },
            names,
            largest_file: self.small_files.then_some(LARGEST),
            empty_folders: self.empty_folders,
            ..Capabilities::least()
        }
    }

    /// Steps of the time, in nanoseconds.
    #[must_use]
    pub const fn precision(&self) -> u64 {
        if self.coarse_mtime { 1_000_000_000 } else { 1 }
    }
}

impl fmt::Display for Traits {
    /// What is not plain, as words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = Self::PLAIN;
        let mut words = vec![format!("ids={:?}", self.ids)];
        if self.revisions != plain.revisions {
            words.push(format!("revisions={:?}", self.revisions));
        }
        if self.folder_revisions != plain.folder_revisions {
            words.push(format!("folder_revisions={:?}", self.folder_revisions));
        }
        match self.hash {
            hash if hash == plain.hash => {}
            Some(hash) => words.push(format!("hash={hash:?}")),
            None => words.push("hash=None".to_owned()),
        }
        for (name, get) in Self::SWITCHES {
            if get(self) != get(&plain) {
                words.push(format!("{name}={}", get(self)));
            }
        }
        f.write_str(&words.join(" "))
    }
}
