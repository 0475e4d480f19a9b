//! What comes in from outside of the window: a link that a browser opens, a sign-in that is made in one, and a passphrase
//! that nobody gave at the start.

use tandem_service::config::Config;
use tandem_service::credentials::StoreKind;
use tandem_service::profile::Profile;
use tandem_testkit::servers::Moto;
use tandem_testkit::servers::nextcloud::Nextcloud;

use crate::bubbles::Bubbles;
use crate::eventually;
use crate::panel::Panel;
use crate::process::Program;
use crate::session::Session;
use crate::window::start_driven;
use crate::wizard::{self, object};

const BUCKET: &str = "photos";
const PASSPHRASE: &str = "correct horse battery staple";

/// All that the program wrote down.
fn written(session: &Session) -> String {
    let mut text = String::new();
    let mut folders = vec![session.profile()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(content) = std::fs::read(path) {
                text.push_str(&String::from_utf8_lossy(&content));
            }
        }
    }
    text
}

fn start_with(session: &Session, link: &str) -> Program {
    let mut command = session.command();
    command.arg(link);
    Program::start(command)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_reaches_the_running_program_and_does_nothing_that_it_did_not_begin() {
    let session = Session::new().await;
    let bubbles = Bubbles::new(&session).await;
    let (mut program, window) = start_driven(&session).await;
    window.wait_for_heading("Keep two folders in step").await;
    for (link, sentence) in [
        (
            "tandem://sign-in?code=c0de-of-nobody&state=5ca1ab1e",
            "No sign-in waits for this link: it is over, or was not begun here. Nothing was done.",
        ),
        (
            "tandem://pair/remove?name=documents",
            "This link is none that Tandem knows. Nothing was done.",
        ),
    ] {
        let mut again = start_with(&session, link);
        assert_eq!(again.end().await, Some(0));
        eventually(sentence, async || {
            let bubble = bubbles.wait_for("A link was opened").await;
            bubble.body.starts_with(sentence).then_some(())
        })
        .await;
        window.wait_for_text(sentence).await;
        window.go_to("Overview").await;
    }
    assert!(!written(&session).contains("c0de-of-nobody"));
    program.ask_to_end();
    assert_eq!(program.end().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_may_be_what_starts_the_program() {
    let session = Session::new().await;
    let bubbles = Bubbles::new(&session).await;
    let mut program = start_with(&session, "tandem://sign-in?code=x&state=5ca1ab1e");
    let bubble = bubbles.wait_for("A link was opened").await;
    assert!(bubble.body.starts_with("No sign-in waits for this link"));
    program.ask_to_end();
    assert_eq!(program.end().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nextcloud_is_signed_in_to_in_the_browser() {
    let mut session = Session::new().await;
    session.start_keyring().await;
    let server = Nextcloud::start().unwrap();
    let browser = session.use_browser();
    let (mut program, window) = start_driven(&session).await;
    window.wait_for_heading("Keep two folders in step").await;
    window.go_to("Storages").await;
    window.press("Add a storage").await;
    window.press_beginning("Nextcloud").await;
    window.fill("Name", "cloud").await;
    window.fill("Address", &server.url()).await;
    window.press("Sign in with your browser").await;
    let given_up = browser.opened(0).await;
    window.wait_for_text("is open in your browser").await;
    window.press("Give up").await;
    window
        .wait_for_text("The sign-in was given up. Nothing was saved.")
        .await;

    window.press("Sign in with your browser").await;
    let address = browser.opened(1).await;
    assert_ne!(address, given_up);
    assert!(server.grant(&address), "{address}");
    window.wait_for_text("cloud was saved.").await;
    window.press("Test").await;
    window.wait_for_text("What the test found").await;
    // It is signed in to again where it stands.
    window.press("Sign in again").await;
    assert!(server.grant(&browser.opened(2).await));
    window.wait_for_text("Signed in to cloud.").await;
    let config = written(&session);
    assert!(config.contains(server.username()) && !config.contains(server.password()));
    program.ask_to_end();
    assert_eq!(program.end().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passphrase_that_was_not_given_is_asked_for_in_the_window() {
    let mut session = Session::new().await;
    let panel = Panel::new(&session).await;
    let server = Moto::start().unwrap();
    server.make_bucket(BUCKET).unwrap();
    let mut config = Config::new();
    config.settings.secret_store = StoreKind::File;
    config
        .save(&Profile::open(&session.profile()).unwrap())
        .unwrap();
    let here = session.folder("pictures");
    std::fs::write(here.join("cat.jpg"), "a cat").unwrap();
    session.set("TANDEM_PASSPHRASE", Some(PASSPHRASE));
    let (mut program, window) = start_driven(&session).await;
    window.wait_for_heading("Keep two folders in step").await;
    window.press("Choose a folder").await;
    wizard::choose_a_server(&window, &here, &server, BUCKET).await;
    window.press("Start").await;
    panel.wait_for("pictures: In step").await;
    panel.press("Quit").await;
    assert_eq!(program.end().await, Some(0));
    std::fs::write(here.join("dog.jpg"), "a dog").unwrap();

    session.set("TANDEM_PASSPHRASE", None);
    let (mut program, window) = start_driven(&session).await;
    panel.wait_for("1 pair needs you").await;
    window
        .wait_for_text("The saved passwords are locked with a passphrase.")
        .await;
    window.fill("Passphrase", "incorrect horse").await;
    window.press("Unlock").await;
    window
        .wait_for_text("This is not the passphrase of the saved passwords.")
        .await;
    assert_eq!(object(&server, BUCKET, "dog.jpg"), None);
    window.fill("Passphrase", PASSPHRASE).await;
    window.press("Unlock").await;
    let dog = eventually("the dog on the server", async || {
        object(&server, BUCKET, "dog.jpg")
    })
    .await;
    assert_eq!(dog, "a dog");
    panel.wait_for("pictures: In step").await;
    panel.press("Quit").await;
    assert_eq!(program.end().await, Some(0));
    let written = written(&session);
    assert!(!written.contains(PASSPHRASE) && !written.contains("incorrect horse"));
}
