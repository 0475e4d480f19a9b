//! What the page is told without asking. At most four times a second each: nobody reads faster.

use serde::Serialize;
use tandem_service::answer::{LogView, StepView};

use super::types::Overview;

/// A page of the window that can be asked for from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub(crate) enum Page {
    /// The pairs.
    Overview,
    /// Conflicts.
    Conflicts,
    /// Held plans.
    Held,
    /// Storages.
    Storages,
}

impl Page {
    /// As the page's address has it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Overview => "overview",
            Self::Conflicts => "conflicts",
            Self::Held => "held",
            Self::Storages => "storages",
        }
    }
}

/// A page, and what on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct Place {
    /// The page.
    pub(crate) page: Page,
    /// A pair's or a storage's name; empty if the whole page was asked for.
    pub(crate) subject: String,
}

impl From<Page> for Place {
    fn from(page: Page) -> Self {
        Self {
            page,
            subject: String::new(),
        }
    }
}

impl Place {
    /// As the window's address has it.
    pub(crate) fn fragment(&self) -> String {
        let page = self.page.name();
        if self.subject.is_empty() {
            return page.to_owned();
        }
        // As encodeURIComponent does (ECMA-262, 19.2.6.4), and a little more.
        let encoded = |byte: u8| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        };
        let subject: String = self.subject.bytes().map(encoded).collect();
        format!("{page}/{subject}")
    }
}

/// A step of a storage's test ended.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct TestStep {
    /// The request that tests it, if it has a number.
    pub(crate) request: Option<u32>,
    /// The storage.
    pub(crate) storage: String,
    /// Which step, and what it came to.
    pub(crate) step: StepView,
}

/// A person is to sign in by the browser.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub(crate) struct SignInAt {
    /// For which request.
    pub(crate) request: u32,
    /// The storage.
    pub(crate) storage: String,
    /// Where.
    pub(crate) address: String,
    /// Whether the browser was asked to open it; otherwise a person does.
    pub(crate) is_open: bool,
}

events! {
    /// How the pairs are now.
    Overview = "overview": Overview;
    /// Lines of the journal that are new, oldest first.
    Actions = "actions": Vec<LogView>;
    /// A step of a storage's test ended.
    Step = "step": TestStep;
    /// A person is to sign in by the browser.
    SignIn = "sign_in": SignInAt;
    /// A person asked for a page elsewhere, or for something on it: in the tray, or by a notification.
    Open = "open": Place;
    /// A sentence about something that was asked for outside of the window.
    Said = "said": String;
    /// A folder was dropped on the window: its path.
    Dropped = "dropped": String;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_an_address_whatever_it_is_called() {
        assert_eq!(Place::from(Page::Held).fragment(), "held");
        let place = Place {
            page: Page::Overview,
            subject: "a/b #ü".to_owned(),
        };
        assert_eq!(place.fragment(), "overview/a%2Fb%20%23%C3%BC");
    }
}
