//! `tandem pair ...`

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tandem_core::policy::{Compare, ConflictPolicy, FirstSync, Mode};
use tandem_service::size_text::parse as size;

#[derive(Debug, Subcommand)]
pub(crate) enum PairCommand {
    /// Keep two folders in step
    Add {
        /// Its name: two or more of a to z, 0 to 9 and "-"
        name: String,
        /// A path, or STORAGE:PATH
        source: String,
        /// A path, or STORAGE:PATH
        destination: String,
        #[command(flatten)]
        flags: Box<PairFlags>,
    },
    /// The pairs there are
    List,
    /// One pair with its options
    Show {
        /// Its name
        name: String,
    },
    /// What holds for a pair, by what its two ends can do
    Guarantees {
        /// Its name
        name: String,
    },
    /// Change a pair; an end can move without anything being sent again
    Edit {
        /// Its name
        name: String,
        /// Another name
        #[arg(long = "name", value_name = "NEW")]
        rename: Option<String>,
        /// Where the source is now
        #[arg(long, value_name = "LOCATION")]
        source: Option<String>,
        /// Where the destination is now
        #[arg(long, value_name = "LOCATION")]
        destination: Option<String>,
        #[command(flatten)]
        flags: Box<PairFlags>,
    },
    /// Pause a pair
    Pause {
        /// Its name
        name: String,
        /// Until when: a time (14:02, tomorrow) or a length (30m); until resumed, if not given
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
    },
    /// Go on with a pair, also one that waits for another connection or for power
    Resume {
        /// Its name
        name: String,
    },
    /// Forget a pair; the files on both sides stay as they are
    Remove {
        /// Its name
        name: String,
    },
}

/// A pair's options, each left as it is if it is not given.
#[derive(Debug, Default, Args)]
pub(crate) struct PairFlags {
    /// two-way, source-to-destination, source-backup, destination-to-source, destination-backup
    #[arg(long, value_name = "M")]
    mode: Option<Mode>,
    /// How equality is found without a common past: hash-then-mtime, hash-only, size-only, mtime-only, size-and-mtime
    #[arg(long, value_name = "C")]
    compare: Option<Compare>,
    /// merge, source-wins, destination-wins
    #[arg(long, value_name = "F")]
    first_sync: Option<FirstSync>,
    /// keep-both, newest-wins, source-wins, destination-wins, larger-wins, manual, merge
    #[arg(long, value_name = "P")]
    conflict: Option<ConflictPolicy>,
    /// Leave out what matches, in gitignore syntax
    #[arg(long, value_name = "PATTERN")]
    ignore: Vec<String>,
    /// Leave out nothing by a pattern of the pair any more
    #[arg(long, conflicts_with = "ignore")]
    no_ignore: bool,
    /// Carry only this subfolder
    #[arg(long, value_name = "FOLDER")]
    only: Vec<String>,
    /// Carry all subfolders again
    #[arg(long, conflicts_with = "only")]
    no_only: bool,
    /// Whether names that begin with a full stop are carried
    #[arg(long, value_name = "true|false")]
    hidden: Option<bool>,
    /// Whether system junk, lock files and unfinished downloads are left out
    #[arg(long, value_name = "true|false")]
    default_ignores: Option<bool>,
    /// Leave out larger files (such as 2GB)
    #[arg(long, value_name = "SIZE", value_parser = size)]
    max_size: Option<u64>,
    /// Leave out smaller files
    #[arg(long, value_name = "SIZE", value_parser = size)]
    min_size: Option<u64>,
    /// Leave out files changed longer ago (such as 30d)
    #[arg(long, value_name = "LENGTH", value_parser = length)]
    max_age: Option<u64>,
    /// Leave out files changed more recently
    #[arg(long, value_name = "LENGTH", value_parser = length)]
    min_age: Option<u64>,
    /// Transfers at a time
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=64))]
    transfers: Option<u64>,
    /// Moves, deletes and the like at a time
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=64))]
    operations: Option<u64>,
    /// Bytes a second to the destination (such as 2MB); 0 is unlimited
    #[arg(long, value_name = "RATE", value_parser = size)]
    upload: Option<u64>,
    /// Bytes a second from the destination; 0 is unlimited
    #[arg(long, value_name = "RATE", value_parser = size)]
    download: Option<u64>,
    /// How often to look at a side that reports no changes by itself (such as 5m)
    #[arg(long, value_name = "LENGTH", value_parser = length)]
    interval: Option<u64>,
    /// How often everything is listed, however complete reports of changes seem (7d if not given)
    #[arg(long, value_name = "LENGTH", value_parser = length)]
    full_look: Option<u64>,
    /// Whether ordinary edits and deletes leave a version
    #[arg(long, value_name = "true|false")]
    versions: Option<bool>,
    /// For how many days versions are kept
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    version_days: Option<u32>,
    /// Up to how many bytes versions are kept on each side; 0 is unlimited
    #[arg(long, value_name = "SIZE", value_parser = size)]
    version_size: Option<u64>,
    /// So many deletes at once ask you first
    #[arg(long, value_name = "N")]
    guard_deletes: Option<u64>,
    /// So many percent of all items deleted at once ask you first
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100))]
    guard_delete_percent: Option<u64>,
    /// Room that is to stay free (such as 1GB)
    #[arg(long, value_name = "SIZE", value_parser = size)]
    guard_free_space: Option<u64>,
}

impl PairFlags {
    /// What was given, by JSON pointers into the options.
    pub(crate) fn changes(&self) -> BTreeMap<String, Value> {
        let unlimited = |n: u64| if n == 0 { Value::Null } else { json!(n) };
        let list = |list: &Vec<String>, none: bool| (none || !list.is_empty()).then(|| json!(list));
        let named = [
            ("/policy/mode", self.mode.map(|v| json!(v))),
            ("/policy/compare", self.compare.map(|v| json!(v))),
            ("/policy/first_sync", self.first_sync.map(|v| json!(v))),
            ("/policy/conflict", self.conflict.map(|v| json!(v))),
            ("/filter/patterns", list(&self.ignore, self.no_ignore)),
            ("/filter/chosen", list(&self.only, self.no_only)),
            ("/filter/hidden", self.hidden.map(|v| json!(v))),
            ("/filter/defaults", self.default_ignores.map(|v| json!(v))),
            ("/filter/max_size", self.max_size.map(unlimited)),
            ("/filter/min_size", self.min_size.map(unlimited)),
            ("/filter/max_age", self.max_age.map(unlimited)),
            ("/filter/min_age", self.min_age.map(unlimited)),
            ("/limits/transfers", self.transfers.map(|v| json!(v))),
            ("/limits/operations", self.operations.map(|v| json!(v))),
            ("/limits/upload", self.upload.map(unlimited)),
            ("/limits/download", self.download.map(unlimited)),
            ("/limits/interval", self.interval.map(|v| json!(v.max(1)))),
            ("/limits/full_look", self.full_look.map(|v| json!(v.max(1)))),
            ("/versions/keep", self.versions.map(|v| json!(v))),
            ("/versions/days", self.version_days.map(|v| json!(v))),
            ("/versions/largest_total", self.version_size.map(unlimited)),
            ("/guards/deletes", self.guard_deletes.map(|v| json!(v))),
            (
                "/guards/delete_percent",
                self.guard_delete_percent.map(|v| json!(v)),
            ),
            (
                "/guards/free_space",
                self.guard_free_space.map(|v| json!(v)),
            ),
        ];
        named
            .into_iter()
            .filter_map(|(at, value)| Some((at.to_owned(), value?)))
            .collect()
    }
}

fn length(text: &str) -> Result<u64, String> {
    tandem_service::time_text::parse_length(text)
        .and_then(|seconds| u64::try_from(seconds).ok())
        .ok_or_else(|| "it is no length such as 45s, 30m, 2h or 3d".to_owned())
}

#[cfg(test)]
mod tests {
    use tandem_engine::setup::PairOptions;

    use super::*;

    /// What the flags make of options that nobody chose.
    fn options(flags: &PairFlags) -> PairOptions {
        let mut value = json!(PairOptions::default());
        for (pointer, new) in flags.changes() {
            *value.pointer_mut(&pointer).unwrap() = new;
        }
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn every_flag_finds_its_option() {
        let flags = PairFlags {
            mode: Some(Mode::SourceBackup),
            compare: Some(Compare::SizeOnly),
            first_sync: Some(FirstSync::SourceWins),
            conflict: Some(ConflictPolicy::Manual),
            ignore: vec!["*.tmp".to_owned()],
            no_ignore: false,
            only: vec!["a/b".to_owned()],
            no_only: false,
            hidden: Some(false),
            default_ignores: Some(false),
            max_size: Some(5),
            min_size: Some(1),
            max_age: Some(9),
            min_age: Some(2),
            transfers: Some(2),
            operations: Some(3),
            upload: Some(1_000),
            download: Some(0),
            interval: Some(60),
            full_look: Some(86_400),
            versions: Some(false),
            version_days: Some(7),
            version_size: Some(10),
            guard_deletes: Some(11),
            guard_delete_percent: Some(12),
            guard_free_space: Some(13),
        };
        let made = options(&flags);
        assert_eq!(made.policy.mode, Mode::SourceBackup);
        assert_eq!(made.filter.patterns, ["*.tmp"]);
        assert_eq!(made.limits.full_look, 86_400);
        assert_eq!(
            (made.limits.upload, made.limits.download),
            (Some(1_000), None)
        );
        assert_eq!(made.versions.days, 7);
        assert_eq!(made.guards.free_space, 13);
        assert_eq!(options(&PairFlags::default()), PairOptions::default());
        let none = PairFlags {
            no_ignore: true,
            no_only: true,
            ..PairFlags::default()
        };
        let expected = [
            ("/filter/chosen".to_owned(), json!([])),
            ("/filter/patterns".to_owned(), json!([])),
        ];
        assert_eq!(none.changes(), BTreeMap::from(expected));
    }
}
