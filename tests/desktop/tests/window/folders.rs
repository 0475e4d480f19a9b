//! Two folders on this computer, from the first start to Quit.

use crate::scene::{Scene, on_disk};
use crate::tray;

#[tokio::test(flavor = "multi_thread")]
async fn a_person_keeps_two_folders_in_step_by_window_and_tray() {
    let scene = Scene::first_run().await;
    let page = &scene.page;
    let source = scene.desktop.folder("Documents", &[("letter.txt", "one")]);
    let destination = scene.desktop.folder("Copy", &[]);
    page.reads("Keep two folders in step").await;
    page.picture("first-run").await;
    page.press("Choose a folder").await;
    scene.pair_folders(&source, &destination).await;

    // It is carried, and everybody says so.
    on_disk(&destination.join("letter.txt"), Some("one")).await;
    page.reads("Your pair is in step").await;
    tray::says(&scene.desktop, "Your pair is in step").await;
    scene.notified("documents is in step").await;
    page.picture("overview").await;

    // Both ways.
    std::fs::write(destination.join("reply.txt"), "two").unwrap();
    on_disk(&source.join("reply.txt"), Some("two")).await;

    conflict(&scene, &source, &destination).await;
    hold_and_undo(&scene, &source, &destination).await;
    scene.quit().await;
}

/// Both sides change one file while the pair is paused.
async fn conflict(scene: &Scene, source: &std::path::Path, destination: &std::path::Path) {
    let page = &scene.page;
    tray::click(&scene.desktop, "Until I resume").await;
    tray::says(&scene.desktop, "Paused").await;
    std::fs::write(source.join("letter.txt"), "mine").unwrap();
    std::fs::write(destination.join("letter.txt"), "theirs").unwrap();
    tray::click(&scene.desktop, "Resume").await;
    page.shows("1 conflict waits for you").await;
    page.go("Conflicts").await;
    page.reads("letter.txt").await;
    page.picture("conflicts").await;
    page.press("Keep both").await;
    page.reads("No conflicts").await;
    on_disk(&source.join("letter.txt"), Some("theirs")).await;
}

/// Everything is deleted on one side: a person is asked first, and can take it back afterwards.
async fn hold_and_undo(scene: &Scene, source: &std::path::Path, destination: &std::path::Path) {
    let page = &scene.page;
    for n in 0..6 {
        std::fs::write(source.join(format!("photo-{n}.jpg")), format!("{n}")).unwrap();
    }
    on_disk(&destination.join("photo-5.jpg"), Some("5")).await;
    tray::says(&scene.desktop, "Your pair is in step").await;
    for entry in std::fs::read_dir(source).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
    scene.notified("documents needs you").await;
    tray::says(&scene.desktop, "1 pair needs you").await;
    on_disk(&destination.join("photo-5.jpg"), Some("5")).await;
    page.go("Held plans").await;
    page.reads("documents waits for you").await;
    page.picture("held").await;
    page.press("Delete 9 files").await;
    on_disk(&destination.join("photo-5.jpg"), None).await;
    page.go("Activity").await;
    page.picture("activity").await;
    page.press("Undo: photo-5.jpg").await;
    on_disk(&destination.join("photo-5.jpg"), Some("5")).await;
}
