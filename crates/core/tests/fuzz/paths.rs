//! Paths, and the keys of versions, which lead to places below a root.

use std::path::{Component, Path};

use tandem_core::path::{Name, RelPath};
use tandem_core::storage::VersionKey;

use crate::is_sentence;

/// That the system takes `path`, joined to a folder, for a place below that folder.
fn stays_within(path: &RelPath) {
    let mut parts = Path::new(path.as_str()).components();
    assert!(parts.all(|part| matches!(part, Component::Normal(_))));
    assert!(!path.as_str().contains('\0'));
    assert!(!path.as_str().split('/').any(|name| name == ".."));
}

fn taken_apart_and_joined(path: &RelPath) {
    let names: Vec<Name> = path.names().collect();
    assert_eq!(names.len(), path.depth());
    let joined = names
        .iter()
        .fold(RelPath::root(), |folder, name| folder.join(name));
    assert_eq!(joined, *path);
    assert_eq!(path.name().as_ref(), names.last());
    let mut above = path.clone();
    while let Some(folder) = above.parent() {
        assert!(path.is_within(&folder));
        let below = path.below(&folder).unwrap();
        stays_within(&below);
        assert_eq!(folder.append(&below), *path);
        above = folder;
    }
    assert!(above.is_root());
}

#[test]
fn no_text_is_a_path_that_leaves_the_root() {
    tandem_testkit::fuzz!("path", |input: &[u8]| {
        let Ok(text) = std::str::from_utf8(input) else {
            return;
        };
        let path = match RelPath::new(text) {
            Ok(path) => path,
            Err(error) => {
                assert!(is_sentence(&error.to_string()));
                let json = serde_json::to_string(text).unwrap();
                assert!(serde_json::from_str::<RelPath>(&json).is_err());
                return;
            }
        };
        assert_eq!(path.as_str(), text);
        stays_within(&path);
        taken_apart_and_joined(&path);
        let json = serde_json::to_string(&path).unwrap();
        assert_eq!(serde_json::from_str::<RelPath>(&json).unwrap(), path);
    });
}

#[test]
fn a_version_lies_where_versions_lie_or_is_refused() {
    tandem_testkit::fuzz!("version_key", |input: &[u8]| {
        let Ok(key) = serde_json::from_slice::<VersionKey>(input) else {
            return;
        };
        stays_within(key.path());
        let json = serde_json::to_vec(&key).unwrap();
        assert_eq!(serde_json::from_slice::<VersionKey>(&json).unwrap(), key);
        let Some(kept) = key.kept_path() else { return };
        // Device, date and action come from outside too: storages ask whether what they make up is a path.
        if let Ok(path) = RelPath::new(&kept) {
            let versions = RelPath::new(".tandem/versions/v1").unwrap();
            assert!(path.is_within(&versions));
            assert_eq!(path.name(), key.path().name());
        }
    });
}
