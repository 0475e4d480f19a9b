//! What a side is like, in few words: small enough to be copied and printed, and made into [`Capabilities`] once a
//! run. Invariant: whatever is drawn here is within the contract of `core::storage`.

use std::fmt;

use tandem_core::capabilities::{Capabilities, CaseRule, Ids, NameRules, UnicodeRule};
use tandem_core::entry::HashKind;

use crate::seed::Rng;
use crate::sim::{FolderRevisions, RevisionStyle};

/// A file with more bytes than this is refused by a side with a limit.
pub(super) const LARGEST: u64 = 4_096;

/// Where a side keeps whether it has something.
type Switch = fn(&mut Traits) -> &mut bool;

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
    /// Files over `LARGEST` are refused.
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
    const SWITCHES: [(&str, Switch); 14] = [
        ("cheap_reads", |t| &mut t.cheap_reads),
        ("folder_move", |t| &mut t.folder_move),
        ("move_gives_revision", |t| &mut t.move_gives_revision),
        ("replace_gives_id", |t| &mut t.replace_gives_id),
        ("versions", |t| &mut t.versions),
        ("mtime", |t| &mut t.mtime),
        ("coarse_mtime", |t| &mut t.coarse_mtime),
        ("executable", |t| &mut t.executable),
        ("symlinks", |t| &mut t.symlinks),
        ("folds_case", |t| &mut t.folds_case),
        ("folds_unicode", |t| &mut t.folds_unicode),
        ("strict_names", |t| &mut t.strict_names),
        ("small_files", |t| &mut t.small_files),
        ("empty_folders", |t| &mut t.empty_folders),
    ];

    /// The same side, plainer in one thing, in each way.
    pub(super) fn simpler(self) -> Vec<Self> {
        let mut all = vec![
            Self {
                ids: Self::PLAIN.ids,
                revisions: Self::PLAIN.revisions,
                ..self
            },
            Self {
                folder_revisions: Self::PLAIN.folder_revisions,
                ..self
            },
            Self {
                hash: Self::PLAIN.hash,
                ..self
            },
        ];
        let mut plain = Self::PLAIN;
        for (_, switch) in Self::SWITCHES {
            let mut other = self;
            *switch(&mut other) = *switch(&mut plain);
            all.push(other);
        }
        all
    }

    /// Sets what has this name. `None` if there is no such thing.
    pub(super) fn switch(&mut self, name: &str, value: bool) -> Option<()> {
        let (_, switch) = Self::SWITCHES.iter().find(|(known, _)| *known == name)?;
        *switch(self) = value;
        Some(())
    }

    /// A choice.
    #[must_use]
    pub fn draw(rng: &mut Rng) -> Self {
        // Stores without folders of their own compare names as they are and reuse no ids.
        let empty_folders = rng.chance(92);
        let ids = if empty_folders {
            *rng.pick(&[Ids::None, Ids::Hint, Ids::Strong])
        } else {
            *rng.pick(&[Ids::None, Ids::Strong])
        };
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
            folds_case: rng.chance(30) && empty_folders,
            folds_unicode: rng.chance(20) && empty_folders,
            strict_names: rng.chance(20),
            small_files: rng.chance(5),
            empty_folders,
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
        let (mut this, mut plain) = (*self, Self::PLAIN);
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
        for (name, switch) in Self::SWITCHES {
            if switch(&mut this) != switch(&mut plain) {
                words.push(format!("{name}={}", switch(&mut this)));
            }
        }
        f.write_str(&words.join(" "))
    }
}
