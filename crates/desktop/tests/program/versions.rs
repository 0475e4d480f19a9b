//! Both versions of a conflict in the window's own engine: what they hold is read by the program and shown under its policy.

use std::path::Path;

use crate::eventually;
use crate::panel::Panel;
use crate::session::Session;
use crate::window::start_driven;
use crate::wizard;

fn icon(size: &str) -> Vec<u8> {
    let icons = Path::new(env!("CARGO_MANIFEST_DIR")).join("gen/icons");
    std::fs::read(icons.join(size)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn pictures_and_texts_are_compared_and_a_merged_text_reaches_both_sides() {
    let session = Session::new().await;
    let panel = Panel::new(&session).await;
    let (here, there) = (session.folder("documents"), session.folder("disk"));
    std::fs::write(here.join("a.txt"), "a").unwrap();
    let (mut program, window) = start_driven(&session).await;
    window.wait_for_heading("Keep two folders in step").await;
    window.press("Choose a folder").await;
    wizard::choose_two_folders(&window, &here, &there).await;
    window.press("Start").await;
    panel.wait_for("documents: In step").await;

    panel.press("Pause > Until I resume").await;
    panel.wait_for("documents: Paused").await;
    std::fs::write(here.join("poster.png"), icon("32x32.png")).unwrap();
    std::fs::write(there.join("poster.png"), icon("128x128.png")).unwrap();
    panel.press("Resume").await;
    panel.wait_for("Conflicts (1)").await;
    window.go_to("Conflicts").await;
    window.wait_for_text("32 × 32 pixels").await;
    window.wait_for_text("128 × 128 pixels").await;
    eventually("both pictures", async || {
        (window.pictures().await == 2).then_some(())
    })
    .await;
    window.press("Keep both").await;
    window.wait_for_heading("No conflicts").await;

    panel.press("Pause > Until I resume").await;
    panel.wait_for("documents: Paused").await;
    std::fs::write(here.join("plan.md"), "Title\nfrom 1 March on\n").unwrap();
    std::fs::write(there.join("plan.md"), "Title\nfrom 15 March on\n").unwrap();
    panel.press("Resume").await;
    panel.wait_for("Conflicts (1)").await;
    window.wait_for_text("1 line differs").await;
    window.press("Merge").await;
    window
        .fill("The text that both sides get", "from 8 March on")
        .await;
    window.press("Save merged text").await;
    for side in [&here, &there] {
        eventually("the merged text", async || {
            let text = std::fs::read_to_string(side.join("plan.md")).unwrap_or_default();
            (text == "from 8 March on").then_some(())
        })
        .await;
    }
    window.wait_for_heading("No conflicts").await;
    panel.press("Quit").await;
    assert_eq!(program.end().await, Some(0));
}
