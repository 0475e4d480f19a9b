//! Trying the conditions. One counts only if the server refused what it had to refuse and did what it had to do.

use tandem_core::error::{Cause, Result};

use super::super::client::Call;
use super::super::resource::Tag;
use super::{FIRST, Probe, SECOND, clone_of, concerns_account, done, lost};

/// An ETag that nothing has.
const WRONG_TAG: &str = "00000000000000000000000000000000";

/// How long an ETag may be weak after a write; see `write`.
const WEAK_FOR: std::time::Duration = std::time::Duration::from_millis(1_100);

/// A header that makes a request conditional.
type Condition = (&'static str, String);

impl Probe<'_> {
    /// By the way that content takes here: a PUT, or a move from aside.
    pub(super) async fn create(&self) -> Result<bool> {
        self.write_again().await?;
        let created = &self.fresh("created");
        if !self.goes_aside() {
            let absent = || Some(("if-none-match", "*".to_owned()));
            return Ok(refused(&self.put("file", SECOND, absent()).await)?
                && self.is_untouched().await?
                && done(&self.put(created, SECOND, absent()).await)?
                && self.has_size(created, SECOND).await?);
        }
        self.put("aside", SECOND, None).await?;
        Ok(
            refused(&self.relocate("MOVE", "aside", "file", "F", &[]).await)?
                && self.is_untouched().await?
                && done(&self.relocate("MOVE", "aside", created, "F", &[]).await)?
                && self.has_size(created, SECOND).await?,
        )
    }

    pub(super) async fn replace(&self) -> Result<bool> {
        self.write_again().await?;
        let Some(tag) = self.strong_tag("file").await? else {
            return Ok(false);
        };
        if !self.goes_aside() {
            let matching = |tag: &str| Some(("if-match", Tag::quoted(tag)));
            return Ok(
                refused(&self.put("file", SECOND, matching(WRONG_TAG)).await)?
                    && self.is_untouched().await?
                    && done(&self.put("file", SECOND, matching(&tag)).await)?
                    && self.has_size("file", SECOND).await?,
            );
        }
        self.put("aside", SECOND, None).await?;
        self.heeds_destination("MOVE", "aside", &tag).await
    }

    pub(super) async fn copies(&self) -> Result<bool> {
        self.write_again().await?;
        let answer = self.relocate("COPY", "file", "copy", "F", &[]).await;
        match answer {
            Err(error) if error.cause == Cause::Unsupported => Ok(false),
            answer => {
                answer?;
                self.has_size("copy", FIRST).await
            }
        }
    }

    /// Refused are: a name that is taken, a wrong ETag there, a wrong ETag of the source. With all of them right it
    /// is made.
    pub(super) async fn copy(&self) -> Result<bool> {
        self.write_again().await?;
        self.put("source", SECOND, None).await?;
        let Some(tag) = self.strong_tag("file").await? else {
            return Ok(false);
        };
        Ok(
            refused(&self.relocate("COPY", "source", "file", "F", &[]).await)?
                && self.is_untouched().await?
                && self.heeds_source("COPY").await?
                && self.heeds_destination("COPY", "source", &tag).await?,
        )
    }

    pub(super) async fn move_(&self) -> Result<bool> {
        self.write_again().await?;
        self.put("source", SECOND, None).await?;
        Ok(
            refused(&self.relocate("MOVE", "source", "file", "F", &[]).await)?
                && self.is_untouched().await?
                && self.has_size("source", SECOND).await?
                && self.heeds_source("MOVE").await?,
        )
    }

    /// Whether `source` goes to a free name only if its ETag is right.
    async fn heeds_source(&self, method: &'static str) -> Result<bool> {
        let Some(tag) = self.strong_tag("source").await? else {
            return Ok(false);
        };
        let to = self.fresh("target");
        let matching = |tag: &str| [("if-match", Tag::quoted(tag))];
        Ok(refused(
            &self
                .relocate(method, "source", &to, "F", &matching(WRONG_TAG))
                .await,
        )? && self.look(&to).await?.is_none()
            && done(
                &self
                    .relocate(method, "source", &to, "F", &matching(&tag))
                    .await,
            )?
            && self.has_size(&to, SECOND).await?)
    }

    /// Whether `source`, which holds the second content, goes over the scratch file only if that has the ETag that
    /// the `If` header names (RFC 4918, section 10.4).
    async fn heeds_destination(
        &self,
        method: &'static str,
        source: &str,
        tag: &str,
    ) -> Result<bool> {
        let to = self.url("file")?;
        let naming = |tag: &str| [("if", format!("<{to}> ([{}])", Tag::quoted(tag)))];
        Ok(refused(
            &self
                .relocate(method, source, "file", "T", &naming(WRONG_TAG))
                .await,
        )? && self.is_untouched().await?
            && done(
                &self
                    .relocate(method, source, "file", "T", &naming(tag))
                    .await,
            )?
            && self.has_size("file", SECOND).await?)
    }

    pub(super) async fn delete(&self) -> Result<bool> {
        self.write_again().await?;
        let Some(tag) = self.strong_tag("file").await? else {
            return Ok(false);
        };
        Ok(refused(&self.remove(WRONG_TAG).await)?
            && self.is_untouched().await?
            && done(&self.remove(&tag).await)?
            && self.look("file").await?.is_none())
    }

    async fn remove(&self, tag: &str) -> Result<()> {
        let call =
            Call::new("validate", "DELETE", self.url("file")?).header("if-match", Tag::quoted(tag));
        self.root.store.server.once(&call).await.map(drop)
    }

    async fn relocate(
        &self,
        method: &'static str,
        from: &str,
        to: &str,
        overwrite: &'static str,
        conditions: &[Condition],
    ) -> Result<()> {
        let mut call = Call::new("validate", method, self.url(from)?)
            .header("destination", self.url(to)?)
            .header("overwrite", overwrite);
        call.headers.extend_from_slice(conditions);
        self.root.store.server.once(&call).await.map(drop)
    }

    async fn is_untouched(&self) -> Result<bool> {
        self.has_size("file", FIRST).await
    }

    async fn has_size(&self, name: &str, content: &[u8]) -> Result<bool> {
        let found = self.look(name).await?;
        Ok(found.is_some_and(|found| found.size == content.len() as u64))
    }

    /// The scratch file as it was.
    async fn write_again(&self) -> Result<()> {
        self.put("file", FIRST, None).await.map(drop)
    }

    /// The ETag of a scratch file, once conditions hold for it.
    async fn strong_tag(&self, name: &str) -> Result<Option<String>> {
        let mut tag = self.found(name).await?.tag;
        if tag.as_ref().is_some_and(|tag| tag.is_weak) {
            let environment = &self.root.store.server.environment;
            environment.sleep(WEAK_FOR).await;
            tag = self.look(name).await?.ok_or_else(lost)?.tag;
        }
        Ok(tag.map(|tag| tag.text))
    }
}

/// Whether a server refused what it had to refuse. Another failure than a refusal decides nothing.
fn refused<T>(answer: &Result<T>) -> Result<bool> {
    match answer {
        Ok(_) => Ok(false),
        Err(error) => match error.cause {
            Cause::PreconditionFailed | Cause::AlreadyExists => Ok(true),
            _ if error.is_transient() || concerns_account(error) => Err(clone_of(error)),
            // It says that it has no such condition, in one of many ways.
            _ => Ok(false),
        },
    }
}
