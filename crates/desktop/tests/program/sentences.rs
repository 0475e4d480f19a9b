//! What a storage refuses is said in the window in the same words as on the command line, which prints what the service
//! answers (`bad_input` of the command line's tests).

use std::collections::BTreeMap;
use std::sync::Arc;

use tandem_service::credentials::{AskPassphrase, StoreKind};
use tandem_service::fault::Failure;
use tandem_service::redact::Redactor;
use tandem_service::request::{Request, StorageSpec};
use tandem_service::secret::SecretText;
use tandem_service::service::Service;
use tandem_testkit::servers::webdav::WsgiDav;
use tandem_testkit::servers::{Moto, S3sFs};
use tokio::sync::mpsc;

use crate::session::Session;
use crate::window::{Window, start_driven};

/// A storage as a person types it.
struct Typed {
    kind: (&'static str, &'static str),
    fields: Vec<(&'static str, &'static str, bool, String)>,
}

/// What a field is called, its key, whether it is secret, and what goes into it.
fn field(
    label: &'static str,
    key: &'static str,
    is_secret: bool,
    value: &str,
) -> (&'static str, &'static str, bool, String) {
    (label, key, is_secret, value.to_owned())
}

impl Typed {
    fn s3(endpoint: &str, bucket: &str, key: &str, secret: &str) -> Self {
        Self {
            kind: ("Another service that speaks S3", "s3-compatible"),
            fields: vec![
                field("Endpoint", "endpoint", false, endpoint),
                field("Bucket", "bucket", false, bucket),
                field("Access key ID", "access_key_id", true, key),
                field("Secret access key", "secret_access_key", true, secret),
            ],
        }
    }

    fn webdav(url: &str, username: &str, password: &str) -> Self {
        Self {
            kind: ("WebDAV", "webdav"),
            fields: vec![
                field("Address", "url", false, url),
                field("User name (optional)", "username", false, username),
                field("Password (optional)", "password", true, password),
            ],
        }
    }

    /// What the service says of it.
    async fn refusal(&self) -> Failure {
        let home = tempfile::tempdir().unwrap();
        let ask: AskPassphrase = Arc::new(|_| Ok(SecretText::new("a passphrase".to_owned())));
        let service = Service::open(home.path(), ask, Redactor::default()).unwrap();
        let of = |is_secret: bool| {
            let chosen = self.fields.iter().filter(move |field| field.2 == is_secret);
            chosen.map(|(_, key, _, value)| ((*key).to_owned(), value.clone()))
        };
        let secrets = of(true).map(|(key, value)| (key, SecretText::new(value)));
        let spec = StorageSpec {
            name: "attic".to_owned(),
            type_name: Some(self.kind.1.to_owned()),
            config: of(false).collect::<BTreeMap<_, _>>(),
            secrets: secrets.collect(),
            test: true,
            store: Some(StoreKind::File),
            ..StorageSpec::default()
        };
        let answer = service.handle(Request::StorageAdd(spec), mpsc::channel(1024).0);
        let mut failure = answer.await.unwrap_err();
        failure.for_window();
        failure
    }

    async fn type_into(&self, window: &Window) {
        window.press_beginning(self.kind.0).await;
        window.fill("Name", "attic").await;
        for (label, _, _, value) in &self.fields {
            window.fill(label, value).await;
        }
        window.press("Test and save").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_said_in_the_same_words() {
    let mut session = Session::new().await;
    session.start_keyring().await;
    let (moto, s3s) = (Moto::start().unwrap(), S3sFs::start().unwrap());
    let dav = WsgiDav::start().unwrap();
    let no_such_folder = format!("{}/nowhere", dav.url());
    let nobody = "http://127.0.0.1:9";
    let (key, secret) = (s3s.access_key(), s3s.secret_key());
    let cases = [
        (
            "not_found",
            Typed::s3(moto.endpoint(), "nowhere", key, secret),
        ),
        (
            "auth_denied",
            Typed::s3(s3s.endpoint(), "photos", key, "of somebody else"),
        ),
        ("offline", Typed::s3(nobody, "photos", key, secret)),
        (
            "auth_denied",
            Typed::webdav(dav.url(), dav.username(), "of somebody else"),
        ),
        (
            "not_found",
            Typed::webdav(&no_such_folder, dav.username(), dav.password()),
        ),
    ];
    let (mut program, window) = start_driven(&session).await;
    window.wait_for_heading("Keep two folders in step").await;
    for (cause, typed) in cases {
        let refusal = typed.refusal().await;
        assert!(
            !refusal.message.is_empty() && !refusal.next_step.is_empty(),
            "{cause}"
        );
        window.go_to("Overview").await;
        window.go_to("Storages").await;
        window.press("Add a storage").await;
        typed.type_into(&window).await;
        window.wait_for_text(&refusal.message).await;
        window.wait_for_text(&refusal.next_step).await;
        assert_eq!(refusal.cause, cause, "{}", refusal.message);
    }
    program.ask_to_end();
    assert_eq!(program.end().await, Some(0));
}
