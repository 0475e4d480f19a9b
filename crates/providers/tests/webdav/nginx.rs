//! WebDAV against nginx with dav-ext: no condition is heeded but that of a free name for a move, listings have no ETags and
//! leave out what begins with a full stop. It asks for Basic. The whole suite takes minutes, since what was written within
//! a second looks the same.

use std::path::PathBuf;
use std::sync::Arc;

use tandem_core::capabilities::{AtomicWrite, Conditions};
use tandem_core::error::{Cause, ErrorKind};
use tandem_core::path::RelPath;
use tandem_core::storage::{Discard, Expected, Keep};
use tandem_testkit::conformance::{Subject, run_abreast};
use tandem_testkit::servers::webdav::Nginx;

use crate::bench::{Folder, Shared};
use crate::steps::write;

static NGINX: Shared = Shared::new(Nginx::start);

async fn fresh() -> Subject {
    NGINX.subject().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: part of ./dev test --all"]
async fn the_contract_is_kept() {
    let _started_once = NGINX.server();
    run_abreast(fresh).await.assert_kept();
}

#[tokio::test]
async fn the_probe_finds_what_it_does() {
    let found = NGINX.probed().await;
    assert_eq!(found.conditions, Conditions::default());
    assert_eq!(found.atomic_write, AtomicWrite::Yes);
    assert_eq!(found.revision_granularity, 1_000_000_000);
    assert!(found.names.no_leading_period && found.versions && found.ranges);
    assert!(!found.mtime && !found.quota);
}

/// What this server hides is in no listing, so a folder that looks empty may hold what somebody wrote.
#[tokio::test]
async fn what_is_hidden_in_a_folder_outlasts_it() {
    let folder = NGINX.folder().await;
    let storage = folder.open(Some(&NGINX.probed().await));
    let root = storage.root(&folder.name).await.unwrap();
    let below = RelPath::new("below").unwrap();
    root.create_folder(&below).await.unwrap();
    let there = folder.server.data_dir().join(&folder.name);
    std::fs::write(there.join("below/.theirs"), "theirs").unwrap();

    let deleted = root
        .delete(&below.into(), &Expected::Any, &Keep::No, Discard::Forever)
        .await;
    assert!(!deleted.unwrap().was_absent);
    assert!(!there.join("below").exists());
    assert_eq!(contents(there), ["theirs"]);

    // Nothing removes it but a person, who is told with each test of the storage.
    let tested = storage.validate(&folder.name, &|_| ()).await;
    let names = tested
        .steps
        .iter()
        .find(|step| step.title == "Tell names apart");
    let found = names.unwrap().outcome.as_ref().unwrap();
    assert!(found.contains("so 1 deleted folder "), "{found}");
}

/// What all files below a folder hold.
fn contents(folder: PathBuf) -> Vec<String> {
    let (mut found, mut folders) = (Vec::new(), vec![folder]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(std::fs::read_to_string(path).unwrap());
            }
        }
    }
    found
}

#[tokio::test]
async fn a_name_that_it_would_hide_is_refused() {
    let folder = NGINX.folder().await;
    let storage = folder.open(Some(&NGINX.probed().await));
    let root = storage.root(&folder.name).await.unwrap();
    let hidden = RelPath::new(".hidden").unwrap();
    let refused = write(&*root, &hidden, b"ours", Expected::Absent).await;
    let error = refused.unwrap_err();
    assert!(error.detail.contains("begin with a full stop"), "{error}");
}

#[tokio::test]
async fn a_bearer_token_lets_in_and_another_does_not() {
    let token = "mF_9.B5f-4.1JqM";
    let folder = Folder {
        server: Arc::new(Nginx::start_for_token(token).unwrap()),
        name: String::new(),
    };
    let storage = folder.open_by_token(token);
    let root = storage.root("").await.unwrap();
    let path = RelPath::new("file").unwrap();
    let made = write(&*root, &path, b"text", Expected::Absent).await;
    assert_eq!(made.unwrap().entry.size, 4);
    let written = folder.server.data_dir().join("file");
    assert_eq!(std::fs::read_to_string(written).unwrap(), "text");

    let other = "another-token";
    let tested = folder.open_by_token(other).validate("", &|_| ()).await;
    let error = tested.capabilities.unwrap_err();
    assert_eq!(
        (error.kind, error.cause),
        (ErrorKind::Auth, Cause::AuthDenied)
    );
    assert!(!error.to_string().contains(other), "{error}");
}
