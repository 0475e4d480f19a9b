//! Whether what is deleted goes into a trash bin that Tandem can look into.

use tandem_core::error::Result;

use super::super::client::Call;
use super::{FIRST, Probe, done, words};

impl Probe<'_> {
    pub(super) async fn trash(&mut self) -> Result<String> {
        let is_there = self.settled(|| self.goes_into_trash()).await?;
        self.capabilities.trash = is_there;
        self.capabilities.recursive_trash = is_there;
        Ok(words(
            is_there,
            "it goes into the trash bin, from which it can be put back",
            "it is gone: there is no trash bin",
        ))
    }

    async fn goes_into_trash(&self) -> Result<bool> {
        let listed = self.root.trashed("validate").await;
        if !done(&listed)? {
            return Ok(false);
        }
        self.put("deleted", FIRST, None).await?;
        let id = self.found("deleted").await?.id;
        let call = Call::new("validate", "DELETE", self.url("deleted")?);
        self.root.store.server.call(&call).await?;
        let there = self.root.trashed("validate").await?;
        let found = there
            .iter()
            .find(|one| one.resource.id == id && id.is_some());
        let Some(found) = found else { return Ok(false) };
        self.root.empty("validate", found).await?;
        Ok(true)
    }
}
