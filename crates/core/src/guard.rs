//! Guards: rules that stop actions until a person decides (DESIGN 5.4).
//!
//! Pure checks over counts and facts that planner and engine supply. What trips becomes a [`Hold`]; a
//! person's [`Approval`] lets exactly what was held, or less, pass.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::entry::Revision;
use crate::path::RelPath;
use crate::storage::{Expected, RootIdentity};

/// A digest that is the same in every run, build and version: FNV-1a with 64 bits, over the bytes given.
///
/// Text and byte strings are preceded by their length, so that `ab`, `c` and `a`, `bc` differ. It tells
/// things apart; it proves nothing against someone who looks for collisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest(u64);

impl Digest {
    /// The digest of nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self(0xCBF2_9CE4_8422_2325)
    }

    /// With `bytes` as they are.
    #[must_use]
    pub const fn raw(mut self, bytes: &[u8]) -> Self {
        let mut at = 0;
        while at < bytes.len() {
            self.0 = (self.0 ^ bytes[at] as u64).wrapping_mul(0x0100_0000_01B3);
            at += 1;
        }
        self
    }

    /// With a number.
    #[must_use]
    pub const fn number(self, number: u64) -> Self {
        self.raw(&number.to_le_bytes())
    }

    /// With text, its length first.
    #[must_use]
    pub const fn text(self, text: &str) -> Self {
        self.number(text.len() as u64).raw(text.as_bytes())
    }

    /// The value.
    #[must_use]
    pub const fn value(self) -> u64 {
        self.0
    }
}

impl Default for Digest {
    fn default() -> Self {
        Self::new()
    }
}

/// The digest of one held thing: what is done (`delete`, or the name of a guard), to which path, and what
/// is expected there. Another revision is another thing, so an approval does not outlive an edit.
#[must_use]
pub fn item_digest(path: &RelPath, action: &str, expected: &Expected) -> u64 {
    let digest = Digest::new().text(path.as_str()).text(action);
    match expected {
        Expected::Absent => digest.number(0),
        Expected::Any => digest.number(1),
        Expected::Revision(Revision::None) => digest.number(2),
        Expected::Revision(Revision::Tag(tag)) => digest.number(3).text(tag),
        Expected::Revision(Revision::Fingerprint {
            ctime,
            device,
            inode,
            mtime,
            size,
        }) => digest
            .number(4)
            .number(ctime.cast_unsigned())
            .number(*device)
            .number(*inode)
            .number(mtime.cast_unsigned())
            .number(*size),
    }
    .value()
}

/// A rule that holds a whole pair, or in the case of [`Guard::MassDelete`] and
/// [`Guard::FirstMirrorDeletes`] its deletes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Guard {
    /// Many items would be deleted.
    MassDelete,
    /// Nearly everything on one side was edited in one pass.
    EverythingChanged,
    /// A side shows an older state than before, as after a restore from a backup.
    BackInTime,
    /// A root is not there.
    RootMissing,
    /// A root is another folder, or on another volume, than the pair was made with.
    RootReplaced,
    /// A root is empty, and nothing shows that it is the right one.
    RootEmpty,
    /// Conflict copies pile up.
    ConflictCopies,
    /// A side has less free space than is to be left.
    FreeSpace,
    /// What is to be set aside does not fit under the size limit of the versions, unless ones that must stay go.
    VersionsFull,
    /// The first pass of a mirror would remove items that the following side has of its own.
    FirstMirrorDeletes,
}

impl Guard {
    /// Every guard.
    pub const ALL: &'static [Self] = &[
        Self::MassDelete,
        Self::EverythingChanged,
        Self::BackInTime,
        Self::RootMissing,
        Self::RootReplaced,
        Self::RootEmpty,
        Self::ConflictCopies,
        Self::FreeSpace,
        Self::VersionsFull,
        Self::FirstMirrorDeletes,
    ];

    /// The name used in JSON and in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MassDelete => "mass_delete",
            Self::EverythingChanged => "everything_changed",
            Self::BackInTime => "back_in_time",
            Self::RootMissing => "root_missing",
            Self::RootReplaced => "root_replaced",
            Self::RootEmpty => "root_empty",
            Self::ConflictCopies => "conflict_copies",
            Self::FreeSpace => "free_space",
            Self::VersionsFull => "versions_full",
            Self::FirstMirrorDeletes => "first_mirror_deletes",
        }
    }

    /// Whether only the deletes are held and all else goes on.
    #[must_use]
    pub const fn holds_deletes_only(self) -> bool {
        matches!(self, Self::MassDelete | Self::FirstMirrorDeletes)
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a hold stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldKind {
    /// The deletes that this guard covers; the rest of the pair goes on.
    Deletes(Guard),
    /// The pair.
    Pair(Guard),
}

impl HoldKind {
    /// What `guard` holds.
    #[must_use]
    pub const fn of(guard: Guard) -> Self {
        if guard.holds_deletes_only() {
            Self::Deletes(guard)
        } else {
            Self::Pair(guard)
        }
    }

    /// The guard that tripped.
    #[must_use]
    pub const fn guard(self) -> Guard {
        match self {
            Self::Deletes(guard) | Self::Pair(guard) => guard,
        }
    }
}

/// Names a hold for as long as what it holds stays the same: 16 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HoldId(pub u64);

/// Text that is no [`HoldId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a hold is named by 16 hexadecimal digits")]
pub struct BadHoldId;

impl fmt::Display for HoldId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for HoldId {
    type Err = BadHoldId;
    fn from_str(text: &str) -> Result<Self, BadHoldId> {
        if text.len() != 16 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(BadHoldId);
        }
        u64::from_str_radix(text, 16)
            .map(Self)
            .map_err(|_| BadHoldId)
    }
}

impl Serialize for HoldId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HoldId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// What a guard saw, for the person who decides: counts and words by name (`deletes`, `base_items`).
pub type Evidence = BTreeMap<String, Fact>;

/// One value of the evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Fact {
    /// A count, or bytes.
    Number(u64),
    /// A word, a path, an identity.
    Text(String),
}

impl From<u64> for Fact {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Fact {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// What a guard stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Its name: a digest of kind and items, not of the evidence, which may count on while nothing changes.
    pub id: HoldId,
    /// What is stopped, and by which guard.
    pub kind: HoldKind,
    /// The digests ([`item_digest`]) of what is held; for a pair, of what the guard saw.
    pub items: BTreeSet<u64>,
    /// What the guard saw, in figures.
    pub evidence: Evidence,
}

impl Hold {
    /// What `guard` stops.
    #[must_use]
    pub fn new(guard: Guard, items: BTreeSet<u64>, evidence: Evidence) -> Self {
        let id = items
            .iter()
            .fold(Digest::new().text(guard.name()), |digest, item| {
                digest.number(*item)
            });
        Self {
            id: HoldId(id.value()),
            kind: HoldKind::of(guard),
            items,
            evidence,
        }
    }
}

/// What a person let pass: exactly these, or less.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Approval {
    /// The digests of what was held when the person looked.
    pub digests: BTreeSet<u64>,
}

impl Approval {
    /// Of everything that `hold` shows.
    #[must_use]
    pub fn of(hold: &Hold) -> Self {
        Self {
            digests: hold.items.clone(),
        }
    }

    /// Whether all of `held` was approved.
    #[must_use]
    pub fn covers(&self, held: &BTreeSet<u64>) -> bool {
        held.is_subset(&self.digests)
    }

    /// What of `held` was not approved, and is held anew.
    #[must_use]
    pub fn remainder(&self, held: &BTreeSet<u64>) -> BTreeSet<u64> {
        held.difference(&self.digests).copied().collect()
    }
}

/// When the guards trip. Counts are of items, times of one sliding hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GuardSettings {
    /// So many deletes that are also `delete_percent` of the base are held.
    pub deletes: u64,
    /// See `deletes`.
    pub delete_percent: u64,
    /// So many deletes are held, however large the base is.
    pub deletes_at_most: u64,
    /// Deleting everything is held from so many items on.
    pub delete_all: u64,
    /// So many edits in one pass on one side that are also `edit_percent` of its items hold the pair.
    pub edits: u64,
    /// See `edits`.
    pub edit_percent: u64,
    /// So many items that took content the journal knows as older hold the pair.
    pub older_items: u64,
    /// More conflict copies of one file than this hold the pair.
    pub conflict_copies_of_one: u64,
    /// So many new conflict copies in an hour hold the pair.
    pub conflict_copies_an_hour: u64,
    /// Bytes that are to stay free.
    pub free_space: u64,
}

impl Default for GuardSettings {
    fn default() -> Self {
        Self {
            deletes: 50,
            delete_percent: 25,
            deletes_at_most: 10_000,
            delete_all: 5,
            edits: 50,
            edit_percent: 75,
            older_items: 25,
            conflict_copies_of_one: 20,
            conflict_copies_an_hour: 200,
            free_space: 100 * 1024 * 1024,
        }
    }
}

impl GuardSettings {
    /// Tighter, for a root whose identity is weak (DESIGN 5.7): nothing tells a swapped disk from a person
    /// who cleans up. A fifth of the deletes, edits or older items is enough, a third of the share of deletes, half
    /// of that of edits, and half of the items of which all may not go.
    #[must_use]
    pub const fn for_weak_root(self) -> Self {
        Self {
            deletes: self.deletes.div_ceil(5),
            delete_percent: self.delete_percent.div_ceil(3),
            deletes_at_most: self.deletes_at_most.div_ceil(5),
            delete_all: self.delete_all.div_ceil(2),
            edits: self.edits.div_ceil(5),
            edit_percent: self.edit_percent.div_ceil(2),
            older_items: self.older_items.div_ceil(5),
            ..self
        }
    }
}

/// Whether `count` is at least `percent` of `whole`.
const fn is_share(count: u64, percent: u64, whole: u64) -> bool {
    count as u128 * 100 >= percent as u128 * whole as u128
}

/// Whether the deletes of a plan are held.
///
/// `deletes_in_plan` are net of moves. `deletes_last_hour` were executed in the last hour
/// without an approval; they count with the plan's, so that a mass delete that trickles in is seen, and the
/// base is taken as it was before them. `base_items` is the base as it is now.
#[must_use]
pub const fn mass_delete(
    settings: &GuardSettings,
    deletes_in_plan: u64,
    deletes_last_hour: u64,
    base_items: u64,
) -> bool {
    if deletes_in_plan == 0 {
        return false;
    }
    let deletes = deletes_in_plan.saturating_add(deletes_last_hour);
    let base = base_items.saturating_add(deletes_last_hour);
    deletes >= settings.deletes_at_most
        || deletes >= settings.deletes && is_share(deletes, settings.delete_percent, base)
        || deletes >= settings.delete_all && deletes >= base
}

/// Whether a pass in which `edited` of a side's `items` have other content than before holds the pair.
#[must_use]
pub const fn everything_changed(settings: &GuardSettings, edited: u64, items: u64) -> bool {
    edited > 0 && edited >= settings.edits && is_share(edited, settings.edit_percent, items)
}

/// Whether a side went back in time: its ordered cursor or generation went down, or `older_items` took
/// content that the journal knows as older.
#[must_use]
pub const fn back_in_time(
    settings: &GuardSettings,
    cursor_went_down: bool,
    older_items: u64,
) -> bool {
    cursor_went_down || older_items > 0 && older_items >= settings.older_items
}

/// Whether conflict copies pile up: `most_of_one` is the largest number of copies of one file, with those
/// of the plan; `new_last_hour` the copies made in the last hour and those of the plan.
#[must_use]
pub const fn conflict_copies(
    settings: &GuardSettings,
    most_of_one: u64,
    new_last_hour: u64,
) -> bool {
    most_of_one > settings.conflict_copies_of_one
        || new_last_hour > 0 && new_last_hour >= settings.conflict_copies_an_hour
}

/// Whether writing `incoming` bytes would leave less free than is to stay. A side that does not say how
/// much is `free`, and a plan that writes nothing, are not held.
#[must_use]
pub const fn free_space(settings: &GuardSettings, free: Option<u64>, incoming: u64) -> bool {
    match free {
        Some(free) => incoming > 0 && free < settings.free_space.saturating_add(incoming),
        None => false,
    }
}

/// Whether setting `incoming` bytes aside takes the versions of a side beyond their limit. `staying` bytes are of
/// versions that may not be pruned yet, or never (P1). A plan that sets nothing aside is not held.
#[must_use]
pub const fn versions_full(limit: Option<u64>, staying: u64, incoming: u64) -> bool {
    match limit {
        Some(limit) => incoming > 0 && staying.saturating_add(incoming) > limit,
        None => false,
    }
}

/// Whether the deletes of a mirror's first pass are held: the following side has `own_items` that the
/// leading one has not (DESIGN 5.1).
#[must_use]
pub const fn first_mirror_deletes(first_pass: bool, own_items: u64) -> bool {
    first_pass && own_items > 0
}

/// What is wrong with a root, if anything.
///
/// `expected` is the identity the pair was made with (`None` before its first pass), `found` what is there
/// now (`None`: no such folder). A root that was known and now shows no identity is another root: its marker
/// may have been left behind on the disk that is not mounted. That a root is empty is seen only when it was
/// listed, and is no matter of this guard.
#[must_use]
pub fn root_guard(expected: Option<&RootIdentity>, found: Option<&RootIdentity>) -> Option<Guard> {
    let Some(found) = found else {
        return Some(Guard::RootMissing);
    };
    let expected = expected?;
    let moved = matches!(
        (&expected.volume, &found.volume),
        (Some(was), Some(is)) if was != is
    );
    (moved || found.identity != expected.identity).then_some(Guard::RootReplaced)
}

#[cfg(test)]
mod tests;
