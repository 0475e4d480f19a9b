//! The name `0`, which PHP takes for no name. sabre/dav 1.8 gives a copy the name of its source then (`Tree::copyNode`), over
//! whatever has that name there; in the folder of the source that is the source itself, which is emptied. A move between
//! folders is a copy there.

use std::sync::Arc;

use bytes::Bytes;
use tandem_core::content::BytesContent;
use tandem_core::error::{Cause, Result, StorageError};
use url::Url;

use super::address::{Ending, decoded};
use super::client::{Call, Payload, Tries};
use super::relocate::Relocation;
use super::root::WebDavRoot;

const ZERO: &[u8] = b"0";

impl WebDavRoot {
    /// That this server gives the name that it is asked for, tried on scratch files where it may not.
    pub(super) async fn check_zero(&self, relocation: &Relocation<'_>) -> Result<()> {
        let Relocation {
            operation,
            method,
            from,
            to,
            ..
        } = relocation;
        if !is_in_doubt(method, from, to) {
            return Ok(());
        }
        let folder = format!("zero-{:016x}", self.store.server.environment.random());
        let tried = self.gives_zero(operation, method, &folder).await;
        for name in [format!("{folder}/to"), folder.clone()] {
            let url = self.own(&name, Ending::Folder)?;
            self.store.known.remove(url.as_str());
        }
        let call = Call::new(operation, "DELETE", self.own(&folder, Ending::Folder)?);
        if let Err(error) = self.store.server.call(&call).await {
            tracing::debug!(%error, "scratch files were left behind");
        }
        if tried? {
            return Ok(());
        }
        let detail = "this server copies nothing to the name 0";
        Err(StorageError::new(operation, Cause::NameRefused, detail))
    }

    async fn gives_zero(
        &self,
        operation: &'static str,
        method: &'static str,
        folder: &str,
    ) -> Result<bool> {
        let server = &self.store.server;
        self.make_own(operation, &format!("{folder}/to")).await?;
        let from = self.own(&format!("{folder}/file"), Ending::File)?;
        let to = self.own(&format!("{folder}/to/0"), Ending::File)?;
        let content = Arc::new(BytesContent(Bytes::from_static(ZERO)));
        let prepared = self.prepared(content).await?;
        let call = Call::new(operation, "PUT", from.clone());
        server
            .call(&call.carrying(Payload::Upload(&prepared, None)))
            .await?;
        let call = Call::new(operation, method, from).header("destination", to.as_str());
        server.call(&call.header("overwrite", "F")).await?;
        let seen = server.look(Tries::Many, operation, &to).await?;
        Ok(seen.is_some_and(|seen| !seen.resource.is_folder))
    }
}

fn is_in_doubt(method: &str, from: &Url, to: &Url) -> bool {
    let (from, to) = (decoded(from.path()), decoded(to.path()));
    let (Some((old, left)), Some((new, entered))) = (from.split_last(), to.split_last()) else {
        return false;
    };
    let is_renaming = method == "MOVE" && left == entered;
    new == ZERO && old != ZERO && !is_renaming
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_gets_the_name_by_a_copy_is_in_doubt() {
        let url = |path: &str| Url::parse(&format!("http://h.example/{path}")).unwrap();
        let doubt = |method, from, to| is_in_doubt(method, &url(from), &url(to));
        assert!(doubt("COPY", "a/x", "a/0"));
        assert!(doubt("COPY", "a/x", "b/0"));
        assert!(doubt("MOVE", "a/x/", "b/0/"));
        assert!(!doubt("MOVE", "a/x", "a/0"));
        assert!(!doubt("MOVE", "a/0", "b/0"));
        assert!(!doubt("MOVE", "a/0", "b/x"));
        assert!(!doubt("COPY", "a/x", "0/x"));
    }
}
