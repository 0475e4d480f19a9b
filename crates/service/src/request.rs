//! What a shell asks for: the same in this process and over the socket.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tandem_core::side::PerSide;
use tandem_engine::report::Rejection;

use crate::answer::{Answer, LogLines};
use crate::credentials::{Secrets, StoreKind};
use crate::location::Location;
use crate::secret::SecretText;
use crate::when::When;

/// A request. Paths on this computer are absolute: the owner has another current folder.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// The types of storages.
    StorageTypes,
    /// All storages.
    StorageList,
    /// One storage.
    StorageShow {
        /// Its name.
        name: String,
    },
    /// Tests a storage and probes what it can do.
    StorageTest {
        /// Its name.
        name: String,
    },
    /// Switches a storage on or off.
    StorageEnable {
        /// Its name.
        name: String,
        /// On or off.
        on: bool,
    },
    /// Gives a storage another name.
    StorageRename {
        /// Its name.
        name: String,
        /// The new one.
        new: String,
    },
    /// Forgets a storage and its secrets; nothing on it is touched.
    StorageRemove {
        /// Its name.
        name: String,
    },
    /// Adds a storage.
    StorageAdd(StorageSpec),
    /// Changes a storage.
    StorageEdit(StorageSpec),
    /// Signs in to a storage.
    StorageLogin {
        /// Its name.
        name: String,
    },
    /// What a browser brought of a sign-in that is under way.
    SignInLink {
        /// The whole link.
        link: SecretText,
    },
    /// Opens the file of secrets, for as long as the program runs.
    Unlock {
        /// Its passphrase.
        passphrase: SecretText,
    },
    /// From now on what is secret of new storages is kept in the file of secrets, which is made if there is none.
    KeepInFile {
        /// Its passphrase; of a file that is there, the one it has.
        passphrase: SecretText,
    },
    /// What a folder holds.
    List {
        /// Which.
        at: Location,
    },
    /// A one-off copy.
    Copy {
        /// From where.
        from: Location,
        /// To where.
        to: Location,
        /// Whether what is there is replaced.
        force: bool,
    },
    /// Makes a pair.
    PairAdd(Box<PairSpec>),
    /// All pairs.
    PairList,
    /// One pair.
    PairShow {
        /// Its name.
        name: String,
    },
    /// What holds for a pair, by what its ends can do.
    PairGuarantees {
        /// Its name.
        name: String,
    },
    /// Changes a pair.
    PairEdit(Box<PairChange>),
    /// Pauses all pairs, or goes on with those that were paused together; where there are none, with all. A pair that
    /// was paused by itself stays so for as long as that was said, and one that nobody has started is none of them.
    PauseAll {
        /// Paused or not.
        paused: bool,
        /// Until when.
        until: Option<When>,
    },
    /// Pauses a pair, or goes on with it. One that nobody has started is started by that.
    PairPause {
        /// Its name.
        name: String,
        /// Paused or not.
        paused: bool,
        /// Until when.
        until: Option<When>,
    },
    /// Forgets a pair; nothing on either side is touched.
    PairRemove {
        /// Its name.
        name: String,
    },
    /// Compares both sides of a pair anew whose state is damaged.
    PairCompareAnew {
        /// Its name.
        name: String,
    },
    /// What would be done.
    Preview {
        /// Whether the answer ends a stream, as that of a pass does.
        #[serde(default)]
        streams: bool,
        /// Which pairs; all, if none is named.
        pairs: Vec<String>,
    },
    /// One pass.
    Sync {
        /// Which pairs; all, if none is named.
        pairs: Vec<String>,
        /// Whether each action is told.
        actions: bool,
    },
    /// How pairs are.
    Status {
        /// Which; all, if none is named.
        pair: Option<String>,
        /// Whether everything that is not in step is listed.
        problems: bool,
        /// Whether changes are told until the request is dropped.
        watch: bool,
    },
    /// What waits for a person.
    Held {
        /// Of which pair; of all, if none is named.
        pair: Option<String>,
    },
    /// One hold with each delete in it: a list of all holds ends early.
    HeldWhole {
        /// Which.
        hold: String,
    },
    /// Lets what is held pass.
    Approve {
        /// Which.
        hold: String,
    },
    /// Does not let it pass.
    Reject {
        /// Which.
        hold: String,
        /// What is done instead.
        how: Rejection,
    },
    /// The journal.
    Log {
        /// Of which pair; of all, if none is named.
        pair: Option<String>,
        /// Of which path.
        path: Option<PathSpec>,
        /// At most so many lines.
        limit: Option<usize>,
        /// Whether new lines are told until the request is dropped.
        follow: bool,
    },
    /// Why a path is as it is.
    Explain {
        /// Which.
        path: PathSpec,
    },
    /// Conflicts.
    Conflicts {
        /// Of which pair; of all, if none is named.
        pair: Option<String>,
    },
    /// What both versions of a conflict hold.
    Compare {
        /// Which conflict.
        id: String,
    },
    /// Decides a conflict.
    Resolve {
        /// Which.
        id: String,
        /// How.
        keep: KeepSide,
        /// The revisions that the person was shown: if there are others by now, nothing is done.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seen: Option<SeenVersions>,
    },
    /// Versions of a path.
    Versions {
        /// Which.
        path: PathSpec,
    },
    /// Puts a version back.
    Restore {
        /// Of which path.
        path: PathSpec,
        /// Which; the newest, if none is named.
        version: Option<String>,
    },
    /// Undoes what was done.
    Undo(UndoSpec),
    /// Verifies.
    Verify(VerifySpec),
    /// How the program, the profile and the storages are.
    Doctor {
        /// Where a bundle is written.
        bundle: Option<PathBuf>,
        /// Whether names of files and folders stand in it as they are.
        #[serde(default)]
        names: bool,
    },
    /// The settings of all pairs.
    Settings,
    /// Changes settings of all pairs.
    SettingsChange {
        /// By JSON pointers into [`crate::answer::ProfileSettings`] (`/send`): only what a person named is changed.
        settings: BTreeMap<String, serde_json::Value>,
    },
    /// The configuration without secrets.
    ConfigExport,
    /// Adds the storages and pairs of a configuration.
    ConfigImport {
        /// What was exported.
        text: String,
    },
}

/// A storage to add or to change.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct StorageSpec {
    /// Its name.
    pub name: String,
    /// Its type; only to add one.
    pub type_name: Option<String>,
    /// What a person calls it.
    pub label: Option<String>,
    /// Values; an empty one removes what was given before.
    pub config: BTreeMap<String, String>,
    /// Secrets.
    pub secrets: Secrets,
    /// Whether it must pass its test to be saved.
    pub test: bool,
    /// Where its secrets are kept; else where they are, or the keyring.
    pub store: Option<StoreKind>,
    /// Whether nobody is there who could sign in by the browser, as where a script asks.
    #[serde(default)]
    pub unattended: bool,
}

/// A pair to make.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PairSpec {
    /// Its name.
    pub name: String,
    /// Its two ends.
    pub ends: PerSide<Location>,
    /// What a person named of its options, by JSON pointers (`/policy/mode`); the rest is what new pairs begin with.
    pub options: BTreeMap<String, serde_json::Value>,
    /// Whether it waits until it is started: its plan can be looked at before anything is done.
    #[serde(default)]
    pub unstarted: bool,
}

/// Changes of a pair.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PairChange {
    /// Its name.
    pub name: String,
    /// A new name.
    pub rename: Option<String>,
    /// New ends.
    pub ends: PerSide<Option<Location>>,
    /// New options, by JSON pointers (`/policy/mode`): only what a person named is changed.
    pub options: BTreeMap<String, serde_json::Value>,
}

/// A path within a pair, as a person wrote it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PathSpec {
    /// The text.
    pub text: String,
    /// The place it names, seen from where the person was.
    pub place: Option<Location>,
    /// The pair, if the person named it.
    pub pair: Option<String>,
}

/// Which side of a conflict is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum KeepSide {
    /// The source's.
    Source,
    /// The destination's.
    Destination,
    /// Both.
    Both,
    /// This text.
    Merged(String),
}

/// The revisions of a conflict's versions that a person was shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct SeenVersions {
    /// The source's.
    pub source: Option<String>,
    /// The destination's.
    pub destination: Option<String>,
}

/// What is to be undone.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UndoSpec {
    /// One action: `PAIR:NUMBER`, or the number where there is one pair.
    Action(String),
    /// A run, named the same way.
    Run(String),
    /// All since a time, of the pair or of all.
    Since(When, Option<String>),
}

/// How thorough a check is.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct VerifySpec {
    /// Which pair; all, if none is named.
    pub pair: Option<String>,
    /// Read everything.
    pub deep: bool,
    /// Read so many.
    pub sample: Option<u64>,
    /// Stop after so many bytes.
    pub limit_bytes: Option<u64>,
    /// Mend rot.
    pub repair: bool,
}

impl Request {
    /// Whether its updates are part of the answer, one line each.
    #[must_use]
    pub const fn streams(&self) -> bool {
        matches!(
            self,
            Self::Sync { .. }
                | Self::Preview { streams: true, .. }
                | Self::Status { watch: true, .. }
                | Self::Log { follow: true, .. }
        )
    }

    /// Whether it tells for ever, and is answered only when it is stopped.
    #[must_use]
    pub const fn is_endless(&self) -> bool {
        matches!(
            self,
            Self::Status { watch: true, .. } | Self::Log { follow: true, .. }
        )
    }

    /// What a stream that was stopped ends with: its own noun, with nothing to say.
    #[must_use]
    pub fn stopped(&self) -> Answer {
        match self {
            Self::Sync { .. } => Answer::Synced(Vec::new()),
            Self::Preview { .. } => Answer::Previews(Vec::new()),
            Self::Log { .. } => Answer::Actions(LogLines::default()),
            _ => Answer::Status(Vec::new()),
        }
    }
}
