//! Whether what happens in a folder shows in the ETags of all folders above it, as Nextcloud's desktop program relies on
//! (nextcloud/server, lib/private/Files/Cache/Propagator.php; owncloud/core has the same).

use tandem_core::error::Result;

use super::super::address::Ending;
use super::super::client::{Call, Tries};
use super::{FIRST, Probe, SECOND, words};

/// The folder that is watched, and the one two further down in which something happens.
const TOP: &str = "tree";
const DEEP: &str = "tree/a/b";

impl Probe<'_> {
    pub(super) async fn rising(&mut self) -> Result<String> {
        for folder in [TOP, "tree/a", DEEP] {
            let name = format!("{}/{folder}", self.folder);
            self.root.make_own("validate", &name).await?;
        }
        let rises = self.rises_each_time().await?;
        self.capabilities.folder_revision_covers_subtree = rises;
        Ok(words(
            rises,
            "by the ETag of every folder above; what did not change is not listed",
            "not by folders above; everything is listed each time",
        ))
    }

    /// Changes follow one another without a pause: no clock may be what tells them apart.
    async fn rises_each_time(&self) -> Result<bool> {
        let (file, moved) = (format!("{DEEP}/file"), format!("{DEEP}/moved"));
        let mut seen = vec![self.shown().await?];
        self.put(&file, FIRST, None).await?;
        seen.push(self.shown().await?);
        self.put(&file, SECOND, None).await?;
        seen.push(self.shown().await?);
        self.put(&file, SECOND, None).await?;
        seen.push(self.shown().await?);
        let call = Call::new("validate", "MOVE", self.url(&file)?)
            .header("destination", self.url(&moved)?.as_str());
        self.root.store.server.call(&call).await?;
        seen.push(self.shown().await?);
        let call = Call::new("validate", "DELETE", self.url(&moved)?);
        self.root.store.server.call(&call).await?;
        seen.push(self.shown().await?);
        let differ = |two: &[Option<String>]| two[0].is_some() && two[0] != two[1];
        Ok(seen.windows(2).all(differ) && seen.last().is_some_and(Option::is_some))
    }

    /// The ETag of the folder that is watched.
    async fn shown(&self) -> Result<Option<String>> {
        let url = self
            .root
            .own(&format!("{}/{TOP}", self.folder), Ending::Folder)?;
        let server = &self.root.store.server;
        let found = server.look(Tries::Many, "validate", &url).await?;
        Ok(found.and_then(|found| Some(found.resource.tag?.text)))
    }
}
