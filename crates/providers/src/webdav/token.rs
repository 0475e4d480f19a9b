//! What a resume token says. It comes out of a database; one that is damaged names nothing outside of Tandem's own.

use serde::{Deserialize, Serialize};
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::storage::ResumeToken;

use super::chunks::Chunked;

/// The beginning of the names of staged files, and of uploads in chunks.
const STAGED: &str = "staged-";
const CHUNKED: &str = "tandem-";

/// Where staged content lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Token {
    /// Nowhere: `commit` sends the bytes.
    Whole,
    /// Below `.tandem`, under this name.
    Aside(StagedName),
    /// Among the user's uploads, in chunks.
    Chunks(Chunked),
}

/// The name of an upload in chunks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct ChunkedName(u64);

impl ChunkedName {
    pub(super) const fn new(random: u64) -> Self {
        Self(random)
    }
}

impl std::fmt::Display for ChunkedName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{CHUNKED}{:016x}", self.0)
    }
}

impl From<ChunkedName> for String {
    fn from(name: ChunkedName) -> Self {
        name.to_string()
    }
}

impl TryFrom<String> for ChunkedName {
    type Error = &'static str;

    fn try_from(text: String) -> std::result::Result<Self, Self::Error> {
        number_of(&text, CHUNKED)
            .map(Self)
            .ok_or("no name of an upload")
    }
}

/// The number that a name of `prefix` is made of; `None` where it would be written in another way.
fn number_of(text: &str, prefix: &str) -> Option<u64> {
    let number = u64::from_str_radix(text.strip_prefix(prefix)?, 16).ok()?;
    (format!("{prefix}{number:016x}") == text).then_some(number)
}

/// The name of a staged file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(super) struct StagedName(u64);

impl StagedName {
    pub(super) const fn new(random: u64) -> Self {
        Self(random)
    }
}

impl std::fmt::Display for StagedName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{STAGED}{:016x}", self.0)
    }
}

impl From<StagedName> for String {
    fn from(name: StagedName) -> Self {
        name.to_string()
    }
}

impl TryFrom<String> for StagedName {
    type Error = &'static str;

    fn try_from(text: String) -> std::result::Result<Self, Self::Error> {
        number_of(&text, STAGED)
            .map(Self)
            .ok_or("no name of a staged file")
    }
}

impl Token {
    pub(super) fn parse(token: &ResumeToken) -> Result<Self> {
        serde_json::from_str(&token.0).map_err(|error| {
            let detail = format!("a token of another storage: {error}");
            StorageError::new("stage", Cause::Other, detail)
        })
    }

    pub(super) fn write(&self) -> Result<ResumeToken> {
        serde_json::to_string(self)
            .map(ResumeToken)
            .map_err(|error| StorageError::new("stage", Cause::Other, error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use tandem_core::path::RelPath;

    use super::*;

    #[test]
    fn a_token_names_nothing_but_a_staged_file() {
        let target = RelPath::new("a/b").unwrap();
        let chunks = Token::Chunks(Chunked::new(0xCD, &target, 7, 5));
        for token in [Token::Whole, Token::Aside(StagedName::new(0xAB)), chunks] {
            assert_eq!(Token::parse(&token.write().unwrap()).unwrap(), token);
        }
        for text in [
            "",
            "no token",
            r#"{"aside":"root"}"#,
            r#"{"aside":"staged-../../a"}"#,
            r#"{"aside":"staged-ab"}"#,
            r#"{"chunks":{"name":"../files","target":"a","len":7,"size":5}}"#,
        ] {
            assert!(
                Token::parse(&ResumeToken(text.to_owned())).is_err(),
                "{text}"
            );
        }
    }
}
