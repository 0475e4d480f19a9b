//! What a server refuses, as a person is told it.

use tandem_core::error::Cause;
use tandem_core::path::RelPath;
use tandem_core::storage::{Expected, Locator};
use tandem_testkit::servers::swift::SwiftServer;

use crate::bench::{container, encoded, map, open, probed};
use crate::steps::write;

fn path(text: &str) -> RelPath {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_container_that_is_not_there_is_named() {
    let mut container = container();
    container.name = "no such container".to_owned();
    let root = container.root(&[]).await;
    let error = write(&*root, &path("file"), b"lost?", Expected::Absent)
        .await
        .unwrap_err();
    assert_eq!(error.cause, Cause::NotFound);
    assert!(
        error
            .detail
            .contains("there is no container no such container"),
        "{error}"
    );
    let tested = container.open(None, &[]).validate("", &|_| ()).await;
    let error = tested.capabilities.unwrap_err();
    assert!(
        error
            .detail
            .contains("there is no container no such container"),
        "{error}"
    );
}

#[tokio::test]
async fn a_full_container_is_full_and_not_the_file_too_large() {
    let container = container();
    let name = encoded(&container.name);
    let quota = "X-Container-Meta-Quota-Bytes: 1000";
    container.server.ask("POST", &name, &[quota]).unwrap();
    let root = container.root(&[]).await;
    let error = write(&*root, &path("file"), &[1; 2_000], Expected::Absent)
        .await
        .unwrap_err();
    assert_eq!(error.cause, Cause::Quota, "{error}");
    write(&*root, &path("small"), &[1; 500], Expected::Absent)
        .await
        .unwrap();
    let quota = container.open(None, &[]).quota().await.unwrap();
    assert_eq!((quota.used, quota.total), (500, Some(1_000)));
}

#[tokio::test]
async fn who_may_only_read_is_forbidden_to_write() {
    let container = container();
    let name = encoded(&container.name);
    let reader = SwiftServer::READER;
    let user = format!("{}:{}", reader.account, reader.name);
    let as_reader = || async {
        let config = map(&[
            ("auth_url", &container.server.auth_v1()),
            ("username", &user),
            ("container", &container.name),
        ]);
        let secrets = map(&[("password", reader.password)]);
        let storage = open(config, secrets, Some(&probed().await)).unwrap();
        storage.root("").await.unwrap()
    };
    let owner = container.root(&[]).await;
    write(&*owner, &path("file"), b"theirs", Expected::Absent)
        .await
        .unwrap();
    let at = Locator::of_path(path("file"));
    let root = as_reader().await;
    assert_eq!(root.stat(&at).await.unwrap_err().cause, Cause::Forbidden);

    let allowed = format!("X-Container-Read: {user}");
    container.server.ask("POST", &name, &[&allowed]).unwrap();
    assert_eq!(root.stat(&at).await.unwrap().unwrap().size, 6);
    let error = write(&*root, &path("other"), b"mine", Expected::Absent)
        .await
        .unwrap_err();
    assert_eq!(error.cause, Cause::Forbidden, "{error}");
}

#[tokio::test]
async fn a_wrong_key_asks_to_sign_in_and_is_not_shown() {
    let container = container();
    let config = map(&[
        ("auth_url", &container.server.auth_v1()),
        ("username", "test:tester"),
        ("container", &container.name),
    ]);
    let storage = open(config, map(&[("password", "hunter22")]), None).unwrap();
    let tested = storage.validate("", &|_| ()).await;
    let error = tested.capabilities.unwrap_err();
    assert_eq!(error.cause, Cause::AuthDenied, "{error}");
    assert!(!error.to_string().contains("hunter22"), "{error}");
}
