//! The window's page as a person uses it: by what is written on it.

use fantoccini::elements::Element;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;

use crate::until;

/// The page.
pub(crate) struct Page(Client);

impl Page {
    /// Starts the program over WebDriver at `port` and takes its window.
    pub(crate) async fn open(port: u16, program: &str, arguments: &[String]) -> Self {
        let options = json!({ "binary": program, "args": arguments });
        let capabilities = json!({ "webkitgtk:browserOptions": options });
        let serde_json::Value::Object(capabilities) = capabilities else {
            unreachable!("an object")
        };
        let address = format!("http://127.0.0.1:{port}");
        let client = until("a session with the window", || async {
            let mut builder = ClientBuilder::new(HttpConnector::new());
            builder.capabilities(capabilities.clone());
            builder.connect(&address).await.ok()
        })
        .await;
        Self(client)
    }

    /// Waits for a heading that reads `text`.
    pub(crate) async fn reads(&self, text: &str) {
        let path = format!(
            "//*[self::h1 or self::h2][normalize-space()={}]",
            quoted(text)
        );
        self.find(&path).await;
    }

    /// Waits until `text` stands somewhere on the page.
    pub(crate) async fn shows(&self, text: &str) {
        self.find(&format!(
            "//*[contains(normalize-space(), {})]",
            quoted(text)
        ))
        .await;
    }

    /// Presses a button by its text or its label, once it can be pressed.
    pub(crate) async fn press(&self, text: &str) {
        let text = quoted(text);
        let path = format!(
            "//button[(normalize-space()={text} or @aria-label={text}) and not(@aria-disabled='true')]"
        );
        self.click(&path).await;
    }

    /// Goes to a page of the navigation.
    pub(crate) async fn go(&self, name: &str) {
        self.click(&format!("//nav//a[@title={}]", quoted(name)))
            .await;
    }

    /// Chooses an option by its label.
    pub(crate) async fn choose(&self, label: &str) {
        self.click(&format!("//label[normalize-space()={}]", quoted(label)))
            .await;
    }

    /// Types into a field by its label.
    pub(crate) async fn fill(&self, label: &str, text: &str) {
        let path = format!("//div[label[normalize-space()={}]]/input", quoted(label));
        let field = self.find(&path).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Waits until nothing on the page reads `text`.
    pub(crate) async fn shows_no_more(&self, text: &str) {
        let path = format!("//*[contains(normalize-space(), {})]", quoted(text));
        until(&format!("“{text}” is gone"), || async {
            let found = self.0.find_all(Locator::XPath(&path)).await.ok()?;
            found.is_empty().then_some(())
        })
        .await;
    }

    /// Takes a picture into the folder that a person named, if one did.
    pub(crate) async fn picture(&self, name: &str) {
        let Some(folder) = std::env::var_os("TANDEM_PICTURES") else {
            return;
        };
        let png = self.0.screenshot().await.unwrap();
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(
            std::path::Path::new(&folder).join(format!("{name}.png")),
            png,
        )
        .unwrap();
    }

    // What is found may be drawn anew before it is clicked: then it is found again.
    async fn click(&self, path: &str) {
        until(&format!("to click {path}"), || async {
            self.0
                .find(Locator::XPath(path))
                .await
                .ok()?
                .click()
                .await
                .ok()
        })
        .await;
    }

    async fn find(&self, path: &str) -> Element {
        until(path, || async {
            self.0.find(Locator::XPath(path)).await.ok()
        })
        .await
    }
}

/// A text in XPath, which knows no escapes.
fn quoted(text: &str) -> String {
    let parts: Vec<_> = text.split('\'').map(|part| format!("'{part}'")).collect();
    match parts.as_slice() {
        [one] => one.clone(),
        many => format!("concat({})", many.join(", \"'\", ")),
    }
}
