//! Signing in: by version 1, and by Keystone's version 3, which is played before the real Swift. What is played is
//! checked by OpenStack's own client.

use std::process::Command;
use std::sync::Arc;

use tandem_core::error::{Cause, ErrorKind, Result};
use tandem_core::path::RelPath;
use tandem_core::storage::{Expected, Locator, Root, Storage};
use tandem_testkit::servers::swift::{SwiftServer, swiftclient};

use crate::bench::{Container, container, container_on, map, open, probed};
use crate::steps::write;

const USER: tandem_testkit::servers::swift::SwiftUser = SwiftServer::USER;

/// Opens `container` by version 3.
async fn by_keystone(
    container: &Container,
    config: &[(&str, &str)],
    secrets: &[(&str, &str)],
) -> Result<Arc<dyn Storage>> {
    let auth_url = container.server.auth_v3();
    let mut all = map(&[("auth_url", &auth_url), ("container", &container.name)]);
    all.extend(map(config));
    open(all, map(secrets), Some(&probed().await))
}

const BY_PASSWORD: &[(&str, &str)] = &[
    ("username", USER.name),
    ("project", USER.account),
    ("region", SwiftServer::REGION),
];

async fn asked(storage: Result<Arc<dyn Storage>>) -> Result<()> {
    let root = storage?.root("").await?;
    let at = Locator::of_path("file".parse::<RelPath>().unwrap());
    root.stat(&at).await.map(|_| ())
}

#[tokio::test]
async fn a_user_signs_in_by_keystone() {
    let container = container();
    let password = &[("password", USER.password)];
    asked(by_keystone(&container, BY_PASSWORD, password).await)
        .await
        .unwrap();
    let by_id = &[
        ("username", USER.name),
        ("project_id", "p-test"),
        ("user_domain", "Default"),
        ("region", "one"),
    ];
    asked(by_keystone(&container, by_id, password).await)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_program_signs_in_by_its_own_credential() {
    let container = container();
    let application = SwiftServer::APPLICATION;
    let config = &[
        ("application_credential_id", application.id),
        ("region", SwiftServer::REGION),
    ];
    let secret = &[("application_credential_secret", application.secret)];
    asked(by_keystone(&container, config, secret).await)
        .await
        .unwrap();
    let wrong = &[("application_credential_secret", "not the secret")];
    let error = asked(by_keystone(&container, config, wrong).await)
        .await
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::Auth, "{error}");
}

#[tokio::test]
async fn what_is_wrong_with_a_sign_in_is_said() {
    let container = container();
    let right = ("password", USER.password);
    let with = |key: &'static str, value: &'static str| -> Vec<_> {
        let kept = BY_PASSWORD.iter().filter(|(name, _)| *name != key);
        kept.copied().chain([(key, value)]).collect()
    };
    for (config, secret, cause, said) in [
        (
            BY_PASSWORD.to_vec(),
            ("password", "hunter22"),
            Cause::AuthDenied,
            "requires authentication",
        ),
        (
            with("project", "other"),
            right,
            Cause::AuthDenied,
            "requires authentication",
        ),
        (
            with("user_domain", "Elsewhere"),
            right,
            Cause::AuthDenied,
            "requires authentication",
        ),
        (
            with("region", ""),
            right,
            Cause::Other,
            "region is missing; there are: One, Two",
        ),
        (
            with("region", "Three"),
            right,
            Cause::Other,
            "no region Three; there are: One, Two",
        ),
        (
            with("auth_url", "http://127.0.0.1:1/v3"),
            right,
            Cause::Offline,
            "refused",
        ),
    ] {
        let error = asked(by_keystone(&container, &config, &[secret]).await)
            .await
            .unwrap_err();
        assert_eq!(error.cause, cause, "{config:?}: {error}");
        assert!(error.detail.contains(said), "{config:?}: {error}");
        assert!(!error.to_string().contains(secret.1), "{error}");
    }
    let nobody = format!("{}/nobody", container.server.auth_v1());
    let config = with("auth_url", "");
    let config: Vec<_> = config.into_iter().chain([("auth_url", &*nobody)]).collect();
    let error = asked(by_keystone(&container, &config, &[right]).await)
        .await
        .unwrap_err();
    assert!(error.detail.contains("auth_url"), "{error}");
}

#[tokio::test]
async fn the_region_decides_whose_containers_there_are() {
    let container = container();
    let elsewhere = &[
        ("username", USER.name),
        ("project", USER.account),
        ("region", SwiftServer::OTHER_REGION),
    ];
    let storage = by_keystone(&container, elsewhere, &[("password", USER.password)]).await;
    let root = storage.unwrap().root("").await.unwrap();
    let path = "file".parse().unwrap();
    let error = write(&*root, &path, b"lost?", Expected::Any).await;
    let error = error.unwrap_err();
    assert_eq!(error.cause, Cause::NotFound, "{error}");
    assert!(error.detail.contains(&container.name), "{error}");
}

#[tokio::test]
async fn a_token_that_ended_is_renewed_and_nobody_notices() {
    // A server of its own: the tokens of all others would end too.
    let container = container_on(Arc::new(SwiftServer::start().unwrap()), &[]);
    let root: Arc<dyn Root> = container.root(&[]).await;
    let path = "file".parse().unwrap();
    write(&*root, &path, b"before", Expected::Absent)
        .await
        .unwrap();
    container.server.expire_tokens().unwrap();
    // Content that has to be sent a second time.
    let large = vec![7_u8; 5 << 20];
    write(&*root, &path, &large, Expected::Any).await.unwrap();
    container.server.expire_tokens().unwrap();
    let found = root.stat(&Locator::of_path(path)).await.unwrap().unwrap();
    assert_eq!(found.size, large.len() as u64);
}

/// keystoneauth1 and python-swiftclient sign in where Tandem does, and are refused where it is.
#[test]
fn openstacks_own_client_takes_the_sign_in_for_keystones() {
    let server = crate::bench::server();
    let done = Command::new(swiftclient().unwrap())
        .args(["-c", CLIENT, &server.auth_v3(), &server.storage_url()])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}");
}

const CLIENT: &str = r#"
import sys
from keystoneauth1 import exceptions, identity, session
from keystoneauth1.identity import v3
from swiftclient import Connection

auth_url, storage_url = sys.argv[1:]
default = {"user_domain_name": "Default", "project_domain_name": "Default"}

def connect(auth, region="One"):
    options = {"region_name": region, "service_type": "object-store", "endpoint_type": "public"}
    return Connection(session=session.Session(auth=auth), os_options=options)

good = [
    v3.Password(auth_url, username="tester", password="testing", project_name="test", **default),
    v3.Password(auth_url, user_id="u-tester", password="testing", project_id="p-test"),
    identity.Password(auth_url, username="tester", password="testing", project_name="test", **default),
    v3.ApplicationCredential(auth_url, application_credential_id="0a1b2c3d4e5f",
                             application_credential_secret="applicationtesting"),
    v3.ApplicationCredential(auth_url, application_credential_name="tandem", username="tester",
                             user_domain_name="Default", application_credential_secret="applicationtesting"),
]
for auth in good:
    connection = connect(auth)
    connection.get_account()
    assert connection.url == storage_url, connection.url
    access = auth.get_access(session.Session())
    assert access.project_name == "test" and not access.will_expire_soon(), access
assert connect(good[0], "Two").get_auth()[0].endswith("/AUTH_other")

bad = [
    v3.Password(auth_url, username="tester", password="wrong", project_name="test", **default),
    v3.Password(auth_url, username="tester", password="testing", project_name="other", **default),
    v3.ApplicationCredential(auth_url, application_credential_id="0a1b2c3d4e5f",
                             application_credential_secret="wrong"),
]
for auth in bad:
    try:
        auth.get_access(session.Session())
    except exceptions.Unauthorized:
        continue
    raise SystemExit("somebody was let in")
"#;
