//! `config.toml`: storages, pairs, settings. Versioned, without secrets, replaced whole.

mod pair_record;
mod settings;
mod storage_record;

use serde::{Deserialize, Serialize};

pub use pair_record::{End, PairRecord, Pause};
pub use settings::{NewPairs, Settings};
pub use storage_record::StorageRecord;

use crate::fault::{Fault, Result};
use crate::location::{LOCAL, is_storage_name};
use crate::profile::Profile;

/// The file's name in the profile.
pub const FILE: &str = "config.toml";
/// The format written; a higher one is refused.
pub const VERSION: i64 = 1;

/// What a person configured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The format.
    pub version: i64,
    /// The profile's id, of which the device's name gets four characters.
    pub profile: String,
    /// Settings of the program.
    #[serde(default)]
    pub settings: Settings,
    /// Storages, by the order they were added.
    #[serde(default, rename = "storage", skip_serializing_if = "Vec::is_empty")]
    pub storages: Vec<StorageRecord>,
    /// Pairs, by the order they were made.
    #[serde(default, rename = "pair", skip_serializing_if = "Vec::is_empty")]
    pub pairs: Vec<PairRecord>,
}

#[derive(Deserialize)]
struct Versioned {
    version: i64,
}

impl Config {
    /// An empty one for a new profile.
    #[must_use]
    pub fn new() -> Self {
        Self {
            version: VERSION,
            profile: uuid::Uuid::new_v4().to_string(),
            settings: Settings::default(),
            storages: Vec::new(),
            pairs: Vec::new(),
        }
    }

    /// What `profile` holds; a new one if it holds none.
    ///
    /// # Errors
    /// A newer or damaged file, which is left as it is.
    pub fn load(profile: &Profile) -> Result<Self> {
        let shown = profile.folder().join(FILE).display().to_string();
        let content = profile.read(FILE).map_err(|error| {
            Fault::ProfileIo(profile.folder().display().to_string(), error.to_string())
        })?;
        let Some(content) = content else {
            let config = Self::new();
            config.save(profile)?;
            return Ok(config);
        };
        let text = String::from_utf8(content)
            .map_err(|_| Fault::DamagedProfile(shown.clone(), "it is not text".to_owned()))?;
        Self::parse(&text, &shown)
    }

    /// Reads the text of a `config.toml`; `shown` names it in errors.
    ///
    /// # Errors
    /// A newer or damaged text.
    pub fn parse(text: &str, shown: &str) -> Result<Self> {
        let damaged =
            |why: &toml::de::Error| Fault::DamagedProfile(shown.to_owned(), place(text, why));
        // The version first: a newer file may differ in any other way.
        let Versioned { version } = toml::from_str(text).map_err(|error| damaged(&error))?;
        if version > VERSION {
            return Err(Fault::NewerProfile(version));
        }
        let config: Self = toml::from_str(text).map_err(|error| damaged(&error))?;
        config
            .check()
            .map_err(|why| Fault::DamagedProfile(shown.to_owned(), why))?;
        Ok(config)
    }

    /// As text.
    ///
    /// # Errors
    /// A value that cannot be written.
    pub fn to_text(&self) -> Result<String> {
        toml::to_string(self).map_err(|error| Fault::Refused(error.to_string()))
    }

    /// Writes it: old or new, never a part.
    ///
    /// # Errors
    /// What the system says; the old file is then untouched.
    pub fn save(&self, profile: &Profile) -> Result<()> {
        let text = self.to_text()?;
        profile.write(FILE, text.as_bytes()).map_err(|error| {
            Fault::ProfileIo(profile.folder().display().to_string(), error.to_string())
        })
    }

    /// The storage of this name.
    ///
    /// # Errors
    /// There is none.
    pub fn storage(&self, name: &str) -> Result<&StorageRecord> {
        let found = self.storages.iter().find(|s| s.name == name);
        found.ok_or_else(|| Fault::UnknownStorage(name.to_owned()))
    }

    /// The pair of this name.
    ///
    /// # Errors
    /// There is none.
    pub fn pair(&self, name: &str) -> Result<&PairRecord> {
        let found = self.pairs.iter().find(|p| p.name == name);
        found.ok_or_else(|| Fault::UnknownPair(name.to_owned()))
    }

    /// All but the pair with this id.
    #[must_use]
    pub fn without(&self, pair: &str) -> Self {
        let mut rest = self.clone();
        rest.pairs.retain(|p| p.id != pair);
        rest
    }

    /// The name of the storage with this id.
    #[must_use]
    pub fn storage_name(&self, id: &str) -> String {
        let found = self.storages.iter().find(|s| s.id == id);
        found.map_or_else(|| id.to_owned(), |s| s.name.clone())
    }

    /// What must hold between the parts of a file that was edited by hand.
    fn check(&self) -> std::result::Result<(), String> {
        for (at, storage) in self.storages.iter().enumerate() {
            check_name(
                "storage",
                &storage.name,
                self.storages[..at].iter().map(|s| s.name.as_str()),
            )?;
            // Secrets and open storages are found by it: it may be nothing that means something else.
            if uuid::Uuid::try_parse(&storage.id).is_err() {
                return Err(format!(
                    "the storage {} has no uuid as its id",
                    storage.name
                ));
            }
            if self.storages[..at].iter().any(|s| s.id == storage.id) {
                return Err(format!("the id {} is there twice", storage.id));
            }
        }
        for (at, pair) in self.pairs.iter().enumerate() {
            check_name(
                "pair",
                &pair.name,
                self.pairs[..at].iter().map(|p| p.name.as_str()),
            )?;
            // The id names the pair's database: nothing but a uuid may reach a file name.
            if uuid::Uuid::try_parse(&pair.id).is_err() {
                return Err(format!("the pair {} has no uuid as its id", pair.name));
            }
            if self.pairs[..at].iter().any(|p| p.id == pair.id) {
                return Err(format!("the id {} is there twice", pair.id));
            }
            for end in [&pair.source, &pair.destination] {
                if end.storage != LOCAL && !self.storages.iter().any(|s| s.id == end.storage) {
                    return Err(format!(
                        "the pair {} names a storage that is not there",
                        pair.name
                    ));
                }
            }
        }
        Ok(())
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

fn check_name<'a>(
    what: &str,
    name: &str,
    mut others: impl Iterator<Item = &'a str>,
) -> std::result::Result<(), String> {
    if !is_storage_name(name) || name == LOCAL {
        return Err(format!("“{name}” cannot name a {what}"));
    }
    if others.any(|other| other == name) {
        return Err(format!("the {what} “{name}” is there twice"));
    }
    Ok(())
}

/// What is wrong and in which line, without quoting the line.
fn place(text: &str, error: &toml::de::Error) -> String {
    let message = error
        .message()
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned();
    match error.span() {
        Some(span) if span.start > 0 || span.end < text.len() => {
            let line = text
                .get(..span.start)
                .unwrap_or_default()
                .matches('\n')
                .count()
                + 1;
            format!("{message} in line {line}")
        }
        _ => message,
    }
}
