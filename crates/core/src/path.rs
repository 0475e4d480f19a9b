//! Paths below a root, valid by construction (P11): no decoder of foreign data can produce one that
//! leaves the root, names the root's parent or hides a separator.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Why text is not a [`Name`] or a [`RelPath`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// A name of no characters, or two separators in a row.
    #[error("it has an empty name")]
    Empty,
    /// `.` or `..`.
    #[error("it contains \".\" or \"..\"")]
    Dots,
    /// A `/` inside a single name.
    #[error("a name contains \"/\"")]
    Separator,
    /// A NUL character.
    #[error("it contains a NUL character")]
    Nul,
    /// The path begins with `/`.
    #[error("it is absolute")]
    Absolute,
    /// Not UTF-8.
    #[error("it is not UTF-8")]
    NotUnicode,
}

fn check_name(text: &str) -> Result<(), PathError> {
    match text {
        "" => Err(PathError::Empty),
        "." | ".." => Err(PathError::Dots),
        _ if text.contains('/') => Err(PathError::Separator),
        _ if text.contains('\0') => Err(PathError::Nul),
        _ => Ok(()),
    }
}

/// One segment of a path: UTF-8, not empty, not `.` or `..`, without `/` and NUL. Not normalised.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Box<str>);

impl Name {
    /// Checks `text` and makes it a name.
    ///
    /// # Errors
    /// [`PathError`] says which rule it breaks.
    pub fn new(text: impl Into<Box<str>>) -> Result<Self, PathError> {
        let text = text.into();
        check_name(&text)?;
        Ok(Self(text))
    }

    /// The text of the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part before the last dot and the part from it on (`"a.tar"`, `".gz"`); a leading dot starts
    /// no extension.
    #[must_use]
    pub fn split_extension(&self) -> (&str, &str) {
        match self.0.rfind('.') {
            Some(at) if at > 0 => self.0.split_at(at),
            _ => (&self.0, ""),
        }
    }

    /// Whether Tandem keeps the name for itself: it begins with `.tandem` and is not `.tandemignore`.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        let folded = self.0.to_ascii_lowercase();
        folded.starts_with(".tandem") && folded != ".tandemignore"
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Name {
    type Err = PathError;
    fn from_str(text: &str) -> Result<Self, PathError> {
        Self::new(text)
    }
}

impl Serialize for Name {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<str>::deserialize(deserializer)?;
        Self::new(text).map_err(serde::de::Error::custom)
    }
}

/// A path below a root, names joined by `/`. The root itself is the empty path. Ordering is by bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelPath(Arc<str>);

impl RelPath {
    /// The root.
    #[must_use]
    pub fn root() -> Self {
        Self(Arc::from(""))
    }

    /// Checks `text` and makes it a path. Empty text is the root.
    ///
    /// # Errors
    /// [`PathError`] says which rule it breaks.
    pub fn new(text: &str) -> Result<Self, PathError> {
        if text.starts_with('/') {
            return Err(PathError::Absolute);
        }
        if !text.is_empty() {
            text.split('/').try_for_each(check_name)?;
        }
        Ok(Self(Arc::from(text)))
    }

    /// The text of the path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is the root.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The child `name` of this folder.
    #[must_use]
    pub fn join(&self, name: &Name) -> Self {
        if self.is_root() {
            return Self(Arc::from(name.as_str()));
        }
        let mut text = String::with_capacity(self.0.len() + 1 + name.0.len());
        text.push_str(&self.0);
        text.push('/');
        text.push_str(&name.0);
        Self(Arc::from(text))
    }

    /// This path followed by `below`.
    #[must_use]
    pub fn append(&self, below: &Self) -> Self {
        if self.is_root() {
            return below.clone();
        }
        if below.is_root() {
            return self.clone();
        }
        Self(Arc::from(format!("{}/{}", self.0, below.0)))
    }

    /// The folder that holds this path; `None` for the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let at = self.0.rfind('/').unwrap_or(0);
        Some(Self(Arc::from(&self.0[..at])))
    }

    /// The last name; `None` for the root.
    #[must_use]
    pub fn name(&self) -> Option<Name> {
        if self.is_root() {
            return None;
        }
        let last = self.0.rsplit('/').next().unwrap_or_default();
        Some(Name(Box::from(last)))
    }

    /// The names from the root down.
    pub fn names(&self) -> impl Iterator<Item = Name> + '_ {
        self.0
            .split('/')
            .filter(|n| !n.is_empty())
            .map(|n| Name(Box::from(n)))
    }

    /// How many names the path has.
    #[must_use]
    pub fn depth(&self) -> usize {
        if self.is_root() {
            0
        } else {
            self.0.matches('/').count() + 1
        }
    }

    /// Whether this path is `folder` or lies below it.
    #[must_use]
    pub fn is_within(&self, folder: &Self) -> bool {
        folder.is_root()
            || self
                .0
                .strip_prefix(&*folder.0)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// What follows `folder` in this path; `None` if it is not within.
    #[must_use]
    pub fn below(&self, folder: &Self) -> Option<Self> {
        if !self.is_within(folder) {
            return None;
        }
        if folder.is_root() {
            return Some(self.clone());
        }
        let rest = &self.0[folder.0.len()..];
        Some(Self(Arc::from(rest.strip_prefix('/').unwrap_or(rest))))
    }
}

impl From<Name> for RelPath {
    fn from(name: Name) -> Self {
        Self(Arc::from(name.0))
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for RelPath {
    type Err = PathError;
    fn from_str(text: &str) -> Result<Self, PathError> {
        Self::new(text)
    }
}

impl Serialize for RelPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RelPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'_, str>::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_cannot_leave_the_root() {
        let cases = [
            ("/etc", PathError::Absolute),
            ("..", PathError::Dots),
            ("a/../b", PathError::Dots),
            ("a/./b", PathError::Dots),
            ("a//b", PathError::Empty),
            ("a/", PathError::Empty),
            ("a\0b", PathError::Nul),
        ];
        for (text, error) in cases {
            assert_eq!(RelPath::new(text), Err(error), "{text:?}");
        }
        assert_eq!(Name::new("a/b"), Err(PathError::Separator));
    }

    #[test]
    fn joining_and_taking_apart_agree() {
        let path = RelPath::new("a/b/c.tar.gz").unwrap();
        let parent = path.parent().unwrap();
        assert_eq!(parent.join(&path.name().unwrap()), path);
        assert_eq!(path.name().unwrap().split_extension(), ("c.tar", ".gz"));
        assert_eq!(path.depth(), 3);
        assert_eq!(path.below(&parent).unwrap().as_str(), "c.tar.gz");
        assert!(
            !RelPath::new("ab")
                .unwrap()
                .is_within(&RelPath::new("a").unwrap())
        );
    }

    #[test]
    fn names_of_tandem_are_reserved_in_any_case() {
        for (name, reserved) in [
            (".tandem", true),
            (".TANDEM-x", true),
            (".tandemignore", false),
            ("a.tandem", false),
        ] {
            assert_eq!(Name::new(name).unwrap().is_reserved(), reserved, "{name}");
        }
    }
}
