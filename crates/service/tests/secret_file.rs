//! `secrets.age`: sealed with a passphrase, readable with it alone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what went wrong by stopping"
)]

use std::sync::{Arc, Mutex};

use tandem_service::credentials::{
    AskPassphrase, Asked, SecretError, SecretStores, Secrets, StoreKind,
};
use tandem_service::profile::Profile;
use tandem_service::redact::Redactor;
use tandem_service::secret::SecretText;

fn stores(profile: &Profile, passphrase: Option<&str>) -> SecretStores {
    let passphrase = passphrase.map(|p| SecretText::new(p.to_owned()));
    let ask: AskPassphrase = Arc::new(move |_| passphrase.clone().ok_or(SecretError::NoPassphrase));
    SecretStores::new(profile, ask, Redactor::default())
}

fn secrets(value: &str) -> Secrets {
    [(
        "secret_access_key".to_owned(),
        SecretText::new(value.to_owned()),
    )]
    .into()
}

#[tokio::test]
async fn secrets_come_back_with_the_passphrase_and_only_with_it() {
    let scratch = tempfile::tempdir().unwrap();
    let profile = Profile::open(scratch.path()).unwrap();
    let store = stores(&profile, Some("correct horse")).store(StoreKind::File);
    assert_eq!(store.load("one").await.unwrap(), Secrets::new());
    store
        .save("one", secrets("s3cr3t-value-of-one"))
        .await
        .unwrap();
    store
        .save("two", secrets("s3cr3t-value-of-two"))
        .await
        .unwrap();

    let again = stores(&profile, Some("correct horse")).store(StoreKind::File);
    assert_eq!(
        again.load("one").await.unwrap(),
        secrets("s3cr3t-value-of-one")
    );
    let wrong = stores(&profile, Some("wrong")).store(StoreKind::File);
    assert_eq!(
        wrong.load("one").await.unwrap_err(),
        SecretError::WrongPassphrase
    );
    assert_eq!(
        wrong.save("one", secrets("x")).await.unwrap_err(),
        SecretError::WrongPassphrase
    );
    for nothing in [None, Some("")] {
        let none = stores(&profile, nothing).store(StoreKind::File);
        assert_eq!(
            none.load("one").await.unwrap_err(),
            SecretError::NoPassphrase
        );
    }

    again.save("one", Secrets::new()).await.unwrap();
    let third = stores(&profile, Some("correct horse")).store(StoreKind::File);
    assert_eq!(third.load("one").await.unwrap(), Secrets::new());
    assert_eq!(
        third.load("two").await.unwrap(),
        secrets("s3cr3t-value-of-two")
    );
}

#[tokio::test]
async fn the_file_shows_no_secret_and_is_closed_to_others() {
    let scratch = tempfile::tempdir().unwrap();
    let profile = Profile::open(scratch.path()).unwrap();
    let store = stores(&profile, Some("correct horse")).store(StoreKind::File);
    store
        .save("one", secrets("s3cr3t-value-of-one"))
        .await
        .unwrap();
    let content = profile.read("secrets.age").unwrap().unwrap();
    assert!(content.starts_with(b"age-encryption.org/v1\n-> scrypt "));
    for plain in [&b"s3cr3t"[..], b"correct horse", b"secret_access_key"] {
        assert!(!content.windows(plain.len()).any(|w| w == plain));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let meta = std::fs::metadata(profile.folder().join("secrets.age")).unwrap();
        assert_eq!(meta.permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn a_damaged_file_is_said_and_kept() {
    let scratch = tempfile::tempdir().unwrap();
    let profile = Profile::open(scratch.path()).unwrap();
    profile.write("secrets.age", b"not age at all").unwrap();
    let store = stores(&profile, Some("correct horse")).store(StoreKind::File);
    assert!(matches!(
        store.load("one").await.unwrap_err(),
        SecretError::Damaged(_)
    ));
    assert!(matches!(
        store.save("one", secrets("x")).await.unwrap_err(),
        SecretError::Damaged(_)
    ));
    assert_eq!(
        profile.read("secrets.age").unwrap().unwrap(),
        b"not age at all"
    );
}

/// Asks a person who answers so, one answer after the other.
fn person(answers: &[&str]) -> (AskPassphrase, Arc<Mutex<Vec<Asked>>>) {
    let mut left = answers
        .iter()
        .map(|p| SecretText::new((*p).to_owned()))
        .collect::<Vec<_>>();
    left.reverse();
    let left = Mutex::new(left);
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&asked);
    let ask: AskPassphrase = Arc::new(move |what| {
        noted.lock().unwrap().push(what);
        left.lock().unwrap().pop().ok_or(SecretError::NoPassphrase)
    });
    (ask, asked)
}

#[tokio::test]
async fn a_slip_is_asked_about_again_and_only_what_opened_the_file_is_remembered() {
    let scratch = tempfile::tempdir().unwrap();
    let profile = Profile::open(scratch.path()).unwrap();
    let (ask, asked) = person(&["correct horse"]);
    let store = SecretStores::new(&profile, ask, Redactor::default()).store(StoreKind::File);
    store
        .save("one", secrets("s3cr3t-value-of-one"))
        .await
        .unwrap();
    store
        .save("two", secrets("s3cr3t-value-of-two"))
        .await
        .unwrap();
    assert_eq!(*asked.lock().unwrap(), [Asked::New]);

    let (ask, asked) = person(&["correct hrose", "correct horse"]);
    let store = SecretStores::new(&profile, ask, Redactor::default()).store(StoreKind::File);
    assert_eq!(
        store.load("one").await.unwrap_err(),
        SecretError::WrongPassphrase
    );
    assert_eq!(
        store.load("one").await.unwrap(),
        secrets("s3cr3t-value-of-one")
    );
    store.save("two", Secrets::new()).await.unwrap();
    assert_eq!(*asked.lock().unwrap(), [Asked::Known, Asked::Known]);
}

#[tokio::test]
async fn an_unconfirmed_passphrase_seals_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    let profile = Profile::open(scratch.path()).unwrap();
    let ask: AskPassphrase = Arc::new(|_| Err(SecretError::Unconfirmed));
    let store = SecretStores::new(&profile, ask, Redactor::default()).store(StoreKind::File);
    let error = store.save("one", secrets("x")).await.unwrap_err();
    assert_eq!(error, SecretError::Unconfirmed);
    assert_eq!(profile.read("secrets.age").unwrap(), None);
}

#[tokio::test]
async fn a_passphrase_that_comes_later_opens_the_file_until_the_program_ends() {
    let scratch = tempfile::tempdir().unwrap();
    let profile = Profile::open(scratch.path()).unwrap();
    let given = |text: &str| SecretText::new(text.to_owned());
    let later = stores(&profile, None);
    // There is nothing to open yet, and nothing is made.
    assert_eq!(
        later.unlock(given("correct horse")).await.unwrap_err(),
        SecretError::Missing
    );
    assert!(profile.read("secrets.age").unwrap().is_none());
    let first = stores(&profile, Some("correct horse")).store(StoreKind::File);
    first.save("one", secrets("of one")).await.unwrap();

    let store = later.store(StoreKind::File);
    assert_eq!(
        store.load("one").await.unwrap_err(),
        SecretError::NoPassphrase
    );
    for wrong in ["", "wrong"] {
        assert!(later.unlock(given(wrong)).await.is_err());
        assert!(store.load("one").await.is_err());
    }
    later.unlock(given("correct horse")).await.unwrap();
    assert_eq!(store.load("one").await.unwrap(), secrets("of one"));
    // A slip afterwards takes nothing away.
    assert_eq!(
        later.unlock(given("wrong")).await.unwrap_err(),
        SecretError::WrongPassphrase
    );
    assert_eq!(store.load("one").await.unwrap(), secrets("of one"));
    assert!(
        stores(&profile, None)
            .store(StoreKind::File)
            .load("one")
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_file_is_begun_with_a_passphrase_and_one_that_is_there_keeps_its_own() {
    let scratch = tempfile::tempdir().unwrap();
    let profile = Profile::open(scratch.path()).unwrap();
    let nobody = stores(&profile, None);
    let begin = async |text: &str| {
        let given = SecretText::new(text.to_owned());
        nobody.begin_file(given).await
    };
    assert_eq!(begin("").await, Err(SecretError::NoPassphrase));
    assert!(!scratch.path().join("secrets.age").exists());
    begin("correct horse").await.unwrap();
    // It is open now, and nobody needs to be asked.
    let store = nobody.store(StoreKind::File);
    store.save("one", secrets("s3cr3t")).await.unwrap();
    assert_eq!(begin("wrong").await, Err(SecretError::WrongPassphrase));
    begin("correct horse").await.unwrap();
    assert_eq!(store.load("one").await.unwrap(), secrets("s3cr3t"));
    let again = stores(&profile, Some("correct horse")).store(StoreKind::File);
    assert_eq!(again.load("one").await.unwrap(), secrets("s3cr3t"));
}
