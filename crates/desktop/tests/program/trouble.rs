//! What can be wrong with the computer around the program: each is a sentence with a next step, and nothing is lost.

use tandem_testkit::servers::{Moto, S3Server};

use crate::bubbles::Bubbles;
use crate::eventually;
use crate::panel::Panel;
use crate::process::Program;
use crate::session::Session;
use crate::window::{Window, start_driven};
use crate::wizard::{self, object};

const PASSPHRASE: &str = "correct horse battery staple";
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
    assert_eq!(program.end().await, Some(0));
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
    program.ask_to_end();
    assert_eq!(program.end().await, Some(0));
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
    assert_eq!(again.end().await, Some(0));
    screen.window("Tandem").await;
    program.ask_to_end();
    assert_eq!(program.end().await, Some(0));
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
    window
        .wait_for_text("Give your user write access to it. Tandem looks again by itself.")
        .await;
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
async fn without_a_display_it_says_so_in_the_terminal() {
    let session = Session::without_bus();
    for display in [None, Some(":4242")] {
        let mut command = session.command();
        match display {
            Some(display) => command.env("DISPLAY", display),
            None => command.env_remove("DISPLAY"),
        };
        let mut program = Program::start(command);
        assert_eq!(program.end().await, Some(2));
        let said = program.complaints();
        assert!(
            said.contains(
                "There is no display for a window or a tray. Start it in a desktop session"
            ),
            "{said}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_on_a_disk_that_is_read_only_is_a_sentence() {
    let mut session = Session::new().await;
    let panel = Panel::new(&session).await;
    let profile = session.profile();
    session.put_small_disk(&profile, "size=4m,ro");
    let (mut program, window) = start_driven(&session).await;
    let sentence = format!("The profile folder {} cannot be used", profile.display());
    window.wait_for_text(&sentence).await;
    window
        .wait_for_text("Give your user write access to it. Tandem looks again by itself.")
        .await;
    // The settings need it too, and nothing else breaks.
    window.go_to("Settings").await;
    window.wait_for_heading("Settings").await;
    quit(&mut program, &panel).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_a_sentence_and_what_fits_is_carried() {
    let mut session = Session::new().await;
    let panel = Panel::new(&session).await;
    let (here, there) = (session.folder("documents"), session.folder("disk"));
    std::fs::write(here.join("small.txt"), "small").unwrap();
    std::fs::write(here.join("large.bin"), vec![7; 32 << 20]).unwrap();
    session.put_small_disk(&there, "size=16m");
    let (mut program, window) = start_driven(&session).await;
    open_the_wizard(&window).await;
    wizard::choose_two_folders(&window, &here, &there).await;
    window.press("Start").await;
    panel.wait_for("1 pair needs you").await;
    window.press("Review").await;
    window.wait_for_text("There is no room on").await;
    window
        .wait_for_text("Free some, or carry fewer folders. No file was cut short.")
        .await;
    assert_eq!(
        std::fs::read(here.join("large.bin")).unwrap().len(),
        32 << 20
    );
    quit(&mut program, &panel).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_under_the_profile_is_a_sentence() {
    let mut session = Session::new().await;
    let panel = Panel::new(&session).await;
    let (here, there) = (session.folder("documents"), session.folder("disk"));
    for n in 0..4000 {
        std::fs::write(here.join(format!("{n}.txt")), n.to_string()).unwrap();
    }
    let profile = session.profile();
    session.put_small_disk(&profile, "size=600k,mode=700");
    let (mut program, window) = start_driven(&session).await;
    open_the_wizard(&window).await;
    wizard::choose_two_folders(&window, &here, &there).await;
    window.press("Start").await;
    panel.wait_for("1 pair has stopped").await;
    window
        .wait_for_text("Tandem's notes about the files of documents cannot be written")
        .await;
    window
        .wait_for_text("Check the disk that holds the profile; no file was cut short.")
        .await;
    for n in 0..4000 {
        let name = format!("{n}.txt");
        assert_eq!(
            std::fs::read_to_string(here.join(&name)).unwrap(),
            n.to_string()
        );
        // What arrived is whole.
        if let Ok(arrived) = std::fs::read_to_string(there.join(name)) {
            assert_eq!(arrived, n.to_string());
        }
    }
    quit(&mut program, &panel).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_notes_are_a_sentence_and_both_sides_are_compared_again_when_asked() {
    let session = Session::new().await;
    let panel = Panel::new(&session).await;
    let (here, there) = (session.folder("documents"), session.folder("disk"));
    std::fs::write(here.join("a.txt"), "a").unwrap();
    let (mut program, window) = start_driven(&session).await;
    open_the_wizard(&window).await;
    wizard::choose_two_folders(&window, &here, &there).await;
    window.press("Start").await;
    panel.wait_for("documents: In step").await;
    quit(&mut program, &panel).await;
    let notes = std::fs::read_dir(session.profile().join("pairs")).unwrap();
    for file in notes.map(|entry| entry.unwrap().path()) {
        if file.extension().is_some_and(|ending| ending != "begun") {
            std::fs::write(file, "this was a database once, before the disk went bad").unwrap();
        }
    }
    std::fs::write(there.join("b.txt"), "b").unwrap();

    let (mut program, window) = start_driven(&session).await;
    panel.wait_for("1 pair has stopped").await;
    window
        .wait_for_text("Tandem's notes about the files of documents are damaged.")
        .await;
    window
        .wait_for_text("Your files are not affected. Both sides can be compared again, and nothing is deleted.")
        .await;
    assert!(!here.join("b.txt").exists());
    window.press("Compare both sides again").await;
    panel.wait_for("documents: In step").await;
    assert_eq!(std::fs::read_to_string(here.join("b.txt")).unwrap(), "b");
    assert_eq!(std::fs::read_to_string(there.join("a.txt")).unwrap(), "a");
    quit(&mut program, &panel).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_keyring_nothing_is_saved_until_it_comes_or_a_passphrase_is_given() {
    for mut session in [Session::new().await, Session::without_bus()] {
        let server = server();
        let here = session.folder("pictures");
        let (mut program, window) = start_driven(&session).await;
        open_the_wizard(&window).await;
        wizard::choose_folder(&window, &here).await;
        wizard::describe_server(&window, server.endpoint(), &server, BUCKET).await;
        window
            .wait_for_text("There is no keyring on this computer.")
            .await;
        window
            .wait_for_text("Install one, such as GNOME Keyring, and unlock it.")
            .await;
        window.wait_for_text("Nothing was saved.").await;
        // Once it is there, the same button goes on. Without a bus it cannot come, and there is another way.
        if session.has_bus() {
            session.start_keyring().await;
            window.press("Test, save and continue").await;
        } else {
            window.fill("New passphrase", PASSPHRASE).await;
            window.fill("The same again", PASSPHRASE).await;
            window.press("Keep them there and go on").await;
        }
        window.wait_for_heading("Which folder on attic?").await;
        let file = session.profile().join("secrets.age");
        assert_eq!(file.exists(), !session.has_bus());
        program.ask_to_end();
        assert_eq!(program.end().await, Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_keyring_is_a_sentence_and_is_waited_for() {
    let mut session = Session::new().await;
    session.start_keyring().await;
    let (panel, server) = (Panel::new(&session).await, server());
    pair_with(&server, &session, &panel).await;
    session.start_locked_keyring().await;
    std::fs::write(session.path("pictures/dog.jpg"), "a dog").unwrap();

    let (mut program, window) = start_driven(&session).await;
    panel.wait_for("pictures: Waits for the keyring").await;
    window
        .wait_for_text("Tandem cannot read the saved passwords.")
        .await;
    window
        .wait_for_text("Unlock the keyring, then syncing starts by itself.")
        .await;
    assert_eq!(object(&server, BUCKET, "dog.jpg"), None);

    session.start_keyring().await;
    let dog = eventually("the dog on the server", async || {
        object(&server, BUCKET, "dog.jpg")
    })
    .await;
    assert_eq!(dog, "a dog");
    panel.wait_for("pictures: In step").await;
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
    let dog = eventually("the dog on the server", async || {
        object(&server, BUCKET, "dog.jpg")
    })
    .await;
    assert_eq!(dog, "a dog");
    panel.wait_for("pictures: In step").await;
    quit(&mut program, &panel).await;
}
