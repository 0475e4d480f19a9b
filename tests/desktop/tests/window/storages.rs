//! A storage on a real S3 server, added by the form that its descriptor makes.

use tandem_testkit::servers::Moto;

use crate::scene::{Scene, on_disk};
use crate::tray;

#[tokio::test(flavor = "multi_thread")]
async fn a_storage_is_tested_saved_used_disabled_and_enabled() {
    let server = Moto::start().unwrap();
    server.make_bucket("attic").unwrap();
    let scene = Scene::first_run().await;
    let page = &scene.page;
    let source = scene.desktop.folder("Photos", &[("a.jpg", "a")]);
    page.press("Choose a folder").await;
    page.fill("Path", &source.display().to_string()).await;
    page.press("Continue").await;
    page.shows("Add a storage").await;
    page.picture("wizard-storage").await;
    page.press("Another service that speaks S3").await;
    page.picture("wizard-storage-form").await;
    page.fill("Bucket", "nowhere").await;
    page.fill("Endpoint", server.endpoint()).await;
    page.fill("Access key ID", server.access_key()).await;
    page.fill("Secret access key", server.secret_key()).await;

    // What does not pass its test is not saved.
    page.press("Test, save and continue").await;
    page.shows("Nothing was saved.").await;
    page.picture("wizard-storage-stopped").await;
    page.fill("Bucket", "attic").await;
    page.press("Test, save and continue").await;
    page.reads("Which folder on s3-compatible?").await;
    page.fill("Folder", "photos").await;
    page.press("Continue").await;
    scene.start_pair().await;
    tray::says(&scene.desktop, "Your pair is in step").await;

    // A storage that is off pauses its pair, and nothing is lost meanwhile.
    page.go("Storages").await;
    page.reads("s3-compatible").await;
    page.picture("storages").await;
    page.press("Disable").await;
    tray::says(&scene.desktop, "Paused: s3-compatible is disabled").await;
    std::fs::write(source.join("b.jpg"), "b").unwrap();
    page.press("Enable").await;
    tray::says(&scene.desktop, "Your pair is in step").await;
    page.go("Settings").await;
    page.picture("settings").await;
    on_disk(&source.join("b.jpg"), Some("b")).await;
    scene.quit().await;
}
