//! What a resume token says. It comes out of a database; one that is damaged names nothing outside of Tandem's own.

use serde::{Deserialize, Serialize};
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::storage::ResumeToken;

/// The beginning of the names of staged files.
const STAGED: &str = "staged-";

/// Where staged content lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Token {
    /// Nowhere: `commit` sends the bytes.
    Whole,
    /// Below `.tandem`, under this name.
    Aside(StagedName),
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
        text.strip_prefix(STAGED)
            .and_then(|digits| u64::from_str_radix(digits, 16).ok())
            .map(Self)
            .filter(|name| name.to_string() == text)
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
    use super::*;

    #[test]
    fn a_token_names_nothing_but_a_staged_file() {
        for token in [Token::Whole, Token::Aside(StagedName::new(0xAB))] {
            assert_eq!(Token::parse(&token.write().unwrap()).unwrap(), token);
        }
        for text in [
            "",
            "no token",
            r#"{"aside":"root"}"#,
            r#"{"aside":"staged-../../a"}"#,
            r#"{"aside":"staged-ab"}"#,
        ] {
            assert!(
                Token::parse(&ResumeToken(text.to_owned())).is_err(),
                "{text}"
            );
        }
    }
}
