//! The thinnest way through the program: it starts, its tray is there, its window opens and closes, it ends.

use crate::eventually;
use crate::panel::Panel;
use crate::process::Program;
use crate::screen::Screen;
use crate::session::Session;
use crate::window::start_driven;

const TITLE: &str = "Tandem";

#[tokio::test(flavor = "multi_thread")]
async fn it_starts_shows_its_tray_opens_and_closes_its_window_and_quits() {
    let session = Session::new().await;
    let (panel, screen) = (Panel::new(&session).await, Screen::of(&session));
    let mut program = session.start();

    panel.wait_for_item().await;
    panel.wait_for("Keep two folders in step").await;
    assert!(panel.icon().await.starts_with(b"\x89PNG"));
    let lines = panel.lines().await;
    let heading = &lines[0];
    assert_eq!(heading.text, "Keep two folders in step");
    assert!(!heading.is_enabled, "it says the state and does nothing");
    let texts: Vec<_> = lines.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(texts, ["Keep two folders in step", "Open Tandem", "Quit"]);

    // The window costs memory, so there is none without a person who looks.
    screen.close(screen.window(TITLE).await);
    eventually("no window and no process but its own", async || {
        (screen.windows(TITLE).is_empty() && program.others().is_empty()).then_some(())
    })
    .await;
    assert!(panel.texts().await.contains(&"Open Tandem".to_owned()));

    panel.press("Open Tandem").await;
    let window = screen.window(TITLE).await;
    eventually("a page in it", async || {
        screen.shows_a_page(window).then_some(())
    })
    .await;

    panel.press("Quit").await;
    assert_eq!(program.end().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_window_leads_to_the_wizard() {
    let session = Session::new().await;
    let panel = Panel::new(&session).await;
    let (mut program, window) = start_driven(&session).await;
    window.wait_for_heading("Keep two folders in step").await;
    window.press("Choose a folder").await;
    window
        .wait_for_heading("Which folder should stay in step?")
        .await;
    panel.press("Quit").await;
    assert_eq!(program.end().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_opens_the_window_of_the_first_and_ends() {
    let session = Session::new().await;
    let (panel, screen) = (Panel::new(&session).await, Screen::of(&session));
    let mut program = session.start();
    panel.wait_for_item().await;
    screen.close(screen.window(TITLE).await);
    eventually("no window", async || {
        screen.windows(TITLE).is_empty().then_some(())
    })
    .await;
    let mut second = session.start();
    assert_eq!(second.end().await, Some(0));
    let window = screen.window(TITLE).await;
    eventually("a page in it", async || {
        screen.shows_a_page(window).then_some(())
    })
    .await;
    panel.press("Quit").await;
    assert_eq!(program.end().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_profile_has_a_program_of_its_own() {
    let session = Session::new().await;
    let panel = Panel::new(&session).await;
    let mut program = session.start();
    panel.wait_for_item().await;
    let other = session.folder("other-profile");
    let mut command = session.command();
    command.arg("--profile").arg(&other);
    let mut second = Program::start(command);
    // Its log is written once the profile is its own.
    eventually("the second profile in use", async || {
        std::fs::read_dir(other.join("logs")).ok()?.next().map(drop)
    })
    .await;
    second.ask_to_end();
    assert_eq!(second.end().await, Some(0));
    program.ask_to_end();
    assert_eq!(program.end().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_session_it_starts_without_a_window_and_ends_with_it() {
    let session = Session::new().await;
    let (panel, screen) = (Panel::new(&session).await, Screen::of(&session));
    let mut command = session.command();
    command.arg("--at-login");
    let mut program = crate::process::Program::start(command);
    panel.wait_for("Keep two folders in step").await;
    assert!(screen.windows(TITLE).is_empty());
    assert_eq!(program.others(), [""; 0]);
    program.ask_to_end();
    assert_eq!(program.end().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn starting_with_the_session_is_chosen_in_the_settings() {
    let session = Session::new().await;
    let panel = Panel::new(&session).await;
    // Of this name is the entry in the packages too, which this one takes the place of.
    let entry = session.path(".config/autostart/Tandem.desktop");
    let (mut program, window) = start_driven(&session).await;
    window.go_to("Settings").await;
    window.choose("Start when you sign in").await;
    let command = eventually("the entry", async || {
        let text = std::fs::read_to_string(&entry).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("Exec="))?;
        Some(line.to_owned())
    })
    .await;
    assert!(command.ends_with("tandem-desktop --at-login"), "{command}");
    window.choose("Start when you sign in").await;
    eventually("no entry", async || (!entry.exists()).then_some(())).await;
    panel.press("Quit").await;
    assert_eq!(program.end().await, Some(0));
}
