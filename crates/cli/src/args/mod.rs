//! The command line (DESIGN 7).

mod config;
mod pair;
mod storage;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use tandem_service::size_text::parse as size;

pub(crate) use config::ConfigCommand;
pub(crate) use pair::PairCommand;
pub(crate) use storage::{StorageCommand, Values};

/// Keeps folders in step: on this computer, on S3 and other storages.
#[derive(Debug, Parser)]
#[command(name = "tandem", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What holds for every command.
#[derive(Debug, Clone, Args)]
pub(crate) struct Global {
    /// The folder with everything Tandem knows
    #[arg(long, global = true, value_name = "DIR", overrides_with = "profile")]
    pub(crate) profile: Option<PathBuf>,
    /// Answer in JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Tell more on the error stream
    #[arg(long, short, global = true)]
    pub(crate) verbose: bool,
    /// Where secrets are kept; the file is unlocked by TANDEM_PASSPHRASE or a prompt
    #[arg(long, global = true, value_name = "STORE")]
    pub(crate) secret_store: Option<Store>,
}

/// Where secrets are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Store {
    /// The system's keyring
    Keyring,
    /// The encrypted file in the profile
    File,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Storages: where folders are
    #[command(subcommand)]
    Storage(StorageCommand),
    /// Show what a folder holds
    Ls {
        /// A path, or STORAGE:PATH
        location: String,
    },
    /// Copy a file or folder once, up, down or across
    Cp {
        /// A path, or STORAGE:PATH
        from: String,
        /// A path, or STORAGE:PATH; an existing folder gets the copy inside
        to: String,
        /// Replace what is there
        #[arg(long)]
        force: bool,
    },
    /// Pairs: two folders that are kept in step
    #[command(subcommand)]
    Pair(PairCommand),
    /// Show the plan with a reason for each action (of very many, the first 100,000); writes nothing
    Preview {
        /// Which pairs; all, if none is named
        pairs: Vec<String>,
    },
    /// One pass over each pair, then exit
    Sync {
        /// Which pairs; all, if none is named
        pairs: Vec<String>,
        /// Show what would be done
        #[arg(long)]
        dry_run: bool,
    },
    /// Keep all pairs in step until stopped
    Run,
    /// How the pairs are
    Status {
        /// Which pair; all, if none is named
        pair: Option<String>,
        /// Go on telling
        #[arg(long)]
        watch: bool,
        /// List everything that is not in step, why, and what to do
        #[arg(long)]
        problems: bool,
    },
    /// What waits for your decision
    Held {
        /// Which pair; all, if none is named
        pair: Option<String>,
    },
    /// Let what is held be carried out
    Approve {
        /// Its id, from `tandem held`
        hold: String,
    },
    /// Do not let it be carried out
    Reject {
        /// Its id, from `tandem held`
        hold: String,
        #[command(flatten)]
        how: RejectHow,
    },
    /// What was done
    Log {
        /// Which pair; all, if none is named
        pair: Option<String>,
        /// Only this path and what is below it
        #[arg(long)]
        path: Option<String>,
        /// Go on telling
        #[arg(long)]
        follow: bool,
        /// At most so many lines, the newest
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// Why a path is as it is
    Explain {
        /// A path in a pair
        path: String,
        /// Which pair
        #[arg(long)]
        pair: Option<String>,
    },
    /// What both sides changed
    Conflicts {
        /// Which pair; all, if none is named
        pair: Option<String>,
    },
    /// Decide a conflict; the version that loses is kept
    Resolve {
        /// Its id, from `tandem conflicts`
        id: String,
        /// Which version is used
        #[arg(long)]
        keep: Keep,
        /// The merged text, with --keep merged
        #[arg(long, value_name = "F", required_if_eq("keep", "merged"))]
        file: Option<PathBuf>,
    },
    /// Versions of a path that are kept
    Versions {
        /// A path in a pair
        path: String,
        /// Which pair
        #[arg(long)]
        pair: Option<String>,
    },
    /// Put a version back
    Restore {
        /// A path in a pair
        path: String,
        /// Its id, from `tandem versions`; the newest, if none is named
        #[arg(long, value_name = "V")]
        version: Option<String>,
        /// Which pair
        #[arg(long)]
        pair: Option<String>,
    },
    /// Undo an action, a run, or all since a time
    Undo {
        #[command(flatten)]
        what: UndoWhat,
        /// Which pair
        #[arg(long)]
        pair: Option<String>,
    },
    /// Compare both sides with what was recorded; says its cost first
    Verify {
        /// Which pair; all, if none is named
        pair: Option<String>,
        /// Read everything
        #[arg(long, conflicts_with = "sample")]
        deep: bool,
        /// Read so many, drawn at random
        #[arg(long, value_name = "N")]
        sample: Option<u64>,
        /// Stop after so many bytes (such as 500MB)
        #[arg(long, value_name = "N", value_parser = size)]
        limit_bytes: Option<u64>,
        /// Mend what has rotted from the good side
        #[arg(long)]
        repair: bool,
    },
    /// Look whether all that Tandem needs is well
    Doctor {
        /// Write what helpers need to know into this file: no secrets, and names of files and folders
        /// replaced by numbers, unless --verbose asks for them
        #[arg(long, value_name = "FILE")]
        bundle: Option<PathBuf>,
    },
    /// Run the planner and the engine against simulated storages
    Selftest {
        /// How many seeds
        #[arg(long, value_name = "N")]
        seeds: Option<u64>,
        /// The first of them; alone, just this one
        #[arg(long, value_name = "S")]
        seed: Option<u64>,
    },
    /// Storages, pairs and settings as a file, without secrets; the settings of all pairs together
    #[command(subcommand)]
    Config(ConfigCommand),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Keep {
    /// The source's
    Source,
    /// The destination's
    Destination,
    /// Both
    Both,
    /// The text in --file
    Merged,
}

#[derive(Debug, Clone, Copy, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct RejectHow {
    /// Bring back what was removed
    #[arg(long)]
    pub(crate) restore: bool,
    /// Leave it as it is on each side, and no longer carry it
    #[arg(long)]
    pub(crate) detach: bool,
    /// Pause the pair
    #[arg(long)]
    pub(crate) pause: bool,
}

#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct UndoWhat {
    /// An action, from `tandem log`
    pub(crate) action: Option<String>,
    /// A run, from `tandem log`
    #[arg(long)]
    pub(crate) run: Option<String>,
    /// A time (14:02, "2026-11-20 14:02") or a length (2h)
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }
}
