//! The note of where staged content lies.

use serde::{Deserialize, Serialize};
use tandem_core::error::{Cause, Result};
use tandem_core::path::{Name, RelPath};
use tandem_core::storage::ResumeToken;

use crate::checkpoint::Checkpoint;
use crate::errors::refused;
use crate::leftovers;
use crate::sys::{Stat, Type};

/// Where staged content lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Token {
    /// The file, below the root.
    pub(crate) at: RelPath,
    /// The name it is to get in the same folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<Name>,
    /// Its length when it is whole.
    #[serde(default)]
    pub(crate) len: u64,
    /// Its inode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) inode: Option<u64>,
    /// Its mtime in nanoseconds since 1970, once it is whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) mtime: Option<i64>,
    /// It was made for its owner alone, because a file stood at the target or it is a copy of one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) private: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) checkpoint: Option<Checkpoint>,
}

impl Token {
    /// A token for a file found at `at`.
    pub(crate) const fn found(at: RelPath) -> Self {
        Self {
            at,
            name: None,
            len: 0,
            inode: None,
            mtime: None,
            private: false,
            checkpoint: None,
        }
    }

    /// The token as the engine keeps it.
    pub(crate) fn pack(&self, operation: &'static str) -> Result<ResumeToken> {
        serde_json::to_string(self)
            .map(ResumeToken)
            .map_err(|error| refused(operation, &self.at, Cause::Other, error.to_string()))
    }

    /// Reads a token. It names a file of Tandem's own or nothing: a damaged one reaches no other file.
    pub(crate) fn unpack(operation: &'static str, token: &ResumeToken) -> Result<Self> {
        let bad = |why: String| refused(operation, &RelPath::root(), Cause::BadResponse, why);
        let read: Self =
            serde_json::from_str(&token.0).map_err(|error| bad(format!("its token: {error}")))?;
        match read.at.name() {
            Some(name) if leftovers::is_own(name.as_str()) => Ok(read),
            _ => Err(bad("its token names no staged file".to_owned())),
        }
    }

    /// Whether the file called `name` is surely the one that was staged, and holds no more than that: not even an
    /// editor wrote into it while it was visible for an instant.
    pub(crate) fn is_of(&self, name: &str, stat: &Stat) -> bool {
        let inode = self.inode.or_else(|| leftovers::inode_of(name));
        let is_as_staged = match self.mtime {
            Some(mtime) if stat.kind == Type::File => (stat.size, stat.mtime) == (self.len, mtime),
            // Some file systems give inodes anew; what may be a person's is not removed by that alone.
            _ if leftovers::may_be_precious(name) => false,
            _ => self.len == 0 || stat.size <= self.len,
        };
        inode == Some(stat.inode) && is_as_staged
    }

    /// Whether a transfer of `len` bytes to `target` can go on from here.
    pub(crate) fn fits(&self, target: &RelPath, len: u64) -> bool {
        self.len == len && self.name == target.name() && self.at.parent() == target.parent()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_token_reaches_no_file_of_a_person() {
        for text in [
            r#"{"at":"a/b"}"#,
            r#"{"at":"../.tandem-staged-0"}"#,
            r#"{"at":""}"#,
            "",
        ] {
            assert!(
                Token::unpack("discard", &ResumeToken(text.into())).is_err(),
                "{text}"
            );
        }
    }

    #[test]
    fn a_token_is_read_as_it_was_written() {
        let mut token = Token::found(RelPath::new("a/.tandem-staged-01").unwrap());
        token.name = Some(Name::new("x").unwrap());
        token.checkpoint = Some(Checkpoint {
            len: 8.try_into().unwrap(),
            blake3: "00".into(),
        });
        let packed = token.pack("stage").unwrap();
        assert_eq!(Token::unpack("stage", &packed).unwrap(), token);
        assert!(token.fits(&RelPath::new("a/x").unwrap(), 0));
        assert!(!token.fits(&RelPath::new("b/x").unwrap(), 0));
    }
}
