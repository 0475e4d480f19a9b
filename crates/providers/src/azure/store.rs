//! A container as a flat store.

use std::time::Duration;

use async_trait::async_trait;
use aws_smithy_types::base64;
use reqwest::Method;
use tandem_core::error::{Cause, Result, StorageError};

use super::answers::{history, md5_in, object, page};
use super::blocks::Begun;
use super::client::{Answer, Call, Container, quoted};
use super::headers::{self, describe, keep};
use crate::body::Prepared;
use crate::http::date;
use crate::objects::guard::Guard;
use crate::objects::object::{Headers, HistoryPage, Object, Page, Query, UserMetadata};
use crate::objects::parts::{Part, Upload};
use crate::objects::store::{
    Answered, Copy, Facts, Get, ListedPart, ObjectStore, Opened, Put, Stored, is_missing_bucket,
};
use crate::rest::{self, Payload};

/// Between two looks whether a copy is finished.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

#[async_trait]
impl ObjectStore for Container {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn redact(&self, text: &str) -> String {
        self.settings.redact(text)
    }

    /// An account with a hierarchical namespace has folders of its own, which a flat listing shows as blobs ("Get Account
    /// Information"). Who may not ask that is believed.
    async fn check(&self, operation: &'static str) -> Result<()> {
        let url = self.container(&[("restype", "account"), ("comp", "properties")])?;
        let answer = match self.send(Call::new(operation, Method::GET, url)).await {
            Err(error) if error.is_transient() => return Err(error),
            Err(_) => return Ok(()),
            Ok(answer) => answer,
        };
        if answer.header("x-ms-is-hns-enabled") == Some("true") {
            let why = "the account has a hierarchical namespace (Data Lake Storage), which Tandem cannot sync; use an account without one";
            return Err(StorageError::new(operation, Cause::Unsupported, why));
        }
        Ok(())
    }

    async fn page(
        &self,
        operation: &'static str,
        query: &Query,
        after: Option<&str>,
    ) -> Result<Page> {
        let most = query.most.map(|most| most.to_string());
        let mut asked = vec![
            ("restype", "container"),
            ("comp", "list"),
            ("include", "metadata"),
        ];
        let more = [
            (
                "prefix",
                Some(query.prefix.as_str()).filter(|prefix| !prefix.is_empty()),
            ),
            ("delimiter", query.delimited.then_some("/")),
            ("maxresults", most.as_deref()),
            ("marker", after),
        ];
        asked.extend(
            more.iter()
                .filter_map(|(name, value)| Some((*name, (*value)?))),
        );
        let url = self.container(&asked)?;
        page(
            operation,
            &self.ask(Call::new(operation, Method::GET, url)).await?,
        )
    }

    async fn head(
        &self,
        operation: &'static str,
        key: &str,
        version: Option<&str>,
    ) -> Result<Option<Object>> {
        let call = Call::new(operation, Method::HEAD, self.blob_as_of(key, version)?);
        match self.send(call).await {
            Ok(answer) => object(operation, answer.response.headers()).map(Some),
            Err(error) if error.cause == Cause::NotFound && !is_missing_bucket(&error) => Ok(None),
            // An answer to HEAD has no body, and Azurite's code alone does not tell a wrong key. A listing does.
            Err(error) if error.cause == Cause::Forbidden => {
                let query = Query {
                    prefix: key.to_owned(),
                    delimited: false,
                    most: Some(1),
                };
                match self.page(operation, &query, None).await {
                    Err(reason) if reason.cause != Cause::Forbidden && !reason.is_transient() => {
                        Err(reason)
                    }
                    _ => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }

    async fn get(&self, operation: &'static str, get: &Get<'_>) -> Result<Opened> {
        let url = self.blob_as_of(get.key, get.version)?;
        let mut call = Call::new(operation, Method::GET, url);
        if let Some((offset, length)) = get.range {
            call = call.header(
                "x-ms-range",
                &format!("bytes={offset}-{}", offset + length - 1),
            )?;
        }
        let answer = self.send(call).await?;
        let length = answer
            .header("content-length")
            .and_then(|length| length.parse().ok());
        let total = answer.header("content-range").map_or(length, total_of);
        Ok(Opened {
            tag: answer.tag(),
            written: answer.header("last-modified").and_then(date),
            length,
            total,
            body: rest::body(operation, answer.response),
        })
    }

    async fn put(&self, operation: &'static str, put: &Put<'_>) -> Result<Stored> {
        let mut call = Call::new(operation, Method::PUT, self.blob(put.key, &[])?)
            .header("x-ms-blob-type", "BlockBlob")?
            .only_if(put.guard)?
            .carrying(Payload::Content(put.content, put.progress.clone()));
        describe(operation, put.metadata, &mut call.headers)?;
        keep(operation, put.headers, &mut call.headers)?;
        match self.send(checked(call, put.content)?).await {
            // Blocks that somebody uploaded and never put together are taken for a blob by Azurite.
            Err(error)
                if error.cause == Cause::AlreadyExists
                    && self.head(operation, put.key, None).await?.is_none() =>
            {
                self.put_over_blocks(operation, put).await
            }
            answer => Ok(stored(&answer?)),
        }
    }

    async fn begin(
        &self,
        operation: &'static str,
        _: &str,
        _: (u64, u64),
        metadata: &UserMetadata,
        headers: &Headers,
    ) -> Result<String> {
        Begun::new(self.environment.random(), metadata, headers).write(operation)
    }

    async fn send_part(
        &self,
        operation: &'static str,
        upload: &Upload,
        number: i32,
        content: &Prepared,
    ) -> Result<Stored> {
        let block = Begun::read(operation, upload)?.block(number);
        let url = self.blob(&upload.key, &[("comp", "block"), ("blockid", &block)])?;
        let call = Call::new(operation, Method::PUT, url).carrying(Payload::Content(content, None));
        let answer = self.send(checked(call, content)?).await?;
        Ok(Stored {
            tag: block,
            ..stored(&answer)
        })
    }

    async fn parts(
        &self,
        operation: &'static str,
        upload: &Upload,
    ) -> Result<Option<Vec<ListedPart>>> {
        self.uncommitted(operation, upload).await
    }

    async fn complete(
        &self,
        operation: &'static str,
        upload: &Upload,
        guard: &Guard,
    ) -> Result<Answered> {
        self.commit_blocks(operation, upload, guard).await
    }

    /// There is no such request: uncommitted blocks go after a week, or with the next commit ("Put Block", Remarks).
    async fn abort(&self, _: &'static str, _: &Upload) -> Result<()> {
        Ok(())
    }

    async fn copy(&self, copy: &Copy<'_>, guard: &Guard) -> Result<Answered> {
        let operation = copy.operation;
        // Who is let in by a SAS shows it for the source too ("Copy Blob", Authorization).
        let source = self.blob_as_of(copy.from, copy.version)?;
        let source = self.settings.auth.shown(&source);
        let mut call = Call::new(operation, Method::PUT, self.blob(copy.to, &[])?)
            .header("x-ms-copy-source", source.as_str())?
            .header("x-ms-source-if-match", &quoted(&copy.source.tag))?
            .only_if(guard)?;
        if let Some(metadata) = &copy.metadata {
            describe(operation, metadata, &mut call.headers)?;
        }
        let answer = self.send(call).await?;
        let (mut tag, version) = (answer.tag(), answer.version());
        if answer.header("x-ms-copy-status") != Some("success") {
            tag = self.finished_copy(operation, copy.to).await?;
        }
        // Without any metadata a copy takes over the source's; taking it away is a request of its own.
        if copy.metadata.as_ref().is_some_and(UserMetadata::is_empty)
            && !copy.source.metadata.is_empty()
        {
            let made = Guard::Tag(tag);
            return self
                .set_metadata(operation, copy.to, &UserMetadata::new(), &made)
                .await;
        }
        Ok(Answered {
            tag: Some(tag).filter(|tag| !tag.is_empty()),
            version,
        })
    }

    async fn set_metadata(
        &self,
        operation: &'static str,
        key: &str,
        metadata: &UserMetadata,
        guard: &Guard,
    ) -> Result<Answered> {
        let url = self.blob(key, &[("comp", "metadata")])?;
        let mut call = Call::new(operation, Method::PUT, url).only_if(guard)?;
        describe(operation, metadata, &mut call.headers)?;
        let answer = self.send(call).await?;
        Ok(Answered {
            tag: Some(answer.tag()).filter(|tag| !tag.is_empty()),
            version: answer.version(),
        })
    }

    /// Without `x-ms-delete-snapshots` a blob that has snapshots is not deleted, nor by its id the version that is the
    /// current one ("Delete Blob").
    async fn delete(
        &self,
        operation: &'static str,
        key: &str,
        version: Option<&str>,
        guard: &Guard,
    ) -> Result<Answered> {
        let call = Call::new(operation, Method::DELETE, self.blob_as_of(key, version)?);
        let answer = self.send(call.only_if(guard)?).await?;
        self.learnt.of_delete(&answer);
        Ok(Answered::default())
    }

    async fn keeps_versions(&self) -> Result<bool> {
        self.try_versions().await
    }

    async fn history(&self, prefix: &str, after: Option<&str>) -> Result<HistoryPage> {
        let mut asked = vec![
            ("restype", "container"),
            ("comp", "list"),
            ("include", "metadata,versions"),
        ];
        if !prefix.is_empty() {
            asked.push(("prefix", prefix));
        }
        asked.extend(after.map(|marker| ("marker", marker)));
        let call = Call::new("versions", Method::GET, self.container(&asked)?);
        history("versions", &self.ask(call).await?)
    }

    fn remark(&self) -> Option<&'static str> {
        self.learnt.remark()
    }

    fn for_new_content(&self, kept: &Headers) -> Headers {
        headers::for_new_content(kept)
    }
}

impl Container {
    /// Writes an object as its one block, which sweeps the blocks that lie there.
    async fn put_over_blocks(&self, operation: &'static str, put: &Put<'_>) -> Result<Stored> {
        let len = put.content.len();
        let mut upload = Upload {
            bucket: self.facts.name.clone(),
            key: put.key.to_owned(),
            upload_id: self
                .begin(operation, put.key, (len, len), put.metadata, put.headers)
                .await?,
            part_size: len,
            len,
            parts: Vec::new(),
        };
        let mut sent = None;
        if len > 0 {
            let part = self.send_part(operation, &upload, 1, put.content).await?;
            upload.parts.push(Part {
                number: 1,
                etag: part.tag,
                md5: String::new(),
            });
            sent = part.sent;
        }
        let made = self.commit_blocks(operation, &upload, put.guard).await?;
        Ok(Stored {
            tag: made.tag.unwrap_or_default(),
            version: made.version,
            sent,
            ..Stored::default()
        })
    }

    /// Waits for a copy that the service goes on with by itself ("Copy Blob", Remarks: it "can finish asynchronously"),
    /// and gives the tag it has then.
    async fn finished_copy(&self, operation: &'static str, key: &str) -> Result<String> {
        loop {
            let call = Call::new(operation, Method::HEAD, self.blob(key, &[])?);
            let answer = self.send(call).await?;
            match answer.header("x-ms-copy-status") {
                Some("pending") => self.environment.sleep(LOOK_AGAIN).await,
                Some("success") => return Ok(answer.tag()),
                other => {
                    let why = format!(
                        "the service gave up a copy: {}",
                        other.unwrap_or("something else is there")
                    );
                    return Err(StorageError::new(operation, Cause::Server, why));
                }
            }
        }
    }
}

/// `call` with the MD5 of what it carries, which the service compares with what arrives.
fn checked<'a>(call: Call<'a>, content: &Prepared) -> Result<Call<'a>> {
    match content.md5() {
        Some(md5) => call.header("content-md5", &base64::encode(md5)),
        None => Ok(call),
    }
}

fn stored(answer: &Answer) -> Stored {
    Stored {
        tag: answer.tag(),
        version: answer.version(),
        hashes: md5_in(answer.header("content-md5")),
        sent: answer.sent,
    }
}

/// The total in `bytes 0-9/100`.
fn total_of(range: &str) -> Option<u64> {
    range.rsplit('/').next()?.trim().parse().ok()
}
