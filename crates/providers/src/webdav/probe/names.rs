//! Names that some servers, or the disks behind them, take for each other, change or cannot list.

use tandem_core::capabilities::{CaseRule, UnicodeRule};
use tandem_core::error::Result;
use url::Url;

use super::super::address::{Ending, decoded};
use super::super::client::{Call, Tries};
use super::{FIRST, Probe, done, words};

/// `ü` as one character and as two.
const COMPOSED: &str = "\u{fc}ber";
const DECOMPOSED: &str = "u\u{308}ber";

/// What is no text of XML, and what routers take for the end of an address.
const CONTROL: &str = "bell\u{7}and\nline\r\u{1b}\u{7f}";

/// Besides control characters, what is no character of XML 1.0 (section 2.2).
const NO_XML: &str = "\u{fffe}\u{ffff}";

/// What Windows refuses, and what has a meaning in an address.
const CHARACTERS: &str = "<>:\"|?*\\%#&+;";

/// What nginx takes and never lists (`ngx_http_dav_ext_propfind`). Were such names written as they are, what is there
/// would look deleted.
const HIDDEN: &str = ".hidden";

/// What wsgidav takes for a single `&` in the name of a destination.
const ENTITY: &str = "x&amp;x";

/// The longest name of nearly every file system, in bytes.
const LONGEST: usize = 255;

/// A shorter one, for servers that add to a name or encrypt it.
const SHORTER: usize = 143;

impl Probe<'_> {
    pub(super) async fn names(&mut self) -> Result<String> {
        let shows_all = self.holds(HIDDEN).await?;
        self.capabilities.names.no_leading_period = !shows_all;
        self.spellings().await?;
        self.characters().await?;
        self.lengths().await?;
        let names = &self.capabilities.names;
        let is_free = !names.no_control && names.forbidden.is_empty();
        let refused = words(is_free, "any character", "not every character");
        let case = words(
            self.capabilities.case == CaseRule::Sensitive,
            "case counts",
            "case does not count",
        );
        let form = words(
            self.capabilities.unicode == UnicodeRule::Exact,
            "Unicode forms count",
            "Unicode forms do not count",
        );
        let hidden = match shows_all {
            true => String::new(),
            false => of_hidden(self.root.count_removed("validate").await?),
        };
        Ok(format!("{refused}; {case}; {form}{hidden}"))
    }

    async fn spellings(&mut self) -> Result<()> {
        let is_held = self.settled(|| async { done(&self.put(COMPOSED, FIRST, None).await) });
        if !is_held.await? {
            return Ok(());
        }
        if self.look(DECOMPOSED).await?.is_some() {
            self.capabilities.unicode = UnicodeRule::Folding;
        }
        if self.look(&COMPOSED.to_uppercase()).await?.is_some() {
            self.capabilities.case = CaseRule::Insensitive;
        }
        Ok(())
    }

    async fn characters(&mut self) -> Result<()> {
        self.capabilities.names.no_control =
            !(self.holds(CONTROL).await? && self.holds_folder(CONTROL).await?);
        let mut forbidden = String::new();
        if !self.holds(&format!("x{NO_XML}")).await? {
            forbidden.push_str(NO_XML);
        }
        if !self.holds(&format!("x{CHARACTERS}")).await? {
            for c in CHARACTERS.chars() {
                if !self.holds(&format!("x{c}x")).await? {
                    forbidden.push(c);
                }
            }
        }
        if !forbidden.contains('&') && !self.holds(ENTITY).await? {
            forbidden.push('&');
        }
        self.capabilities.names.forbidden = forbidden;
        let names = [" leading", "trailing ", "trailing."];
        let mut refused = [false; 3];
        for (name, refused) in names.iter().zip(&mut refused) {
            *refused = !self.holds(name).await?;
        }
        let rules = &mut self.capabilities.names;
        [
            rules.no_leading_space,
            rules.no_trailing_space,
            rules.no_trailing_period,
        ] = refused;
        Ok(())
    }

    async fn lengths(&mut self) -> Result<()> {
        let mut longest = None;
        for length in [LONGEST + 1, LONGEST, SHORTER] {
            if self.holds(&"n".repeat(length)).await? {
                longest = u32::try_from(length).ok();
                break;
            }
        }
        // One that holds more is not asked for how much.
        self.capabilities.names.longest_name = longest.filter(|length| *length as usize <= LONGEST);
        Ok(())
    }

    /// Whether a file of this name can be written and is listed under it. Each has a folder of its own: a name that
    /// spoils a listing would spoil that of all others.
    async fn holds(&self, name: &str) -> Result<bool> {
        self.settled(|| self.held(name)).await
    }

    async fn held(&self, name: &str) -> Result<bool> {
        let (folder, file) = self.place_for(name).await?;
        let call = Call::new("validate", "PUT", file.clone());
        if !done(&self.send(call, FIRST, None).await)? {
            return Ok(false);
        }
        if !self.goes_aside() {
            return self.is_listed(Tries::Once, folder, name).await;
        }
        // Some servers read the name of a destination otherwise than that of a request.
        let (folder, to) = self.place_for(name).await?;
        let call = Call::new("validate", "MOVE", file)
            .header("destination", to)
            .header("overwrite", "F");
        let moved = self.root.store.server.once(&call).await;
        Ok(done(&moved)? && self.is_listed(Tries::Once, folder, name).await?)
    }

    /// Whether a folder of this name can be made, and a file in it is found. sabre/dav 1.8 cuts an address at its last slash
    /// by an expression that a line break ends (`URLUtil::splitPath`).
    async fn holds_folder(&self, name: &str) -> Result<bool> {
        self.settled(|| self.held_folder(name)).await
    }

    async fn held_folder(&self, name: &str) -> Result<bool> {
        let (_, url) = self.place_for(name).await?;
        let inside = |text: &str| {
            let mut url = url.clone();
            url.set_path(&format!("{}/{text}", url.path()));
            url
        };
        let folder = Call::new("validate", "MKCOL", inside(""));
        if !done(&self.root.store.server.once(&folder).await)? {
            return Ok(false);
        }
        let file = Call::new("validate", "PUT", inside("inside"));
        Ok(done(&self.send(file, FIRST, None).await)?
            && self.is_listed(Tries::Once, inside(""), "inside").await?)
    }

    /// A new folder, and the address of a file of this name in it.
    pub(super) async fn place_for(&self, name: &str) -> Result<(Url, Url)> {
        let random = self.root.store.server.environment.random();
        let folder = format!("{}/names-{random:016x}", self.folder);
        self.root.make_own("validate", &folder).await?;
        let url = self.root.own(&folder, Ending::Folder)?;
        self.root.store.known.remove(url.as_str());
        let file = self.root.own(&format!("{folder}/{name}"), Ending::File)?;
        Ok((url, file))
    }

    /// Whether the folder at `folder` is listed with this name and no other. Only a whole listing tells that it is not.
    pub(super) async fn is_listed(&self, tries: Tries, folder: Url, name: &str) -> Result<bool> {
        let server = &self.root.store.server;
        let listed = server.propfind(tries, "validate", folder, 1).await?;
        let is_it = |href: &str| {
            decoded(href)
                .last()
                .is_some_and(|last| last == name.as_bytes())
        };
        Ok(listed.len() == 2 && listed.iter().any(|found| is_it(&found.href)))
    }
}

/// What follows from names that are not listed; `kept` folders that were deleted may hold some.
fn of_hidden(kept: usize) -> String {
    let hidden = "; what others call by a name that begins with a full stop is not listed";
    let folders = if kept == 1 { "folder" } else { "folders" };
    match kept {
        0 => hidden.to_owned(),
        _ => format!(
            "{hidden}, so {kept} deleted {folders} that may hold some of it are kept in .tandem, as removed-*"
        ),
    }
}
