//! The way through the wizard, and what a server holds at its end.

use std::path::Path;
use std::process::Command;

use tandem_testkit::servers::S3Server;

use crate::window::Window;

/// From the wizard's first step to its preview, with two folders of this computer.
pub(crate) async fn choose_two_folders(window: &Window, here: &Path, there: &Path) {
    choose_folder(window, here).await;
    window.choose("Another folder on this computer").await;
    window.press("Continue").await;
    window.fill("Folder", there.to_str().unwrap()).await;
    finish(window).await;
}

/// From the wizard's first step to its preview, with a server that becomes the storage `attic`.
pub(crate) async fn choose_a_server(window: &Window, here: &Path, server: &S3Server, bucket: &str) {
    choose_a_server_at(window, here, server.endpoint(), server, bucket).await;
}

/// The same, with a server that is reached at `endpoint`.
pub(crate) async fn choose_a_server_at(
    window: &Window,
    here: &Path,
    endpoint: &str,
    server: &S3Server,
    bucket: &str,
) {
    choose_folder(window, here).await;
    describe_server(window, endpoint, server, bucket).await;
    window.wait_for_heading("Which folder on attic?").await;
    finish(window).await;
}

/// The wizard's second step, with a server that is new.
pub(crate) async fn describe_server(
    window: &Window,
    endpoint: &str,
    server: &S3Server,
    bucket: &str,
) {
    window
        .press_beginning("Another service that speaks S3")
        .await;
    window.fill("Name", "attic").await;
    window.fill("Endpoint", endpoint).await;
    window.fill("Bucket", bucket).await;
    window.fill("Access key ID", server.access_key()).await;
    window.fill("Secret access key", server.secret_key()).await;
    window.press("Test, save and continue").await;
}

/// The wizard's first step.
pub(crate) async fn choose_folder(window: &Window, here: &Path) {
    window
        .wait_for_heading("Which folder should stay in step?")
        .await;
    window.fill("Path", here.to_str().unwrap()).await;
    window.wait_for_text("is there and can be read").await;
    window.press("Continue").await;
    window
        .wait_for_heading("Where should the other end be?")
        .await;
}

async fn finish(window: &Window) {
    window.press("Continue").await;
    for step in ["What should Tandem carry?", "What holds for this pair"] {
        window.wait_for_heading(step).await;
        window.press("Continue").await;
    }
    window
        .wait_for_heading("This is what would happen first")
        .await;
}

/// What an object holds, asked by another client.
pub(crate) fn object(server: &S3Server, bucket: &str, key: &str) -> Option<String> {
    bytes(server, bucket, key).map(|content| String::from_utf8(content).unwrap())
}

/// The same, whatever it holds.
pub(crate) fn bytes(server: &S3Server, bucket: &str, key: &str) -> Option<Vec<u8>> {
    let asked = other_client(server, bucket, key).output().unwrap();
    asked.status.success().then_some(asked.stdout)
}

/// Puts an object there, by another client.
pub(crate) fn put(server: &S3Server, bucket: &str, key: &str, content: &Path) {
    let mut put = other_client(server, bucket, key);
    let done = put.arg("--upload-file").arg(content).status().unwrap();
    assert!(done.success(), "{key} could not be put");
}

fn other_client(server: &S3Server, bucket: &str, key: &str) -> Command {
    let mut client = Command::new("curl");
    client
        .args(["-q", "--silent", "--fail"])
        .args(["--noproxy", "*", "--max-time", "60"])
        .args(["--aws-sigv4", &format!("aws:amz:{}:s3", server.region())])
        .arg("--user")
        .arg(format!("{}:{}", server.access_key(), server.secret_key()))
        .args(["--header", "x-amz-content-sha256: UNSIGNED-PAYLOAD"])
        .arg(format!("{}/{bucket}/{key}", server.endpoint()));
    client
}
