//! The window, read and used by what a person reads in it.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use fantoccini::elements::Element;
use fantoccini::key::Key;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;

use crate::eventually;
use crate::process::{Killed, Program};
use crate::session::Session;

/// The program with its window in hand. Its first window alone can be driven.
pub(crate) struct Window {
    client: Client,
    picture: PathBuf,
    _driver: Killed,
}

/// Starts the program so that its window can be driven, and takes it in hand.
pub(crate) async fn start_driven(session: &Session) -> (Program, Window) {
    let mut command = session.command();
    let inspector = free_port();
    command
        .env("WEBKIT_INSPECTOR_SERVER", format!("127.0.0.1:{inspector}"))
        .env("TAURI_WEBVIEW_AUTOMATION", "true");
    let program = Program::start(command);
    let port = free_port();
    let mut driver = Command::new("WebKitWebDriver");
    driver
        .arg(format!("--port={port}"))
        .arg(format!("--target=127.0.0.1:{inspector}"))
        .stdout(Stdio::null());
    let driver = Killed::start(&mut driver);
    let address = format!("http://127.0.0.1:{port}");
    let client = eventually("the window in hand", async || {
        let builder = ClientBuilder::new(HttpConnector::new());
        builder.connect(&address).await.ok()
    })
    .await;
    let window = Window {
        client,
        picture: session.picture(),
        _driver: driver,
    };
    (program, window)
}

/// Nobody listens there at the moment.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

impl Window {
    /// Waits until the page's heading is this.
    pub(crate) async fn wait_for_heading(&self, heading: &str) {
        self.wait_for(&format!("//h1[normalize-space()={}]", quoted(heading)))
            .await;
    }

    /// Waits until this can be read somewhere.
    pub(crate) async fn wait_for_text(&self, text: &str) {
        self.wait_for(&format!(
            "//body//*[contains(normalize-space(), {0})][not(*[contains(normalize-space(), {0})])]",
            quoted(text)
        ))
        .await;
    }

    /// Waits until a file is listed.
    pub(crate) async fn wait_for_file(&self, name: &str) {
        self.wait_for(&format!("//*[@title={}]", quoted(name)))
            .await;
    }

    /// Presses a button, once it can be.
    pub(crate) async fn press(&self, name: &str) {
        let name = quoted(name);
        self.click(&format!(
            "//button[(normalize-space()={name} or @aria-label={name}) and not(@aria-disabled='true')]"
        ))
        .await;
    }

    /// Presses a button whose name begins so.
    pub(crate) async fn press_beginning(&self, name: &str) {
        let name = quoted(name);
        self.click(&format!(
            "//button[(starts-with(normalize-space(), {name}) or starts-with(@aria-label, {name})) and not(@aria-disabled='true')]"
        ))
        .await;
    }

    /// Goes to a page by the navigation.
    pub(crate) async fn go_to(&self, page: &str) {
        let page = quoted(page);
        self.click(&format!("//nav//a[@title={page}]")).await;
    }

    /// Follows a link that is named so, or whose name begins so.
    pub(crate) async fn follow(&self, name: &str) {
        let name = quoted(name);
        self.click(&format!(
            "//main//a[starts-with(normalize-space(), {name})]"
        ))
        .await;
    }

    /// Makes a choice, by its label.
    pub(crate) async fn choose(&self, label: &str) {
        self.click(&format!("//label[normalize-space()={}]", quoted(label)))
            .await;
    }

    /// Types into a field, by its label; what was in it goes.
    pub(crate) async fn fill(&self, label: &str, text: &str) {
        let label = quoted(label);
        let field = format!("//*[@id=//label[normalize-space()={label}]/@for]");
        eventually(&format!("the field {label}"), async || {
            let field = self.found(&field).await?;
            field.click().await.ok()?;
            field
                .send_keys(&format!("{}a", char::from(Key::Control)))
                .await
                .ok()?;
            field.send_keys(text).await.ok()?;
            let value = field.prop("value").await.ok()??;
            (value == text).then_some(())
        })
        .await;
    }

    /// How many pictures are drawn.
    pub(crate) async fn pictures(&self) -> u64 {
        let drawn = "return [...document.images].filter((image) => image.naturalWidth > 0).length";
        let count = self.client.execute(drawn, Vec::new()).await.unwrap();
        count.as_u64().unwrap_or_default()
    }

    /// Everything that can be read.
    pub(crate) async fn text(&self) -> String {
        let body = self.client.find(Locator::Css("body")).await.unwrap();
        body.text().await.unwrap()
    }

    async fn wait_for(&self, xpath: &str) {
        let began = std::time::Instant::now();
        loop {
            if let Some(found) = self.found(xpath).await
                && found.is_displayed().await.unwrap_or(false)
            {
                return;
            }
            if began.elapsed() > crate::SOON {
                let png = self.client.screenshot().await.unwrap_or_default();
                std::fs::write(&self.picture, png).unwrap();
                panic!(
                    "{xpath}: not within {:?}; {} shows the window, which reads:\n{}",
                    crate::SOON,
                    self.picture.display(),
                    self.text().await
                );
            }
            tokio::time::sleep(crate::LOOK_EVERY).await;
        }
    }

    async fn click(&self, xpath: &str) {
        self.wait_for(xpath).await;
        eventually(&format!("a click on {xpath}"), async || {
            // What is drawn anew at this moment is found again.
            self.found(xpath).await?.click().await.ok()
        })
        .await;
    }

    async fn found(&self, xpath: &str) -> Option<Element> {
        self.client.find(Locator::XPath(xpath)).await.ok()
    }
}

/// As XPath writes a text; none here has both kinds of quotation marks.
fn quoted(text: &str) -> String {
    if text.contains('\'') {
        format!("\"{text}\"")
    } else {
        format!("'{text}'")
    }
}
