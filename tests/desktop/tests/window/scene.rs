//! The program on a desktop of its own, with its window open.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::desktop::{Desktop, Running};
use crate::page::Page;
use crate::{tray, until};

/// The desktop, the program and its window.
pub(crate) struct Scene {
    pub(crate) page: Page,
    pub(crate) desktop: Desktop,
    _driver: Running,
}

impl Scene {
    /// Starts the program for the first time.
    pub(crate) async fn first_run() -> Self {
        let desktop = Desktop::start().await;
        let port = free_port();
        let mut driver = Command::new("WebKitWebDriver");
        driver
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        desktop.on(&mut driver);
        let driver = Running(driver.spawn().expect("webkit2gtk-driver is needed"));
        let arguments = [
            "--profile".to_owned(),
            desktop.profile().display().to_string(),
        ];
        let page = Page::open(port, &program(), &arguments).await;
        Self {
            page,
            desktop,
            _driver: driver,
        }
    }

    /// Makes a pair of two folders on this computer by the wizard.
    pub(crate) async fn pair_folders(&self, source: &Path, destination: &Path) {
        let page = &self.page;
        page.reads("Which folder should stay in step?").await;
        page.fill("Path", &source.display().to_string()).await;
        page.press("Continue").await;
        page.reads("Where should the other end be?").await;
        page.choose("Another folder on this computer").await;
        page.press("Continue").await;
        page.fill("Folder", &destination.display().to_string())
            .await;
        page.press("Continue").await;
        self.start_pair().await;
    }

    /// The steps of the wizard from what to carry to the start.
    pub(crate) async fn start_pair(&self) {
        let page = &self.page;
        page.reads("What should Tandem carry?").await;
        page.picture("wizard-carry").await;
        page.press("Continue").await;
        page.reads("What holds for this pair").await;
        page.picture("wizard-holds").await;
        page.press("Continue").await;
        page.reads("This is what would happen first").await;
        page.picture("wizard-preview").await;
        page.press("Start").await;
    }

    /// Waits for a notification with this title.
    pub(crate) async fn notified(&self, title: &str) {
        until(&format!("a notification “{title}”"), || async {
            let told = self.desktop.told.lock().unwrap();
            told.notifications
                .iter()
                .any(|(found, _)| found == title)
                .then_some(())
        })
        .await;
    }

    /// Quits by the tray; the profile is let go.
    pub(crate) async fn quit(self) {
        tray::click(&self.desktop, "Quit").await;
        let lock = self.desktop.profile().join("lock");
        until("the profile is let go", || async {
            let file = std::fs::File::open(&lock).ok()?;
            file.try_lock().ok()
        })
        .await;
    }
}

/// Waits until a file holds `content`; none, if it is to be gone.
pub(crate) async fn on_disk(file: &Path, content: Option<&str>) {
    until(&format!("{} holds {content:?}", file.display()), || async {
        let found = std::fs::read_to_string(file).ok();
        (found.as_deref() == content).then_some(())
    })
    .await;
}

/// The program that is tested: `TANDEM_DESKTOP_BIN`, as `./dev test desktop` sets it.
fn program() -> String {
    std::env::var("TANDEM_DESKTOP_BIN")
        .expect("TANDEM_DESKTOP_BIN names the program; run this by ./dev test desktop")
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}
