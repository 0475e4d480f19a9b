//! What can be wrong with the computer around the program: each is a sentence with a next step, and nothing is lost.

use tandem_testkit::servers::{Moto, S3Server};

use crate::bubbles::Bubbles;
use crate::eventually;
use crate::panel::Panel;
use crate::process::Program;
use crate::session::Session;
use crate::window::{Window, start_driven};
use crate::wizard::{self, object};

const BUCKET: &str = "photos";

fn server() -> S3Server {
    let server = Moto::start().unwrap();
    server.make_bucket(BUCKET).unwrap();
    server
}

/// A pair with a server, in step; the program has ended.
async fn pair_with(server: &S3Server, session: &Session, panel: &Panel) {
    let here = session.folder("pictures");
    std::fs::write(here.join("cat.jpg"), "a cat").unwrap();
    let (mut program, window) = start_driven(session).await;
    window.press("Choose a folder").await;
    wizard::choose_a_server(&window, &here, server, BUCKET).await;
    window.press("Start").await;
    panel.wait_for("pictures: In step").await;
    quit(&mut program, panel).await;
}

async fn quit(program: &mut Program, panel: &Panel) {
    panel.press("Quit").await;
    assert_eq!(program.0.end().await.code(), Some(0));
}

async fn open_the_wizard(window: &Window) {
    window.wait_for_heading("Keep two folders in step").await;
    window.press("Choose a folder").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_session_bus_the_window_is_all_there_is() {
    let session = Session::without_bus();
    let (here, there) = (session.folder("documents"), session.folder("disk"));
    std::fs::write(here.join("a.txt"), "a").unwrap();
    let (mut program, window) = start_driven(&session).await;
    open_the_wizard(&window).await;
    wizard::choose_two_folders(&window, &here, &there).await;
    window.press("Start").await;
    eventually("the file", async || {
        there.join("a.txt").exists().then_some(())
    })
    .await;
    window.wait_for_heading("Your pair is in step").await;
    program.0.ask_to_end();
    assert_eq!(program.0.end().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_tray_a_person_is_told_that_syncing_goes_on() {
    let session = Session::new().await;
    let (bubbles, screen) = (
        Bubbles::new(&session).await,
        crate::screen::Screen::of(&session),
    );
    let mut program = session.start();
    screen.close(screen.window("Tandem").await);
    let bubble = bubbles.wait_for("Syncing goes on").await;
    assert_eq!(bubble.body, "Start Tandem again to open the window.");
    let mut again = session.start();
    assert_eq!(again.0.end().await.code(), Some(0));
    screen.window("Tandem").await;
    program.0.ask_to_end();
    assert_eq!(program.0.end().await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_that_cannot_be_written_is_a_sentence_and_opens_once_it_can() {
    let session = Session::new().await;
    let panel = Panel::new(&session).await;
    // No rights keep root out, so something else stands where the folder should be.
    std::fs::create_dir_all(session.profile().parent().unwrap()).unwrap();
    std::fs::write(session.profile(), "a file").unwrap();
    let (mut program, window) = start_driven(&session).await;
    let sentence = format!(
        "The profile folder {} cannot be used",
        session.profile().display()
    );
    window.wait_for_text(&sentence).await;
    window.wait_for_text("write access to it").await;
    let heading = panel.lines().await.swap_remove(0);
    assert!(heading.text.starts_with(&sentence), "{heading:?}");
    std::fs::remove_file(session.profile()).unwrap();
    window.wait_for_heading("Keep two folders in step").await;
    quit(&mut program, &panel).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_cannot_be_written_is_a_sentence() {
    let session = Session::new().await;
    let panel = Panel::new(&session).await;
    let (here, there) = (session.folder("documents"), session.folder("disk"));
    std::fs::write(here.join("a.txt"), "a").unwrap();
    let (mut program, window) = start_driven(&session).await;
    open_the_wizard(&window).await;
    wizard::choose_two_folders(&window, &here, &there).await;
    window.press("Start").await;
    panel.wait_for("documents: In step").await;
    std::fs::remove_dir_all(&there).unwrap();
    std::fs::write(here.join("b.txt"), "b").unwrap();
    panel.wait_for("1 pair needs you").await;
    window.press("Review").await;
    window
        .wait_for_text(&format!("The folder {} is missing.", there.display()))
        .await;
    assert!(here.join("a.txt").exists());
    quit(&mut program, &panel).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keyring_that_comes_after_login_is_waited_for() {
    let mut session = Session::new().await;
    session.start_keyring().await;
    let (panel, server) = (Panel::new(&session).await, server());
    pair_with(&server, &session, &panel).await;
    session.stop_keyring();
    std::fs::write(session.path("pictures/dog.jpg"), "a dog").unwrap();

    let (mut program, window) = start_driven(&session).await;
    panel.wait_for("pictures: Waits for the keyring").await;
    window.wait_for_text("Waits for the keyring").await;
    assert_eq!(object(&server, BUCKET, "dog.jpg"), None);

    session.start_keyring().await;
    panel.wait_for("pictures: In step").await;
    assert_eq!(object(&server, BUCKET, "dog.jpg").as_deref(), Some("a dog"));
    quit(&mut program, &panel).await;
}
