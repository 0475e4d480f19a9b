//! The command line.

use std::path::PathBuf;

use clap::Parser;

/// Given by the desktop's autostart entry.
pub(crate) const AT_LOGIN: &str = "--at-login";

/// Given to the window's process, with the page that it begins on.
pub(crate) const WINDOW: &str = "--window";

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
    /// A link of the scheme tandem, by which a browser brings the answer of a sign-in
    #[arg(value_name = "LINK")]
    pub(crate) link: Option<String>,
    /// The process of a window, for the program that starts it
    #[arg(long, value_name = "PAGE", hide = true)]
    pub(crate) window: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_windows_process_is_understood() {
        let arguments = Arguments::try_parse_from(["tandem-desktop", WINDOW, "held"]).unwrap();
        assert_eq!(arguments.window.as_deref(), Some("held"));
    }

    #[test]
    fn a_link_is_taken_as_it_is() {
        let link = "tandem://sign-in?code=x&state=--profile";
        let arguments = Arguments::try_parse_from(["tandem-desktop", link]).unwrap();
        assert_eq!(arguments.link.as_deref(), Some(link));
    }

    #[test]
    fn the_autostart_entry_is_understood() {
        let arguments = Arguments::try_parse_from(["tandem-desktop", AT_LOGIN]).unwrap();
        assert!(arguments.at_login && arguments.profile.is_none());
    }
}
