//! What a folder's file system can do: asked of it, without writing where that is possible.

use tandem_core::capabilities::{
    AtomicWrite, Capabilities, CaseRule, Conditions, Ids, ListingConsistency, NameRules,
    UnicodeRule,
};

use crate::naming::Naming;
use crate::sys::{Features, Folder};

/// What was found out about a file system.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Traits {
    pub(crate) features: Features,
    pub(crate) naming: Naming,
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
            naming: Naming {
                folds_case: false,
                folds_form: false,
                strips_period: false,
                strips_space: false,
                windows_devices: false,
            },
            time_step: 10_000_000,
            mtime_step: 1,
        }
    }

    /// What can be said of `folder` without writing to it.
    pub(crate) fn of(folder: &Folder, features: Features) -> Self {
        let time_step = folder.time_step();
        Self {
            features,
            naming: Naming::of(folder),
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
    let (features, naming) = (traits.features, traits.naming);
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
        case: if naming.folds_case {
            CaseRule::Insensitive
        } else {
            CaseRule::Sensitive
        },
        unicode: if naming.folds_form {
            UnicodeRule::Folding
        } else {
            UnicodeRule::Exact
        },
        names: NameRules {
            no_trailing_period: naming.strips_period,
            no_trailing_space: naming.strips_space,
            no_windows_devices: naming.windows_devices,
            longest_name: Some(255),
            ..NameRules::default()
        },
        empty_folders: true,
        ranges: true,
        ..Capabilities::least()
    }
}
