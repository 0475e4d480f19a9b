//! `tandem storage ...`

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum StorageCommand {
    /// The types there are, and what each needs
    Types,
    /// The storages there are
    List,
    /// One storage: what it can do, how it is
    Show {
        /// Its name
        name: String,
    },
    /// Write, read back and remove a scratch object, and find out what the storage can do
    Test {
        /// Its name
        name: String,
    },
    /// Switch a storage on
    Enable {
        /// Its name
        name: String,
    },
    /// Switch a storage off; its pairs pause
    Disable {
        /// Its name
        name: String,
    },
    /// Give a storage another name
    Rename {
        /// Its name
        name: String,
        /// The new one
        new: String,
    },
    /// Forget a storage and its secrets; nothing on it is touched
    Remove {
        /// Its name
        name: String,
    },
    /// Add a storage
    Add {
        /// Its name: two or more of a to z, 0 to 9 and "-"
        name: String,
        /// Its type, from `tandem storage types`
        #[arg(long = "type", value_name = "TYPE")]
        type_name: String,
        #[command(flatten)]
        values: Values,
    },
    /// Change a storage
    Edit {
        /// Its name
        name: String,
        #[command(flatten)]
        values: Values,
    },
    /// Sign in to a storage anew, by the browser
    Login {
        /// Its name
        name: String,
        /// Show a code to enter on another device
        #[arg(long)]
        device: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Values {
    /// What you call it
    #[arg(long, value_name = "L")]
    pub(crate) label: Option<String>,
    /// A setting of its type
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_and_value)]
    pub(crate) set: Vec<(String, String)>,
    /// A secret of its type: one line each on the standard input, or a prompt
    #[arg(long, value_name = "KEY")]
    pub(crate) secret: Vec<String>,
    /// Save it without testing it
    #[arg(long)]
    pub(crate) no_test: bool,
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("it is not of the form KEY=VALUE".to_owned()),
    }
}
