//! What a server cannot do, told from a moment in which it failed: a name rule or a condition that is stored holds until the
//! storage is tested again.

use std::future::Future;

use tandem_core::error::{Cause, ErrorKind, Result, StorageError};

use super::super::client::{Call, Tries};
use super::super::errors::bad_answer;
use super::{FIRST, Probe, concerns_account};

/// How often something is tried that fails each time.
const TRIES: u32 = 5;

impl Probe<'_> {
    /// What `attempt` finds out, which nothing of an earlier attempt may change. While it fails it is made again, and each
    /// time a plain file has to be written and listed in between: what fails beside that every time, the server cannot do.
    pub(super) async fn settled<F, Fut>(&self, attempt: F) -> Result<bool>
    where
        F: Fn() -> Fut + Send + Sync,
        Fut: Future<Output = Result<bool>> + Send,
    {
        let mut tries = 0;
        loop {
            // Boxed: the compiler gives up on futures that are nested as deep as this.
            let error = match Box::pin(attempt()).await {
                Err(error) if !concerns_account(&error) => error,
                known => return known,
            };
            self.outwait(&error).await;
            self.hold_plain_file().await?;
            tries += 1;
            if tries == TRIES {
                return if says_nothing_of_it(&error) {
                    Err(error)
                } else {
                    Ok(false)
                };
            }
        }
    }

    /// Waits as long as the server asked for.
    async fn outwait(&self, error: &StorageError) {
        if let ErrorKind::Transient {
            retry_after: Some(wait),
        } = error.kind
        {
            self.root.store.server.environment.sleep(wait).await;
        }
    }

    /// Writes a file of an ordinary name and finds it listed.
    async fn hold_plain_file(&self) -> Result<()> {
        const PLAIN: &str = "plain";
        let server = &self.root.store.server;
        let (folder, file) = self.place_for(PLAIN).await?;
        let prepared = self.scratch(FIRST).await?;
        let call = Call::new("validate", "PUT", file);
        server.call(&self.carrying(call, &prepared)).await?;
        if self.is_listed(Tries::Many, folder, PLAIN).await? {
            return Ok(());
        }
        Err(bad_answer("validate", "what was written is not listed"))
    }
}

/// Whether a server that fails so says nothing of what was asked of it, however often.
const fn says_nothing_of_it(error: &StorageError) -> bool {
    matches!(
        error.cause,
        Cause::RateLimited | Cause::Locked | Cause::Timeout
    )
}
