//! The command line.

use std::path::PathBuf;

use clap::Parser;

/// Given by the desktop's autostart entry.
pub(crate) const AT_LOGIN: &str = "--at-login";

/// The tray application of Tandem.
#[derive(Debug, Parser)]
#[command(name = "tandem-desktop", version, about)]
pub(crate) struct Arguments {
    /// The folder of the profile
    #[arg(long, value_name = "DIR")]
    pub(crate) profile: Option<PathBuf>,
    /// Started with the session: opens no window if that was chosen
    #[arg(long)]
    pub(crate) at_login: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_autostart_entry_is_understood() {
        let arguments = Arguments::try_parse_from(["tandem-desktop", AT_LOGIN]).unwrap();
        assert!(arguments.at_login && arguments.profile.is_none());
    }
}
