//! What commands and events carry beside the service's own answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tandem_core::path::RelPath;
use tandem_core::policy::{ConflictPolicy, FirstSync, Mode};
use tandem_engine::report::Rejection;
use tandem_engine::setup::PairOptions;
use tandem_service::answer::PairStatus;
use tandem_service::credentials::{Secrets, StoreKind};
use tandem_service::fault::{Failure, Fault};
use tandem_service::location::Location;
use tandem_service::secret::SecretText;

/// All pairs, and how they are.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct Overview {
    /// In one sentence.
    pub(crate) heading: String,
    /// The pairs.
    pub(crate) pairs: Vec<PairStatus>,
    /// The process that keeps the pairs in step, if it is another one.
    pub(crate) owner: Option<u32>,
    /// Why nothing can be said of the pairs.
    pub(crate) failure: Option<Failure>,
    /// Whether the pairs were looked at since the program started.
    pub(crate) is_known: bool,
}

/// For how long pairs are paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub(crate) enum PauseSpan {
    /// 30 minutes.
    HalfHour,
    /// One hour.
    Hour,
    /// To the end of the day.
    UntilTomorrow,
    /// Until a person resumes them.
    UntilResumed,
}

/// What is done instead of what was held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub(crate) enum Instead {
    /// What was removed is brought back.
    Restore,
    /// Everything stays as it is on each side.
    Detach,
    /// The pair is paused.
    Pause,
}

impl From<Instead> for Rejection {
    fn from(instead: Instead) -> Self {
        match instead {
            Instead::Restore => Self::Restore,
            Instead::Detach => Self::Detach,
            Instead::Pause => Self::Pause,
        }
    }
}

/// A folder on this computer.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct FolderView {
    /// Its absolute path.
    pub(crate) path: String,
    /// How many files and folders lie directly in it.
    pub(crate) entries: u64,
}

/// A storage to add or to change.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct StorageForm {
    /// Its name.
    pub(crate) name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub(crate) type_name: String,
    /// Its values.
    pub(crate) values: BTreeMap<String, String>,
    /// Its secrets; of a storage that is changed, those that are new.
    #[cfg_attr(test, ts(as = "BTreeMap<String, String>"))]
    pub(crate) secrets: Secrets,
    /// Where its secrets are kept from now on; where they are, or where those of new storages are, if nothing is said.
    pub(crate) store: Option<StoreKind>,
}

/// What opens the saved passwords. It is kept nowhere.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct Passphrase {
    /// As a person typed it.
    #[cfg_attr(test, ts(as = "String"))]
    pub(crate) text: SecretText,
}

/// A pair to make.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct NewPair {
    /// Its name.
    pub(crate) name: String,
    /// Its source.
    pub(crate) source: Location,
    /// Its destination.
    pub(crate) destination: Location,
    /// What was chosen.
    pub(crate) settings: PairSettings,
}

/// A pair as a person changes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct PairForm {
    /// Its name.
    pub(crate) name: String,
    /// Its source: a path, or `STORAGE:PATH`.
    pub(crate) source: String,
    /// Its destination.
    pub(crate) destination: String,
    /// What was chosen.
    pub(crate) settings: PairSettings,
}

/// What a person chooses for a pair. The rest is changed by the command line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct PairSettings {
    /// Which way changes go.
    pub(crate) mode: String,
    /// What happens where both sides changed.
    pub(crate) conflict: String,
    /// Who wins on the first sync.
    pub(crate) first_sync: String,
    /// Patterns of what is left out.
    pub(crate) patterns: Vec<String>,
    /// Whether system and lock files and unfinished downloads are left out.
    pub(crate) junk_out: bool,
    /// Whether names that begin with a full stop are carried.
    pub(crate) hidden: bool,
    /// The subfolders that are carried; all, if there is none.
    pub(crate) chosen: Vec<String>,
    /// Larger files are left out, in bytes.
    pub(crate) largest: Option<u64>,
    /// Files that were changed longer ago are left out, in seconds.
    pub(crate) oldest: Option<u64>,
    /// For how many days older versions are kept; not at all, if there is no number.
    pub(crate) version_days: Option<u32>,
    /// Bytes a second to the destination.
    pub(crate) upload: Option<u64>,
    /// Bytes a second from the destination.
    pub(crate) download: Option<u64>,
}

impl From<&PairOptions> for PairSettings {
    fn from(options: &PairOptions) -> Self {
        Self {
            mode: options.policy.mode.name().to_owned(),
            conflict: options.policy.conflict.name().to_owned(),
            first_sync: options.policy.first_sync.name().to_owned(),
            patterns: options.filter.patterns.clone(),
            junk_out: options.filter.defaults,
            hidden: options.filter.hidden,
            chosen: options
                .filter
                .chosen
                .iter()
                .map(RelPath::to_string)
                .collect(),
            largest: options.filter.max_size,
            oldest: options.filter.max_age,
            version_days: options.versions.keep.then_some(options.versions.days),
            upload: options.limits.upload,
            download: options.limits.download,
        }
    }
}

impl PairSettings {
    /// Puts what was chosen into a pair's options; the others stay.
    ///
    /// # Errors
    /// A choice that there is not, a subfolder that is none.
    pub(crate) fn put_into(self, options: &mut PairOptions) -> Result<(), Fault> {
        options.policy.mode = choice::<Mode>(&self.mode)?;
        options.policy.conflict = choice::<ConflictPolicy>(&self.conflict)?;
        options.policy.first_sync = choice::<FirstSync>(&self.first_sync)?;
        options.filter.patterns = self.patterns;
        options.filter.defaults = self.junk_out;
        options.filter.hidden = self.hidden;
        options.filter.chosen = self
            .chosen
            .iter()
            .map(|text| subfolder(text))
            .collect::<Result<_, _>>()?;
        options.filter.max_size = self.largest;
        options.filter.max_age = self.oldest;
        options.versions.keep = self.version_days.is_some();
        if let Some(days) = self.version_days {
            options.versions.days = days;
        }
        options.limits.upload = self.upload;
        options.limits.download = self.download;
        Ok(())
    }
}

fn subfolder(text: &str) -> Result<RelPath, Fault> {
    RelPath::new(text.trim().trim_matches('/')).map_err(|why| {
        Fault::Usage(
            format!("“{text}” is no subfolder: {why}."),
            "Name it as it lies within the pair, such as Photos/2026.".to_owned(),
        )
    })
}

fn choice<T: std::str::FromStr>(text: &str) -> Result<T, Fault>
where
    T::Err: std::fmt::Display,
{
    text.parse()
        .map_err(|error: T::Err| Fault::Protocol(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_chosen_for_a_pair_is_what_is_shown_of_it() {
        let mut settings = PairSettings::from(&PairOptions::default());
        settings.mode = "source-backup".to_owned();
        settings.patterns = vec!["*.iso".to_owned()];
        settings.hidden = false;
        settings.chosen = vec!["Photos/2026".to_owned()];
        settings.oldest = Some(86_400);
        settings.version_days = None;
        let mut options = PairOptions::default();
        settings.clone().put_into(&mut options).unwrap();
        assert_eq!(PairSettings::from(&options), settings);
        for wrong in ["..", "a//b", "a/../b"] {
            let chosen = vec![wrong.to_owned()];
            let settings = PairSettings {
                chosen,
                ..settings.clone()
            };
            assert!(settings.put_into(&mut options).is_err(), "{wrong}");
        }
        settings.mode = "sideways".to_owned();
        assert!(settings.put_into(&mut options).is_err());
    }
}
