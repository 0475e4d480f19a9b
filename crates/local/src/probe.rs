//! What a folder's file system can do: asked of it, without writing where that is possible.

use std::ops::ControlFlow;

use tandem_core::capabilities::{
    AtomicWrite, Capabilities, CaseRule, Conditions, Ids, ListingConsistency, NameRules,
    UnicodeRule,
};
use tandem_core::path::Name;

use crate::sys::{Features, Folder, Type};

/// What was found out about a file system.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Traits {
    pub(crate) features: Features,
    pub(crate) folds_case: bool,
    /// The shortest time, in nanoseconds, in which the times of two changes differ.
    pub(crate) time_step: u64,
    /// Steps, in nanoseconds, in which an mtime that was set is kept.
    pub(crate) mtime_step: u64,
}

impl Traits {
    /// What almost every disk has.
    pub(crate) const fn usual(features: Features) -> Self {
        Self {
            features,
            folds_case: false,
            time_step: 10_000_000,
            mtime_step: 1,
        }
    }

    /// What can be said of `folder` without writing to it.
    pub(crate) fn of(folder: &Folder, features: Features) -> Self {
        let time_step = folder.time_step();
        Self {
            features,
            folds_case: folds_case(folder),
            time_step,
            // A tick is no step of what is kept; whole seconds are.
            mtime_step: if time_step < 1_000_000_000 {
                1
            } else {
                time_step
            },
        }
    }
}

/// What a disk with `traits` can do.
pub(crate) fn capabilities(traits: Traits) -> Capabilities {
    let features = traits.features;
    Capabilities {
        ids: Ids::Hint,
        cheap_reads: true,
        waiting: true,
        listing: ListingConsistency::Strong,
        revision_granularity: traits.time_step,
        conditions: Conditions {
            create: features.no_replace || features.links,
            replace: features.exchange,
            // There are no parts; what was staged in pieces is committed like all else.
            finish_multipart: features.exchange,
            copy: features.exchange,
            move_: features.no_replace,
            delete: features.no_replace,
        },
        atomic_move: true,
        folder_move: true,
        server_copy: true,
        atomic_write: AtomicWrite::Yes,
        versions: true,
        mtime: true,
        mtime_precision: traits.mtime_step,
        executable: true,
        symlinks: true,
        case: if traits.folds_case {
            CaseRule::Insensitive
        } else {
            CaseRule::Sensitive
        },
        unicode: UnicodeRule::Exact,
        names: NameRules {
            longest_name: Some(255),
            ..NameRules::default()
        },
        empty_folders: true,
        ranges: true,
        ..Capabilities::least()
    }
}

/// Whether `a` and `A` are one name in `folder`: found out with a name that is there, else what the file
/// system says of itself.
pub(crate) fn folds_case(folder: &Folder) -> bool {
    let mut room = Vec::with_capacity(32 * 1024);
    let mut sample = None;
    let looked = folder.for_each_name(&mut room, |raw, _| {
        let name = raw.to_str().ok().and_then(|text| Name::new(text).ok());
        match name {
            Some(name) if other_case(name.as_str()) != name.as_str() => {
                sample = Some(name);
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        }
    });
    match (looked, sample) {
        (Ok(_), Some(name)) => is_one_name(folder, name.as_str()),
        _ => folder.says_case_insensitive(),
    }
}

/// Whether `name` is found in the other case too. Where both are found, they are one file with one name.
pub(crate) fn is_one_name(folder: &Folder, name: &str) -> bool {
    match (folder.stat(name), folder.stat(&other_case(name))) {
        (Ok(Some(one)), Ok(Some(other))) => {
            // A folder has one name, whatever its count of links says.
            one.is_same_file(&other) && (one.kind == Type::Folder || one.links < 2)
        }
        _ => false,
    }
}

fn other_case(name: &str) -> String {
    let turn = |c: char| {
        if c.is_ascii_lowercase() {
            c.to_ascii_uppercase()
        } else {
            c.to_ascii_lowercase()
        }
    };
    name.chars().map(turn).collect()
}
