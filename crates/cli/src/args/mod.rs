//! The command line (DESIGN 7).

mod pair;
mod storage;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

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
    /// Storages, pairs and settings as a file, without secrets
    #[command(subcommand)]
    Config(ConfigCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Write it into a file, or print it
    Export {
        /// A new file
        file: Option<PathBuf>,
    },
    /// Add the storages and pairs of a file, and settings that nobody chose here
    Import {
        /// What was exported
        file: PathBuf,
    },
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

/// Bytes as a person writes them: `500`, `20kB`, `6.4 GB`, `5MiB`.
pub(crate) fn size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let at = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "t" | "tb" => 1_000_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        _ => return Err("it is no size such as 500, 20kB or 6.4GB".to_owned()),
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let bad = || "it is no size such as 500, 20kB or 6.4GB".to_owned();
    let whole: u64 = whole.parse().map_err(|_| bad())?;
    let mut bytes = whole.checked_mul(factor).ok_or_else(bad)?;
    let mut step = factor;
    for digit in part.chars() {
        step /= 10;
        let more = u64::from(digit.to_digit(10).ok_or_else(bad)?) * step;
        bytes = bytes.checked_add(more).ok_or_else(bad)?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, bytes) in [
            ("500", 500),
            ("20kB", 20_000),
            ("6.4 GB", 6_400_000_000),
            ("5MiB", 5 << 20),
            ("1.5k", 1_500),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "x", "1x", "-1", "99999999999TB", "18446744073709551.9k"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
