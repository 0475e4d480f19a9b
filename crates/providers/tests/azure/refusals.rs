//! What cannot be done, and how that is said.

use tandem_core::environment::SharedEnvironment;
use tandem_core::error::{Cause, ErrorKind, StorageError};
use tandem_core::path::RelPath;
use tandem_core::storage::{Discard, Expected, Keep, Locator};
use tandem_testkit::real_time::{clock_ahead, real_time};

use crate::bench::{Container, probed, write};

const LONG: &str = "2099-01-01T00:00:00Z";

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

async fn tested(
    container: &Container,
    secret: (&str, &str),
    environment: SharedEnvironment,
) -> Result<(), StorageError> {
    let storage = container.open_with(secret, None, environment).unwrap();
    storage.validate("", &|_| ()).await.capabilities.map(|_| ())
}

#[tokio::test]
async fn a_sas_with_all_rights_does_as_well_as_the_key() {
    let container = Container::fresh();
    let sas = container.server.sas("racwdl", LONG).unwrap();
    tested(&container, ("sas", &sas), real_time())
        .await
        .unwrap();
    let found = probed().await;
    let storage = container
        .open_with(("sas", &sas), Some(&found), real_time())
        .unwrap();
    let root = storage.root("").await.unwrap();
    let (from, to) = (path("from"), path("to"));
    let made = write(&*root, &from, b"text", Expected::Absent)
        .await
        .unwrap();
    let expected = Expected::Revision(made.entry.revision);
    let at = Locator::of_path(from);
    root.move_to(&at, &expected, &to, &Expected::Absent, &Keep::No)
        .await
        .unwrap();
    assert!(root.stat(&at).await.unwrap().is_none());
}

#[tokio::test]
async fn each_wrong_setting_has_its_own_sentence() {
    let container = Container::fresh();
    let missing = Container {
        name: "no-such-container".to_owned(),
        ..container.clone()
    };
    let key = ("account_key", container.server.key());
    let (lists, over) = (
        container.server.sas("rl", LONG).unwrap(),
        container
            .server
            .sas("racwdl", "2021-01-01T00:00:00Z")
            .unwrap(),
    );
    for (container, secret, cause, said) in [
        (
            &container,
            ("account_key", "bm90IHRoZSBrZXk="),
            Cause::AuthDenied,
            "not the key",
        ),
        (
            &missing,
            key,
            Cause::NotFound,
            "there is no container no-such-container",
        ),
        (
            &container,
            ("sas", lists.as_str()),
            Cause::Forbidden,
            "lacks the right",
        ),
        (
            &container,
            ("sas", over.as_str()),
            Cause::AuthExpired,
            "is over",
        ),
        (
            &container,
            ("sas", "?sv=2023-11-03&sig=cut"),
            Cause::AuthDenied,
            "signature",
        ),
    ] {
        let error = tested(container, secret, real_time()).await.unwrap_err();
        assert_eq!(error.cause, cause, "{error}");
        assert!(error.detail.contains(said), "{error}");
        assert!(!error.to_string().contains(secret.1), "{error}");
    }
}

/// Azurite does not look at the time of a request; the service does, and then answers as for a wrong key.
#[tokio::test]
async fn a_clock_that_is_off_is_told_from_a_wrong_key() {
    let container = Container::fresh();
    let secret = ("account_key", "bm90IHRoZSBrZXk=");
    let error = tested(&container, secret, clock_ahead(3_600))
        .await
        .unwrap_err();
    assert_eq!(error.cause, Cause::ClockSkew, "{error}");
}

/// A held lease is somebody's who works on the file: it is waited for and never broken.
#[tokio::test]
async fn what_another_program_leases_is_locked() {
    let container = Container::fresh();
    let root = container
        .open(Some(&probed().await))
        .root("")
        .await
        .unwrap();
    let file = path("file");
    let made = write(&*root, &file, b"text", Expected::Absent)
        .await
        .unwrap();
    let expected = Expected::Revision(made.entry.revision.clone());
    container.ask(
        "PUT",
        "file?comp=lease",
        &["x-ms-lease-action: acquire", "x-ms-lease-duration: -1"],
    );
    let at = Locator::of_path(file.clone());
    let written = write(&*root, &file, b"other", expected.clone())
        .await
        .unwrap_err();
    let deleted = root
        .delete(&at, &expected, &Keep::No, Discard::Forever)
        .await
        .unwrap_err();
    for error in [written, deleted] {
        assert_eq!(error.cause, Cause::Locked, "{error}");
        assert!(matches!(error.kind, ErrorKind::Transient { .. }));
        assert!(error.detail.contains("lease"), "{error}");
    }
    assert_eq!(
        root.stat(&at).await.unwrap().unwrap().revision,
        made.entry.revision
    );
}

#[tokio::test]
async fn what_has_snapshots_is_not_deleted_with_them() {
    let container = Container::fresh();
    let root = container
        .open(Some(&probed().await))
        .root("")
        .await
        .unwrap();
    let file = path("file");
    let made = write(&*root, &file, b"text", Expected::Absent)
        .await
        .unwrap();
    container.ask("PUT", "file?comp=snapshot", &[]);
    let at = Locator::of_path(file);
    let expected = Expected::Revision(made.entry.revision);
    let error = root
        .delete(&at, &expected, &Keep::No, Discard::Forever)
        .await
        .unwrap_err();
    assert_eq!(error.cause, Cause::Forbidden, "{error}");
    assert!(error.detail.contains("snapshots"), "{error}");
    assert!(root.stat(&at).await.unwrap().is_some());
}

impl Container {
    /// A request about a blob, by curl with a SAS.
    pub(crate) fn ask(&self, method: &str, blob: &str, headers: &[&str]) {
        let and = if blob.contains('?') { "&" } else { "?" };
        let sas = self.server.sas("racwdl", LONG).unwrap();
        let sas = sas.trim_start_matches('?');
        let mut command = std::process::Command::new("curl");
        command.args([
            "-q",
            "--silent",
            "--show-error",
            "--fail-with-body",
            "--noproxy",
            "*",
        ]);
        command.args(["--request", method, "--header", "content-length: 0"]);
        for header in headers {
            command.args(["--header", header]);
        }
        command.arg(format!(
            "{}/{}/{blob}{and}{sas}",
            self.server.endpoint(),
            self.name
        ));
        let done = command.output().unwrap();
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stdout)
        );
    }
}
