//! A bucket as a flat store.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use reqwest::Method;
use serde_json::{Map, Value, json};
use tandem_core::content::ByteStream;
use tandem_core::error::{Cause, Result, StorageError};
use tandem_core::removed;
use url::Url;

use super::answers::{
    FIELDS, Next, Resource, described, for_new_content, history, is_copied_unsaid, page, resource,
};
use super::client::{Answer, Call, GcsBucket, Payload, segment};
use super::conditions::{of_source, of_target, tag};
use super::sessions::related;
use crate::body::Prepared;
use crate::http::date;
use crate::objects::guard::Guard;
use crate::objects::object::{Headers, HistoryPage, Object, Page, Query, UserMetadata};
use crate::objects::parts::Upload;
use crate::objects::store::{
    Answered, Copy, Facts, Get, ListedPart, ObjectStore, Opened, Put, Stored, is_missing_bucket,
};
use crate::rest;

/// The most content that is held because a server does not tell its generation.
const MOST_UNNAMED: usize = 64 << 20;

#[async_trait]
impl ObjectStore for GcsBucket {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn redact(&self, text: &str) -> String {
        self.redacted(text)
    }

    async fn page(
        &self,
        operation: &'static str,
        query: &Query,
        after: Option<&str>,
    ) -> Result<Page> {
        let most = query.most.map(|most| most.to_string());
        let asked = [
            (
                "prefix",
                Some(query.prefix.clone()).filter(|text| !text.is_empty()),
            ),
            ("delimiter", query.delimited.then(|| "/".to_owned())),
            ("maxResults", most),
            ("pageToken", after.map(str::to_owned)),
            (
                "fields",
                Some(format!("items({FIELDS}),prefixes,nextPageToken")),
            ),
        ];
        let value = self.list(operation, asked).await?;
        page(operation, value)
    }

    async fn head(
        &self,
        operation: &'static str,
        key: &str,
        version: Option<&str>,
    ) -> Result<Option<Object>> {
        let found = self.find(operation, key, version).await?;
        Ok(found.map(|found| found.object()))
    }

    /// Content that was stored compressed is sent as it lies there, and not unpacked, to who takes it so ("Transcoding of
    /// gzip-compressed files", transcoding).
    async fn get(&self, operation: &'static str, get: &Get<'_>) -> Result<Opened> {
        let mut parameters = vec![("alt", "media".to_owned())];
        parameters.extend(get.version.map(|id| ("generation", id.to_owned())));
        let mut call = Call::new(operation, Method::GET, self.object(get.key)?)
            .with(&parameters)
            .header("accept-encoding", "gzip")?;
        if let Some((offset, length)) = get.range {
            let range = format!("bytes={offset}-{}", offset + length - 1);
            call = call.header("range", &range)?;
        }
        let answer = self.send(call).await?;
        let length = answer.header("content-length");
        let length = length.and_then(|length| length.parse().ok());
        let state = answer
            .header("x-goog-generation")
            .zip(answer.header("x-goog-metageneration"));
        let written = answer.header("last-modified").and_then(date);
        let total = answer.header("content-range").map_or(length, total_of);
        let (tag, body) = match state.map(|(one, two)| tag(one, two)) {
            Some(tag) => (tag, rest::body(operation, answer.response)),
            None => self.read_and_look(operation, get, answer).await?,
        };
        Ok(Opened {
            tag,
            written,
            length,
            total,
            body,
        })
    }

    async fn put(&self, operation: &'static str, put: &Put<'_>) -> Result<Stored> {
        let random = (self.environment.random(), self.environment.random());
        let described = described(put.metadata, put.headers);
        let (kind, before, after) = related(random, described, put.content);
        let mut parameters = vec![
            ("uploadType", "multipart".to_owned()),
            ("name", put.key.to_owned()),
        ];
        parameters.extend(of_target(put.guard));
        let call = Call::new(operation, Method::POST, self.upload()?)
            .with(&parameters)
            .header("content-type", &kind)?
            .carrying(Payload::Content {
                before,
                content: put.content,
                after,
                progress: put.progress.clone(),
            });
        let answer = self.send(call).await?;
        let sent = answer.sent;
        let made = resource(operation, self.read(operation, answer).await?)?;
        Ok(Stored {
            tag: made.tag(),
            version: Some(made.generation.clone()),
            hashes: made.hashes(),
            sent: sent.map(|(md5, _)| md5),
        })
    }

    async fn begin(
        &self,
        operation: &'static str,
        _: &str,
        (len, _): (u64, u64),
        metadata: &UserMetadata,
        headers: &Headers,
    ) -> Result<String> {
        self.begin_session(operation, len, metadata, headers).await
    }

    async fn send_part(
        &self,
        operation: &'static str,
        upload: &Upload,
        number: i32,
        content: &Prepared,
    ) -> Result<Stored> {
        self.send_to_session(operation, upload, number, content)
            .await
    }

    async fn parts(
        &self,
        operation: &'static str,
        upload: &Upload,
    ) -> Result<Option<Vec<ListedPart>>> {
        self.parts_in_session(operation, upload).await
    }

    async fn complete(
        &self,
        operation: &'static str,
        upload: &Upload,
        guard: &Guard,
    ) -> Result<Answered> {
        self.finish_session(operation, upload, guard).await
    }

    async fn abort(&self, operation: &'static str, upload: &Upload) -> Result<()> {
        self.end_session(operation, upload).await
    }

    async fn copy(&self, copy: &Copy<'_>, guard: &Guard) -> Result<Answered> {
        let (from, to) = (segment(copy.from), segment(copy.to));
        let bucket = segment(&self.settings.bucket);
        let url = self.bucket(&format!("/o/{from}/rewriteTo/b/{bucket}/o/{to}"))?;
        let mut parameters = [of_source(&copy.source.tag), of_target(guard)].concat();
        parameters.extend(copy.version.map(|id| ("sourceGeneration", id.to_owned())));
        let headers = &copy.source.headers;
        let described = match &copy.metadata {
            None if is_copied_unsaid(headers) => None,
            metadata => {
                let metadata = metadata.as_ref().unwrap_or(&copy.source.metadata);
                Some(described(metadata, headers))
            }
        };
        let made = self.rewrite(copy.operation, &url, &parameters, described);
        let made = made.await?;
        Ok(Answered {
            tag: Some(made.tag()),
            version: Some(made.generation),
        })
    }

    /// What is not named stays ("Objects: patch"), so what is to go is named: it takes a look, which the change is bound
    /// to.
    async fn set_metadata(
        &self,
        operation: &'static str,
        key: &str,
        metadata: &UserMetadata,
        guard: &Guard,
    ) -> Result<Answered> {
        let Some(found) = self.find(operation, key, None).await? else {
            return Err(StorageError::new(operation, Cause::NotFound, ""));
        };
        let object = found.object();
        if !guard.admits(Some(&object)) && !removed!("expectation") {
            return Err(guard.refused(operation, "something else is there"));
        }
        let gone = object
            .metadata
            .keys()
            .filter(|name| !metadata.contains_key(*name));
        let mut entries: Map<String, Value> =
            gone.map(|name| (name.clone(), Value::Null)).collect();
        entries.extend(metadata.iter().map(|(k, v)| (k.clone(), v.as_str().into())));
        let call = Call::new(operation, Method::PATCH, self.object(key)?)
            .with(&of_target(&Guard::Tag(object.tag)))
            .header("content-type", "application/json; charset=UTF-8")?
            .carrying(Payload::Json(json!({"metadata": entries})));
        let changed = resource(operation, self.ask(call).await?)?;
        Ok(Answered {
            tag: Some(changed.tag()),
            version: Some(changed.generation),
        })
    }

    async fn delete(
        &self,
        operation: &'static str,
        key: &str,
        version: Option<&str>,
        guard: &Guard,
    ) -> Result<Answered> {
        let mut parameters = of_target(guard);
        parameters.extend(version.map(|id| ("generation", id.to_owned())));
        let call = Call::new(operation, Method::DELETE, self.object(key)?).with(&parameters);
        self.send(call).await?;
        Ok(Answered::default())
    }

    /// "Object Versioning" (object-versioning). Who may not ask keeps copies instead.
    async fn keeps_versions(&self) -> Result<bool> {
        let fields = [("fields", "versioning".to_owned())];
        let call = Call::new("versions", Method::GET, self.bucket("")?).with(&fields);
        let found = self.ask(call).await?;
        let enabled = found.pointer("/versioning/enabled");
        Ok(enabled.and_then(Value::as_bool).unwrap_or_default())
    }

    async fn history(&self, prefix: &str, after: Option<&str>) -> Result<HistoryPage> {
        let (token, start) = match after.map(Next::read) {
            None => (None, None),
            Some(Next::Token(token)) => (Some(token.to_owned()), None),
            Some(Next::Key(key)) => (None, Some(key.to_owned())),
        };
        let asked = [
            (
                "prefix",
                Some(prefix.to_owned()).filter(|text| !text.is_empty()),
            ),
            ("versions", Some("true".to_owned())),
            ("pageToken", token),
            ("startOffset", start),
            ("fields", Some(format!("items({FIELDS}),nextPageToken"))),
        ];
        history("versions", self.list("versions", asked).await?)
    }

    fn for_new_content(&self, headers: &Headers) -> Headers {
        for_new_content(headers)
    }
}

impl GcsBucket {
    async fn list(
        &self,
        operation: &'static str,
        asked: [(&'static str, Option<String>); 5],
    ) -> Result<Value> {
        let asked = asked.into_iter();
        let asked: Vec<_> = asked
            .filter_map(|(name, value)| Some((name, value?)))
            .collect();
        let call = Call::new(operation, Method::GET, self.bucket("/o")?).with(&asked);
        self.ask(call).await
    }

    async fn find(
        &self,
        operation: &'static str,
        key: &str,
        version: Option<&str>,
    ) -> Result<Option<Resource>> {
        let mut parameters = vec![("fields", FIELDS.to_owned())];
        parameters.extend(version.map(|id| ("generation", id.to_owned())));
        let call = Call::new(operation, Method::GET, self.object(key)?).with(&parameters);
        match self.ask(call).await {
            Ok(found) => resource(operation, found).map(Some),
            Err(error) if error.cause == Cause::NotFound && !is_missing_bucket(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Content of a server that does not tell its generation, as emulators do: it is read, and then looked at what is
    /// there, which is no older.
    async fn read_and_look(
        &self,
        operation: &'static str,
        get: &Get<'_>,
        answer: Answer,
    ) -> Result<(String, ByteStream)> {
        let content = rest::read(operation, answer.response, MOST_UNNAMED).await?;
        let Some(found) = self.find(operation, get.key, get.version).await? else {
            return Err(StorageError::new(operation, Cause::NotFound, ""));
        };
        let content = stream::once(std::future::ready(Ok(Bytes::from(content))));
        Ok((found.tag(), content.boxed()))
    }

    /// Copies on the service, in as many requests as it takes ("Objects: rewrite").
    pub(super) async fn rewrite(
        &self,
        operation: &'static str,
        url: &Url,
        parameters: &[(&'static str, String)],
        described: Option<Map<String, Value>>,
    ) -> Result<Resource> {
        let mut done = 0;
        let mut token: Option<String> = None;
        loop {
            let more = token.map(|token| ("rewriteToken", token));
            let mut call = Call::new(operation, Method::POST, url.clone())
                .with(parameters)
                .with(more.as_slice());
            if let Some(described) = &described {
                let resource = Value::Object(described.clone());
                call = call
                    .header("content-type", "application/json; charset=UTF-8")?
                    .carrying(Payload::Json(resource));
            }
            let mut answer = self.ask(call).await?;
            if answer["done"] == Value::Bool(true) {
                return resource(operation, answer["resource"].take());
            }
            let text = |name: &str| answer[name].as_str().map(str::to_owned);
            let reached: u64 = text("totalBytesRewritten")
                .and_then(|bytes| bytes.parse().ok())
                .unwrap_or_default();
            token = text("rewriteToken").filter(|_| reached > done);
            if token.is_none() {
                let why = "a copy that does not go on";
                return Err(StorageError::new(operation, Cause::BadResponse, why));
            }
            done = reached;
        }
    }
}

/// The total in `bytes 0-9/100`.
fn total_of(range: &str) -> Option<u64> {
    range.rsplit('/').next()?.trim().parse().ok()
}
