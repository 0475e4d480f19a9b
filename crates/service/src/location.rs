//! What a person calls a place: a path (`~/Docs`, `./a:b`, `C:\x`) or `STORAGE:PATH`.

use std::fmt;
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::profile::real_path;

/// The name of the built-in storage: this computer's disk, with absolute paths.
pub const LOCAL: &str = "local";

/// A folder or file on a storage.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(ts_rs::TS))]
pub struct Location {
    /// The storage's name; [`LOCAL`] for paths on this computer.
    pub storage: String,
    /// The path in the storage's own writing; absolute on this computer.
    pub path: String,
}

/// Why text is no location.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// Nothing was given.
    #[error("it is empty")]
    Empty,
    /// `~NAME` is a shell's business.
    #[error("only ~ and ~/PATH are understood")]
    OtherHome,
    /// There is no home folder.
    #[error("there is no home folder")]
    NoHome,
    /// The path is not UTF-8.
    #[error("it is not UTF-8")]
    NotUnicode,
}

impl Location {
    /// Reads `text` as a person wrote it in the folder `current`.
    ///
    /// A name before the first colon is a storage, unless it is one letter (a Windows drive) or holds a
    /// separator (`./a:b`).
    ///
    /// # Errors
    /// [`LocationError`] says why not.
    pub fn parse(text: &str, current: &Path, home: Option<&Path>) -> Result<Self, LocationError> {
        if text.is_empty() {
            return Err(LocationError::Empty);
        }
        if let Some((storage, path)) = text.split_once(':')
            && is_storage_name(storage)
        {
            if storage != LOCAL {
                return Ok(Self {
                    storage: storage.to_owned(),
                    path: path.to_owned(),
                });
            }
            return Self::local(path, current, home);
        }
        Self::local(text, current, home)
    }

    /// A path on this computer.
    ///
    /// # Errors
    /// [`LocationError`] says why not.
    pub fn local(text: &str, current: &Path, home: Option<&Path>) -> Result<Self, LocationError> {
        let path = match text.strip_prefix('~') {
            Some("") => home.ok_or(LocationError::NoHome)?.to_owned(),
            Some(rest) if rest.starts_with(['/', std::path::MAIN_SEPARATOR]) => home
                .ok_or(LocationError::NoHome)?
                .join(rest[1..].trim_start_matches('/')),
            Some(_) => return Err(LocationError::OtherHome),
            None => current.join(text),
        };
        let path = tidy(&path)
            .into_os_string()
            .into_string()
            .map_err(|_| LocationError::NotUnicode)?;
        Ok(Self {
            storage: LOCAL.to_owned(),
            path,
        })
    }

    /// Whether it is a path on this computer.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.storage == LOCAL
    }

    /// The folder above and the last name; `None` for a storage's topmost folder.
    #[must_use]
    pub fn split(&self) -> Option<(Self, String)> {
        let trimmed = self.path.trim_end_matches('/');
        if trimmed.is_empty() {
            return None;
        }
        let separators: &[char] = if self.is_local() && cfg!(windows) {
            &['/', '\\']
        } else {
            &['/']
        };
        let (parent, name) = match trimmed.rfind(separators) {
            Some(0) => ("/", &trimmed[1..]),
            Some(at) => (&trimmed[..at], &trimmed[at + 1..]),
            None => ("", trimmed),
        };
        let parent = Self {
            storage: self.storage.clone(),
            path: parent.to_owned(),
        };
        Some((parent, name.to_owned()))
    }

    /// The place `name` below this one.
    #[must_use]
    pub fn join(&self, name: &str) -> Self {
        let base = self.path.trim_end_matches('/');
        let path = match (base.is_empty(), self.path.is_empty()) {
            (true, true) => name.to_owned(),
            (true, false) => format!("/{name}"),
            _ => format!("{base}/{name}"),
        };
        Self {
            storage: self.storage.clone(),
            path,
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_local() {
            f.write_str(&self.path)
        } else {
            write!(f, "{}:{}", self.storage, self.path)
        }
    }
}

/// Whether `text` can name a storage or a pair: `[a-z0-9][a-z0-9-]+`.
#[must_use]
pub fn is_storage_name(text: &str) -> bool {
    text.len() >= 2
        && !text.starts_with('-')
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// The path without `.` and `..`.
fn tidy(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => tidy = above(tidy),
            other => tidy.push(other),
        }
    }
    tidy
}

/// The folder that `..` in `path` leads to. Behind a link that is not the one its text says; else the person's own
/// spelling is kept.
fn above(path: PathBuf) -> PathBuf {
    let real = real_path(&path);
    let mut by_text = path;
    by_text.pop();
    match real.parent() {
        Some(parent) if parent != real_path(&by_text) => parent.to_owned(),
        _ => by_text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_a_path_or_a_storage_and_a_path() {
        let cases = [
            ("~/Docs", "local", "/home/ada/Docs"),
            ("~", "local", "/home/ada"),
            ("./a:b", "local", "/srv/a:b"),
            ("/abs/path/", "local", "/abs/path"),
            ("docs", "local", "/srv/docs"),
            ("../x", "local", "/x"),
            ("a:b", "local", "/srv/a:b"),
            ("C:\\x", "local", "/srv/C:\\x"),
            ("photos:", "photos", ""),
            ("photos:2026/May", "photos", "2026/May"),
            ("photos:a:b", "photos", "a:b"),
            ("Photos:a", "local", "/srv/Photos:a"),
            ("my dir:a", "local", "/srv/my dir:a"),
            ("local:docs", "local", "/srv/docs"),
        ];
        for (text, storage, path) in cases {
            let found =
                Location::parse(text, Path::new("/srv"), Some(Path::new("/home/ada"))).unwrap();
            assert_eq!(
                (found.storage.as_str(), found.path.as_str()),
                (storage, path),
                "{text:?}"
            );
        }
        for (text, error) in [
            ("", LocationError::Empty),
            ("~bob/x", LocationError::OtherHome),
        ] {
            let found = Location::parse(text, Path::new("/srv"), Some(Path::new("/home/ada")));
            assert_eq!(found, Err(error), "{text:?}");
        }
        assert_eq!(
            Location::parse("~", Path::new("/srv"), None),
            Err(LocationError::NoHome)
        );
    }

    #[cfg(unix)]
    #[test]
    #[allow(
        clippy::disallowed_methods,
        reason = "the test makes folders and a link"
    )]
    fn what_lies_above_a_link_lies_above_what_it_leads_to() {
        let scratch = tempfile::tempdir().unwrap();
        let top = std::fs::canonicalize(scratch.path()).unwrap();
        std::fs::create_dir_all(top.join("far/deep/inner")).unwrap();
        std::fs::create_dir(top.join("near")).unwrap();
        std::os::unix::fs::symlink(top.join("far/deep"), top.join("near/link")).unwrap();
        for (text, expected) in [
            ("near/link", "near/link"),
            ("near/link/..", "far"),
            ("near/link/../x", "far/x"),
            ("near/link/inner/..", "near/link"),
            ("near/link/inner/../..", "far"),
            ("near/../far/./deep", "far/deep"),
            ("nothing/here/..", "nothing"),
        ] {
            let found = Location::parse(text, &top, None).unwrap();
            assert_eq!(Path::new(&found.path), top.join(expected), "{text}");
        }
    }

    #[test]
    fn splitting_and_joining_agree() {
        for (storage, path, parent, name) in [
            ("local", "/a/b", "/a", "b"),
            ("local", "/a", "/", "a"),
            ("s3", "a/b/", "a", "b"),
            ("s3", "a", "", "a"),
        ] {
            let place = Location {
                storage: storage.to_owned(),
                path: path.to_owned(),
            };
            let (above, last) = place.split().unwrap();
            assert_eq!((above.path.as_str(), last.as_str()), (parent, name));
            assert_eq!(above.join(&last).path, path.trim_end_matches('/'));
        }
        for (storage, path) in [("local", "/"), ("s3", "")] {
            let place = Location {
                storage: storage.to_owned(),
                path: path.to_owned(),
            };
            assert_eq!(place.split(), None);
        }
    }
}
