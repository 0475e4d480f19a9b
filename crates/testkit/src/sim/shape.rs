//! What a simulated storage is like: its capabilities, and the habits that the contract leaves open.
//! Invariant: whatever is drawn here is within the contract of `core::storage`.

use std::time::Duration;

use tandem_core::capabilities::{
    AtomicWrite, Capabilities, CaseRule, Conditions, Ids, ListingConsistency, NameRules, Parts,
    UnicodeRule,
};
use tandem_core::entry::HashKind;

use crate::seed::Rng;

/// The largest file that a storage with a limit takes: a little less than the largest that edits write.
const LARGEST: u64 = 16 * 1024;

/// How revisions come about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RevisionStyle {
    /// A counter that moves with every write.
    Counter,
    /// A counter that moves when content changes.
    ContentCounter,
    /// A hash of the content, as an etag can be: the same content has the same revision again.
    ContentHash,
    /// A file system's fingerprint.
    Fingerprint,
}

/// What a folder's revision follows, where it does not cover the subtree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FolderRevisions {
    /// Folders have none.
    None,
    /// Changes of the folder itself.
    Own,
    /// Changes among its own children too, as on a disk.
    Children,
}

/// Habits that no capability names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Habits {
    /// A crash with loss takes back what was not flushed.
    pub volatile: bool,
    /// How revisions come about.
    pub revisions: RevisionStyle,
    /// What a folder's revision follows.
    pub folder_revisions: FolderRevisions,
    /// Moving an item gives it another revision.
    pub move_gives_revision: bool,
    /// Replacing a file by `commit` gives it another id (never where ids are strong).
    pub replace_gives_id: bool,
    /// Writing to an existing name in another spelling takes the new spelling; else the old one stays
    /// and `landed_as` says so.
    pub respells: bool,
    /// The storage keeps every replaced or deleted content by itself.
    pub native_versions: bool,
    /// Without a condition, what was overwritten in the window is found afterwards (P7). If not, it is
    /// lost, and the oracle is told that this is the documented window.
    pub looks_after: bool,
    /// `stage` uploads; else `commit` sends the bytes.
    pub stages: bool,
    /// mtime and executable bit can be set without sending the content again.
    pub sets_meta: bool,
    /// Where a client cannot set the mtime, the upload time is shown (with `by_client: false`).
    pub shows_upload_time: bool,
    /// The feed names parents and removed items by id; else by path.
    pub feed_by_id: bool,
    /// The feed names the root by its id too, where it names parents by id.
    pub feed_root_by_id: bool,
    /// The feed tells of a folder that was moved, or comes back into view, and not of what lies in it: where
    /// parents are named by id nothing of that is another.
    pub feed_tells_folder_alone: bool,
    /// What the account has lost its access to is not shown, and asking for it finds nothing.
    pub hides_lost: bool,
    /// Lines in one answer of the feed.
    pub page: usize,
    /// Bytes in one piece of a read.
    pub chunk: u64,
    /// How long an eventual listing lags at most.
    pub lag: Duration,
    /// A marker can be written where ids are not strong.
    pub marker: bool,
    /// The volume it says it is on.
    pub volume: Option<String>,
}

impl Habits {
    /// The plainest habits that fit `capabilities`.
    #[must_use]
    pub fn plain(capabilities: &Capabilities) -> Self {
        let revisions = match (capabilities.revision_is_content, capabilities.ids) {
            (true, _) => RevisionStyle::ContentHash,
            (false, Ids::Hint) => RevisionStyle::Fingerprint,
            (false, _) => RevisionStyle::Counter,
        };
        Self {
            volatile: false,
            revisions,
            folder_revisions: FolderRevisions::None,
            move_gives_revision: false,
            replace_gives_id: capabilities.ids == Ids::Hint,
            respells: true,
            native_versions: false,
            looks_after: true,
            stages: true,
            sets_meta: true,
            shows_upload_time: true,
            feed_by_id: capabilities.ids == Ids::Strong,
            feed_root_by_id: false,
            feed_tells_folder_alone: false,
            hides_lost: false,
            page: 100,
            chunk: 64 * 1024,
            lag: Duration::from_secs(10),
            marker: true,
            volume: None,
        }
    }

    /// A choice that fits `capabilities`.
    #[must_use]
    pub fn draw(rng: &mut Rng, capabilities: &Capabilities) -> Self {
        // A part that is seen for a while would make a counter move, even back to the same content.
        let in_parts = capabilities.atomic_write == AtomicWrite::No;
        let revisions = match (capabilities.revision_is_content, capabilities.ids) {
            (true, _) if in_parts || rng.chance(50) => RevisionStyle::ContentHash,
            (true, _) => RevisionStyle::ContentCounter,
            (false, Ids::Hint) => RevisionStyle::Fingerprint,
            (false, _) => RevisionStyle::Counter,
        };
        let folder_revisions = [
            FolderRevisions::None,
            FolderRevisions::Own,
            FolderRevisions::Own,
            FolderRevisions::Children,
        ];
        Self {
            volatile: !capabilities.feed && rng.chance(60),
            revisions,
            folder_revisions: *rng.pick(&folder_revisions),
            move_gives_revision: !capabilities.revision_is_content && rng.chance(50),
            replace_gives_id: capabilities.ids == Ids::Hint && rng.chance(80),
            respells: rng.chance(60),
            native_versions: capabilities.versions && rng.chance(35),
            looks_after: rng.chance(90),
            stages: capabilities.parts.is_some() || rng.chance(70),
            sets_meta: rng.chance(75),
            shows_upload_time: rng.chance(70),
            feed_by_id: capabilities.ids == Ids::Strong && rng.chance(60),
            feed_root_by_id: false,
            feed_tells_folder_alone: false,
            hides_lost: false,
            page: 1 + rng.index(12),
            chunk: 16 << rng.below(7),
            lag: Duration::from_millis(rng.below(20_000)),
            marker: rng.chance(95),
            volume: rng.chance(30).then(|| "volume-1".to_owned()),
        }
    }
}

/// A choice of capabilities within the contract.
#[must_use]
pub fn draw_capabilities(rng: &mut Rng) -> Capabilities {
    let ids = *rng.pick(&[Ids::None, Ids::Hint, Ids::Strong]);
    let trash = rng.chance(50);
    let hashes: [&[HashKind]; 8] = [
        &[],
        &[],
        &[HashKind::Blake3],
        &[HashKind::Md5],
        &[HashKind::Sha1, HashKind::Sha256],
        &[HashKind::Crc32c],
        &[HashKind::Crc64Nvme],
        &[HashKind::Blake3, HashKind::Crc32c],
    ];
    Capabilities {
        ids,
        hashes: rng.pick(&hashes).to_vec(),
        cheap_reads: rng.chance(50),
        revision_is_content: rng.chance(25),
        feed: rng.chance(45),
        waiting: rng.chance(50),
        folder_revision_covers_subtree: rng.chance(30),
        listing: one_of(
            rng,
            20,
            ListingConsistency::Eventual,
            ListingConsistency::Strong,
        ),
        listing_lacks_meta: false,
        revision_granularity: draw_granularity(rng),
        conditions: draw_conditions(rng),
        // A move that is a copy and a delete makes another item: no store with ids does that.
        atomic_move: ids != Ids::None || rng.chance(50),
        folder_move: rng.chance(60),
        server_copy: rng.chance(60),
        range_copy: false,
        atomic_write: draw_atomic_write(rng),
        trash,
        recursive_trash: trash && rng.chance(50),
        versions: rng.chance(90),
        mtime: rng.chance(70),
        mtime_precision: *rng.pick(&[1, 1, 1_000_000, 1_000_000_000, 2_000_000_000]),
        executable: rng.chance(50),
        symlinks: rng.chance(50),
        case: one_of(rng, 35, CaseRule::Insensitive, CaseRule::Sensitive),
        unicode: one_of(rng, 30, UnicodeRule::Folding, UnicodeRule::Exact),
        names: draw_names(rng),
        largest_file: rng.chance(5).then_some(LARGEST),
        parts: draw_parts(rng),
        writes_per_name: None,
        twins: ids == Ids::Strong && rng.chance(20),
        empty_folders: rng.chance(92),
        ranges: rng.chance(80),
        mutates_content: rng.chance(12),
        quota: rng.chance(50),
        probed: None,
    }
}

fn one_of<T>(rng: &mut Rng, percent: u32, rare: T, usual: T) -> T {
    if rng.chance(percent) { rare } else { usual }
}

fn draw_granularity(rng: &mut Rng) -> u64 {
    match rng.below(100) {
        0..88 => 0,
        88..92 => 1_000_000,
        92..97 => 1_000_000_000,
        _ => 2_000_000_000,
    }
}

fn draw_conditions(rng: &mut Rng) -> Conditions {
    match rng.below(100) {
        0..35 => Conditions::ALL,
        35..50 => Conditions::default(),
        _ => Conditions {
            create: rng.chance(50),
            replace: rng.chance(50),
            finish_multipart: rng.chance(50),
            copy: rng.chance(50),
            move_: rng.chance(50),
            delete: rng.chance(50),
        },
    }
}

fn draw_atomic_write(rng: &mut Rng) -> AtomicWrite {
    match rng.below(10) {
        0..7 => AtomicWrite::Yes,
        7..9 => AtomicWrite::ByMove,
        _ => AtomicWrite::No,
    }
}

fn draw_names(rng: &mut Rng) -> NameRules {
    if rng.chance(40) {
        return NameRules::default();
    }
    NameRules {
        forbidden: (*rng.pick(&["", ":", "\"*:<>?\\|", "\\", "#%"])).to_owned(),
        no_control: rng.chance(50),
        no_trailing_space: rng.chance(50),
        no_trailing_period: rng.chance(50),
        no_leading_space: rng.chance(30),
        no_leading_period: false,
        no_windows_devices: rng.chance(30),
        longest_name: *rng.pick(&[None, Some(80), Some(143), Some(255)]),
        longest_path: *rng.pick(&[None, None, Some(400), Some(1_024)]),
    }
}

fn draw_parts(rng: &mut Rng) -> Option<Parts> {
    rng.chance(40).then(|| Parts {
        smallest: 64,
        largest: 1 << 20,
        most: 1_000,
        equal: rng.chance(50),
    })
}
