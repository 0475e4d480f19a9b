//! The settings of the window and of what a person is told. They lie in the profile, beside `config.toml`.

use serde::{Deserialize, Serialize};
use tandem_service::profile::Profile;

/// The file's name in the profile.
const FILE: &str = "desktop.toml";

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub(crate) enum Appearance {
    /// As the desktop.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// The language of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub(crate) enum Language {
    /// English.
    #[default]
    En,
    /// German.
    De,
}

/// The panel that shows the tray's icon. No desktop tells which colour it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub(crate) enum Panel {
    /// Dark, as on most desktops.
    #[default]
    Dark,
    /// Light.
    Light,
}

/// What a person chose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(default)]
pub(crate) struct Settings {
    /// Light or dark.
    pub(crate) appearance: Appearance,
    /// The language.
    pub(crate) language: Language,
    /// For which panel the tray's icon is drawn.
    pub(crate) panel: Panel,
    /// Whether only the tray icon shows when it starts with the session.
    pub(crate) start_hidden: bool,
    /// Whether a notification says that something needs a person.
    pub(crate) notify_needs_you: bool,
    /// Whether one says that a first sync is finished.
    pub(crate) notify_first_sync: bool,
    /// Whether one says that a pair stopped.
    pub(crate) notify_stopped: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            appearance: Appearance::default(),
            language: Language::default(),
            panel: Panel::default(),
            start_hidden: true,
            notify_needs_you: true,
            notify_first_sync: true,
            notify_stopped: true,
        }
    }
}

impl Settings {
    /// Those in `profile`. What cannot be read is as if nothing was chosen: nothing depends on them but looks.
    #[must_use]
    pub(crate) fn load(profile: &Profile) -> Self {
        let text = profile.read(FILE).ok().flatten();
        let text = text.and_then(|content| String::from_utf8(content).ok());
        text.and_then(|text| toml::from_str(&text).ok())
            .unwrap_or_default()
    }

    /// Writes them into `profile`.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn save(&self, profile: &Profile) -> std::io::Result<()> {
        let text = toml::to_string(self).map_err(std::io::Error::other)?;
        profile.write(FILE, text.as_bytes())
    }
}

/// The settings and what the page shows beside them.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct SettingsView {
    /// What a person chose.
    pub(crate) settings: Settings,
    /// Whether it starts with the session.
    pub(crate) autostart: bool,
    /// The program's version.
    pub(crate) version: String,
    /// The profile's folder.
    pub(crate) profile: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_kept_and_what_cannot_be_read_is_as_if_nothing_was_chosen() {
        let scratch = tempfile::tempdir().unwrap();
        let profile = Profile::open(scratch.path()).unwrap();
        assert_eq!(Settings::load(&profile), Settings::default());
        let chosen = Settings {
            appearance: Appearance::Dark,
            start_hidden: false,
            ..Settings::default()
        };
        chosen.save(&profile).unwrap();
        assert_eq!(Settings::load(&profile), chosen);
        profile.write(FILE, b"appearance = 7").unwrap();
        assert_eq!(Settings::load(&profile), Settings::default());
    }
}
