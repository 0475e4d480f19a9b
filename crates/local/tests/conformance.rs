//! The conformance suite over this computer's disk: with every call the system has, and in the portable form.

#![allow(clippy::unwrap_used, reason = "a step that fails fails its test")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use tandem_core::environment::BoxFuture;
use tandem_core::storage::Storage;
use tandem_local::{LocalStorage, Options};
use tandem_testkit::conformance::{Outsider, Place, Proof, Subject};
use tandem_testkit::real_time::real_time;

/// An editor on the same disk, that writes in place.
struct Editor(PathBuf);

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<String>) -> Result<(), String> {
    for entry in std::fs::read_dir(folder).map_err(told)? {
        let entry = entry.map_err(told)?;
        if entry.file_type().map_err(told)?.is_dir() {
            walk(root, &entry.path(), found)?;
        } else {
            let path = entry.path();
            let below = path.strip_prefix(root).map_err(told)?;
            found.push(below.to_string_lossy().into_owned());
        }
    }
    Ok(())
}

#[async_trait]
impl Outsider for Editor {
    async fn put(&self, path: &str, bytes: &[u8]) -> Result<(), String> {
        let path = self.0.join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(told)?;
        }
        std::fs::write(path, bytes).map_err(told)
    }

    async fn get(&self, path: &str) -> Result<Option<Vec<u8>>, String> {
        match std::fs::read(self.0.join(path)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(told(error)),
        }
    }

    async fn remove(&self, path: &str) -> Result<(), String> {
        std::fs::remove_file(self.0.join(path)).map_err(told)
    }

    async fn list(&self) -> Result<Vec<String>, String> {
        let mut found = Vec::new();
        walk(&self.0, &self.0, &mut found)?;
        Ok(found)
    }
}

async fn subject(name: &str, options: Options) -> Subject {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap().to_owned();
    let storage: Arc<dyn Storage> = Arc::new(LocalStorage::new(options, None, real_time()));
    let root = storage.root(&path).await.unwrap();
    let at = path.clone();
    let reopen = Box::new(move || -> BoxFuture<_> {
        let at = at.clone();
        Box::pin(async move {
            let storage = LocalStorage::new(options, None, real_time());
            storage.root(&at).await.unwrap()
        })
    });
    Subject {
        outsider: Some(Box::new(Editor(folder.path().to_owned()))),
        place: Some(Place { storage, path }),
        proof: Proof::of("local", || Ok(name.to_owned())),
        ..Subject::new(root, reopen, folder)
    }
}

mod whole {
    use super::{Options, Subject, subject};

    async fn fresh() -> Subject {
        subject("Linux", Options::default()).await
    }

    tandem_testkit::conformance::suite!(fresh);
}

mod portable {
    use super::{Options, Subject, subject};

    async fn fresh() -> Subject {
        let options = Options {
            portable: true,
            ..Options::default()
        };
        subject("Linux, by portable calls alone", options).await
    }

    tandem_testkit::conformance::suite!(fresh);
}
